"""The fine-tuning loss against plain sums and hand-derived numbers."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

LOGITS = np.random.default_rng(8).normal(size=(4, 3)).astype("float32")


def test_it_is_the_mean_cross_entropy_plus_the_weighted_mean_entropy():
    labels = np.array([2, -1, 0, -1])
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    cross_entropy = np.mean([-np.log(p[0, 2]), -np.log(p[2, 0])])
    entropy = np.mean([-np.sum(p[i] * np.log(p[i])) for i in (1, 3)])
    loss = losses.FineTuningLoss(0.3)
    assert float(loss(labels, LOGITS)) == pytest.approx(cross_entropy + 0.3 * entropy, rel=1e-5)
    assert float(loss([2, 0], LOGITS[::2])) == pytest.approx(cross_entropy, rel=1e-5)
    assert float(loss([-1, -1], LOGITS[1::2])) == pytest.approx(0.3 * entropy, rel=1e-5)


@pytest.mark.parametrize("label", [3, -2, 0.5, np.nan, 2**32])
def test_a_label_that_is_not_a_class_index_raises_or_gives_nan_in_a_compiled_graph(label):
    labels = np.array([2, label, 0, -1])
    for call in (losses.fine_tuning, losses.FineTuningLoss()):
        with pytest.raises(ValueError, match="Labels must be class indices from -1 to 2. Received: "):
            call(labels.tolist(), LOGITS)
    if keras.backend.backend() != "torch" and label != 2**32:
        values = oracles.in_model(losses.fine_tuning, labels, LOGITS)
        assert np.isnan(values).tolist() == [False, True, False, False]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_labels_of_every_dtype_count(dtype):
    expected, found = (losses.fine_tuning(labels, LOGITS) for labels in ([2, 0, 1, 1], np.array([2, 0, 1, 1], dtype)))
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))


def test_confident_predictions_have_a_finite_loss_and_gradient():
    x = np.float32([[500.0, 0.0], [0.0, 500.0]])
    assert float(losses.FineTuningLoss(1.0)([0, -1], x)) == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(oracles.gradient(lambda x: losses.fine_tuning([1, -1], x, 1.0), x)).all()


def test_the_entropy_increases_the_larger_logit():
    gradient = oracles.gradient(lambda x: losses.fine_tuning([-1], x, 1.0), [[1.0, 0.0]])
    assert gradient[0, 0] < 0 < gradient[0, 1]


@pytest.mark.parametrize("entropy", [-0.1, float("nan")])
def test_an_invalid_weight_raises(entropy):
    for call in (losses.FineTuningLoss, lambda entropy: losses.fine_tuning([0], LOGITS[:1], entropy)):
        with pytest.raises(ValueError, match="`entropy` must be a number of at least 0. Received: entropy="):
            call(entropy)
