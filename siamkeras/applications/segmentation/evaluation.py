"""Dice coefficient of masks, and its mean over subjects with bootstrap intervals, also of paired differences."""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer, check_labels
from siamkeras.evaluation._bootstrap import mean_intervals
from siamkeras.evaluation._tables import interval


class DiceReport(NamedTuple):
    """Mean Dice over subjects."""

    dice: float  # mean over subjects of the mean over each subject's images
    interval: dict  # {"dice": (low, high)}, 95 % bootstrap interval over subjects; empty with resamples=0
    subjects: np.ndarray  # (k,) sorted subjects
    by_subject: np.ndarray  # (k,) mean Dice of each subject
    scores: np.ndarray  # (n,) Dice of each image
    subject_of: np.ndarray  # (n,) subject of each image

    def __repr__(self):
        return "  ".join(f"{heading} {value}" for heading, value in self.columns().items())

    def minus(self, other, resamples=1000, seed=0):
        """Mean Dice minus that of another method, with a paired interval over subjects.

        The paired bootstrap resamples the same subjects for both methods and is therefore more precise than two
        intervals.

        Args:
            other: `DiceReport` of the same images in the same order.
            resamples: Number of bootstrap resamples, at least 1.
            seed: Seed of the bootstrap.

        Returns:
            `(difference, (low, high))`, with the ends of the 95 % interval.
        """
        return difference(self, other, resamples, seed)

    def columns(self):
        """The row of `evaluation.table`: `{heading: text}`."""
        return {
            "Dice": f"{self.dice:.3f}{interval(self, 'dice', 1, 3)}",
            "worst subject": f"{self.by_subject.min():.3f}",
            "subjects": f"{len(self.subjects):,}",
            "images": f"{len(self.scores):,}",
        }


def dice_score(y_true, y_pred):
    """Dice coefficient of each image: `2 |A and B| / (|A| + |B|)` for the pixel sets A and B of two masks.

    The score of two empty masks is 1.

    Args:
        y_true: True masks, `(n, height, width)`: booleans, or 0 and 1.
        y_pred: Predicted masks of the same shape: booleans, or probabilities in [0, 1]; 0.5 and above is inside.

    Returns:
        `(n,)` floats.

    >>> import numpy as np
    >>> from siamkeras.applications import segmentation
    >>> y_true, y_pred = np.array([[[1, 0], [1, 1]]]), np.array([[[1, 1], [0, 0]]])
    >>> segmentation.dice_score(y_true, y_pred).tolist()  # 2 * 1 / (3 + 2)
    [0.4]

    Reference: Dice (1945), Measures of the amount of ecologic association between species.
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.ndim != 3 or y_true.shape != y_pred.shape:
        raise ValueError(
            "`y_true` and `y_pred` must be masks of the same shape (n, height, width). "
            f"Received: {y_true.shape} and {y_pred.shape}."
        )
    if not np.isin(y_true, (0, 1)).all():
        raise ValueError(
            f"`y_true` must contain only 0 and 1. Received: values from {y_true.min():g} to {y_true.max():g}. "
            "Select one of several structures with `slices.mask(structure)`."
        )
    if not (y_pred.min() >= 0 and y_pred.max() <= 1):  # also NaN
        raise ValueError(
            f"`y_pred` must be in [0, 1]. Received: values from {y_pred.min():.4g} to {y_pred.max():.4g}. "
            "Apply a sigmoid to logits."
        )
    true, predicted = (mask.reshape(len(mask), -1) for mask in (y_true == 1, y_pred >= 0.5))
    intersection, total = np.sum(true & predicted, axis=1), true.sum(axis=1) + predicted.sum(axis=1)
    return np.where(total > 0, 2 * intersection / np.maximum(total, 1), 1.0)


def dice_by_subject(scores, subjects, resamples=1000, seed=0):
    """Mean Dice over subjects, with a bootstrap interval for new subjects.

    Each subject has the same weight, and the bootstrap resamples subjects: errors on slices of one scan are similar, so
    an interval over images would be too narrow.

    Args:
        scores: Dice of each image, `(n,)`, from `dice_score`.
        subjects: Subject of each image, `(n,)` integers or strings.
        resamples: Number of bootstrap resamples; 0 for no interval.
        seed: Seed of the bootstrap.

    Returns:
        `DiceReport`.

    >>> from siamkeras.applications import segmentation
    >>> segmentation.dice_by_subject([0.9, 0.7, 0.2], ["ada", "ada", "eva"], resamples=0)  # (0.8 + 0.2) / 2
    Dice 0.500  worst subject 0.200  subjects 2  images 3
    """
    scores = np.asarray(scores, "float64")
    subjects = check_labels(subjects, "subjects", len(scores))
    if not (scores.min() >= 0 and scores.max() <= 1):  # also NaN
        raise ValueError(f"`scores` must be in [0, 1]. Received: values from {scores.min()} to {scores.max()}.")
    names, index = np.unique(subjects, return_inverse=True)
    means = np.bincount(index, scores) / np.bincount(index)
    intervals = {"dice": interval_over_subjects(means, resamples, seed)} if resamples != 0 else {}
    return DiceReport(float(means.mean()), intervals, names, means, scores, subjects)


def difference(first, second, resamples, seed):
    """The `minus` of two reports with `dice`, `by_subject` and `subject_of`."""
    if not np.array_equal(first.subject_of, second.subject_of):
        counts = [f"{len(report.subject_of)} images of {len(report.subjects)} subjects" for report in (first, second)]
        raise ValueError(
            f"Both reports must be of the same images in the same order. Received: {' and '.join(counts)}."
        )
    differences = first.by_subject - second.by_subject
    return float(differences.mean()), interval_over_subjects(differences, resamples, seed)


def interval_over_subjects(means, resamples, seed):
    """95 % interval of the mean over resampled subjects; `means` has one value per subject."""
    if len(means) < 2:
        raise ValueError("An interval over subjects needs at least two subjects. Received: 1. Use `resamples=0`.")
    (ends,) = mean_intervals(means[:, None], check_integer("resamples", resamples, 1), seed)
    return ends
