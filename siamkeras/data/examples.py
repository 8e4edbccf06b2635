"""What a data set is here: images, the class of each, and what the classes belong to."""

from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty


class Examples(NamedTuple):
    """Labelled examples held in memory.

    Attributes:
        images: `(n, height, width, channels)`, float32 in [0, 1]; or `(n,)` file paths, for data that is
            decoded on the way (`generators.pairs(..., load=data.load_image(size))`).
        labels: `(n,)` integer classes.
        groups: `(n,)` integers: what each class belongs to (the alphabet of a character), or None.
        class_names: `{label: name}`.
        group_names: `{group: name}`; empty where there are no groups.
        source: Where the examples come from, in one sentence.
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None
    class_names: dict = {}
    group_names: dict = {}
    source: str = "given by the caller"

    def __repr__(self):
        groups = "" if self.groups is None else f" in {len(np.unique(self.groups))} groups"
        what = "file paths" if self.images.ndim == 1 else "x".join(map(str, self.images.shape[1:]))
        return (
            f"{len(self.images)} images ({what}), {len(np.unique(self.labels))} classes{groups}, source: {self.source}"
        )

    def take(self, chosen):
        """The examples at `chosen` (indices or a boolean mask), with their names and source."""
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        groups = labels if self.groups is None else np.asarray(self.groups)
        if not len(images) == len(labels) == len(groups):
            raise ValueError(
                "Every image needs one label, and one group where there are groups. Received: "
                f"{len(images)} images, {len(labels)} labels, {len(groups)} groups."
            )
        chosen = _places(len(labels), chosen)
        images = _taken(images, chosen) if images.dtype.kind in "fu" else images[chosen]
        groups, labels = None if self.groups is None else groups[chosen], labels[chosen]
        return self._replace(
            images=images,
            labels=labels,
            groups=groups,
            class_names=_kept(self.class_names, labels),
            group_names={} if groups is None else _kept(self.group_names, groups),
        )


def _places(count, chosen):
    chosen = np.asarray(chosen)
    return np.arange(count)[chosen if chosen.size else chosen.astype(int)]  # an empty list would be of floats


def _taken(images, chosen):
    # Aligned, so that `generators` reads them in place.
    return np.take(
        images, chosen, axis=0, out=aligned_empty((len(chosen), *images.shape[1:]), images.dtype), mode="clip"
    )


def _kept(names, values):
    return {value: names[value] for value in np.unique(values).tolist() if value in names}


def split_by_class(examples, test=0.2, seed=0, by="labels"):
    """Two sets of examples with no class in common.

    A network that compares is measured on classes that it has never seen, so the split is over classes, not images.

    Args:
        examples: `Examples` or `Signatures`.
        test: Share of the classes that go to the second set, between 0 and 1; both sets keep at least one class.
        seed: The same seed gives the same split.
        by: `"labels"`: no class is in both. `"groups"`: no group (alphabet, writer) is in both, and so no class.

    Returns:
        `(train, test)`, two `Examples`, in the order in which the examples came.

    Raises:
        ValueError: `test` outside (0, 1); unknown `by`; `by="groups"` without groups; fewer than two classes.
    """
    if isinstance(test, str) or not 0 < test < 1:
        raise ValueError(f"`test` is a share of the classes, between 0 and 1. Received: test={test!r}.")
    units, names = _units(examples, by)
    if len(names) < 2:
        raise ValueError(f"A split needs at least two different {by}. Received: {len(names)}.")
    count = int(np.clip(round(test * len(names)), 1, len(names) - 1))
    held_out = np.random.default_rng(seed).permutation(names)[:count]
    is_test = np.isin(units, held_out)
    return examples.take(~is_test), examples.take(is_test)


def folds_by_class(examples, folds=5, seed=0, by="labels"):
    """Several splits, in which every class is tested once: for sets with few classes.

    Args:
        examples: `Examples` or `Signatures`.
        folds: How many splits, at least 2.
        seed: The same seed gives the same splits.
        by: As for `split_by_class`. Groups are spread so that the splits test about as many classes.

    Returns:
        A list of `(train, test)`, as `split_by_class` gives them.

    Raises:
        ValueError: fewer than two folds; fewer classes (or groups) than folds; unknown `by`; no groups to split by.

    >>> import numpy as np
    >>> from siamkeras.data import Examples, folds_by_class
    >>> letters = Examples(np.zeros((6, 2, 2, 1), "float32"), np.array([7, 7, 3, 3, 5, 5]))
    >>> [sorted(set(test.labels.tolist())) for train, test in folds_by_class(letters, folds=3)]
    [[7], [3], [5]]
    """
    if isinstance(folds, bool) or not isinstance(folds, (int, np.integer)) or folds < 2:
        raise ValueError(f"`folds` must be an integer of at least 2. Received: folds={folds!r}.")
    units, names = _units(examples, by)
    if len(names) < folds:
        raise ValueError(f"{folds} folds need as many different {by}. Received: {len(names)}. Lower `folds`.")
    names = np.random.default_rng(seed).permutation(names)
    sizes = np.array([len(np.unique(np.asarray(examples.labels)[units == name])) for name in names])
    fold_of, filled = {}, np.zeros(folds, int)
    for place in np.argsort(-sizes, kind="stable"):  # the largest first, each to the fold that has least
        fold_of[names[place].item()] = fold = int(filled.argmin())
        filled[fold] += sizes[place]
    fold = np.array([fold_of[unit] for unit in units.tolist()])
    return [(examples.take(fold != number), examples.take(fold == number)) for number in range(folds)]


def _units(examples, by):
    if by not in ("labels", "groups"):
        raise ValueError(f"`by` must be 'labels' or 'groups'. Received: by={by!r}.")
    if getattr(examples, by) is None:
        raise ValueError("These examples have no groups to split by. Use by='labels'.")
    units, labels = np.asarray(getattr(examples, by)), np.asarray(examples.labels)
    if units.ndim != 1 or labels.shape != units.shape:
        raise ValueError(f"`labels` and `{by}` must be (n,). Received: shapes {labels.shape} and {units.shape}.")
    for label in np.unique(labels) if by == "groups" else ():
        several = np.unique(units[labels == label]).tolist()
        if len(several) > 1:
            raise ValueError(
                f"A class must lie within one group. Received: class {label.item()!r} in {several[0]} and {several[1]}."
            )
    return units, np.unique(units)
