"""Argument checks shared by the whole package.

Every function returns the checked value in a plain form (`int`, `float`, `numpy.ndarray`) or raises a `ValueError`
with what is wrong, what was expected and what was received.
"""

import math
import numbers
import operator
import os
import unicodedata
import warnings

import numpy as np

LARGEST_VALUE = 1e15  # the square of a larger value may overflow float32


def plain(value):
    """`value` for a message: NumPy scalars, also in a list or tuple, as Python values, whose `repr` has no type."""
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value


def check_integer(name, value, minimum=0, maximum=None, hint=""):
    """`value` as an `int` from `minimum` to `maximum`; `hint` is a sentence to append to the message."""
    largest = 2**63 - 1 if maximum is None else maximum
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__") or not minimum <= value <= largest:
        upper = "" if maximum is None else f" and at most {maximum}"
        message = f"`{name}` must be an integer of at least {minimum}{upper}. Received: {name}={plain(value)!r}. {hint}"
        raise ValueError(message.rstrip())
    return operator.index(value)  # a plain int: arithmetic on a narrow NumPy integer could overflow


def check_number(name, value, minimum=None, maximum=None, above=None, below=None):
    """`value` as a finite `float` within closed bounds (`minimum`, `maximum`) or open ones (`above`, `below`)."""
    bounds = (
        ("of at least", minimum, operator.ge),
        ("above", above, operator.gt),
        ("at most", maximum, operator.le),
        ("below", below, operator.lt),
    )
    if not _is_number(value) or not all(limit is None or compare(value, limit) for _, limit, compare in bounds):
        limits = " and ".join(f"{words} {limit}" for words, limit, _ in bounds if limit is not None)
        raise ValueError(f"`{name}` must be a number {limits or 'that is finite'}. Received: {name}={plain(value)!r}.")
    return float(value)


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)


def check_range(name, value, minimum=None, above=None):
    """`value` as two floats `(low, high)` with `low <= high`, both within the bounds of `check_number`."""
    if (
        not isinstance(value, (tuple, list))
        or len(value) != 2
        or not all(map(_is_number, value))
        or value[0] > value[1]
    ):
        raise ValueError(f"`{name}` must be a range (low, high) with low <= high. Received: {name}={plain(value)!r}.")
    return tuple(check_number(name, bound, minimum=minimum, above=above) for bound in value)


def check_symmetric_range(name, value, below=None):
    """`value` as two floats `(low, high)` between `-below` and `below`; a number v >= 0 means `(-v, v)`."""
    low, high = check_range(name, (-value, value) if _is_number(value) else value)
    if below is not None and not -below < low <= high < below:
        raise ValueError(f"`{name}` must be between -{below} and {below}. Received: {name}={plain(value)!r}.")
    return low, high


def check_choice(name, value, choices):
    """`value` itself if it is one of the strings `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, choices))}. Received: {name}={plain(value)!r}.")
    return value


def check_sizes(name, values, length=None):
    """Positive integers as a tuple; one integer counts as a tuple of one. `length` is how many there must be."""
    try:
        sizes = tuple(check_integer(name, value, 1) for value in np.atleast_1d(np.array(values, object)))
    except ValueError:
        sizes = ()
    if not sizes or (length is not None and len(sizes) != length):
        count = "" if length is None else f"{length} "
        raise ValueError(f"`{name}` must be {count}positive integers. Received: {name}={plain(values)!r}.")
    return sizes


def check_seed(seed):
    """A NumPy random generator for a seed, an integer of at least 0."""
    return np.random.default_rng(check_integer("seed", seed))


def check_labels(labels, name="labels", count=None):
    """`labels`, `(n,)` or `(n, 1)`, as an array `(n,)` of integers or strings; `count` is the required n."""
    if isinstance(labels, (list, tuple)) and any(isinstance(label, str) for label in labels):
        labels = np.asarray(labels, object)  # NumPy would turn a NaN beside strings into the string "nan"
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:  # as in `keras.datasets.cifar10`
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = f" Use class indices instead of one-hot rows: `{name}.argmax(axis=1)`." if labels.ndim == 2 else ""
        raise ValueError(f"`{name}` must be one-dimensional, (n,). Received: shape {labels.shape}.{hint}")
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels):
        labels = labels.astype(str)
    if len(labels) == 0:
        raise ValueError(f"`{name}` is empty.")
    if labels.dtype.kind not in "iubUS":
        raise ValueError(f"`{name}` must be integers or strings. Received: {labels.dtype}.")
    if count is not None and len(labels) != count:
        raise ValueError(f"`{name}` must have one entry for each of the {count} examples. Received: {len(labels)}.")
    return labels


def check_rows(name, rows, count, size):
    """`rows` as an array `(count,)` of integers from 0 to `size - 1`, one for each query."""
    array = np.ravel(rows)
    if array.dtype.kind not in "iu" or array.shape != (count,) or not ((array >= 0) & (array < size)).all():
        raise ValueError(
            f"`{name}` must be one integer from 0 to {size - 1} for each of {count} queries. "
            f"Received: {name}={plain(rows)!r}."
        )
    return array


def check_embeddings(embeddings, name="embeddings", dim=None):
    """`embeddings` as a contiguous float32 array `(n, dim)` of finite values; `dim` is the required width."""
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or not embeddings.size or embeddings.dtype.kind not in "iuf":
        raise ValueError(
            f"`{name}` must be a numeric array (n, dim) with n >= 1. "
            f"Received: {embeddings.dtype}, shape {embeddings.shape}."
        )
    if dim is not None and embeddings.shape[1] != dim:
        raise ValueError(f"`{name}` must have {dim} columns. Received: shape {embeddings.shape}.")
    low, high = embeddings.min(), embeddings.max()  # without a mask, which would need memory; NaN for NaN
    if not (-LARGEST_VALUE < low and high < LARGEST_VALUE):
        row, column = np.argwhere(~(np.abs(embeddings) < LARGEST_VALUE))[0]
        raise ValueError(
            f"`{name}` must be finite and below {LARGEST_VALUE:g}. Received: {embeddings[row, column]} in row {row}."
        )
    return np.ascontiguousarray(embeddings, "float32")


def check_images(images, load=None, name="images", scale=True):
    """`images` as an array of float32 or uint8 `(n, ...)`, or of file paths `(n,)` if `load` is given.

    Values outside [-1.5, 1.5] raise a warning if `scale` and each image has two dimensions or more.
    """
    if hasattr(images, "column_names"):
        raise ValueError(
            f"`{name}` must be images. Received: a data set. Read it with `data.from_dataset`, or pass one column of "
            f"{images.column_names}."
        )
    try:
        images = np.asarray(images)
    except ValueError:  # NumPy would report an "inhomogeneous shape"
        raise ValueError(
            f"All images of `{name}` must have the same shape. Received: {sorted(set(map(np.shape, images)))[:5]}. "
            "`data.image_folder` and `data.load_image` read files with one size and number of channels."
        ) from None
    if images.ndim == 0 or images.size == 0:
        raise ValueError(
            f"`{name}` must be a non-empty array (n, height, width, channels), or file paths (n,). "
            f"Received: shape {images.shape}."
        )
    if images.dtype.kind in "USO" and all(isinstance(path, (str, bytes, os.PathLike)) for path in images.flat):
        return _check_paths(images, load, name, scale)
    if load is not None:
        raise ValueError(f"`load` reads file paths, but `{name}` is an array of {images.dtype}. Omit `load`.")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(
            f"`{name}` must be float32 in [0, 1] or uint8 in 0-255. Received: {images.dtype}. "
            'Convert integers in 0-255 with `images.astype("uint8")`, other numbers with `astype("float32")`.'
        )
    if images.dtype.kind == "f":
        images = images.astype("float32", copy=False)
        low, high = images.min(), images.max()  # without a mask, which would need one byte per value
        if not np.isfinite([low, high]).all():
            wrong = next(index for index, image in enumerate(images) if not np.isfinite(image).all())
            raise ValueError(f"`{name}` must be finite. Received: NaN or infinity in {wrong}.")
        if scale and images.ndim > 2 and max(-low, high) > 1.5:
            warnings.warn(
                f"Images are expected in [0, 1]. Received: `{name}` from {low:.4g} to {high:.4g}. Divide values in "
                "0-255 by 255, or pass `scale=False` if the tower expects these values.",
                stacklevel=3,
            )
    return images


def _check_paths(paths, load, name, scale):
    if paths.ndim != 1:
        raise ValueError(f"File paths must be one-dimensional, (n,). Received: `{name}` of shape {paths.shape}.")
    if load is None:
        raise ValueError(
            f"`{name}` holds strings. To read image files, pass `load=data.load_image(size=(96, 96))`; for sentences, "
            f"pass `text=True` to a generator. Received: {os.fsdecode(paths[0])!r}."
        )
    paths = [os.fsdecode(path) for path in paths]
    for path in paths:
        if "://" not in path and not os.path.isfile(path):
            raise FileNotFoundError(f"No such file: {path!r} in `{name}`.")
    import tensorflow as tf

    first = tf.data.Dataset.from_tensors(paths[0]).map(load).get_single_element()
    check_images(np.asarray(first)[None], name="load(path)", scale=scale)
    return np.array(paths)


def check_sentences(sentences, name="sentences"):
    """`sentences` as an object array `(n,)` of non-empty `str` in Unicode normal form C."""
    # dtype object: NumPy would turn a NaN beside strings into the string "nan".
    array = np.asarray(sentences, object) if isinstance(sentences, (list, tuple)) else np.asarray(sentences)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"`{name}` must be a non-empty list of strings, (n,). Received: shape {array.shape}.")
    strings = [_normal_form(value) for value in array.tolist()]
    wrong = [index for index, string in enumerate(strings) if not string.strip()]
    if wrong:
        raise ValueError(
            f"`{name}` must be non-empty strings. Received: {len(wrong)} of {array.size} are invalid; the first is "
            f"{plain(array[wrong[0]])!r} at position {wrong[0]}."
        )
    return np.array(strings, object)


def _normal_form(text):
    """A string or bytes in Unicode normal form C; empty for anything else, such as NaN."""
    try:
        return unicodedata.normalize("NFC", (text if isinstance(text, bytes) else text.encode()).decode())
    except (AttributeError, UnicodeError):
        return ""


def check_text(text, name="sentences"):
    """`text` as strings `(n,)`, see `check_sentences`, or as token ids `(n, length)` int32."""
    array = np.asarray(text)
    if array.dtype.kind not in "iu":
        return check_sentences(text, name)
    if array.ndim != 2 or not array.size or array.min() < 0 or array.max() >= 2**31:
        raise ValueError(f"Token ids must be integers >= 0, (n, length). Received: `{name}` of shape {array.shape}.")
    return np.ascontiguousarray(array, "int32")
