"""Preprocessing of scanned signatures: binarise, crop, thin and centre."""

import numpy as np
from PIL import Image
from scipy import ndimage

from siamkeras._arrays import aligned_empty
from siamkeras.data._images import to_eight_bits

# Fraction of the ink that may lie beyond each side of the crop: specks.
SPECKS = 0.001
# Smallest difference between the mean grey values of paper and ink, out of 255.
MINIMUM_CONTRAST = 30
# Redrawn strokes are rasterised on a canvas that is this many times finer than the image.
OVERSAMPLING = 3


def preprocess(image, size, pen_width=None):
    """A scanned signature, binarised with Otsu's threshold, cropped to the ink, resized and centred.

    Without binarisation, the grey value of the ink would reveal the scanner or the pen. The values are scaled so that
    the darkest hundredth is 1; otherwise thin lines of large scans would fade.

    Args:
        image: `PIL.Image` of any size and mode, dark ink on light paper. Transparent pixels are paper.
        size: `(height, width)` in pixels.
        pen_width: None keeps the strokes as wide as the pen of the writer. A number redraws them: they are thinned to
            lines of one pixel of the scan, and a round pen of this width, in pixels of the result, follows the lines.
            This removes the width of the strokes, and needs scikit-image.

    Returns:
        `(height, width, 1)`, float32 in [0, 1]; ink is 1, paper 0.

    Raises:
        ValueError: a blank scan, or light ink on dark paper; a pen that does not fit into `size`.
        ImportError: `pen_width` without scikit-image.
    """
    if pen_width is not None:
        return redraw(image, size, pen_width)[0]
    return _centre(_crop(_binarise(_grey_values(image))), size)


def redraw(image, size, pen_width):
    """`preprocess` with a pen, and measurements that say nothing of the writing, `{name: number}`.

    These are the grey value of the darkest pixel, 0 to 255, and the mean width of the strokes in pixels of the scan:
    the area of the ink divided by the length of the thinned lines.
    """
    grey = _grey_values(image)
    ink = _crop(_binarise(grey))
    lines = thin(ink)
    measures = {"darkest pixel": float(grey.min()), "stroke width": float(ink.sum() / lines.sum())}
    return draw(lines, size, pen_width), measures


def thin(ink):
    """The middle lines of the strokes, one pixel wide (Zhang and Suen, 1984)."""
    try:
        from skimage.morphology import skeletonize
    except ImportError as error:
        raise ImportError("`pen_width` needs scikit-image. Run `pip install scikit-image`.") from error
    return skeletonize(ink)


def draw(lines, size, pen_width):
    """Lines `(height, width)`, resized to `size` and traced with a round pen, `(*size, 1)`."""
    free = [side - 2 - pen_width for side in size]
    if min(free) <= 0:
        raise ValueError(f"`pen_width` must be smaller than {min(size) - 2}, for this `size`. Received: {pen_width}.")
    points = np.argwhere(lines)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = min(side / max(length, 1) for side, length in zip(free, extent, strict=True))
    canvas = np.ones([side * OVERSAMPLING for side in size], bool)
    places = ((points - low - extent / 2) * scale + np.array(size) / 2) * OVERSAMPLING
    canvas[tuple(places.astype(int).T)] = False
    distance = ndimage.distance_transform_edt(canvas)
    traced = np.clip(pen_width * OVERSAMPLING / 2 + 0.5 - distance, 0, 1)
    fine = traced.reshape(size[0], OVERSAMPLING, size[1], OVERSAMPLING)
    image = aligned_empty((*size, 1), np.float32)
    image[..., 0] = fine.mean(axis=(1, 3))
    return image


def _binarise(grey):
    """The ink of grey values `(height, width)`, as booleans."""
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
