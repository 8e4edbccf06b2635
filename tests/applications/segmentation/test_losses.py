"""Dice and cross-entropy of masks against loops, hand-derived numbers, and everything that a mask can be."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

RNG = np.random.default_rng(5)
TRUTH = (RNG.random((6, 4, 5)) > 0.6).astype("float32")
PROBABILITY = RNG.random((6, 4, 5)).astype("float32")
ALL = [losses.DiceLoss(), losses.MaskCrossEntropyLoss(), losses.DiceCrossEntropyLoss(weight=0.5)]


def numpy(x):
    return ops.convert_to_numpy(x)


def test_dice_agrees_with_the_loop():
    expected = [oracles.dice(t.ravel(), p.ravel(), 0.5) for t, p in zip(TRUTH, PROBABILITY, strict=True)]
    np.testing.assert_allclose(numpy(losses.dice(TRUTH, PROBABILITY, smooth=0.5)), expected, rtol=1e-5)


def test_cross_entropy_agrees_with_the_loop():
    expected = [oracles.mask_cross_entropy(t.ravel(), p.ravel()) for t, p in zip(TRUTH, PROBABILITY, strict=True)]
    np.testing.assert_allclose(numpy(losses.mask_cross_entropy(TRUTH, PROBABILITY)), expected, rtol=1e-4)


def test_dice_by_hand():
    """smooth 1. Inside at 0.5, one other pixel at 0.5: 1 - (2 * 0.5 + 1) / (1 + 0.5 + 1) = 0.2. The very mask: 0. None
    of two pixels: 1 - 1 / (2 + 1) = 2/3."""
    truth = np.float32([[[1, 0]], [[1, 0]], [[1, 0]]])
    found = losses.dice(truth, np.float32([[[0.5, 0.5]], [[1, 0]], [[0, 1]]]))
    np.testing.assert_allclose(numpy(found), [0.2, 0.0, 2 / 3], atol=1e-6)


def test_two_empty_masks_agree_and_a_found_pixel_beside_an_empty_mask_costs():
    """1 - 1 / 1 = 0; 1 - 1 / (1 + 1) = 0.5."""
    empty = np.zeros((2, 1, 2), "float32")
    found = losses.dice(empty, np.float32([[[0, 0]], [[0, 1]]]))
    np.testing.assert_allclose(numpy(found), [0.0, 0.5])


@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
def test_values_and_gradients_are_finite_where_a_network_is_sure(loss, probability):
    truth = np.float32([[[1, 0], [0, 0]], [[0, 0], [0, 0]]])
    found = np.full(truth.shape, probability, "float32")
    assert np.isfinite(numpy(loss.call(truth, found))).all()
    assert np.isfinite(oracles.gradient(lambda p: loss.call(truth, p), found)).all()


def test_the_gradient_calls_for_more_inside_and_less_outside():
    for loss in ALL:
        gradient = oracles.gradient(lambda p, loss=loss: loss.call(np.float32([[[1, 0]]]), p), [[[0.5, 0.5]]])
        assert gradient[0, 0, 0] < 0 < gradient[0, 0, 1]


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
def test_one_value_per_image_and_sample_weights_reach_it(loss):
    each = numpy(loss.call(TRUTH, PROBABILITY))
    assert each.shape == (6,)
    weights = np.float32([1, 0, 0, 2, 0, 0])
    expected = (each * weights).sum() / 6
    assert float(loss(TRUTH, PROBABILITY, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
def test_a_channel_does_not_become_a_square(loss):
    """(6, 4, 5, 1) against (6, 4, 5)."""
    np.testing.assert_allclose(
        numpy(loss.call(TRUTH[..., None], PROBABILITY)), numpy(loss.call(TRUTH, PROBABILITY)), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
def test_half_precision_masks_give_a_float32_loss(loss, dtype):
    """300 x 300 pixels inside: the sum, 90,000, is beyond float16. The very mask has Dice 0, and a cross-entropy of
    about -log(1 - 1e-6)."""
    truth = ops.cast(ops.ones((1, 300, 300)), dtype)
    found = loss(truth, truth)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(0.0, abs=1e-5)


def test_booleans_and_whole_numbers_are_masks_too():
    for kind in (bool, "int32", "uint8"):
        np.testing.assert_allclose(
            numpy(losses.dice(TRUTH.astype(kind), PROBABILITY)), numpy(losses.dice(TRUTH, PROBABILITY)), rtol=1e-6
        )


@pytest.mark.parametrize(
    "truth, probability",
    [((2, 3, 4), (2, 3, 5)), ((2, 3, 4), (3, 3, 4)), ((2, 3), (2, 3)), ((2, 3, 4), (2, 12)), ((2, 3, 4), (2, 4, 3))],
)
def test_masks_of_other_sizes_are_refused(truth, probability):
    with pytest.raises(ValueError, match=r"A mask is \(batch, height, width\).*Received: shapes \("):
        losses.dice(np.ones(truth), np.ones(probability))
    with pytest.raises(ValueError, match=r"A mask is \(batch, height, width\).*Received: shapes \("):
        losses.mask_cross_entropy(np.ones(truth), np.ones(probability))


@pytest.mark.parametrize("smooth", [0, -1.0, float("nan"), "1", None, True])
def test_numbers_that_make_no_sense_are_refused(smooth):
    with pytest.raises(ValueError, match="`smooth` must be a number above 0. Received: smooth="):
        losses.DiceLoss(smooth=smooth)
    with pytest.raises(ValueError, match="`weight` must be a number, at least 0. Received: weight=-1"):
        losses.DiceCrossEntropyLoss(weight=-1)


def test_the_sum_is_the_sum():
    expected = numpy(losses.dice(TRUTH, PROBABILITY, 2.0)) + 0.25 * numpy(losses.mask_cross_entropy(TRUTH, PROBABILITY))
    np.testing.assert_allclose(
        numpy(losses.DiceCrossEntropyLoss(2.0, 0.25).call(TRUTH, PROBABILITY)), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    "loss",
    [
        losses.DiceLoss(smooth=0.3, name="mine", reduction="sum"),
        losses.MaskCrossEntropyLoss(name="mine", reduction="sum"),
        losses.DiceCrossEntropyLoss(smooth=0.3, weight=0.7, name="mine", reduction="sum"),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_survive_a_round_trip(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert (again.name, again.reduction) == ("mine", "sum")


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
def test_what_is_no_mask_or_no_probability_gives_nan_for_that_image_alone(loss):
    """Masks of 255, of structure 2, of -1; logits."""
    for wrong in (255.0, 2.0, -1.0):
        values = TRUTH.copy()
        values[2, 1, 1] = wrong
        for found in (loss.call(values, PROBABILITY), loss.call(TRUTH, values)):
            np.testing.assert_array_equal(np.isnan(numpy(found)), np.arange(6) == 2)
    assert np.isfinite(numpy(loss.call(TRUTH * 1.0001, PROBABILITY))).all()  # as resizing leaves it
