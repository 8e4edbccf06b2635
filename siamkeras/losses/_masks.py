"""The algebra of a batch: who shares a class with whom, and what is largest, smallest, average among some.

Losses over a batch are written as a matrix of distances and a mask of the entries that count. A row in which nothing
counts gives 0, in value and in gradient, never NaN.
"""

from keras import ops


def positives(labels):
    """Who shares the class of whom, `(n,)` -> `(n, n)` of booleans; nobody is a positive of himself."""
    return ops.logical_and(_same(labels), ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool")))


def negatives(labels):
    """Who is of another class than whom, `(n,)` -> `(n, n)` of booleans."""
    return ops.logical_not(_same(labels))


def masked_max(values, mask):
    """Largest value of each row among those where `mask` is true, `(n, m)` -> `(n,)`; 0 where there is none."""
    # Filled with infinity: any finite value could tie with a real one and take a share of its gradient.
    largest = ops.max(ops.where(mask, values, -float("inf")), axis=-1)
    return ops.where(ops.any(mask, axis=-1), largest, 0.0)


def masked_min(values, mask):
    """Smallest value of each row among those where `mask` is true, `(n, m)` -> `(n,)`; 0 where there is none."""
    return -masked_max(-values, mask)


def mean_over(values, mask):
    """Mean of each row over those where `mask` is true, `(n, m)` -> `(n,)`; 0 where there is none."""
    # `where` and not a product: 0 times infinity is NaN.
    total = ops.sum(ops.where(mask, values, 0.0), axis=-1)
    count = ops.sum(ops.cast(mask, total.dtype), axis=-1)
    return total / ops.maximum(count, 1.0)


def smaller(values, mask):
    """How many entries of its row are smaller than each entry, and how many of those where `mask` is true.

    Each row is sorted once, so that this takes O(m log m) for a row, not O(m^2). Of equal values each counts as
    smaller than those in later columns. The numbers have no gradient.

    Args:
        values: `(n, m)`.
        mask: `(n, m)` booleans.

    Returns:
        `(smaller, smaller_in_mask)`, `(n, m)` int32 each.
    """
    order = ops.argsort(ops.stop_gradient(ops.convert_to_tensor(values)), axis=-1)
    place = ops.argsort(order, axis=-1)
    counted = ops.take_along_axis(ops.cast(mask, "int32"), order, axis=-1)
    before = ops.cumsum(counted, axis=-1) - counted
    return ops.cast(place, "int32"), ops.take_along_axis(before, place, axis=-1)


def _same(labels):
    labels = ops.convert_to_tensor(labels)
    if len(labels.shape) != 1:
        raise ValueError(f"`labels` must be one class for each example, (n,). Received: shape {tuple(labels.shape)}.")
    return ops.equal(labels[:, None], labels[None, :])
