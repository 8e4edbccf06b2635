"""Argument handling shared by the losses: shapes, dtypes, labels, the margin, and means over a batch."""

import math

import keras
import numpy as np
from keras import ops

from siamkeras._tensors import as_float, gathered
from siamkeras._validation import check_number


class Float32Loss(keras.losses.Loss):
    """Base of all losses: computes in float32, also if the default dtype of Keras is narrower."""

    def __init__(self, name, reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)


class BatchLoss(Float32Loss):
    """Base of the losses of labels `(batch,)` and embeddings `(batch, dim)`, gathered from all replicas."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        labels, y_pred, sample_weight = gathered(*flat_labels(y_true, y_pred), sample_weight)
        # Keras casts labels to float32, where class ids above 2^24 can become equal. Ranks within the batch cannot.
        ranks = ops.sum(ops.cast(labels[None, :] < labels[:, None], "int32"), axis=1)
        loss = super().__call__(ranks, y_pred, sample_weight)
        return nan_unless(ops.all(_is_class_id(labels)), loss) if _is_float(labels) else loss


def flat_pairs(same, distance):
    """`same` and `distance` as `(batch,)`, since `(batch, 1)` would broadcast, of one dtype; a mask of valid labels."""
    same, distance = ops.convert_to_tensor(same), as_float(distance)
    sizes = {math.prod(x.shape[1:]) for x in (same, distance) if None not in x.shape[1:]}
    lengths = {x.shape[0] for x in (same, distance) if x.shape and x.shape[0] is not None}
    if len(sizes) > 1 or len(lengths) > 1:
        raise ValueError(
            "Every pair needs one label and one distance. "
            f"Received: labels of shape {tuple(same.shape)}, distances of shape {tuple(distance.shape)}."
        )
    same = ops.reshape(ops.cast(same, distance.dtype), (-1,))
    check_known(same, _is_degree, "1 = same, 0 = different, or a degree of similarity in between")
    return same, ops.reshape(distance, (-1,)), _is_degree(same)


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
    if _is_float(labels):
        check_known(labels, _is_class_id, "integers, or integer-valued floats below 2^24")
    return ops.reshape(labels, (-1,)), embeddings


def flat_indices(labels, embeddings, classes, lowest=0):
    """As `flat_labels`, with int32 labels and a mask of those that are integers from `lowest` to `classes - 1`."""

    def is_index(values):
        return (values >= lowest) & (values < classes) & (values % 1 == 0)

    check_known(labels, is_index, f"class indices from {lowest} to {classes - 1}")
    labels, embeddings = flat_labels(labels, embeddings)
    valid = is_index(as_float(labels))
    return ops.where(valid, ops.cast(labels, "int32"), lowest), embeddings, valid


# Conditions on NumPy arrays and on tensors of every backend; False for NaN.
def _is_degree(values):
    return abs(values - 0.5) < 0.501  # tolerates rounding


def _is_class_id(values):
    return (abs(values) < 2**24) & (values % 1 == 0)  # float32 cannot represent all larger integers


def _is_float(tensor):
    return "float" in keras.backend.standardize_dtype(tensor.dtype)


def check_known(values, is_valid, expected, name="Labels"):
    """Raises an error for invalid values if they are known; otherwise the loss must be NaN."""
    try:
        values = np.asarray(values)
    except (TypeError, RuntimeError):  # in a compiled graph, or with torch on a GPU, where reading them is slow
        return
    valid = is_valid(values) if values.dtype.kind in "biuf" else np.zeros(values.shape, bool)
    if not valid.all():
        raise ValueError(f"{name} must be {expected}. Received: {values[~valid][0]}.")


def nan_unless(valid, values):
    """`values` where `valid`, otherwise NaN with a NaN gradient: training on invalid values must not seem to work."""
    return ops.multiply(values, ops.where(valid, 1.0, float("nan")))


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
