"""From sentences to numbers: words by a vocabulary, characters by an alphabet, n-grams of characters by neither.

The first two are layers of Keras, adapted and ready: first in a tower, they take strings, and are saved with it.
Strings in a model need the TensorFlow backend; on others a tower takes the numbers, which the same layers give outside
of it.
"""

import math

import keras
from keras import layers, ops

from siamkeras._validation import check_integer, check_sentences

ENGLISH = "abcdefghijklmnopqrstuvwxyz0123456789"
PAD, UNKNOWN = 0, 1
# What `str.splitlines` takes for the end of a line, and blanks that are none to TensorFlow.
SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2028\u2029\ufeff"
# With (a number below buckets) * MULTIPLIER + a character, int32 does not overflow.
MULTIPLIER, MOST_BUCKETS = 40487, 46340
LONGEST_WORD = 15


def words(sentences, most=5000, length=32):
    """A tokeniser of words: each of the most frequent has a number, and a sentence is the numbers of its words.

    Words are what stands between blanks, in small letters and without punctuation. 0 is no word, behind the end of a
    sentence; 1 is every word that is not in the vocabulary: to the tower all of these are one and the same.

    Args:
        sentences: `(n,)` strings, from the training set: their words make the vocabulary, by frequency.
        most: Size of the vocabulary at most, 0 and 1 included; at least 3.
        length: How many words of a sentence are taken; the rest is cut off.

    Returns:
        An adapted `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` integers. Its vocabulary is
        saved with the model that it is part of.

    Raises:
        ValueError: no sentences, or empty ones; sizes that are not positive whole numbers.
    """
    most, length = check_integer("most", most, 3), check_integer("length", length, 1)
    tokeniser = layers.TextVectorization(max_tokens=most, output_sequence_length=length, name="words")
    # Keras keeps a vocabulary in lines: a word with a separator of lines in it would be two when it is loaded.
    blank = str.maketrans(dict.fromkeys(SEPARATORS, " "))
    tokeniser.adapt([sentence.translate(blank) for sentence in check_sentences(sentences).tolist()])
    return tokeniser


def characters(length=128, alphabet=ENGLISH):
    """A tokeniser of characters: a sentence is the numbers of its letters, in small letters; nothing is learned.

    0 is behind the end of a sentence, 1 whatever is not in the alphabet (blanks and punctuation: what separates words),
    then the alphabet from 2 on.

    Args:
        length: How many characters of a sentence are taken; the rest is cut off.
        alphabet: The characters that make words; small letters, where there are small and large ones. Of the large
            letters of a sentence only A to Z are made small: others are not in the alphabet, and separate words.

    Returns:
        A `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` integers.

    Raises:
        ValueError: length not a positive whole number; an alphabet that is no string, empty, or has a character twice.
    """
    length = check_integer("length", length, 1)
    if not isinstance(alphabet, str) or not alphabet or len(set(alphabet)) < len(alphabet):
        raise ValueError(f"`alphabet` is a string of different characters. Received: {alphabet!r}.")
    if alphabet != alphabet.lower():
        raise ValueError(f"Sentences are made small, so `alphabet` is of small letters. Received: {alphabet!r}.")
    return layers.TextVectorization(
        standardize="lower",
        split="character",
        output_sequence_length=length,
        vocabulary=list(alphabet),
        name="characters",
    )


@keras.saving.register_keras_serializable("siamkeras")
class HashedNGrams(layers.Layer):
    """How often each n-gram of characters occurs: numbers `(batch, length)` -> counts `(batch, buckets)`, float32.

    n characters in a row within a word are an n-gram, where each word has a separator before and behind it: the
    3-grams of "a cat" are `_a_`, `_ca`, `cat`, `at_`. Words that share a stem share n-grams, and so does a misspelt
    word with the one that was meant. There is no vocabulary: the number of an n-gram comes from a hash of its
    characters, the same on every machine, so that those never seen in training have one too. Several n-grams share a
    number where there are more of them than buckets.

    Args:
        sizes: The n.
        words: Whether each whole word, of up to 15 letters, counts besides, as one more n-gram.
        buckets: How many numbers there are, at most 46,340.

    Raises:
        ValueError: sizes that are not positive whole numbers, or none; too many buckets; inputs that are not
            `(batch, length)`, with a fixed length.

    >>> from siamkeras import tokens
    >>> import numpy as np
    >>> ones = tokenizers.HashedNGrams(sizes=[3], buckets=1000)(np.array([[2, 1, 4, 2, 21, 0]]))  # "a cat"
    >>> int(np.sum(ones))
    4
    """

    def __init__(self, sizes=(3, 4, 5), words=False, buckets=2**14, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        sizes = list(sizes) if hasattr(sizes, "__len__") and not isinstance(sizes, str) else [sizes]
        if not sizes:
            raise ValueError("`sizes` must hold at least one number. Received: none.")
        self.sizes = [check_integer("sizes", size, 1) for size in sizes]
        if not isinstance(words, bool):
            raise ValueError(f"`words` must be True or False. Received: words={words!r}.")
        self.words, self.buckets = words, check_integer("buckets", buckets, 1)
        if self.buckets > MOST_BUCKETS:
            raise ValueError(f"There can be at most {MOST_BUCKETS:,} buckets. Received: buckets={buckets}.")

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ValueError(
                "`HashedNGrams` takes numbers of characters, (batch, length), of fixed length. "
                f"Received: {input_shape}."
            )
        if min(self.sizes) > input_shape[1] + 2 and not self.words:
            raise ValueError(
                f"No n-gram of {min(self.sizes)} characters fits into {input_shape[1]}, with a separator at each end. "
                f"Received: sizes={self.sizes}, input_shape={tuple(input_shape)}."
            )

    def call(self, inputs):
        codes = ops.cast(inputs, "int32")
        codes = ops.pad(ops.where(codes == PAD, UNKNOWN, codes), [[0, 0], [1, 1]], constant_values=UNKNOWN)
        is_letter = codes > UNKNOWN
        width = codes.shape[1]
        found = [self._of_size(size, codes, is_letter, n_gram) for size in self.sizes if size <= width]
        if self.words:
            found += [
                self._of_size(letters + 2, codes, is_letter, whole_word)
                for letters in range(1, LONGEST_WORD + 1)
                if letters + 2 <= width
            ]
        rows = ops.shape(codes)[0]
        # The last bucket is for what is no n-gram.
        place = ops.concatenate(found, axis=1) + ops.arange(rows, dtype="int32")[:, None] * (self.buckets + 1)
        place = ops.reshape(place, (-1,))
        counts = ops.segment_sum(ops.ones_like(place, dtype="float32"), place, rows * (self.buckets + 1))
        return ops.reshape(counts, (-1, self.buckets + 1))[:, :-1]

    def _of_size(self, size, codes, is_letter, is_wanted):
        """The number of what begins at each place and is wanted; `buckets` where that is nothing."""
        windows = codes.shape[1] - size + 1
        # Whole words are others than n-grams of the same characters.
        number = ops.full_like(codes[:, :windows], (size + 97 * (is_wanted is whole_word)) % self.buckets)
        for offset in range(size):
            number = (number * MULTIPLIER + codes[:, offset : offset + windows]) % self.buckets
        letters = ops.stack([is_letter[:, offset : offset + windows] for offset in range(size)])
        return ops.where(is_wanted(letters), number, self.buckets)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.buckets)

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes, "words": self.words, "buckets": self.buckets}


def n_gram(letters):
    """Which windows are n-grams: one letter at least, and separators at their ends alone; `(size, ...)` -> `(...)`."""
    found = ops.any(letters, axis=0)
    return ops.logical_and(found, ops.all(letters[1:-1], axis=0)) if letters.shape[0] > 2 else found


def whole_word(letters):
    """Which windows are a word between two separators; `(size, ...)` -> `(...)`."""
    bounded = ops.logical_not(ops.logical_or(letters[0], letters[-1]))
    return ops.logical_and(bounded, ops.all(letters[1:-1], axis=0))


def inverse_document_frequencies(counts):
    """`log((1 + n) / (1 + in how many of n sentences)) + 1` of each n-gram: what is everywhere says little.

    Args:
        counts: Batches of counts `(batch, buckets)`, such as those of `HashedNGrams`.

    Returns:
        A list of `buckets` numbers, from 1 on.
    """
    sentences, seen = 0, None
    for batch in counts:
        found = ops.convert_to_numpy(ops.sum(ops.cast(batch > 0, "float32"), axis=0))
        sentences, seen = sentences + len(batch), found if seen is None else seen + found
    return [math.log((1 + sentences) / (1 + each)) + 1 for each in seen]
