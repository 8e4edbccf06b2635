"""Metrics counted by hand, over several batches, and at the threshold."""

import keras
import numpy as np
import oracles
import pytest
from sklearn.metrics import roc_auc_score

from siamkeras import metrics

SAME, DISTANCE = np.float32([1, 0, 1, 0, 0.7]), np.float32([0.2, 0.9, 0.6, 0.1, 0.3])


def test_pair_accuracy_counts_correct_predictions_over_batches():
    """Threshold 0.5: correct, correct | wrong, wrong, correct (a label of 0.7 counts as same)."""
    metric = metrics.PairAccuracy(0.5)
    metric.update_state(SAME[:2], DISTANCE[:2])
    assert float(metric.result()) == 1.0
    metric.update_state(SAME[2:, None], DISTANCE[2:])
    assert float(metric.result()) == pytest.approx(3 / 5)
    metric.reset_state()
    metric.update_state(SAME[2:3], DISTANCE[2:3])
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_distance_equal_to_the_threshold_is_predicted_different_and_a_label_of_one_half_is_same(dtype):
    metric = metrics.PairAccuracy(0.5)
    metric.update_state([0.0, 0.5], np.array([0.5, 0.4], dtype))
    assert float(metric.result()) == 1.0


@pytest.mark.parametrize("same", [[1, -1], [0, 255], [2, 1]])
def test_pair_accuracy_rejects_labels_outside_0_to_1(same):
    with pytest.raises(ValueError, match="Labels must be 1 = same, 0 = different"):
        metrics.PairAccuracy().update_state(same, [0.2, 0.9])
    if keras.backend.backend() != "torch":
        model = keras.Sequential([keras.Input(()), keras.layers.Identity()])
        model.compile(loss="mse", metrics=[metrics.PairAccuracy()])
        logs = model.evaluate(np.float32([0.2, 0.9]), np.float32(same), return_dict=True, verbose=0)
        assert np.isnan(logs["pair_accuracy"])


def test_pair_accuracy_uses_sample_weights():
    """Weights 3 on a correct and 1 on a wrong pair."""
    metric = metrics.PairAccuracy(0.5)
    metric.update_state(SAME[1:3], DISTANCE[1:3], sample_weight=[3.0, 1.0])
    assert float(metric.result()) == 0.75


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
@pytest.mark.parametrize("num_thresholds", [20, 5000])
def test_pair_auc_agrees_with_scikit_learn_up_to_the_pairs_in_one_bin(scale, num_thresholds):
    """A same and a different pair in one of the `num_thresholds - 1` bins count 1/2 instead of 0 or 1."""
    rng = np.random.default_rng(3)
    same = rng.integers(0, 2, 500).astype("float32")
    distance = (scale * (rng.gamma(3.0, size=500) + 2 * (1 - same))).astype("float32")
    metric = metrics.PairAUC(num_thresholds)
    for start in range(0, 500, 64):
        metric.update_state(same[start : start + 64], distance[start : start + 64])
    intervals = np.floor((num_thresholds - 1) * (0.5 - np.log10(distance) / 14)).astype(int)
    counts = [np.bincount(intervals[same == label], minlength=num_thresholds) for label in (0, 1)]
    tolerance = counts[0] @ counts[1] / (counts[0].sum() * counts[1].sum()) / 2
    assert abs(float(metric.result()) - roc_auc_score(same, -distance)) <= tolerance + 1e-6
    assert num_thresholds == 20 or tolerance < 0.01


def test_pair_auc_counts_extreme_distances_and_labels_from_one_half():
    """Two same pairs at 0 or slightly below by rounding; two different pairs far away, then two at 0, which count 1/2:
    4 + 4 / 2 of 8 combinations."""
    metric = metrics.PairAUC()
    metric.update_state([1.0, 0.5, 0.4, 0.0], [-1e-7, 0.0, 1e30, np.inf])
    assert float(metric.result()) == 1.0
    metric.update_state([0.0, 0.0], [0.0, 0.0])
    assert float(metric.result()) == pytest.approx((4 + 4 / 2) / 8)
    metric.reset_state()
    metric.update_state([1, 1, 0, 0], [0.1, 0.6, 0.5, 0.9])
    assert float(metric.result()) == pytest.approx(0.75)


def test_pair_auc_uses_sample_weights():
    """Same pairs at 0.1 and 0.6 with weights 3 and 1, a different pair at 0.5: 3/4 are in order."""
    metric = metrics.PairAUC()
    for weights in ([3.0, 1.0, 2.0], [[3.0], [1.0], [2.0]]):
        metric.update_state([1, 1, 0], [0.1, 0.6, 0.5], sample_weight=weights)
        assert float(metric.result()) == pytest.approx(0.75)


def test_pair_auc_is_a_metric_of_fit_and_nan_for_invalid_labels_and_distances():
    model = keras.Sequential([keras.Input(()), keras.layers.Identity()])
    model.compile(loss="mse", metrics=[metrics.PairAUC()])
    for distance, same, expected in (
        ([0.2, 0.9, 0.5], [1, 0, 1], 1.0),
        ([0.2, np.nan, 0.5], [1, 0, 1], np.nan),
        ([-0.2, 0.9, 0.5], [1, 0, 1], np.nan),
        ([0.2, 0.9, 0.5], [1, 0, 2], np.nan),
    ):
        if same[-1] != 2 or keras.backend.backend() != "torch":
            logs = model.evaluate(np.float32(distance), np.float32(same), return_dict=True, verbose=0)
            assert logs["pair_auc"] == pytest.approx(expected, nan_ok=True)
    with pytest.raises(ValueError, match="Labels must be 1 = same, 0 = different"):
        metrics.PairAUC().update_state([1, 2], [0.2, 0.9])


def test_active_triplets_averages_over_batches():
    """Classes 7, 7, 4 on a line: at 0, 1, 1.5 one of two triplets is active, at 0, 0.1, 9 none."""
    metric = metrics.ActiveTriplets(margin=0.2)
    metric.update_state([7, 7, 4], [[0.0], [1.0], [1.5]])
    assert float(metric.result()) == 0.5
    metric.update_state([[7], [7], [4]], [[0.0], [0.1], [9.0]])
    assert float(metric.result()) == 0.25


@pytest.mark.parametrize("mining", ["all", "hard", "semi_hard"])
def test_active_triplets_agrees_with_the_loop(mining):
    labels, x = [7, 7, 7, 4, 4, 9], np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    table = [[oracles.distance("manhattan", a, b) for b in x] for a in x]
    triplets = oracles.mined(labels, table, mining)
    active = sum(table[a][p] - table[a][n] + 0.3 > 0 for a, p, n in triplets)
    metric = metrics.ActiveTriplets(0.3, mining, "manhattan")
    metric.update_state(labels, x)
    assert float(metric.result()) == pytest.approx(active / len(triplets))


@pytest.mark.parametrize("mining", ["all", "hard", "semi_hard"])
def test_a_triplet_with_loss_0_is_not_active(mining):
    """Margin 0.5, embeddings at 0, 1, 1.5: the losses of the triplets are 1 - 1.5 + 0.5 = 0 and 1 - 0.5 + 0.5 = 1."""
    metric = metrics.ActiveTriplets(0.5, mining)
    metric.update_state([7, 7, 4], [[0.0], [1.0], [1.5]])
    assert float(metric.result()) == 0.5


def test_invalid_arguments_raise():
    with pytest.raises(ValueError, match="Received: threshold=nan"):
        metrics.PairAccuracy(float("nan"))
    with pytest.raises(ValueError, match="Received: mining='easy'"):
        metrics.ActiveTriplets(mining="easy")
