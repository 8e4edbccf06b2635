"""The official one-shot classification runs of Omniglot."""

import zipfile
from typing import NamedTuple

import numpy as np

from siamkeras._random import generator
from siamkeras._validation import check_integer
from siamkeras.data import _sources
from siamkeras.data._images import decode_png
from siamkeras.data.omniglot import FULL_SIZE, SYNTHETIC_CHARACTERS, SYNTHETIC_WRITERS, omniglot

TITLE = "Omniglot's one-shot test"
URL = "https://github.com/brendenlake/omniglot/raw/master/python/one-shot-classification/all_runs.zip"
SHA256 = "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325"
RUNS, WAY = 20, 20
# The alphabets of runs 1 and 2, 3 and 4, ... The file does not contain their names; a test finds them by comparing its
# images with those of the evaluation set.
ALPHABETS = (
    "Atlantean",
    "Ge ez",
    "Glagolitic",
    "Gurmukhi",
    "Kannada",
    "Malayalam",
    "Manipuri",
    "Old Church Slavonic (Cyrillic)",
    "Tengwar",
    "Tibetan",
)


class OneShotRuns(NamedTuple):
    """One-shot classification trials: each query belongs to the class of one support image of its run.

    Attributes:
        support: `(runs, way, height, width, channels)`, float32 in [0, 1]: one image per class.
        queries: `(runs, trials, height, width, channels)`: one image per trial.
        targets: `(runs, trials)` integers: the index of the support image of the same class.
        alphabets: The name of the alphabet of each run.
        source: A description of the origin of the images.
    """

    support: np.ndarray
    queries: np.ndarray
    targets: np.ndarray
    alphabets: tuple
    source: str

    def __repr__(self):
        (runs, trials), (_, way, *shape) = self.targets.shape, self.support.shape
        return f"{runs} runs of {trials} trials, {way}-way ({'x'.join(map(str, shape))}), source: {self.source}"


def omniglot_runs(size=35, source="auto"):
    """The 400 official trials of 20-way one-shot classification on Omniglot (Lake et al., Science 350, 2015).

    A run consists of 20 characters of one alphabet. One writer's images are the support set, another writer's images
    the queries. There are two runs for each of 10 evaluation alphabets. People have an error of 4.5 %. The runs are
    the input of `evaluation.one_shot`.

    Args:
        size: As for `omniglot`.
        source: As for `omniglot`. The real data is the file `omniglot/all_runs.zip` under `SIAMKERAS_DATA` or
            `~/.cache/siamkeras`, or a download of 0.4 MB; the stand-in consists of glyphs of the synthetic evaluation
            set.

    Returns:
        `OneShotRuns` with `support` and `queries` `(20, 20, size, size, 1)`, float32 in [0, 1], ink is 1.

    Reference: https://doi.org/10.1126/science.aab3050
    """
    size = check_integer("size", size, 1)
    return _sources.real_or_stand_in(source, lambda: _real(size), lambda: _stand_in(size), "synthetic glyphs")


def _real(size):
    import tensorflow as tf

    path = _sources.find_or_download(TITLE, 0.4, URL, SHA256, "omniglot", "all_runs.zip")
    support, queries, targets = [], [], []
    with zipfile.ZipFile(path) as archive:
        for run in range(1, RUNS + 1):
            # Each line contains a query and its support image: "run01/test/item01.png run01/training/class08.png".
            lines = archive.read(f"run{run:02d}/class_labels.txt").decode().splitlines()
            support_of = dict(line.split() for line in lines)
            support_names = sorted(support_of.values())
            support += [archive.read(name) for name in support_names]
            queries += [archive.read(name) for name in sorted(support_of)]
            targets.append([support_names.index(support_of[name]) for name in sorted(support_of)])
    dataset = tf.data.Dataset.from_tensor_slices({"image": support + queries})
    images, _ = decode_png(dataset, FULL_SIZE, size, invert=True)
    support, queries = images.reshape(2, RUNS, WAY, size, size, 1)
    source = f"{TITLE} ({len(ALPHABETS)} alphabets), github.com/brendenlake/omniglot"
    return OneShotRuns(support, queries, np.array(targets), _alphabets(ALPHABETS), source)


def _alphabets(names):
    return tuple(name for name in names for _ in range(RUNS // len(names)))


def _stand_in(size):
    glyphs = omniglot("evaluation", size, source="synthetic")
    names = list(glyphs.group_names.values())
    images = glyphs.images.reshape(len(names), SYNTHETIC_CHARACTERS, SYNTHETIC_WRITERS, size, size, 1)
    support, queries, targets = [], [], []
    for run in range(RUNS):
        alphabet, part = divmod(run, 2)
        writers = generator(0, 2, alphabet).choice(SYNTHETIC_WRITERS, (2, 2), replace=False)[part]
        rng = generator(0, 2, alphabet, part)
        characters, target = rng.permutation(SYNTHETIC_CHARACTERS)[:WAY], rng.permutation(WAY)
        support.append(images[alphabet, characters, writers[0]])
        queries.append(images[alphabet, characters[target], writers[1]])
        targets.append(target)
    source = f"synthetic glyphs standing in for {TITLE} ({len(names)} alphabets)"
    return OneShotRuns(np.stack(support), np.stack(queries), np.stack(targets), _alphabets(names), source)
