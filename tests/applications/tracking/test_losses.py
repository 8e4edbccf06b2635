"""Label maps and the balanced logistic loss against loops and numbers derived by hand."""

import math

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.applications import tracking

RNG = np.random.default_rng(7)


def loss_with_loops(labels, scores):
    """The loss of one map, cell by cell."""
    target = [math.log1p(math.exp(-s)) for y, s in zip(labels.flat, scores.flat, strict=True) if y == 1]
    background = [math.log1p(math.exp(s)) for y, s in zip(labels.flat, scores.flat, strict=True) if y == 0]
    return sum(sum(costs) / len(costs) for costs in (target, background) if costs) / 2


def test_loss_agrees_with_loops():
    labels = RNG.choice([0.0, 1.0], (6, 4, 3), p=[0.7, 0.3]).astype("float32")
    labels[0], labels[1] = 0, 1  # cells of one label only
    scores = RNG.normal(scale=3, size=labels.shape).astype("float32")
    expected = [loss_with_loops(y, s) for y, s in zip(labels, scores, strict=True)]
    result = ops.convert_to_numpy(tracking.score_map_loss(labels, scores))
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_target_and_background_have_the_same_total_gradient():
    """At scores of 0, the one target cell has the gradient -1/2 * 1/2, each of three other cells 1/2 * 1/2 / 3."""
    labels = np.float32([[[1, 0], [0, 0]]])
    gradient = oracles.gradient(lambda scores: tracking.score_map_loss(labels, scores), np.zeros((1, 2, 2)))
    np.testing.assert_allclose(gradient, [[[-1 / 4, 1 / 12], [1 / 12, 1 / 12]]], rtol=1e-5)


def test_large_scores_do_not_overflow():
    """log(1 + exp(1000)) is 1000 where the map is wrong, and 0 where it is correct."""
    scores = [[[1000.0, -1000.0]], [[-1000.0, 1000.0]]]
    result = tracking.score_map_loss([[[1.0, 0.0]], [[1.0, 0.0]]], scores)
    assert ops.convert_to_numpy(result).tolist() == [0.0, 1000.0]


def test_labels_other_than_0_and_1_give_nan():
    """The paper labels the background with -1, which would otherwise be ignored."""
    result = tracking.score_map_loss([[[1.0, -1.0]], [[1.0, 0.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]])
    assert np.isnan(ops.convert_to_numpy(result)).tolist() == [True, False]


def test_half_precision_scores_give_a_float32_loss():
    """The sum of 300 scores of 300 is infinite in float16; half of their mean is 150."""
    loss = tracking.ScoreMapLoss()(np.zeros((1, 300, 1)), ops.cast(300.0 * np.ones((1, 300, 1)), "float16"))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(150.0, rel=0.01)


def test_loss_has_one_value_per_example_and_uses_sample_weights():
    """Each map costs log 2 / 2; with weights 3 and 0, the mean is 3/4 log 2."""
    labels, scores = np.zeros((2, 3, 3, 1), "float32"), np.zeros((2, 3, 3), "float32")
    loss = tracking.ScoreMapLoss()
    assert tuple(loss.call(labels, scores).shape) == (2,)
    assert float(loss(labels, scores, sample_weight=np.float32([3, 0]))) == pytest.approx(3 * math.log(2) / 4)


@pytest.mark.parametrize("labels, scores", [((1, 3, 3), (2, 3, 3)), ((2, 1, 1), (2, 3, 3))])
def test_labels_of_another_shape_are_rejected(labels, scores):
    with pytest.raises(ValueError, match="labels and scores of the same shape"):
        tracking.score_map_loss(np.zeros(labels, "float32"), np.zeros(scores, "float32"))


def test_label_map_has_13_cells_within_two_strides_of_the_centre():
    """One cell at distance 0, four at 1, four at 1.41 and four at 2 strides."""
    labels = tracking.Geometry(stride=4, radius=8).label_map()
    assert labels.sum() == 13 and labels[8, 8] == 1 and labels[8, 10] == 1 and labels[8, 11] == 0
    assert labels.shape == (17, 17) and labels.dtype == np.float32
    moved = tracking.Geometry(stride=4, radius=8).label_map(offset=(12, -8))  # three columns, minus two rows
    np.testing.assert_array_equal(moved, np.roll(labels, (-2, 3), (0, 1)))
