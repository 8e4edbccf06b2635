"""Labelled slices of scans in memory, and their split by subject."""

from dataclasses import dataclass, replace

import numpy as np

from siamkeras._validation import check_labels, check_number, check_seed, plain


@dataclass(frozen=True, eq=False, repr=False)
class Slices:
    """Slices of scans with the structure of every pixel.

    Attributes:
        images: `(n, height, width, 1)`, float32 in [0, 1].
        masks: `(n, height, width)` integers: the structure of each pixel, 0 for background.
        subjects: `(n,)` integers or strings: the subject of each slice.
        positions: `(n,)` float32: relative position of each slice in its scan, from 0 (first) to 1 (last).
        names: `{structure: name}` for every structure that `masks` may contain, integers from 1.
        source: Origin of the slices, one sentence.
        spacing: `(n, 3)` float32: distances in mm between slices, rows and columns; also three numbers for all slices.
            None if unknown.

    >>> import numpy as np
    >>> masks = np.array([[[0, 2], [0, 0]], [[2, 2], [1, 0]]])
    >>> few = Slices(np.zeros((2, 2, 2, 1), "float32"), masks, [7, 7], [0.0, 1.0], {1: "anterior", 2: "posterior"})
    >>> few.showing(2, min_pixels=2).tolist()
    [False, True]
    """

    images: np.ndarray
    masks: np.ndarray
    subjects: np.ndarray
    positions: np.ndarray
    names: dict
    source: str = "user"
    spacing: np.ndarray | None = None

    def __post_init__(self):
        images, masks = np.asarray(self.images), np.asarray(self.masks)
        is_image, is_mask = images.dtype.kind == "f" and images.size, masks.dtype.kind in "iu"
        if not is_image or not is_mask or images.shape != (*masks.shape, 1) or masks.ndim != 3:
            raise ValueError(
                "`images` must be float32 (n, height, width, 1) and `masks` integers (n, height, width), with n >= 1. "
                f"Received: {images.dtype} {images.shape} and {masks.dtype} {masks.shape}."
            )
        if not self.names or min(self.names) < 1:
            raise ValueError(f"`names` must be {{structure: name}}, integers from 1. Received: {self.names!r}.")
        unknown = sorted(set(np.unique(masks).tolist()) - {0, *self.names})
        if unknown:
            raise ValueError(f"`masks` may contain 0 and {sorted(self.names)}. Received: {unknown[:5]}.")
        subjects = check_labels(self.subjects, "subjects", len(images))
        images, positions = images.astype("float32", copy=False), np.asarray(self.positions, "float32")
        if positions.shape != subjects.shape:
            raise ValueError(f"`positions` must have one entry per slice. Received: shape {positions.shape}.")
        for name, values in (("images", images), ("positions", positions)):
            low, high = values.min(), values.max()
            if not (low >= 0 and high <= 1):  # also NaN
                raise ValueError(f"`{name}` must be in [0, 1]. Received: values from {low:.4g} to {high:.4g}.")
        arrays = {"images": images, "masks": masks, "subjects": subjects, "positions": positions}
        if self.spacing is not None:
            spacing = np.asarray(self.spacing, "float32")
            if spacing.shape not in ((3,), (len(images), 3)) or not (spacing > 0).all():
                raise ValueError(
                    "`spacing` must be positive, (3,) or (n, 3): mm between slices, rows and columns. "
                    f"Received: shape {spacing.shape}, smallest value {spacing.min():g}."
                )
            arrays["spacing"] = np.broadcast_to(spacing, (len(images), 3))
        for name, values in arrays.items():
            object.__setattr__(self, name, values)  # the dataclass is frozen

    def __len__(self):
        return len(self.images)

    def __repr__(self):
        height, width = self.images.shape[1:3]
        return (
            f"slices: {len(self):,} ({height}x{width}), subjects: {len(np.unique(self.subjects))}, "
            f"structures: {len(self.names)}, source: {self.source}"
        )

    def take(self, indices):
        """The slices at `indices` (integers or a boolean mask, `(k,)`) as new `Slices`."""
        indices = np.atleast_1d(np.arange(len(self))[indices])
        if not len(indices):
            raise ValueError(f"At least one slice must be selected. Received: 0 of {len(self)}.")
        return replace(
            self,
            images=self.images[indices],
            masks=self.masks[indices],
            subjects=self.subjects[indices],
            positions=self.positions[indices],
            spacing=None if self.spacing is None else self.spacing[indices],
        )

    def mask(self, structure):
        """Binary masks of one structure, `(n, height, width)` booleans."""
        if structure not in self.names:
            known = ", ".join(f"{number} ({name})" for number, name in self.names.items())
            raise ValueError(f"`structure` must be one of {known}. Received: {plain(structure)!r}.")
        return self.masks == structure

    def showing(self, structure, min_pixels=1):
        """Whether each slice shows at least `min_pixels` pixels of a structure, `(n,)` booleans."""
        return self.mask(structure).sum(axis=(1, 2)) >= min_pixels

    @classmethod
    def concatenate(cls, parts):
        """Several data sets as one, with separate structures and subjects.

        Structures are numbered from 1 and subjects from 0, in the order of the parts.

        Args:
            parts: List of `Slices` with images of the same size.
        """
        masks, subjects, names = [], [], {}
        for number, part in enumerate(parts, start=1):
            structures, first = np.array(list(part.names)), len(names) + 1
            new_labels = np.zeros(structures.max() + 1, "int32")
            new_labels[structures] = np.arange(first, first + len(structures))
            masks.append(new_labels[part.masks])
            names |= {first + index: f"{name}, part {number}" for index, name in enumerate(part.names.values())}
            index = np.unique(part.subjects, return_inverse=True)[1].reshape(-1)
            subjects.append(index + (subjects[-1].max() + 1 if subjects else 0))
        return cls(
            images=np.concatenate([part.images for part in parts]),
            masks=np.concatenate(masks),
            subjects=np.concatenate(subjects),
            positions=np.concatenate([part.positions for part in parts]),
            names=names,
            spacing=None if any(part.spacing is None for part in parts) else np.concatenate([p.spacing for p in parts]),
            source=parts[0].source + (f" and {len(parts) - 1} more" if len(parts) > 1 else ""),
        )


def split_by_subject(slices, test=0.2, seed=0):
    """Splits slices into a training set and a test set without common subjects.

    Neighbouring slices of one scan are nearly identical, so a split by slice would leak training data into the test.

    Args:
        slices: `Slices` of at least two subjects.
        test: Fraction of the subjects in the test set, between 0 and 1; each set keeps at least one subject.
        seed: Seed of the random choice of subjects.

    Returns:
        `(train, test)`, two `Slices` in the original order.
    """
    check_number("test", test, above=0, below=1)
    subjects = np.unique(slices.subjects)
    if len(subjects) < 2:
        raise ValueError(f"A split needs at least two subjects. Received: {len(subjects)}.")
    count = int(np.clip(round(test * len(subjects)), 1, len(subjects) - 1))
    is_test = np.isin(slices.subjects, check_seed(seed).permutation(subjects)[:count])
    return slices.take(~is_test), slices.take(is_test)
