"""Retrieval: are the nearest of the same class?"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels, check_seed
from siamkeras.evaluation import _tables as tables
from siamkeras.evaluation._roc import BLOCK, resampled
from siamkeras.retrieval.checks import DISTANCES, check_width

K = (1, 5, 10)
# Distances below this share of the length of the query are rounding.
NOISE = 1e-6


class Retrieval(NamedTuple):
    """What embeddings are worth for finding others of the same class.

    Attributes:
        recall_at_k: `{k: share}` of queries with at least one of their class among the k nearest.
        precision_at_k: `{k: share}` of the k nearest that are of the class of the query, mean over queries.
        map_at_r: MAP@R, mean over queries: for a query with R others of its class, the precision among the i nearest,
            averaged over i = 1 to R, where the i-th counts 0 if it is of another class.
        interval: `{name: (low, high)}`, bootstrap 95 % intervals over queries, of "recall_at_1", "precision_at_5",
            "map_at_r" and so on; empty where one query was measured.
        queries: `(q,)` which of the queries were measured: those with another of their class to be found.
        without: How many queries were left out, since there is none.
        hits: `(q, number of k)` how many of the k nearest are of the class of the query.
        average_precision: `(q,)` what `map_at_r` is the mean of.
    """

    recall_at_k: dict
    precision_at_k: dict
    map_at_r: float
    interval: dict
    queries: np.ndarray
    without: int
    hits: np.ndarray
    average_precision: np.ndarray

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        found = {}
        for k, value in self.recall_at_k.items():
            # Two intervals fill a page.
            interval = tables.interval(self, f"recall_at_{k}", 100, 1) if k == min(self.recall_at_k) else ""
            found[f"recall@{k}"] = f"{value:.1%}{interval}"
        # The precision at 1 is the recall at 1.
        found |= {f"P@{k}": f"{value:.1%}" for k, value in self.precision_at_k.items() if k > 1}
        found["MAP@R"] = f"{self.map_at_r:.1%}{tables.interval(self, 'map_at_r', 100, 1)}"
        measured = len(self.queries)
        return found | {"queries": f"{measured:,} of {measured + self.without:,}" if self.without else f"{measured:,}"}


def retrieval(
    embeddings,
    labels,
    gallery=None,
    gallery_labels=None,
    k=K,
    distance="euclidean",
    units=None,
    resamples=1000,
    seed=0,
):
    """Measures how well the nearest neighbours of embeddings are of their class.

    Without a gallery each embedding is searched for among all others, itself left out. Of equally far ones those of
    another class come first, so that nothing is gained by giving the same embedding to everything. Distances are
    computed in float64 and compared in float32, and below a millionth of the length of the query they are all equal:
    smaller differences are not in an embedding of float32. Memory does not grow with the number of queries.

    Queries with none of their class to be found say nothing of the embeddings: they are left out of every measure, and
    counted in `.without`.

    Args:
        embeddings: The queries, `(n, dim)`.
        labels: `(n,)` integers or strings, the class of each.
        gallery: What is searched, `(m, dim)`; None for the queries themselves.
        gallery_labels: `(m,)`, of the same kind as `labels`.
        k: How many of the nearest are looked at: a whole number, or several.
        distance: `"euclidean"`, `"cosine"` or `"manhattan"`, as in `distances`.
        units: `(n,)`, what the queries hang on, such as their class; whole units are then drawn again for the
            intervals, which become wider. None draws queries.
        resamples: How many times queries are drawn again; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Returns:
        `Retrieval`.

    Raises:
        ValueError: embeddings that are not `(n, dim)` or not finite; labels of another length or kind; a gallery
            without labels, or labels without it; k not whole, below 1, or above what there is to be found; no query
            with another of its class; an unknown distance; fewer than two units.

    >>> from siamkeras import evaluation
    >>> found = evaluation.retrieval([[0], [1], [3], [9]], ["a", "a", "b", "b"], k=1)
    >>> found.recall_at_k  # 0 and 1 find each other, 9 finds 3, but 3 is nearer to 1
    {1: 0.75}

    Reference: https://arxiv.org/abs/2003.08505 (MAP@R)
    """
    embeddings, labels, gallery, gallery_labels, itself = _checked(embeddings, labels, gallery, gallery_labels)
    several = k if isinstance(k, (list, tuple)) else (k,)
    depths = sorted({check_integer("k", each, 1, len(gallery) - itself) for each in several})
    if not depths:
        raise ValueError(f"`k` must be a whole number, or several. Received: {k!r}.")
    check_choice("distance", distance, DISTANCES)
    check_integer("resamples", resamples, 0)
    units = np.arange(len(labels)) if units is None else np.asarray(units)
    if units.shape != labels.shape:
        raise ValueError(f"Every query needs one unit. Received: {len(labels)} queries, units of shape {units.shape}.")
    found = list(_each(embeddings, labels, gallery, gallery_labels, itself, np.array(depths), distance))
    if not found:
        raise ValueError(f"At least one query needs another of its class to be found. Received: {len(labels)} without.")
    queries, hits, average_precision = map(np.array, zip(*found, strict=True))
    names = [f"{name}_at_{k}" for name in ("recall", "precision") for k in depths] + ["map_at_r"]
    values = np.column_stack([hits > 0, hits / depths, average_precision])
    means = dict(zip(names, values.mean(axis=0).tolist(), strict=True))
    return Retrieval(
        recall_at_k={k: means[f"recall_at_{k}"] for k in depths},
        precision_at_k={k: means[f"precision_at_{k}"] for k in depths},
        map_at_r=means["map_at_r"],
        interval=_intervals(names, values, units[queries], resamples, seed),
        queries=queries,
        without=len(labels) - len(queries),
        hits=hits,
        average_precision=average_precision,
    )


def recall_at_k(embeddings, labels, k=K, **options):
    """`{k: share}` of queries with one of their class among the k nearest; `options` as for `retrieval`."""
    return retrieval(embeddings, labels, k=k, resamples=0, **options).recall_at_k


def precision_at_k(embeddings, labels, k=K, **options):
    """`{k: share}` of the k nearest that are of the class of the query; `options` as for `retrieval`."""
    return retrieval(embeddings, labels, k=k, resamples=0, **options).precision_at_k


def map_at_r(embeddings, labels, **options):
    """MAP@R, the mean average precision among as many as can be right; `options` as for `retrieval`."""
    return retrieval(embeddings, labels, k=1, resamples=0, **options).map_at_r


def _checked(embeddings, labels, gallery, gallery_labels):
    """Queries and gallery in float64, their labels as numbers, and whether each query is in the gallery itself."""
    embeddings = check_embeddings(embeddings)
    labels = check_labels(labels, "labels", count=len(embeddings))
    if (gallery is None) != (gallery_labels is None):
        missing = "gallery_labels" if gallery_labels is None else "gallery"
        raise ValueError(f"`gallery` and `gallery_labels` go together. Received: no `{missing}`.")
    queries = embeddings.astype("float64")
    if gallery is None:
        numbers = np.unique(labels, return_inverse=True)[1]
        return queries, numbers, queries, numbers, True
    gallery = check_embeddings(gallery, "gallery")
    check_width("gallery", gallery, embeddings.shape[1])
    gallery_labels = check_labels(gallery_labels, "gallery_labels", count=len(gallery))
    if (labels.dtype.kind in "US") != (gallery_labels.dtype.kind in "US"):
        raise ValueError(
            "`labels` and `gallery_labels` must both be integers, or both strings. "
            f"Received: {labels.dtype} and {gallery_labels.dtype}."
        )
    numbers = np.unique(np.concatenate([labels, gallery_labels]), return_inverse=True)[1]
    return queries, numbers[: len(labels)], gallery.astype("float64"), numbers[len(labels) :], False


def _each(queries, labels, gallery, gallery_labels, itself, depths, distance):
    """Of each query with others of its class: its number, how many are among the `depths` nearest, its precision."""
    rows = max(1, BLOCK // len(gallery))
    for at in range(0, len(queries), rows):
        found = _distances(queries[at : at + rows], gallery, distance)
        right = labels[at : at + rows, None] == gallery_labels
        if itself:
            own = np.arange(len(found)), np.arange(at, at + len(found))
            found[own], right[own] = np.inf, False
        for row in np.flatnonzero(right.any(axis=1)):
            ranks = _ranks(found[row], right[row], depths[-1])
            first = ranks[ranks <= len(ranks)]
            average_precision = np.sum(np.arange(1, len(first) + 1) / first) / len(ranks)
            yield at + row, np.searchsorted(ranks, depths, side="right"), average_precision


def _distances(queries, gallery, distance):
    """All distances, `(q, m)` float32, equal ones exactly equal: rounding must not decide which comes first."""
    from sklearn.metrics import pairwise_distances

    found = pairwise_distances(queries, gallery, metric=distance)
    if distance == "euclidean":
        found = np.maximum(found, NOISE * np.sqrt(np.sum(queries**2, axis=1, keepdims=True)))
    if distance == "cosine":
        found = np.maximum(found, NOISE**2 / 2)
    return found.astype("float32")


def _ranks(distances, right, depth):
    """At which places of the list the right ones stand, ascending; places beyond all that is asked for are not exact.

    A right one stands behind all wrong ones that are as near as it.
    """
    near, wrong = np.sort(distances[right]), distances[~right]
    wrong = wrong[wrong <= near[-1]]
    depth = max(depth, len(near))
    if len(wrong) > depth:
        wrong = np.partition(wrong, depth - 1)[:depth]
    return np.arange(1, len(near) + 1) + np.searchsorted(np.sort(wrong), near, side="right")


def _intervals(names, values, units, resamples, seed):
    """Percentile bootstrap intervals of the means of the columns of `values`, whole units drawn again."""
    if resamples == 0 or len(values) == 1:
        return {}
    weights = resampled(np.full(len(values), True), units, resamples, check_seed(seed))
    means = [each @ values / each.sum(axis=1, keepdims=True) for each in weights]
    ends = np.percentile(np.concatenate(means), [2.5, 97.5], axis=0).T.tolist()
    return dict(zip(names, map(tuple, ends), strict=True))
