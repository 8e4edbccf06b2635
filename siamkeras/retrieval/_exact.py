"""Exact nearest neighbours: float32 matrix products select candidates, float64 differences rank them.

The rounding error of a float32 product has a known bound (Higham, Accuracy and Stability of Numerical Algorithms,
section 3.1). A point is a candidate unless its distance, less this bound, is above the k-th smallest distance so far.
So no neighbour is missed, not even among near duplicates, whose distances are smaller than the rounding errors.
"""

import math

import numpy as np

from siamkeras._threads import cores, map_parts

# A block of products has at most so many queries and points, and so many numbers: 2 MB, for the cache of a processor.
QUERIES, POINTS, PRODUCTS = 1024, 4096, 2**19
# In smaller blocks, threads and products are slow.
FEWEST_QUERIES, FEWEST_POINTS = 128, 512
# More candidates than this for each of the k neighbours are ranked before the search goes on.
CANDIDATES = 16
# Numbers per block of float64 values: 4 MB.
NUMBERS = 2**19
# The relative rounding error of one float32 operation is half of EPSILON; numbers below TINY lose digits.
EPSILON, TINY = float(np.finfo("float32").eps), float(np.finfo("float32").tiny)
# For cosine, a shorter vector counts as zero: the inverse of its length would overflow.
SHORTEST = 1e-35


class Exact:
    """Compares a query with every point. The points are not copied.

    `|x - q|^2 = (-2 q, 1) . (x, |x|^2) + |q|^2`, where x and q are relative to the mean point; for cosine they are unit
    vectors, since then `1 - cos = |x - q|^2 / 2`.
    """

    centroids = None

    def __init__(self, points, distance, centroids=None):
        self._points, self._distance, self._neighbors = points, distance, None
        if distance == "manhattan":
            from sklearn.neighbors import NearestNeighbors

            self._neighbors = NearestNeighbors(algorithm="brute", metric="manhattan").fit(points)
            return
        size = max(1, NUMBERS // points.shape[1])
        blocks = [slice(start, start + size) for start in range(0, len(points), size)]
        self._inverse = None
        if distance == "cosine":
            lengths = [_inverse_length(points[block].astype("float64")) for block in blocks]
            self._inverse = np.concatenate(lengths).astype("float32")
        total = sum(self._converted(points[block]).sum(axis=0) for block in blocks)
        self._mean = (total / len(points)).astype("float32")
        squares = [_squares(self._converted(points[block]) - self._mean) for block in blocks]
        self._squares = np.concatenate(squares).astype("float32")

    def _converted(self, points):
        """Points in float64 whose Euclidean distance ranks like the distance."""
        points = points.astype("float64")
        if self._distance == "euclidean":
            return points
        inverse = _inverse_length(points)
        # A zero vector has no direction. An extra dimension makes it orthogonal to all others: cosine distance 1.
        return np.column_stack([points * inverse[:, None], inverse == 0])

    def nearest(self, queries, k):
        """Distances and indices of the k nearest points, `(q, k)` each; equal distances in the order of the index."""
        if self._neighbors is not None:
            return self._neighbors.kneighbors(queries, k)
        count = max(min(FEWEST_QUERIES, len(queries)), math.ceil(len(queries) / cores()))
        count = max(1, min(count, QUERIES, 4 * PRODUCTS // k))
        parts = [queries[start : start + count] for start in range(0, len(queries), count)]
        found = map_parts(lambda part: self._nearest(part, k), parts)
        distances, indices = (np.concatenate(values) for values in zip(*found, strict=True))
        if self._distance == "euclidean":
            return np.sqrt(distances), indices
        distances = np.minimum(distances / 2, 2)
        distances[_inverse_length(queries.astype("float64")) == 0] = 1
        return distances, indices

    def _nearest(self, queries, k):
        """Squared distances and indices of the k nearest points, for queries of one block."""
        queries = self._converted(queries)
        relative = queries - self._mean
        factors = np.column_stack([-2 * relative, np.ones(len(queries))]).astype("float32")
        constants = _squares(relative)[:, None]
        candidates = Candidates(len(queries), k)
        size = min(len(self._points), POINTS, max(FEWEST_POINTS, PRODUCTS // len(queries)))
        # Reused, because the pages of new memory would have to be cleared for each block.
        memory = np.empty(len(queries) * size, "float32"), np.empty(len(queries) * size, "bool")
        point_factors = np.empty((size, factors.shape[1]), "float32")
        for start in range(0, len(self._points), size):
            stop = min(start + size, len(self._points))
            products, is_near = (array[: len(queries) * (stop - start)].reshape(len(queries), -1) for array in memory)
            np.matmul(factors, self._point_factors(start, stop, point_factors[: stop - start]).T, out=products)
            error = self._error(start, stop, np.sqrt(constants))
            limits = candidates.limits + error
            if start == 0 and k <= stop:
                limits = np.partition(products, k - 1, axis=1)[:, k - 1 : k] + 2 * error
            np.less_equal(products, limits.astype("float32"), out=is_near)
            near = np.flatnonzero(is_near)
            rows, columns = np.divmod(near, stop - start)
            candidates.add(rows, columns + start, products.reshape(-1)[near], error[rows, 0])
            if candidates.count > CANDIDATES * k * len(queries):  # equal points
                distances, indices = self._ranked(candidates, queries, k)
                candidates.replace(indices, distances - constants, is_final=distances[:, -1:] == 0)
        return self._ranked(candidates, queries, k)

    def _point_factors(self, start, stop, out):
        """The right factors of the products with points `start` to `stop`, in the array `out`."""
        points, relative = self._points[start:stop], out[:, :-1]
        if self._inverse is None:
            np.subtract(points, self._mean, out=relative)
        else:
            inverse = self._inverse[start:stop, None]
            np.multiply(points, inverse, out=relative[:, :-1])
            relative[:, -1:] = inverse == 0
            relative -= self._mean
        out[:, -1] = self._squares[start:stop]
        return out

    def _error(self, start, stop, lengths):
        """A bound of the rounding errors of the products with queries of these lengths."""
        dim, square = len(self._mean), float(self._squares[start:stop].max())
        of_directions = 0 if self._inverse is None else 4
        products = ((dim + 16) * math.sqrt(square) + of_directions) * lengths
        return EPSILON * (products + 4 * square) + TINY * dim

    def _ranked(self, candidates, queries, k):
        """Squared distances and indices of the k nearest candidates, `(q, k)` each."""
        rows, indices, _ = candidates.sorted()
        distances, size = np.empty(len(rows)), max(1, NUMBERS // queries.shape[1])
        for start in range(0, len(rows), size):
            row, index = (values[start : start + size] for values in (rows, indices))
            distances[start : start + size] = _squares(self._converted(self._points[index]) - queries[row])
        distances, indices = (_by_row(rows, values, len(queries), k) for values in (distances, indices))
        order = np.lexsort([indices, distances], axis=1)[:, :k]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, axis=1).astype("int64")


class Candidates:
    """Pairs of a query and a point that may be among its k nearest.

    A pair is dropped if its product is above those of k others, whatever the rounding errors.
    """

    def __init__(self, queries, k):
        self._upper = np.full((queries, k), np.inf)  # the k smallest upper bounds of products
        self._is_final = np.zeros((queries, 1), bool)
        self._kept, self._new, self.count, self._waiting = [], [], 0, 0

    @property
    def limits(self):
        """A new pair must have a product of at most this, `(q, 1)`."""
        return np.where(self._is_final, -np.inf, self._upper[:, -1:])

    def add(self, rows, indices, products, errors):
        """Adds pairs of the row of a query and the index of a point, with the bounds of their rounding errors."""
        self._new.append((rows, indices, products - errors, products + errors))
        self._waiting += len(rows)
        self.count += len(rows)
        if self._waiting >= self._upper.size:
            self._drop()

    def _drop(self):
        rows, indices, lower, upper = map(np.concatenate, zip(*self._new, strict=True))
        order = np.argsort(rows, kind="stable")
        k = self._upper.shape[1]
        upper = np.column_stack([self._upper, _by_row(rows[order], upper[order], len(self._upper))])
        self._upper = np.partition(upper, k - 1, axis=1)[:, :k]
        self._kept.append((rows, indices, lower))
        kept = [np.concatenate(values) for values in zip(*self._kept, strict=True)]
        near = kept[2] <= self._upper[kept[0], -1]
        self._kept = [[values[near] for values in kept]]
        self._new, self._waiting, self.count = [], 0, np.count_nonzero(near)

    def sorted(self):
        """Rows, ascending, indices and lower bounds of the products."""
        if self._new:
            self._drop()
        order = np.argsort(self._kept[0][0], kind="stable")
        return [values[order] for values in self._kept[0]]

    def replace(self, indices, products, is_final):
        """Keeps only these pairs, `(q, k)`, with exact products; `is_final`, `(q, 1)`: accepts no more pairs."""
        rows, columns = np.nonzero(np.isfinite(products))
        self._kept = [[rows, indices[rows, columns], products[rows, columns]]]
        self._upper, self._is_final = products, is_final
        self._new, self._waiting, self.count = [], 0, len(rows)


def _by_row(rows, values, count, minimum=1):
    """Values of pairs, sorted by their rows, as a matrix `(count, at least minimum)`; missing values are infinity."""
    counts = np.bincount(rows, minlength=count)
    matrix = np.full((count, max(minimum, counts.max())), np.inf)
    matrix[rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)] = values
    return matrix


def _squares(vectors):
    return np.einsum("...i,...i->...", vectors, vectors)


def _inverse_length(vectors):
    """1 / length of each vector; 0 for a vector of zeros."""
    lengths = np.sqrt(_squares(vectors))
    return np.where(lengths > SHORTEST, 1 / np.maximum(lengths, SHORTEST), 0.0)
