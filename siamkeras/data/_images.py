"""Image files: list, decode and resize them."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from siamkeras._arrays import aligned_empty, to_float
from siamkeras.data._sources import short_message, warn_once

EXTENSIONS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Checked by content, not by extension. Pillow reads some other formats with external programs, EPS with Ghostscript.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


def list_folder(folder):
    """The paths in a folder in alphabetical order, without hidden ones."""
    hidden = (".", "Thumbs.db", "desktop.ini")
    return sorted(child for child in folder.iterdir() if not child.name.startswith(hidden))


def list_images(folder, skipped):
    """The image files in a folder in alphabetical order; the other paths are appended to the list `skipped`."""
    images = []
    for path in list_folder(folder):
        (images if _is_image(path) else skipped).append(path)
    return images


def list_subfolders(folder, skipped):
    """The folders in a folder in alphabetical order; images and broken links are appended to the list `skipped`."""
    paths = list_folder(folder)
    skipped += [path for path in paths if not path.exists() or _is_image(path)]
    return [path for path in paths if path.is_dir()]


def _is_image(path):
    return path.suffix.lower() in EXTENSIONS and path.is_file()


def warn_skipped(folder, skipped):
    """Warns about paths below a folder that are not read, grouped by reason."""
    paths_of = {}
    for path in skipped:
        if not path.exists():
            reason = "broken links"
        elif path.is_dir():
            reason = "unexpected folders"
        else:
            reason = "images in an unexpected place" if _is_image(path) else "files without an expected extension"
        paths_of.setdefault(reason, []).append(path.relative_to(folder).as_posix())
    if skipped:
        reasons = [f"{reason} ({len(paths)}): {shorten(paths)}" for reason, paths in paths_of.items()]
        warn_once(f"Skipped in the folder {folder}: {'; '.join(reasons)}.")


def shorten(names, count=5):
    """The first `count` names and how many more there are, for an error message."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(map(str, names[:count])) + more


def decode_files(paths, shape, read):
    """Decodes files in parallel with `read`, a function from a path to an array of this shape, float32 or uint8.

    Returns `(images, broken)`: float32 `(n, *shape)`, and `{index: error}` of files that `read` fails on.
    """

    def read_or_error(path):
        try:
            return read(path)
        except Exception as error:  # Pillow raises a dozen types for broken files
            return error

    images, broken = aligned_empty((len(paths), *shape), np.float32), {}
    with ThreadPoolExecutor() as pool:
        for index, image in enumerate(pool.map(read_or_error, paths)):
            if isinstance(image, Exception):
                broken[index] = image
            else:
                images[index] = to_float(image)
    return images, broken


def describe_broken(paths, broken):
    """A sentence that lists the files that cannot be decoded, for `broken` of `decode_files`."""
    files = [f"{paths[index]} ({_reason(error)})" for index, error in broken.items()]
    return f"{len(broken)} of {len(paths)} images cannot be decoded: {shorten(files)}."


def _reason(error):
    # Pillow's own message for a file that is not an image repeats the path.
    is_unknown = isinstance(error, UnidentifiedImageError)
    return f"not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} image" if is_unknown else short_message(error)


@contextlib.contextmanager
def decoding(path):
    """Context for decoding one file: errors get its path, which Pillow's do not contain."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"The image {path} cannot be decoded: {_reason(error)}.") from None


def open_image(file, side=None):
    """A path or file as a Pillow image, rotated by its EXIF orientation, with 8 bits per value; RGBA if transparent.

    If `side` is given, a JPEG file is decoded at 1/2, 1/4 or 1/8 of its size, the smallest at which both sides have at
    least `side` pixels; this is faster.
    """
    with Image.open(file, formats=FORMATS) as image:
        pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
        if limit and pixels > limit:
            raise ValueError(f"{pixels:,} pixels exceed the limit PIL.Image.MAX_IMAGE_PIXELS = {limit:,}")
        if side is not None:
            image.draft(None, (side, side))
        image.load()
        with contextlib.suppress(Exception):  # damaged EXIF data in an intact image
            ImageOps.exif_transpose(image, in_place=True)
        image = to_eight_bits(image)
    return image.convert("RGBA") if "transparency" in image.info else image


def to_eight_bits(image):
    """A Pillow image whose 16-bit grey values, which `convert` would clip at 255, are reduced to 8 bits."""
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        raise ValueError("32 bits per value; convert the image to 8 or 16 bits")
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if image.mode.startswith("I") else image


def read_image(file, height, width, channels=3, crop=False, central_fraction=1.0):
    """A path or file as uint8, `(height, width, channels)`; `crop` and `central_fraction` as for `resize`."""
    # Decoding smaller files at half their size saves little.
    side = int(max(256, 3 * max(height, width) // 2) / central_fraction)
    image = open_image(file, side).convert("L" if channels == 1 else "RGB")
    return np.asarray(resize(image, height, width, crop, central_fraction)).reshape(height, width, channels)


def resize(image, height, width, crop=False, central_fraction=1.0):
    """A Pillow image cut to `central_fraction` of each side, with `crop` also to the new aspect ratio, and resized."""
    full_height, full_width = (max(1, round(central_fraction * side)) for side in (image.height, image.width))
    box_height = min(full_height, -(-full_width * height // width)) if crop else full_height
    box_width = min(full_width, -(-full_height * width // height)) if crop else full_width
    top, left = (image.height - box_height) // 2, (image.width - box_width) // 2
    return image.resize((width, height), Image.Resampling.BILINEAR, (left, top, left + box_width, top + box_height))


def decode_png(dataset, full_size, size, columns=(), invert=False):
    """Decodes square grey PNG images and reduces them by area averaging from `full_size` to `size`.

    `dataset` contains dictionaries with the encoded "image" and integer `columns`. Returns `(images, columns)`:
    float32 in [0, 1], `(n, size, size, 1)`, with ink 1 if `invert` and ink is dark, and `{name: (n,) int64}`.
    """
    import tensorflow as tf

    def decode(example):
        image = tf.ensure_shape(tf.io.decode_png(example["image"], channels=1), (full_size, full_size, 1))
        return image, {name: example[name] for name in columns}

    def reduce(images, values):
        images = tf.image.resize(tf.cast(images, tf.float32), (size, size), "area")
        images = tf.clip_by_value(images / 255.0, 0.0, 1.0)
        return 1.0 - images if invert else images, values

    images = aligned_empty((int(dataset.cardinality()), size, size, 1), np.float32)
    values, start = {name: [] for name in columns}, 0
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(256)
    dataset = dataset.map(reduce, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    for batch, batch_values in dataset.as_numpy_iterator():
        images[start : start + len(batch)] = batch
        start += len(batch)
        for name in columns:
            values[name].append(batch_values[name])
    return images, {name: np.concatenate(values[name]).astype(np.int64) for name in columns}
