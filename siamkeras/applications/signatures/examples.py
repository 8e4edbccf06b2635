"""Signatures with their writers, genuine or forged."""

from typing import NamedTuple

import numpy as np

from siamkeras.data._images import shorten
from siamkeras.data.examples import Examples


class Signatures(NamedTuple):
    """Genuine signatures and skilled forgeries in memory.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1]; ink is 1, paper 0.
        labels: `(n,)` integers: the writer, for a forgery the imitated writer.
        genuine: `(n,)` booleans: True for a genuine signature, False for a forgery.
        groups: `(n,)` integers: writers connected by a forger. A split by groups has no person's handwriting on both
            sides.
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


def check_signatures(labels, genuine, minimum_genuine=2, minimum_forged=0, names=None):
    """`genuine` as booleans, after a check that there are two writers with enough signatures each."""
    genuine = np.asarray(genuine)
    if genuine.dtype != bool or genuine.shape != labels.shape:
        raise ValueError(
            f"`genuine` must be booleans ({len(labels)},), False for a forgery. "
            f"Received: {genuine.dtype}, shape {genuine.shape}."
        )
    names = {label: label for label in np.unique(labels).tolist()} if names is None else names
    if len(names) < 2:
        raise ValueError(f"At least two writers are required. Received: {list(names.values())}.")
    kinds = (("genuine signatures", genuine, minimum_genuine), ("forgeries", ~genuine, minimum_forged))
    for kind, is_kind, minimum in kinds:
        counts = {name: np.sum(is_kind & (labels == label)) for label, name in names.items()}
        few = [f"{name} ({count})" for name, count in counts.items() if count < minimum]
        if few:
            raise ValueError(f"Every writer needs at least {minimum} {kind}. Received: {shorten(few)}.")
    return genuine
