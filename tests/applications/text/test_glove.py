"""Tests of the GloVe word vectors, from files that the tests write."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from siamkeras import data, tokenizers, towers
from siamkeras.applications import text
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs

REAL = os.environ.get("SIAMKERAS_DATA", "")
LINES = [b"the 0.5 -1 2", b"caf\xc3\xa9 1 1 1", b". . . 9 9 9", b"cat 3 2.5e-1 -4"]


@pytest.fixture
def tokenizer():
    """0 padding, 1 out of vocabulary, then by frequency and in reverse alphabetical order: the, tzk, caf\u00e9."""
    return tokenizers.words(["the the the", "tzk tzk caf\u00e9"], length=4)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data" / "glove").mkdir(parents=True)
    return tmp_path / "data" / "glove"


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def write_text(folder, lines=LINES):
    (folder / "glove.6B.3d.txt").write_bytes(b"\n".join(lines) + b"\n")
    return folder / "glove.6B.3d.txt"


def write_zip(folder, lines=LINES):
    with zipfile.ZipFile(folder / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.13d.txt", "the " + "0 " * 13)
        archive.writestr("glove.6B.3d.txt", b"\n".join(lines))
    return folder / "glove.6B.zip"


def write_npz(folder, name="glove_6B_3d_top20k.npz"):
    vectors = np.float32([[0.5, -1, 2], [1, 1, 1], [3, 0.25, -4]])
    np.savez(folder / name, words=np.array(["the", "caf\u00e9", "cat"]), vectors=vectors)
    return folder / name


@pytest.mark.parametrize("write", [write_text, write_zip, write_npz])
@pytest.mark.parametrize("is_given", [True, False])
def test_known_words_have_their_vectors_and_others_small_random_ones(folder, tokenizer, write, is_given, capsys):
    path = write(folder)
    vectors = text.glove(tokenizer, str(path) if is_given else None, dim=3, seed=1)
    vocabulary = tokenizer.get_vocabulary()
    assert vectors.shape == (5, 3) and vectors.dtype == np.float32
    assert vectors[0].tolist() == [0, 0, 0]
    assert vectors[vocabulary.index("the")].tolist() == [0.5, -1, 2]
    assert vectors[vocabulary.index("caf\u00e9")].tolist() == [1, 1, 1]
    others = vectors[[1, vocabulary.index("tzk")]]
    assert 0 < np.abs(others).min() and np.abs(others).max() < 0.3
    assert "GloVe has vectors of 2 of 3 words." in capsys.readouterr().err
    np.testing.assert_array_equal(vectors, text.glove(tokenizer, path, 3, seed=1))
    assert not (others == text.glove(tokenizer, path, 3, seed=2)[[1, vocabulary.index("tzk")]]).any()


def test_the_vectors_are_the_initial_word_vectors_of_a_tower(folder, tokenizer):
    vectors = text.glove(tokenizer, write_text(folder), 3)
    tower = towers.recurrent(tokenizer, 4, word_vectors=vectors, units=2)
    np.testing.assert_array_equal(tower.get_layer("word_vectors").get_weights()[0], vectors)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b"cat 3 2.5",
            "Line 5 of .*glove.6B.3d.txt must be a word and dim=3 finite numbers. Received: 3 fields, b'cat 3 2.5",
        ),
        (b"cat 3 2.5 1O", "Line 5 of .* b'cat 3 2.5 1O"),
        (b"cat 3 nan 1", "Line 5 of .* b'cat 3 nan 1"),
        (b"c\xe9t 3 2.5 1", "Line 5 of"),
        (b"", "Line 5 of .* Received: 0 fields"),
    ],
)
@pytest.mark.parametrize("write", [write_text, write_zip])
def test_the_error_for_a_damaged_line_has_its_number(folder, tokenizer, write, line, message):
    path = write(folder, [*LINES, line, b"dog 1 2 3"])
    with pytest.raises(ValueError, match=message):
        text.glove(tokenizer, path, 3)


@pytest.mark.parametrize(
    ("write", "dim", "message"),
    [
        (write_text, 2, "Line 1 of .* must be a word and dim=2 finite numbers. Received: 4 fields"),
        (write_text, 4, "dim=4 finite numbers. Received: 4 fields"),
        (write_zip, 2, r"no file \*.2d.txt in .*glove.6B.zip. It contains: glove.6B.13d.txt, glove.6B.3d.txt"),
        (write_npz, 2, r"Expected vectors \(3, 2\) in .*npz. Received: shape \(3, 3\)"),
        (write_npz, 0, "`dim` must be an integer of at least 1"),
    ],
)
def test_a_wrong_dimension_is_an_error(folder, tokenizer, write, dim, message):
    with pytest.raises(ValueError, match=message):
        text.glove(tokenizer, write(folder), dim)


def test_without_a_known_word_there_is_an_error(folder, tokenizer):
    with pytest.raises(ValueError, match="None of the words of the tokenizer has a vector"):
        text.glove(tokenizer, write_text(folder, [b"CAT 1 2 3"]), 3)


def test_without_a_file_the_error_says_where_to_get_it(tokenizer, folder):
    write_text(folder)
    with pytest.raises(ConnectionError, match=r"GloVe was not found in .*glove.6B.zip or .* Get it from https://nlp"):
        text.glove(tokenizer, dim=50, source="real")


@pytest.mark.parametrize("write", [write_text, write_zip, write_npz])
def test_the_most_frequent_words_are_those_at_the_beginning_without_punctuation(folder, write):
    """The npz file has no line of punctuation; the others have one in the third place."""
    path = write(folder)
    words = ["the", "caf\u00e9", "cat"]
    assert text.glove_words(path, dim=3) == words == text.glove_words(dim=3)
    assert text.glove_words(path, dim=3, count=2) == words[:2]
    assert len(text.glove_words(path, dim=3, count=3)) == (3 if write is write_npz else 2)


def test_a_tokenizer_with_the_words_of_glove_knows_them(folder, capsys):
    path = write_text(folder)
    tokenizer = tokenizers.words(["a dog", *text.glove_words(path, dim=3)])
    vectors = dict(zip(tokenizer.get_vocabulary(), text.glove(tokenizer, path, dim=3), strict=True))
    assert vectors["cat"].tolist() == [3, 0.25, -4]
    assert "GloVe has vectors of 3 of 5 words." in capsys.readouterr().err


def test_without_a_file_synthetic_vectors_are_similar_for_synonyms():
    with pytest.warns(data.StandInWarning, match="GloVe was not found .* vectors of the words of the synthetic"):
        words = text.glove_words(dim=50)
    tokenizer = tokenizers.words(synthetic_sentence_pairs(200).sentences)
    vectors = dict(zip(tokenizer.get_vocabulary(), text.glove(tokenizer, source="synthetic"), strict=True))
    assert {"dog", "hound", "puppy", "devours", "the"} <= set(words)
    assert cosine(vectors["dog"], vectors["hound"]) > 0.7 > 0.5 > cosine(vectors["dog"], vectors["devours"])


@pytest.mark.skipif(not Path(REAL or "-", "glove").is_dir(), reason="needs glove in SIAMKERAS_DATA")
def test_real_vectors_of_similar_words_are_similar():
    """The fixture `folder` hides the real folder, so the path is given."""
    tokenizer = tokenizers.words(["king queen banana"])
    path = Path(REAL, "glove", "glove_6B_50d_top20k.npz")
    vectors = dict(zip(tokenizer.get_vocabulary(), text.glove(tokenizer, path), strict=True))

    king = vectors["king"]
    assert cosine(king, vectors["queen"]) > 0.7 > 0.4 > cosine(king, vectors["banana"])
