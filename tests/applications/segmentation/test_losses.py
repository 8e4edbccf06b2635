"""Losses of masks: plain loops, values by hand, extreme and invalid masks."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.applications.segmentation import DiceCrossEntropyLoss, dice_loss

RNG = np.random.default_rng(5)
TRUTH = (RNG.random((6, 4, 5)) > 0.6).astype("float32")
PROBABILITY = RNG.random((6, 4, 5)).astype("float32")
LOSS = DiceCrossEntropyLoss(weight=0.5)


def numpy(x):
    return ops.convert_to_numpy(x)


def test_the_losses_agree_with_a_loop():
    dice = np.array([oracles.dice(t.ravel(), p.ravel(), 0.5) for t, p in zip(TRUTH, PROBABILITY, strict=True)])
    entropy = [oracles.mask_cross_entropy(t.ravel(), p.ravel()) for t, p in zip(TRUTH, PROBABILITY, strict=True)]
    np.testing.assert_allclose(numpy(dice_loss(TRUTH, PROBABILITY, smooth=0.5)), dice, rtol=1e-5)
    combined = DiceCrossEntropyLoss(smooth=0.5, weight=4.0).call(TRUTH, PROBABILITY)
    np.testing.assert_allclose(numpy(combined), dice + 4.0 * np.array(entropy), rtol=1e-4)


def test_dice_by_hand():
    """Two pixels at 0.5: 1 - (2 * 0.5 + 1) / (1 + 0.5 + 1) = 0.2. The true mask: 0. The other pixel: 1 - 1 / 3.

    Two empty masks: 1 - 1 / 1. An empty mask and a pixel: 1 - 1 / 2.
    """
    truth = np.float32([[[1, 0]], [[1, 0]], [[1, 0]], [[0, 0]], [[0, 0]]])
    loss = dice_loss(truth, np.float32([[[0.5, 0.5]], [[1, 0]], [[0, 1]], [[0, 0]], [[0, 1]]]))
    np.testing.assert_allclose(numpy(loss), [0.2, 0.0, 2 / 3, 0.0, 0.5], atol=1e-6)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_values_and_gradients_are_finite_at_probabilities_0_and_1(probability):
    truth = np.float32([[[1, 0], [0, 0]], [[0, 0], [0, 0]]])
    predicted = np.full(truth.shape, probability, "float32")
    assert np.isfinite(numpy(LOSS.call(truth, predicted))).all()
    assert np.isfinite(oracles.gradient(lambda p: LOSS.call(truth, p), predicted)).all()


def test_one_value_per_image_with_sample_weights():
    values, weights = numpy(LOSS.call(TRUTH, PROBABILITY)), np.float32([1, 0, 0, 2, 0, 0])
    assert values.shape == (6,)
    expected = (values * weights).sum() / 6
    assert float(LOSS(TRUTH, PROBABILITY, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)


def test_a_channel_axis_does_not_broadcast_and_masks_may_be_boolean_or_integers():
    expected = numpy(LOSS.call(TRUTH, PROBABILITY))
    for truth in (TRUTH[..., None], TRUTH.astype(bool), TRUTH.astype("uint8")):
        np.testing.assert_allclose(numpy(LOSS.call(truth, PROBABILITY)), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_masks_give_a_float32_loss(dtype):
    """The sum of 300x300 pixels, 90,000, overflows float16."""
    truth = ops.cast(ops.ones((1, 300, 300)), dtype)
    value = LOSS(truth, truth)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(0.0, abs=1e-5)


def test_values_outside_0_and_1_give_nan_for_their_image_only():
    """Labels of 255 or of another structure, and logits."""
    for wrong in (255.0, 2.0, -1.0):
        values = TRUTH.copy()
        values[2, 1, 1] = wrong
        for result in (LOSS.call(values, PROBABILITY), LOSS.call(TRUTH, values)):
            np.testing.assert_array_equal(np.isnan(numpy(result)), np.arange(6) == 2)
    assert np.isfinite(numpy(LOSS.call(TRUTH * 1.0001, PROBABILITY))).all()  # rounding by interpolation


def test_the_loss_survives_serialisation():
    loss = DiceCrossEntropyLoss(0.3, 0.7, name="a", reduction="sum")
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is type(loss) and copy.get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("truth", "probability"),
    [((2, 3, 4), (2, 3, 5)), ((2, 3, 4), (3, 3, 4)), ((2, 3), (2, 3)), ((2, 3, 4), (2, 12))],
)
def test_masks_of_different_sizes_are_rejected(truth, probability):
    with pytest.raises(ValueError, match=r"masks of the same size, \(batch, height, width\). Received: shapes \("):
        dice_loss(np.ones(truth), np.ones(probability))


def test_smooth_must_be_positive_and_weight_not_negative():
    with pytest.raises(ValueError, match="`smooth` must be a number above 0"):
        DiceCrossEntropyLoss(smooth=0)
    with pytest.raises(ValueError, match="`weight` must be a number of at least 0"):
        DiceCrossEntropyLoss(weight=-1)
