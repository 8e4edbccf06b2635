"""Nearest-neighbour search: exact, or approximate with faiss."""

import math

import numpy as np
from keras import ops

from siamkeras._validation import check_embeddings
from siamkeras.distances import unit_length
from siamkeras.retrieval._exact import Exact

DISTANCES = ("cosine", "euclidean", "manhattan")
# An approximate search visits this many lists, and so many that they hold this many times k embeddings.
PROBES, CANDIDATES_PER_NEIGHBOUR = 12, 8
# K-means is trained on at least so many embeddings per centroid, as faiss recommends, and on at most so many.
POINTS_PER_CENTROID, MOST_PER_CENTROID = 39, 64
# Embeddings that are added at once: faiss copies them, and nothing else needs a copy of all.
BLOCK = 2**14


class Approximate:
    """Inverted file: points are stored by their nearest k-means centroid, and a query visits the nearest lists."""

    def __init__(self, points, distance, centroids=None):
        if distance == "manhattan":
            raise ValueError('`method` must be "exact" for distance="manhattan". Received: method="approximate".')
        try:
            import faiss
        except ImportError as error:
            raise ImportError('method="approximate" needs faiss: pip install "siamkeras[faiss]"') from error
        self._distance, n = distance, len(points)
        if centroids is None:
            count = max(1, min(round(8 * math.sqrt(n)), n // POINTS_PER_CENTROID))
            sample = np.random.default_rng(0).permutation(n)[: MOST_PER_CENTROID * count]
            sample = self._converted(points[np.sort(sample)])
            kmeans = faiss.Kmeans(sample.shape[1], count, niter=5, seed=0, max_points_per_centroid=MOST_PER_CENTROID)
            kmeans.train(sample)
            centroids = kmeans.centroids
        dim = points.shape[1] + (distance == "cosine")
        self.centroids = check_embeddings(centroids, "centroids", dim)
        quantizer = faiss.IndexFlatL2(dim)
        quantizer.add(self.centroids)
        self._lists = faiss.IndexIVFFlat(quantizer, dim, len(self.centroids))
        self._lists.is_trained = True
        for start in range(0, n, BLOCK):
            self._lists.add(self._converted(points[start : start + BLOCK]))

    def _converted(self, points):
        """Points whose Euclidean distance ranks like the distance: unit vectors for cosine, else the points."""
        if self._distance != "cosine":
            return points
        directions = ops.convert_to_numpy(unit_length(points))
        # A zero vector has no direction. An extra dimension makes it orthogonal to all others: cosine distance 1.
        return np.column_stack([directions, ~directions.any(axis=1)])

    def nearest(self, queries, k):
        """As `Exact.nearest`; visits more lists for a query whose lists hold fewer than k points."""
        queries = self._converted(queries)
        probes = max(PROBES, math.ceil(CANDIDATES_PER_NEIGHBOUR * k * len(self.centroids) / self._lists.ntotal))
        squares, indices = self._visit(queries, k, probes)
        while (short := indices[:, -1] < 0).any() and probes < len(self.centroids):
            probes *= 2
            squares[short], indices[short] = self._visit(queries[short], k, probes)
        if self._distance == "euclidean":
            return np.sqrt(squares), indices
        distances = np.minimum(squares / 2, 2)  # |x - y|^2 = 2 - 2 cos for unit vectors
        distances[queries[:, -1] == 1] = 1  # zero queries
        return distances, indices

    def _visit(self, queries, k, probes):
        import faiss

        parameters = faiss.SearchParametersIVF(nprobe=min(probes, len(self.centroids)))
        return self._lists.search(queries, k, params=parameters)


METHODS = {"approximate": Approximate, "exact": Exact}
