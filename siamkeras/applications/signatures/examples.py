"""Signatures with their writers, genuine or forged."""

from typing import NamedTuple

import numpy as np

from siamkeras.data.examples import Examples


class Signatures(NamedTuple):
    """Signatures held in memory, each with the writer whose name it is in.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1], ink 1 on 0.
        labels: `(n,)` integers: the writer in whose name each signature is.
        genuine: `(n,)` booleans: True where that writer wrote it, False for a forgery.
        groups: `(n,)` integers: writers of one group share a hand, such as that of one forger; a split by groups
            therefore keeps every hand on one side.
        class_names: `{label: name of the writer}`.
        group_names: `{group: name}`.
        source: Where the signatures come from, in one sentence.
    """

    images: np.ndarray
    labels: np.ndarray
    genuine: np.ndarray
    groups: np.ndarray
    class_names: dict = {}
    group_names: dict = {}
    source: str = "given by the caller"

    def __repr__(self):
        sides, genuine = "x".join(map(str, self.images.shape[1:])), np.asarray(self.genuine, bool)
        return (
            f"{np.sum(genuine)} genuine signatures and {np.sum(~genuine)} forgeries ({sides}), "
            f"{len(np.unique(self.labels))} writers in {len(np.unique(self.groups))} groups, source: {self.source}"
        )

    def take(self, chosen):
        """The signatures at `chosen` (indices or a boolean mask), with their names and source."""
        chosen = np.arange(len(self.labels))[np.asarray(chosen)]
        taken = Examples(self.images, self.labels, self.groups, self.class_names, self.group_names).take(chosen)
        return Signatures(*taken[:2], np.asarray(self.genuine)[chosen], *taken[2:5], self.source)
