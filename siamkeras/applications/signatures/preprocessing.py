"""Preprocessing of scanned signatures: binarise, crop and centre."""

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty
from siamkeras.data._images import to_eight_bits

# Fraction of the ink that may lie beyond each side of the crop: specks.
SPECKS = 0.001
# Smallest difference between the mean grey values of paper and ink, out of 255.
MINIMUM_CONTRAST = 30


def preprocess(image, size):
    """A scanned signature, binarised with Otsu's threshold, cropped to the ink, resized and centred.

    Without binarisation, the grey value of the ink would reveal the scanner. The values are scaled so that the darkest
    hundredth is 1; otherwise thin lines of large scans would fade.

    Args:
        image: `PIL.Image` of any size and mode, dark ink on light paper. Transparent pixels are paper.
        size: `(height, width)` in pixels.

    Returns:
        `(height, width, 1)`, float32 in [0, 1]; ink is 1, paper 0.

    Raises:
        ValueError: a blank scan, or light ink on dark paper.
    """
    return _centre(_crop(_binarise(image)), size)


def _binarise(image):
    """The ink of a scan, `(height, width)` booleans."""
    grey = _grey_values(image)
    ink = grey < _otsu_threshold(grey)
    if not 0 < ink.mean() < 0.5 or grey[~ink].mean() - grey[ink].mean() < MINIMUM_CONTRAST:
        raise ValueError("no dark ink on light paper")
    return ink


def _crop(ink):
    """The bounding box of the ink without specks."""
    top, bottom = _extent(ink.sum(axis=1))
    left, right = _extent(ink.sum(axis=0))
    return ink[top:bottom, left:right]


def _centre(ink, size):
    """Ink `(height, width)` resized by area averaging to fit inside a border of one pixel, `(*size, 1)`."""
    scale = min((side - 2) / length for side, length in zip(size, ink.shape, strict=True))
    height, width = (max(1, round(length * scale)) for length in ink.shape)
    resampling = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    resized = Image.fromarray(ink.astype("uint8") * 255).resize((width, height), resampling)
    centred = aligned_empty((*size, 1), np.float32)
    centred[:] = 0
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    centred[top : top + height, left : left + width, 0] = np.asarray(resized, np.float32)
    return np.minimum(centred / np.quantile(centred[centred > 0], 0.99), 1)


def _grey_values(image):
    image = to_eight_bits(image)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("L"))


def _otsu_threshold(grey):
    """The grey value that maximises the variance between darker and lighter pixels (Otsu, 1979)."""
    counts = np.bincount(grey.ravel(), minlength=256).astype("float64")
    below = np.cumsum(counts)
    total = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = below * above * (total / below - (total[-1] - total) / above) ** 2
    return int(np.nanargmax(np.append(variance[:-1], 0.0))) + 1


def _extent(ink):
    cumulative = np.cumsum(ink) / ink.sum()
    return int(np.searchsorted(cumulative, SPECKS)), int(np.searchsorted(cumulative, 1 - SPECKS)) + 1
