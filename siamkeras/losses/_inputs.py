"""What losses do before and after the arithmetic: flat labels, wide embeddings, checked arguments, shares of a mean."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from siamkeras import distances

SOFT = "soft"


def paired(same, distance):
    """`same` and `distance` as two flat vectors `(batch,)` of one float dtype.

    Without this, `(batch, 1)` against `(batch,)` silently becomes `(batch, batch)`.

    Raises:
        ValueError: different numbers of values.
    """
    distance = ops.convert_to_tensor(distance)
    same = ops.convert_to_tensor(same)
    if not keras.backend.is_float_dtype(distance.dtype):
        distance = ops.cast(distance, "float32")
    shapes = tuple(same.shape), tuple(distance.shape)
    # One-hot labels against distances would otherwise be found out only where the batch is not of size one.
    columns = [math.prod(shape[1:]) for shape in shapes if None not in shape[1:]]
    if len(set(columns)) == 2:
        raise ValueError(f"Every pair needs one label and one distance. Received: shapes {shapes[0]} and {shapes[1]}.")
    same, distance = ops.reshape(ops.cast(same, distance.dtype), (-1,)), ops.reshape(distance, (-1,))
    if None not in (*same.shape, *distance.shape) and same.shape != distance.shape:
        raise ValueError(
            f"Every pair needs one label and one distance. Received: {shapes[0]} labels, {shapes[1]} distances."
        )
    return same, distance


def labelled(labels, embeddings):
    """`labels` as a flat vector `(batch,)`, `embeddings` `(batch, dim)` in float32 at least.

    Raises:
        ValueError: embeddings that are not `(batch, dim)`, or another number of labels.
    """
    labels, embeddings = ops.convert_to_tensor(labels), ops.convert_to_tensor(embeddings)
    shapes = tuple(labels.shape), tuple(embeddings.shape)
    if len(shapes[1]) != 2:
        raise ValueError(f"A batch of embeddings is (batch, dim). Received: shape {shapes[1]}.")
    is_flat = len(shapes[0]) == 1 or (len(shapes[0]) == 2 and shapes[0][1] in (1, None))
    if not is_flat or (None not in (shapes[0][0], shapes[1][0]) and shapes[0][0] != shapes[1][0]):
        raise ValueError(
            "Every embedding needs one label, its class number, (batch,) or (batch, 1). "
            f"Received: labels {shapes[0]}, embeddings {shapes[1]}."
        )
    return ops.reshape(labels, (-1,)), distances.as_float(embeddings)


def check_known_labels(labels, least, most):
    """Nothing, or an error; labels within a graph cannot be looked at, and pass.

    Raises:
        ValueError: labels given as a list or an array that are not whole numbers from `least` to `most`.
    """
    if not isinstance(labels, (list, tuple, np.ndarray)):
        return
    known = np.asarray(labels)
    if known.dtype.kind not in "iuf" or not ((known >= least) & (known <= most) & (known == np.round(known))).all():
        told = (
            known.tolist()
            if known.size < 9
            else f"{known.size} labels, {known.dtype}, from {known.min()} to {known.max()}"
        )
        raise ValueError(f"Labels must be whole numbers from {least} to {most}. Received: {told}.")


def check_margin(margin, soft=False):
    """`margin` as a float, or the word "soft" where that is allowed.

    Raises:
        ValueError: not a positive, finite number.
    """
    if soft and isinstance(margin, str) and margin == SOFT:
        return SOFT
    if isinstance(margin, bool) or not isinstance(margin, numbers.Real) or not 0 < margin < float("inf"):
        words = ', or "soft"' if soft else ""
        raise ValueError(
            f"`margin` is how far apart two classes should be, a number above 0{words}. Received: margin={margin!r}."
        )
    return float(margin)


def per_example(totals, counts):
    """One value per example, whose mean is the sum of all totals divided by the sum of all counts.

    So an example that has nothing to count weighs nothing, and the mean that Keras takes over the batch is the mean
    over what counts: over the triplets, or over the anchors that have a positive.

    Args:
        totals: Sum of what counts for each example, `(batch,)`.
        counts: How many that are, `(batch,)`.

    Returns:
        `(batch,)`; all 0 where nothing counts.
    """
    counts = ops.cast(counts, totals.dtype)
    share = ops.cast(ops.shape(totals)[0], totals.dtype) / ops.maximum(ops.sum(counts), 1.0)
    return totals * ops.stop_gradient(share)
