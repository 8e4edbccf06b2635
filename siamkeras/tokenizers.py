"""Tokenizers for sentences: words of a vocabulary, and characters.

Both are adapted `keras.layers.TextVectorization` layers. As the first layer of a tower they accept strings and are
saved with the tower, on the TensorFlow backend. On other backends apply them outside the tower.

Letters of all scripts are recognised, and case is ignored. Accented letters are expected as single characters, Unicode
normal form C; `retrieval.embed` and `generators.from_pairs` convert sentences to it.
"""

from siamkeras._unicode import OTHER_LETTERS, UnicodeVectorization
from siamkeras._validation import check_integer, check_sentences

__all__ = ["characters", "words"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def words(sentences, max_tokens=5000, length=32):
    """A tokenizer of words, whose vocabulary consists of the most frequent words of `sentences`.

    Words are separated by spaces, converted to lower case and stripped of punctuation. Each Chinese or Japanese
    character and each emoji is a word of its own. Token 0 is padding, token 1 the out-of-vocabulary token.

    Args:
        sentences: Training sentences, `(n,)` strings.
        max_tokens: Maximum size of the vocabulary, tokens 0 and 1 included; at least 3.
        length: Number of words per sentence; the rest is cut off.

    Returns:
        An adapted `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` token ids.
    """
    max_tokens, length = check_integer("max_tokens", max_tokens, 3), check_integer("length", length, 1)
    tokenizer = UnicodeVectorization("words", max_tokens=max_tokens, output_sequence_length=length, name="words")
    tokenizer.adapt(check_sentences(sentences).tolist())
    return tokenizer


def characters(length=128):
    """A tokenizer of characters: a to z (A to Z become lower case) and the digits are tokens 2 to 37.

    Other letters and emoji are tokens 38 to 4,133, numbered by their Unicode code points modulo 4,096. Token 0 is
    padding, token 1 any other character, such as spaces and punctuation, which separate words.

    Args:
        length: Number of characters per sentence; the rest is cut off.

    Returns:
        A `keras.layers.TextVectorization`: `(batch,)` strings -> `(batch, length)` token ids.
    """
    return UnicodeVectorization(
        "characters",
        output_sequence_length=check_integer("length", length, 1),
        vocabulary=[*_ALPHABET, *OTHER_LETTERS],
        name="characters",
    )
