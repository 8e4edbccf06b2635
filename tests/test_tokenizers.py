"""Tokenizers: vocabularies of words, alphabets of characters."""

import os
import string
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import retrieval, tokenizers, towers


def token_ids(tokenizer, sentence):
    return ops.convert_to_numpy(tokenizer([sentence]))[0].tolist()


def test_characters_are_numbered_by_the_alphabet_from_2():
    found = ops.convert_to_numpy(tokenizers.characters(length=6)(["Ab z", "90! and the rest"]))
    assert found.tolist() == [[2, 3, 1, 27, 0, 0], [37, 28, 1, 1, 2, 15]]


def test_words_are_numbered_by_frequency_and_others_are_1():
    """By frequency the words of "b a a c c c" are c, a, b; a vocabulary of four tokens has no room for b."""
    tokenizer = tokenizers.words(["b a a c c c"], max_tokens=4, length=5)
    found = ops.convert_to_numpy(tokenizer(["C, a! b", "not in vocabulary", ".", "c c c c c a"]))
    assert found.tolist() == [[2, 3, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [2, 2, 2, 2, 2]]


def test_ascii_text_has_the_tokens_of_the_layer_of_keras():
    """The results of the lessons and benchmarks depend on them."""
    ascii_text = "".join(map(chr, range(32, 127)))
    sentences = [
        ascii_text,
        ascii_text[::-1],
        "It's 2 o'clock -- re-read <b>this</b> e_mail, A+B=C (or 50%)!",
        "a\tb\nc",
    ]
    keras_characters = keras.layers.TextVectorization(
        standardize="lower",
        split="character",
        output_sequence_length=99,
        vocabulary=[*string.ascii_lowercase, *string.digits],
    )
    keras_words = keras.layers.TextVectorization(output_sequence_length=9)
    keras_words.adapt(sentences)
    words = tokenizers.words(sentences, length=9)
    assert words.get_vocabulary() == keras_words.get_vocabulary()
    for ours, theirs in ((tokenizers.characters(99), keras_characters), (words, keras_words)):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours(sentences)), ops.convert_to_numpy(theirs(sentences)))


# Sentences in many scripts, with their number of words for `characters` and for `words`.
SCRIPTS = {
    "Straße": (1, 1),
    "Привет, мир!": (2, 2),
    "Ελλάδα": (1, 1),
    "مرحبا بالعالم": (2, 2),
    "שלום": (1, 1),
    "हिन्दी में": (2, 2),
    "ประเทศไทย": (1, 1),
    "한국어 문장": (2, 2),
    "我喜欢猫。": (1, 4),
    "猫が好き": (1, 4),
    "x\u030cy q\u0302": (2, 2),
    "١٢٣ cafés": (2, 2),
    "👍 \U0001f600": (2, 2),
    "“quoted”\u2003… text\xa0": (2, 2),
}


@pytest.mark.parametrize("sentence", SCRIPTS)
def test_letters_of_all_scripts_form_words(sentence):
    runs = "".join("x" if token > 1 else " " for token in token_ids(tokenizers.characters(24), sentence)).split()
    words = tokenizers.words(list(SCRIPTS))
    assert (len(runs), np.count_nonzero(token_ids(words, sentence))) == SCRIPTS[sentence]
    assert 1 not in token_ids(words, sentence)


@pytest.mark.parametrize(
    "one, other",
    [
        ("ÉCOLE", "école"),
        ("ПРИВЕТ", "привет"),
        ("STRAẞE", "straße"),
        ("İSTANBUL I", "i̇stanbul i"),
        ("I\u0307stanbul", "istanbul"),
        ("Stra\xadße", "Straße"),
        ("❤\ufe0f", "❤"),
    ],
)
def test_upper_case_and_invisible_characters_make_no_difference(one, other):
    for tokenizer in (tokenizers.characters(12), tokenizers.words([one])):
        assert token_ids(tokenizer, one) == token_ids(tokenizer, other)


def test_different_letters_have_different_tokens():
    letters = ["é", "e", "ß", "и", "й", "ا", "ب", "คิ", "คี", "中", "国", "👍", "👎"]
    assert len({tuple(token_ids(tokenizers.characters(3), letter)) for letter in letters}) == len(letters)


@pytest.mark.slow
def test_tokens_do_not_depend_on_the_language_of_the_machine():
    code = """
from siamkeras import tokenizers
print(tokenizers.characters(8)(["III İi\u0307 Ìı"]))
"""
    found = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "LC_ALL": name}, capture_output=True, text=True)
        for name in ("C.UTF-8", "tr_TR.UTF-8")
    ]
    assert "10" in found[0].stdout and found[0].stdout == found[1].stdout


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="strings in a model need TensorFlow")
def test_line_separators_in_sentences_do_not_damage_the_saved_vocabulary(tmp_path):
    """Keras saves the vocabulary as lines and reads it with `str.splitlines`: "a\u2028b" would become two words."""
    separators = "\x0b\x0c\x1c\x1d\x1e\x85\xa0\u2028\u2029"
    words = tokenizers.words([f"hello a{separator}b" for separator in separators] + ["x \u2028 y"])
    assert sorted(words.get_vocabulary()) == sorted(["", "[UNK]", "a", "b", "hello", "x", "y"])
    tower = towers.recurrent(words, 2, word_vectors=2, units=2)
    tower.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    expected = retrieval.embed(tower, ["hello a b"])
    np.testing.assert_allclose(retrieval.embed(loaded, ["hello a b"]), expected, atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tokenizers.words(["a", ""]), "must be non-empty strings. .* at position 1"),
        (lambda: tokenizers.words(["a"], max_tokens=2), "`max_tokens` must be an integer of at least 3"),
        (lambda: tokenizers.words(["a"], length=0), "`length` must be an integer of at least 1"),
        (lambda: tokenizers.characters(length=1.5), "`length` must be an integer of at least 1"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
