"""Correlation of distances with graded labels."""

from typing import NamedTuple

import numpy as np

from siamkeras.evaluation import _tables
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts
from siamkeras.evaluation._distances import check_distances
from siamkeras.evaluation.verification import pair_distances


@_tables.as_table
class Correlation(NamedTuple):
    """The result of `correlation_from_distances`, which documents it."""

    pearson: float
    spearman: float
    interval: dict
    distances: np.ndarray
    same: np.ndarray

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        return {
            "Spearman": f"{self.spearman:.3f}{_tables.interval(self, 'spearman', 1, 3)}",
            "Pearson": f"{self.pearson:.3f}{_tables.interval(self, 'pearson', 1, 3)}",
            "pairs": f"{len(self.same):,}",
        }


def correlation(model, pairs, **options):
    """Correlates the distances of a model with graded labels, see `verification` and `correlation_from_distances`."""
    return correlation_from_distances(*pair_distances(model, pairs), **options)


def correlation_from_distances(distances, same, clusters=None, resamples=1000, seed=0):
    """Correlates distances with graded labels, by Spearman and Pearson.

    Both correlations are of the score `-distance`, so large is good; they are 0 if all distances are equal, as those of
    a collapsed tower.

    Args:
        distances: `(n,)`, small = similar.
        same: `(n,)` labels in [0, 1], 1 = same.
        clusters, resamples, seed: As for `verification_from_distances`.

    Returns:
        `Correlation`, a named tuple of the two correlations `spearman` and `pearson`, the bootstrap 95 % `interval` of
        each, `{name: (low, high)}`, and `distances` and `same` in the order of the pairs.

    Raises:
        ValueError: distances that are not finite; labels outside [0, 1] or all equal; too few clusters for intervals.

    >>> from siamkeras import evaluation
    >>> report = evaluation.correlation_from_distances([0.1, 0.4, 0.2, 0.9], [1.0, 0.75, 0.5, 0.0], resamples=0)
    >>> round(report.spearman, 3)  # ranks 4, 2, 3, 1 and 4, 3, 2, 1: 1 - 6 (1 + 1) / (4 * 15)
    0.8
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
    if np.ptp(scores) <= 1e-14 * np.abs(scores).max():
        return 0.0, 0.0
    return float(np.corrcoef(rankdata(scores), rankdata(same))[0, 1]), float(np.corrcoef(scores, same)[0, 1])
