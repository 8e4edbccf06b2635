"""Losses of triplets: an anchor, a positive of its class, a negative of another; given as such, or found in a batch."""

import keras
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_choice
from siamkeras.losses import _masks as masks
from siamkeras.losses import _mining as miners
from siamkeras.losses._inputs import SOFT, check_margin, labelled, per_example

MINING = ("all", *miners.MINERS)
AVERAGES = ("active", "all")


def triplet(d_pos, d_neg, margin=0.2):
    """Triplet loss (Weinberger and Saul, 2009; Schroff, Kalenichenko and Philbin, 2015).

    `max(d_pos - d_neg + margin, 0)`

    The negative is to be farther from the anchor than the positive is, by the margin: no distance has to reach a value
    of its own, only their order counts. A triplet that is in order costs nothing and teaches nothing; the others are
    called active. With `margin="soft"` the loss is `log(1 + exp(d_pos - d_neg))`, which goes on pulling, less and less.

    Args:
        d_pos: Distance from the anchor to the positive, any shape, such as `(batch,)`.
        d_neg: Distance from the anchor to the negative, of the same shape.
        margin: By how much, in units of distance, more than 0; or "soft" (Hermans, Beyer and Leibe, 2017).

    Returns:
        One value per triplet, of the same shape.

    Raises:
        ValueError: different shapes; a margin that is neither a positive number nor "soft".

    >>> from siamkeras import losses
    >>> [round(float(loss), 3) for loss in losses.triplet([0.5, 0.5, 0.5], [0.4, 0.6, 0.8], margin=0.2)]
    [0.3, 0.1, 0.0]

    References: https://jmlr.org/papers/v10/weinberger09a.html, https://arxiv.org/abs/1503.03832,
    https://arxiv.org/abs/1703.07737
    """
    margin = check_margin(margin, soft=True)
    d_pos, d_neg = (distances.as_float(distance) for distance in (d_pos, d_neg))
    if d_pos.shape != d_neg.shape:
        raise ValueError(
            "Every triplet needs one d_pos and one d_neg. "
            f"Received: shapes {tuple(d_pos.shape)} and {tuple(d_neg.shape)}."
        )
    return ops.softplus(d_pos - d_neg) if margin == SOFT else ops.maximum(d_pos - d_neg + margin, 0.0)


def batch_triplet(labels, embeddings, margin=0.2, mining="all", distance="euclidean", average="active"):
    """Triplet loss over the triplets within a batch of labelled embeddings.

    | `mining` | the triplets of an anchor |
    |---|---|
    | `"all"` | every positive with every negative |
    | `"hard"` | the farthest positive with the nearest negative |
    | `"semi_hard"` | every positive with the nearest negative that is farther than it; or else the farthest |

    `"all"` with a margin is exact, and takes O(n^2 log n) time and O(n^2) memory for the O(n^3) triplets: it sorts the
    distances of each row once (see `_all`). With `margin="soft"` there is no such short cut, and it takes O(n^3).

    Args:
        labels: Class of each example, whole numbers; `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`; half precision is cast up to float32.
        margin: As for `triplet`.
        mining: A name from the table.
        distance: A name in `distances.DISTANCES`, or a function of the same kind.
        average: Over which triplets the mean of the values below is a mean: `"active"`, those that cost something, so
            that the step does not shrink while ever fewer do; or `"all"` of those that `mining` chose.

    Returns:
        One value per anchor, `(batch,)`: its share of the loss, scaled so that the mean over the batch is the mean
        over the triplets. An anchor without a positive or a negative has 0, and weighs nothing; so has a whole batch
        of one class, or with nobody twice.

    Raises:
        ValueError: labels and embeddings that do not belong together; unknown `mining`, `distance` or `average`; a
            margin that is neither a positive number nor "soft".

    >>> from siamkeras import losses
    >>> embeddings = [[0.0], [1.0], [1.5]]  # anchor 1: d_pos 1, d_neg 0.5; anchor 0: d_pos 1, d_neg 1.5
    >>> values = losses.batch_triplet([7, 7, 4], embeddings, margin=0.2)
    >>> [round(float(value), 3) for value in values]  # one active triplet of 0.7, whose mean is 0.7
    [0.0, 2.1, 0.0]
    """
    sums, active, counts = _sums(labels, embeddings, margin, mining, distance)
    return per_example(sums, active if check_choice("average", average, AVERAGES) == "active" else counts)


def active_fraction(labels, embeddings, margin=0.2, mining="all", distance="euclidean"):
    """Share of the triplets within a batch that cost something, a scalar; 0 if there is no triplet.

    Args and errors: as for `batch_triplet`.
    """
    _, active, counts = _sums(labels, embeddings, margin, mining, distance)
    return ops.sum(active) / ops.maximum(ops.sum(counts), 1.0)


@keras.saving.register_keras_serializable("siamkeras")
class TripletLoss(keras.losses.Loss):
    """Triplet loss for `compile`, for a tower that is trained on batches of labelled examples.

    The formula stands at `losses.triplet`, the choice of triplets at `losses.batch_triplet`.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch,)` or `(batch, 1)` | class of each example, whole numbers up to 2^24 |
    | `y_pred` | `(batch, dim)` | embeddings, as a tower gives them |

    Computed in float32 under mixed precision too. One value per anchor, which `sample_weight` weighs; on several
    devices each looks for its triplets in its own part of the batch, and the loss is the mean over the devices.

    Args:
        margin: By how much a negative is to be farther than a positive, in units of distance, more than 0; or "soft".
            Embeddings of length 1 are at most 2 apart in Euclidean distance.
        mining: `"all"`, `"hard"` or `"semi_hard"`.
        distance: A name in `distances.DISTANCES`; or a function, which must be registered with
            `keras.saving.register_keras_serializable` if the loss is to be saved with its model.
        average: `"active"`: the mean over triplets that cost something; `"all"`: over all that mining chose.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: an argument is not one of those above.

    >>> from siamkeras import losses
    >>> loss = losses.TripletLoss(margin=0.2, mining="hard")
    >>> print(round(float(loss([7, 7, 4], [[0.0], [1.0], [1.5]])), 3))  # the mean of 0.7, the only active triplet
    0.7

    Reference: https://arxiv.org/abs/1703.07737
    """

    def __init__(
        self,
        margin=0.2,
        mining="all",
        distance="euclidean",
        average="active",
        name="triplet_loss",
        reduction="sum_over_batch_size",
        dtype="float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = check_margin(margin, soft=True)
        self.mining = check_choice("mining", mining, MINING)
        self.distance = distances.name_of(distance)
        self.average = check_choice("average", average, AVERAGES)

    def call(self, y_true, y_pred):
        return batch_triplet(y_true, y_pred, self.margin, self.mining, self.distance, self.average)

    def get_config(self):
        kept = {"margin": self.margin, "mining": self.mining, "average": self.average}
        return {**super().get_config(), **kept, "distance": keras.saving.serialize_keras_object(self.distance)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "distance": keras.saving.deserialize_keras_object(config["distance"])})


def _sums(labels, embeddings, margin, mining, distance):
    """For each anchor the sum of its triplets' losses, how many of them are active, and how many there are."""
    margin, mining = check_margin(margin, soft=True), check_choice("mining", mining, MINING)
    labels, embeddings = labelled(labels, embeddings)
    matrix = distances.pairwise(embeddings, embeddings, distance)
    if mining == "all":
        return _all(matrix, labels, margin)
    positive, negative, counts = miners.MINERS[mining](ops.stop_gradient(matrix), labels)
    d_pos, d_neg = (_chosen(matrix, embeddings, columns, distance) for columns in (positive, negative))
    loss = triplet(ops.where(counts, d_pos, 0.0), ops.where(counts, d_neg, 0.0), margin)
    loss = ops.where(counts, loss, 0.0)
    return ops.sum(loss, axis=1), _number(loss > 0, loss), _number(counts, loss)


def _chosen(matrix, embeddings, columns, distance):
    if columns.shape[1] != 1:
        return ops.take_along_axis(matrix, columns, axis=1)
    # One partner for each: its distance anew costs less than the gradient of the whole matrix, and is more exact.
    return distances.get(distance)(embeddings, ops.take(embeddings, columns[:, 0], axis=0))[:, None]


def _all(distance, labels, margin):
    """The sums over all triplets, without making them.

    The triplet of a positive p and a negative n is active where `d_n < d_p + margin`. So in the sum over the active
    triplets of an anchor each `d_p + margin` stands as often as there are negatives nearer than that, and each `d_n`
    as often, with a minus, as there are positives for which it is too near. Both numbers follow from one sorted row.
    They change only where a triplet begins or ceases to be active, at a loss of 0: value and gradient are exact.
    """
    positive, negative = masks.positives(labels), masks.negatives(labels)
    positives, negatives = _number(positive, distance), _number(negative, distance)
    counts = positives * negatives
    if margin == SOFT:
        return _all_soft(distance, positive, negative), counts, counts
    # A negative just at the edge costs nothing: it is moved behind it, by the smallest step.
    place = ops.where(positive, distance + margin, ops.where(negative, miners.next_up(distance), float("inf")))
    nearer, nearer_negatives = (ops.cast(number, distance.dtype) for number in masks.smaller(place, negative))
    too_near = positives[:, None] - (nearer - nearer_negatives)
    times = ops.where(positive, nearer_negatives, ops.where(negative, -too_near, 0.0))
    active = ops.sum(ops.where(positive, nearer_negatives, 0.0), axis=1)
    return ops.sum(times * distance, axis=1) + margin * active, active, counts


def _all_soft(distance, positive, negative):
    n = distance.shape[0]
    rows = n if n is None else max(1, distances.BLOCK // max(1, n * n))
    sums = []
    for at in range(0, n or 1, rows or 1):
        part = slice(at, None if n is None else at + rows)
        loss = ops.softplus(distance[part, :, None] - distance[part, None, :])
        counts = ops.logical_and(positive[part, :, None], negative[part, None, :])
        sums.append(ops.sum(ops.where(counts, loss, 0.0), axis=(1, 2)))
    return ops.concatenate(sums, axis=0)


def _number(mask, like):
    return ops.sum(ops.cast(mask, like.dtype), axis=1)
