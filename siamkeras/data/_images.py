"""Image files: list, decode and resize them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, UnidentifiedImageError

from siamkeras._arrays import aligned_empty

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm")


def list_folder(folder):
    """The paths in a folder in alphabetical order, without hidden ones."""
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def list_images(folder):
    """The image files in a folder in alphabetical order."""
    return [file for file in list_folder(folder) if file.suffix.lower() in EXTENSIONS and file.is_file()]


def shorten(names, count=5):
    """The first `count` names and how many more there are, for an error message."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(map(str, names[:count])) + more


def decode_files(paths, shape, read):
    """Decodes files in parallel with `read`, a function from a path to an array of this shape.

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
                images[index] = image
    return images, broken


def describe_broken(paths, broken):
    """A sentence that lists the files that cannot be decoded, for `broken` of `decode_files`."""
    # Pillow's own message for a file that is not an image repeats the path.
    files = [
        f"{paths[index]} ({'not an image' if isinstance(error, UnidentifiedImageError) else error})"
        for index, error in broken.items()
    ]
    return f"{len(broken)} of {len(paths)} images cannot be decoded: {shorten(files)}."


def read_image(path, height, width, channels=3, crop=False):
    """A file as float32 in [0, 1], `(height, width, channels)`; `crop` as for `resize`."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):  # 16-bit grey values, which `convert` would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if "transparency" in image.info:
            image = image.convert("RGBA")
        image = resize(image.convert("L" if channels == 1 else "RGB"), height, width, crop)
        return np.asarray(image, np.float32).reshape(height, width, channels) / 255


def resize(image, height, width, crop=False):
    """A Pillow image resized to `height` x `width`; with `crop` its largest central part of this aspect ratio."""
    box = central_box(image.height, image.width, height, width) if crop else None
    return image.resize((width, height), Image.Resampling.BILINEAR, box)


def central_box(rows, columns, height, width, minimum=min):
    """The largest central box with the aspect ratio of `height` x `width`: `(left, top, right, bottom)`."""
    box_height = minimum(rows, -(-columns * height // width))
    box_width = minimum(columns, -(-rows * width // height))
    top, left = (rows - box_height) // 2, (columns - box_width) // 2
    return left, top, left + box_width, top + box_height


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
