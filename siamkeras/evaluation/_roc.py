"""The ROC curve of weighed pairs, and the weights of the bootstrap: what verification is computed with."""

import numpy as np

# How many weights are held at once: 64 MB.
BLOCK = 2**23
# The share of resamples that may be left out of an interval.
MOST_MISSING = 0.05


class Curve:
    """The ROC curve of distances, for any weights of the pairs: sorted once, weighed as often as is needed."""

    def __init__(self, distances, is_same):
        self.order = np.argsort(distances, kind="stable")
        ranked = distances[self.order]
        self.is_same = is_same[self.order]
        # Equal distances are accepted together: the curve has a point only where the distance changes.
        self.last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        self.thresholds = np.append(-np.inf, ranked[self.last])

    def rates(self, weights):
        """Weights `(r, n)` -> false and true accept rates, `(r, k)` each."""
        weights = weights[:, self.order]
        return tuple(self._cumulative(weights * chosen) for chosen in (~self.is_same, self.is_same))

    def _cumulative(self, weights):
        sums = np.cumsum(weights, axis=1)
        with np.errstate(invalid="ignore"):  # A resample without any such pair: NaN, left out of the interval.
            return np.pad(sums[:, self.last] / sums[:, -1:], ((0, 0), (1, 0)))

    def equal_error_threshold(self, far, tar):
        """Halfway between the last distance accepted and the next, where FAR and FRR are nearest to each other."""
        point = int(np.argmin(np.abs(far[0] - (1 - tar[0]))))
        if point == 0:
            return float(self.thresholds[1])
        if point == len(self.thresholds) - 1:
            return float(np.nextafter(self.thresholds[-1], np.inf))
        return float((self.thresholds[point] + self.thresholds[point + 1]) / 2)


def area(far, tar):
    """Area under each ROC curve, its points joined by lines, `(r, k)` -> `(r,)`."""
    return np.sum(np.diff(far, axis=1) * (tar[:, 1:] + tar[:, :-1]) / 2, axis=1)


def equal_error(far, tar):
    """Where the ROC curve, its points joined by lines, meets FAR = FRR."""
    gap = far - (1 - tar)  # Grows from -1 to 1.
    after = np.maximum(1, np.argmax(gap >= 0, axis=1))[:, None]
    far0, far1, gap0, gap1 = (np.take_along_axis(x, at, 1)[:, 0] for x in (far, gap) for at in (after - 1, after))
    return far0 + (far1 - far0) * -gap0 / (gap1 - gap0)


def true_accepts(far, tar, rate):
    """The largest true accept rate at which no more than `rate` of the different pairs are accepted, `(r,)`."""
    with np.errstate(invalid="ignore"):
        within = np.where(far > rate + 1e-12, 0.0, tar)  # NaN stays NaN
    return within.max(axis=1)


def balanced_accuracy(weights, is_same, accepted):
    """Mean of the shares of same and of different pairs decided rightly, for each row of weights, `(r,)`."""
    with np.errstate(invalid="ignore"):
        right = [
            (weights[:, kind] @ (accepted[kind] == want)) / weights[:, kind].sum(axis=1)
            for kind, want in ((is_same, True), (~is_same, False))
        ]
    return (right[0] + right[1]) / 2


def resampled(is_same, units, resamples, rng):
    """How often each pair was drawn, in blocks `(r, n)` of about 64 MB, `resamples` rows in all."""
    n = len(is_same)
    if units is not None:
        names, unit = _checked_units(units, n)
    for rows in (
        len(block) for block in np.array_split(np.arange(resamples), max(1, n * resamples // BLOCK)) if len(block)
    ):
        if units is not None:
            drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), rows).astype("float64")
            # A pair of two units was drawn as often as they meet; within one unit, as often as that was drawn.
            left, right = unit.T
            yield np.where(left == right, 1.0, drawn[:, right]) * drawn[:, left]
            continue
        weights = np.empty((rows, n))
        for kind in (is_same, ~is_same):
            weights[:, kind] = rng.multinomial(kind.sum(), np.full(kind.sum(), 1 / kind.sum()), rows)
        yield weights


def interval_ends(samples, lacking, units, remedy):
    """The ends of the 95 % interval of each number, a list of `[low, high]`; empty where nothing was drawn again.

    Args:
        samples: A list of arrays `(numbers, r)`, of the resamples of each block; NaN where a resample has no such
            number.
        lacking: What such a resample lacks, in words.
        units: What was drawn again, for the message.
        remedy: What can be done, a sentence.

    Raises:
        ValueError: more than 5 % of the resamples have none: what is left would not be a fair choice of them.
    """
    if not samples:
        return []
    found = np.concatenate(samples, axis=1)
    missing = np.mean(np.isnan(found))
    if missing > MOST_MISSING:
        raise ValueError(
            f"{missing:.0%} of the resamples lack {lacking}: {len(np.unique(units))} units are too few for an interval "
            f"over them. {remedy}"
        )
    return np.nanpercentile(found, [2.5, 97.5], axis=1).T.tolist()


def _checked_units(units, n):
    """Names of the units, and which of them each pair has on its left and on its right, `(n, 2)`."""
    units = np.asarray(units)
    if units.shape not in ((n,), (n, 2)):
        raise ValueError(
            f"Every pair needs one unit, or one for its left and one for its right. Received: {n} pairs, units of "
            f"shape {units.shape}."
        )
    names, unit = np.unique(units, return_inverse=True)
    if len(names) < 2 or (units.dtype.kind == "f" and np.isnan(units).any()):
        raise ValueError(f"At least two units are needed, none of them NaN. Received: {names[:10]}.")
    # The shape of the inverse differs between versions of numpy.
    return names, np.repeat(unit.reshape(n, -1), 1 if units.ndim == 2 else 2, axis=1)
