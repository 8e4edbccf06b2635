"""Argument handling shared by the losses: shapes, dtypes, the margin, and means over a batch."""

import math

import keras
from keras import ops

from siamkeras._tensors import as_float
from siamkeras._validation import check_number


class Float32Loss(keras.losses.Loss):
    """Base of all losses: computes in float32, also if the default dtype of Keras is narrower."""

    def __init__(self, name, reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)


class BatchLoss(Float32Loss):
    """Base of the losses of labels `(batch,)` and embeddings `(batch, dim)`."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        labels, _ = flat_labels(y_true, y_pred)
        # Keras casts labels to float32, where class ids above 2^24 can become equal. Ranks within the batch cannot.
        ranks = ops.sum(ops.cast(labels[None, :] < labels[:, None], "int32"), axis=1)
        return super().__call__(ranks, y_pred, sample_weight)


def flat_pairs(same, distance):
    """`same` and `distance` as vectors `(batch,)` of one dtype; `(batch, 1)` and `(batch,)` would broadcast."""
    same, distance = ops.convert_to_tensor(same), as_float(distance)
    sizes = {math.prod(x.shape[1:]) for x in (same, distance) if None not in x.shape[1:]}
    lengths = {x.shape[0] for x in (same, distance) if x.shape and x.shape[0] is not None}
    if len(sizes) > 1 or len(lengths) > 1:
        raise ValueError(
            "Every pair needs one label and one distance. "
            f"Received: labels of shape {tuple(same.shape)}, distances of shape {tuple(distance.shape)}."
        )
    return ops.reshape(ops.cast(same, distance.dtype), (-1,)), ops.reshape(distance, (-1,))


def flat_labels(labels, embeddings):
    """`labels` as a vector `(batch,)`, and `embeddings` `(batch, dim)` in at least float32."""
    labels, embeddings = ops.convert_to_tensor(labels), as_float(embeddings)
    shape = tuple(labels.shape)
    if len(embeddings.shape) != 2:
        raise ValueError(f"Expected embeddings (batch, dim). Received: shape {tuple(embeddings.shape)}.")
    is_flat = len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, None))
    if not is_flat or (None not in (shape[0], embeddings.shape[0]) and shape[0] != embeddings.shape[0]):
        raise ValueError(
            "Every embedding needs one label, its class index, (batch,) or (batch, 1). "
            f"Received: labels of shape {shape}, embeddings of shape {tuple(embeddings.shape)}."
        )
    return ops.reshape(labels, (-1,)), embeddings


def check_margin(margin, allow_soft=False):
    """`margin` as a positive `float`, or the string "soft" if that is allowed."""
    if allow_soft and isinstance(margin, str) and margin == "soft":
        return margin
    return check_number("margin", margin, above=0)


def mean_per_example(totals, counts):
    """`totals` `(batch,)` scaled so that their mean is `sum(totals) / sum(counts)`; all 0 if `counts` is.

    Keras averages a loss over the examples of a batch. With this scale the average is over the triplets, or over the
    anchors that have a positive, and an example without any has no weight.
    """
    counts = ops.cast(counts, totals.dtype)
    scale = ops.cast(ops.shape(totals)[0], totals.dtype) / ops.maximum(ops.sum(counts), 1.0)
    return totals * ops.stop_gradient(scale)
