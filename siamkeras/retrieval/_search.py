"""Nearest-neighbour search: exact with scikit-learn, approximate with faiss."""

import math

import numpy as np
from keras import ops

from siamkeras._validation import check_embeddings
from siamkeras.distances import unit_length

DISTANCES = ("cosine", "euclidean", "manhattan")
# An approximate search visits this many lists, and so many that they hold this many times k embeddings.
PROBES, CANDIDATES_PER_NEIGHBOUR = 12, 8
# faiss recommends at least this many embeddings per k-means centroid.
POINTS_PER_CENTROID = 39


def search_points(embeddings, distance):
    """Points whose Euclidean distance ranks like `distance`: unit vectors for cosine, else the embeddings."""
    if distance != "cosine":
        return embeddings
    directions = ops.convert_to_numpy(unit_length(embeddings))
    # A zero vector has no direction. An extra dimension makes it orthogonal to all others: cosine distance 1.
    return np.column_stack([directions, ~directions.any(axis=1)])


class Exact:
    """Compares a query with every point."""

    centroids = None

    def __init__(self, points, distance, centroids=None):
        from sklearn.neighbors import NearestNeighbors

        metric = "manhattan" if distance == "manhattan" else "euclidean"
        self._neighbors = NearestNeighbors(algorithm="brute", metric=metric).fit(points)

    def nearest(self, queries, k):
        """Distances and indices of the k nearest points, `(q, k)` each."""
        return self._neighbors.kneighbors(queries, k)


class Approximate:
    """Inverted file: points are stored by their nearest k-means centroid, and a query visits the nearest lists."""

    def __init__(self, points, distance, centroids=None):
        if distance == "manhattan":
            raise ValueError('`method` must be "exact" for distance="manhattan". Received: method="approximate".')
        try:
            import faiss
        except ImportError as error:
            raise ImportError('method="approximate" needs faiss: pip install "siamkeras[faiss]"') from error
        n, dim = points.shape
        if centroids is None:
            count = max(1, min(round(8 * math.sqrt(n)), n // POINTS_PER_CENTROID))
            kmeans = faiss.Kmeans(dim, count, niter=5, seed=0, max_points_per_centroid=64)
            kmeans.train(points)
            centroids = kmeans.centroids
        self.centroids = check_embeddings(centroids, "centroids", dim)
        quantizer = faiss.IndexFlatL2(dim)
        quantizer.add(self.centroids)
        self._lists = faiss.IndexIVFFlat(quantizer, dim, len(self.centroids))
        self._lists.is_trained = True
        self._lists.add(points)

    def nearest(self, queries, k):
        """As `Exact.nearest`; visits more lists for a query whose lists hold fewer than k points."""
        probes = max(PROBES, math.ceil(CANDIDATES_PER_NEIGHBOUR * k * len(self.centroids) / self._lists.ntotal))
        squares, indices = self._visit(queries, k, probes)
        while (short := indices[:, -1] < 0).any() and probes < len(self.centroids):
            probes *= 2
            squares[short], indices[short] = self._visit(queries[short], k, probes)
        return np.sqrt(squares), indices

    def _visit(self, queries, k, probes):
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=min(probes, len(self.centroids)))
        return self._lists.search(queries, k, params=parameters)


METHODS = {"approximate": Approximate, "exact": Exact}
