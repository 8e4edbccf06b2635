"""Prototypes and their logits against loops and hand-derived numbers."""

import keras
import numpy as np
import oracles
import pandas
import pytest
from keras import ops

from siamkeras import prototypes

RNG = np.random.default_rng(8)


def test_prototypes_are_the_means_of_classes_of_different_sizes():
    x, labels = RNG.normal(size=(9, 4)).astype("float32"), np.array([2, 0, 2, 2, 0, 2, 1, 0, 2])
    expected = [np.mean([row for row, label in zip(x, labels, strict=True) if label == c], axis=0) for c in range(3)]
    for same_labels in (labels, labels[:, None]):
        means = ops.convert_to_numpy(prototypes.from_support(x, same_labels, 3))
        np.testing.assert_allclose(means, expected, rtol=1e-5, atol=1e-6)


def test_a_class_without_examples_has_prototype_zero_and_a_finite_gradient():
    assert ops.convert_to_numpy(prototypes.from_support([[3.0, 4.0]], [1], 2)).tolist() == [[0.0, 0.0], [3.0, 4.0]]
    gradient = oracles.gradient(lambda x: prototypes.from_support(x, [1, 1], 3), [[3.0, 4.0], [1.0, 1.0]])
    np.testing.assert_allclose(gradient, np.full((2, 2), 0.5))


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch does not compile")
@pytest.mark.parametrize("label", [2, -1, 0.5])
def test_a_label_that_is_not_a_class_index_gives_nan_in_a_compiled_graph(label):
    labels, x = np.array([0, 1, label]), np.ones((3, 2), "float32")
    assert np.isnan(oracles.in_model(lambda labels, x: prototypes.from_support(x, labels, 2), labels, x)).all()


def test_half_precision_is_averaged_in_float32():
    """The sum of two times 60,000 is infinite in float16."""
    x = np.float16([[60000.0], [60000.0]])
    assert float(prototypes.from_support(x, [0, 0], 1)[0, 0]) == pytest.approx(60000, rel=1e-3)


def test_logits_are_scaled_negative_distances():
    """(0, 0) and (3, 4): squared distance 25, Euclidean 5; scale 2."""
    for distance, expected in (("squared_euclidean", -50.0), ("euclidean", -10.0)):
        logits = prototypes.logits([[0.0, 0.0]], [[3.0, 4.0]], distance, 2.0)
        assert float(logits[0, 0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "labels, way, message",
    [
        ([1, 2, 3], 3, "class indices from 0 to 2. Received: 3"),
        (np.array([-1, 0, 1]), 2, "from 0 to 1. Received: -1"),
        (ops.convert_to_tensor([0, 1, 7]), 2, "from 0 to 1. Received: 7"),
        (pandas.Series([0, 1, 2]), 2, "from 0 to 1. Received: 2"),
        ([0, 0.5, 1], 2, "from 0 to 1. Received: 0.5"),
        (["a", "b", "c"], 3, "from 0 to 2. Received: a"),
        ([0, 1], 2, "Every embedding needs one label"),
        ([0, 1, 1], 0, "`way` must be an integer of at least 1"),
    ],
)
def test_invalid_labels_raise(labels, way, message):
    with pytest.raises(ValueError, match=message):
        prototypes.from_support(np.eye(3, dtype="float32"), labels, way)
