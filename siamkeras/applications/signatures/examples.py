"""Signatures with their writers, genuine or forged."""

from typing import NamedTuple

import numpy as np

from siamkeras.data._images import shorten
from siamkeras.data.examples import Examples


class Signatures(NamedTuple):
    """Genuine signatures and skilled forgeries in memory.

    `data.split_by_class(signatures, by="groups")` and `data.folds_by_class` divide them like `data.Examples`.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1]; ink is 1, paper 0.
        labels: `(n,)` integers: the writer, for a forgery the imitated writer.
        genuine: `(n,)` booleans: True for a genuine signature, False for a forgery.
        groups: `(n,)` integers: writers connected by a forger. A split by groups has no person's handwriting on both
            sides.
        class_names: `{label: name of the writer}`.
        group_names: `{group: name}`.
        source: The origin of the signatures.
        authors: `(n,)` integers: the person who wrote the signature; equals the label of a genuine signature. If the
            forgers are not known, the forgeries of each writer count as the work of one person. None if not given.
        shortcuts: `{name: (n,) numbers}`: measurements of the scans that say nothing of the writing but may separate
            forgeries from genuine signatures: "stroke width" and, of scans, "darkest pixel". Empty without `pen_width`.
    """

    images: np.ndarray
    labels: np.ndarray
    genuine: np.ndarray
    groups: np.ndarray
    class_names: dict = {}
    group_names: dict = {}
    source: str = "given by the caller"
    authors: np.ndarray | None = None
    shortcuts: dict = {}

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
        return self._replace(
            **taken._asdict(),
            genuine=np.asarray(self.genuine)[indices],
            authors=None if self.authors is None else np.asarray(self.authors)[indices],
            shortcuts={name: values[indices] for name, values in self.shortcuts.items()},
        )._replace(source=self.source)

    @staticmethod
    def concatenate(parts):
        """The signatures of several sets as one; no writer, group or author is in two sets, whatever their numbers.

        >>> from siamkeras.applications import signatures
        >>> first, second = (signatures.synthetic_signatures(3, 2, 1, (16, 32), seed) for seed in (0, 1))
        >>> signatures.Signatures.concatenate([first, second])
        12 genuine signatures and 6 forgeries (16x32x1), 6 writers in 2 groups, source: ...
        """
        fields, starts = {}, {}
        for name in ("labels", "groups", "authors"):
            columns = [np.asarray(getattr(part, name)) for part in parts]
            starts[name] = np.cumsum([0, *(column.max() + 1 for column in columns[:-1])]).tolist()
            fields[name] = np.concatenate([column + start for column, start in zip(columns, starts[name], strict=True)])
        shortcuts = set.intersection(*(set(part.shortcuts) for part in parts))
        return Signatures(
            images=np.concatenate([part.images for part in parts]),
            genuine=np.concatenate([part.genuine for part in parts]),
            class_names=_shifted([part.class_names for part in parts], starts["labels"]),
            group_names=_shifted([part.group_names for part in parts], starts["groups"]),
            source=" + ".join(dict.fromkeys(part.source for part in parts)),
            shortcuts={name: np.concatenate([part.shortcuts[name] for part in parts]) for name in sorted(shortcuts)},
            **fields,
        )

    def without_authors_of(self, others):
        """The signatures whose authors wrote none of `others`: no handwriting of `others` remains.

        A split by writers is not enough where a forger has imitated several writers.

        >>> import numpy as np
        >>> from siamkeras.applications import signatures
        >>> forger = signatures.synthetic_signatures(writers=3, genuine=2, forged=1, size=(16, 32))  # the same for all
        >>> train, test = forger.take(forger.labels < 2), forger.take(forger.labels == 2)
        >>> train.without_authors_of(test).genuine.tolist()  # both forgeries are gone
        [True, True, True, True]
        """
        if self.authors is None or others.authors is None:
            raise ValueError("Both must have `authors`. Received: None.")
        return self.take(~np.isin(self.authors, others.authors))


def _shifted(names, starts):
    return {value + start: name for part, start in zip(names, starts, strict=True) for value, name in part.items()}


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
