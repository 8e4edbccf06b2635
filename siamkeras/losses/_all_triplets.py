"""Exact sums over all triplets of a batch in O(n^2 log n) time and O(n^2) memory.

Triplet (a, p, n) is active if `d(a, n) < d(a, p) + margin`. The loss of an anchor, summed over its active triplets, is

    sum_p (d(a, p) + margin) * #{active negatives of p}  -  sum_n d(a, n) * #{active positives of n}

so it needs only two counts per row of the distance matrix, which follow from sorting the row. The counts change only
where a triplet has loss 0, so that they need no gradient.
"""

from keras import ops

from siamkeras.losses import _mining


def sums_by_sorting(distance, positive, negative, margin):
    """As `triplet._sums_by_definition` with a numeric margin: sum, active triplets and triplets of each anchor."""
    dtype = distance.dtype
    # A triplet with loss 0 is not active: on a tie, the negative must come after the positive.
    key = ops.where(negative, _mining.next_larger(distance), float("inf"))
    key = ops.where(positive, distance + margin, key)
    smaller, active_negatives = (ops.cast(count, dtype) for count in _mining.count_smaller(key, negative))
    positives = _mining.count_true(positive, dtype)
    negatives = _mining.count_true(negative, dtype)
    smaller_positives = smaller - active_negatives
    active_positives = positives[:, None] - smaller_positives
    active = _mining.masked_sum(active_negatives, positive)
    sums = _mining.masked_sum(active_negatives * distance, positive) + margin * active
    return sums - _mining.masked_sum(active_positives * distance, negative), active, positives * negatives
