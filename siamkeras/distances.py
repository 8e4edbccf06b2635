"""How far apart two embeddings are: small means alike.

Every distance takes `x` and `y` of shape `(..., dim)`, which broadcast against each other, and returns `(...)`.
All are computed in float32 at least: half-precision and integer inputs are cast up first, since a float16 square
overflows at 256 and a uint8 difference wraps around.
"""

import keras
from keras import ops

# The floor under the square root of a distance; small against any distance, and not 0 in float32.
EPSILON = 1e-12
# How many numbers `pairwise` holds at once for a distance that has no matrix product: 64 MB of float32.
BLOCK = 2**24


def squared_euclidean(x, y):
    """Sum of squared differences, `(...)`: `sum_i (x_i - y_i)^2`."""
    return ops.sum(ops.square(as_float(x) - as_float(y)), axis=-1)


def euclidean(x, y):
    """Straight-line distance, `(...)`: `sqrt(sum_i (x_i - y_i)^2)`.

    Never below 1e-6, where its gradient is 0.

    >>> from siamkeras import distances
    >>> print(float(distances.euclidean([0.0, 0.0], [3.0, 4.0])))
    5.0
    """
    return _guarded_sqrt(squared_euclidean(x, y))


def manhattan(x, y):
    """City-block distance, `(...)`: `sum_i |x_i - y_i|`."""
    return ops.sum(absolute_difference(x, y), axis=-1)


def exponential_manhattan(x, y):
    """`1 - exp(-sum_i |x_i - y_i|)`, `(...)`, from 0 to 1: one minus the similarity of the Manhattan LSTM.

    >>> from siamkeras import distances
    >>> print(round(float(distances.exponential_manhattan([0.0, 0.0], [0.5, 0.2])), 4))  # 1 - exp(-0.7)
    0.5034

    Reference: https://doi.org/10.1609/aaai.v30i1.10350
    """
    return 1.0 - ops.exp(-manhattan(x, y))


def cosine(x, y):
    """One minus the cosine of the angle between `x` and `y`, `(...)`, from 0 (same way) to 2 (opposite).

    A vector of length 0 has no direction: its distance to everything is 1.
    """
    return 1.0 - ops.sum(unit_length(x) * unit_length(y), axis=-1)


def absolute_difference(x, y):
    """What differs, component by component, `(..., dim)`: `|x_i - y_i|`.

    Not a distance, but what one is made of: Koch et al. (2015) learn a weight for each component.
    """
    return ops.abs(as_float(x) - as_float(y))


def unit_length(x):
    """`x` `(..., dim)` scaled to length 1; a vector of length 0 stays 0, and its gradient is finite."""
    x = as_float(x)
    # Divided by its largest component first, no vector is too short or too long to be squared. The result does not
    # depend on that divisor, so no gradient has to pass through it.
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(largest > 0, largest, 1.0)
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x / ops.sqrt(ops.where(largest > 0, square, 1.0))


DISTANCES = {
    "cosine": cosine,
    "euclidean": euclidean,
    "exponential_manhattan": exponential_manhattan,
    "manhattan": manhattan,
    "squared_euclidean": squared_euclidean,
}


def as_float(x):
    """`x` as a tensor of float32 at least: half precision and whole numbers are cast up."""
    x = ops.convert_to_tensor(x)
    return x if keras.backend.standardize_dtype(x.dtype) in ("float32", "float64") else ops.cast(x, "float32")


def get(distance):
    """The distance of that name; a function is given back as it is.

    Raises:
        ValueError: unknown name.
    """
    if callable(distance):
        return distance
    if isinstance(distance, str) and distance in DISTANCES:
        return DISTANCES[distance]
    raise ValueError(f"`distance` must be one of {sorted(DISTANCES)} or a function. Received: {distance!r}.")


def name_of(distance):
    """What a layer or a loss keeps of its distance: the name of one of ours, or else the function itself.

    Raises:
        ValueError: unknown name.
    """
    names = {function: name for name, function in DISTANCES.items()}
    return names.get(get(distance), distance)


def pairwise(x, y, distance="euclidean"):
    """All distances between two sets of embeddings.

    Euclidean and cosine distances come from one matrix product, in `(n, m)` memory rather than `(n, m, dim)`; where
    two embeddings of length 1 are nearly equal, rounding leaves up to about 0.001 of distance between them. Other
    distances are taken a block of rows at a time; their gradient still needs `(n, m, dim)`.

    Args:
        x: Embeddings, `(n, dim)`.
        y: Embeddings, `(m, dim)`.
        distance: A name in `distances.DISTANCES`, or a function of the same kind.

    Returns:
        Distances, `(n, m)`; row i belongs to `x[i]`.

    Raises:
        ValueError: unknown name; embeddings that are not `(n, dim)` and `(m, dim)`.
    """
    measure = get(distance)
    x, y = as_float(x), as_float(y)
    if len(x.shape) != 2 or len(y.shape) != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(
            "`pairwise` takes embeddings (n, dim) and (m, dim). "
            f"Received: shapes {tuple(x.shape)} and {tuple(y.shape)}."
        )
    if measure is cosine:
        return 1.0 - ops.matmul(unit_length(x), ops.transpose(unit_length(y)))
    if measure in (euclidean, squared_euclidean):
        # No distance depends on the origin, and the nearer that is to the embeddings, the less the squares cancel.
        middle = ops.stop_gradient(ops.mean(y, axis=0, keepdims=True))
        x, y = x - middle, y - middle
        squares = ops.sum(ops.square(x), axis=1)[:, None] + ops.sum(ops.square(y), axis=1)[None, :]
        square = ops.maximum(squares - 2.0 * ops.matmul(x, ops.transpose(y)), 0.0)
        return square if measure is squared_euclidean else _guarded_sqrt(square)
    n, (m, dim) = x.shape[0], y.shape
    if n is None or m is None:
        return ops.map(lambda row: measure(row[None, :], y), x)
    rows = max(1, BLOCK // max(1, m * dim))
    starts = range(0, max(n, 1), rows)
    return ops.concatenate([_every(measure, x[at : at + rows], y) for at in starts], axis=0)


def _every(measure, x, y):
    # Couples one after the other, `(n * m, dim)`: a function written for `(batch, dim)` serves as well as one for
    # `(..., dim)`, which in a square of couples might reduce the wrong axis without a word.
    shape = (x.shape[0], *y.shape)
    couples = [ops.reshape(ops.broadcast_to(part, shape), (-1, shape[2])) for part in (x[:, None, :], y[None, :, :])]
    found = measure(*couples)
    if tuple(found.shape) != (shape[0] * shape[1],):
        raise ValueError(
            f"A distance must give one number for each couple, (batch, dim), (batch, dim) -> (batch,). Received: "
            f"{tuple(found.shape)} for {shape[0] * shape[1]} couples."
        )
    return ops.reshape(found, shape[:2])


def _guarded_sqrt(square):
    # The slope of sqrt at 0 is infinite: two equal embeddings would give NaN gradients.
    return ops.sqrt(ops.maximum(square, EPSILON))
