"""Pair accuracy: counted by hand, over batches, and saved."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import losses, metrics

SAME, DISTANCE = np.float32([1, 0, 1, 0, 0.7]), np.float32([0.2, 0.9, 0.6, 0.1, 0.3])


def test_a_pair_is_right_when_its_side_of_the_threshold_is():
    """Below 0.5 is called same: right, right, wrong (same but far), wrong (different but near), right (0.7 counts)."""
    found = ops.convert_to_numpy(metrics.pair_accuracy(SAME, DISTANCE, threshold=0.5))
    assert found.tolist() == [1, 1, 0, 0, 1]


def test_a_distance_at_the_threshold_is_called_different():
    assert float(metrics.pair_accuracy([0.0], [0.5], threshold=0.5)[0]) == 1.0


def test_metric_averages_over_batches_and_resets():
    metric = metrics.PairAccuracy(0.5)
    metric.update_state(SAME[:2], DISTANCE[:2])
    metric.update_state(SAME[2:, None], DISTANCE[2:])
    assert float(metric.result()) == pytest.approx(3 / 5)
    metric.reset_state()
    metric.update_state(SAME[2:3], DISTANCE[2:3])
    assert float(metric.result()) == 0.0


def test_metric_survives_a_round_trip():
    metric = metrics.PairAccuracy(0.25, name="mine")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert isinstance(again, metrics.PairAccuracy)
    assert (again.threshold, again.name) == (0.25, "mine")
    again.update_state([1.0, 1.0], [0.2, 0.3])
    assert float(again.result()) == 0.5


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="`threshold` is a distance, a number. Received: threshold='half'"):
        metrics.PairAccuracy("half")


def test_active_triplets_are_averaged_over_batches_and_reset():
    """On a line, classes 7, 7, 4: with 0, 1 and 1.5 one of two triplets is active, with 0, 0.1 and 9 none."""
    metric = metrics.ActiveTriplets(margin=0.2)
    metric.update_state([7, 7, 4], [[0.0], [1.0], [1.5]])
    assert float(metric.result()) == 0.5
    metric.update_state([[7], [7], [4]], [[0.0], [0.1], [9.0]])
    assert float(metric.result()) == 0.25
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_active_triplets_know_the_mining_of_the_loss():
    labels, x = [7, 7, 7, 4, 4], np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    for mining in losses.MINING:
        metric = metrics.ActiveTriplets(0.3, mining, "manhattan")
        metric.update_state(labels, x)
        expected = losses.active_fraction(labels, x, 0.3, mining, "manhattan")
        assert float(metric.result()) == pytest.approx(float(expected))


def test_active_triplets_survive_a_round_trip():
    again = keras.metrics.deserialize(keras.metrics.serialize(metrics.ActiveTriplets("soft", "hard", "cosine", "mine")))
    assert isinstance(again, metrics.ActiveTriplets)
    assert (again.margin, again.mining, again.distance, again.name) == ("soft", "hard", "cosine", "mine")


def test_active_triplets_refuse_what_the_loss_refuses():
    with pytest.raises(ValueError, match="Received: mining='easy'"):
        metrics.ActiveTriplets(mining="easy")
