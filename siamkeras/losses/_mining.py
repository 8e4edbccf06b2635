"""Which positive and which negative each anchor of a batch is compared with.

A miner takes the distances within a batch `(n, n)` and its labels `(n,)`, and gives `positive`, `negative` and
`counts`, all `(n, k)`: the anchor of row i meets k couples of a positive and a negative, which are told as columns of
the distances, and `counts` says which of these couples there are. Where it says no, the columns mean nothing.
"""

from keras import ops

from siamkeras.losses import _masks as masks

# The relative spacing of float32, and a half; and its smallest number.
SPACING, SMALLEST = 1.5 * 2.0**-23, 1.2e-38


def hard(distance, labels):
    """The farthest positive and the nearest negative of each anchor: k = 1.

    Reference: Hermans, Beyer and Leibe (2017), "batch hard", https://arxiv.org/abs/1703.07737

    >>> from siamkeras import miners
    >>> distance = [[0.0, 0.3, 0.9], [0.3, 0.0, 0.5], [0.9, 0.5, 0.0]]
    >>> positive, negative, counts = miners.hard(distance, [4, 4, 7])  # the third has no positive
    >>> [(int(p), int(n)) for p, n, counts in zip(positive[:, 0], negative[:, 0], counts[:, 0]) if counts]
    [(1, 2), (0, 2)]
    """
    positives, negatives = masks.positives(labels), masks.negatives(labels)
    counts = ops.logical_and(ops.any(positives, axis=1), ops.any(negatives, axis=1))
    # One more column, since a device can be left without examples, and of nothing there is no largest.
    spare = ((0, 0), (0, 1))
    far, near = ops.where(positives, distance, -float("inf")), ops.where(negatives, distance, float("inf"))
    farthest = ops.argmax(ops.pad(far, spare, constant_values=-float("inf")), axis=1)
    nearest = ops.argmin(ops.pad(near, spare, constant_values=float("inf")), axis=1)
    return farthest[:, None], nearest[:, None], counts[:, None]


def semi_hard(distance, labels):
    """For each positive of an anchor the nearest negative that is farther than it, or else the farthest: k = n.

    A negative that is nearer than the positive pulls a young network towards collapse; one just behind it does not.
    Couple j counts where j is a positive of the anchor.

    Reference: Schroff, Kalenichenko and Philbin (2015), FaceNet, https://arxiv.org/abs/1503.03832
    """
    distance = ops.stop_gradient(ops.convert_to_tensor(distance))
    positives, negatives = masks.positives(labels), masks.negatives(labels)
    counts = ops.logical_and(positives, ops.any(negatives, axis=1, keepdims=True))
    # How many negatives are at most as far as each positive: the next of the sorted negatives is the one.
    _, passed = masks.smaller(ops.where(positives, next_up(distance), distance), negatives)
    nearest_first = ops.argsort(ops.where(negatives, distance, float("inf")), axis=1)
    last = ops.maximum(ops.sum(ops.cast(negatives, "int32"), axis=1, keepdims=True) - 1, 0)
    chosen = ops.take_along_axis(nearest_first, ops.minimum(passed, last), axis=1)
    itself = ops.broadcast_to(ops.arange(ops.shape(distance)[0], dtype="int32")[None, :], ops.shape(distance))
    return itself, chosen, counts


def next_up(distance):
    """A number a little above each distance, by the smallest step of float32 or the one after."""
    return distance + ops.abs(distance) * SPACING + SMALLEST


MINERS = {"hard": hard, "semi_hard": semi_hard}
