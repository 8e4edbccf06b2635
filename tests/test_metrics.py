"""Pair accuracy: counted by hand, over batches, and saved."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import metrics

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
