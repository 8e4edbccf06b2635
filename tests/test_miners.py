"""Whom an anchor meets: against the plain choice, and where nobody is there to be met."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.losses import _masks as masks
from siamkeras.losses import _mining as miners

RNG = np.random.default_rng(6)
LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])
POINTS = RNG.normal(size=(12, 2))
TABLE = np.array([[oracles.distance("euclidean", a, b) for b in POINTS] for a in POINTS], "float32")


def chosen(mining, table=TABLE, labels=LABELS):
    positive, negative, counts = (ops.convert_to_numpy(part) for part in miners.MINERS[mining](table, labels))
    positive, negative = (np.broadcast_to(part, counts.shape) for part in (positive, negative))
    return [(a, positive[a, j], negative[a, j]) for a, j in zip(*np.nonzero(counts), strict=True)]


@pytest.mark.parametrize("mining", miners.MINERS)
def test_a_miner_chooses_what_the_plain_choice_does(mining):
    assert sorted(chosen(mining)) == sorted(oracles.mined(LABELS, TABLE, mining))


def test_semi_hard_is_behind_the_positive_and_otherwise_the_farthest():
    """Anchor 0, positive at 0.5, negatives at 0.4, 0.7, 0.9: the one at 0.7. Positive at 1: the farthest, at 0.9."""
    table = np.zeros((6, 6), "float32")
    table[0] = [0.0, 0.5, 1.0, 0.4, 0.7, 0.9]
    found = {p: q for a, p, q in chosen("semi_hard", table, np.array([7, 7, 7, 1, 2, 3])) if a == 0}
    assert found == {1: 4, 2: 5}


def test_a_negative_exactly_as_far_as_the_positive_is_not_behind_it():
    table = np.zeros((4, 4), "float32")
    table[0] = [0.0, 0.5, 0.5, 0.6]
    assert (0, 1, 3) in chosen("semi_hard", table, np.array([7, 7, 1, 2]))


@pytest.mark.parametrize("mining", miners.MINERS)
@pytest.mark.parametrize("labels", [np.full(12, 4), np.arange(12)], ids=["one class", "all alone"])
def test_nobody_is_met_where_nobody_is(mining, labels):
    assert chosen(mining, labels=labels) == []


def test_smaller_entries_are_counted():
    """Row 1: below 3 lie 1 and 2, of which 2 is in the mask. Equal values: the earlier column counts as smaller."""
    values = np.float32([[3, 1, 2, 2]])
    smaller, in_mask = (ops.convert_to_numpy(part) for part in masks.smaller(values, np.array([[1, 0, 1, 0]]) == 1))
    np.testing.assert_array_equal(smaller, [[3, 0, 1, 2]])
    np.testing.assert_array_equal(in_mask, [[1, 0, 0, 1]])


def test_a_negative_at_distance_0_is_not_behind_a_positive_there():
    """On a line 0, 0 (class 1), 0, 0.1 (class 2): the one behind is at 0.1, though the other comes first."""
    points = np.float32([0, 0, 0, 0.1])
    assert (0, 1, 3) in chosen("semi_hard", np.abs(points[:, None] - points), np.array([1, 1, 2, 2]))


@pytest.mark.parametrize("mining", miners.MINERS)
def test_a_device_that_is_left_without_examples_meets_nobody(mining):
    assert chosen(mining, np.zeros((0, 0), "float32"), np.zeros(0, int)) == []
