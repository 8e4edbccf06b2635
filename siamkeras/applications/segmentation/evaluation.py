"""Segmentation: how well a mask fits the true one, and how sure of that we can be for subjects not yet seen."""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.evaluation import _tables as tables
from siamkeras.evaluation._bootstrap import mean_intervals


class Segmentation(NamedTuple):
    """Dice of masks, by subject.

    Attributes:
        dice: Mean over subjects of the mean over each subject's images.
        interval: `{"dice": (low, high)}`, the bootstrap 95 % interval over subjects; empty where none was asked for.
        subjects: `(k,)` the subjects, in order.
        by_subject: `(k,)` the mean of each.
        scores: `(n,)` of each image, in the order in which they came.
        subject_of: `(n,)` the subject of each image.
    """

    dice: float
    interval: dict
    subjects: np.ndarray
    by_subject: np.ndarray
    scores: np.ndarray
    subject_of: np.ndarray

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        worst = int(self.by_subject.argmin())
        return {
            "Dice": f"{self.dice:.3f}{tables.interval(self, 'dice', 1, 3)}",
            "worst subject": f"{self.by_subject[worst]:.3f}",
            "subjects": f"{len(self.subjects):,}",
            "images": f"{len(self.scores):,}",
        }


class DiceDifference(NamedTuple):
    """By how much one Dice differs from another on the same images, and the 95 % interval over subjects."""

    dice: float
    interval: tuple

    def __repr__(self):
        return f"Dice {self.dice:+.3f} [{self.interval[0]:+.3f}, {self.interval[1]:+.3f}]"


def dice(predicted, truth, threshold=0.5):
    """Dice of each image: twice the pixels in both masks, divided by the pixels of the one and of the other.

    1 where both are the same, also where both are empty; 0 where they have no pixel in common.

    Args:
        predicted: Masks, `(n, height, width)` or `(n, height, width, 1)`: booleans, or numbers from 0 to 1, of which
            those of at least `threshold` count as inside.
        truth: True masks of the same size: booleans, or 0 and 1.
        threshold: As above.

    Returns:
        `(n,)`.

    Raises:
        ValueError: shapes that differ or are none of these; numbers outside [0, 1], NaN; a truth other than 0 and 1; a
            threshold outside (0, 1].

    >>> import numpy as np
    >>> from siamkeras import evaluation
    >>> found, true = np.array([[[1, 1], [0, 0]]]), np.array([[[1, 0], [1, 1]]])
    >>> evaluation.dice(found, true).tolist()  # 2 * 1 / (2 + 3)
    [0.4]

    Reference: Dice, Measures of the Amount of Ecologic Association Between Species (1945).
    """
    found, true = _checked_masks(predicted, "predicted"), _checked_masks(truth, "truth")
    if found.shape != true.shape:
        raise ValueError(f"Both must be masks of the same images. Received: {found.shape} and {true.shape}.")
    if not ((true == 0) | (true == 1)).all():
        raise ValueError(
            f"`truth` must be 0 or 1. Received: {true[(true != 0) & (true != 1)][0]:g}. Of several structures, ask "
            "for one: `slices.mask(structure)`."
        )
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 < threshold <= 1:
        raise ValueError(f"`threshold` must lie in (0, 1]. Received: threshold={threshold!r}.")
    found, true = (each.reshape(len(each), -1) for each in (found >= threshold, true == 1))
    both, total = np.sum(found & true, axis=1), found.sum(axis=1) + true.sum(axis=1)
    return np.where(total > 0, 2 * both / np.maximum(total, 1), 1.0)


def dice_by_subject(scores, subjects, resamples=1000, seed=0):
    """The mean Dice, and what to expect of other subjects.

    Slices of one scan are nearly alike, and so are the errors on them: an interval over images would be too narrow.
    Each subject counts once, however many images there are of it, and the bootstrap draws whole subjects again, with
    replacement.

    ```python
    found = model.predict(episodes)
    evaluation.dice_by_subject(evaluation.dice(found, truth), subjects)
    ```

    Args:
        scores: `(n,)`, Dice of each image, as `dice` gives it.
        subjects: `(n,)` integers or strings: whose image it is.
        resamples: How many times subjects are drawn again; 0 for no interval.
        seed: The same seed gives the same interval.

    Returns:
        `Segmentation`.

    Raises:
        ValueError: no scores, or other than one for each subject; scores outside [0, 1]; subjects that are missing,
            NaN or None; a single subject, of whom no interval can be drawn, unless `resamples=0`.

    >>> from siamkeras import evaluation
    >>> evaluation.dice_by_subject([0.9, 0.7, 0.2], ["ada", "ada", "eva"], resamples=0)  # (0.8 + 0.2) / 2
      Dice   worst subject  subjects  images
      0.500  0.200          2         3
    """
    scores, subjects = np.asarray(scores, "float64"), np.asarray(subjects)
    if scores.ndim != 1 or not len(scores) or subjects.shape != scores.shape:
        raise ValueError(
            f"Every image needs one score and one subject, (n,). Received: {scores.shape} and {subjects.shape}."
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(f"Dice lies in [0, 1]. Received: {scores[~((scores >= 0) & (scores <= 1))][0]:g}.")
    check_integer("resamples", resamples, 0)
    if any(subject is None or subject != subject for subject in subjects.tolist()):  # as NaN is
        raise ValueError("Every image is of some subject, an integer or a string. Received: None or NaN.")
    names, place = np.unique(subjects, return_inverse=True)
    means = np.bincount(place, scores) / np.bincount(place)
    ends = _ends(means, names, resamples, seed, " Use resamples=0, for the mean alone.") if resamples else None
    return Segmentation(float(means.mean()), {} if ends is None else {"dice": ends}, names, means, scores, subjects)


def dice_difference(one, other, resamples=1000, seed=0):
    """The mean Dice of `one` less that of `other`, on the same images of the same subjects.

    A subject that is hard for one method is mostly hard for the other. Two intervals side by side hold that against
    both; here the same subjects are drawn again for both, and the difference is taken each time.

    Args:
        one, other: `Segmentation` of two methods on the same images in the same order.
        resamples: How many times subjects are drawn again.
        seed: The same seed gives the same interval.

    Returns:
        `DiceDifference`; above 0 where `one` is better. An interval without 0 says that it is not these subjects alone.

    Raises:
        ValueError: what are no such reports, or of other images or subjects; a single subject.
    """
    if not isinstance(one, Segmentation) or not isinstance(other, Segmentation):
        raise ValueError(
            f"Two reports of `dice_by_subject` are compared. Received: {type(one).__name__} and {type(other).__name__}."
        )
    if one.subject_of.shape != other.subject_of.shape or (one.subject_of != other.subject_of).any():
        told = [f"{len(each.scores)} images of {len(each.subjects)} subjects" for each in (one, other)]
        raise ValueError(f"Both must be of the same images in the same order. Received: {told[0]} and {told[1]}.")
    check_integer("resamples", resamples, 1)
    differences = one.by_subject - other.by_subject
    return DiceDifference(float(differences.mean()), _ends(differences, one.subjects, resamples, seed))


def _ends(means, subjects, resamples, seed, remedy=""):
    if len(subjects) < 2:
        raise ValueError(
            f"An interval over subjects needs at least two of them. Received: {subjects.tolist()}.{remedy}"
        )
    return mean_intervals(means[:, None], resamples, seed)[0]


def _checked_masks(masks, name):
    masks = np.asarray(masks)
    if masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3 or not masks.size or masks.dtype.kind not in "biuf":
        raise ValueError(
            f"`{name}` must be masks (n, height, width), at least one. Received: {masks.dtype}, shape {masks.shape}."
        )
    low, high = masks.min(), masks.max()
    if masks.dtype.kind != "b" and name == "predicted" and not (low >= 0 and high <= 1):  # NaN is not
        raise ValueError(
            f"`{name}` must lie in [0, 1]. Received: values from {low:.4g} to {high:.4g}. Logits become that by a "
            "sigmoid."
        )
    return masks
