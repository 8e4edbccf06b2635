"""What every search is given: embeddings, labels, names, numbers of neighbours."""

import numbers
import os

import numpy as np

DISTANCES = ("cosine", "euclidean", "manhattan")
# The square of a larger number may not fit into float32.
LARGEST = 1e15


def check_width(name, embeddings, dim):
    """Raises a ValueError where `embeddings` `(n, dim)` have not as many numbers as those they are compared with."""
    if embeddings.shape[1] != dim:
        raise ValueError(
            f"`{name}` must have as many numbers as the embeddings, {dim}. Received: shape {embeddings.shape}."
        )


def checked_threshold(threshold):
    """`threshold` as a float, or None; raises a ValueError if it is negative or no number."""
    if threshold is None:
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, numbers.Real) or not threshold >= 0:
        raise ValueError(f"`threshold` is a distance, a number of at least 0, or None. Received: {threshold!r}.")
    return float(threshold)


def checked_texts(names):
    """Strings and paths as an array of strings; raises a ValueError where there is anything else."""
    names = [os.fspath(name) if isinstance(name, os.PathLike) else name for name in names]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"`names` must be strings or paths. Received: {names[:3]!r}.")
    return np.array(names, str)
