"""The contrastive loss against a plain loop and hand-derived numbers."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses


def test_it_agrees_with_a_loop():
    rng = np.random.default_rng(5)
    same, distance = rng.uniform(size=50).round(1), rng.uniform(0, 3, size=50)
    expected = [oracles.contrastive(s, d, 1.5) for s, d in zip(same, distance, strict=True)]
    values = ops.convert_to_numpy(losses.contrastive(same, distance, margin=1.5))
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_it_pulls_positive_pairs_and_pushes_negative_pairs_up_to_the_margin():
    """Derivative: d for a positive pair, d - margin for a negative pair within the margin, 0 beyond it."""
    gradient = oracles.gradient(lambda d: losses.contrastive([1.0, 0.0, 0.0], d, margin=1.0), [0.3, 0.3, 1.2])
    np.testing.assert_allclose(gradient, [0.3, -0.7, 0.0], rtol=1e-6)


def test_a_degree_of_similarity_has_its_minimum_at_a_fraction_of_the_margin():
    """The derivative same * d - (1 - same) * (margin - d) is 0 at d = margin * (1 - same) = 1.5."""
    gradient = oracles.gradient(lambda d: losses.contrastive([0.25], d, margin=2.0), [1.5])
    np.testing.assert_allclose(gradient, [0.0], atol=1e-6)


@pytest.mark.parametrize(
    "same_shape, distance_shape", [((3, 1), (3,)), ((3,), (3, 1)), ((3, 1), (3, 1)), ((1, 1), (1,))]
)
def test_columns_do_not_broadcast_to_a_matrix(same_shape, distance_shape):
    same, distance = np.ones(same_shape, "float32"), np.full(distance_shape, 2.0, "float32")
    assert tuple(losses.contrastive(same, distance).shape) == (same_shape[0],)
    assert float(losses.ContrastiveLoss()(same, distance)) == pytest.approx(2.0)  # 2^2 / 2


def test_half_precision_and_integers_are_cast_before_squaring():
    """400 squared is infinite in float16: 400^2 / 2. Integer distance 2, label 0.5, margin 3: (4 + 1) / 4."""
    assert float(losses.contrastive([1.0], np.float16([400]))[0]) == 80_000.0
    assert float(losses.contrastive([0.5], [2], margin=3.0)[0]) == 1.25


@pytest.mark.parametrize("margin", [0, -1.0, float("nan"), "soft"])
def test_invalid_margins_raise(margin):
    for call in (losses.ContrastiveLoss, lambda margin: losses.contrastive([1.0], [1.0], margin)):
        with pytest.raises(ValueError, match="`margin` must be a number above 0. Received: margin="):
            call(margin=margin)


@pytest.mark.parametrize("same", [[1, -1], [0, 255], [2, 1], [1, np.nan], [0.5, 1.01]])
def test_labels_outside_0_to_1_raise_or_give_nan_in_a_compiled_graph(same):
    same, distance = np.float32(same), np.float32([0.5, 0.5])
    for call in (losses.contrastive, losses.ContrastiveLoss()):
        with pytest.raises(ValueError, match="Labels must be 1 = same, 0 = different, or .* Received: "):
            call(same, distance)
    if keras.backend.backend() != "torch":
        valid = (same >= 0) & (same <= 1)
        assert np.isfinite(oracles.in_model(losses.contrastive, same, distance)).tolist() == valid.tolist()


def test_rounded_degrees_and_boolean_labels_are_valid():
    """0.5^2 / 2 for a same pair and (1 - 0.5)^2 / 2 for a different one."""
    for same in ([1.0000001, -1e-7], [True, False]):
        np.testing.assert_allclose(ops.convert_to_numpy(losses.contrastive(same, [0.5, 0.5])), 0.125, rtol=1e-5)


@pytest.mark.parametrize("same_shape, distance_shape", [((2,), (3,)), ((1, 2), (1,)), ((3, 2), (3,))])
def test_labels_that_do_not_match_the_distances_raise(same_shape, distance_shape):
    with pytest.raises(ValueError, match="one label and one distance. Received: labels of shape"):
        losses.contrastive(np.ones(same_shape, "float32"), np.ones(distance_shape, "float32"))
