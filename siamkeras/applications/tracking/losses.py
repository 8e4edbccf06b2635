"""The balanced logistic loss of score maps."""

import keras
from keras import ops

from siamkeras._tensors import as_float
from siamkeras.losses._inputs import nan_unless


def score_map_loss(labels, scores):
    """Balanced logistic loss of score maps: target and background cells have the same total weight.

    `1/2 * mean of log(1 + exp(-score)) over cells of label 1 + 1/2 * mean of log(1 + exp(score)) over cells of label 0`

    Without the balance, a map that is low everywhere would be nearly optimal, since few cells belong to the target. If
    a map has cells of one label only, the other term is 0.

    Args:
        labels: 1 for cells of the target, 0 elsewhere, `(batch, height, width)` or `(batch, height, width, 1)`.
        scores: Logits of the same shape; half precision is cast to float32.

    Returns:
        One value per example, `(batch,)`; NaN for labels other than 0 and 1.
    """
    labels, scores = ops.convert_to_tensor(labels), as_float(scores)
    shapes = tuple(labels.shape), tuple(scores.shape)
    labels, scores = (ops.reshape(x, (ops.shape(x)[0], -1)) for x in (labels, scores))
    if any(None not in sides and sides[0] != sides[1] for sides in zip(labels.shape, scores.shape, strict=True)):
        raise ValueError(f"Expected labels and scores of the same shape. Received: {shapes[0]} and {shapes[1]}.")
    is_target, is_background = labels == 1, labels == 0
    value = (_masked_mean(ops.softplus(-scores), is_target) + _masked_mean(ops.softplus(scores), is_background)) / 2
    is_valid = ops.all(ops.logical_or(is_target, is_background), axis=1)
    return nan_unless(is_valid, value)


def _masked_mean(values, mask):
    mask = ops.cast(mask, values.dtype)
    return ops.sum(values * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


@keras.saving.register_keras_serializable("siamkeras.applications.tracking")
class ScoreMapLoss(keras.losses.Loss):
    """Balanced logistic loss of score maps, for training `tracking.siamfc`; see `score_map_loss` for the formula.

    Computed in float32, also under mixed precision.
    """

    def __init__(self, name="score_map_loss", reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        return score_map_loss(y_true, y_pred)
