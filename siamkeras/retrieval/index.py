"""The index: embeddings and what is known of them, searched, kept in a file."""

import os
from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels
from siamkeras.retrieval import files
from siamkeras.retrieval.checks import DISTANCES, check_width, checked_texts, checked_threshold
from siamkeras.retrieval.searching import METHODS, points_of

# How many queries, and neighbours of each, are told.
TOLD = 10


class Neighbours(NamedTuple):
    """What a search found for each of q queries, the nearest first.

    Attributes:
        distance: `(q, k)` float32, ascending.
        index: `(q, k)` int64: which of the embeddings it is.
        label: `(q, k)`, its label, or None.
        name: `(q, k)`, its name, or None.
        match: `(q, k)` booleans: whether it is nearer than the threshold, all True without one. So a row begins with
            its matches, and `match[:, 0]` says whether a query has any.
    """

    distance: np.ndarray
    index: np.ndarray
    label: np.ndarray | None
    name: np.ndarray | None
    match: np.ndarray

    def __repr__(self):
        queries = len(self.distance)
        lines = [self._told(query) for query in range(min(queries, TOLD))]
        return "\n".join(lines + ([f"and {queries - TOLD} more"] if queries > TOLD else []))

    def _told(self, query):
        matches = int(self.match[query].sum())
        found = []
        for rank in range(max(1, min(matches, TOLD))):
            known = [str(values[query, rank]) for values in (self.label, self.name) if values is not None]
            found.append(f"{' '.join(known) or f'#{self.index[query, rank]}'} ({self.distance[query, rank]:.3f})")
        if matches > TOLD:
            found.append(f"and {matches - TOLD} more")
        return f"query {query}: {'' if matches else 'no match, the nearest is '}{', '.join(found)}"


class Index:
    """Embeddings, among which the nearest to others are looked for.

    ```python
    index = retrieval.Index(retrieval.embed(tower, train.images), train.labels, threshold=0.4)
    found = index.nearest(retrieval.embed(tower, photo), k=5)  # one image, or many
    plotting.neighbours(photo[None], train.images[found.index], found.distance)
    index.save("index.npz")
    ```

    Args:
        embeddings: `(n, dim)` numbers; kept as float32, without a copy if they are that already.
        labels: `(n,)` integers or strings, the class of each; optional.
        names: `(n,)` strings or paths, such as the file of each; optional.
        distance: `"euclidean"`, `"cosine"` or, with `"exact"` alone, `"manhattan"`, as in `distances`.
        method: `"exact"` compares with every embedding (scikit-learn). `"approximate"` keeps them in lists around
            centres found by k-means, and looks into the few lists nearest to a query (faiss: `pip install
            "siamkeras[faiss]"`). From 100,000 embeddings on that takes a tenth of the time or less. Where embeddings
            are clustered, as those of a trained tower are, it finds more than 95 % of the ten nearest; among random
            directions, where nothing is near to anything, a fifth (`benchmarks/nearest.py`).
        threshold: The distance from which on a neighbour is no match, as `evaluation.verification` gives it; None for
            none.
        centres: Of an approximate index that was made before, `(lists, numbers)`: `load` gives them.

    Raises:
        ValueError: embeddings that are not `(n, dim)`, none, not finite, or as large as 1e15; labels or names of
            another length or kind; an unknown distance or method, or two that do not go together; a threshold that is
            negative or no number.
        ImportError: `method="approximate"` without faiss.

    >>> from siamkeras import retrieval
    >>> index = retrieval.Index([[0, 0], [3, 4], [6, 8]], labels=["a", "b", "b"], threshold=6.0)
    >>> index.nearest([[0, 1], [20, 20]], k=2)
    query 0: a (1.000), b (4.243)
    query 1: no match, the nearest is b (18.439)
    """

    def __init__(
        self,
        embeddings,
        labels=None,
        names=None,
        distance="euclidean",
        method="exact",
        threshold=None,
        *,
        centres=None,
    ):
        self.embeddings = check_embeddings(embeddings)
        self.labels = None if labels is None else check_labels(labels, "labels", count=len(self))
        self.names = None if names is None else check_labels(checked_texts(names), "names", count=len(self))
        self.distance = check_choice("distance", distance, DISTANCES)
        self.method = check_choice("method", method, METHODS)
        self.threshold = checked_threshold(threshold)
        self._search = METHODS[method](points_of(self.embeddings, distance), distance, centres)

    def __len__(self):
        return len(self.embeddings)

    def __repr__(self):
        n, dim = self.embeddings.shape
        told = [f"{n:,} embeddings ({dim} numbers each)", self.distance, self.method]
        told += [] if self.labels is None else [f"{len(np.unique(self.labels)):,} labels"]
        told += [] if self.names is None else ["names"]
        told += [] if self.threshold is None else [f"threshold {self.threshold:g}"]
        return f"Index: {', '.join(told)}"

    def nearest(self, queries, k=5, threshold=None):
        """The k embeddings nearest to each query; of equally far ones any comes first.

        A query that is in the index itself finds itself.

        Args:
            queries: Embeddings `(q, dim)`, or one, `(dim,)`.
            k: How many neighbours, at most as many as there are embeddings.
            threshold: Instead of the index's own.

        Returns:
            `Neighbours`, with arrays `(q, k)`; for one query q = 1.

        Raises:
            ValueError: queries that are not `(q, dim)`, or not finite; k not whole, below 1, or above the number of
                embeddings; a threshold that is negative or no number.
        """
        k = check_integer("k", k, 1, len(self))
        threshold = self.threshold if threshold is None else checked_threshold(threshold)
        queries = np.asarray(queries)
        queries = check_embeddings(queries[None] if queries.ndim == 1 else queries, "queries")
        check_width("queries", queries, self.embeddings.shape[1])
        points = points_of(queries, self.distance)
        distance, index = self._search.nearest(points, k)
        if self.distance == "cosine":  # Between points at distance 1 from the origin, d^2 = 2 - 2 cos.
            distance = np.minimum(np.square(distance) / 2, 2)
            distance[points[:, -1] == 1] = 1
        distance = distance.astype("float32")
        return Neighbours(
            distance=distance,
            index=index,
            label=None if self.labels is None else self.labels[index],
            name=None if self.names is None else self.names[index],
            match=np.full(index.shape, True) if threshold is None else distance < threshold,
        )

    def save(self, path):
        """Writes the index to one file, from which `load` makes one that gives the same answers.

        A `.npz` of numpy without pickle, whatever its name: embeddings, labels, names, settings, and the centres of an
        approximate index. It is written beside `path` and then put in its place, so that an interrupted save leaves
        the old file as it was.
        """
        settings = {name: getattr(self, name) for name in ("distance", "method", "threshold")}
        arrays = {name: getattr(self, name) for name in ("embeddings", "labels", "names")}
        files.write(path, settings, arrays | {"centres": self._search.centres})

    @classmethod
    def load(cls, path):
        """The index that `save` wrote to `path`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, something else, or in the format of another version of siamkeras.
            ImportError: the index is approximate, and faiss is missing.
        """
        settings, arrays = files.read(path)
        try:
            return cls(**arrays, **settings)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Expected an index that `Index.save` has written. Received: {os.fspath(path)!r}, with another "
                f"content: {error}"
            ) from error
