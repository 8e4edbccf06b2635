"""Layers of the text towers: out-of-vocabulary ids, masked mean pooling, hashed character n-grams and their weights."""

import keras
from keras import layers, ops

from siamkeras._validation import check_integer, check_sizes
from siamkeras.towers._blocks import count_in_rows

# Token ids of `tokenizers`: padding, and out-of-vocabulary words or characters.
PAD, UNKNOWN = 0, 1
# `hash * _MULTIPLIER + id` does not overflow int32 for a hash below _MAX_BUCKETS.
_MULTIPLIER, _MAX_BUCKETS = 40487, 46340
_LONGEST_WORD = 15
# The logarithm of a weight is stored divided by this. One Adam step that rotates an n-gram vector by about 2 % then
# changes the weight by about 1 %, so one learning rate suits both.
LOG_WEIGHT_SCALE = 10.0


@keras.saving.register_keras_serializable("siamkeras")
class ReplaceOutOfVocabulary(layers.Layer):
    """Replaces token ids outside [0, vocabulary) by the id of the out-of-vocabulary token.

    `keras.layers.Embedding` would return NaN, another token's vector or an unclear error, depending on the backend.
    """

    def __init__(self, vocabulary, **kwargs):
        super().__init__(**{"dtype": "int32", **kwargs})
        self.vocabulary = check_integer("vocabulary", vocabulary, 1)

    def call(self, inputs):
        is_known = ops.logical_and(inputs >= 0, inputs < self.vocabulary)
        return ops.where(is_known, inputs, min(UNKNOWN, self.vocabulary - 1))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary}


@keras.saving.register_keras_serializable("siamkeras")
class MaskedMean(layers.Layer):
    """Mean over the unmasked time steps: `(batch, length, dim)` -> `(batch, dim)`; 0 if all are masked.

    With a second input `(batch, length, 1)`, the logarithms of weights divided by `LOG_WEIGHT_SCALE`, the weighted sum
    divided by the number of time steps. `keras.layers.GlobalAveragePooling1D` gives NaN if all time steps are masked.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if isinstance(inputs, (list, tuple)):
            inputs, log_weights = inputs
            inputs = inputs * ops.exp(LOG_WEIGHT_SCALE * log_weights)
            mask = None if mask is None else mask[0]
        if mask is None:
            return ops.mean(inputs, axis=1)
        weights = ops.cast(mask, inputs.dtype)[:, :, None]
        return ops.sum(inputs * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        shape = input_shape[0] if isinstance(input_shape[0], (list, tuple)) else input_shape
        return (shape[0], shape[2])


@keras.saving.register_keras_serializable("siamkeras")
class HashedNGrams(layers.Layer):
    """Counts of hashed character n-grams and words: character ids `(batch, length)` -> `(batch, buckets)`, float32.

    An n-gram is a substring of n characters of a word with one separator before and after it: the 3-grams of "a cat"
    are `_a_`, `_ca`, `cat`, `at_`. Each word of up to 15 characters counts as one more n-gram. The hash is the same on
    every machine and backend. Distinct n-grams can share a bucket.

    Args:
        sizes: The values of n.
        buckets: Number of hash values, at most 46,340.
    """

    def __init__(self, sizes=(3, 4, 5), buckets=2**14, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.sizes = check_sizes("sizes", sizes)
        self.buckets = check_integer("buckets", buckets, 1, _MAX_BUCKETS)
        self.input_spec = keras.InputSpec(ndim=2)

    def call(self, inputs):
        ids = ops.cast(inputs, "int32")
        ids = ops.pad(ops.where(ids == PAD, UNKNOWN, ids), [[0, 0], [1, 1]], constant_values=UNKNOWN)
        length = ids.shape[1]
        hashes = [self._hash(ids, size, _is_n_gram) for size in self.sizes if size <= length]
        for size in range(3, min(_LONGEST_WORD + 2, length) + 1):
            hashes.append(self._hash(ids, size, _is_word, seed=97))
        # Bucket number `buckets` collects the windows that are not n-grams.
        return count_in_rows(ops.concatenate(hashes, axis=1), self.buckets + 1)[:, :-1]

    def _hash(self, ids, size, is_valid, seed=0):
        """Hash of each window of `size` characters, `(batch, windows)`; `buckets` if the window is not valid."""
        starts = range(ids.shape[1] - size + 1)
        windows = [ids[:, offset : offset + len(starts)] for offset in range(size)]
        value = ops.full_like(windows[0], (size + seed) % self.buckets)
        for characters in windows:
            value = (value * _MULTIPLIER + characters) % self.buckets
        return ops.where(is_valid(ops.stack(windows) > UNKNOWN), value, self.buckets)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.buckets)

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes, "buckets": self.buckets}


def _is_n_gram(is_letter):
    """Windows `(size, ...)` with at least one letter, and with separators at most at both ends."""
    has_letter = ops.any(is_letter, axis=0)
    return ops.logical_and(has_letter, ops.all(is_letter[1:-1], axis=0)) if is_letter.shape[0] > 2 else has_letter


def _is_word(is_letter):
    """Windows `(size, ...)` that are one word between two separators."""
    is_bounded = ops.logical_not(ops.logical_or(is_letter[0], is_letter[-1]))
    return ops.logical_and(is_bounded, ops.all(is_letter[1:-1], axis=0))


@keras.saving.register_keras_serializable("siamkeras")
class NGramWeights(layers.Layer):
    """`log(1 + count)` times a learned positive weight of each n-gram: `(batch, buckets)`, float32."""

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, input_shape):
        self.log_weights = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="log_weights")

    def call(self, inputs):
        return ops.log(1.0 + inputs) * ops.exp(LOG_WEIGHT_SCALE * self.log_weights)

    def compute_output_shape(self, input_shape):
        return input_shape
