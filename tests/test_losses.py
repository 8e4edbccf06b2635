"""The contrastive loss against a loop, hand-derived numbers, and everything that a batch can be."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses


def numpy(x):
    return ops.convert_to_numpy(x)


def test_contrastive_agrees_with_the_loop():
    rng = np.random.default_rng(5)
    same, distance = rng.uniform(size=50).round(1), rng.uniform(0, 3, size=50)
    expected = [oracles.contrastive(s, d, 1.5) for s, d in zip(same, distance, strict=True)]
    np.testing.assert_allclose(numpy(losses.contrastive(same, distance, margin=1.5)), expected, rtol=1e-5)


def test_contrastive_by_hand():
    """Margin 2. Same at 0.6: 0.36 / 2. Different at 0.6: 1.4^2 / 2; at 2 and beyond: nothing. Half: both / 2."""
    found = numpy(losses.contrastive([1.0, 0.0, 0.0, 0.0, 0.5], [0.6, 0.6, 2.0, 5.0, 0.6], margin=2.0))
    np.testing.assert_allclose(found, [0.18, 0.98, 0.0, 0.0, 0.58], rtol=1e-6)


def test_same_pairs_are_pulled_and_different_pairs_pushed():
    """d/dd: same gives d = 0.3, different -(margin - d) = -0.7, beyond the margin 0."""
    gradient = oracles.gradient(lambda d: losses.contrastive([1.0, 0.0, 0.0], d, margin=1.0), [0.3, 0.3, 1.2])
    np.testing.assert_allclose(gradient, [0.3, -0.7, 0.0], rtol=1e-6)


@pytest.mark.parametrize("same", [0.0, 0.25, 0.5, 1.0])
def test_a_degree_of_sameness_is_best_at_its_share_of_the_margin(same):
    """The slope is same * d - (1 - same) * (margin - d), which is 0 at d = margin * (1 - same)."""
    distance = np.linspace(0, 2, 2001)
    best = distance[numpy(losses.contrastive(np.full(2001, same), distance, margin=2.0)).argmin()]
    assert best == pytest.approx(2.0 * (1 - same), abs=2e-3)


@pytest.mark.parametrize(
    "same_shape, distance_shape", [((3, 1), (3,)), ((3,), (3, 1)), ((3, 1), (3, 1)), ((1, 1), (1,))]
)
def test_columns_do_not_become_a_square(same_shape, distance_shape):
    same, distance = np.ones(same_shape, "float32"), np.full(distance_shape, 2.0, "float32")
    assert tuple(losses.contrastive(same, distance).shape) == (same_shape[0],)
    assert float(losses.ContrastiveLoss()(same, distance)) == pytest.approx(2.0)


def test_other_numbers_of_labels_and_distances_are_refused():
    with pytest.raises(ValueError, match=r"one label and one distance. Received: \(2,\) labels, \(3,\) distances"):
        losses.contrastive(np.ones(2), np.ones(3))


def test_one_hot_labels_are_refused_also_in_a_batch_of_one():
    with pytest.raises(ValueError, match=r"shapes \(1, 2\) and \(1,\)"):
        losses.contrastive(np.ones((1, 2), "float32"), np.ones(1, "float32"))


def test_whole_numbers_are_distances_too():
    """0.5 * 4 / 2 + 0.5 * 1 / 2."""
    assert float(losses.contrastive([0.5], [2], margin=3.0)[0]) == 1.25


def test_the_class_is_the_mean_of_the_function():
    same, distance = np.float32([1, 0, 0.3]), np.float32([0.2, 0.4, 0.9])
    expected = numpy(losses.contrastive(same, distance, 0.7)).mean()
    assert float(losses.ContrastiveLoss(margin=0.7)(same, distance)) == pytest.approx(expected)


def test_one_value_per_pair_and_sample_weights_reach_it():
    """Weights 3, 0, 1 on losses 2, 2, 0.5 divided by three pairs: (6 + 0 + 0.5) / 3."""
    same, distance = np.float32([1, 1, 1]), np.float32([2, 2, 1])
    loss = losses.ContrastiveLoss()
    assert tuple(loss.call(same, distance).shape) == (3,)
    assert float(loss(same, distance, sample_weight=np.float32([3, 0, 1]))) == pytest.approx(6.5 / 3)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_distances_give_a_float32_loss(dtype):
    """In float16 a distance of 400 squared is infinite; the loss casts up first: 400^2 / 2."""
    loss = losses.ContrastiveLoss()([1.0], ops.cast(ops.convert_to_tensor([400.0]), dtype))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == 80_000.0


@pytest.mark.parametrize("same", [[1.0, 1.0], [0.0, 0.0]])
def test_batches_of_one_kind_are_fine(same):
    assert np.isfinite(float(losses.ContrastiveLoss()(same, [0.5, 0.0])))


def test_collapsed_embeddings_stand_at_a_quarter_of_the_squared_margin():
    """All distances 0, half of the pairs same: (0 + margin^2 / 2) / 2; margin 2 gives 1."""
    assert float(losses.ContrastiveLoss(margin=2.0)([1.0, 0.0], [0.0, 0.0])) == 1.0


@pytest.mark.parametrize("margin", [0, -1.0, float("nan"), float("inf"), "1", None, True])
def test_a_margin_that_is_no_distance_is_refused(margin):
    with pytest.raises(ValueError, match=r"`margin` .* above 0. Received: margin="):
        losses.ContrastiveLoss(margin=margin)
    with pytest.raises(ValueError, match=r"`margin` .* above 0. Received: margin="):
        losses.contrastive([1.0], [1.0], margin=margin)


def test_numpy_numbers_are_margins_too():
    assert losses.ContrastiveLoss(margin=np.float32(0.5)).margin == 0.5


def test_loss_survives_a_round_trip():
    loss = losses.ContrastiveLoss(margin=0.3, name="mine", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, losses.ContrastiveLoss)
    assert again.get_config() == loss.get_config()
    assert (again.margin, again.name, again.reduction) == (0.3, "mine", "sum")
