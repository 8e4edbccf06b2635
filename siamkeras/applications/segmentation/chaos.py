"""Abdominal magnetic resonance scans with four organs, from the CHAOS challenge."""

import zipfile
from dataclasses import replace

import numpy as np

from siamkeras.applications.segmentation.slices import Slices
from siamkeras.applications.segmentation.synthetic import synthetic_phantoms
from siamkeras.data import _sources

TITLE, FOLDER, URL = "The CHAOS data set", "chaos_t2_abdomen", "https://chaos.grand-challenge.org"
SUBJECTS = 20
ORGANS = {1: "liver", 2: "right kidney", 3: "left kidney", 4: "spleen"}
SIZES = (128, 64, 32)


def chaos(source="auto", size=128):
    """Axial slices of 20 abdomens (T2-SPIR magnetic resonance) with labels of liver, kidneys and spleen.

    The training set of the CHAOS challenge (Kavur et al., 2021, https://arxiv.org/abs/2001.06535), whose labels are
    public. It is widely used for few-shot segmentation of abdominal scans. The result contains all slices of each
    volume, from the lowest to the highest.

    Get the data set from https://chaos.grand-challenge.org and convert each subject to a file `subject_<number>.npz` in
    `chaos_t2_abdomen/` in the folder `SIAMKERAS_DATA` or `~/.cache/siamkeras`: `image` `(slices, 128, 128)` uint8, the
    front of the body at the top and its right side on the left; `label` of the same shape, 0 to 4 in the order of
    `names`; `spacing`, the mm between columns, rows and slices of the original grid of 256x256 pixels.

    Args:
        source: `"auto"`: the scans if available, else phantoms of 20 subjects with four structures and a
            `StandInWarning`. `"real"`: the scans or an error. `"synthetic"`: the phantoms.
        size: Height and width of a slice, 128, 64 or 32 pixels. Below 128, intensities are averaged over blocks of
            pixels, and a block shows an organ if at least half of it does.

    Returns:
        `Slices` with `names` `{1: "liver", 2: "right kidney", 3: "left kidney", 4: "spleen"}`: 718 slices.

    Raises:
        ConnectionError, OSError: with `source="real"` missing scans; damaged files.
    """
    if size not in SIZES:
        raise ValueError(f"`size` must be one of {SIZES}. Received: {size!r}.")
    return _sources.real_or_stand_in(
        source,
        real=lambda: _read(size),
        stand_in=lambda: _stand_in(size),
        description="phantoms of four structures",
    )


def _read(size):
    folder = _sources.find(FOLDER)
    if folder is None:
        raise _sources.manual_download_error(TITLE, URL, FOLDER)
    parts = {"images": [], "masks": [], "subjects": [], "positions": [], "spacing": []}
    with _sources.reading(TITLE, folder):
        paths = sorted(folder.glob("subject_*.npz"))
        if len(paths) != SUBJECTS:
            raise ValueError(f"expected {SUBJECTS} files subject_<number>.npz, found {len(paths)}")
        for path in paths:
            images, labels, spacing = _load(path)
            count, width = len(images), images.shape[-1]
            parts["images"].append(_blocks(images / np.float32(255), width // size).mean(axis=(2, 4)))
            parts["masks"].append(_reduce_labels(labels, width // size))
            parts["subjects"].append(np.full(count, path.stem.removeprefix("subject_")))
            parts["positions"].append(np.linspace(0, 1, count))
            # The spacing of the files is that of 256x256 pixels, in the order column, row, slice.
            across, down, right = spacing[::-1] * [1, 256 / size, 256 / size]
            parts["spacing"].append(np.tile([across, down, right], (count, 1)))
    arrays = {name: np.concatenate(values) for name, values in parts.items()}
    arrays["images"] = arrays["images"][..., None]
    return Slices(**arrays, names=dict(ORGANS), source=f"CHAOS, T2-SPIR ({SUBJECTS} scans, axial)")


def _load(path):
    """Images, labels and spacing of a file."""
    try:
        with np.load(path) as scan:
            return scan["image"], scan["label"], scan["spacing"]
    except (EOFError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} has no arrays image, label and spacing: {error}") from error


def _blocks(values, factor):
    """`(n, height, width)` in blocks of `factor` x `factor` pixels, `(n, height', factor, width', factor)`."""
    count, height, width = values.shape
    return values.reshape(count, height // factor, factor, width // factor, factor)


def _reduce_labels(labels, factor):
    """The organ of each block of pixels: one that covers at least half of it, else 0."""
    count, height, width = labels.shape
    reduced = np.zeros((count, height // factor, width // factor), "int32")
    for organ in ORGANS:
        reduced[_blocks(labels == organ, factor).mean(axis=(2, 4)) >= 0.5] = organ
    return reduced


def _stand_in(size):
    slices = synthetic_phantoms(subjects=SUBJECTS, structures=len(ORGANS), size=size, slices=15, seed=2)
    source = "phantoms of four structures, stand-in for the CHAOS data set"
    return replace(slices, names=dict(ORGANS), source=source, spacing=(7.7, 320 / size, 320 / size))
