"""What every search is given: embeddings, labels, names, numbers of neighbours."""

import numbers
import operator
import os

import numpy as np

from siamkeras.sampling import checked_labels

DISTANCES = ("cosine", "euclidean", "manhattan")
# The square of a larger number may not fit into float32.
LARGEST = 1e15


def checked_embeddings(embeddings, name="embeddings"):
    """`embeddings` as an array `(n, dim)` of float32.

    Raises:
        ValueError: not numbers `(n, dim)`; none; not finite, or as large as 1e15.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or not embeddings.size or embeddings.dtype.kind not in "iuf":
        raise ValueError(
            f"`{name}` must be numbers (n, dim), at least one. Received: {embeddings.dtype}, shape {embeddings.shape}."
        )
    fine = np.abs(embeddings) < LARGEST  # NaN is not.
    if not fine.all():
        row, column = np.argwhere(~fine)[0]
        raise ValueError(
            f"`{name}` must be finite, and smaller than {LARGEST:g}. Received: {embeddings[row, column]} in row {row}."
        )
    return np.ascontiguousarray(embeddings, "float32")


def check_width(name, embeddings, dim):
    """Raises a ValueError where `embeddings` `(n, dim)` have not as many numbers as those they are compared with."""
    if embeddings.shape[1] != dim:
        raise ValueError(
            f"`{name}` must have as many numbers as the embeddings, {dim}. Received: shape {embeddings.shape}."
        )


def checked_name(argument, name, known):
    """`name`, if it is a known one; raises a ValueError otherwise."""
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"`{argument}` must be one of {sorted(known)}. Received: {name!r}.")
    return name


def checked_whole(name, value, least, most=None):
    """`value` as an int; raises a ValueError if it is not whole, or not from `least` to `most`."""
    most = float("inf") if most is None else most
    if isinstance(value, bool) or not hasattr(value, "__index__") or not least <= value <= most:
        at_most = "" if most == float("inf") else f", at most {most}"
        raise ValueError(f"`{name}` must be a whole number, at least {least}{at_most}. Received: {value!r}.")
    return operator.index(value)


def generator_of(seed):
    """A generator of random numbers; raises a ValueError if the seed is no whole number from 0 on."""
    return np.random.default_rng(checked_whole("seed", seed, 0))


def checked_threshold(threshold):
    """`threshold` as a float, or None; raises a ValueError if it is negative or no number."""
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, numbers.Real) or not threshold >= 0:
        raise ValueError(f"`threshold` is a distance, a number of at least 0, or None. Received: {threshold!r}.")
    return float(threshold)


def checked_column(name, values, count):
    """Integers or strings `(count,)`; raises a ValueError where they are anything else."""
    values = checked_labels(values, name)
    if len(values) != count:
        raise ValueError(f"Every embedding needs one of `{name}`. Received: {count} embeddings, {len(values)} {name}.")
    return values


def checked_texts(names):
    """Strings and paths as an array of strings; raises a ValueError where there is anything else."""
    names = [os.fspath(name) if isinstance(name, os.PathLike) else name for name in names]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"`names` must be strings or paths. Received: {names[:3]!r}.")
    return np.array(names, str)
