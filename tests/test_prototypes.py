"""Prototypes and their logits, against loops and by hand."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses
from siamkeras.prototypes import logits, prototypes

RNG = np.random.default_rng(8)


def test_prototypes_are_means_of_classes_of_any_size():
    x, labels = RNG.normal(size=(9, 4)).astype("float32"), np.array([2, 0, 2, 2, 0, 2, 1, 0, 2])
    expected = [np.mean([row for row, label in zip(x, labels, strict=True) if label == c], axis=0) for c in range(3)]
    np.testing.assert_allclose(ops.convert_to_numpy(prototypes(x, labels, 3)), expected, rtol=1e-5, atol=1e-6)


def test_a_class_without_examples_is_at_zero_and_has_a_finite_gradient():
    assert ops.convert_to_numpy(prototypes([[3.0, 4.0]], [1], 2)).tolist() == [[0.0, 0.0], [3.0, 4.0]]
    gradient = oracles.gradient(lambda x: prototypes(x, [1, 1], 3), [[3.0, 4.0], [1.0, 1.0]])
    np.testing.assert_allclose(gradient, np.full((2, 2), 0.5))


def test_half_precision_is_averaged_in_float32():
    """65,504 is the largest float16: the sum of two would be infinite."""
    x = ops.cast(ops.convert_to_tensor([[60000.0], [60000.0]]), "float16")
    assert float(prototypes(x, [0, 0], 1)[0, 0]) == pytest.approx(60000, rel=1e-3)


def test_logits_are_distances_with_their_sign_changed():
    """From (0, 0) to (3, 4): squared 25, Euclidean 5; and the scale multiplies."""
    found = [float(logits([[0.0, 0.0]], [[3.0, 4.0]], name, 2.0)[0, 0]) for name in ("squared_euclidean", "euclidean")]
    assert found == pytest.approx([-50.0, -10.0], rel=1e-5)


@pytest.mark.parametrize(
    "labels, way, message",
    [
        ([1, 2, 3], 3, r"whole numbers from 0 to 2. Received: \[1, 2, 3\]"),
        (np.array([-1, 0, 1]), 2, r"from 0 to 1. Received: \[-1, 0, 1\]"),
        ([0, 0.5, 1], 2, r"from 0 to 1. Received: \[0.0, 0.5, 1.0\]"),
        (["a", "b", "c"], 3, "from 0 to 2"),
        ([0, 1], 2, "Every embedding needs one label"),
        ([0, 1, 1], 0, "`way` must be a whole number of at least 1"),
        (np.arange(20), 3, "Received: 20 labels, int64, from 0 to 19"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, way, message):
    with pytest.raises(ValueError, match=message):
        prototypes(np.eye(3, dtype="float32"), labels, way)


def test_a_column_of_labels_serves_too():
    x, labels = RNG.normal(size=(3, 2)).astype("float32"), np.array([1, 0, 1])
    flat, column = (ops.convert_to_numpy(prototypes(x, each, 2)) for each in (labels, labels[:, None]))
    np.testing.assert_array_equal(flat, column)


def test_a_label_beyond_the_classes_costs_nan_and_not_nothing():
    """Labels from 1 to 3 for three classes: the last is none. Nor is -2, which is not the word for "no label"."""
    found = ops.convert_to_numpy(losses.fine_tuning([1, 3, -2, -1], RNG.normal(size=(4, 3)).astype("float32")))
    assert np.isnan(found).tolist() == [False, True, True, False]


def test_fine_tuning_loss_agrees_with_plain_sums():
    """Two labelled of four: the mean of their -log p, and 0.3 times the mean entropy of the others."""
    x, labels = RNG.normal(size=(4, 3)).astype("float32"), np.array([2, -1, 0, -1])
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    cross = np.mean([-np.log(p[0, 2]), -np.log(p[2, 0])])
    entropy = np.mean([-np.sum(p[i] * np.log(p[i])) for i in (1, 3)])
    assert float(losses.FineTuningLoss(0.3)(labels, x)) == pytest.approx(cross + 0.3 * entropy, rel=1e-5)
    assert float(losses.FineTuningLoss(0.3)(labels[:, None], x)) == pytest.approx(cross + 0.3 * entropy, rel=1e-5)
    assert float(losses.FineTuningLoss(0.3)([2, 0], x[::2])) == pytest.approx(cross, rel=1e-5)
    assert float(losses.FineTuningLoss(0.3)([-1, -1], x[1::2])) == pytest.approx(0.3 * entropy, rel=1e-5)


def test_fine_tuning_loss_is_finite_where_the_network_is_sure():
    x = np.float32([[500.0, 0.0], [0.0, 500.0]])
    assert float(losses.FineTuningLoss(1.0)([0, -1], x)) == pytest.approx(0.0, abs=1e-6)
    gradient = oracles.gradient(lambda x: losses.fine_tuning([1, -1], x, 1.0), x)
    assert np.isfinite(gradient).all()


def test_the_entropy_pushes_a_query_to_the_class_that_it_prefers():
    """At p = (0.73, 0.27) the entropy falls where the larger logit grows."""
    gradient = oracles.gradient(lambda x: losses.fine_tuning([-1], x, 1.0), [[1.0, 0.0]])
    assert gradient[0, 0] < 0 < gradient[0, 1]


@pytest.mark.parametrize("entropy", [-0.1, float("nan"), "much", True])
def test_entropy_out_of_range_is_refused(entropy):
    with pytest.raises(ValueError, match="`entropy` must be a number, at least 0. Received: entropy="):
        losses.FineTuningLoss(entropy)


def test_fine_tuning_loss_comes_back_from_its_config():
    again = losses.FineTuningLoss.from_config(losses.FineTuningLoss(0.7, name="mine").get_config())
    assert (again.entropy, again.name) == (0.7, "mine")
