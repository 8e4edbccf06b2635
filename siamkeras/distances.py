"""Distances between embeddings: a small distance means similar.

Every distance takes `x` and `y` of shape `(..., dim)`, which broadcast against each other, and returns `(...)`.
All compute in at least float32: a float16 square overflows at 256, and a uint8 difference wraps around.
"""

import keras
from keras import ops

from siamkeras._tensors import as_float
from siamkeras._validation import plain

__all__ = [
    "DISTANCES",
    "cosine",
    "euclidean",
    "exponential_manhattan",
    "get",
    "manhattan",
    "pairwise",
    "squared_euclidean",
    "unit_length",
]

# Lower bound of a squared distance before the square root; not 0 in float32.
_EPSILON = 1e-12
# Number of values that `pairwise` computes at once for a distance without a matrix product: 64 MB of float32.
_BLOCK = 2**24


def squared_euclidean(x, y):
    """Squared Euclidean distance, `sum_i (x_i - y_i)^2`."""
    return ops.sum(ops.square(as_float(x) - as_float(y)), axis=-1)


def euclidean(x, y):
    """Euclidean distance, `sqrt(sum_i (x_i - y_i)^2)`, at least 1e-6, where its gradient is 0.

    >>> from siamkeras import distances
    >>> print(float(distances.euclidean([0.0, 0.0], [3.0, 4.0])))
    5.0
    """
    return _guarded_sqrt(squared_euclidean(x, y))


def manhattan(x, y):
    """Manhattan distance, `sum_i |x_i - y_i|`."""
    return ops.sum(ops.abs(as_float(x) - as_float(y)), axis=-1)


def exponential_manhattan(x, y):
    """`1 - exp(-sum_i |x_i - y_i|)`, in [0, 1]: one minus the similarity of the Manhattan LSTM.

    See `towers.recurrent` for its training.

    Reference: https://doi.org/10.1609/aaai.v30i1.10350
    """
    return 1.0 - ops.exp(-manhattan(x, y))


def cosine(x, y):
    """Cosine distance, one minus the cosine similarity, from 0 (same direction) to 2 (opposite).

    The distance from a zero vector to any vector is 1.
    """
    return 1.0 - ops.sum(unit_length(x) * unit_length(y), axis=-1)


def unit_length(x):
    """`x` `(..., dim)` scaled to unit length. A zero vector stays zero and has a finite gradient."""
    x = as_float(x)
    # Dividing by the largest component first avoids overflow and underflow of the squares. The result does not depend
    # on that divisor, so the gradient need not pass through it. (`ops.max` would fail for an empty batch.)
    largest = ops.stop_gradient(ops.norm(x, ord=float("inf"), axis=-1, keepdims=True))
    is_zero = ops.equal(largest, 0.0)
    x = x / ops.where(is_zero, 1.0, largest)
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x / ops.sqrt(ops.where(is_zero, 1.0, square))


DISTANCES = {
    "cosine": cosine,
    "euclidean": euclidean,
    "exponential_manhattan": exponential_manhattan,
    "manhattan": manhattan,
    "squared_euclidean": squared_euclidean,
}


def get(identifier):
    """The distance function for a name in `DISTANCES`, a function (returned unchanged) or a Keras config."""
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if callable(identifier) and not isinstance(identifier, keras.Model):
        return identifier
    if isinstance(identifier, str) and identifier in DISTANCES:
        return DISTANCES[identifier]
    raise ValueError(f"`distance` must be one of {sorted(DISTANCES)} or a function. Received: {plain(identifier)!r}.")


def _serialize(distance):
    """The name of a distance of this module; otherwise the Keras config of the (registered) function."""
    names = {function: name for name, function in DISTANCES.items()}
    return names.get(distance) or keras.saving.serialize_keras_object(distance)


def pairwise(x, y, distance="euclidean"):
    """Distances between all rows of `x` `(n, dim)` and all rows of `y` `(m, dim)`, `(n, m)`.

    Euclidean and cosine distances use one matrix product and `(n, m)` memory instead of `(n, m, dim)`. Rounding can
    leave a distance of up to about 0.001 between two nearly equal unit-length embeddings. Other distances are computed
    in blocks of rows; their gradient still needs `(n, m, dim)` memory.

    Args:
        x, y: Embeddings.
        distance: A name in `DISTANCES`, or a function `(batch, dim), (batch, dim) -> (batch,)`.
    """
    function = get(distance)
    x, y = as_float(x), as_float(y)
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            "`pairwise` expects embeddings (n, dim) and (m, dim). "
            f"Received: shapes {tuple(x.shape)} and {tuple(y.shape)}."
        )
    if function is cosine:
        return 1.0 - ops.matmul(unit_length(x), ops.transpose(unit_length(y)))
    if function is squared_euclidean:
        return _pairwise_squared(x, y)
    if function is euclidean:
        return _guarded_sqrt(_pairwise_squared(x, y))
    return _pairwise_in_blocks(x, y, function)


def _pairwise_squared(x, y):
    """Squared Euclidean distances as `|x|^2 + |y|^2 - 2 x y`."""
    # Centring reduces the cancellation between the terms; distances do not depend on the origin.
    mean = ops.stop_gradient(ops.mean(y, axis=0, keepdims=True))
    x, y = x - mean, y - mean
    squares = ops.sum(ops.square(x), axis=1)[:, None] + ops.sum(ops.square(y), axis=1)[None, :]
    return ops.maximum(squares - 2.0 * ops.matmul(x, ops.transpose(y)), 0.0)


def _pairwise_in_blocks(x, y, function):
    n, (m, dim) = x.shape[0], y.shape
    if n is None or m is None:
        return _pairwise_block(x, y, function)
    rows = max(1, _BLOCK // max(1, m * dim))
    blocks = [_pairwise_block(x[start : start + rows], y, function) for start in range(0, max(n, 1), rows)]
    return ops.concatenate(blocks, axis=0)


def _pairwise_block(x, y, function):
    # Flattened to (n * m, dim), because a function written for (batch, dim) could reduce the wrong axis of (n, m, dim).
    left = ops.reshape(x[:, None, :] + ops.zeros_like(y), (-1, y.shape[1]))
    right = ops.reshape(y[None, :, :] + ops.zeros_like(x)[:, None, :], (-1, y.shape[1]))
    return ops.reshape(function(left, right), (ops.shape(x)[0], ops.shape(y)[0]))


def _guarded_sqrt(square):
    # The slope of the square root is infinite at 0: two equal embeddings would give a NaN gradient.
    return ops.sqrt(ops.maximum(square, _EPSILON))
