"""Images of one's own, in a folder for each class: all in memory, or as paths that are decoded on the way."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty
from siamkeras.data._notices import SkippedFilesWarning, notify
from siamkeras.data.examples import Examples

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm")
# The first two bytes of a PNG, JPEG, GIF and BMP, which TensorFlow decodes.
HEADS = (b"\x89P", b"\xff\xd8", b"GI", b"BM")
NAMED_AT_MOST = 5


def image_folder(folder, size, channels=3, groups=False, skip_broken=False, crop=False):
    """The images under `folder/<class>/`, decoded, in memory.

    Args:
        folder: Its folders are the classes, or with `groups=True` the groups: `folder/<group>/<class>/`. Files beside
            them, other files than images, and all that is hidden (names that begin with a dot) are passed over.
        size: `(height, width)` in pixels to which every image is brought, by linear interpolation with antialiasing.
        channels: 1 (grey) or 3 (colours). Transparency is dropped; a moving GIF gives its first frame.
        groups: Whether there is a level of groups (alphabets, writers, patients) above the classes.
        skip_broken: Leave out files that cannot be decoded, and name them in a `SkippedFilesWarning`.
        crop: Cut off what lies outside the middle part that has the proportions of `size`, instead of squeezing the
            whole image into them.

    Returns:
        `Examples`: `images` `(n, height, width, channels)`, float32 in [0, 1]; `labels` 0 to k-1 in the alphabetical
        order of the class folders, and files in alphabetical order within a class; with groups, the class `b` of the
        group `a` is named `"a/b"`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: a bad argument; no class folders; classes without an image; files that cannot be decoded.
    """
    height, width = checked_size(size)
    _check_channels(channels)
    files = image_paths(folder, groups=groups)
    images, broken = decode(files.images, (height, width), channels, crop)
    if broken and not skip_broken:
        raise ValueError(f"{broken_files(files.images, broken)} Remove them, or leave them out with skip_broken=True.")
    examples = files._replace(images=images, source=f"images of the folder {folder}, {height}x{width}")
    if not broken:
        return examples
    rest = examples.take(np.setdiff1d(np.arange(len(images)), list(broken)))
    lost = [name for label, name in files.class_names.items() if label not in rest.class_names]
    if lost:
        raise ValueError(f"{broken_files(files.images, broken)} Without them no image is left of: {some(lost)}.")
    notify(f"{broken_files(files.images, broken)} Left out.", SkippedFilesWarning)
    return rest


def image_paths(folder, groups=False, check=False):
    """The image files under `folder/<class>/`, as paths, for sets too large for memory.

    ```python
    files = data.image_paths("photos")
    generators.pairs(files.images, files.labels, load=data.load_image(size=(96, 96)))
    ```

    Args:
        folder, groups: As for `image_folder`.
        check: Decode every file once, and raise for those that cannot be: now rather than in the third epoch.

    Returns:
        `Examples` whose `images` are paths, `(n,)` strings.

    Raises:
        FileNotFoundError, ValueError: as `image_folder`.
    """
    if not os.fspath(folder):
        raise ValueError("`folder` is the path of a folder. Received: an empty one, ''.")
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}{': that is a file' if root.exists() else ''}.")
    if groups:
        pairs = [(group, kind) for group in _folders(root, "group") for kind in _folders(group, "class")]
    else:
        pairs = [(root, kind) for kind in _folders(root, "class")]
    members = [[file for file in visible(kind) if is_image(file)] for _, kind in pairs]
    empty = [kind for (_, kind), files in zip(pairs, members, strict=True) if not files]
    if empty:
        nested = not groups and any(child.is_dir() for child in visible(empty[0]))
        hint = " There are folders inside: for folder/group/class use groups=True." if nested else ""
        kinds = ", ".join(extension[1:] for extension in EXTENSIONS)
        raise ValueError(f"Every class needs an image ({kinds}). Found none in: {some(empty)}.{hint}")

    counts = [len(files) for files in members]
    group_folders = sorted({group for group, _ in pairs})
    examples = Examples(
        images=np.array([str(file) for files in members for file in files]),
        labels=np.repeat(np.arange(len(pairs)), counts),
        groups=np.repeat([group_folders.index(group) for group, _ in pairs], counts) if groups else None,
        class_names={label: kind.relative_to(root).as_posix() for label, (_, kind) in enumerate(pairs)},
        group_names={number: group.name for number, group in enumerate(group_folders)} if groups else {},
        source=f"image files of the folder {folder}",
    )
    if check:
        _, broken = decode(examples.images, (8, 8), 3)
        if broken:
            raise ValueError(f"{broken_files(examples.images, broken)} Remove them.")
    return examples


def load_image(size, channels=3, crop=False):
    """A function that decodes one file inside a tf.data pipeline.

    It agrees with `image_folder` to within 0.01, and for JPEG, where decoders differ, to within 0.04. TensorFlow reads
    no PGM or PPM (an error names the file) and takes the palette of a BMP for grey: convert such files, or read them
    with `image_folder`.

    Args:
        size: `(height, width)` in pixels, as for `image_folder`.
        channels, crop: As for `image_folder`.

    Returns:
        A function from a path (a scalar string tensor) to float32 in [0, 1], of static shape
        `(height, width, channels)`.

    Raises:
        ValueError: a bad argument. The function itself raises `tf.errors.InvalidArgumentError` or `NotFoundError`.
    """
    height, width = checked_size(size)
    _check_channels(channels)

    def load(path):
        import tensorflow as tf

        content = tf.io.read_file(path)
        # The decoder's own error does not say which file.
        known = tf.reduce_any(tf.strings.substr(content, 0, 2) == tf.constant(HEADS))
        reason = "This file is no PNG, JPEG, GIF or BMP image (TensorFlow does not decode PGM or PPM; make it a PNG):"
        told = tf.debugging.Assert(known, [reason, path])
        with tf.control_dependencies([told]):
            content = tf.identity(content)
        # Always 3 channels first: the decoders of BMP and GIF refuse to make 1.
        image = tf.io.decode_image(content, channels=3, expand_animations=False)
        image = tf.ensure_shape(image, (None, None, 3))
        if crop:
            left, top, right, bottom = _middle(tf.shape(image)[0], tf.shape(image)[1], height, width, tf.minimum)
            image = image[top:bottom, left:right]
        if channels == 1:
            image = tf.image.rgb_to_grayscale(tf.cast(image, tf.float32))

        def smaller():
            resized = tf.image.resize(image, (height, width), antialias=True)
            return tf.clip_by_value(resized / 255.0, 0.0, 1.0)

        # Where no side gets shorter, antialiasing changes nothing, and takes as long as decoding does.
        shrinks = tf.reduce_any(tf.shape(image)[:2] > (height, width))
        return tf.cond(shrinks, smaller, lambda: tf.image.resize(image, (height, width)) / 255.0)

    return load


def decode(files, size, channels=3, crop=False):
    """Images of the files, decoded in parallel.

    Args:
        files: Paths, `(n,)`.
        size, channels, crop: As for `image_folder`.

    Returns:
        `(images, broken)`: float32 in [0, 1], `(n, height, width, channels)`; `{place: error}` for files that cannot
        be decoded, whose images are not filled.
    """

    return decoded(files, (*size, channels), lambda path: _read(path, *size, channels, crop))


def decoded(files, shape, read):
    """As `decode`, of what `read(path)` makes of each file: an array of `shape`."""

    def tried(path):
        try:
            return read(path)
        except Exception as error:  # Pillow meets broken files with a dozen different ones
            return error

    images, broken = aligned_empty((len(files), *shape), np.float32), {}
    with ThreadPoolExecutor() as pool:
        for place, image in enumerate(pool.map(tried, files)):
            if isinstance(image, Exception):
                broken[place] = image
            else:
                images[place] = image
    return images, broken


def _read(path, height, width, channels, crop):
    with Image.open(path) as image:
        if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if "transparency" in image.info:
            image = image.convert("RGBA")
        image = fitted(image.convert("L" if channels == 1 else "RGB"), height, width, crop)
        return np.asarray(image, np.float32).reshape(height, width, channels) / 255


def fitted(image, height, width, crop):
    """A Pillow image brought to a size: squeezed, or with `crop` its middle part of these proportions."""
    box = _middle(image.height, image.width, height, width, min) if crop else None
    return image.resize((width, height), Image.Resampling.BILINEAR, box)


def _middle(rows, columns, height, width, least):
    """The largest part of the proportions `height` to `width`, in the middle: (left, top, right, bottom)."""
    tall, wide = least(rows, -(-columns * height // width)), least(columns, -(-rows * width // height))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return left, top, left + wide, top + tall


def visible(folder):
    """What a folder holds, in alphabetical order, without what is hidden."""
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def is_image(file):
    """Whether it is a file that is named as an image."""
    return file.suffix.lower() in EXTENSIONS and file.is_file()


def _folders(parent, what):
    children = visible(parent)
    folders = [child for child in children if child.is_dir()]
    if not folders:
        found = f"only files, such as {children[0].name!r}" if children else "nothing"
        raise ValueError(f"Expected a folder for each {what} in {parent}. Found {found}.")
    return folders


def broken_files(files, broken):
    """A sentence on the files that could not be decoded: what `decode` gave as `broken`."""
    named = [f"{files[place]} ({_reason(error)})" for place, error in broken.items()]
    return f"{len(broken)} of {len(files)} images cannot be decoded: {some(named)}."


def _reason(error):
    # Pillow repeats the path in its messages, which stands before already.
    text = str(error)
    return "not an image" if text.startswith("cannot identify image file") else text or type(error).__name__


def some(names):
    """The first few of the names, for a sentence."""
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(map(str, names[:NAMED_AT_MOST])) + more


def checked_size(size):
    """`size` as two positive integers, or `ValueError`."""
    try:
        height, width = size
        good = all(isinstance(side, (int, np.integer)) and side > 0 for side in (height, width))
        good = good and not any(isinstance(side, bool) for side in (height, width))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(f"`size` must be (height, width), two integers of at least 1 pixel. Received: size={size!r}.")
    return int(height), int(width)


def _check_channels(channels):
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 (grey) or 3 (colours). Received: channels={channels!r}.")
