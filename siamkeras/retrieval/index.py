"""An index of embeddings: search, save, load."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels, check_number, check_rows
from siamkeras.retrieval._search import DISTANCES, METHODS

# Version of the file that `Index.save` writes.
FORMAT = 1


class Neighbours(NamedTuple):
    """The result of `Index.nearest`, which documents it."""

    distance: np.ndarray
    index: np.ndarray
    label: np.ndarray | None
    name: np.ndarray | None
    match: np.ndarray

    def __repr__(self):
        queries = len(self.distance)
        lines = [self._line(query) for query in range(min(queries, 10))]
        return "\n".join(lines + ([f"and {queries - 10} more"] if queries > 10 else []))

    def _line(self, query):
        matches = int(self.match[query].sum())
        shown = []
        for rank in range(max(1, matches)):
            known = [str(values[query, rank]) for values in (self.label, self.name) if values is not None]
            shown.append(f"{' '.join(known) or f'#{self.index[query, rank]}'} ({self.distance[query, rank]:.3f})")
        return f"query {query}: {'' if matches else 'no match, the nearest is '}{', '.join(shown)}"


class Index:
    """A gallery of embeddings that can be searched for nearest neighbours.

    Args:
        embeddings: `(n, dim)`; not copied, so do not change the array later.
        labels: `(n,)` integers or strings, optional; `(n, 1)` also works.
        names: `(n,)` strings or paths, such as file names, optional.
        distance: `"euclidean"`, `"cosine"` or, for `method="exact"`, `"manhattan"`.
        method: `"exact"` compares with every embedding. `"approximate"` visits only the most promising k-means cells
            (faiss: `pip install "siamkeras[faiss]"`), copies the embeddings, and misses some neighbours: `recall`
            measures how many it finds. At 100,000 embeddings it finds more than 95 % of the ten nearest if they are
            clustered like those of a trained tower, but only about 20 % for random directions
            (`benchmarks/nearest.py`).
        threshold: A neighbour is a match if its distance is below this; see `evaluation.verification`. None: all are.

    >>> from siamkeras import retrieval
    >>> index = retrieval.Index([[0, 0], [3, 4], [6, 8]], labels=["a", "b", "b"], threshold=6.0)
    >>> index.nearest([[0, 1], [20, 20]], k=2)
    query 0: a (1.000), b (4.243)
    query 1: no match, the nearest is b (18.439)
    """

    def __init__(
        self, embeddings, labels=None, names=None, distance="euclidean", method="exact", threshold=None, _centroids=None
    ):
        self.distance = check_choice("distance", distance, DISTANCES)
        self.method = check_choice("method", method, METHODS)
        self.threshold = None if threshold is None else check_number("threshold", threshold, minimum=0)
        self._set(embeddings, labels, names, _centroids)

    def _set(self, embeddings, labels, names, centroids):
        embeddings = check_embeddings(embeddings)
        labels = None if labels is None else check_labels(labels, "labels", len(embeddings))
        names = None if names is None else check_labels(list(map(os.fspath, names)), "names", len(embeddings))
        self._search = METHODS[self.method](embeddings, self.distance, centroids)
        self.embeddings, self.labels, self.names = embeddings, labels, names

    def __len__(self):
        return len(self.embeddings)

    def __repr__(self):
        n, dim = self.embeddings.shape
        labels = "" if self.labels is None else f", {len(np.unique(self.labels)):,} labels"
        return f"Index: {n:,} embeddings of dimension {dim}, {self.distance}, {self.method}{labels}"

    def add(self, embeddings, labels=None, names=None):
        """Appends embeddings `(m, dim)` and, if the index has them, labels and names `(m,)`.

        Each call rebuilds the search, so add many at once. An approximate index keeps its k-means cells; create a new
        one when it has become several times as large.
        """
        embeddings = check_embeddings(embeddings, dim=self.embeddings.shape[1])
        names = None if names is None else list(map(os.fspath, names))
        labels = _joined("labels", self.labels, labels, len(embeddings))
        names = _joined("names", self.names, names, len(embeddings))
        self._set(np.concatenate([self.embeddings, embeddings]), labels, names, self._search.centroids)

    def remove(self, positions):
        """Removes embeddings with their labels and names; at least one must remain.

        Args:
            positions: Positions in the index, or booleans `(n,)` such as `index.labels == "b"`. Later embeddings move
                up, so positions from an earlier search are no longer valid.

        >>> from siamkeras import retrieval
        >>> index = retrieval.Index([[0.0], [1.0], [2.0]], labels=["a", "b", "c"])
        >>> index.remove(index.labels == "b")
        >>> index.add([[1.5]], labels=["d"])
        >>> index.labels.tolist()
        ['a', 'c', 'd']
        """
        contents = (self.embeddings, self.labels, self.names)
        rest = (None if values is None else np.delete(values, positions, axis=0) for values in contents)
        self._set(*rest, self._search.centroids)

    def nearest(self, queries, k=5, threshold=None, exclude=None):
        """Finds the k nearest embeddings of each query. The order of equal distances is arbitrary.

        Args:
            queries: Embeddings `(q, dim)`, or one, `(dim,)`.
            k: Number of neighbours, at most `len(index)`, or one less with `exclude`.
            threshold: Replaces the threshold of the index.
            exclude: Position of each query in the index, `(q,)`, to leave the query out of its own neighbours:
                `index.nearest(index.embeddings, exclude=np.arange(len(index)))`.

        Returns:
            `Neighbours`, a named tuple of arrays `(q, k)`, nearest first:

            - `distance`: float32, ascending.
            - `index`: Positions in the index.
            - `label`, `name`: Labels and names, or None.
            - `match`: `distance < threshold`; all True without a threshold.
        """
        if exclude is not None and len(self) == 1:
            raise ValueError("`exclude` needs an index of at least two embeddings. Received: an index of one.")
        k = check_integer("k", k, 1, len(self) - (exclude is not None))
        threshold = self.threshold if threshold is None else check_number("threshold", threshold, minimum=0)
        queries = np.asarray(queries)
        queries = queries[None] if queries.ndim == 1 else queries
        queries = check_embeddings(queries, "queries", self.embeddings.shape[1])
        distance, index = self._search.nearest(queries, k + (exclude is not None))
        if exclude is not None:
            keep = index != check_rows("exclude", exclude, len(queries), len(self))[:, None]
            keep[keep.all(axis=1), -1] = False  # the excluded position is not among the k + 1 nearest
            distance, index = distance[keep].reshape(-1, k), index[keep].reshape(-1, k)
        distance = distance.astype("float32")
        return Neighbours(
            distance=distance,
            index=index,
            label=None if self.labels is None else self.labels[index],
            name=None if self.names is None else self.names[index],
            match=np.full(index.shape, True) if threshold is None else distance.astype("float64") < threshold,
        )

    def within(self, queries, threshold=None, exclude=None):
        """Finds all embeddings at `distance < threshold` from each query. An approximate search can miss some.

        Args:
            queries, exclude: As for `nearest`.
            threshold: Replaces the threshold of the index; required if the index has none.

        Returns:
            `Neighbours` as from `nearest`, k being the largest number of matches of a query; `match` marks them.

        >>> from siamkeras import retrieval
        >>> index = retrieval.Index([[0.0], [1.0], [2.5]], threshold=2.0)
        >>> found = index.within(index.embeddings, exclude=[0, 1, 2])
        >>> [near[match].tolist() for near, match in zip(found.index, found.match)]
        [[1], [0, 2], [1]]
        """
        threshold = check_number("threshold", self.threshold if threshold is None else threshold, minimum=0)
        k, largest = 32, len(self) - (exclude is not None)
        while True:
            k = min(k, largest)
            found = self.nearest(queries, k, threshold, exclude)
            if k == largest or not found.match[:, -1].any():
                break
            k *= 8
        k = max(1, found.match.sum(axis=1).max())
        return Neighbours(*(None if values is None else values[:, :k] for values in found))

    def recall(self, queries, k=10):
        """Measures the fraction of the k nearest embeddings of each query that `nearest` finds; 1 for exact search.

        A hundred queries of the kind that you will search are enough. If the recall is too low, use `method="exact"`.

        Args:
            queries: `(q, dim)`, not those in the index, for which each finds itself.
            k: Number of neighbours.

        >>> import numpy as np
        >>> from siamkeras import retrieval
        >>> index = retrieval.Index(np.random.default_rng(0).random((500, 8)))
        >>> index.recall(np.random.default_rng(1).random((100, 8)))
        1.0
        """
        exact = Index(self.embeddings, distance=self.distance).nearest(queries, k).index
        found = self.nearest(queries, k).index
        return float(np.mean([np.isin(*both).mean() for both in zip(exact, found, strict=True)]))

    def save(self, path):
        """Writes the index to one file (`.npz`, under any name), which `load` reads.

        An existing file, or the target of a symbolic link, is replaced only when the new one is complete.
        """
        from siamkeras.data._sources import unfinished_folder

        settings = {name: getattr(self, name) for name in ("distance", "method", "threshold")}
        arrays = {name: getattr(self, name) for name in ("embeddings", "labels", "names")}
        arrays |= {"_centroids": self._search.centroids, "settings": json.dumps({"format": FORMAT} | settings)}
        path = Path(os.path.realpath(path))
        with unfinished_folder(path.parent) as folder:
            with open(folder / path.name, "wb") as file:
                np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
            os.replace(folder / path.name, path)

    @classmethod
    def load(cls, path):
        """Reads an index that `save` wrote."""
        try:
            # np.load verifies the checksum of each array; a file object is closed also after an error.
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as content:
                if sum(member.file_size for member in content.zip.infolist()) > os.path.getsize(path):
                    raise ValueError("its arrays are larger than the file, but `Index.save` does not compress")
                arrays = {name: content[name] for name in content.files}
            settings = json.loads(arrays.pop("settings").item())
            if settings.pop("format") != FORMAT:
                raise ValueError(f"it is not of format {FORMAT}, which this version of siamkeras reads")
            return cls(**arrays, **settings)
        except (FileNotFoundError, IsADirectoryError, PermissionError, ImportError):
            raise
        except Exception as error:  # zipfile, NumPy and json report damage with many types
            raise ValueError(
                f"Expected an undamaged file written by `Index.save`. Received: {os.fspath(path)!r}: {error}"
            ) from error


def _joined(name, old, new, count):
    """The labels or names of an index and those of `count` new embeddings; None for an index without them."""
    if (old is None) != (new is None):
        raise ValueError(f"`{name}` must be given if the index has {name}, and only then. Received: {name}={new!r}.")
    if old is None:
        return None
    new = check_labels(new, name, count)
    if old.dtype.kind.replace("u", "i") != new.dtype.kind.replace("u", "i"):  # NumPy would convert one of them
        raise ValueError(f"`{name}` must be of the kind of the index, {old.dtype}. Received: {new.dtype}.")
    return np.concatenate([old, new])
