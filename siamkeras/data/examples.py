"""Labelled examples in memory, and their division by class."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_choice, check_integer, check_labels, check_number, check_seed


class Examples(NamedTuple):
    """Labelled examples in memory.

    Attributes:
        images: `(n, height, width, channels)`, float32 in [0, 1]; or `(n,)` file paths, which a generator decodes
            with `load=data.load_image(size)`.
        labels: `(n,)` integer classes.
        groups: `(n,)` integers: a superordinate class, such as the alphabet of a character; or None.
        class_names: `{label: name}`.
        group_names: `{group: name}`; empty without groups.
        source: A description of the origin of the data.
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None
    class_names: dict = {}
    group_names: dict = {}
    source: str = "given by the caller"

    def __repr__(self):
        groups = "" if self.groups is None else f" in {len(np.unique(self.groups))} groups"
        kind = "file paths" if self.images.ndim == 1 else "x".join(map(str, self.images.shape[1:]))
        return (
            f"{len(self.images)} images ({kind}), {len(np.unique(self.labels))} classes{groups}, source: {self.source}"
        )

    def __add__(self, other):
        raise TypeError("Examples cannot be added: `+` would join the lists of fields. Use `data.concat_examples`.")

    def take(self, indices):
        """The examples at `indices`, integers or a boolean mask, as `Examples`."""
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        groups = labels if self.groups is None else np.asarray(self.groups)
        if not len(images) == len(labels) == len(groups):
            raise ValueError(
                "Every image needs one label, and one group if there are groups. Received: "
                f"{len(images)} images, {len(labels)} labels, {len(groups)} groups."
            )
        indices = np.asarray(indices)
        indices = np.arange(len(labels))[indices if indices.size else indices.astype(int)]  # [] is an array of floats
        labels, groups = labels[indices], None if self.groups is None else groups[indices]
        return self._replace(
            images=_take_aligned(images, indices),
            labels=labels,
            groups=groups,
            class_names=_names_of(labels, self.class_names),
            group_names={} if groups is None else _names_of(groups, self.group_names),
        )


def _take_aligned(images, indices):
    if images.dtype.kind not in "fu":
        return images[indices]
    # Aligned memory, which TensorFlow reads without a copy; mode="clip" because "raise" would use a buffer.
    out = aligned_empty((len(indices), *images.shape[1:]), images.dtype)
    return np.take(images, indices, axis=0, out=out, mode="clip")


def _names_of(values, names):
    return {value: names[value] for value in np.unique(values).tolist() if value in names}


def concat_examples(*parts):
    """Concatenates `Examples` with images of the same shape and dtype; classes with the same name are merged.

    Labels are unchanged if they do not conflict; otherwise classes are numbered from 0 in the order of the parts. A
    label in several parts needs a name in each, and a name must be unique within a part. The same applies to groups,
    which are dropped unless all parts have them.

    >>> import numpy as np
    >>> from siamkeras import data
    >>> images = np.zeros((2, 8, 8, 1), "float32")
    >>> mine = data.Examples(images, np.array([0, 1]), class_names={0: "cup", 1: "fork"})
    >>> yours = data.Examples(images, np.array([0, 1]), class_names={0: "fork", 1: "pan"})
    >>> both = data.concat_examples(mine, yours)
    >>> both.labels.tolist(), both.class_names
    ([0, 1, 1, 2], {0: 'cup', 1: 'fork', 2: 'pan'})
    """
    if not parts or any(type(part) is not Examples for part in parts):  # Signatures would lose what is a forgery
        received = ", ".join(type(part).__name__ for part in parts) or "nothing"
        raise ValueError(f"Pass `Examples`: `concat_examples(first, second)`. Received: {received}.")
    images = [np.asarray(part.images) for part in parts]
    kinds = {f"{array.dtype} {array.shape[1:]}" if array.ndim > 1 else "file paths" for array in images}
    if len(kinds) != 1:
        raise ValueError(f"All parts must have images of the same shape and dtype. Received: {sorted(kinds)}.")
    counts = [len(array) for array in images]
    labels, class_names = _merge(
        "labels", counts, *zip(*((part.labels, part.class_names) for part in parts), strict=True)
    )
    groups, group_names = None, {}
    if all(part.groups is not None for part in parts):
        both = zip(*((part.groups, part.group_names) for part in parts), strict=True)
        groups, group_names = _merge("groups", counts, *both)
    source = " + ".join(dict.fromkeys(part.source for part in parts))
    return Examples(np.concatenate(images), labels, groups, class_names, group_names, source)


def _merge(field, lengths, columns, names):
    """The labels or groups of all parts as one array, equal where their names are equal, and their names."""
    columns = [check_labels(column, field, length) for column, length in zip(columns, lengths, strict=True)]
    values = [np.unique(column).tolist() for column in columns]
    counts = Counter(value for part in values for value in part)
    keys = [{v: str(known[v]) if v in known else v for v in part} for part, known in zip(values, names, strict=True)]
    unclear = [v for part, known in zip(values, names, strict=True) for v in part if v not in known and counts[v] > 1]
    repeated = [name for key in keys for name, count in Counter(key.values()).items() if count > 1]
    if unclear or repeated:
        raise ValueError(
            f"Equal {field} of several parts need a name in each, and a name must be unique within a part. Received: "
            f"{(unclear or repeated)[:5]}. Set the names, or change the {field}: `part._replace({field}=...)`."
        )
    pairs = list(dict.fromkeys((name, value) for key in keys for value, name in key.items()))
    new = dict(pairs)
    is_one_kind = len(set(map(type, new.values()))) == 1 and np.array(list(new.values())).dtype.kind in "biuUS"
    if not is_one_kind or not len(new) == len(pairs) == len(set(new.values())):
        new = {name: number for number, name in enumerate(new)}
    merged = [new[key[value]] for key, column in zip(keys, columns, strict=True) for value in column.tolist()]
    return np.array(merged), {number: name for name, number in new.items() if isinstance(name, str)}


def split_by_class(examples, test=0.2, seed=0, by="labels"):
    """Splits examples into two sets without a common class, to measure generalisation to new classes.

    Args:
        examples: `Examples`.
        test: Fraction of the classes in the second set, between 0 and 1. Both sets contain at least one class.
        seed: Random seed.
        by: `"labels"`: no class is in both sets. `"groups"`: no group is in both sets.

    Returns:
        `(train, test)`, two `Examples` in the original order, with the original labels; see `models.classifier`.

    Raises:
        ValueError: fewer than two classes or groups; a class in more than one group.
    """
    check_number("test", test, above=0, below=1)
    keys, unique = _split_keys(examples, by, minimum=2)
    count = int(np.clip(round(test * len(unique)), 1, len(unique) - 1))
    is_test = np.isin(keys, check_seed(seed).permutation(unique)[:count])
    return examples.take(~is_test), examples.take(is_test)


def folds_by_class(examples, folds=5, seed=0, by="labels"):
    """Cross-validation splits by class: each class is in exactly one test set.

    Args:
        examples, seed, by: As for `split_by_class`. With groups, the test sets have similar numbers of classes.
        folds: Number of splits, at least 2.

    Returns:
        A list of `(train, test)`, pairs of `Examples`.
    """
    keys, unique = _split_keys(examples, by, minimum=check_integer("folds", folds, 2))
    labels = np.asarray(examples.labels)
    unique = check_seed(seed).permutation(unique)
    class_counts = np.array([len(np.unique(labels[keys == key])) for key in unique])
    fold_of, fold_sizes = np.empty(len(keys), int), np.zeros(folds, int)
    for index in np.argsort(-class_counts, kind="stable"):  # the largest group first, to the smallest fold
        fold = fold_sizes.argmin()
        fold_of[keys == unique[index]] = fold
        fold_sizes[fold] += class_counts[index]
    return [(examples.take(fold_of != fold), examples.take(fold_of == fold)) for fold in range(folds)]


def _split_keys(examples, by, minimum):
    """The label or group of each example, and the different ones: at least `minimum`."""
    check_choice("by", by, ("labels", "groups"))
    if getattr(examples, by) is None:
        raise ValueError("These examples have no groups. Use by='labels'.")
    labels = check_labels(examples.labels)
    keys = check_labels(getattr(examples, by), by, count=len(labels))
    for label in np.unique(labels):
        groups = np.unique(keys[labels == label]).tolist()
        if len(groups) > 1:  # impossible by labels
            raise ValueError(
                f"Each class must belong to one group. Received: class {label.item()!r} in groups {groups[:5]}."
            )
    unique = np.unique(keys)
    if len(unique) < minimum:
        raise ValueError(f"A split into {minimum} sets needs {minimum} different {by}. Received: {len(unique)}.")
    return keys, unique
