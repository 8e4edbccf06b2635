"""Losses of masks: how far a predicted mask is from the true one, one value per image."""

import math

import keras
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_number

SURE = 1e-6  # Probabilities are kept so far from 0 and 1: the logarithm stays finite, in float32.
SLACK = 1e-3  # What resizing leaves beyond [0, 1] is no other label.


def dice(truth, probability, smooth=1.0):
    """Soft Dice loss of masks (Milletari, Navab and Ahmadi, 2016), over all pixels of an image.

    `1 - (2 * sum(truth * probability) + smooth) / (sum(truth^2) + sum(probability^2) + smooth)`

    0 for the very mask, towards 1 for one that shares no pixel with it. A small structure counts as much as a large
    one, whatever share of the image is background.

    Args:
        truth: 1 inside the structure, 0 outside, `(batch, height, width)` or `(batch, height, width, 1)`.
        probability: Of being inside, from 0 to 1, of as many pixels.
        smooth: What is added above and below the line, more than 0: two empty masks then agree, with a loss of 0. It
            acts like so many pixels that are right, and is to be small beside a structure.

    Returns:
        One value per image, `(batch,)`; NaN for an image with a pixel outside [0, 1], so that masks of 255 or of
        several structures, and logits, are found out.

    Raises:
        ValueError: other numbers of images or pixels; `smooth` not a positive number.

    >>> from siamkeras import losses
    >>> truth = [[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]  # two images of one row
    >>> [round(float(loss), 3) for loss in losses.dice(truth, [[[1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])]
    [0.25, 0.0]

    Reference: https://arxiv.org/abs/1606.04797
    """
    smooth = check_number("smooth", smooth, above=0)
    truth, probability = _pixels(truth, probability)
    shared = 2.0 * ops.sum(truth * probability, axis=1) + smooth
    both = ops.sum(ops.square(truth), axis=1) + ops.sum(ops.square(probability), axis=1) + smooth
    return _where_known(1.0 - shared / both, truth, probability)


def mask_cross_entropy(truth, probability):
    """Cross-entropy of masks, the mean over the pixels of an image.

    `mean(-truth * log(probability) - (1 - truth) * log(1 - probability))`

    Args:
        truth: As for `dice`.
        probability: As for `dice`; those within a millionth of 0 or 1 count as a millionth away.

    Returns:
        One value per image, `(batch,)`; NaN as for `dice`.

    Raises:
        ValueError: other numbers of images or pixels.

    >>> from siamkeras import losses
    >>> print(round(float(losses.mask_cross_entropy([[[1.0, 0.0]]], [[[0.5, 0.5]]])[0]), 4))  # log 2
    0.6931
    """
    truth, probability = _pixels(truth, probability)
    sure = ops.clip(probability, SURE, 1.0 - SURE)
    inside, outside = truth * ops.log(sure), (1.0 - truth) * ops.log(1.0 - sure)
    return _where_known(-ops.mean(inside + outside, axis=1), truth, probability)


@keras.saving.register_keras_serializable("siamkeras")
class DiceLoss(keras.losses.Loss):
    """Soft Dice loss for `compile`; the formula and its source stand at `losses.dice`.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch, height, width)`, also `(..., 1)` | 1 inside the structure, 0 outside |
    | `y_pred` | `(batch, height, width)`, also `(..., 1)` | probability of being inside |

    Computed in float32 under mixed precision too; one value per image, so that `sample_weight` reaches it and the
    gradient does not depend on how many devices share a batch.

    Args:
        smooth: What is added above and below the line, more than 0.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: `smooth` not a positive number.

    >>> from siamkeras import losses
    >>> print(round(float(losses.DiceLoss()([[[1.0, 1.0, 0.0]]], [[[1.0, 0.0, 0.0]]])), 3))  # 1 - (2 + 1) / (2 + 1 + 1)
    0.25
    """

    def __init__(self, smooth=1.0, name="dice_loss", reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.smooth = check_number("smooth", smooth, above=0)

    def call(self, y_true, y_pred):
        return dice(y_true, y_pred, self.smooth)

    def get_config(self):
        return {**super().get_config(), "smooth": self.smooth}


@keras.saving.register_keras_serializable("siamkeras")
class MaskCrossEntropyLoss(keras.losses.Loss):
    """Cross-entropy of masks for `compile`; the formula stands at `losses.mask_cross_entropy`.

    Inputs and contract are those of `DiceLoss`. Keras's own binary cross-entropy takes `(batch, height, width)` for a
    batch of `(batch, height)` examples, so that weights of images do not fit; here an image has one value.

    Args:
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    >>> from siamkeras import losses
    >>> print(round(float(losses.MaskCrossEntropyLoss()([[[1.0, 0.0]]], [[[0.8, 0.2]]])), 3))  # -log 0.8
    0.223
    """

    def __init__(self, name="mask_cross_entropy_loss", reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        return mask_cross_entropy(y_true, y_pred)


@keras.saving.register_keras_serializable("siamkeras")
class DiceCrossEntropyLoss(DiceLoss):
    """`DiceLoss` plus `weight` times `MaskCrossEntropyLoss`: what few-shot segmentation is trained with here.

    Dice alone hardly moves where a prediction shares no pixel with the mask, as in the first steps; cross-entropy
    alone is content with calling a small structure background.

    Args:
        smooth: As for `DiceLoss`.
        weight: Of the cross-entropy, at least 0.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: `smooth` not a positive number; `weight` below 0.

    >>> from siamkeras import losses
    >>> print(round(float(losses.DiceCrossEntropyLoss(weight=0.5)([[[1.0, 0.0]]], [[[1.0, 0.0]]])), 3))
    0.0
    """

    def __init__(self, smooth=1.0, weight=1.0, name="dice_cross_entropy_loss", **kwargs):
        super().__init__(smooth, name, **kwargs)
        self.weight = check_number("weight", weight, minimum=0)

    def call(self, y_true, y_pred):
        return dice(y_true, y_pred, self.smooth) + self.weight * mask_cross_entropy(y_true, y_pred)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


def _pixels(truth, probability):
    """Both as `(batch, pixels)`, float32 at least."""
    truth, probability = distances.as_float(truth), distances.as_float(probability)
    shapes = tuple(truth.shape), tuple(probability.shape)
    # Their sides one by one: (height, width) against (width, height) has as many pixels.
    sides = [shape[:-1] if len(shape) > 3 and shape[-1] == 1 else shape for shape in shapes]
    is_mask = 3 <= len(sides[0]) == len(sides[1])
    if not is_mask or any(None not in pair and pair[0] != pair[1] for pair in zip(*sides, strict=True)):
        raise ValueError(
            "A mask is (batch, height, width), the true one of as many images and pixels as the predicted one. "
            f"Received: shapes {shapes[0]} and {shapes[1]}."
        )
    columns = next((math.prod(shape[1:]) for shape in shapes if None not in shape[1:]), -1)
    truth, probability = (ops.reshape(each, (ops.shape(each)[0], columns)) for each in (truth, probability))
    return ops.cast(truth, probability.dtype), probability


def _where_known(values, *pixels):
    """The values of images whose pixels all lie in [0, 1], NaN for the others."""
    known = [ops.logical_and(ops.min(each, axis=1) >= -SLACK, ops.max(each, axis=1) <= 1.0 + SLACK) for each in pixels]
    return ops.where(ops.logical_and(*known), values, float("nan"))
