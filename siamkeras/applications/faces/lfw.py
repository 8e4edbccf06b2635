"""Labeled Faces in the Wild: press photos of 5,749 people, and official pairs of them (Huang et al., 2007)."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamkeras._validation import plain
from siamkeras.applications.faces._scikit_learn import fetch
from siamkeras.applications.faces.synthetic import synthetic_faces
from siamkeras.data import _images
from siamkeras.data._sources import find, load_tfds, not_found, reading, real_or_stand_in
from siamkeras.data.examples import Examples
from siamkeras.data.folders import check_format
from siamkeras.generators import all_pairs

TITLE, MEGABYTES, URL = "Labeled Faces in the Wild", 233, "https://ndownloader.figshare.com/files/5976015"
FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")  # of the publisher's archives, the best aligned first
FOLDS = (1, 2, 3)
MOST_PHOTOS = 4  # of a person in `lfw_people`
SYNTHETIC_TRAINING_PEOPLE, SYNTHETIC_TRAINING_PHOTOS = 200, 3
SYNTHETIC_PEOPLE, SYNTHETIC_PHOTOS = 20, 6  # of each fold


class FacePairs(NamedTuple):
    """Labelled pairs of faces.

    Attributes:
        left: `(n, height, width, channels)`, float32 in [0, 1].
        right: `(n, height, width, channels)`; `right[i]` belongs to `left[i]`.
        same: `(n,)` float32: 1 = same person, 0 = different people.
        folds: `(n,)` integers: the official fold, 1 to 10. No person is in two folds.
        people: `(n, 2)` names of the people, for intervals that resample people.
        source: The origin of the pairs.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    folds: np.ndarray
    people: np.ndarray
    source: str

    def __repr__(self):
        shape = "x".join(map(str, self.left.shape[1:]))
        return (
            f"{len(self.same)} pairs ({shape}), {int(self.same.sum())} of them same, "
            f"{len(np.unique(self.people))} people in {len(np.unique(self.folds))} folds, source: {self.source}"
        )


def lfw_people(size=(64, 56), channels=3, central_fraction=0.625, folds=FOLDS, source="auto"):
    """Photos of the people of Labeled Faces in the Wild who are in no pair of the folds, for training.

    They are all people with at least two photos, and at most four photos of each: 858 people with 2,488 photos for the
    folds 1, 2, 3.

    Args:
        size: `(height, width)` in pixels.
        channels: 3 for RGB, 1 for grey.
        central_fraction: Side of the central square of the photo that is used, cut to the proportions of `size` and
            resized. The face fills the middle half; 0.625 includes hair and chin.
        folds: Official folds to test on, each from 1 to 10.
        source: "auto" reads the folder `lfw` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`, with the publisher's
            `lfw-deepfunneled`, `lfw_funneled` or `lfw` (one folder per person) and `pairs.txt`, or a `pairs.csv` or
            `pairs_eval.csv` with the columns fold, same, file1, file2. Else it reads the files of
            `sklearn.datasets.fetch_lfw_pairs` (233 MB), else returns synthetic faces with a `StandInWarning`. "real"
            raises an error instead of returning them; "synthetic" always returns them, 200 people with 3 photos each.
            "tfds" reads `tfds.load("lfw")` of TensorFlow Datasets, photos that are not aligned: all people with at
            least two photos, whatever `folds` is, because this copy has no file names. Many of them are in official
            pairs, so split them yourself with `data.split_by_class`.

    Returns:
        `Examples`: images `(n, height, width, channels)`, float32 in [0, 1]; labels are the people.

    Raises:
        ConnectionError: `source="real"` and the data set is not available.
        OSError: the local copy is damaged.
        ValueError: the list of pairs does not contain one of the folds.
    """
    size, _ = check_format(size, channels, central_fraction), _check_folds(folds)
    if source == "tfds":
        return _from_tfds(*size, channels, central_fraction)

    def real():
        photos, pairs = _find()
        tested = {_person(file) for pair in _of_folds(pairs, folds) for file in pair[2:]}
        files = [some[:MOST_PHOTOS] for name, some in photos.items() if name not in tested and len(some) > 1]
        names = dict(enumerate(some[0].parent.name for some in files))
        labels = np.repeat(np.arange(len(files)), [len(some) for some in files])
        images = _decode([path for some in files for path in some], size, channels, central_fraction)
        return Examples(images, labels, class_names=names, source=f"{TITLE}, people of no fold of {plain(folds)}")

    def stand_in():
        people = synthetic_faces(SYNTHETIC_TRAINING_PEOPLE, SYNTHETIC_TRAINING_PHOTOS, size, seed=11)
        source = f"synthetic faces standing in for {TITLE}"
        return people._replace(images=np.repeat(people.images, channels, axis=-1), source=source)

    return real_or_stand_in(source, real, stand_in, "synthetic faces")


def lfw_pairs(size=(64, 56), channels=3, central_fraction=0.625, folds=FOLDS, source="auto"):
    """Official pairs of press photos for verification: in each fold 300 of the same person and 300 of two people.

    Train on `lfw_people`, or on people from elsewhere. `fold_verification` evaluates distances of these pairs by the
    official protocol.

    Args:
        size, channels, central_fraction, folds: As for `lfw_people`.
        source: "auto", "real" or "synthetic", as for `lfw_people`. There are 600 synthetic pairs for each fold.

    Returns:
        `FacePairs`.

    Raises:
        ConnectionError, OSError, ValueError: as for `lfw_people`.
    """
    size, _ = check_format(size, channels, central_fraction), _check_folds(folds)

    def real():
        photos, pairs = _find()
        pairs = _of_folds(pairs, folds)
        path_of = {path.name: path for some in photos.values() for path in some}
        names = sorted({file for pair in pairs for file in pair[2:]})
        missing = [name for name in names if name not in path_of]
        if missing:
            raise OSError(f"{TITLE} is incomplete: there is no photo {_images.shorten(missing)}.")
        images = _decode([path_of[name] for name in names], size, channels, central_fraction)
        index = {name: number for number, name in enumerate(names)}
        number, same, left, right = zip(*pairs, strict=True)
        return FacePairs(
            left=images[[index[file] for file in left]],
            right=images[[index[file] for file in right]],
            same=np.array(same, "float32"),
            folds=np.array(number),
            people=np.array([[_person(one), _person(other)] for one, other in zip(left, right, strict=True)]),
            source=f"{TITLE}, folds {plain(folds)}",
        )

    return real_or_stand_in(source, real, lambda: _synthetic_pairs(size, channels, folds), "pairs of synthetic faces")


def _from_tfds(height, width, channels, central_fraction):
    """All people with at least two photos. This copy has the names of the people but not those of the files."""
    import io

    def read(dataset, info):
        rows = [(row["label"].decode(), row["image"]) for row in dataset.as_numpy_iterator()]
        names, labels, counts = np.unique([name for name, _ in rows], return_inverse=True, return_counts=True)
        several = np.flatnonzero(counts[labels] > 1)
        files = [io.BytesIO(rows[row][1]) for row in several]
        images = _decode(files, (height, width), channels, central_fraction)
        kept, labels = np.unique(labels[several], return_inverse=True)
        source = f"{TITLE}, TensorFlow Datasets {info.version}"
        return Examples(images, labels, class_names=dict(enumerate(names[kept].tolist())), source=source)

    return load_tfds("lfw", "train", read, TITLE, 172, "http://vis-www.cs.umass.edu/lfw/lfw.tgz")


def _check_folds(folds):
    allowed = set(range(1, 11))
    if np.ndim(folds) != 1 or not len(folds) or not set(folds) <= allowed:
        raise ValueError(f"`folds` must be numbers from 1 to 10. Received: folds={plain(folds)!r}.")


def _find():
    """The photos, `{person: paths}`, and the official pairs of the first copy that is found."""
    folder = find("lfw")
    if folder is None:
        folder = _scikit_learn_folder()
    with reading(TITLE, folder):
        root = next((folder / name for name in FOLDERS if (folder / name).is_dir()), None)
        if root is None:
            raise ValueError(f"expected a folder {' or '.join(FOLDERS)}")
        people = sorted(path for path in root.iterdir() if path.is_dir())
        photos = {path.name: sorted(path.glob("*.jpg")) for path in people}
        return {name: paths for name, paths in photos.items() if paths}, _read_pairs(folder)


def _scikit_learn_folder():
    from sklearn.datasets import fetch_lfw_pairs, get_data_home

    folder = Path(get_data_home()) / "lfw_home"
    if not (folder / "lfw_funneled").is_dir() or not (folder / "pairs.txt").is_file():
        # The fetcher leaves the original photos in the folder; the pairs that it returns are grey and without names.
        missing = f"{not_found(TITLE, 'lfw')} or in the cache of scikit-learn"
        hint = "Connect to the internet, or set SIAMKERAS_DATA to a folder that contains lfw."
        fetch(fetch_lfw_pairs, TITLE, MEGABYTES, URL, missing, hint, subset="test", resize=0.1)
    return folder


def _read_pairs(folder):
    """Tuples of fold, same, and the file names of both photos."""
    for name in ("pairs.csv", "pairs_eval.csv"):
        if (folder / name).is_file():
            with (folder / name).open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            return [(int(row["fold"]), int(row["same"]), row["file1"], row["file2"]) for row in rows]
    heading, *lines = (folder / "pairs.txt").read_text(encoding="utf-8").splitlines()
    count, each = map(int, heading.split())
    if len(lines) != count * 2 * each:
        raise ValueError(f"pairs.txt should have {count * 2 * each} pairs. Received: {len(lines)}")
    return [(place // (2 * each) + 1, *_parse_pair(line.split())) for place, line in enumerate(lines)]


def _parse_pair(words):
    """`name 1 4` are two photos of a person, `name 1 other 2` photos of two people."""
    name, number, *other = words
    other = [name, *other] if len(other) == 1 else other
    return int(len(words) == 3), f"{name}_{int(number):04d}.jpg", f"{other[0]}_{int(other[1]):04d}.jpg"


def _of_folds(pairs, folds):
    missing = sorted(set(folds) - {pair[0] for pair in pairs})
    if missing:
        raise ValueError(f"`folds` must be in the list of pairs. Received: folds={plain(folds)!r}, without {missing}.")
    return [pair for pair in pairs if pair[0] in folds]


def _person(file):
    return file.rsplit("_", 1)[0]


def _decode(paths, size, channels, central_fraction):
    images, broken = _images.decode_files(
        paths, (*size, channels), lambda path: _images.read_image(path, *size, channels, True, central_fraction)
    )
    if broken:
        raise OSError(_images.describe_broken(paths, broken))
    return images


def _synthetic_pairs(size, channels, folds):
    """All same pairs of each set of synthetic people, and as many random different pairs."""
    left, right, same = all_pairs(np.repeat(np.arange(SYNTHETIC_PEOPLE), SYNTHETIC_PHOTOS))
    parts = []
    for fold in folds:
        faces = synthetic_faces(SYNTHETIC_PEOPLE, SYNTHETIC_PHOTOS, size, seed=fold)
        images = np.repeat(faces.images, channels, axis=-1)
        different = np.random.default_rng(fold - 1).permutation(np.flatnonzero(~same))[: same.sum()]
        chosen = np.concatenate([np.flatnonzero(same), different])
        people = faces.labels[np.stack([left, right], axis=1)[chosen]]
        names = np.char.add(f"fold {fold}, person ", people.astype(str))
        parts.append((images[left[chosen]], images[right[chosen]], same[chosen], np.full(len(chosen), fold), names))
    left, right, same, numbers, people = map(np.concatenate, zip(*parts, strict=True))
    source = f"pairs of synthetic faces standing in for {TITLE}"
    return FacePairs(left, right, same.astype("float32"), numbers, people, source)
