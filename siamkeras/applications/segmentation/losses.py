"""Dice and cross-entropy losses for masks, one value per image."""

import math

import keras
from keras import ops

from siamkeras._tensors import as_float
from siamkeras._validation import check_number
from siamkeras.losses._inputs import nan_unless

EPSILON = 1e-6  # clips probabilities, so that the logarithm stays finite in float32
TOLERANCE = 1e-3  # how far resizing may move values out of [0, 1]


def dice_loss(y_true, y_pred, smooth=1.0):
    """Soft Dice loss of masks (Milletari, Navab and Ahmadi, 2016).

    `1 - (2 * sum(y_true * y_pred) + smooth) / (sum(y_true^2) + sum(y_pred^2) + smooth)`

    Args:
        y_true: 1 inside the structure and 0 outside, `(batch, height, width)` or `(batch, height, width, 1)`.
        y_pred: Probability of being inside, same size, in [0, 1].
        smooth: Positive constant, small compared to the pixels of a structure; the loss of two empty masks is 0.

    Returns:
        `(batch,)`, in [0, 1]. NaN for an image with values outside [0, 1] (for example labels of 255, or logits).

    >>> from siamkeras.applications import segmentation
    >>> masks = [[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]]  # two images of one row
    >>> loss = segmentation.dice_loss(masks, [[[1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]])
    >>> [round(float(value), 3) for value in loss]
    [0.25, 0.0]

    Reference: https://arxiv.org/abs/1606.04797
    """
    smooth = check_number("smooth", smooth, above=0)
    y_true, y_pred = _flatten_pixels(y_true, y_pred)
    intersection = ops.sum(y_true * y_pred, axis=1)
    total = ops.sum(ops.square(y_true), axis=1) + ops.sum(ops.square(y_pred), axis=1)
    return _nan_outside_range(1.0 - (2.0 * intersection + smooth) / (total + smooth), y_true, y_pred)


@keras.saving.register_keras_serializable("siamkeras.applications.segmentation")
class DiceCrossEntropyLoss(keras.losses.Loss):
    """`dice_loss + weight * cross-entropy` for `compile`, with the binary cross-entropy averaged over the pixels.

    The Dice loss has almost no gradient while prediction and mask do not overlap, as in the first steps;
    cross-entropy alone favours the background if the structure is small. The loss is computed in float32, also under
    mixed precision.

    Args:
        smooth: As for `dice_loss`.
        weight: Weight of the cross-entropy, at least 0; with 0 the loss is `dice_loss`.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.
    """

    def __init__(self, smooth=1.0, weight=1.0, name="dice_cross_entropy_loss", dtype="float32", **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.smooth = check_number("smooth", smooth, above=0)
        self.weight = check_number("weight", weight, minimum=0)

    def call(self, y_true, y_pred):
        return dice_loss(y_true, y_pred, self.smooth) + self.weight * _cross_entropy(y_true, y_pred)

    def get_config(self):
        return {**super().get_config(), "smooth": self.smooth, "weight": self.weight}


def _cross_entropy(y_true, y_pred):
    """Binary cross-entropy averaged over the pixels of each image, `(batch,)`."""
    y_true, y_pred = _flatten_pixels(y_true, y_pred)
    clipped = ops.clip(y_pred, EPSILON, 1.0 - EPSILON)
    log_likelihood = y_true * ops.log(clipped) + (1.0 - y_true) * ops.log(1.0 - clipped)
    return _nan_outside_range(-ops.mean(log_likelihood, axis=1), y_true, y_pred)


def _flatten_pixels(y_true, y_pred):
    """Both masks as `(batch, pixels)` in float32 or wider."""
    y_true, y_pred = as_float(y_true), as_float(y_pred)
    shapes = [tuple(mask.shape) for mask in (y_true, y_pred)]
    shapes = [shape[:-1] if len(shape) == 4 and shape[-1] == 1 else shape for shape in shapes]
    fits = len(shapes[0]) == len(shapes[1]) == 3
    if not fits or any(None not in pair and pair[0] != pair[1] for pair in zip(*shapes, strict=True)):
        raise ValueError(
            "`y_true` and `y_pred` must be masks of the same size, (batch, height, width). "
            f"Received: shapes {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    pixels = next((math.prod(shape[1:]) for shape in shapes if None not in shape[1:]), -1)
    y_true, y_pred = (ops.reshape(mask, (ops.shape(mask)[0], pixels)) for mask in (y_true, y_pred))
    return ops.cast(y_true, y_pred.dtype), y_pred


def _nan_outside_range(values, *masks):
    """`values`, replaced by NaN for images with a pixel outside [0, 1]."""
    valid = [ops.logical_and(ops.min(m, axis=1) >= -TOLERANCE, ops.max(m, axis=1) <= 1.0 + TOLERANCE) for m in masks]
    return nan_unless(ops.logical_and(*valid), values)
