"""Towers for sentences: a recurrent network over words, and a bag of hashed character n-grams."""

import keras
import numpy as np
from keras import layers, ops

from siamkeras import tokenizers
from siamkeras._validation import check_choice, check_embeddings, check_integer, check_number, check_text
from siamkeras.towers._blocks import finish
from siamkeras.towers._text_layers import (
    LOG_WEIGHT_SCALE,
    HashedNGrams,
    MaskedMean,
    NGramWeights,
    ReplaceOutOfVocabulary,
)


def recurrent(
    tokenizer,
    embedding_dim=64,
    word_vectors=64,
    units=64,
    pooling="last",
    bidirectional=True,
    dropout=0.0,
    normalize=True,
    word_weights=None,
    skip=False,
):
    """Recurrent tower: learned word vectors, and an LSTM over the words of a sentence.

    Padding is masked. With `embedding_dim=None`, a sentence without words has the embedding 0.

    The tower of the Manhattan LSTM (Mueller and Thyagarajan, 2016) is
    `recurrent(tokenizer, None, units=50, bidirectional=False, normalize=False)` with pretrained word vectors; compare
    its embeddings by `distance="exponential_manhattan"`. The paper trains the similarity, one minus this distance, with
    the mean squared error: use `losses.ContrastiveLoss(margin=1.0)`, which has half its gradient, also for degrees of
    similarity; or `loss="mse"` with the labels `1 - same`.

    Args:
        tokenizer: An adapted tokenizer such as `tokenizers.words(sentences)`; the tower then takes strings, on the
            TensorFlow backend. Or the vocabulary size; the tower then takes token ids `(length,)`, 0 for padding and 1
            for out-of-vocabulary words, on any backend. Ids outside the vocabulary count as 1.
        embedding_dim: Dimension of the embedding; None returns the pooled features.
        word_vectors: Dimension of the word vectors, or an array `(vocabulary, dim)` of their initial values.
        units: Units of the LSTM, in each direction.
        pooling: "last" for the state after the last word, "mean" for the mean of the outputs over the words.
        bidirectional: Whether a second LSTM reads the sentence backwards.
        dropout: Dropout rate of the word vectors, in [0, 1).
        normalize: Whether embeddings are scaled to unit length; see `dense`.
        word_weights: Initial weights of the words in the mean, `(vocabulary,)`, above 0, such as the inverse document
            frequency or those of Arora et al. (2017); they are trained too. Needs `pooling="mean"`.
        skip: Whether the mean is over the word vectors beside the outputs of the LSTM. Needs `pooling="mean"`.

    Returns:
        A `keras.Model` named "tower": `(batch,)` strings or `(batch, length)` ids -> `(batch, embedding_dim)`, float32.
        The tower behind the tokenizer, for a program without TensorFlow, is
        `keras.Model(tower.get_layer("word_vectors").input, tower.output)`. LiteRT needs a fixed batch and length:
        `export(path, input_signature=[keras.InputSpec(shape=(1, length), dtype="int64")])`.

    References: https://doi.org/10.1609/aaai.v30i1.10350 (the Manhattan LSTM), https://openreview.net/forum?id=SyK00v5xx
    (the weights of Arora et al.)
    """
    check_choice("pooling", pooling, ("last", "mean"))
    if pooling == "last" and (skip or word_weights is not None):
        raise ValueError('`skip` and `word_weights` need `pooling="mean"`. Received: pooling="last".')
    dropout = check_number("dropout", dropout, minimum=0, below=1)
    weighted = word_weights is not None
    if isinstance(tokenizer, layers.TextVectorization):
        inputs, x = _tokenize(tokenizer)
        vocabulary = tokenizer.vocabulary_size()
    else:
        vocabulary = check_integer("tokenizer", tokenizer, 1, hint="Pass a tokenizer or the vocabulary size.")
        inputs = keras.Input((None,), dtype="int32", name="inputs")
        x = ReplaceOutOfVocabulary(vocabulary, name="known")(inputs)
    ids, x = x, _word_vectors(vocabulary, word_vectors)(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    lstm = layers.LSTM(check_integer("units", units, 1), return_sequences=pooling == "mean", name="lstm")
    read = layers.Bidirectional(lstm, name="bidirectional")(x) if bidirectional else lstm(x)
    x = layers.Concatenate(name="skip")([read, x]) if skip else read
    if pooling == "mean":
        x = MaskedMean(name="mean")([x, _word_weights(vocabulary, word_weights)(ids)] if weighted else x)
    return finish(inputs, x, embedding_dim, normalize)


def bag_of_ngrams(
    tokenizer=None,
    embedding_dim=512,
    sizes=(3, 4, 5),
    buckets=2**14,
    sentences=None,
    dropout=0.0,
    normalize=True,
):
    """Bag of hashed character n-grams and words: the embedding is the weighted sum of one vector per n-gram.

    The vectors are initialised at random and the weights with the inverse document frequency (IDF), so the cosine
    similarities of the untrained tower approximate those of TF-IDF vectors. Training changes the weights and the
    vectors. There is no vocabulary: every n-gram has a hash value. A sentence without letters, digits or emoji has the
    embedding 0.

    Args:
        tokenizer: A tokenizer of characters, `tokenizers.characters()` by default; the tower then takes strings, on the
            TensorFlow backend. Or the length of a sentence; the tower then takes character ids `(length,)`, on any
            backend.
        embedding_dim: Dimension of the embedding; the larger, the better it approximates TF-IDF. None for the TF-IDF
            vectors themselves, `(buckets,)`.
        sizes: The values of n; (1, 2, 3) suits Chinese and Japanese. Each word of up to 15 characters counts as one
            more n-gram.
        buckets: Number of hash values, at most 46,340. Distinct n-grams can share one.
        sentences: Training sentences to compute the IDF from, strings `(n,)` or ids `(n, length)` as the tower takes
            them. None for equal weights.
        dropout: Dropout rate of the n-grams, in [0, 1).
        normalize: Whether embeddings are scaled to unit length; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch,)` strings or `(batch, length)` ids -> `(batch, embedding_dim)`, float32.
        The tower behind the tokenizer, for a program without TensorFlow, is
        `keras.Model(tower.get_layer("n_grams").input, tower.output)`.
    """
    dropout = check_number("dropout", dropout, minimum=0, below=1)
    tokenizer = tokenizers.characters() if tokenizer is None else tokenizer
    if isinstance(tokenizer, layers.TextVectorization):
        inputs, x = _tokenize(tokenizer)
    else:
        length = check_integer("tokenizer", tokenizer, 1, hint="Pass a tokenizer or the length of a sentence.")
        inputs = x = keras.Input((length,), dtype="int32", name="inputs")
    x = counts = HashedNGrams(sizes, buckets, name="n_grams")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    weights = NGramWeights(name="weights")
    x = weights(x)
    if embedding_dim is not None:
        units = check_integer("embedding_dim", embedding_dim, 1)
        start = keras.initializers.RandomNormal(stddev=units**-0.5)
        x = layers.Dense(units, use_bias=False, kernel_initializer=start, dtype="float32", name="embedding")(x)
    if sentences is not None:
        idf = _inverse_document_frequencies(keras.Model(inputs, counts), sentences)
        weights.log_weights.assign(np.log(idf) / LOG_WEIGHT_SCALE)
    return finish(inputs, x, None, normalize)


def _tokenize(tokenizer):
    """String Input of a tower, and its token ids."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "A tower that takes strings needs the TensorFlow backend. "
            f"Received: a tokenizer on the backend {keras.backend.backend()!r}. Apply the tokenizer outside the tower."
        )
    if tokenizer.vocabulary_size() < 3:
        raise ValueError("`tokenizer` has no vocabulary. Call `adapt` with the training sentences first.")
    inputs = keras.Input((), dtype="string", name="inputs")
    return inputs, tokenizer(inputs)


def _word_vectors(vocabulary, word_vectors):
    """The embedding layer of a dimension, or of initial values `(vocabulary, dim)`."""
    if np.ndim(word_vectors) == 0:
        dim = check_integer("word_vectors", word_vectors, 1)
        return layers.Embedding(vocabulary, dim, mask_zero=True, name="word_vectors")
    initial = check_embeddings(word_vectors, "word_vectors")
    if len(initial) != vocabulary:
        raise ValueError(f"`word_vectors` needs one row for each of {vocabulary} tokens. Received: {len(initial)}.")
    return layers.Embedding(vocabulary, initial.shape[1], mask_zero=True, weights=[initial], name="word_vectors")


def _word_weights(vocabulary, word_weights):
    """The layer of the logarithm of the weight of each word, divided by `LOG_WEIGHT_SCALE`."""
    initial = np.asarray(word_weights, "float32")
    if initial.shape != (vocabulary,) or not (np.isfinite(initial) & (initial > 0)).all():
        raise ValueError(
            f"`word_weights` must be {vocabulary} numbers above 0, one for each token. "
            f"Received: shape {initial.shape}, smallest {np.min(initial, initial=np.inf)}."
        )
    logarithms = np.log(initial)[:, None] / LOG_WEIGHT_SCALE
    return layers.Embedding(vocabulary, 1, weights=[logarithms], name="word_weights")


def _inverse_document_frequencies(counting, sentences):
    """`log((1 + n) / (1 + number of sentences with the n-gram)) + 1` of each bucket, over n sentences."""
    sentences = check_text(sentences)
    frequencies = 0
    for start in range(0, len(sentences), 256):
        counts = counting(ops.convert_to_tensor(sentences[start : start + 256]))
        frequencies += ops.convert_to_numpy(ops.sum(ops.cast(counts > 0, "float32"), axis=0))
    return np.log((1 + len(sentences)) / (1 + frequencies)) + 1
