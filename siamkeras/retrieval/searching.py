"""Two ways to search: at every point, or only where it is worth while."""

import math

import numpy as np
from keras import ops

from siamkeras._validation import check_embeddings
from siamkeras.distances import unit_length
from siamkeras.retrieval.checks import check_width

# What an approximate search looks at: so many lists, and so many that they hold some times as many as are asked for.
PROBES, SPARE = 12, 8
# k-means wants so many points for each of its centres.
POINTS_PER_CENTRE = 39


def points_of(embeddings, distance):
    """What is searched along straight lines: the embeddings, or for the cosine their directions."""
    if distance != "cosine":
        return embeddings
    directions = ops.convert_to_numpy(unit_length(embeddings))
    # A vector of length 0 gets a direction of its own, at a right angle to all others.
    return np.column_stack([directions, ~directions.any(axis=1)])


class Exact:
    """Looks at every point."""

    centres = None

    def __init__(self, points, distance, centres):
        from sklearn.neighbors import NearestNeighbors

        metric = "manhattan" if distance == "manhattan" else "euclidean"
        self._points = NearestNeighbors(algorithm="brute", metric=metric).fit(points)

    def nearest(self, queries, k):
        return self._points.kneighbors(queries, k)


class Approximate:
    """Looks at the points in the lists whose centres are nearest."""

    def __init__(self, points, distance, centres):
        if distance == "manhattan":
            raise ValueError('`method` must be "exact" for distance="manhattan". Received: method="approximate".')
        try:
            import faiss
        except ImportError as error:
            raise ImportError('method="approximate" needs faiss: pip install "siamkeras[faiss]"') from error
        n, dim = points.shape
        if centres is None:
            lists = max(1, min(round(8 * math.sqrt(n)), n // POINTS_PER_CENTRE))
            kmeans = faiss.Kmeans(dim, lists, niter=5, seed=0, max_points_per_centroid=64)
            kmeans.train(points)
            centres = kmeans.centroids
        self.centres = check_embeddings(centres, "centres")
        check_width("centres", self.centres, dim)
        by_centre = faiss.IndexFlatL2(dim)
        by_centre.add(self.centres)
        self._lists = faiss.IndexIVFFlat(by_centre, dim, len(self.centres))
        self._lists.is_trained = True
        self._lists.add(points)
        self._settings = faiss.SearchParametersIVF

    def nearest(self, queries, k):
        probes = max(PROBES, math.ceil(SPARE * k * len(self.centres) / self._lists.ntotal))
        square, index = self._look(queries, k, probes)
        while (short := index[:, -1] < 0).any() and probes < len(self.centres):  # These lists hold fewer than k points.
            probes *= 2
            square[short], index[short] = self._look(queries[short], k, probes)
        return np.sqrt(square), index

    def _look(self, queries, k, probes):
        return self._lists.search(queries, k, params=self._settings(nprobe=min(probes, len(self.centres))))


METHODS = {"approximate": Approximate, "exact": Exact}
