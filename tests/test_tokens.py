"""From sentences to numbers: vocabularies, alphabets, and n-grams counted as a loop would count them."""

import collections

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import retrieval, towers
from siamkeras import tokenizers as tokens

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
SENTENCES = ["A cat is a cat.", "The dog's bone, 2 bones!", "Cats & dogs", "a"]


def numbers(sentences, length=32):
    """What `tokenizers.characters` gives, by hand: 0 behind the end, 1 for separators, letters from 2 on."""
    at = {letter: number for number, letter in enumerate(tokens.ENGLISH, 2)}
    rows = [[at.get(letter, 1) for letter in sentence.lower()][:length] for sentence in sentences]
    return np.array([row + [0] * (length - len(row)) for row in rows], "int32")


def counted(layer, codes):
    return ops.convert_to_numpy(layer(codes))


def test_the_numbers_of_characters_are_those_of_the_alphabet():
    tokeniser = tokenizers.characters(length=32)
    np.testing.assert_array_equal(ops.convert_to_numpy(tokeniser(SENTENCES)), numbers(SENTENCES))


def test_a_word_that_is_not_in_the_vocabulary_has_the_number_1_and_no_word_0():
    """Of "b a a c c c" the words are c, a, b by frequency: 2, 3, 4; of four numbers b has none of its own."""
    tokeniser = tokenizers.words(["b a a c c c"], most=4, length=5)
    found = ops.convert_to_numpy(tokeniser(["C, a! b", "never seen words", "."]))
    np.testing.assert_array_equal(found, [[2, 3, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]])


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_n_grams_are_counted_as_a_loop_counts_them(size):
    """As many counts as n-grams, and of each sentence the counts sorted are those of a Counter: with 40,000 buckets
    no two of these few share one."""
    found = counted(tokenizers.HashedNGrams([size], buckets=40_000), numbers(SENTENCES))
    for sentence, row in zip(SENTENCES, found, strict=True):
        grams = [gram for gram in oracles.n_grams(sentence, size) if gram.strip()]
        assert sorted(row[row > 0]) == sorted(collections.Counter(grams).values())


def test_whole_words_are_counted_besides_and_are_no_n_grams():
    """ "A cat is a cat" has the words a, cat, is, a, cat: counts 2, 2, 1. The word a is another thing than the 3-gram
    `_a_`, and a word of sixteen letters is too long."""
    layer = tokenizers.HashedNGrams([50], words=True, buckets=40_000)
    found = counted(layer, numbers([*SENTENCES, "a" * 15, "a" * 16], length=50))
    for sentence, row in zip(SENTENCES, found, strict=False):
        assert sorted(row[row > 0]) == sorted(collections.Counter(oracles.words(sentence)).values())
    assert found[-2:].sum(axis=1).tolist() == [1, 0]
    both = counted(tokenizers.HashedNGrams([3], words=True, buckets=40_000), numbers(["a"]))
    assert both.sum() == 2 and both.max() == 1


def test_one_n_gram_has_one_number_wherever_it_stands():
    """ "cat" and "a cat" share the three 3-grams of cat; the other has `_a_` besides."""
    first, second = counted(tokenizers.HashedNGrams([3], buckets=40_000), numbers(["cat", "a cat"]))
    assert first.sum() == 3 and second.sum() == 4
    assert np.minimum(first, second).sum() == 3


def test_padding_and_blanks_change_nothing():
    layer = tokenizers.HashedNGrams(buckets=500)
    wanted = counted(layer, numbers(["two words"], length=9))
    np.testing.assert_array_equal(counted(layer, numbers(["  two   words."], length=40)), wanted)


def test_numbers_of_n_grams_do_not_depend_on_the_machine():
    """`_a_` and its like, worked out by whole numbers of Python, which have no end."""

    def number(codes, buckets):
        found = len(codes) % buckets
        for code in codes:
            found = (found * tokens.MULTIPLIER + code) % buckets
        return found

    for buckets in (7, 16384, tokens.MOST_BUCKETS):
        row = counted(tokenizers.HashedNGrams([3], buckets=buckets), numbers(["a"]))[0]
        assert np.flatnonzero(row).tolist() == [number([1, 2, 1], buckets)]
        row = counted(tokenizers.HashedNGrams([4], buckets=buckets), numbers(["99"]))[0]
        assert np.flatnonzero(row).tolist() == [number([1, 37, 37, 1], buckets)]


def test_a_sentence_without_letters_has_no_n_grams():
    assert counted(tokenizers.HashedNGrams(buckets=50), numbers(["", " .,"])).sum() == 0


def test_sizes_longer_than_a_sentence_count_nothing():
    codes = numbers(["ab"], length=2)
    assert counted(tokenizers.HashedNGrams([3, 9], buckets=50), codes).sum() == 2  # _ab, ab_


def test_the_layer_comes_back_from_its_config():
    layer = tokenizers.HashedNGrams([2, 3], words=True, buckets=99)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    codes = numbers(SENTENCES)
    np.testing.assert_array_equal(counted(again, codes), counted(layer, codes))


def test_document_frequencies_by_hand():
    """Three sentences in two batches; the n-grams occur in 3, 1 and 0 of them: log(4/4) + 1, log(4/2) + 1, log(4) + 1.
    That one occurs twice in a sentence does not count."""
    batches = [np.array([[2.0, 0, 0], [1, 5, 0]], "float32"), np.array([[1.0, 0, 0]], "float32")]
    found = tokenizers.inverse_document_frequencies(batches)
    np.testing.assert_allclose(found, [1.0, np.log(2) + 1, np.log(4) + 1], rtol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tokenizers.words(["a", ""]), "at least one word. Received: '' at position 1 of `sentences`, 1 such"),
        (lambda: tokenizers.words([]), "must be sentences, .* at least one. Received: .*shape \\(0,\\)"),
        (lambda: tokenizers.words([1, 2]), "must be sentences, .* Received: int64"),
        (lambda: tokenizers.words(["a"], most=2), "`most` must be a whole number of at least 3. Received: most=2"),
        (lambda: tokenizers.words(["a"], length=0), "`length` must be a whole number of at least 1"),
        (lambda: tokenizers.characters(length=1.5), "`length` must be a whole number"),
        (lambda: tokenizers.characters(alphabet="aba"), "different characters. Received: 'aba'"),
        (lambda: tokenizers.characters(alphabet=""), "different characters. Received: ''"),
        (lambda: tokenizers.HashedNGrams([0]), "`sizes` must be a whole number of at least 1"),
        (lambda: tokenizers.HashedNGrams([]), "`sizes` must hold at least one number. Received: none"),
        (lambda: tokenizers.HashedNGrams(words=3), "`words` must be True or False. Received: words=3"),
        (lambda: tokenizers.HashedNGrams(buckets=50_000), "at most 46,340 buckets. Received: buckets=50000"),
        (lambda: tokenizers.HashedNGrams()(np.zeros((2, 3, 4), "int32")), "of fixed length. Received: "),
    ],
)
def test_what_cannot_be_tokenised_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.skipif(not ON_TENSORFLOW, reason="strings in a model need TensorFlow")
def test_a_separator_of_lines_in_a_sentence_does_not_part_the_vocabulary(tmp_path):
    """Keras keeps a vocabulary in lines and reads it with `str.splitlines`: a word "a\u2028b" would be two of them."""
    sentences = [f"hello a{separator}b" for separator in tokens.SEPARATORS] + ["x \u2028 y"]
    words = tokenizers.words(sentences)
    assert sorted(words.get_vocabulary()) == sorted(["", "[UNK]", "a", "b", "hello", "x", "y"])
    tower = towers.recurrent(words, 2, vectors=2, units=2)
    tower.save(tmp_path / "tower.keras")
    again = keras.saving.load_model(tmp_path / "tower.keras")
    np.testing.assert_allclose(retrieval.embed(again, ["hello a b"]), retrieval.embed(tower, ["hello a b"]), atol=1e-6)


@pytest.mark.parametrize("sentences", [["a", float("nan")], ["a", 3], ["a", None]])
def test_what_is_no_sentence_is_not_made_one(sentences):
    with pytest.raises(ValueError, match="must be sentences, .n,. strings"):
        tokenizers.words(sentences)


def test_sizes_may_be_numbers_of_numpy_and_have_to_fit():
    codes = np.array([[2, 1, 4]])
    wanted = counted(tokenizers.HashedNGrams([3], buckets=50), codes)
    for sizes in (np.int64(3), (np.int32(3),), range(3, 4), np.array([3])):
        np.testing.assert_array_equal(counted(tokenizers.HashedNGrams(sizes, buckets=50), codes), wanted)
    for sizes in (None, 3.0, "3"):
        with pytest.raises(ValueError, match="`sizes`"):
            tokenizers.HashedNGrams(sizes)
    with pytest.raises(ValueError, match="No n-gram of 6 characters fits into 3, with a separator at each end"):
        tokenizers.HashedNGrams([6, 9])(codes)
    assert counted(tokenizers.HashedNGrams([5, 9], buckets=50), codes).shape == (1, 50)


def test_an_alphabet_that_nothing_can_match_is_refused():
    with pytest.raises(ValueError, match="of small letters. Received: 'abC'"):
        tokenizers.characters(alphabet="abC")
