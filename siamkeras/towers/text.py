"""Towers for sentences: a recurrent one that reads word after word, and one that counts n-grams of characters."""

import keras
import numpy as np
from keras import layers, ops

from siamkeras import tokenizers as tokenising
from siamkeras._validation import check_text
from siamkeras.towers._blocks import checked_sizes, finished

CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}
POOLINGS = ("last", "mean")
# Logarithms of weights are kept divided by this: so a step of Adam that turns a vector by 2 % changes a weight by 1 %.
PACE = 10.0


def recurrent(
    tokens,
    embedding_dim=64,
    vectors=64,
    units=64,
    cell="lstm",
    pooling="last",
    bidirectional=True,
    dropout=0.0,
    normalize=True,
):
    """Recurrent tower: a vector for each word, and a network that reads them in order, forwards and backwards.

    What stands behind the end of a sentence is masked: a short sentence has the same embedding whatever it is padded
    to. A sentence without a word has an embedding like any other; with `embedding_dim=None` it is 0.

    The tower of the Manhattan LSTM (Mueller and Thyagarajan, 2016) is
    `recurrent(tokens, None, units=50, bidirectional=False, normalize=False)`, with word vectors that were learned
    elsewhere, and its siblings are compared by `distance="exponential_manhattan"`.

    Args:
        tokens: A tokeniser, as `tokenizers.words` gives it: strings come in, on the TensorFlow backend. Or the size of a
            vocabulary: numbers of words come in, `(length,)`, 0 behind the end, on any backend. A number that is not
            in the vocabulary is read as 1, the unknown word.
        embedding_dim: Length of the embedding; None for the features as they are.
        vectors: Length of the word vectors, which are learned. Or vectors to begin with, an array
            `(vocabulary, length)`, row i for word i.
        units: Of the recurrent layer, in each direction.
        cell: "lstm" or "gru".
        pooling: "last": what the layer holds after the last word. "mean": the mean of its outputs over the words.
        bidirectional: Whether a second layer reads backwards.
        dropout: Share of the numbers of the word vectors that are left out in training, from 0 to below 1.
        normalize: Whether embeddings are scaled to length 1; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch,)` strings or `(batch, length)` integers -> `(batch, embedding_dim)`.

    Raises:
        ValueError: sizes that are not positive whole numbers; an unknown cell or pooling; a tokeniser without a
            vocabulary; strings on another backend than TensorFlow; vectors of another vocabulary.

    Reference: https://doi.org/10.1609/aaai.v30i1.10350
    """
    if cell not in CELLS:
        raise ValueError(f"`cell` must be one of {', '.join(map(repr, CELLS))}. Received: cell={cell!r}.")
    if pooling not in POOLINGS:
        raise ValueError(f"`pooling` must be one of {', '.join(map(repr, POOLINGS))}. Received: pooling={pooling!r}.")
    (units,), dropout = checked_sizes("units", [units]), _checked_share("dropout", dropout)
    if isinstance(tokens, layers.TextVectorization):
        inputs, x = _tokenised(tokens)
        vocabulary = tokens.vocabulary_size()
    else:
        (vocabulary,) = checked_sizes("tokens", [tokens])
        inputs = keras.Input((None,), dtype="int32", name="inputs")
        x = KnownWords(vocabulary, name="known")(inputs)
    x = _word_vectors(vocabulary, vectors)(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    reader = CELLS[cell](units, return_sequences=pooling == "mean", name=cell)
    x = layers.Bidirectional(reader, name="both_ways")(x) if bidirectional else reader(x)
    if pooling == "mean":
        x = MaskedMean(name="mean")(x)
    return finished(inputs, x, embedding_dim, normalize)


def bag_of_ngrams(
    tokens=None,
    embedding_dim=512,
    sizes=(3, 4, 5),
    words=True,
    buckets=2**14,
    sentences=None,
    dropout=0.0,
    normalize=True,
):
    """Tower of hashed n-grams: how often each occurs, and a vector for each; the embedding is their sum.

    The vectors begin as random ones, times the inverse document frequency of their n-gram: so distances are, from the
    start and but for chance, those of TF-IDF vectors, a simple comparison of texts and a strong one. Training changes
    how much each n-gram weighs, and moves vectors of different n-grams towards each other or apart; the
    usual rate of Adam, 0.001, suits both. Order counts only within words; a sentence without a
    letter of the alphabet has the embedding 0, and the cosine distance 1 to all others.

    Args:
        tokens: A tokeniser, as `tokenizers.characters` gives it: strings come in, on the TensorFlow backend. Or the length
            of sentences: numbers of their characters come in, `(length,)`, on any backend. None for
            `tokenizers.characters()`.
        embedding_dim: Length of the embedding. The more, the nearer are the distances to those of TF-IDF at the
            start; None for no vectors, but TF-IDF itself: an embedding as long as there are buckets.
        sizes, words, buckets: Of the n-grams; see `tokenizers.HashedNGrams`.
        sentences: Sentences to count document frequencies in, from the training set: `(n,)` strings, or numbers
            `(n, length)` as they come in. None weighs all n-grams alike.
        dropout: Share of the n-grams that are left out in training, from 0 to below 1: what is left of a sentence has
            to do.
        normalize: Whether embeddings are scaled to length 1; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch,)` strings or `(batch, length)` integers -> `(batch, embedding_dim)`.

    Raises:
        ValueError: sizes that are not positive whole numbers; too many buckets; strings on another backend than
            TensorFlow; no sentences, or empty ones.
    """
    dropout = _checked_share("dropout", dropout)
    tokens = tokenising.characters() if tokens is None else tokens
    if isinstance(tokens, layers.TextVectorization):
        inputs, x = _tokenised(tokens)
    else:
        inputs = x = keras.Input(tuple(checked_sizes("tokens", [tokens])), dtype="int32", name="inputs")
    x = counts = tokenising.HashedNGrams(sizes, words, buckets, name="n_grams")(x)
    weights = np.ones(buckets, "float32")
    if sentences is not None:
        weights = _document_weights(keras.Model(inputs, counts), sentences)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = NGramWeights(name="weights")(x)
    if embedding_dim is not None:
        (embedding_dim,) = checked_sizes("embedding_dim", [embedding_dim])
        start = keras.initializers.RandomNormal(stddev=embedding_dim**-0.5)
        x = layers.Dense(embedding_dim, use_bias=False, kernel_initializer=start, dtype="float32", name="embedding")(x)
    tower = finished(inputs, x, None, normalize)
    tower.get_layer("weights").logarithms.assign(np.log(weights) / PACE)
    return tower


@keras.saving.register_keras_serializable("siamkeras")
class KnownWords(layers.Layer):
    """Numbers of words, where 1, the unknown word, stands for each that is not in the vocabulary; shapes stay.

    Without it, what has no row among the word vectors is NaN on one backend, an error deep inside on the next, and the
    vector of another word on the third.
    """

    def __init__(self, vocabulary, **kwargs):
        super().__init__(**{"dtype": "int32", **kwargs})
        (self.vocabulary,) = checked_sizes("vocabulary", [vocabulary])

    def call(self, inputs):
        known = ops.logical_and(inputs >= 0, inputs < self.vocabulary)
        return ops.where(known, inputs, min(tokenising.UNKNOWN, self.vocabulary - 1))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary}


@keras.saving.register_keras_serializable("siamkeras")
class MaskedMean(layers.Layer):
    """Mean over the words of a sentence: `(batch, length, dim)` and a mask -> `(batch, dim)`; 0 where there is none.

    `keras.layers.GlobalAveragePooling1D` divides by the number of words, which may be 0, and gives NaN.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return ops.mean(inputs, axis=1)
        counts = ops.cast(mask, inputs.dtype)[:, :, None]
        return ops.sum(inputs * counts, axis=1) / ops.maximum(ops.sum(counts, axis=1), 1.0)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable("siamkeras")
class NGramWeights(layers.Layer):
    """`log(1 + count)` times a weight, for each n-gram: `(batch, buckets)` -> `(batch, buckets)`, float32.

    That something occurs twice says more than once, and not twice as much. What is learned is the logarithm of a
    weight, 0 at the start: a weight stays above 0, and a step of training changes it by a share of itself.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, input_shape):
        self.logarithms = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="logarithms")

    def call(self, inputs):
        return ops.log1p(inputs) * ops.exp(PACE * self.logarithms)

    def compute_output_shape(self, input_shape):
        return input_shape


def _tokenised(tokens):
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Strings in a model need the TensorFlow backend. Received: a tokeniser, on "
            f"{keras.backend.backend()}. Tokenise outside of the tower, and give it numbers: see `tokens`."
        )
    mode = tokens.get_config()["output_mode"]
    if mode != "int":
        raise ValueError(f'The tokeniser must give numbers of words, output_mode="int". Received: {mode!r}.')
    if tokens.vocabulary_size() < 3:
        raise ValueError("The tokeniser has no vocabulary: `adapt` it to the training sentences first.")
    inputs = keras.Input((), dtype="string", name="inputs")
    return inputs, tokens(inputs)


def _word_vectors(vocabulary, vectors):
    if isinstance(vectors, int):
        (vectors,) = checked_sizes("vectors", [vectors])
        return layers.Embedding(vocabulary, vectors, mask_zero=True, name="vectors")
    start = np.asarray(vectors, "float32")
    if start.ndim != 2 or len(start) != vocabulary or not np.isfinite(start).all():
        raise ValueError(
            f"`vectors` is a length, or finite numbers ({vocabulary}, length), a row for each word. "
            f"Received: shape {start.shape}."
        )
    return layers.Embedding(vocabulary, start.shape[1], mask_zero=True, weights=[start], name="vectors")


def _document_weights(counting, sentences):
    sentences, shape = check_text(sentences), counting.input_shape[1:]
    if sentences.shape[1:] != shape:
        wanted = "strings" if not shape else f"numbers (n, {shape[0]})"
        came = "strings" if sentences.ndim == 1 else f"numbers {sentences.shape}"
        raise ValueError(f"`sentences` are what the tower takes, {wanted}. Received: {came}.")
    starts = range(0, len(sentences), 256)
    batches = (counting(ops.convert_to_tensor(sentences[at : at + 256])) for at in starts)
    return np.array(tokenising.inverse_document_frequencies(batches), "float32")


def _checked_share(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"`{name}` is a share, from 0 to below 1. Received: {name}={value!r}.")
    return float(value)
