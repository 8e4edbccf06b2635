"""InfoNCE, in-batch softmax, supervised contrastive loss, ArcFace and CosFace against plain sums and known numbers."""

import inspect
import math
from contextlib import nullcontext

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses, models, towers

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


def plain_info_nce(left, right, negatives=()):
    """One value per pair, by sums over the rights and the negatives; temperature 0.3."""
    candidates = [*right, *negatives]
    similarity = np.array([[1 - oracles.distance("cosine", a, b) for b in candidates] for a in left]) / 0.3
    return [np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity)]


@pytest.mark.parametrize("count", [None, 0, 3, 6, 9])
def test_info_nce_agrees_with_plain_sums_over_the_rights_and_the_negatives(count):
    left, right = EMBEDDINGS[:6], EMBEDDINGS[6:]
    negatives = None if count is None else np.random.default_rng(5).normal(size=(count, 4)).astype("float32")
    values = ops.convert_to_numpy(losses.info_nce(left, right, 0.3, negatives))
    np.testing.assert_allclose(values, plain_info_nce(left, right, () if count is None else negatives), rtol=1e-4)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_the_gradient_of_info_nce_agrees_with_central_differences_of_plain_sums(part):
    parts = np.split(EMBEDDINGS, 3)

    def replaced(x):
        return [*parts[:part], x, *parts[part + 1 :]]

    def loss(x):
        left, right, negatives = replaced(x)
        return ops.mean(losses.info_nce(left, right, 0.3, negatives))

    gradient = oracles.gradient(loss, parts[part])
    for index in [(0, 0), (1, 2), (3, 3)]:
        slope = oracles.slope(lambda x: np.mean(plain_info_nce(*replaced(x))), parts[part], index)
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


# --- Margins of a cosine classifier


def arcface(cosine, margin):
    angle = math.acos(cosine) + margin
    return math.cos(angle) if angle <= math.pi else cosine - margin * math.sin(margin)


MARGINS = {"arcface": (losses.ArcFaceLoss, arcface), "cosface": (losses.CosFaceLoss, lambda cosine, m: cosine - m)}
each_margin = pytest.mark.parametrize("loss_class, with_margin", MARGINS.values(), ids=MARGINS)


@each_margin
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_a_margin_loss_agrees_with_plain_sums(loss_class, with_margin, margin):
    """Target cosines on both sides of -cos(margin), where angle + margin reaches pi."""
    cosines = np.array([[-0.97, 0.4, 0.1], [0.2, 0.9, -0.3], [0.5, -0.6, -0.7], [-0.2, 0.3, 0.99]])
    labels, expected = [0, 1, 2, 2], []
    for row, label in zip(cosines, labels, strict=True):
        logits = [7 * (with_margin(cosine, margin) if c == label else cosine) for c, cosine in enumerate(row)]
        expected.append(math.log(sum(map(math.exp, logits))) - logits[label])
    values = loss_class(margin, scale=7.0, reduction=None)(labels, 7 * cosines)
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-4, atol=1e-5)
    if margin == 0:
        cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
        values = cross_entropy(np.array(labels), 7 * cosines)
        np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-4)


@each_margin
def test_a_margin_loss_decreases_with_the_target_cosine_and_has_a_finite_gradient(loss_class, with_margin):
    own = np.linspace(-1, 1, 201, dtype="float32")
    logits = 16 * np.stack([own, 0 * own], axis=1)
    labels = np.zeros(201, "int32")
    values = ops.convert_to_numpy(loss_class(reduction=None)(labels, logits))
    assert np.isfinite(values).all() and (np.diff(values) < 1e-6).all()
    gradient = oracles.gradient(lambda x: loss_class(reduction="sum")(labels, x), logits)
    assert np.isfinite(gradient).all() and (gradient[:-1, 0] < 0).all()
    other = oracles.gradient(lambda x: loss_class()([1, 1], x), np.float32([[16, 0], [-16, 0]]))
    assert np.isfinite(other).all()


@each_margin
def test_logits_of_another_scale_raise_or_give_nan_in_a_compiled_graph(loss_class, with_margin):
    """At the default scale of the classifier, 16, no logit is above 16."""
    scales = [inspect.signature(function).parameters["scale"].default for function in (loss_class, models.classifier)]
    assert scales == [16.0, 16.0]
    logits = np.float32([[20.0, 1.0], [3.0, 1.0]])
    with pytest.raises(ValueError, match="Logits must be at most 16.0, the scale of this loss .* Received: 20.0"):
        loss_class()([0, 1], logits)
    if keras.backend.backend() != "torch":
        values = oracles.in_model(loss_class().call, np.float32([0, 1]), logits)
        assert np.isnan(values).tolist() == [True, False]


@each_margin
def test_training_on_labels_beyond_the_classes_spoils_the_weights_or_raises(loss_class, with_margin):
    """Such as the labels of a part of a data set. A tower trained on the other labels only would seem to work."""
    model = models.classifier(towers.dense((3,), embedding_dim=4), classes=3)
    model.compile("sgd", loss_class())
    expected = nullcontext()
    if keras.backend.backend() == "torch":  # which does not compile
        expected = pytest.raises(ValueError, match="class indices from 0 to 2. Received: 5")
    with expected:
        model.fit(np.eye(3, dtype="float32"), np.array([0, 5, 1]), verbose=0)
        assert np.isnan(ops.convert_to_numpy(model.layers[-1].proxies)).all()


def test_a_margin_loss_trains_a_classifier():
    x, labels = np.repeat(np.eye(3, dtype="float32"), 8, axis=0), np.repeat(np.arange(3), 8)
    model = models.classifier(towers.dense((3,), embedding_dim=4, units=(8,)), classes=3)
    model.compile(keras.optimizers.Adam(0.03), losses.ArcFaceLoss(), metrics=["accuracy"])
    before = model.evaluate(x, labels, verbose=0, return_dict=True)["loss"]
    model.fit(np.tile(x, (30, 1)), np.tile(labels, 30), batch_size=24, verbose=0)
    after = model.evaluate(x, labels, verbose=0, return_dict=True)
    assert after["loss"] < before / 2 and after["accuracy"] == 1


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: losses.InBatchSoftmaxLoss(0.0), "`temperature` must be a number above 0. Received: temperature=0.0"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS, -1.0), "Received: temperature=-1.0"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS[:3]), r"shapes \(12, 4\) and \(3, 4\)"),
        (lambda: losses.info_nce(EMBEDDINGS[0], EMBEDDINGS[0]), r"\(batch, dim\) of the same shape. .* \(4,\)"),
        (lambda: losses.in_batch_softmax(LABELS[:3], EMBEDDINGS), r"labels of shape \(3,\)"),
        (lambda: losses.ArcFaceLoss(28.6), "`margin` must be a number of at least 0 and below 3.14"),
        (lambda: losses.CosFaceLoss(-0.1), "`margin` must be a number of at least 0. Received: margin=-0.1"),
        (lambda: losses.CosFaceLoss(scale=0), "`scale` must be a number above 0"),
        (lambda: losses.ArcFaceLoss()([2], [[1.0, 0.0]]), "Labels must be class indices from 0 to 1. Received: 2"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
