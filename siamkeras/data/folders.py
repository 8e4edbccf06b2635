"""Your own images, in one folder per class."""

import io
import os
from pathlib import Path

import numpy as np

from siamkeras._validation import check_number, check_sizes, plain
from siamkeras.data import _images
from siamkeras.data._sources import warn_once
from siamkeras.data.examples import Examples


def image_folder(folder, size, channels=3, groups=False, skip_broken=False, crop=False, central_fraction=1.0):
    """Decodes all images under `folder/<class>/` into memory.

    Args:
        folder: Contains one folder per class, or with `groups=True` `<group>/<class>/`. The images are PNG, JPEG, WebP,
            TIFF, BMP, GIF, PBM, PGM or PPM files. Hidden files are ignored; a warning lists broken links, images
            outside the class folders, and other files and folders inside them.
        size: `(height, width)` in pixels. Images are rotated by their EXIF orientation and resized with bilinear
            interpolation and antialiasing.
        channels: 1 (grey) or 3 (RGB). Transparency is dropped. Only the first frame of an animation and the first page
            of a TIFF file are read.
        groups: Whether there is a level of folders above the classes, such as alphabets, writers or patients.
        skip_broken: Whether to skip files that cannot be decoded, with a warning; otherwise they raise an error.
        crop: Whether to use the largest central part with the aspect ratio of `size`; otherwise the ratio changes.
        central_fraction: Side of the central part that is used, as a fraction of the side of the image: 0.5 for photos
            of Labeled Faces in the Wild, where the face fills the middle half. `crop` applies to this part.

    Returns:
        `Examples` with float32 images in [0, 1], `(n, height, width, channels)`. Labels are 0 to k-1 in the
        alphabetical order of the class folders. With groups, class `b` of group `a` is named `"a/b"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no class folders; a class without images; files that cannot be decoded, or have more than
            `PIL.Image.MAX_IMAGE_PIXELS` pixels (89 million by default).
    """
    height, width = check_format(size, channels, central_fraction)
    files = image_paths(folder, groups)
    images, broken = _images.decode_files(
        files.images,
        (height, width, channels),
        lambda path: _images.read_image(path, height, width, channels, crop, central_fraction),
    )
    examples = files._replace(images=images, source=f"images of the folder {folder}, {height}x{width}")
    if not broken:
        return examples
    message = _images.describe_broken(files.images, broken)
    if not skip_broken:
        raise ValueError(f"{message} Remove these files, or skip them with skip_broken=True.")
    rest = examples.take(np.setdiff1d(np.arange(len(images)), list(broken)))
    empty = [name for label, name in files.class_names.items() if label not in rest.class_names]
    if empty:
        raise ValueError(f"{message} Without these files, no image is left of: {_images.shorten(empty)}.")
    warn_once(f"{message} They are skipped.")
    return rest


def image_paths(folder, groups=False):
    """Lists all images under `folder/<class>/` without decoding them, for data sets larger than memory.

    ```python
    files = data.image_paths("photos")
    generators.pairs(files.images, files.labels, load=data.load_image(size=(96, 96)))
    ```

    Args:
        folder, groups: As for `image_folder`.

    Returns:
        `Examples` whose `images` are paths, `(n,)` strings.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}.")
    skipped = []
    parents = _subfolders(root, "group", skipped) if groups else [root]
    pairs = [(parent, kind) for parent in parents for kind in _subfolders(parent, "class", skipped)]
    members = [_images.list_images(kind, skipped) for _, kind in pairs]
    empty = [kind for (_, kind), files in zip(pairs, members, strict=True) if not files]
    if empty:
        has_folders = any(child.is_dir() for child in _images.list_folder(empty[0]))
        hint = " It contains folders: for folder/group/class use groups=True." if has_folders and not groups else ""
        expected = ", ".join(_images.EXTENSIONS)
        raise ValueError(f"Every class needs an image ({expected}). Without one: {_images.shorten(empty)}.{hint}")
    _images.warn_skipped(root, skipped)
    counts = [len(files) for files in members]
    return Examples(
        images=np.array([str(file) for files in members for file in files]),
        labels=np.repeat(np.arange(len(pairs)), counts),
        groups=np.repeat([parents.index(parent) for parent, _ in pairs], counts) if groups else None,
        class_names={label: kind.relative_to(root).as_posix() for label, (_, kind) in enumerate(pairs)},
        group_names={index: parent.name for index, parent in enumerate(parents)} if groups else {},
        source=f"image files of the folder {folder}",
    )


def check_format(size, channels, central_fraction):
    check_number("central_fraction", central_fraction, above=0, maximum=1)
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (RGB). Received: channels={plain(channels)!r}.")
    return check_sizes("size", size, 2)


def _subfolders(parent, level, skipped):
    folders = _images.list_subfolders(parent, skipped)
    if not folders:
        raise ValueError(f"Expected one folder per {level} in {parent}. Received: a folder without folders.")
    return folders


def load_image(size, channels=3, crop=False, central_fraction=1.0):
    """A function that decodes an image file in a tf.data pipeline, for `load` of the generators.

    The values are those of `image_folder`. A file that cannot be decoded raises `tf.errors.InvalidArgumentError` with
    its path. The files are decoded in Python, so the pipeline must run in the process that created it.

    Args:
        size, channels, crop, central_fraction: As for `image_folder`.

    Returns:
        A function from a path, a scalar string tensor, to a float32 tensor in [0, 1] of shape
        `(height, width, channels)`. Paths may be remote (`gs://...`) if `tf.io.read_file` supports them.
    """
    height, width = check_format(size, channels, central_fraction)

    def decode(*arguments):
        content, path = (value if isinstance(value, bytes) else value.item() for value in arguments)  # eager: arrays
        with _images.decoding(os.fsdecode(path)):
            return _images.read_image(io.BytesIO(content), height, width, channels, crop, central_fraction)

    def load(path):
        import tensorflow as tf

        path = os.fspath(path) if isinstance(path, os.PathLike) else path
        image = tf.numpy_function(decode, [tf.io.read_file(path), path], tf.uint8, stateful=False)
        return tf.cast(tf.ensure_shape(image, (height, width, channels)), tf.float32) / 255.0

    return load
