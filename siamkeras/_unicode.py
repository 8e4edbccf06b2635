"""Splits TensorFlow strings of any script into words or characters, for `tokenizers`."""

import functools

import keras
from keras import layers

# Tokens of characters that are not ASCII: number `code point % 4096`.
OTHER_LETTERS = [f"#{number}" for number in range(4096)]


@keras.saving.register_keras_serializable("siamkeras")
class UnicodeVectorization(layers.TextVectorization):
    """A `keras.layers.TextVectorization` that splits text of any script into "words" or "characters"."""

    def __init__(self, split, **kwargs):
        super().__init__(split=functools.partial(_split, unit=split), **{"standardize": None, **kwargs})
        self.split = split

    def get_config(self):
        return {**super().get_config(), "split": self.split}


def _split(sentences, unit):
    """The words or characters of each sentence as ragged strings; characters are ASCII or `OTHER_LETTERS`."""
    import tensorflow as tf

    replace = tf.strings.regex_replace
    # TensorFlow's lower case of I, with or without a dot, depends on the language of the machine.
    text = tf.strings.lower(replace(tf.strings.lower(sentences), "\u0130|i\u0307", "i"), "utf-8")
    text = replace(text, r"[\p{Cf}\x{FE0E}\x{FE0F}]", "")  # invisible format characters
    if unit == "words":
        # Keras saves the vocabulary as lines of text: a word must not contain a line separator.
        text = replace(replace(text, r"[[:punct:]\p{P}]", ""), r"[\p{Z}\p{Cc}]", " ")
        return tf.strings.split(replace(text, r"[\p{Han}\p{Hiragana}\p{Katakana}\p{So}]", r" \0 "))
    codes = tf.strings.unicode_decode(replace(text, r"[^\p{L}\p{M}\p{N}\p{So}]", " "), "UTF-8")
    index = tf.where(codes.flat_values < 128, codes.flat_values, 128 + codes.flat_values % len(OTHER_LETTERS))
    return codes.with_flat_values(tf.gather([*map(chr, range(128)), *OTHER_LETTERS], index))
