"""Label maps and the balanced logistic loss against loops and numbers derived by hand."""

import math

import keras
import numpy as np
import oracles
import pytest
from keras import ops
from replicas import compare_updates

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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_scores_give_a_float32_loss(dtype):
    """The sum of 300 scores of 300 is infinite in float16; half of their mean is 150."""
    loss = tracking.ScoreMapLoss()(np.zeros((1, 300, 1)), ops.cast(300.0 * np.ones((1, 300, 1)), dtype))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(150.0, rel=0.01)


def test_loss_has_one_value_per_example_and_uses_sample_weights():
    """Each map costs log 2 / 2; with weights 3 and 0, the mean is 3/4 log 2."""
    labels, scores = np.zeros((2, 3, 3, 1), "float32"), np.zeros((2, 3, 3), "float32")
    loss = tracking.ScoreMapLoss()
    assert tuple(loss.call(labels, scores).shape) == (2,)
    assert float(loss(labels, scores, sample_weight=np.float32([3, 0]))) == pytest.approx(3 * math.log(2) / 4)


@pytest.mark.parametrize("labels, scores", [((2, 3, 3), (2, 3, 4)), ((1, 3, 3), (2, 3, 3)), ((2, 1, 1), (2, 3, 3))])
def test_labels_of_another_shape_are_rejected(labels, scores):
    with pytest.raises(ValueError, match="labels and scores of the same shape"):
        tracking.score_map_loss(np.zeros(labels, "float32"), np.zeros(scores, "float32"))


def test_loss_survives_serialisation():
    loss = tracking.ScoreMapLoss(name="map", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, tracking.ScoreMapLoss) and again.get_config() == loss.get_config()


def test_label_map_has_13_cells_within_two_strides_of_the_centre():
    """One cell at distance 0, four at 1, four at 1.41 and four at 2 strides."""
    labels = tracking.label_map(tracking.Geometry(stride=4, radius=8))
    assert labels.sum() == 13 and labels[8, 8] == 1 and labels[8, 10] == 1 and labels[8, 11] == 0
    assert labels.shape == (17, 17) and labels.dtype == np.float32


def test_label_map_moves_with_the_target():
    """12 pixels to the right and 8 up are three columns and minus two rows of 4 pixels."""
    geometry = tracking.Geometry(stride=4, radius=8)
    expected = np.roll(tracking.label_map(geometry), (-2, 3), (0, 1))
    np.testing.assert_array_equal(tracking.label_map(geometry, offset=(12, -8)), expected)


TRACKER = """
from siamkeras.applications import tracking

rng = np.random.default_rng(1)
inputs = dict(template=rng.random((8, 6, 6, 3), "float32"), search=rng.random((8, 10, 10, 3), "float32"))
labels = rng.choice([0.0, 1.0], (8, 5, 5)).astype("float32")

def build(kind):
    tower = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 2)])
    return tracking.siamfc(tower, template_size=6, search_size=10), tracking.ScoreMapLoss()

def stream(kind, replicas):
    return tf.data.Dataset.from_tensors((inputs, labels)).repeat()
"""


@pytest.mark.slow
def test_two_replicas_train_like_one():
    """A loss that returned a scalar would have twice the gradient on two replicas."""
    largest_change, largest_difference = compare_updates(TRACKER, ["score map"])["score map"]
    assert largest_change > 0.02 and largest_difference < 1e-4
