"""Correlation: do distances follow a degree of sameness?"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer, check_seed
from siamkeras.evaluation import _tables as tables
from siamkeras.evaluation._roc import interval_ends, resampled
from siamkeras.evaluation.verification import checked_degrees, pair_distances


class Correlation(NamedTuple):
    """How well distances follow labels of any degree, on a set of pairs.

    Attributes:
        pearson: Correlation of score (the distance with its sign changed) and label: 1 where all points lie on a line
            that rises.
        spearman: Correlation of their ranks: 1 where the order is the same. Equal values share their mean rank.
        interval: `{"pearson": (low, high), "spearman": (low, high)}`, bootstrap 95 % intervals over pairs.
        distances: `(n,)`, in the order of the pairs.
        same: `(n,)` the labels.
    """

    pearson: float
    spearman: float
    interval: dict
    distances: np.ndarray
    same: np.ndarray

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        numbers = {name.title(): f"{getattr(self, name):.3f}{tables.interval(self, name, 1, 3)}" for name in _NAMES}
        return {**numbers, "pairs": f"{len(self.same):,}"}


_NAMES = ("spearman", "pearson")


def correlation(model, pairs, **options):
    """Measures how well the distances of a model follow labels of any degree.

    Args:
        model: As for `verification`.
        pairs: As for `verification`, with labels from 0 to 1.
        **options: `units`, `resamples`, `seed` of `correlation_from_distances`.

    Returns:
        `Correlation`.

    Raises:
        ValueError: as `verification` and `correlation_from_distances`.
    """
    return correlation_from_distances(*pair_distances(model, pairs), **options)


def correlation_from_distances(distances, same, units=None, resamples=1000, seed=0):
    """Measures how well distances follow labels of any degree.

    Spearman's correlation asks for the order alone; Pearson's also whether equal steps of the label are equal steps of
    the distance. Both are of the score, `-distance`, and so large for a good model. Where all distances are equal, as
    those of a collapsed tower, both are 0. Intervals are percentile bootstrap intervals, as in `verification_from_distances`.

    Args:
        distances: `(n,)`, small for alike; any finite numbers.
        same: `(n,)`, 1 = same, 0 = different, or any value between.
        units: `(n,)`, what each pair hangs on, drawn again as a whole; or None, and each pair is drawn alone.
        resamples: How many times pairs are drawn again; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Returns:
        `Correlation`.

    Raises:
        ValueError: different lengths; NaN; labels outside [0, 1], or all equal; fewer than two units; so few pairs or
            units that more than 5 % of the resamples have equal labels.

    >>> from siamkeras import evaluation
    >>> report = evaluation.correlation_from_distances([0.1, 0.4, 0.2, 0.9], [1.0, 0.75, 0.5, 0.0], resamples=0)
    >>> round(report.spearman, 3)  # ranks 4, 2, 3, 1 and 4, 3, 2, 1: 1 - 6 (1 + 1) / (4 * 15)
    0.8

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    distances, same = checked_degrees(distances, same)
    if len(np.unique(same)) < 2:
        raise ValueError(f"Labels must differ for anything to follow them. Received: {len(same)} pairs, all alike.")
    check_integer("resamples", resamples, 0)
    units, score = np.arange(len(same)) if units is None else units, -distances
    samples = [
        _both(score, same, weights)
        for weights in resampled(np.ones(len(same), bool), units, resamples, check_seed(seed))
    ]
    ends = interval_ends(samples, "labels that differ", units, "Use resamples=0, or other units.")
    spearman, pearson = _both(score, same, np.ones((1, len(same))))
    interval = dict(zip(_NAMES, map(tuple, ends), strict=False))
    return Correlation(float(pearson[0]), float(spearman[0]), interval, distances, same)


def _both(score, same, weights):
    """Spearman's and Pearson's correlation for each row of weights, `(2, r)`."""
    ranks = _ranks(score, weights), _ranks(same, weights)
    return np.stack([_correlated(*ranks, weights), _correlated(score[None], same[None], weights)])


def _ranks(values, weights):
    """Mean rank of each value where it occurs `weights` times, `(r, n)`; values that do not occur have one too."""
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    last = np.append(np.flatnonzero(np.diff(place[order])), len(values) - 1)
    upto = np.cumsum(weights[:, order], axis=1)[:, last]
    before = np.pad(upto[:, :-1], ((0, 0), (1, 0)))
    return ((before + upto + 1) / 2)[:, place]


def _correlated(x, y, weights):
    """0 where all x are equal, NaN where all y are, or nobody was drawn."""
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    # In units of the largest, so that no square is 0 or infinite.
    x, y = (each / max(np.abs(each).max(), np.finfo(float).tiny) for each in (x, y))
    x, y = (each - (weights * each).sum(axis=1, keepdims=True) / total for each in (x, y))
    both, square_x, square_y = ((weights * each).sum(axis=1) / total[:, 0] for each in (x * y, x * x, y * y))
    # What is left of equal values by rounding is no spread.
    flat_x, flat_y = (square <= 1e-28 for square in (square_x, square_y))
    size = np.where(flat_x | flat_y, 1.0, np.sqrt(square_x) * np.sqrt(square_y))
    return np.where(flat_y, np.nan, np.where(flat_x, 0.0, both / size))
