"""What a score map is to say: high where the object is, low elsewhere."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_integer, check_number

OBJECT, ELSEWHERE, NEUTRAL = 1.0, 0.0, 0.5


def label_map(size, radius, stride=1, at=(0.0, 0.0), neutral=0.0):
    """Label of each cell of a score map: 1 where the object is, 0 elsewhere, 0.5 where it does not count.

    Cells are told by where they lie in the search image, whose pixels are `stride` to a cell, and whose centre is the
    middle of the map.

    Args:
        size: Cells a side, a whole number.
        radius: Cells whose distance from the object is at most so many pixels of the search image count as its own.
        stride: Pixels from one cell to the next.
        at: Where the object's centre is, in pixels of the search image from its centre: `(x, y)`, to the right and
            down; or None for an object that is not in the search at all.
        neutral: Cells up to so many pixels beyond `radius` are 0.5: they count for neither.

    Returns:
        `(size, size)` float32.

    Raises:
        ValueError: numbers out of range, or a place that is none.

    >>> from siamkeras import tracking
    >>> print(tracking.label_map(5, radius=4, stride=4, at=(4, 0), neutral=2))  # one cell to the right
    [[0.  0.  0.  0.  0. ]
     [0.  0.  0.5 1.  0.5]
     [0.  0.  1.  1.  1. ]
     [0.  0.  0.5 1.  0.5]
     [0.  0.  0.  0.  0. ]]

    Reference: Bertinetto et al. (2016), equation 4, https://arxiv.org/abs/1606.09549
    """
    size = check_integer("size", size, 1)
    radius, stride = check_number("radius", radius, above=0), check_number("stride", stride, above=0)
    if isinstance(neutral, bool) or not isinstance(neutral, numbers.Real) or not 0 <= neutral < math.inf:
        raise ValueError(f"`neutral` must be a number of pixels, at least 0. Received: neutral={neutral!r}.")
    if at is None:
        return np.zeros((size, size), "float32")
    try:
        at = np.asarray(at, "float64")
    except (TypeError, ValueError):  # words, or rows of several lengths
        at = np.array(str(at))
    if at.shape != (2,) or not np.isfinite(at).all():
        raise ValueError(f"`at` must be a place (x, y) in pixels, or None. Received: at={at.tolist()!r}.")
    cells = (np.arange(size) - (size - 1) / 2) * stride
    away = np.hypot(cells[None, :] - at[0], cells[:, None] - at[1])
    return np.select([away <= radius, away <= radius + neutral], [OBJECT, NEUTRAL], ELSEWHERE).astype("float32")


def score_map(labels, scores, object_share=0.5):
    """Logistic loss of a score map, as a mean over its cells in which the object weighs as much as all the rest.

    `object_share * mean of log(1 + exp(-score))` over the cells of label 1
    `+ (1 - object_share) * mean of log(1 + exp(score))` over those of label 0

    A score is a logit: its sigmoid is how sure the map is that the object is there. Few cells are the object's; without
    the balance a map that says "nowhere" would be nearly right. Where a map has no cell of one kind, that part is 0.

    Args:
        labels: 1 for cells of the object, 0 elsewhere, 0.5 for what does not count, as `label_map` gives them;
            `(batch, height, width)` or `(batch, height, width, 1)`.
        scores: Score maps of the same shape; half precision is cast up to float32.
        object_share: What the object's cells weigh, between 0 and 1.

    Returns:
        One value per example, `(batch,)`; NaN for a map with any other label, so that maps of +1 and -1, as the paper
        has them, are found out.

    Raises:
        ValueError: labels and scores of different shape; `object_share` not between 0 and 1.

    >>> from siamkeras import tracking
    >>> values = tracking.score_map([[[1.0, 0.0, 0.0]]], [[[0.0, 0.0, 0.0]]])  # unsure everywhere: log 2
    >>> [round(float(value), 4) for value in values]
    [0.6931]

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """
    object_share = _check_share(object_share)
    labels, scores = _maps(labels, scores)
    is_object, is_elsewhere = labels == OBJECT, labels == ELSEWHERE
    known = ops.logical_or(ops.logical_or(is_object, is_elsewhere), labels == NEUTRAL)
    # softplus(-s) where the object is, softplus(s) elsewhere: log(1 + exp(s)) without its overflow.
    signed = ops.where(is_object, -scores, scores)
    costs = ops.softplus(ops.where(known, signed, 0.0))
    value = object_share * _mean(costs, is_object) + (1.0 - object_share) * _mean(costs, is_elsewhere)
    return ops.where(ops.all(known, axis=1), value, float("nan"))


def _mean(costs, mask):
    mask = ops.cast(mask, costs.dtype)
    return ops.sum(costs * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


def _maps(labels, scores):
    """Both as `(batch, cells)`, scores in float32 at least.

    Raises:
        ValueError: other shapes.
    """
    labels, scores = ops.convert_to_tensor(labels), distances.as_float(scores)
    shapes = tuple(labels.shape), tuple(scores.shape)
    sides = [shape[:-1] if len(shape) == 4 and shape[3] == 1 else shape for shape in shapes]
    fit = all(len(side) == 3 for side in sides) and all(
        None in pair or pair[0] == pair[1] for pair in zip(*sides, strict=True)
    )
    if not fit:
        raise ValueError(
            "Every score map needs a label map of its size, (batch, height, width). Received: "
            f"labels {shapes[0]}, scores {shapes[1]}."
        )
    cells = [ops.reshape(each, (ops.shape(each)[0], -1)) for each in (labels, scores)]
    return ops.cast(cells[0], scores.dtype), cells[1]


def _check_share(share):
    if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 < share < 1:
        raise ValueError(f"`object_share` must be a number between 0 and 1. Received: object_share={share!r}.")
    return float(share)


@keras.saving.register_keras_serializable("siamkeras")
class ScoreMapLoss(keras.losses.Loss):
    """Balanced logistic loss of score maps for `compile`, for `tracking.siamese`.

    The formula stands at `tracking.score_map`.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch, height, width)` | 1 for cells of the object, 0 elsewhere, 0.5 for what does not count |
    | `y_pred` | `(batch, height, width)` | score of each cell, a logit |

    Computed in float32 under mixed precision too; takes part in `sample_weight`; one value per example.

    Args:
        object_share: What the object's cells weigh, between 0 and 1.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: `object_share` not between 0 and 1.

    >>> from siamkeras import tracking
    >>> loss = tracking.ScoreMapLoss()
    >>> print(round(float(loss([[[1.0, 0.0]]], [[[2.0, -2.0]]])), 4))  # log(1 + exp(-2)) for both
    0.1269
    """

    def __init__(self, object_share=0.5, name="score_map_loss", reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.object_share = _check_share(object_share)

    def call(self, y_true, y_pred):
        return score_map(y_true, y_pred, self.object_share)

    def get_config(self):
        return {**super().get_config(), "object_share": self.object_share}
