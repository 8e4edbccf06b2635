"""Faces of people: a folder for each person, the sets that scikit-learn fetches, or portraits drawn in their place."""

import os
import re
from typing import NamedTuple

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty
from siamkeras.applications.faces import synthetic
from siamkeras.data import _cache as cache
from siamkeras.data import _downloads as downloads
from siamkeras.data import _hub as hub
from siamkeras.data import folders
from siamkeras.data.examples import Examples
from siamkeras.data.omniglot import check_name
from siamkeras.generators._sampling import all_pairs

ATT = hub.HubSet(
    name="att_faces",
    title="AT&T faces",
    megabytes=4,
    url="https://ndownloader.figshare.com/files/5976027",
    stand_in="drawn faces",
)
LFW = hub.HubSet(
    name="lfw_pairs",
    title="Labeled Faces in the Wild",
    megabytes=233,
    url="https://ndownloader.figshare.com/files/5976015",
    stand_in="pairs of drawn faces",
)
PEOPLE, PER_PERSON = 40, 10
# Name here: (words for it, the numbers of the sets of drawn people that stand in for it).
LFW_SUBSETS = {
    "train": ("development training pairs", range(10, 14)),
    "test": ("development test pairs", range(14, 16)),
    "10_folds": ("ten folds", range(10)),
}
# What scikit-learn cuts out of each photo of LFW: the middle, about the face.
LFW_HEIGHT, LFW_WIDTH = 125, 94
# Of a set of drawn people: 20 * 15 same pairs, and as many different ones.
DRAWN_PEOPLE, DRAWN_PHOTOS = 20, 6


def faces(folder=None, size=(56, 46), source="auto", skip_broken=False):
    """Photographs of faces, several of each person: the 400 AT&T faces (Samaria and Harter, 1994), or your own.

    The AT&T faces, once "ORL": 40 people, 10 photographs of each, grey, 92x112 pixels, upright, before a dark ground,
    taken at different times with another light, another expression, the head turned a little, with glasses or without.

    ```python
    people = data.faces()
    for rest, test in data.folds_by_class(people, folds=4):  # no person is in both
        ...
    mine = data.faces("photos/people", size=(64, 64))        # photos/people/<person>/<any name>.jpg
    ```

    Args:
        folder: A folder with a folder for each person, as AT&T has it (`s1/1.pgm`, ...), with two images or more in
            each; None for the AT&T faces.
        size: `(height, width)` in pixels: the middle of each image that has these proportions, resized. Images may
            have different sizes, and colours, which become grey.
        source: Without a folder. `"auto"`: the folder `att_faces` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`; if
            there is none, the same 400 photos as scikit-learn keeps or fetches them (`fetch_olivetti_faces`, 4 MB; cut
            more narrowly, to 64x64 pixels); where these cannot be had either, drawn faces and a `StandInWarning`.
            `"real"`: the same, but an error instead of drawings. `"synthetic"`: the drawings, at once: 40 people, 10
            of each.
        skip_broken: With a folder: leave out files that cannot be decoded, and name them in a `SkippedFilesWarning`.

    Returns:
        `Examples`: `images` `(n, height, width, 1)`, float32 in [0, 1], 1 is white; `labels` are the people, 0 to k-1
        in the order of their folders, `s2` before `s10`; no groups.

    Raises:
        ValueError: an argument is not one of those above; a folder without people, a person with a single image, of
            whom no pair can be made; files that cannot be decoded.
        FileNotFoundError: there is no such folder.
        ConnectionError, ImportError: `source="real"`, and the set cannot be had.
        OSError: the copy on this machine is damaged or not complete, whatever the `source`; except `"synthetic"`.
    """
    height, width = folders.checked_size(size)
    check_name("source", source, hub.SOURCES)
    if folder is not None:
        if source == "synthetic":
            raise ValueError(f"Faces come from a folder or are drawn. Received: folder={folder!r}, source={source!r}.")
        return _people(folder, (height, width), skip_broken)
    if skip_broken:
        raise ValueError("`skip_broken` is for a folder of your own: the AT&T faces are complete, or damaged.")
    return hub.real_or_stand_in(
        ATT,
        source,
        real=lambda: _att((height, width)),
        stand_in=lambda: synthetic.faces(PEOPLE, PER_PERSON, (height, width))._replace(
            source="drawn faces standing in for the AT&T faces"
        ),
    )


def _people(folder, size, skip_broken=False):
    found = folders.image_folder(folder, size, channels=1, skip_broken=skip_broken, crop=True)
    found = _in_order(found)
    people, counts = np.unique(found.labels, return_counts=True)
    single = [found.class_names[person] for person in people[counts < 2].tolist()]
    if single:
        raise ValueError(
            f"Every person needs at least two images, or none can be compared with another. Found one of: "
            f"{folders.some(single)}. Add images, remove the folder, or read all with `data.image_folder`."
        )
    return found._replace(source=f"faces of the folder {folder}, {size[0]}x{size[1]}")


def _in_order(examples):
    """People by the numbers in their names: `s2` before `s10`. Files of one stay in the order of the alphabet."""

    def key(label):
        return [(len(part), part) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", names[label])]

    names = examples.class_names
    order = sorted(names, key=key)
    number = np.empty(len(names), np.int64)
    number[order] = np.arange(len(names))
    labels = number[examples.labels]
    in_order = examples._replace(labels=labels, class_names={place: names[label] for place, label in enumerate(order)})
    return in_order.take(np.argsort(labels, kind="stable"))


def _att(size):
    for place in cache.places("att_faces"):
        if place.is_dir():
            return _from_folder(place, size)
    return _from_scikit_learn(size)


def _from_folder(place, size):
    try:
        found = _people(place, size)
    except ValueError as error:
        raise OSError(
            f"The copy of the {ATT.title} in {place} is damaged: {error} Or delete that folder and load the set again."
        ) from error
    counts = np.bincount(found.labels)
    if len(counts) != PEOPLE or (counts != PER_PERSON).any():
        raise OSError(
            f"The copy of the {ATT.title} in {place} is not complete: expected {PEOPLE} people with {PER_PERSON} "
            f"images each, found {len(counts)} with {counts.min()} to {counts.max()}. Delete that folder and load the "
            f"set again, or read what is there with data.faces({os.fspath(place)!r})."
        )
    return found._replace(source=f"AT&T faces ({PEOPLE} people)")


def _from_scikit_learn(size):
    from sklearn import datasets

    places = " or ".join(map(str, cache.places("att_faces")))
    bunch = _fetched(ATT, lambda **options: datasets.fetch_olivetti_faces(**options), places)
    return Examples(
        images=_resized(bunch.images, size),
        labels=np.asarray(bunch.target, np.int64),
        class_names={person: f"s{person + 1}" for person in range(PEOPLE)},
        source=f"AT&T faces ({PEOPLE} people), as scikit-learn's Olivetti faces",
    )


def _fetched(hub_set, fetch, places):
    """What scikit-learn has kept; or after a download, if the host answers."""
    from sklearn import datasets

    absent = f"{hub_set.title}: not in {places}," if places else f"{hub_set.title}:"
    absent = f"{absent} nor kept by scikit-learn in {datasets.get_data_home()},"
    remedy = "Where there is a network, scikit-learn fetches it"
    remedy += (
        "; the environment variable SIAMKERAS_DATA says where a folder att_faces is looked for." if places else "."
    )
    try:
        try:
            return fetch(download_if_missing=False)
        except OSError:  # not there
            hub.announce_download(hub_set, hub_set.url, absent, datasets.get_data_home(), remedy)
        try:
            return fetch(download_if_missing=True)
        except OSError as error:
            raise ConnectionError(f"{absent} and its download failed: {downloads.told(error)}. {remedy}") from error
    except OSError:
        raise
    except Exception as error:  # joblib, zlib and Pillow meet damaged files with several
        raise OSError(
            f"The copy of {hub_set.title} in {datasets.get_data_home()} cannot be read: {downloads.told(error)}. "
            "If it is damaged, delete it there and load the set again."
        ) from error


class FacePairs(NamedTuple):
    """Labelled pairs of faces.

    Attributes:
        left: `(n, height, width, 1)`, float32 in [0, 1], 1 is white.
        right: `(n, height, width, 1)`; `right[i]` goes with `left[i]`.
        same: `(n,)` float32: 1 = the same person, 0 = two people.
        folds: `(n,)` integers: no person is in two folds of the ten; the names of people are not told. So with
            "10_folds" these are the `units` of `evaluation.verification`; the other subsets are one fold each.
        source: Where the pairs come from, in one sentence.
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
    """Pairs of press photographs, half of them of one person: Labeled Faces in the Wild (Huang et al., 2007).

    | subset | pairs | for |
    |---|---|---|
    | `"train"`, `"test"` | 2,200, 1,000 | choosing ("view 1"); no person is in both |
    | `"10_folds"` | 6,000 | measuring, once ("view 2"): train on nine folds, test on the tenth, ten times |

    ```python
    pairs = data.lfw_pairs("test")
    stream = generators.from_pairs(pairs.left, pairs.right, pairs.same, shuffle=False)
    evaluation.verification(siamese, stream)
    ```

    Args:
        subset: A name from the table.
        size: `(height, width)` in pixels, as for `faces`, of the 125x94 about the face that scikit-learn cuts out of
            the aligned ("funneled") photos; grey.
        source: `"auto"`: what scikit-learn has kept, or fetches (`fetch_lfw_pairs`, 233 MB); where that cannot be
            had, pairs of drawn faces and a `StandInWarning`. `"real"`: the same, but an error instead of drawings.
            `"synthetic"`: the drawings, at once: 600 pairs for each of 10 folds, 2,400 and 1,200 for the others.

    Returns:
        `FacePairs`.

    Raises:
        ValueError: an argument is not one of those above.
        ConnectionError, ImportError: `source="real"`, and the set cannot be had.
        OSError: the copy on this machine is damaged, whatever the `source`; except `"synthetic"`.
    """
    check_name("subset", subset, LFW_SUBSETS)
    size = folders.checked_size(size)
    check_name("source", source, hub.SOURCES)
    return hub.real_or_stand_in(
        LFW, source, real=lambda: _lfw(subset, size), stand_in=lambda: _drawn_pairs(subset, size)
    )


def _lfw(subset, size):
    from sklearn import datasets

    # Not larger than needed: the ten folds are 12,000 images, which scikit-learn keeps at this size.
    share = min(1.0, max(size[0] / LFW_HEIGHT, size[1] / LFW_WIDTH))
    options = {"subset": subset, "resize": None if share == 1 else share}
    bunch = _fetched(LFW, lambda **more: datasets.fetch_lfw_pairs(**options, **more), "")
    count = len(bunch.target)
    return FacePairs(
        left=_resized(bunch.pairs[:, 0], size),
        right=_resized(bunch.pairs[:, 1], size),
        same=np.asarray(bunch.target, "float32"),
        folds=np.arange(count) * 10 // count if subset == "10_folds" else np.zeros(count, np.int64),
        source=f"{LFW.title}, {LFW_SUBSETS[subset][0]}, fetched by scikit-learn",
    )


def _resized(images, size):
    """Grey images of any size as `(n, height, width, 1)`, float32 in [0, 1]."""
    found = aligned_empty((len(images), *size, 1), np.float32)
    for place, image in enumerate(images):
        found[place, ..., 0] = folders.fitted(Image.fromarray(np.asarray(image, np.float32)), *size, crop=True)
    return np.clip(found, 0, 1, out=found)


def _drawn_pairs(subset, size):
    words, seeds = LFW_SUBSETS[subset]
    labels = np.repeat(np.arange(DRAWN_PEOPLE), DRAWN_PHOTOS)
    left, right, same = all_pairs(labels)
    lefts, rights, sames = [], [], []
    for seed in seeds:
        # Seeds from 1 on: seed 0 draws the people who stand in for the AT&T faces.
        images = synthetic.faces(DRAWN_PEOPLE, DRAWN_PHOTOS, size, seed=1 + seed).images
        different = np.random.default_rng(seed).permutation(np.flatnonzero(~same))[: same.sum()]
        chosen = np.concatenate([np.flatnonzero(same), different])
        lefts.append(images[left[chosen]])
        rights.append(images[right[chosen]])
        sames.append(same[chosen])
    folds = np.arange(len(sames)) if subset == "10_folds" else np.zeros(len(sames), np.int64)
    return FacePairs(
        left=np.concatenate(lefts),
        right=np.concatenate(rights),
        same=np.concatenate(sames).astype("float32"),
        folds=np.repeat(folds, [len(same) for same in sames]),
        source=f"drawn faces standing in for {LFW.title}, {words}",
    )
