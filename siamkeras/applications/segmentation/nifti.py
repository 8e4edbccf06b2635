"""Slices of labelled volumes in NIfTI files."""

import gzip
from pathlib import Path

import numpy as np

from siamkeras._validation import check_choice, check_integer
from siamkeras.applications.segmentation.slices import Slices
from siamkeras.data._images import list_folder, warn_skipped

# The axis of a volume (right, anterior, superior) perpendicular to the slices.
AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
SUFFIXES = (".nii.gz", ".nii")
LAYOUTS = (("images", "labels"), ("imagesTr", "labelsTr"))
PERCENTILES = (1, 99)  # of the intensities of a scan, mapped to 0 and 1


def volume_folder(folder, names, size=48, axis="sagittal", empty_slices=False):
    """Reads labelled scans from a folder of NIfTI files and cuts them into slices.

    Args:
        folder: Contains `images/` and `labels/` (or `imagesTr/` and `labelsTr/`) with files of the same names,
            `<scan>.nii.gz` or `<scan>.nii`, one scan per subject.
        names: `{structure: name}` for every label; 0 is the background.
        size: Height and width of a slice in pixels: smaller slices are padded with black, larger ones cropped to the
            centre.
        axis: `"sagittal"`, `"coronal"` or `"axial"`. Superior (axial: anterior) is at the top; the right side of the
            image is anterior in sagittal slices and the subject's right in the others.
        empty_slices: Whether to keep slices that show no structure.

    Returns:
        `Slices`, ordered by scan and position; `subjects` are the names of the scans. Intensities are scaled so that
        the 1st percentile of a scan is 0 and the 99th is 1.

    Raises:
        FileNotFoundError, ImportError, OSError: missing folders, missing nibabel, a damaged file.
        ValueError: scans and labels that do not match in name, shape, position or labels.
    """
    size = check_integer("size", size, 1)
    check_choice("axis", axis, tuple(AXES))
    parts = {"images": [], "masks": [], "subjects": [], "positions": [], "spacing": []}
    for subject, image_path, label_path in _scan_pairs(folder):
        *volumes, spacing = _read_pair(image_path, label_path, names)
        scan, labels = (_cut(volume, AXES[axis], size) for volume in volumes)
        visible = np.flatnonzero(labels.any(axis=(1, 2)) | empty_slices)
        parts["images"].append(scan[visible, ..., None])
        parts["masks"].append(labels[visible])
        parts["subjects"].append(np.full(len(visible), subject))
        parts["positions"].append(visible / max(len(scan) - 1, 1))
        across = spacing[AXES[axis]]
        down, right = np.delete(spacing, AXES[axis])[::-1]
        parts["spacing"].append(np.tile([across, down, right], (len(visible), 1)))
    arrays = {name: np.concatenate(values) for name, values in parts.items()}
    if not len(arrays["images"]):
        raise ValueError(f"No slice in {folder} shows a structure: all labels are 0.")
    return Slices(**arrays, names=dict(names), source=f"{Path(folder).name}, {axis}")


def _scan_pairs(folder):
    """Name, scan file and label file of each scan, `[(name, path, path)]` in alphabetical order."""
    folder = Path(folder)
    layout = next((layout for layout in LAYOUTS if all((folder / name).is_dir() for name in layout)), None)
    if layout is None:
        expected = " or ".join(f"{images}/ and {labels}/" for images, labels in LAYOUTS)
        raise FileNotFoundError(f"Expected {expected} in {folder}.")
    scans, labels = (_files_by_name(folder / name) for name in layout)
    single = [f"{name} (no {'labels' if name in scans else 'scan'})" for name in sorted(set(scans) ^ set(labels))]
    if single or not scans:
        raise ValueError(
            f"Every scan needs a label file of the same name. Found in {folder}: "
            f"{', '.join(single[:5]) or 'no .nii.gz or .nii file'}."
        )
    return [(name, scans[name], labels[name]) for name in sorted(scans)]


def _files_by_name(folder):
    """The NIfTI files of a folder by their name without suffix."""
    files, skipped = {}, []
    for path in list_folder(folder):
        if not path.name.lower().endswith(SUFFIXES):
            skipped.append(path)
        elif files.setdefault(path.name[: path.name.lower().rindex(".nii")], path) is not path:
            raise ValueError(f"Expected one file per scan. Received: {path}, also with another extension.")
    warn_skipped(folder, skipped)
    return files


def _read_pair(image_path, label_path, names):
    """Intensities in [0, 1] and labels of a scan, `(right, anterior, superior)` voxels, and the mm of each axis."""
    (scan, affine), (labels, label_affine) = _read(image_path), _read(label_path)
    if scan.shape != labels.shape:
        raise ValueError(f"Scan and labels must have the same shape. {image_path}: {scan.shape} and {labels.shape}.")
    corners = [(*corner, 1) for corner in np.ndindex(2, 2, 2)] * np.append(np.subtract(scan.shape, 1), 1)
    offset = np.abs((affine - label_affine) @ corners.T).max()
    # A header may be rounded: below half a voxel each voxel is still closest to its own label.
    if not offset <= np.linalg.norm(affine[:3, :3], axis=0).min() / 2:
        raise ValueError(
            f"Scan and labels must have the same position by their headers. {image_path}: {offset:.4g} mm apart. If "
            "they do belong together, write the labels with the affine of the scan."
        )
    unknown = sorted(set(np.unique(labels).tolist()) - {0, *names})
    if unknown:
        raise ValueError(f"Labels must be 0 or one of {sorted(names)}. Received: {unknown[:5]} in {label_path}.")
    low, high = np.percentile(scan, PERCENTILES)
    if not high > low:
        raise ValueError(
            f"A scan must have contrast and no NaN. {image_path}: percentiles 1 and 99 are {low:g} and {high:g}."
        )
    scaled = np.clip((scan - low) / (high - low), 0, 1).astype("float32")
    return scaled, labels.astype("int32"), np.linalg.norm(affine[:3, :3], axis=0)


def _read(path):
    """The voxels of a NIfTI file, axes pointing right, anterior and superior, and the affine to millimetres."""
    try:
        import nibabel
    except ImportError as error:
        raise ImportError("Reading NIfTI files needs nibabel: `pip install nibabel` or `siamkeras[course]`.") from error
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as stream:  # nibabel does not verify the checksum at the end of the file
                while stream.read(2**20):
                    pass
        image = nibabel.as_closest_canonical(nibabel.load(path))
        values = np.asanyarray(image.dataobj)
    except Exception as error:  # gzip, zlib, struct and nibabel raise different errors for damaged files
        raise OSError(f"{path} is not a readable NIfTI file: {type(error).__name__} ({error}).") from error
    if values.ndim != 3:
        raise ValueError(f"A scan must have three dimensions. Received: shape {values.shape} in {path}.")
    return values, image.affine


def _cut(volume, axis, size):
    """All slices across an axis, `(n, size, size)`."""
    slices = np.moveaxis(volume, axis, 0).transpose(0, 2, 1)[:, ::-1]
    for side in (1, 2):
        missing = size - slices.shape[side]
        if missing < 0:
            slices = slices.take(range(-missing // 2, -missing // 2 + size), axis=side)
        else:
            padding = [(0, 0)] * 3
            padding[side] = (missing // 2, missing - missing // 2)
            slices = np.pad(slices, padding)
    return slices
