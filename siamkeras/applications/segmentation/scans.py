"""Scans: volumes in NIfTI files, cut into slices, and the hippocampi of the Medical Segmentation Decathlon."""

import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_choice, check_integer
from siamkeras.applications.segmentation import synthetic
from siamkeras.applications.segmentation.slices import Slices, check_structures
from siamkeras.data import _sources
from siamkeras.data._images import list_folder, shorten

TITLE, FOLDER, URL = "The Decathlon's hippocampus set", "hippocampus_msd", "http://medicaldecathlon.com"
SCANS = 260
STRUCTURES = {1: "anterior", 2: "posterior"}
# Across which axis of a scan (right, anterior, superior) slices are cut.
AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
ENDINGS = (".nii.gz", ".nii")
LAYOUTS = (("images", "labels"), ("imagesTr", "labelsTr"))
# The percentiles of a scan that become 0 and 1.
DARK, BRIGHT = 1, 99
LEAST = 8


class Volume(NamedTuple):
    """A scan, or its labels, in three dimensions.

    Attributes:
        values: `(x, y, z)`, from left to right, from back to front, from below to above, whatever the order in the
            file: float32, or integers for labels.
        spacing: How far apart neighbours are along x, y and z, in millimetres.
    """

    values: np.ndarray
    spacing: tuple

    def __repr__(self):
        sizes, steps = ("x".join(f"{each:g}" for each in one) for one in (self.values.shape, self.spacing))
        low, high = self.values.min(), self.values.max()
        return f"volume of {sizes} voxels of {steps} mm, {self.values.dtype} from {low:g} to {high:g}"


def volume(path, labels=False):
    """One scan of a NIfTI file, turned so that x, y and z point to the right, to the front and up.

    Args:
        path: A file `.nii` or `.nii.gz`. It is read by nibabel, which the extra `course` brings.
        labels: Whether its values are numbers of structures, which must be whole.

    Returns:
        `Volume`.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: nibabel is not installed.
        OSError: the file is damaged, or no NIfTI.
        ValueError: not three-dimensional; values that are not finite, or not in float32; labels that are not whole.
    """
    return _read(path, labels)[0]


def _read(path, labels=False):
    """The `Volume`, and the affine from its voxels to millimetres, `(4, 4)`."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file at {path!r}{': that is a folder' if os.path.isdir(path) else ''}.")
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(
            "Scans are read by nibabel: `pip install nibabel`, or the extra `siamkeras[course]`."
        ) from error
    try:
        if path.lower().endswith(".gz"):
            # nibabel stops reading before the checksum at the end, and would give noise for a damaged file.
            with gzip.open(path) as stream:
                while stream.read(2**20):
                    pass
        image = nibabel.load(path)
        shape = image.shape
        turned = nibabel.as_closest_canonical(image)
        values = None if len(shape) != 3 else np.asanyarray(turned.dataobj)
        spacing = tuple(float(step) for step in turned.header.get_zooms()[:3])
    except Exception as error:  # gzip, zlib, struct and nibabel meet damaged files with several
        raise OSError(
            f"{path} cannot be read as NIfTI: {type(error).__name__} ({error}). If it is damaged, fetch it again."
        ) from error
    if values is None:
        raise ValueError(
            f"A volume has three dimensions, (x, y, z). Received: shape {shape} in {path}. Of a series, write "
            "each scan to a file of its own."
        )
    if values.size == 0 or values.dtype.kind not in "iufb" or not np.isfinite(values).all():
        raise ValueError(f"A volume holds finite numbers. Received: {values.dtype}, shape {shape}, in {path}.")
    if labels:
        broken = values[(values != np.rint(values)) | (np.abs(values.astype("float64")) >= 2**31)]
        if broken.size:
            raise ValueError(f"Labels are whole numbers. Received: {broken[0]:g} in {path}. Is it the scan itself?")
        return Volume(np.asarray(values, "int32"), spacing), turned.affine
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(values, "float32")
    if not np.isfinite(found).all():
        raise ValueError(
            f"A volume holds numbers that float32 holds. Received: up to {np.abs(values).max():g} in {path}."
        )
    return Volume(found, spacing), turned.affine


def volume_folder(folder, names, size=48, axis="sagittal", every=1, least=1):
    """Slices of scans of your own, whose structures are labelled.

    Args:
        folder: Holds `images/` and `labels/`, or `imagesTr/` and `labelsTr/` as in the Medical Segmentation Decathlon:
            in both the same names, `<scan>.nii.gz` or `<scan>.nii`, one for each subject.
        names: `{structure: name}`: what the labels mean, from 1 on; 0 is none of them.
        size: Height and width of a slice in pixels, at least 8: what is smaller has black around it, of what is larger
            the middle is kept.
        axis: `"sagittal"`, `"coronal"` or `"axial"`: cut from left to right, back to front, below to above.
            Above is up in the first two and the front in the third; at the right is the front in a sagittal slice, and
            the subject's right in the others.
        every: 2 keeps every other slice of those that show enough, and so on.
        least: How many pixels of any structure a slice must show, at least; 0 keeps all slices.

    Returns:
        `Slices`, in order of scan and position. Each scan's brightness is its own: its 1st percentile becomes 0, its
        99th 1, what is beyond is cut off.

    Raises:
        FileNotFoundError: there is no such folder, or not these two in it.
        ImportError: nibabel is not installed.
        OSError: damaged files.
        ValueError: an argument is not one of those above; an image without labels or the reverse; two files of one
            scan; labels of another shape than the image, elsewhere in the body by their header, not whole, or not in
            `names`; a scan of one brightness; nothing that can be shown.
    """
    check_structures(names)
    check_integer("size", size, LEAST)
    check_integer("every", every, 1)
    check_integer("least", least, 0)
    check_choice("axis", axis, AXES)
    found = [], [], [], []
    pairs = _pairs(folder)
    for subject, (name, image, labels) in enumerate(pairs):
        scan, structures = _pair(name, image, labels, names)
        scan, structures = _cut(scan, AXES[axis], size), _cut(structures, AXES[axis], size)
        shown = np.flatnonzero((structures > 0).sum(axis=(1, 2)) >= least)[::every]
        positions = shown / max(len(scan) - 1, 1)
        cut = scan[shown], structures[shown], np.full(len(shown), subject), positions
        for values, more in zip(found, cut, strict=True):
            values.append(more)
    images, masks, subjects, positions = (np.concatenate(values) for values in found)
    if not len(images):
        raise ValueError(f"No slice in {folder} shows a structure in {least} pixels or more. Lower `least`.")
    ready = aligned_empty((*images.shape, 1), "float32")
    ready[..., 0] = images
    return Slices(
        images=ready,
        masks=masks,
        subjects=subjects,
        positions=positions,
        names=dict(names),
        subject_names={subject: pair[0] for subject, pair in enumerate(pairs)},
        source=f"scans of the folder {Path(folder).name}, {axis}",
    )


def hippocampus(source="auto", size=48, axis="sagittal", every=1, least=1):
    """Magnetic resonance scans of 260 hippocampi, their anterior and posterior part labelled.

    Task 4 of the Medical Segmentation Decathlon (Antonelli et al., 2022): crops of 31x40x24 to 43x59x47 voxels of one
    millimetre, one hippocampus in each. Both parts are seen together in 19 of the 35 sagittal slices of a scan, in 9 of
    the 36 axial ones and in hardly any coronal one: they lie behind each other.

    Every file counts as a subject here. The set's paper tells of 195 people and of twice as many files, so some people
    may be in two of them; no file says whose it is.

    No loader can fetch it: medicaldecathlon.com gives out `Task04_Hippocampus.tar`, 27 MB, under CC BY-SA 4.0. Its
    folder is looked for as `hippocampus_msd` under `SIAMKERAS_DATA` and in `~/.cache/siamkeras`, with `images/` and
    `labels/` in it, or `imagesTr/` and `labelsTr/` as it is given out. For other sets there is `volume_folder`.

    ```python
    slices = data.hippocampus()
    rest, test = data.split_by_subject(slices, test=0.25)     # no subject is in both
    slices.take(slices.showing(2, least=20))                  # those with 20 pixels of the posterior part
    ```

    Args:
        source: `"auto"`: the folder; where there is none, phantoms of 40 subjects with two structures, and a
            `StandInWarning`. `"real"`: an error instead. `"synthetic"`: the phantoms, at once.
        size, axis, every, least: As for `volume_folder`. At 48 pixels nothing of a sagittal slice's structures is cut
            off in 259 of the 260 scans, and 0.4 % of the voxels in one.

    Returns:
        `Slices`, `names` `{1: "anterior", 2: "posterior"}`: sagittal 5,730 slices.

    Raises:
        ValueError: an argument is not one of those above; and as `volume_folder`.
        ConnectionError, ImportError: `source="real"`, and the set is not on this machine, or nibabel is not.
        OSError: the copy on this machine is damaged or not complete, whatever the `source`; except `"synthetic"`.
    """
    check_integer("size", size, LEAST)
    check_integer("every", every, 1)
    check_integer("least", least, 0)
    check_choice("axis", axis, AXES)
    return _sources.real_or_stand_in(
        source,
        real=lambda: _hippocampus(size, axis, every, least),
        stand_in=lambda: _drawn(size, every, least),
        description="phantoms of two structures",
    )


def _hippocampus(size, axis, every, least):
    for place in _sources.data_paths(FOLDER):
        if not place.is_dir():
            continue
        again = "Delete that folder and unpack the set again, or read what is there with data.volume_folder."
        try:
            count = len(_pairs(place))
            if count != SCANS:
                raise OSError(
                    f"The copy of {TITLE} in {place} is not complete: expected {SCANS} scans, found {count}. {again}"
                )
            found = volume_folder(place, STRUCTURES, size, axis, every, least)
        except ValueError as error:
            raise OSError(f"The copy of {TITLE} in {place} is damaged: {error} {again}") from error
        return found.replace(source=f"Medical Segmentation Decathlon, hippocampus ({SCANS} scans, {axis})")
    raise _sources.manual_download_error(TITLE, URL, FOLDER)


def _drawn(size, every, least):
    drawn = synthetic.phantoms(40, len(STRUCTURES), size=size, slices=18)
    shown = (drawn.masks > 0).sum(axis=(1, 2)) >= least
    chosen = [np.flatnonzero(shown & (drawn.subjects == subject))[::every] for subject in np.unique(drawn.subjects)]
    return drawn.take(np.concatenate(chosen)).replace(
        names=dict(STRUCTURES),
        source=f"phantoms of two structures standing in for {TITLE.replace('The', 'the')}",
    )


def _pairs(folder):
    """Name, scan and labels of each, `[(name, path, path)]`, in alphabetical order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}{': that is a file' if folder.exists() else ''}.")
    for layout in LAYOUTS:
        if all((folder / name).is_dir() for name in layout):
            scans, labels = (_by_name(folder / name) for name in layout)
            break
    else:
        wanted = " or ".join(f"`{images}/` and `{labels}/`" for images, labels in LAYOUTS)
        raise FileNotFoundError(f"Expected {wanted} in {folder}. Found {shorten(list_folder(folder)) or 'nothing'}.")
    alone = [f"{name} (no {'labels' if name in scans else 'scan'})" for name in sorted(set(scans) ^ set(labels))]
    if alone or not scans:
        raise ValueError(
            f"Every scan needs a file of labels of the same name. Found in {folder}: "
            f"{shorten(alone) if alone else 'no file ' + ' or '.join(ENDINGS)}."
        )
    return [(name, scans[name], labels[name]) for name in sorted(scans)]


def _by_name(folder):
    """The files of volumes in a folder, `{name: path}`."""
    found = {}
    for file in list_folder(folder):
        ending = next((ending for ending in ENDINGS if file.name.lower().endswith(ending)), None)
        if ending is not None:
            twin = found.setdefault(file.name[: -len(ending)], file)
            if twin is not file:
                raise ValueError(f"One name is one scan. Found {twin.name} and {file.name} in {folder}.")
    return found


def _pair(name, image, labels, names):
    """A scan with brightness in [0, 1], and the structure of each of its voxels."""
    (scan, place), (labelled, place_of_labels) = _read(image), _read(labels, labels=True)
    values, structures = scan.values, labelled.values
    if values.shape != structures.shape:
        raise ValueError(
            f"A scan and its labels must be of one shape. Received: {values.shape} and {structures.shape} for {name}."
        )
    corners = np.stack([*np.meshgrid(*((0, side - 1) for side in values.shape)), np.ones((2, 2, 2))]).reshape(4, 8)
    # Less than half a voxel apart, as by rounding in a header, a voxel is still nearest to its own label.
    apart = np.abs((place - place_of_labels) @ corners).max()
    if not apart <= min(scan.spacing) / 2:
        raise ValueError(
            f"A scan and its labels must lie in the same place by their headers. Received: {apart:.4g} mm apart for "
            f"{name}. If they do belong together, write the labels with the affine of the scan."
        )
    unknown = sorted(set(np.unique(structures).tolist()) - {0, *names})
    if unknown:
        raise ValueError(f"Labels may be 0 and {sorted(names)}. Received: {unknown[:5]} as well, in {labels}.")
    low, high = np.percentile(values, [DARK, BRIGHT])
    if not high > low:
        raise ValueError(f"A scan must show something. Received: {image}, nearly all of it at {low:g}.")
    return np.clip((values - low) / (high - low), 0, 1).astype("float32"), structures


def _cut(values, axis, size):
    """All slices across an axis, `(n, size, size)`: what is up is above, the front or the right at the right."""
    slices = np.moveaxis(values, axis, 0).transpose(0, 2, 1)[:, ::-1]
    for side in (1, 2):
        spare = size - slices.shape[side]
        if spare < 0:
            slices = slices.take(range(-spare // 2, -spare // 2 + size), axis=side)
        else:
            around = [(0, 0)] * 3
            around[side] = (spare // 2, spare - spare // 2)
            slices = np.pad(slices, around)
    return slices
