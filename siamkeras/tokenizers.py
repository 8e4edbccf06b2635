"""Tokenizers for sentences: words of a vocabulary, and characters.

Both are adapted `keras.layers.TextVectorization` layers. As the first layer of a tower they accept strings and are
saved with the tower, on the TensorFlow backend. On other backends apply them outside the tower.
"""

from keras import layers

from siamkeras._validation import check_integer, check_sentences

__all__ = ["characters", "words"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
# Line separators of `str.splitlines`, and spaces that TensorFlow does not split at.
_SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2028\u2029\ufeff"


def words(sentences, max_tokens=5000, length=32):
    """A tokenizer of words, whose vocabulary consists of the most frequent words of `sentences`.

    Words are separated by spaces, converted to lower case and stripped of punctuation. Token 0 is padding, token 1 the
    out-of-vocabulary token.

    Args:
        sentences: Training sentences, `(n,)` strings.
        max_tokens: Maximum size of the vocabulary, tokens 0 and 1 included; at least 3.
        length: Number of words per sentence; the rest is cut off.

    Returns:
        An adapted `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` token ids.
    """
    max_tokens, length = check_integer("max_tokens", max_tokens, 3), check_integer("length", length, 1)
    tokenizer = layers.TextVectorization(max_tokens=max_tokens, output_sequence_length=length, name="words")
    # Keras saves the vocabulary as lines of text: a word that contains a line separator would be loaded as two.
    spaces = str.maketrans(dict.fromkeys(_SEPARATORS, " "))
    tokenizer.adapt([sentence.translate(spaces) for sentence in check_sentences(sentences).tolist()])
    return tokenizer


def characters(length=128):
    """A tokenizer of characters: a to z (A to Z become lower case) and the digits are tokens 2 to 37.

    Token 0 is padding, token 1 any other character, such as spaces and punctuation, which separate words.

    Args:
        length: Number of characters per sentence; the rest is cut off.

    Returns:
        A `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` token ids.
    """
    return layers.TextVectorization(
        standardize="lower",
        split="character",
        output_sequence_length=check_integer("length", length, 1),
        vocabulary=list(_ALPHABET),
        name="characters",
    )
