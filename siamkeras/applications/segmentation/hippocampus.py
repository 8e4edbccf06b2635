"""Magnetic resonance scans of hippocampi from the Medical Segmentation Decathlon."""

from dataclasses import replace

from siamkeras.applications.segmentation import nifti, synthetic
from siamkeras.data import _sources

TITLE, FOLDER, URL = "The hippocampus data set", "hippocampus_msd", "http://medicaldecathlon.com"
SCANS = 260
STRUCTURES = {1: "anterior", 2: "posterior"}


def hippocampus(source="auto", size=48, axis="sagittal", min_pixels=1):
    """Slices of 260 hippocampi with labels of their anterior and posterior part.

    Task 4 of the Medical Segmentation Decathlon (Antonelli et al., 2022), licence CC BY-SA 4.0: crops of about 35x50x35
    voxels of one millimetre. 19 of the 35 sagittal slices of a scan show both parts. Every file counts as one subject;
    according to the paper there are 195 people, so some subjects may be the two sides of one person.

    The data set must be downloaded by hand from http://medicaldecathlon.com (`Task04_Hippocampus.tar`, 27 MB), as
    `hippocampus_msd/` in the folder `SIAMKERAS_DATA` or in `~/.cache/siamkeras`, with `imagesTr/` and `labelsTr/` in
    it.

    Args:
        source: `"auto"`: the scans if available, else phantoms of 40 subjects with two structures and a
            `StandInWarning`. `"real"`: the scans or an error. `"synthetic"`: the phantoms.
        size, axis, min_pixels: As for `volume_folder`. At 48 pixels no sagittal slice loses more than 0.4 % of
            its labelled voxels.

    Returns:
        `Slices` with `names` `{1: "anterior", 2: "posterior"}`; 5,730 sagittal slices.

    Raises:
        ConnectionError, ImportError, OSError: with `source="real"` missing scans or nibabel; damaged files.
    """
    nifti.check_slicing(size, axis, min_pixels)
    return _sources.real_or_stand_in(
        source,
        real=lambda: _read(size, axis, min_pixels),
        stand_in=lambda: _stand_in(size, min_pixels),
        description="phantoms of two structures",
    )


def _read(size, axis, min_pixels):
    folder = _sources.find(FOLDER)
    if folder is None:
        raise _sources.manual_download_error(TITLE, URL, FOLDER)
    try:
        count = len(nifti.scan_pairs(folder))
        slices = nifti.volume_folder(folder, STRUCTURES, size, axis, min_pixels)
    except (ValueError, FileNotFoundError) as error:
        raise _sources.damaged(TITLE, folder, error) from error
    if count != SCANS:
        raise _sources.damaged(TITLE, folder, f"expected {SCANS} scans, found {count}")
    return replace(slices, source=f"Medical Segmentation Decathlon, hippocampus ({SCANS} scans, {axis})")


def _stand_in(size, min_pixels):
    slices = synthetic.phantoms(subjects=40, structures=len(STRUCTURES), size=size, slices=18)
    visible = (slices.masks > 0).sum(axis=(1, 2)) >= min_pixels
    source = "phantoms of two structures, stand-in for the hippocampus data set"
    return replace(slices.take(visible), names=dict(STRUCTURES), source=source)
