"""From a scan to its ink: paper removed, cut out, centred, in the proportions in which it was written."""

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty

# Of the ink, left and right, above and below: less than this beyond the box is dust.
DUST = 0.001
# Grey levels between paper and ink, at least; a blank sheet has less.
CONTRAST = 30


def inked(image, size):
    """The ink of a scanned signature, 1 on 0.

    What is darker than Otsu's threshold is ink, whatever its grey, so that it does not tell one scanner from another.
    The box around the ink is brought into the middle of the image, as large as fits, by area averaging; then the ink
    is scaled so that its darkest hundredth is 1. A thin line of a large signature would fade otherwise.

    Args:
        image: A `PIL.Image` of any size and mode, dark on light; what is transparent is paper.
        size: `(height, width)` in pixels.

    Returns:
        `(height, width, 1)`, float32 in [0, 1].

    Raises:
        ValueError: no ink: a blank image, or one darker than light.
    """
    dark = ink_of(image)
    top, bottom = _range(dark.sum(axis=1))
    left, right = _range(dark.sum(axis=0))
    return fitted(dark[top:bottom, left:right], size)


def ink_of(image):
    """Where a scan is ink, `(height, width)` booleans."""
    grey = _grey(image)
    threshold = otsu(grey)
    dark = grey < threshold
    if not 0 < dark.mean() < 0.5 or grey[~dark].mean() - grey[dark].mean() < CONTRAST:
        raise ValueError("no ink on paper")
    return dark


def otsu(grey):
    """The grey level below which pixels are dark, by Otsu (1979): dark and light differ most in their means.

    >>> import numpy as np
    >>> from siamkeras.data.ink import otsu
    >>> otsu(np.array([[10, 12, 200, 201, 202]], "uint8"))
    13
    """
    counts = np.bincount(grey.ravel(), minlength=256).astype("float64")
    below = np.cumsum(counts)
    total = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return int(np.nanargmax(np.append(between[:-1], 0.0))) + 1


def fitted(ink, size):
    """Ink `(height, width)`, as large as fits into `size` with a border of one pixel, in the middle: `(*size, 1)`."""
    scale = min((side - 2) / length for side, length in zip(size, ink.shape, strict=True))
    height, width = (max(1, round(length * scale)) for length in ink.shape)
    picture = Image.fromarray(ink.astype("uint8") * 255)
    picture = picture.resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    found = aligned_empty((*size, 1), np.float32)
    found[:] = 0
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    found[top : top + height, left : left + width, 0] = np.asarray(picture, np.float32)
    return np.minimum(found / np.quantile(found[found > 0], 0.99), 1)


def _grey(image):
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("L"))


def _range(ink):
    reached = np.cumsum(ink) / ink.sum()
    return int(np.searchsorted(reached, DUST)), int(np.searchsorted(reached, 1 - DUST)) + 1
