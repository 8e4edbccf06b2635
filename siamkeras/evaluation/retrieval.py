"""Retrieval: are the nearest neighbours of the same class?"""

import math
from typing import NamedTuple

import numpy as np

from siamkeras._threads import map_parts
from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels
from siamkeras.evaluation import _tables
from siamkeras.evaluation._bootstrap import mean_intervals
from siamkeras.retrieval._search import DISTANCES

# Distances per block of queries, 16 MB for each thread, and gallery examples whose distances are computed at once.
BLOCK, TILE = 2**22, 1024
# Distances below this fraction of the norm of the query are float32 rounding errors. A tolerance for larger distances
# would also merge distances that differ.
ROUNDING = 1e-6


@_tables.as_table
class Retrieval(NamedTuple):
    """The result of `retrieval`, which documents it."""

    recall_at_k: dict
    precision_at_k: dict
    map_at_r: float
    interval: dict
    queries: np.ndarray
    without: int
    hits: np.ndarray
    average_precision: np.ndarray
    mrr: float
    r_precision: float

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        first, last = min(self.recall_at_k), max(self.recall_at_k)
        cells = {f"recall@{k}": f"{self.recall_at_k[k]:.1%}" for k in (first, last)}
        cells[f"recall@{first}"] += _tables.interval(self, f"recall_at_{first}", 100, 1)
        if last > 1:
            cells[f"P@{last}"] = f"{self.precision_at_k[last]:.1%}"
        cells["MAP@R"] = f"{self.map_at_r:.1%}{_tables.interval(self, 'map_at_r', 100, 1)}"
        evaluated = len(self.queries)
        total = f" of {evaluated + self.without:,}" if self.without else ""
        return cells | {"queries": f"{evaluated:,}{total}"}


def retrieval(
    embeddings,
    labels,
    gallery=None,
    gallery_labels=None,
    k=(1, 5, 10),
    distance="euclidean",
    *,
    clusters=None,
    resamples=1000,
    seed=0,
):
    """Evaluates nearest-neighbour retrieval by recall@k, precision@k, MAP@R, R-precision and MRR.

    Without a gallery, each embedding is searched among all others. At equal distances examples of other classes rank
    first, so that a collapsed tower has a MAP@R of 0; distances below a millionth of the norm of the query count as
    equal. Larger distances are compared in float32, so rounding can decide the order of equidistant examples. Queries
    whose class the gallery lacks are left out.

    Args:
        embeddings: Queries `(n, dim)`.
        labels: `(n,)` integers or strings.
        gallery: `(m, dim)`; None for the other queries.
        gallery_labels: `(m,)`, of the same kind as `labels`.
        k: An integer, or several.
        distance: `"euclidean"`, `"cosine"` or `"manhattan"`.
        clusters: `(n,)`, the cluster of each query, such as its class: whole clusters are then resampled for the
            intervals, which become wider. None resamples queries.
        resamples, seed: As for `verification_from_distances`.

    Returns:
        `Retrieval`, displayed as a table with the smallest and the largest k and MAP@R, a named tuple of

        - `recall_at_k`: `{k: fraction}` of queries with an example of their class among the k nearest.
        - `precision_at_k`: `{k: fraction}` of the k nearest that are of the class of the query, mean over queries.
        - `map_at_r`: Mean over queries of the average precision among the R nearest, with R examples of the class.
        - `interval`: `{name: (low, high)}`, bootstrap 95 % intervals of "recall_at_1", "precision_at_5", "map_at_r",
          "mrr", "r_precision" and so on; empty for a single query.
        - `queries`: Indices of the evaluated queries, `(q,)`.
        - `without`: Number of queries left out because the gallery has no example of their class.
        - `hits`: How many of the k nearest are of the class of the query, `(q, number of k)`.
        - `average_precision`: Average precision at R of each query, `(q,)`.
        - `mrr`: Mean reciprocal rank: mean over queries of 1 / (rank of the nearest example of the class).
        - `r_precision`: Fraction of the R nearest that are of the class of the query, mean over queries.

    Raises:
        ValueError: embeddings not finite or not one per label; no query with an example of its class in the gallery.

    >>> from siamkeras import evaluation
    >>> report = evaluation.retrieval([[0], [1], [3], [9]], ["a", "a", "b", "b"], k=1)
    >>> report.recall_at_k  # 0 and 1 find each other, 9 finds 3, but 3 is nearer to 1
    {1: 0.75}

    Reference: https://arxiv.org/abs/2003.08505 (MAP@R)
    """
    embeddings = check_embeddings(embeddings)
    labels = check_labels(labels, count=len(embeddings))
    own = gallery is None and gallery_labels is None
    if own:
        gallery, gallery_labels = embeddings, labels
    gallery = check_embeddings(gallery, "gallery", embeddings.shape[1])
    gallery_labels = check_labels(gallery_labels, "gallery_labels", len(gallery))
    check_choice("distance", distance, DISTANCES)
    if clusters is not None and np.shape(clusters) != labels.shape:
        raise ValueError(f"`clusters` must be one per query, ({len(labels)},). Received: shape {np.shape(clusters)}.")
    several = k if isinstance(k, (list, tuple)) else [k]
    depths = sorted({check_integer("k", depth, 1, len(gallery) - own) for depth in several})
    measures, found = _measures(embeddings, labels, gallery, gallery_labels, own, distance, depths)
    queries = np.flatnonzero(found)
    if not len(queries):
        raise ValueError(
            "No query has an example of its class in the gallery. "
            f"Received: {len(labels)} queries with {labels.dtype} labels, gallery with {gallery_labels.dtype} labels."
        )
    hits = measures[queries, :-3].astype("int64")
    average_precision, reciprocal_rank, r_precision = measures[queries, -3:].T
    recall, precision = hits > 0, hits / depths
    names = [f"{name}_at_{depth}" for name in ("recall", "precision") for depth in depths]
    names += ["map_at_r", "mrr", "r_precision"]
    values = np.column_stack([recall, precision, average_precision, reciprocal_rank, r_precision])
    clusters = None if clusters is None else np.asarray(clusters)[queries]
    intervals = mean_intervals(values, resamples if len(queries) > 1 else 0, seed, clusters)
    return Retrieval(
        recall_at_k=dict(zip(depths, recall.mean(axis=0).tolist(), strict=True)),
        precision_at_k=dict(zip(depths, precision.mean(axis=0).tolist(), strict=True)),
        map_at_r=float(average_precision.mean()),
        interval=dict(zip(names, intervals, strict=False)),
        queries=queries,
        without=len(labels) - len(queries),
        hits=hits,
        average_precision=average_precision,
        mrr=float(reciprocal_rank.mean()),
        r_precision=float(r_precision.mean()),
    )


def _measures(queries, labels, gallery, gallery_labels, own, distance, depths):
    """Hits at the depths, average precision, reciprocal rank and R-precision of each query.

    Returns:
        `(n, len(depths) + 3)`, and whether the gallery has an example of the class of the query, `(n,)`.
    """
    # Sorted by class, the examples of a class are a slice.
    order = np.argsort(gallery_labels, kind="stable")
    classes, starts = np.unique(gallery_labels[order], return_index=True)
    slices = dict(zip(classes.tolist(), zip(starts, [*starts[1:], len(order)], strict=True), strict=True))
    places, gallery = np.argsort(order), gallery[order]
    measures, found = np.zeros((len(queries), len(depths) + 3)), np.zeros(len(queries), bool)

    def measure(start):
        for query, row in enumerate(_distances(queries[start : start + rows], gallery, distance), start):
            first, end = slices.get(labels[query].item(), (0, 0))
            if own:
                row[places[query]] = np.inf
            positives = np.sort(row[first:end])[: end - first - own]
            if len(positives):
                row[first:end] = np.inf
                found[query] = True
                measures[query] = _measures_of_query(positives, row, depths)

    rows = max(1, BLOCK // len(gallery))
    map_parts(measure, range(0, len(queries), rows))
    return measures, found


def _measures_of_query(positives, negatives, depths):
    """The row of `_measures`, from the sorted distances of the positives and all of the negatives."""
    # Rank = position among the positives + number of negatives that are not farther. The measures need the ranks up to
    # the number of positives and the last depth, and that of the nearest positive: the nearest negatives suffice.
    count = len(positives)
    nearest = np.sort(_nearest(negatives, max(count, depths[-1])))
    ranks = np.arange(1, count + 1) + np.searchsorted(nearest, positives, side="right")
    first = 1 + np.count_nonzero(negatives <= positives[0])
    hits = np.searchsorted(ranks, depths, side="right")
    return *hits, _average_precision(ranks), 1 / first, np.mean(ranks <= count)


def _nearest(distances, count):
    """At least the `count` smallest distances, if there are so many, and all that are equal to one of them."""
    # The `count`-th smallest of some distances is not below the `count`-th smallest of all.
    some = distances[:: max(1, math.isqrt(len(distances) // count))]
    if len(some) < count:
        return distances
    return distances[distances <= np.partition(some, count - 1)[count - 1]]


def _average_precision(ranks):
    """Average precision at R = number of positives: precision at each positive among the R nearest, divided by R."""
    within = ranks[ranks <= len(ranks)]
    return np.sum(np.arange(1, len(within) + 1) / within) / len(ranks)


def _distances(queries, gallery, distance):
    """All distances `(q, m)` float32, with rounding errors removed so that equal embeddings tie exactly."""
    from scipy.spatial.distance import cdist

    queries, distances = queries.astype("float64"), np.empty((len(queries), len(gallery)), "float32")
    queries, squares = _unit_length(queries) if distance == "cosine" else queries, _squares(queries)
    factors = np.column_stack([-2 * queries, squares, np.ones(len(queries))])
    for start in range(0, len(gallery), TILE):
        tile = gallery[start : start + TILE].astype("float64")
        if distance == "euclidean":  # |x - y|^2 = (-2 x, |x|^2, 1) . (y, 1, |y|^2)
            values = factors @ np.column_stack([tile, np.ones(len(tile)), _squares(tile)]).T
            np.maximum(values, ROUNDING**2 * squares[:, None], out=values)
            np.sqrt(values, out=values)
        elif distance == "cosine":
            values = 1 - queries @ _unit_length(tile).T
            np.maximum(values, ROUNDING**2 / 2, out=values)
        else:
            values = cdist(queries, tile, "cityblock")
        distances[:, start : start + TILE] = values
    return distances


def _squares(vectors):
    return np.einsum("ij,ij->i", vectors, vectors)


def _unit_length(vectors):
    """Vectors of unit length; a vector of zeros stays zero."""
    squares = _squares(vectors)
    return vectors / np.sqrt(np.where(squares > 0, squares, 1.0))[:, None]
