"""Masks and masked reductions against plain loops, and rows in which nothing counts."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.losses import _masks as masks

LABELS = np.array([7, 3, 7, 11, 7])


def test_positives_share_a_class_and_are_somebody_else():
    expected = [[i != j and a == b for j, b in enumerate(LABELS)] for i, a in enumerate(LABELS)]
    assert ops.convert_to_numpy(masks.positives(LABELS)).tolist() == expected


def test_negatives_are_of_another_class():
    expected = [[a != b for b in LABELS] for a in LABELS]
    assert ops.convert_to_numpy(masks.negatives(LABELS)).tolist() == expected


def test_labels_in_a_column_are_refused():
    with pytest.raises(ValueError, match=r"\(n,\). Received: shape \(5, 1\)"):
        masks.positives(LABELS[:, None])


@pytest.mark.parametrize(
    "reduce, expected",
    [(masks.masked_max, [5.0, -1.0, 0.0]), (masks.masked_min, [2.0, -1.0, 0.0]), (masks.mean_over, [3.5, -1.0, 0.0])],
)
def test_only_what_the_mask_lets_through_counts(reduce, expected):
    """Row one: 2 and 5 of 2, 9, 5; row two: -1 alone; row three: nothing, and so 0."""
    values = np.float32([[2, 9, 5], [4, -1, 8], [1, 2, 3]])
    mask = np.array([[True, False, True], [False, True, False], [False, False, False]])
    assert ops.convert_to_numpy(reduce(values, mask)).tolist() == expected


@pytest.mark.parametrize("reduce", [masks.masked_max, masks.masked_min, masks.mean_over])
def test_what_does_not_count_has_no_gradient_and_gives_no_nan(reduce):
    mask = np.array([[False, True, False], [False, False, False]])
    values = [[np.inf, 2.0, 2.0], [1.0, np.inf, -np.inf]]
    assert oracles.gradient(lambda v: reduce(v, mask), values).tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("reduce", [masks.masked_max, masks.masked_min])
def test_the_only_candidate_keeps_its_whole_gradient_where_others_equal_it(reduce):
    mask = np.array([[True, False, False]])
    assert oracles.gradient(lambda v: reduce(v, mask), [[2.0, 2.0, 2.0]]).tolist() == [[1, 0, 0]]
