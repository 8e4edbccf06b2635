"""Tokenizers: vocabularies of words, alphabets of characters."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import retrieval, tokenizers, towers


def test_characters_are_numbered_by_the_alphabet_from_2():
    found = ops.convert_to_numpy(tokenizers.characters(length=6)(["Ab z", "90! and the rest"]))
    assert found.tolist() == [[2, 3, 1, 27, 0, 0], [37, 28, 1, 1, 2, 15]]


def test_words_are_numbered_by_frequency_and_others_are_1():
    """By frequency the words of "b a a c c c" are c, a, b; a vocabulary of four tokens has no room for b."""
    tokenizer = tokenizers.words(["b a a c c c"], max_tokens=4, length=5)
    found = ops.convert_to_numpy(tokenizer(["C, a! b", "not in vocabulary", ".", "c c c c c a"]))
    assert found.tolist() == [[2, 3, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [2, 2, 2, 2, 2]]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="strings in a model need TensorFlow")
def test_line_separators_in_sentences_do_not_damage_the_saved_vocabulary(tmp_path):
    """Keras saves the vocabulary as lines and reads it with `str.splitlines`: "a\u2028b" would become two words."""
    sentences = [f"hello a{separator}b" for separator in tokenizers._SEPARATORS] + ["x \u2028 y"]
    words = tokenizers.words(sentences)
    assert sorted(words.get_vocabulary()) == sorted(["", "[UNK]", "a", "b", "hello", "x", "y"])
    tower = towers.recurrent(words, 2, word_vectors=2, units=2)
    tower.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    expected = retrieval.embed(tower, ["hello a b"])
    np.testing.assert_allclose(retrieval.embed(loaded, ["hello a b"]), expected, atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tokenizers.words(["a", ""]), "must not contain empty strings"),
        (lambda: tokenizers.words(["a"], max_tokens=2), "`max_tokens` must be an integer of at least 3"),
        (lambda: tokenizers.words(["a"], length=0), "`length` must be an integer of at least 1"),
        (lambda: tokenizers.characters(length=1.5), "`length` must be an integer of at least 1"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
