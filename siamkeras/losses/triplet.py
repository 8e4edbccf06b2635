"""Triplet loss, of given triplets or of the triplets within a batch of labelled embeddings."""

import keras
from keras import ops

from siamkeras import distances
from siamkeras._tensors import as_float
from siamkeras._validation import check_choice
from siamkeras.losses import _mining
from siamkeras.losses._all_triplets import sums_by_sorting
from siamkeras.losses._inputs import BatchLoss, check_margin, flat_labels, mean_per_example

_MINING = ("all", *_mining.MINERS)
_AVERAGES = ("active", "all")


def triplet(d_pos, d_neg, margin=0.2):
    """Triplet loss (Weinberger and Saul, 2009; Schroff, Kalenichenko and Philbin, 2015).

    `max(d_pos - d_neg + margin, 0)`

    The negative should be farther from the anchor than the positive is, by at least the margin. A triplet with a loss
    above 0 is called active. With `margin="soft"` the loss is `log(1 + exp(d_pos - d_neg))`, which is never 0.

    Args:
        d_pos: Distance from the anchor to the positive, of any shape, such as `(batch,)`.
        d_neg: Distance from the anchor to the negative, of the same shape.
        margin: A positive number in units of distance, or "soft" (Hermans, Beyer and Leibe, 2017).

    Returns:
        One value per triplet, of the same shape.

    >>> from siamkeras import losses
    >>> [round(float(loss), 3) for loss in losses.triplet([0.5, 0.5, 0.5], [0.4, 0.6, 0.8], margin=0.2)]
    [0.3, 0.1, 0.0]

    References: https://jmlr.org/papers/v10/weinberger09a.html, https://arxiv.org/abs/1503.03832,
    https://arxiv.org/abs/1703.07737
    """
    margin = check_margin(margin, allow_soft=True)
    d_pos, d_neg = as_float(d_pos), as_float(d_neg)
    if d_pos.shape != d_neg.shape:
        raise ValueError(
            "Every triplet needs one d_pos and one d_neg. "
            f"Received: shapes {tuple(d_pos.shape)} and {tuple(d_neg.shape)}."
        )
    return _triplet(d_pos, d_neg, margin)


def _triplet(d_pos, d_neg, margin):
    return ops.softplus(d_pos - d_neg) if margin == "soft" else ops.maximum(d_pos - d_neg + margin, 0.0)


def batch_triplet(labels, embeddings, margin=0.2, mining="all", distance="euclidean", average="active"):
    """Triplet loss over the triplets within a batch of labelled embeddings.

    | `mining` | triplets of an anchor |
    |---|---|
    | `"all"` | every positive with every negative |
    | `"hard"` | the farthest positive with the nearest negative |
    | `"semi_hard"` | every positive with its semi-hard negative |

    The semi-hard negative of a positive is the nearest negative that is farther from the anchor than this positive;
    without one, the farthest negative. With `margin="soft"` practically all triplets are active.

    `"all"` with a numeric margin takes O(n^2 log n) time and O(n^2) memory, with `margin="soft"` O(n^3).

    Args:
        labels: Class index of each example, `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        margin: As for `triplet`.
        mining: A name from the table.
        distance: A name in `distances.DISTANCES`, or a function `(batch, dim), (batch, dim) -> (batch,)`.
        average: `"active"` averages over the active triplets, so that the gradient does not shrink while they become
            fewer; `"all"` averages over all triplets that `mining` selects.

    Returns:
        One value per anchor, `(batch,)`, scaled so that the mean over the batch is the mean over the active triplets,
        or over all, see `average`; 0 for an anchor without a positive or a negative.

    >>> from siamkeras import losses
    >>> embeddings = [[0.0], [1.0], [1.5]]  # anchor 0: d_pos 1, d_neg 1.5; anchor 1: d_pos 1, d_neg 0.5
    >>> values = losses.batch_triplet([7, 7, 4], embeddings, margin=0.2)
    >>> [round(float(value), 3) for value in values]  # one active triplet, with loss 0.7, which is the mean
    [0.0, 2.1, 0.0]
    """
    check_choice("average", average, _AVERAGES)
    sums, active, total = _triplet_sums(labels, embeddings, margin, mining, distance)
    return mean_per_example(sums, active if average == "active" else total)


def _active_fraction(labels, embeddings, margin, mining, distance):
    """Fraction of the triplets within a batch that are active, a scalar; 0 without triplets."""
    _, active, total = _triplet_sums(labels, embeddings, margin, mining, distance)
    return ops.sum(active) / ops.maximum(ops.sum(total), 1.0)


@keras.saving.register_keras_serializable("siamkeras")
class TripletLoss(BatchLoss):
    """Triplet loss of class indices and embeddings for `compile`; see `losses.batch_triplet`.

    `sample_weight` applies to anchors.

    Args:
        margin, mining, average: As for `losses.batch_triplet`.
        distance: As for `losses.batch_triplet`; register your own function with
            `keras.saving.register_keras_serializable`.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.

    >>> from siamkeras import losses
    >>> loss = losses.TripletLoss(margin=0.2, mining="hard")
    >>> print(round(float(loss([7, 7, 4], [[0.0], [1.0], [1.5]])), 3))  # the mean of the only active triplet
    0.7
    """

    def __init__(self, margin=0.2, mining="all", distance="euclidean", average="active", name="triplet_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = check_margin(margin, allow_soft=True)
        self.mining = check_choice("mining", mining, _MINING)
        self.distance = distances.get(distance)
        self.average = check_choice("average", average, _AVERAGES)

    def call(self, y_true, y_pred):
        return batch_triplet(y_true, y_pred, self.margin, self.mining, self.distance, self.average)

    def get_config(self):
        distance = distances._serialize(self.distance)
        config = {"margin": self.margin, "mining": self.mining, "distance": distance, "average": self.average}
        return {**super().get_config(), **config}


def _triplet_sums(labels, embeddings, margin, mining, distance):
    """For each anchor the sum of its triplet losses, the number of active triplets and the number of triplets."""
    margin = check_margin(margin, allow_soft=True)
    check_choice("mining", mining, _MINING)
    labels, embeddings = flat_labels(labels, embeddings)
    matrix = distances.pairwise(embeddings, embeddings, distance)
    if mining == "all":
        sums = _sums_by_definition if margin == "soft" else sums_by_sorting
        return sums(matrix, _mining.positives(labels), _mining.negatives(labels), margin)
    positive, negative, valid = _mining.MINERS[mining](ops.stop_gradient(matrix), labels)
    if mining == "hard":
        # Computing 2 n distances again is faster and more exact than the gradient through the matrix.
        d_pos, d_neg = (
            distances.get(distance)(embeddings, ops.take(embeddings, columns[:, 0], axis=0))[:, None]
            for columns in (positive, negative)
        )
    else:
        d_pos, d_neg = (ops.take_along_axis(matrix, columns, axis=1) for columns in (positive, negative))
    loss = _triplet(ops.where(valid, d_pos, 0.0), ops.where(valid, d_neg, 0.0), margin)
    return _sums(loss, valid, axis=1)


def _sums_by_definition(distance, positive, negative, margin):
    """`_triplet_sums` over all triplets, in O(n^3): entry (a, p, n) is the triplet of anchor a, positive p, negative n.

    `sums_by_sorting` returns the same for a numeric margin without building the triplets.
    """
    loss = _triplet(distance[:, :, None], distance[:, None, :], margin)
    valid = ops.logical_and(positive[:, :, None], negative[:, None, :])
    return _sums(loss, valid, axis=(1, 2))


def _sums(loss, valid, axis):
    active = ops.logical_and(valid, loss > 0)
    return (
        ops.sum(ops.where(valid, loss, 0.0), axis=axis),
        ops.sum(ops.cast(active, loss.dtype), axis=axis),
        ops.sum(ops.cast(valid, loss.dtype), axis=axis),
    )
