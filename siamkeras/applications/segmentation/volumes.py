"""Segmentation of whole volumes: fixed references for each part of a volume, and scores of volumes."""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_integer, check_seed
from siamkeras.applications.segmentation.evaluation import difference, interval_over_subjects
from siamkeras.applications.segmentation.generators import EvaluationEpisodes
from siamkeras.evaluation._tables import interval

EXTENTS = ("structure", "volume")


class VolumeReport(NamedTuple):
    """Mean Dice and 95 % Hausdorff distance of whole volumes, one volume per subject."""

    dice: float
    hd95: float  # mm
    interval: dict  # {"dice": (low, high), "hd95": (low, high)}, 95 % bootstrap intervals over subjects
    subjects: np.ndarray  # (k,) sorted subjects
    by_subject: np.ndarray  # (k,) Dice of each subject
    hd95_by_subject: np.ndarray  # (k,) mm

    @property
    def subject_of(self):
        """The subject of each volume, as in `DiceReport`."""
        return self.subjects

    def minus(self, other, resamples=1000, seed=0):
        """Mean Dice minus that of another method on the same volumes, as `DiceReport.minus`."""
        return difference(self, other, resamples, seed)

    def __repr__(self):
        return "  ".join(f"{heading} {value}" for heading, value in self.columns().items())

    def columns(self):
        """The row of `evaluation.table`: `{heading: text}`."""
        return {
            "Dice": f"{self.dice:.3f}{interval(self, 'dice', 1, 3)}",
            "HD95 (mm)": f"{self.hd95:.1f}{interval(self, 'hd95', 1, 1)}",
            "worst Dice": f"{self.by_subject.min():.3f}",
            "subjects": f"{len(self.subjects):,}",
        }


def volume_episodes(slices, structure, references=1, parts=3, extent="structure", seed=0):
    """One episode for each slice of a volume, with references that are fixed for each part of the volume.

    The volume of each subject is segmented with the volumes of `references` other subjects: those that follow the
    subject in a random cyclic order. Query and references are divided into `parts` of equal length along their axis.
    All slices of a part of the query are segmented with the middle slice of the same part of each reference, so that
    `parts` slices of each reference have to be annotated.

    Args:
        slices: `Slices` of test subjects with all slices of each volume.
        structure: A key of `slices.names`.
        references: Number of reference subjects.
        parts: Number of parts.
        extent: What is divided. `"structure"`: the slices from the first to the last one that shows the structure, as
            in Roy et al. (2020); this extent must be known for the query. `"volume"`: all slices; nothing is known of
            the query. A part in which the structure is visible in at most half of the references has no episodes: its
            slices are predicted to be empty.
        seed: Seed of the cyclic order.

    Returns:
        `EvaluationEpisodes`. `volume_scores` joins their predictions to volumes.

    Reference: Roy et al. (2020), Squeeze and excite guided few-shot segmentation of volumetric images,
    https://arxiv.org/abs/1902.01314
    """
    references, parts = check_integer("references", references, 1), check_integer("parts", parts, 1)
    check_choice("extent", extent, EXTENTS)
    volumes = _volumes(slices, structure)
    if len(volumes) <= references:
        raise ValueError(
            f"{references} references need {references + 1} subjects that show structure {structure} "
            f"({slices.names[structure]}). Received: {len(volumes)}."
        )
    visible, rows = slices.showing(structure), []
    if extent == "structure":
        volumes = {subject: _extent(volume, visible) for subject, volume in volumes.items()}
    order = check_seed(seed).permutation(sorted(volumes)).tolist()
    for place, subject in enumerate(order):
        others = [volumes[order[(place + step) % len(order)]] for step in range(1, references + 1)]
        for part in range(parts):
            middle = [volume[int((part + 0.5) * len(volume) / parts)] for volume in others]
            if extent == "structure" or 2 * visible[middle].sum() > references:
                volume = volumes[subject]
                rows += [[i, *middle] for i in volume[np.arange(len(volume)) * parts // len(volume) == part]]
    if not rows:
        raise ValueError(f"No part shows structure {structure} in most of the references. Use more parts.")
    indices = np.array(sorted(rows))
    images, masks = slices.images[indices], slices.mask(structure)[indices].astype("float32")
    inputs = {"query": images[:, 0], "references": images[:, 1:], "masks": masks[:, 1:]}
    structures = np.full(len(indices), structure, "int32")
    return EvaluationEpisodes(inputs, masks[:, 0], slices.subjects[indices[:, 0]], structures, indices)


def volume_scores(slices, episodes, masks, resamples=1000, seed=0):
    """Volumetric Dice and 95 % Hausdorff distance of predicted volumes, averaged over subjects.

    The prediction of a volume consists of the masks of its episodes; slices without an episode are predicted to be
    empty. Dice is computed once per volume, over all of its voxels; see `hausdorff_95` for the distance.

    Args:
        slices: The `Slices` that the episodes were made from, or the same slices with a higher resolution.
        episodes: `volume_episodes` of one structure.
        masks: Predictions of the episodes, `(n, height, width)`, of the resolution of `slices`: booleans, or
            probabilities in [0, 1]; 0.5 and above is inside.
        resamples: Number of bootstrap resamples over subjects; 0 for no interval.
        seed: Seed of the bootstrap.

    Returns:
        `VolumeReport`.
    """
    masks, structures = np.asarray(masks), np.unique(episodes.structures)
    expected = (len(episodes.truth), *slices.masks.shape[1:])
    if len(structures) != 1 or masks.shape != expected or slices.spacing is None:
        raise ValueError(
            "Volumes need episodes of one structure, masks (episodes, height, width) of the size of the slices, and "
            f"slices with `spacing`. Received: structures {structures.tolist()}, masks {masks.shape} instead of "
            f"{expected}, spacing {'unknown' if slices.spacing is None else 'known'}."
        )
    predicted, true = np.zeros(slices.masks.shape, bool), slices.mask(int(structures[0]))
    predicted[episodes.indices[:, 0]] = masks >= 0.5
    volumes = _volumes(slices, int(structures[0]))
    scores = []
    for volume in volumes.values():
        overlap, total = (true[volume] & predicted[volume]).sum(), true[volume].sum() + predicted[volume].sum()
        distance = hausdorff_95(true[volume], predicted[volume], slices.spacing[volume[0]])
        scores.append((2 * overlap / total, distance))
    dice, hd95 = np.array(scores).T
    intervals = {}
    if resamples:
        intervals = {name: interval_over_subjects(x, resamples, seed) for name, x in (("dice", dice), ("hd95", hd95))}
    return VolumeReport(float(dice.mean()), float(hd95.mean()), intervals, np.array(list(volumes)), dice, hd95)


def largest_component(slices, episodes, masks):
    """Keeps the largest connected part of each predicted volume, for structures that are in one piece.

    Voxels are connected if they share a side. Of equally large parts the first one is kept.

    Args:
        slices: The `Slices` that the episodes were made from.
        episodes: `volume_episodes` of one structure.
        masks: Predictions of the episodes, `(n, height, width)`: booleans, or probabilities of which 0.5 and above is
            inside.

    Returns:
        `masks`, with 0 at voxels that are inside, but not in the largest part of their volume.
    """
    from scipy.ndimage import label

    masks, indices = np.asarray(masks), episodes.indices[:, 0]
    inside = np.zeros(slices.masks.shape, bool)
    inside[indices] = masks >= 0.5
    other = np.zeros_like(inside)
    for volume in _volumes(slices, int(episodes.structures[0])).values():
        parts, count = label(inside[volume])
        if count > 1:
            sizes = np.bincount(parts.ravel())[1:]
            other[volume] = (parts > 0) & (parts != 1 + sizes.argmax())
    return np.where(other[indices], np.zeros_like(masks), masks)


def hausdorff_95(y_true, y_pred, spacing):
    """95 % Hausdorff distance between the surfaces of two volumes, in mm.

    The 95th percentile of the distances from each surface voxel of one volume to the nearest surface voxel of the
    other, over both directions together. (Some authors take the larger of the percentiles of the two directions.) A
    surface voxel is a voxel inside with at least one of its six neighbours outside. If one volume is empty, the
    distance is the diagonal of the image volume; if both are, it is 0.

    Args:
        y_true, y_pred: Masks `(slices, height, width)`, booleans.
        spacing: mm between slices, rows and columns.

    >>> import numpy as np
    >>> from siamkeras.applications import segmentation
    >>> y_true, y_pred = np.zeros((2, 1, 3, 3), bool)
    >>> y_true[0, 0, 0] = y_pred[0, 2, 0] = True
    >>> print(segmentation.hausdorff_95(y_true, y_pred, (5, 1.5, 1)))  # two rows of 1.5 mm
    3.0

    Reference: Huttenlocher, Klanderman and Rucklidge (1993), Comparing images using the Hausdorff distance.
    """
    from scipy.ndimage import binary_erosion, distance_transform_edt

    y_true, y_pred = np.asarray(y_true, bool), np.asarray(y_pred, bool)
    if y_true.ndim != 3 or y_true.shape != y_pred.shape:
        raise ValueError(f"Both volumes need one shape, (slices, h, w). Received: {y_true.shape} and {y_pred.shape}.")
    if not y_true.any() or not y_pred.any():
        return float(np.linalg.norm(np.multiply(y_true.shape, spacing))) if y_true.any() or y_pred.any() else 0.0
    inside = np.nonzero(y_true | y_pred)
    box = tuple(slice(values.min(), values.max() + 1) for values in inside)  # distances elsewhere are not needed
    surfaces = [mask[box] & ~binary_erosion(mask[box]) for mask in (y_true, y_pred)]
    distances = [distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    both = np.concatenate([distances[0][surfaces[1]], distances[1][surfaces[0]]])
    return float(np.percentile(both, 95))


def _volumes(slices, structure):
    """`{subject: indices of its slices in the order of their positions}` of the subjects that show a structure."""
    order = np.lexsort((slices.positions, slices.subjects))
    names, first = np.unique(slices.subjects[order], return_index=True)
    visible = slices.showing(structure)
    volumes = zip(names.tolist(), np.split(order, first[1:]), strict=True)
    return {subject: volume for subject, volume in volumes if visible[volume].any()}


def _extent(volume, visible):
    """The part of a volume from the first to the last visible slice."""
    shown = np.flatnonzero(visible[volume])
    return volume[shown[0] : shown[-1] + 1]
