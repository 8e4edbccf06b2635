"""Words and characters of all scripts: the splits of `tokenizers`, on TensorFlow strings."""

import keras
from keras import layers

# Tokens of letters that are not ASCII: a letter has the token of its code point modulo their number.
OTHER_LETTERS = [f"#{number}" for number in range(4096)]


@keras.saving.register_keras_serializable("siamkeras")
class UnicodeVectorization(layers.TextVectorization):
    """A `keras.layers.TextVectorization` with the split "words" or "characters" of all scripts."""

    def __init__(self, split, **kwargs):
        function = {"words": split_words, "characters": split_characters}[split]
        super().__init__(split=function, **{"standardize": None, **kwargs})
        self.split = split

    def get_config(self):
        return {**super().get_config(), "split": self.split}


def split_words(sentences):
    """The words of each sentence, a ragged tensor of strings."""
    import tensorflow as tf

    text = tf.strings.regex_replace(_lower_case(sentences), r"[[:punct:]\p{P}]", "")
    # Keras saves the vocabulary as lines of text: a word must not contain a line separator.
    text = tf.strings.regex_replace(text, r"[\p{Z}\p{Cc}]", " ")
    return tf.strings.split(tf.strings.regex_replace(text, r"[\p{Han}\p{Hiragana}\p{Katakana}\p{So}]", r" \0 "))


def split_characters(sentences):
    """The characters of each sentence, a ragged tensor of strings: ASCII characters and `OTHER_LETTERS`."""
    import tensorflow as tf

    text = tf.strings.regex_replace(_lower_case(sentences), r"[^\p{L}\p{M}\p{N}\p{So}]", " ")
    codes = tf.strings.unicode_decode(text, "UTF-8")
    index = tf.where(codes.flat_values < 128, codes.flat_values, 128 + codes.flat_values % len(OTHER_LETTERS))
    return codes.with_flat_values(tf.gather([*map(chr, range(128)), *OTHER_LETTERS], index))


def _lower_case(text):
    """Lower case without invisible format characters, the same on every machine."""
    import tensorflow as tf

    # TensorFlow would convert I, and I with a dot, by the language of the machine.
    text = tf.strings.regex_replace(tf.strings.lower(text), "\u0130|i\u0307", "i")
    return tf.strings.regex_replace(tf.strings.lower(text, "utf-8"), r"[\p{Cf}\x{FE0E}\x{FE0F}]", "")
