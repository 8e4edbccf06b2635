"""Label masks of a batch, reductions over masks, and miners of triplets.

A miner takes the distances within a batch `(n, n)` and its labels `(n,)`. It returns the column of the positive, the
column of the negative and whether there is such a triplet, each `(n, k)`: k triplets for the anchor of each row.
"""

from keras import ops

# 1.5 times the relative spacing of float32, and the smallest normal float32.
_SPACING, _SMALLEST = 1.5 * 2.0**-23, 1.2e-38


def positives(labels):
    """Mask `(n, n)`: whether example j has the class of example i and is not i itself."""
    return ops.logical_and(_same_class(labels), ops.logical_not(ops.eye(ops.shape(labels)[0], dtype="bool")))


def negatives(labels):
    """Mask `(n, n)`: whether example j is of another class than example i."""
    return ops.logical_not(_same_class(labels))


def _same_class(labels):
    labels = ops.convert_to_tensor(labels)
    return ops.equal(labels[:, None], labels[None, :])


def count_true(mask, dtype):
    """Number of true entries in each row, `(n, m)` -> `(n,)`."""
    return ops.sum(ops.cast(mask, dtype), axis=1)


def masked_sum(values, mask):
    """Sum of each row over the entries where `mask` is true, `(n, m)` -> `(n,)`."""
    # `where` instead of a product: 0 times infinity is NaN.
    return ops.sum(ops.where(mask, values, 0.0), axis=1)


def masked_mean(values, mask):
    """Mean of each row over the entries where `mask` is true, `(n, m)` -> `(n,)`; 0 for a row without any."""
    return masked_sum(values, mask) / ops.maximum(count_true(mask, values.dtype), 1.0)


def hard(distance, labels):
    """The farthest positive and the nearest negative of each anchor ("batch hard", Hermans et al., 2017); k = 1."""
    distance = ops.convert_to_tensor(distance)
    positive, negative = positives(labels), negatives(labels)
    farthest = _masked_argmax(distance, positive)
    nearest = _masked_argmax(-distance, negative)
    valid = ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))
    return farthest[:, None], nearest[:, None], valid[:, None]


def _masked_argmax(values, mask):
    values = ops.where(mask, values, -float("inf"))
    # One more column makes argmax possible in an empty batch.
    return ops.argmax(ops.pad(values, ((0, 0), (0, 1)), constant_values=-float("inf")), axis=1)


def semi_hard(distance, labels):
    """For each positive the nearest negative farther than it, or else the farthest negative (FaceNet, 2015); k = n.

    Triplet j of an anchor is valid if example j is a positive.
    """
    distance = ops.convert_to_tensor(distance)
    positive, negative = positives(labels), negatives(labels)
    # The number of negatives up to the distance of each positive is the rank of the first negative beyond it.
    _, rank = count_smaller(ops.where(positive, next_larger(distance), distance), negative)
    nearest_first = ops.argsort(ops.where(negative, distance, float("inf")), axis=1)
    farthest = ops.maximum(ops.sum(ops.cast(negative, "int32"), axis=1, keepdims=True) - 1, 0)
    chosen = ops.take_along_axis(nearest_first, ops.minimum(rank, farthest), axis=1)
    columns = ops.broadcast_to(ops.arange(ops.shape(distance)[0], dtype="int32")[None, :], ops.shape(distance))
    return columns, chosen, ops.logical_and(positive, ops.any(negative, axis=1, keepdims=True))


MINERS = {"hard": hard, "semi_hard": semi_hard}


def count_smaller(values, mask):
    """For each entry of a row, the number of smaller entries, and of smaller entries where `mask` is true.

    Sorts each row once, in O(m log m). Among equal values the one in the earlier column counts as smaller.

    Args:
        values: `(n, m)`.
        mask: Booleans, `(n, m)`.

    Returns:
        `(smaller, smaller_in_mask)`, each `(n, m)` int32, without gradient.
    """
    order = ops.argsort(ops.stop_gradient(ops.convert_to_tensor(values)), axis=-1)
    rank = ops.argsort(order, axis=-1)
    in_mask = ops.take_along_axis(ops.cast(mask, "int32"), order, axis=-1)
    before = ops.cumsum(in_mask, axis=-1) - in_mask
    return ops.cast(rank, "int32"), ops.take_along_axis(before, rank, axis=-1)


def next_larger(values):
    """A number slightly larger than each value: the next float32, or the one after."""
    return values + ops.abs(values) * _SPACING + _SMALLEST
