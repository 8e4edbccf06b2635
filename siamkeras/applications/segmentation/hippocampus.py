"""Magnetic resonance scans of hippocampi from the Medical Segmentation Decathlon."""

from dataclasses import replace

from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.nifti import volume_folder
from siamkeras.applications.segmentation.synthetic import synthetic_phantoms
from siamkeras.data import _sources

TITLE, FOLDER, URL = "The hippocampus data set", "hippocampus_msd", "http://medicaldecathlon.com"
SUBJECTS = 260
STRUCTURES = {1: "anterior", 2: "posterior"}


def hippocampus(source="auto", size=48, empty_slices=False):
    """Sagittal slices of 260 hippocampi with labels of their anterior and posterior part.

    Task 4 of the Medical Segmentation Decathlon (Antonelli et al., 2022), licence CC BY-SA 4.0: crops of about 35x50x35
    voxels of one millimetre. Every file counts as one subject. According to the paper there are 195 people in all,
    fewer than files, so some subjects may be the two sides of one person.

    Download the data set by hand from http://medicaldecathlon.com (`Task04_Hippocampus.tar`, 27 MB) and unpack it so
    that `hippocampus_msd/` in the folder `SIAMKERAS_DATA` or `~/.cache/siamkeras` contains `imagesTr/` and `labelsTr/`.

    Args:
        source: `"auto"`: the scans if available, else phantoms of 40 subjects with two structures and a
            `StandInWarning`. `"real"`: the scans or an error. `"synthetic"`: the phantoms.
        size: Height and width of a slice in pixels, at least 16. At 48 no slice loses more than 0.4 % of its labelled
            voxels.
        empty_slices: Whether to keep slices that show no structure, so that each subject has a complete volume.

    Returns:
        `Slices` with `names` `{1: "anterior", 2: "posterior"}`: the 5,730 slices that show a structure, or all 9,198.

    Raises:
        ConnectionError, ImportError, OSError: with `source="real"` missing scans or nibabel; damaged files.
    """
    size = check_integer("size", size, 16)
    return _sources.real_or_stand_in(
        source,
        real=lambda: _read(size, empty_slices),
        stand_in=lambda: _stand_in(size, empty_slices),
        description="phantoms of two structures",
    )


def _read(size, empty_slices):
    folder = _sources.find(FOLDER)
    if folder is None:
        raise _sources.manual_download_error(TITLE, URL, FOLDER)
    with _sources.reading(TITLE, folder):
        slices = volume_folder(folder, STRUCTURES, size, empty_slices=empty_slices)
        count = len(set(slices.subjects))
        if count != SUBJECTS:
            raise ValueError(f"expected {SUBJECTS} scans, found {count}")
    return replace(slices, source=f"Medical Segmentation Decathlon, hippocampus ({SUBJECTS} scans, sagittal)")


def _stand_in(size, empty_slices):
    slices = synthetic_phantoms(subjects=40, structures=len(STRUCTURES), size=size, slices=18)
    visible = (slices.masks > 0).any(axis=(1, 2)) | empty_slices
    source = "phantoms of two structures, stand-in for the hippocampus data set"
    return replace(slices.take(visible), names=dict(STRUCTURES), source=source, spacing=(1, 1, 1))
