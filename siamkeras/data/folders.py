"""Your own images, in one folder per class."""

from pathlib import Path

import numpy as np

from siamkeras._validation import check_sizes
from siamkeras.data._images import (
    EXTENSIONS,
    central_box,
    decode_files,
    describe_broken,
    list_folder,
    list_images,
    read_image,
    shorten,
)
from siamkeras.data._sources import warn_once
from siamkeras.data.examples import Examples

# The first two bytes of PNG, JPEG, GIF and BMP files, the formats that TensorFlow decodes.
_SIGNATURES = (b"\x89P", b"\xff\xd8", b"GI", b"BM")


def image_folder(folder, size, channels=3, groups=False, skip_broken=False, crop=False):
    """Decodes all images under `folder/<class>/` into memory.

    Args:
        folder: Contains one folder per class, or with `groups=True` `<group>/<class>/`. Hidden files and files with
            another extension than an image are ignored.
        size: `(height, width)` in pixels. Images are resized with bilinear interpolation and antialiasing.
        channels: 1 (grey) or 3 (RGB). Transparency is dropped; of an animated GIF the first frame is used.
        groups: Whether there is a level of folders above the classes, such as alphabets, writers or patients.
        skip_broken: Whether to skip files that cannot be decoded, with a warning; otherwise they raise an error.
        crop: Whether to use the largest central part with the aspect ratio of `size`; otherwise the ratio changes.

    Returns:
        `Examples` with float32 images in [0, 1], `(n, height, width, channels)`. Labels are 0 to k-1 in the
        alphabetical order of the class folders. With groups, class `b` of group `a` is named `"a/b"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no class folders; a class without images; files that cannot be decoded.
    """
    height, width = _check_format(size, channels)
    files = image_paths(folder, groups)
    images, broken = decode_files(
        files.images, (height, width, channels), lambda path: read_image(path, height, width, channels, crop)
    )
    examples = files._replace(images=images, source=f"images of the folder {folder}, {height}x{width}")
    if not broken:
        return examples
    message = describe_broken(files.images, broken)
    if not skip_broken:
        raise ValueError(f"{message} Remove these files, or skip them with skip_broken=True.")
    rest = examples.take(np.setdiff1d(np.arange(len(images)), list(broken)))
    empty = [name for label, name in files.class_names.items() if label not in rest.class_names]
    if empty:
        raise ValueError(f"{message} Without these files, no image is left of: {shorten(empty)}.")
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
    parents = _subfolders(root, "group") if groups else [root]
    pairs = [(parent, kind) for parent in parents for kind in _subfolders(parent, "class")]
    members = [list_images(kind) for _, kind in pairs]
    empty = [kind for (_, kind), files in zip(pairs, members, strict=True) if not files]
    if empty:
        has_folders = any(child.is_dir() for child in list_folder(empty[0]))
        hint = " It contains folders: for folder/group/class use groups=True." if has_folders and not groups else ""
        raise ValueError(f"Every class needs an image ({', '.join(EXTENSIONS)}). Without one: {shorten(empty)}.{hint}")
    counts = [len(files) for files in members]
    return Examples(
        images=np.array([str(file) for files in members for file in files]),
        labels=np.repeat(np.arange(len(pairs)), counts),
        groups=np.repeat([parents.index(parent) for parent, _ in pairs], counts) if groups else None,
        class_names={label: kind.relative_to(root).as_posix() for label, (_, kind) in enumerate(pairs)},
        group_names={index: parent.name for index, parent in enumerate(parents)} if groups else {},
        source=f"image files of the folder {folder}",
    )


def _check_format(size, channels):
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (RGB). Received: channels={channels!r}.")
    return check_sizes("size", size, 2)


def _subfolders(parent, level):
    folders = [child for child in list_folder(parent) if child.is_dir()]
    if not folders:
        raise ValueError(f"Expected one folder per {level} in {parent}. Received: a folder without folders.")
    return folders


def load_image(size, channels=3, crop=False):
    """A function that decodes an image file in a tf.data pipeline, for `load` of the generators.

    Its values differ from those of `image_folder` by less than 0.01, for JPEG by less than 0.04. TensorFlow does not
    decode PGM and PPM files.

    Args:
        size, channels, crop: As for `image_folder`.

    Returns:
        A function from a path, a scalar string tensor, to a float32 tensor in [0, 1] of shape
        `(height, width, channels)`.
    """
    height, width = _check_format(size, channels)

    def load(path):
        import tensorflow as tf

        content = tf.io.read_file(path)
        # The error of `decode_image` does not contain the path.
        is_image = tf.reduce_any(tf.strings.substr(content, 0, 2) == tf.constant(_SIGNATURES))
        reason = "This file is not a PNG, JPEG, GIF or BMP image (convert PGM and PPM to PNG):"
        with tf.control_dependencies([tf.debugging.Assert(is_image, [reason, path])]):
            # 3 channels first: the decoders of BMP and GIF cannot return 1.
            image = tf.io.decode_image(content, channels=3, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, 3))
        if crop:
            rows, columns = tf.unstack(tf.shape(image)[:2])
            left, top, right, bottom = central_box(rows, columns, height, width, tf.minimum)
            image = image[top:bottom, left:right]
        if channels == 1:
            image = tf.image.rgb_to_grayscale(tf.cast(image, tf.float32))
        # Antialiasing takes as long as decoding and has no effect on an image that is not reduced.
        image = tf.cond(
            tf.reduce_any(tf.shape(image)[:2] > (height, width)),
            lambda: tf.image.resize(image, (height, width), antialias=True),
            lambda: tf.image.resize(image, (height, width)),
        )
        return tf.clip_by_value(image / 255.0, 0.0, 1.0)

    return load
