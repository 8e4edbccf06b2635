"""Evaluation of face verification by the official protocol of Labeled Faces in the Wild."""

from typing import NamedTuple

import numpy as np

from siamkeras.evaluation import _tables, best_threshold, verification_from_distances
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts
from siamkeras.evaluation._roc import balanced_accuracy


@_tables.as_table
class FoldVerification(NamedTuple):
    """The result of `fold_verification`, which documents it."""

    accuracy: float
    fold_accuracy: np.ndarray
    fold_thresholds: np.ndarray
    auc: float
    eer: float
    interval: dict
    accepted: np.ndarray
    same: np.ndarray
    people: np.ndarray

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        return {
            "accuracy": f"{self.accuracy:.1%}{_tables.interval(self, 'accuracy', 100, 1)}",
            "EER": f"{self.eer:.1%}{_tables.interval(self, 'eer', 100, 1)}",
            "AUC": f"{self.auc:.3f}",
            "accuracy of each fold": ", ".join(f"{value:.1%}" for value in self.fold_accuracy),
        }

    def minus(self, other, resamples=1000, seed=0):
        """The accuracy minus that of another report of the same pairs, with a paired interval over people.

        Args:
            other: `FoldVerification`.
            resamples, seed: As for `fold_verification`.

        Returns:
            `(difference, (low, high))`, with the ends of the 95 % bootstrap interval.
        """
        if not np.array_equal(self.same, other.same):
            raise ValueError("Both reports must be of the same pairs. Received: reports with different labels.")
        blocks = []
        for counts in resample_counts(len(self.same), resamples, seed, self.people):
            own, others = (balanced_accuracy(counts, self.same, report.accepted) for report in (self, other))
            blocks.append([own - others])
        (interval,) = percentile_intervals(blocks, "same or no different pairs")
        return self.accuracy - other.accuracy, interval


def fold_verification(distances, same, folds, people, resamples=1000, seed=0):
    """Accuracy on pairs in folds: each fold is decided with the threshold that is best on the other folds.

    This is the official protocol of Labeled Faces in the Wild (Huang et al., 2007), with any number of folds. The
    accuracy is balanced, `1 - (FAR + FRR) / 2`: on the official folds, half of whose pairs are same, the plain one.

    Args:
        distances: `(n,)`, small = similar.
        same: `(n,)`, 1 = same person, 0 = different people.
        folds: `(n,)`: the fold of each pair; at least two, each with both kinds of pairs.
        people: `(n, 2)`: the people of each pair. Intervals are 95 % bootstrap intervals that resample them.
        resamples, seed: As for `evaluation.verification_from_distances`.

    Returns:
        `FoldVerification`, displayed as a table, a named tuple of

        - `accuracy`: mean over the folds; `fold_accuracy` and `fold_thresholds`: of each fold, in ascending order.
        - `auc`, `eer`: of all pairs; the threshold of equal error is chosen on these pairs themselves.
        - `interval`: `{name: (low, high)}` of "accuracy", "auc", "eer". The thresholds are not chosen again.
        - `accepted`: `(n,)` booleans, the decisions; `same`, `people`: as passed.

    >>> from siamkeras.applications import faces
    >>> report = faces.fold_verification([1, 3, 1, 9, 2, 8, 5, 7], [1, 0] * 4, [1] * 4 + [2] * 4, None, resamples=0)
    >>> report.fold_thresholds.tolist(), report.fold_accuracy.tolist()  # halfway between 5 and 7; between 1 and 3
    ([6.0, 2.0], [0.75, 0.5])
    """
    options = {"resamples": resamples, "seed": seed, "clusters": people}
    overall = verification_from_distances(distances, same, **options)
    distances, same, folds = overall.distances, overall.same, np.asarray(folds)
    names = np.unique(folds)
    if folds.shape != same.shape or len(names) < 2:
        raise ValueError(
            f"`folds` must hold the fold of each of {len(same)} pairs, with at least two folds. "
            f"Received: shape {folds.shape}, folds {names[:5].tolist()}."
        )
    accepted, thresholds, accuracy = np.empty(len(same), bool), [], []
    for name in names:
        inside = folds == name
        others = verification_from_distances(distances[~inside], same[~inside], resamples=0)
        thresholds.append(best_threshold(others))
        accepted[inside] = distances[inside] < thresholds[-1]
        accuracy.append(balanced_accuracy(np.ones((1, inside.sum())), same[inside], accepted[inside])[0])
    interval = {name: overall.interval[name] for name in ("auc", "eer") if name in overall.interval}
    weights = resample_counts(len(same), resamples, seed, people)
    blocks = [[balanced_accuracy(counts, same, accepted)] for counts in weights]
    interval |= dict(zip(["accuracy"], percentile_intervals(blocks, "same or no different pairs"), strict=False))
    accuracy, thresholds = np.array(accuracy), np.array(thresholds)
    measures = float(accuracy.mean()), accuracy, thresholds, overall.auc, overall.eer
    return FoldVerification(*measures, interval, accepted, same, people)
