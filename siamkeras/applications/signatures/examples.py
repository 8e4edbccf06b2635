"""Signatures with their writers, genuine or forged."""

from typing import NamedTuple

import numpy as np

from siamkeras.data.examples import Examples


class Signatures(NamedTuple):
    """Genuine signatures and skilled forgeries in memory.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1]; ink is 1, paper 0.
        labels: `(n,)` integers: the writer, for a forgery the imitated writer.
        genuine: `(n,)` booleans: True for a genuine signature, False for a forgery.
        groups: `(n,)` integers: writers of a group are connected by forgers, so that a split by groups has no person's
            handwriting on both sides.
        class_names: `{label: name of the writer}`.
        group_names: `{group: name}`.
        source: The origin of the signatures.
    """

    images: np.ndarray
    labels: np.ndarray
    genuine: np.ndarray
    groups: np.ndarray
    class_names: dict = {}
    group_names: dict = {}
    source: str = "given by the caller"

    def __repr__(self):
        shape, genuine = "x".join(map(str, self.images.shape[1:])), np.asarray(self.genuine, bool)
        return (
            f"{np.sum(genuine)} genuine signatures and {np.sum(~genuine)} forgeries ({shape}), "
            f"{len(np.unique(self.labels))} writers in {len(np.unique(self.groups))} groups, source: {self.source}"
        )

    def take(self, indices):
        """The signatures at `indices` (integers or a boolean mask), with their names and source."""
        indices = np.arange(len(self.labels))[np.asarray(indices)]
        taken = Examples(self.images, self.labels, self.groups, self.class_names, self.group_names).take(indices)
        return self._replace(**taken._asdict() | {"genuine": np.asarray(self.genuine)[indices], "source": self.source})
