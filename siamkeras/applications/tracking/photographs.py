"""Photographs that lie on this machine already, as parts of packages: real texture without a download."""

import importlib.util
import os
from pathlib import Path

import numpy as np
from PIL import Image

from siamkeras.applications.tracking.video import in_colours

# Package here: (its folder of photographs, their names). The others of scikit-image are drawings, or nearly black.
CARRIED = {
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
    "skimage": (
        "data",
        (
            "astronaut.png",
            "brick.png",
            "chelsea.png",
            "coffee.png",
            "grass.png",
            "gravel.png",
            "hubble_deep_field.jpg",
            "ihc.png",
            "motorcycle_left.png",
            "rocket.jpg",
        ),
    ),
}
# The smallest photograph, in pixels a side.
LEAST = 32


def photographs():
    """The photographs that scikit-learn and, where it is installed, scikit-image carry: 2 or 12, by name.

    Two are there always, a temple and a flower; the others are a portrait, a cat, a cup of coffee, a rocket, a motor,
    stars, cells under a microscope, bricks, grass and gravel.

    Returns:
        `{name: image}`, `(height, width, 3)` float32 in [0, 1].

    >>> from siamkeras.applications.tracking import synthetic
    >>> synthetic.photographs()["flower"].shape
    (427, 640, 3)
    """
    found = {}
    for package, (folder, names) in CARRIED.items():
        spec = importlib.util.find_spec(package)
        root = None if spec is None or spec.origin is None else Path(spec.origin).parent / folder
        for name in names if root is not None else ():
            if (root / name).is_file():
                found[Path(name).stem] = np.asarray(_opened(root / name), "float32") / np.float32(255)
    return found


def as_pictures(photos):
    """Photographs as images of Pillow, in RGB.

    Args:
        photos: Arrays `(height, width, 3)`, bytes or floats in [0, 1], or paths of files.

    Raises:
        ValueError: no list, or fewer than two; one that is of another kind or smaller than 32x32.
        OSError: a file that is not there, or no image.
    """
    if isinstance(photos, (str, os.PathLike, dict)) or not hasattr(photos, "__iter__"):
        raise ValueError(
            f"`photos` must be a list of arrays or paths. Received: {type(photos).__name__}. Of a dict, as of "
            "`photographs()`, take the `.values()`."
        )
    photos = list(photos)
    if len(photos) < 2:
        raise ValueError(
            f"At least two photographs are needed, for what moves and for what it moves over. Received: {len(photos)}."
        )
    return [_picture(photo, place) for place, photo in enumerate(photos)]


def _picture(photo, place):
    if isinstance(photo, (str, os.PathLike)):
        picture = _opened(photo)
    else:
        image = np.asarray(photo)
        if image.dtype.kind == "f" and image.size and image.min() >= -0.01 and image.max() <= 1.01:
            image = np.rint(image * 255).clip(0, 255).astype("uint8")
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                "A photograph is a path, or an array (height, width, 3) of bytes or of floats in [0, 1]. Received: "
                f"{image.dtype}, shape {image.shape}, as number {place}."
            )
        picture = Image.fromarray(image)
    if min(picture.size) < LEAST:
        raise ValueError(
            f"A photograph needs at least {LEAST} pixels a side. Received: {picture.size[0]}x{picture.size[1]} as "
            f"number {place}."
        )
    return picture


def _opened(path):
    try:
        with Image.open(path) as image:
            return in_colours(image)
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow meets broken files with a dozen different ones
        raise OSError(f"{os.fspath(path)} cannot be decoded: {error}.") from error
