"""Masks and miners against plain loops, and rows without valid entries."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.losses import _mining

LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])
POINTS = np.random.default_rng(6).normal(size=(12, 2))
TABLE = np.array([[oracles.distance("euclidean", a, b) for b in POINTS] for a in POINTS], "float32")


def mine(mining, table=TABLE, labels=LABELS):
    """The mined triplets as a list of (anchor, positive, negative)."""
    positive, negative, valid = (ops.convert_to_numpy(part) for part in _mining.MINERS[mining](table, labels))
    return [(a, positive[a, j], negative[a, j]) for a, j in zip(*np.nonzero(valid), strict=True)]


def test_masks_agree_with_loops():
    expected = [[i != j and a == b for j, b in enumerate(LABELS)] for i, a in enumerate(LABELS)]
    assert ops.convert_to_numpy(_mining.positives(LABELS)).tolist() == expected
    assert ops.convert_to_numpy(_mining.negatives(LABELS)).tolist() == [[a != b for b in LABELS] for a in LABELS]


def test_the_masked_mean_ignores_masked_entries_in_value_and_gradient():
    """Row 0: the mean of 2 and 5. Row 1: -1. Row 2: no entry, so 0."""
    values = np.float32([[2, np.inf, 5], [4, -1, np.inf], [1, 2, 3]])
    mask = np.array([[True, False, True], [False, True, False], [False, False, False]])
    assert ops.convert_to_numpy(_mining.masked_mean(ops.convert_to_tensor(values), mask)).tolist() == [3.5, -1.0, 0.0]
    gradient = oracles.gradient(lambda v: _mining.masked_mean(v, mask), values)
    assert gradient.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("mining", _mining.MINERS)
def test_a_miner_agrees_with_the_loop(mining):
    assert sorted(mine(mining)) == sorted(oracles.mined(LABELS, TABLE, mining))


def test_semi_hard_selects_the_nearest_negative_beyond_the_positive_or_else_the_farthest():
    """Anchor 0, negatives at 0.4, 0.7, 0.9. Positive at 0.5: the negative at 0.7. Positive at 1: that at 0.9."""
    table = np.zeros((6, 6), "float32")
    table[0] = [0.0, 0.5, 1.0, 0.4, 0.7, 0.9]
    assert {p: n for a, p, n in mine("semi_hard", table, np.array([7, 7, 7, 1, 2, 3])) if a == 0} == {1: 4, 2: 5}


@pytest.mark.parametrize("distance", [0.0, 0.5])
def test_semi_hard_skips_a_negative_at_the_distance_of_the_positive(distance):
    table = np.full((4, 4), distance, "float32")
    table[0, 3] = 0.6
    assert (0, 1, 3) in mine("semi_hard", table, np.array([7, 7, 1, 2]))


@pytest.mark.parametrize("mining", _mining.MINERS)
@pytest.mark.parametrize("labels", [np.full(12, 4), np.arange(12), np.zeros(0, int)])
def test_a_batch_without_triplets_has_none(mining, labels):
    assert mine(mining, TABLE[: len(labels), : len(labels)], labels) == []


def test_count_smaller_counts_all_entries_and_those_in_the_mask():
    """Below 3: the other three, of which the first 2 is in the mask. Of two equal values the earlier is smaller."""
    smaller, in_mask = _mining.count_smaller(np.float32([[3, 1, 2, 2]]), np.array([[True, False, True, False]]))
    np.testing.assert_array_equal(ops.convert_to_numpy(smaller), [[3, 0, 1, 2]])
    np.testing.assert_array_equal(ops.convert_to_numpy(in_mask), [[1, 0, 0, 1]])
