"""InfoNCE, in-batch softmax and supervised contrastive loss against plain sums and hand-derived numbers."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])  # 11 and 5 occur once
EMBEDDINGS = np.random.default_rng(4).normal(size=(12, 4)).astype("float32")
LOSSES = {
    "in_batch_softmax": (losses.in_batch_softmax, losses.InBatchSoftmaxLoss, "negatives"),
    "supervised_contrastive": (losses.supervised_contrastive, losses.SupervisedContrastiveLoss, "all"),
}
each_loss = pytest.mark.parametrize("function, loss_class, competitors", LOSSES.values(), ids=LOSSES)


@each_loss
@pytest.mark.parametrize("labels", [LABELS, [4] * 12, list(range(12)), [9] * 11 + [2]])
def test_a_batch_agrees_with_plain_sums(function, loss_class, competitors, labels):
    expected = oracles.batch_softmax(labels, EMBEDDINGS, 0.2, competitors)
    assert float(loss_class(0.2)(labels, EMBEDDINGS)) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert float(ops.mean(function(labels, EMBEDDINGS, 0.2))) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@each_loss
def test_the_gradient_agrees_with_central_differences_of_plain_sums(function, loss_class, competitors):
    gradient = oracles.gradient(lambda x: loss_class(0.2)(LABELS, x), EMBEDDINGS)
    for index in [(0, 0), (5, 2), (8, 3)]:
        slope = oracles.slope(lambda x: oracles.batch_softmax(LABELS, x, 0.2, competitors), EMBEDDINGS, index)
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


@each_loss
def test_two_classes_of_two_agree_with_a_value_by_hand(function, loss_class, competitors):
    """Both classes at right angles, temperature 1: an anchor has s = 1 to its positive and 0 to two negatives, so
    both losses are log(1 + 2 / e)."""
    x = np.float32([[1, 0], [0, 1], [1, 0], [0, 1]])
    values = ops.convert_to_numpy(function([3, 9, 3, 9], x, 1.0))
    np.testing.assert_allclose(values, np.full(4, np.log(1 + 2 / np.e)), rtol=1e-5)


@each_loss
def test_values_have_weight_only_for_anchors_with_a_positive(function, loss_class, competitors):
    """Of three anchors two have a positive: their values are scaled by 3 / 2."""
    values = ops.convert_to_numpy(function([5, 5, 8], np.float32([[1, 0], [1, 0], [0, 1]]), 1.0))
    np.testing.assert_allclose(values, [1.5 * np.log(1 + 1 / np.e)] * 2 + [0], rtol=1e-5)


@each_loss
@pytest.mark.parametrize("scale", [1e-20, 1e18])
def test_the_length_of_the_embeddings_has_no_effect(function, loss_class, competitors, scale):
    loss = loss_class()
    assert float(loss(LABELS, EMBEDDINGS * np.float32(scale))) == pytest.approx(float(loss(LABELS, EMBEDDINGS)), 1e-4)


@each_loss
def test_a_small_temperature_does_not_overflow(function, loss_class, competitors):
    assert np.isfinite(oracles.gradient(lambda x: loss_class(1e-3)(LABELS, x), EMBEDDINGS)).all()


def test_info_nce_agrees_with_values_by_hand():
    """Two orthogonal pairs, temperature 1: log(1 + 1 / e). With the rights exchanged: log(1 + e)."""
    left = np.float32([[1, 0], [0, 1]])
    for right, expected in ((left, np.log(1 + 1 / np.e)), (left[::-1], np.log(1 + np.e))):
        values = ops.convert_to_numpy(losses.info_nce(left, right, 1.0))
        np.testing.assert_allclose(values, [expected] * 2, rtol=1e-5)


def test_info_nce_agrees_with_plain_sums_over_the_rights():
    left, right = EMBEDDINGS[:6], EMBEDDINGS[6:]
    similarity = np.array([[1 - oracles.distance("cosine", a, b) for b in right] for a in left]) / 0.3
    expected = [np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity)]
    values = losses.info_nce(left, right, temperature=0.3)
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: losses.InBatchSoftmaxLoss(0.0), "`temperature` must be a number above 0. Received: temperature=0.0"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS, -1.0), "Received: temperature=-1.0"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS[:3]), r"shapes \(12, 4\) and \(3, 4\)"),
        (lambda: losses.info_nce(EMBEDDINGS[0], EMBEDDINGS[0]), r"\(batch, dim\) of the same shape. .* \(4,\)"),
        (lambda: losses.in_batch_softmax(LABELS[:3], EMBEDDINGS), r"labels of shape \(3,\)"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
