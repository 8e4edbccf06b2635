"""What a set of scans is here: slices, which structure every pixel belongs to, and whose scan each slice is of."""

from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Slices:
    """Slices of scans in memory, every pixel with the structure that it belongs to.

    A structure, the hippocampus' anterior part say, is what a class is elsewhere; a subject is whose scan it is.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1].
        masks: `(n, height, width)` integers: the structure of each pixel, 0 where there is none.
        subjects: `(n,)` integers: whose scan each slice is of.
        positions: `(n,)` float32: where in its scan each slice lies, from 0, the first, to 1, the last.
        names: `{structure: name}`: every structure that `masks` may hold.
        subject_names: `{subject: name}`; may be empty.
        source: Where the slices come from, in one sentence.

    Raises:
        ValueError: images that are not float in [0, 1] of one channel; masks of another shape, not of integers, or with
            structures that `names` lacks; another number of subjects or positions than of slices; names of subjects
            that are no dict.

    >>> import numpy as np
    >>> masks = np.array([[[0, 2], [0, 0]], [[2, 2], [1, 0]]])
    >>> few = Slices(np.zeros((2, 2, 2, 1), "float32"), masks, [7, 7], [0.0, 1.0], {1: "anterior", 2: "posterior"})
    >>> few
    2 slices (2x2), 1 subject, 2 structures, source: given by the caller
    >>> few.showing(2, least=2).tolist()
    [False, True]
    """

    images: np.ndarray
    masks: np.ndarray
    subjects: np.ndarray
    positions: np.ndarray
    names: dict
    subject_names: dict = field(default_factory=dict)
    source: str = "given by the caller"

    def __post_init__(self):
        images, masks = np.asarray(self.images), np.asarray(self.masks)
        if images.ndim != 4 or images.shape[-1] != 1 or not images.size or images.dtype.kind != "f":
            raise ValueError(
                "`images` must be float32 in [0, 1], (n, height, width, 1), at least one. Received: "
                f"{images.dtype}, shape {images.shape}."
            )
        images = images.astype("float32", copy=False)
        low, high = images.min(), images.max()
        if not (low >= 0 and high <= 1):  # NaN is not
            raise ValueError(f"`images` must lie in [0, 1]. Received: values from {low:.4g} to {high:.4g}.")
        if masks.shape != images.shape[:3] or masks.dtype.kind not in "iu":
            raise ValueError(
                f"`masks` must be integers, one for each pixel, {images.shape[:3]}. Received: {masks.dtype}, shape "
                f"{masks.shape}."
            )
        check_structures(self.names)
        unknown = sorted(set(np.unique(masks).tolist()) - {0, *self.names})
        if unknown:
            raise ValueError(
                f"`masks` may hold 0 and the structures {sorted(self.names)}. Received: {unknown[:5]} as well."
            )
        if not isinstance(self.subject_names, dict):
            raise ValueError(f"`subject_names` must be {{subject: name}}. Received: {self.subject_names!r}.")
        subjects, positions = np.asarray(self.subjects), np.asarray(self.positions, "float32")
        for name, values in (("subjects", subjects), ("positions", positions)):
            if values.shape != (len(images),):
                raise ValueError(
                    f"Every slice needs one of `{name}`, ({len(images)},). Received: shape {values.shape}."
                )
        if subjects.dtype.kind not in "iu":
            raise ValueError(f"`subjects` must be integers. Received: {subjects.dtype}.")
        if not ((positions >= 0) & (positions <= 1)).all():
            raise ValueError(f"`positions` must lie in [0, 1]. Received: {positions.min()} to {positions.max()}.")
        for name, value in (("images", images), ("masks", masks), ("subjects", subjects), ("positions", positions)):
            object.__setattr__(self, name, value)  # as arrays, whatever came

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        size, subjects = "x".join(map(str, self.images.shape[1:3])), len(np.unique(self.subjects))
        return (
            f"{_counted(len(self), 'slice')} ({size}), {_counted(subjects, 'subject')}, "
            f"{_counted(len(self.names), 'structure')}, source: {self.source}"
        )

    def replace(self, **changed):
        """The same slices with other values of some attributes."""
        return replace(self, **changed)

    def take(self, chosen):
        """The slices at `chosen` (indices or a boolean mask, `(k,)`), with their names and source; at least one."""
        chosen = np.asarray(chosen)
        if chosen.ndim != 1:
            raise ValueError(f"Slices are taken by a list of indices, (k,). Received: shape {chosen.shape}.")
        chosen = np.arange(len(self))[chosen if chosen.size else chosen.astype(int)]  # an empty list would be of floats
        if not len(chosen):
            raise ValueError(f"At least one slice must be taken. Received: none of {len(self)}.")
        subjects = self.subjects[chosen]
        kept = np.unique(subjects).tolist()
        return replace(
            self,
            images=self.images[chosen],
            masks=self.masks[chosen],
            subjects=subjects,
            positions=self.positions[chosen],
            subject_names={subject: self.subject_names[subject] for subject in kept if subject in self.subject_names},
        )

    def of(self, subjects):
        """The slices of one subject, or of several: an integer, or a list of them.

        Raises:
            ValueError: a subject of whom there is no slice.
        """
        asked = np.atleast_1d(np.asarray(subjects))
        absent = np.setdiff1d(asked, self.subjects)
        if absent.size or not asked.size:
            raise ValueError(
                f"There are slices of {len(np.unique(self.subjects))} subjects. Received: {asked[:5].tolist()}"
                + (f", of whom {absent[0]} is none." if absent.size else ".")
            )
        return self.take(np.isin(self.subjects, asked))

    def mask(self, structure):
        """Where one structure is, `(n, height, width)` booleans.

        Raises:
            ValueError: a structure that `names` lacks.
        """
        if not _is_structure(structure) or structure not in self.names:
            told = ", ".join(f"{number} ({name})" for number, name in self.names.items())
            raise ValueError(f"The structures are {told}. Received: {structure!r}.")
        return self.masks == structure

    def showing(self, structure, least=1):
        """Which slices show a structure in at least so many pixels, `(n,)` booleans."""
        return self.mask(structure).sum(axis=(1, 2)) >= least


def split_by_subject(slices, test=0.2, seed=0):
    """Two sets of slices with no subject in common.

    Slices of one scan are nearly alike, so a split over slices would test on what was learned by heart.

    Args:
        slices: `Slices`.
        test: Share of the subjects that go to the second set, between 0 and 1; both keep at least one.
        seed: The same seed gives the same split.

    Returns:
        `(train, test)`, two `Slices`, in the order in which the slices came.

    Raises:
        ValueError: `test` outside (0, 1); fewer than two subjects.
    """
    if not isinstance(test, (float, np.floating)) or not 0 < test < 1:
        raise ValueError(f"`test` is a share of the subjects, between 0 and 1. Received: test={test!r}.")
    subjects = np.unique(slices.subjects)
    if len(subjects) < 2:
        raise ValueError(f"A split needs at least two subjects. Received: {len(subjects)}.")
    count = int(np.clip(round(test * len(subjects)), 1, len(subjects) - 1))
    is_test = np.isin(slices.subjects, np.random.default_rng(seed).permutation(subjects)[:count])
    return slices.take(~is_test), slices.take(is_test)


def check_structures(names):
    """Raises `ValueError` where `names` is not `{structure: name}`."""
    if not isinstance(names, dict) or not names or not all(_is_structure(key) for key in names):
        raise ValueError(f"`names` must be {{structure: name}}, structures integers from 1 on. Received: {names!r}.")


def _is_structure(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0


def _counted(count, word):
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def joined(*parts):
    """Several sets as one, of structures and subjects that have nothing to do with each other.

    Args:
        *parts: `Slices` of one size.

    Returns:
        `Slices`: those of the first, then those of the second and so on. Structures are numbered from 1 on and
        subjects from 0 on, in that order; the names of both say which part they are of.

    Raises:
        ValueError: none, what are no slices, or slices of different size.

    >>> from siamkeras.applications.segmentation import synthetic
    >>> bodies = [synthetic.phantoms(subjects=2, structures=3, size=16, slices=1, seed=seed) for seed in (1, 2)]
    >>> both = joined(*bodies)
    >>> len(both), sorted(both.names), both.subjects.tolist()
    (4, [1, 2, 3, 4, 5, 6], [0, 1, 2, 3])
    """
    other = next((type(part).__name__ for part in parts if not isinstance(part, Slices)), None)
    if other is not None:
        raise ValueError(f"Sets to be joined are `Slices`, joined(one, another). Received: {other}.")
    sizes = [part.images.shape[1:] for part in parts]
    if len(set(sizes)) != 1:
        raise ValueError(f"Sets to be joined are of one size, at least one set. Received: {sizes}.")
    masks, subjects, names, subject_names = [], [], {}, {}
    for number, part in enumerate(parts, start=1):
        new = {structure: len(names) + place for place, structure in enumerate(part.names, start=1)}
        table = np.zeros(max(part.names) + 1, "int32")
        table[list(new)] = list(new.values())
        names |= {new[structure]: f"{name}, part {number}" for structure, name in part.names.items()}
        masks.append(table[part.masks])
        old, found = np.unique(part.subjects, return_inverse=True)
        first = subjects[-1].max() + 1 if subjects else 0
        subjects.append(found.reshape(-1) + first)
        subject_names |= {
            int(first) + place: f"{part.subject_names[subject]}, part {number}"
            for place, subject in enumerate(old.tolist())
            if subject in part.subject_names
        }
    return Slices(
        images=np.concatenate([part.images for part in parts]),
        masks=np.concatenate(masks),
        subjects=np.concatenate(subjects),
        positions=np.concatenate([part.positions for part in parts]),
        names=names,
        subject_names=subject_names,
        source=f"{len(parts)} sets: {parts[0].source} and others" if len(parts) > 1 else parts[0].source,
    )
