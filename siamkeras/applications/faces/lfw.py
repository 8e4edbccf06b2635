"""Labeled Faces in the Wild: verification pairs of press photos."""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_choice, check_sizes
from siamkeras.applications.faces._scikit_learn import fetch, resize
from siamkeras.applications.faces.synthetic import synthetic_faces
from siamkeras.data._sources import real_or_stand_in
from siamkeras.generators import all_pairs

TITLE, MEGABYTES, URL = "Labeled Faces in the Wild", 233, "https://ndownloader.figshare.com/files/5976015"
# The image size that scikit-learn crops around each face.
FULL_HEIGHT, FULL_WIDTH = 125, 94
# Seeds of the synthetic people of each subset. Seed 0 renders the stand-in of the AT&T faces.
SEEDS = {"train": range(11, 15), "test": range(15, 17), "10_folds": range(1, 11)}
SYNTHETIC_PEOPLE, SYNTHETIC_PHOTOS = 20, 6


class FacePairs(NamedTuple):
    """Labelled pairs of faces.

    Attributes:
        left: `(n, height, width, 1)`, float32 in [0, 1].
        right: `(n, height, width, 1)`; `right[i]` belongs to `left[i]`.
        same: `(n,)` float32: 1 = same person, 0 = different people.
        folds: `(n,)` integers: 0 to 9 with `subset="10_folds"`, otherwise 0. No person is in two folds.
        source: The origin of the pairs.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    folds: np.ndarray
    source: str

    def __repr__(self):
        height, width = self.left.shape[1:3]
        return f"{len(self.same)} pairs ({height}x{width}), {int(self.same.sum())} of them same, source: {self.source}"


def lfw_pairs(subset="train", size=(56, 46), source="auto"):
    """Pairs of press photos, half of them of the same person: Labeled Faces in the Wild (Huang et al., 2007).

    Args:
        subset: "train" (2,200 pairs) or "test" (1,000) for model selection, with no person in both; or "10_folds"
            (6,000) for evaluation: train on nine folds, test on the tenth.
        size: `(height, width)` in pixels. The grey photos, cropped to the face, are cropped to these proportions and
            resized.
        source: "auto" reads `sklearn.datasets.fetch_lfw_pairs` (233 MB), else returns pairs of synthetic faces (2,400,
            1,200 or 6,000) with a `StandInWarning`. "real" raises an error instead of returning them; "synthetic"
            always returns them.

    Returns:
        `FacePairs`.

    Raises:
        ConnectionError, OSError: as for `att_faces`.
    """
    check_choice("subset", subset, SEEDS)
    size = check_sizes("size", size, 2)
    real, stand_in = (lambda: _real(subset, size)), (lambda: _stand_in(subset, size))
    return real_or_stand_in(source, real, stand_in, "pairs of synthetic faces")


def _real(subset, size):
    from sklearn.datasets import fetch_lfw_pairs

    # scikit-learn caches the pairs at the requested scale, so do not request more than needed.
    scale = max(size[0] / FULL_HEIGHT, size[1] / FULL_WIDTH)
    missing, hint = f"{TITLE} is not in the cache of scikit-learn", "Connect to the internet."
    resize_to = scale if scale < 1 else None
    bunch = fetch(fetch_lfw_pairs, TITLE, MEGABYTES, URL, missing, hint, subset=subset, resize=resize_to)
    count = len(bunch.target)
    return FacePairs(
        left=resize(bunch.pairs[:, 0], size),
        right=resize(bunch.pairs[:, 1], size),
        same=np.asarray(bunch.target, "float32"),
        folds=np.arange(count) * 10 // count if subset == "10_folds" else np.zeros(count, "int64"),
        source=f"{TITLE}, {subset}",
    )


def _stand_in(subset, size):
    """All same pairs of each set of synthetic people, and as many random different pairs."""
    left, right, same = all_pairs(np.repeat(np.arange(SYNTHETIC_PEOPLE), SYNTHETIC_PHOTOS))
    lefts, rights, sames = [], [], []
    for seed in SEEDS[subset]:
        images = synthetic_faces(SYNTHETIC_PEOPLE, SYNTHETIC_PHOTOS, size, seed).images
        different = np.random.default_rng(seed - 1).permutation(np.flatnonzero(~same))[: same.sum()]
        chosen = np.concatenate([np.flatnonzero(same), different])
        lefts.append(images[left[chosen]])
        rights.append(images[right[chosen]])
        sames.append(same[chosen])
    folds = np.repeat(np.arange(len(sames)), len(sames[0]))
    return FacePairs(
        left=np.concatenate(lefts),
        right=np.concatenate(rights),
        same=np.concatenate(sames).astype("float32"),
        folds=folds if subset == "10_folds" else np.zeros_like(folds),
        source=f"pairs of synthetic faces standing in for {TITLE}, {subset}",
    )
