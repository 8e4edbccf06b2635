"""Retrieval: are the nearest neighbours of the same class?"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels
from siamkeras.evaluation import _tables
from siamkeras.evaluation._bootstrap import mean_intervals
from siamkeras.retrieval._search import DISTANCES

# Distances per block of queries, as float64: 64 MB.
BLOCK = 2**23
# Distances below this fraction of the norm of the query are float32 rounding errors. A tolerance for larger distances
# would also merge distances that differ.
ROUNDING = 1e-6


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

    def __repr__(self):
        return _tables.table({"": self})

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        cells = {f"recall@{k}": f"{value:.1%}" for k, value in self.recall_at_k.items()}
        smallest = min(self.recall_at_k)
        cells[f"recall@{smallest}"] += _tables.interval(self, f"recall_at_{smallest}", 100, 1)
        cells |= {f"P@{k}": f"{value:.1%}" for k, value in self.precision_at_k.items() if k > 1}
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
        `Retrieval`, a named tuple of

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
    ranks = _positive_ranks(embeddings, labels, gallery, gallery_labels, own, distance)
    queries = np.array([query for query, positives in enumerate(ranks) if len(positives)])
    if not len(queries):
        raise ValueError(
            "No query has an example of its class in the gallery. "
            f"Received: {len(labels)} queries with {labels.dtype} labels, gallery with {gallery_labels.dtype} labels."
        )
    hits = np.array([np.searchsorted(ranks[query], depths, side="right") for query in queries])
    recall, precision = hits > 0, hits / depths
    average_precision = np.array([_average_precision(ranks[query]) for query in queries])
    reciprocal_rank = np.array([1 / ranks[query][0] for query in queries])
    r_precision = np.array([np.mean(ranks[query] <= len(ranks[query])) for query in queries])
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


def _positive_ranks(queries, labels, gallery, gallery_labels, own, distance):
    """For each query the ascending ranks, from 1, of the gallery examples of its class, without itself if `own`."""
    queries, gallery = queries.astype("float64"), gallery.astype("float64")
    rows, ranks = max(1, BLOCK // len(gallery)), []
    for start in range(0, len(queries), rows):
        for query, row in enumerate(_distances(queries[start : start + rows], gallery, distance), start):
            is_positive = gallery_labels == labels[query]
            negatives = np.sort(row[~is_positive])
            if own:
                is_positive[query] = False
            positives = np.sort(row[is_positive])
            # Rank = position among the positives + number of negatives that are not farther.
            ranks.append(np.arange(1, len(positives) + 1) + np.searchsorted(negatives, positives, side="right"))
    return ranks


def _average_precision(ranks):
    """Average precision at R = number of positives: precision at each positive among the R nearest, divided by R."""
    within = ranks[ranks <= len(ranks)]
    return np.sum(np.arange(1, len(within) + 1) / within) / len(ranks)


def _distances(queries, gallery, distance):
    """All distances `(q, m)` float32, with rounding errors removed so that equal embeddings tie exactly."""
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(queries, gallery, metric=distance)
    if distance == "euclidean":
        distances = np.maximum(distances, ROUNDING * np.sqrt(np.sum(queries**2, axis=1, keepdims=True)))
    if distance == "cosine":
        distances = np.maximum(distances, ROUNDING**2 / 2)
    return distances.astype("float32")
