"""Layers of the text towers: masked mean, hashed n-grams counted as by a plain loop, out-of-vocabulary ids."""

import collections

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.towers import _text_layers
from siamkeras.towers._text_layers import HashedNGrams, MaskedMean, NGramWeights, ReplaceOutOfVocabulary

SENTENCES = ["A cat is a cat.", "The dog's bone, 2 bones!", "Cats & dogs", "a"]


def character_ids(sentences, length=32):
    """The ids of `tokenizers.characters`: 0 for padding, 1 for separators, letters from 2, then digits."""
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    rows = [[alphabet.find(letter) + 2 if letter in alphabet else 1 for letter in s.lower()] for s in sentences]
    return np.array([(row + [0] * length)[:length] for row in rows], "int32")


def count(layer, ids):
    return ops.convert_to_numpy(oracles.compiled(layer.__call__)(ids))


def test_the_mean_is_over_the_unmasked_steps():
    """(1 + 3) / 2, 5, and 0 for the row without an unmasked step."""
    inputs = np.float32([[[1], [3], [9]], [[5], [9], [9]], [[9], [9], [9]]])
    mask = np.array([[True, True, False], [True, False, False], [False] * 3])
    np.testing.assert_allclose(ops.convert_to_numpy(MaskedMean()(inputs, mask=mask)), [[2.0], [5.0], [0.0]])
    np.testing.assert_allclose(ops.convert_to_numpy(MaskedMean()(inputs))[0], [13 / 3], rtol=1e-6)


def test_ids_outside_the_vocabulary_become_1():
    found = ops.convert_to_numpy(ReplaceOutOfVocabulary(7)(np.int32([[0, 1, 6, 7, 10_000, -3]])))
    assert found.tolist() == [[0, 1, 6, 1, 1, 1]]


def test_n_gram_weights_multiply_the_logarithm_of_one_plus_the_count():
    layer = NGramWeights()
    layer.build((None, 2))
    layer.log_weights.assign(np.log([1.0, 3.0]) / _text_layers.LOG_WEIGHT_SCALE)
    found = ops.convert_to_numpy(layer(np.float32([[0, 1], [2, 0]])))
    np.testing.assert_allclose(found, [[0, 3 * np.log(2)], [np.log(3), 0]], rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
def test_n_grams_and_words_of_up_to_15_characters_are_counted_as_by_a_loop(size):
    """With 40,000 buckets none of these collide, so the sorted counts are those of a Counter. There are no 50-grams."""
    sentences = [*SENTENCES, "a" * 15, "b" * 16]
    found = count(HashedNGrams([size], buckets=40_000), character_ids(sentences))
    for sentence, row in zip(sentences, found, strict=True):
        n_grams = [n_gram for n_gram in oracles.n_grams(sentence, size) if n_gram.strip()]
        names = n_grams + [f"<{word}>" for word in oracles.words(sentence) if len(word) <= 15]
        assert sorted(row[row > 0]) == sorted(collections.Counter(names).values())


def test_an_n_gram_has_the_same_bucket_at_every_position():
    """ "cat" and "a cat" share the three 3-grams and the word "cat"; "a cat" has `_a_` and the word "a" too."""
    first, second = count(HashedNGrams([3], buckets=40_000), character_ids(["cat", "a cat"]))
    assert first.sum() == 4 and second.sum() == 6
    assert np.minimum(first, second).sum() == 4


def test_padding_and_extra_spaces_change_nothing():
    layer = HashedNGrams(buckets=500)
    expected = count(layer, character_ids(["two words"], length=9))
    np.testing.assert_array_equal(count(layer, character_ids(["  two   words."], length=40)), expected)


@pytest.mark.parametrize("buckets", [7, 16384, _text_layers._MAX_BUCKETS])
def test_hashes_do_not_overflow(buckets):
    """The hashes of `_99_` as a 4-gram and as a word in Python's integers, which have no upper limit."""
    expected = np.zeros(buckets)
    for seed in (0, 97):
        value = (4 + seed) % buckets
        for number in (1, 37, 37, 1):
            value = (value * _text_layers._MULTIPLIER + number) % buckets
        expected[value] += 1
    np.testing.assert_array_equal(count(HashedNGrams([4], buckets=buckets), character_ids(["99"]))[0], expected)


def test_without_letters_or_with_too_few_characters_nothing_is_counted():
    assert count(HashedNGrams(buckets=50), character_ids(["", " .,"])).sum() == 0
    assert count(HashedNGrams([3, 9], buckets=50), character_ids(["ab"], length=2)).sum() == 3  # _ab, ab_, the word


def test_the_layer_is_restored_from_its_config():
    layer = HashedNGrams(np.array([2, 3]), buckets=99)
    restored = keras.layers.deserialize(keras.layers.serialize(layer))
    ids = character_ids(SENTENCES)
    np.testing.assert_array_equal(count(restored, ids), count(layer, ids))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: HashedNGrams([0]), "`sizes` must be positive integers"),
        (lambda: HashedNGrams(buckets=50_000), "`buckets` must be .* at most 46340. Received: buckets=50000"),
        (lambda: HashedNGrams()(np.zeros((2, 3, 4), "int32")), "expected ndim=2"),
        (lambda: ReplaceOutOfVocabulary(0), "`vocabulary` must be an integer of at least 1"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
