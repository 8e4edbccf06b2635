"""Correlation of distances with graded labels."""

from typing import NamedTuple

import numpy as np

from siamkeras.evaluation import _tables
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts
from siamkeras.evaluation._distances import check_distances
from siamkeras.evaluation.verification import pair_distances


class Correlation(NamedTuple):
    """Correlation of scores (negative distances) with labels on a set of pairs.

    Attributes:
        pearson: Linear correlation.
        spearman: Rank correlation; equal values share their mean rank.
        interval: `{"pearson": (low, high), "spearman": (low, high)}`, bootstrap 95 % intervals.
        distances: `(n,)`, in the order of the pairs.
        same: `(n,)` labels.
    """

    pearson: float
    spearman: float
    interval: dict
    distances: np.ndarray
    same: np.ndarray

    def __repr__(self):
        return _tables.table({"": self})

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        return {
            "Spearman": f"{self.spearman:.3f}{_tables.interval(self, 'spearman', 1, 3)}",
            "Pearson": f"{self.pearson:.3f}{_tables.interval(self, 'pearson', 1, 3)}",
            "pairs": f"{len(self.same):,}",
        }


def correlation(model, pairs, **options):
    """Correlates the distances of a model with graded labels.

    Args:
        model, pairs: As for `verification`, with labels in [0, 1].
        **options: `clusters`, `resamples`, `seed` of `correlation_from_distances`.

    Returns:
        `Correlation`.

    Raises:
        ValueError: as `pair_distances` and `correlation_from_distances`.
    """
    return correlation_from_distances(*pair_distances(model, pairs), **options)


def correlation_from_distances(distances, same, clusters=None, resamples=1000, seed=0):
    """Correlates distances with graded labels, by Spearman and Pearson.

    Both correlations are of the score `-distance`, so large is good; they are 0 if all distances are equal, as those of
    a collapsed tower. Intervals are percentile bootstrap intervals, as in `verification_from_distances`.

    Args:
        distances: `(n,)`, finite, small = similar.
        same: `(n,)` labels in [0, 1], 1 = same.
        clusters: As for `verification_from_distances`.
        resamples: Number of bootstrap resamples; 0 for no intervals.
        seed: Integer seed of the bootstrap.

    Returns:
        `Correlation`.

    Raises:
        ValueError: different lengths; NaN; labels outside [0, 1] or all equal; too few pairs or clusters for intervals.

    >>> from siamkeras import evaluation
    >>> report = evaluation.correlation_from_distances([0.1, 0.4, 0.2, 0.9], [1.0, 0.75, 0.5, 0.0], resamples=0)
    >>> round(report.spearman, 3)  # ranks 4, 2, 3, 1 and 4, 3, 2, 1: 1 - 6 (1 + 1) / (4 * 15)
    0.8

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    distances, same = check_distances(distances, same)
    if len(np.unique(same)) < 2:
        raise ValueError(f"Labels must differ. Received: {len(same)} pairs with {np.unique(same).tolist()}.")
    scores, blocks = -distances, []
    for counts in resample_counts(len(same), resamples, seed, clusters):
        samples = (np.repeat(np.arange(len(same)), row) for row in counts.astype(int))
        blocks.append(np.transpose([_correlations(scores[sample], same[sample]) for sample in samples]))
    spearman, pearson = _correlations(scores, same)
    intervals = percentile_intervals(blocks, "two different labels")
    return Correlation(pearson, spearman, dict(zip(("spearman", "pearson"), intervals, strict=False)), distances, same)


def _correlations(scores, same):
    """Spearman's and Pearson's correlation; 0 if all scores are equal, NaN if all labels are."""
    from scipy.stats import rankdata

    if not len(same) or np.ptp(same) == 0:
        return np.nan, np.nan
    scaled = scores / max(np.abs(scores).max(), np.finfo(float).tiny)  # so that no square under- or overflows
    if np.ptp(scaled) <= 1e-14:
        return 0.0, 0.0
    return float(np.corrcoef(rankdata(scores), rankdata(same))[0, 1]), float(np.corrcoef(scaled, same)[0, 1])
