"""ROC curves of weighted pairs, and the error rates on them."""

import numpy as np


class Curve:
    """The ROC curve of distances; the pairs are sorted once and can then be weighted many times."""

    def __init__(self, distances, same):
        self.order = np.argsort(distances, kind="stable")
        ranked = distances[self.order]
        self.same = same[self.order]
        # Equal distances are accepted together: the curve has a point only where the distance changes.
        self.last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        # Distances below the threshold are accepted, so a point's threshold is the smallest distance it rejects.
        self.thresholds = np.append(ranked[np.append(0, self.last[:-1] + 1)], np.inf)

    def rates(self, weights):
        """False and true accept rates, `(r, k)` each, for rows of pair weights `(r, n)`."""
        weights = weights[:, self.order]
        return self._cumulative(weights * ~self.same), self._cumulative(weights * self.same)

    def _cumulative(self, weights):
        sums = np.cumsum(weights, axis=1)
        with np.errstate(invalid="ignore"):  # NaN for a resample without such pairs
            return np.pad(sums[:, self.last] / sums[:, -1:], ((0, 0), (1, 0)))

    def equal_error_threshold(self, far, tar):
        """Threshold where FAR and FRR are closest."""
        return decision_threshold(self.thresholds, np.argmin(np.abs(far[0] - (1 - tar[0]))))


def decision_threshold(thresholds, point):
    """Threshold at a point of the curve: halfway between the last accepted distance and the next."""
    return float(np.mean(thresholds[max(0, point - 1) : point + 1]))


def area_under_curve(far, tar):
    """Area under each ROC curve by the trapezoidal rule, `(r, k)` -> `(r,)`."""
    return np.sum(np.diff(far, axis=1) * (tar[:, 1:] + tar[:, :-1]) / 2, axis=1)


def equal_error_rate(far, tar):
    """Rate at which each linearly interpolated ROC curve crosses FAR = FRR, `(r, k)` -> `(r,)`."""
    gap = far - (1 - tar)  # increases from -1 to 1
    after = np.maximum(1, np.argmax(gap >= 0, axis=1))[:, None]
    far_before, far_after = (np.take_along_axis(far, point, 1)[:, 0] for point in (after - 1, after))
    gap_before, gap_after = (np.take_along_axis(gap, point, 1)[:, 0] for point in (after - 1, after))
    return far_before + (far_after - far_before) * -gap_before / (gap_after - gap_before)


def true_accept_rate(far, tar, limit):
    """Largest TAR at which FAR is at most `limit`, `(r, k)` -> `(r,)`."""
    return rates_within(far, tar, limit).max(axis=1)


def rates_within(far, tar, limit):
    """TAR of each point, 0 where FAR is above `limit`."""
    with np.errstate(invalid="ignore"):
        return np.where(far > limit + 1e-12, 0.0, tar)  # NaN stays NaN


def balanced_accuracy(weights, same, accepted):
    """Mean accuracy of same and of different pairs, for each row of weights `(r, n)`."""
    with np.errstate(invalid="ignore"):
        accept = weights[:, same] @ accepted[same] / weights[:, same].sum(axis=1)
        reject = weights[:, ~same] @ ~accepted[~same] / weights[:, ~same].sum(axis=1)
    return (accept + reject) / 2
