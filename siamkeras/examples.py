"""What a data set is here: images, the class of each, and what the classes belong to."""

import os
from typing import NamedTuple

import numpy as np


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


class SentencePairs(NamedTuple):
    """Pairs of sentences, and how alike the two of each are in meaning.

    Attributes:
        left: `(n,)` strings.
        right: `(n,)` strings; `right[i]` goes with `left[i]`.
        same: `(n,)` float32 in [0, 1]: 1 = they mean the same, 0 = they have nothing to do with each other.
        source: Where the pairs come from, in one sentence.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    source: str = "given by the caller"

    def __repr__(self):
        return f"{len(self.same):,} pairs of sentences, mean same {np.mean(self.same):.2f}, source: {self.source}"

    @property
    def sentences(self):
        """All sentences, `(2 n,)`: first those on the left, then those on the right."""
        return np.concatenate([self.left, self.right])


def checked_sentences(sentences, name="sentences"):
    """`sentences` as an array of strings, `(n,)`, each of its own length: one long one does not widen the others.

    Raises:
        ValueError: not strings, or not one-dimensional; none; an empty one, or one of blanks.
    """
    # As objects: numpy would make strings of all that stands beside one, NaN too.
    found = np.asarray(sentences, object) if isinstance(sentences, (list, tuple)) else np.asarray(sentences)
    strings = found.dtype.kind in "US" or (
        found.dtype.kind in "OT" and all(isinstance(each, (str, bytes)) for each in found.flat)
    )
    if found.ndim != 1 or not found.size or not strings:
        other = [np.asarray(each).dtype for each in found.flat if not isinstance(each, (str, bytes))]
        raise ValueError(
            f"`{name}` must be sentences, (n,) strings, at least one. Received: {other[0] if other else found.dtype}, "
            f"shape {found.shape}."
        )
    found = np.array([_decoded(each, place, name) for place, each in enumerate(found.tolist())], object)
    empty = [place for place, each in enumerate(found) if not each.strip()]
    if empty:
        raise ValueError(
            f"Every sentence needs at least one word. Received: {found[empty[0]]!r} at position {empty[0]} of "
            f"`{name}`, {len(empty)} such in all. Leave these pairs out."
        )
    return found


def _decoded(sentence, place, name):
    try:
        return sentence.decode() if isinstance(sentence, bytes) else str(sentence)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Sentences are strings, or bytes in UTF-8. Received: {sentence!r} at position {place} of `{name}`."
        ) from error


def checked_text(text, name="sentences"):
    """`text` as an array of strings, `(n,)`, or of numbers of words or characters, `(n, length)` int32.

    Raises:
        ValueError: as `checked_sentences`; numbers of another shape, or below 0.
    """
    found = np.asarray(text)
    if found.dtype.kind not in "iu":
        return checked_sentences(text, name)
    if found.ndim != 2 or not found.size or found.min() < 0 or found.max() >= 2**31:
        raise ValueError(
            f"Numbers of words are (n, length), whole and at least 0. Received: `{name}` of shape {found.shape}."
        )
    return np.ascontiguousarray(found, "int32")


def check_kind(found, wanted, name):
    """`ValueError` where an array of strings comes to an input of numbers, or numbers to an input of strings.

    Args:
        found: The array.
        wanted: The dtype of the input, such as "string" or "int32".
        name: What the array is called in the message.
    """
    if (wanted == "string") != (found.dtype.kind in "OSU"):
        takes = "strings" if wanted == "string" else f"numbers ({wanted})"
        came = "strings" if found.dtype.kind in "OSU" else f"numbers ({found.dtype})"
        raise ValueError(f"The model takes {takes}. Received: {came} in `{name}`.")


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
        chosen = _places(len(self.labels), chosen)
        taken = Examples(self.images, self.labels, self.groups, self.class_names, self.group_names).take(chosen)
        return Signatures(*taken[:2], np.asarray(self.genuine)[chosen], *taken[2:5], self.source)


def _places(count, chosen):
    chosen = np.asarray(chosen)
    return np.arange(count)[chosen if chosen.size else chosen.astype(int)]  # an empty list would be of floats


def _taken(images, chosen):
    # Aligned, so that `generators` reads them in place.
    return np.take(images, chosen, axis=0, out=aligned((len(chosen), *images.shape[1:]), images.dtype), mode="clip")


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


def checked_images(images, load=None, name="images"):
    """`images` as an array of float32 or uint8, or of file paths.

    Raises:
        ValueError: empty, not finite, neither float nor uint8; paths without `load`, or `load` without paths.
        FileNotFoundError: a path at which there is no file.
    """
    images = np.asarray(images)
    if images.ndim == 0:
        raise ValueError(
            f"`{name}` must be an array (n, height, width, channels), or (n,) file paths. Received: {images}."
        )
    if images.size == 0:
        raise ValueError(f"`{name}` is empty: expected (n, height, width, channels). Received: shape {images.shape}.")
    if images.dtype.kind in "USO" and all(isinstance(path, (str, bytes, os.PathLike)) for path in images.flat):
        return _checked_paths(images, load, name)
    if load is not None:
        raise ValueError(f"`load` reads file paths, but `{name}` holds {images.dtype} already. Leave `load` out.")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(
            f"`{name}` must be float32 in [0, 1], or uint8 from 0 to 255. Received: {images.dtype}. "
            'If the numbers are bytes: `images.astype("uint8")`.'
        )
    if images.dtype.kind == "f":
        images = images.astype("float32", copy=False)
        for at in range(0, len(images), 1024):  # In blocks: the answer for all at once would be a second array.
            finite = np.isfinite(images[at : at + 1024]).reshape(len(images[at : at + 1024]), -1).all(axis=1)
            if not finite.all():
                raise ValueError(f"`{name}` must be finite. Received: NaN or infinity in image {at + finite.argmin()}.")
    return images


def _checked_paths(paths, load, name):
    if paths.ndim != 1:
        raise ValueError(f"File paths must be one-dimensional, (n,). Received: shape {paths.shape} in `{name}`.")
    if load is None:
        raise ValueError(
            f"`{name}` holds file paths: say how to read them, with `load=data.load_image(size=(96, 96))`. "
            f"Received: {os.fsdecode(paths[0])!r}."
        )
    paths = [os.fsdecode(path) for path in paths]
    for path in paths:
        if "://" not in path and not os.path.isfile(path):
            raise FileNotFoundError(f"There is no file at {path!r}, which is named in `{name}`.")
    return np.array(paths)


def aligned(shape, dtype):
    """An empty array at an address which TensorFlow can use without a copy."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)
