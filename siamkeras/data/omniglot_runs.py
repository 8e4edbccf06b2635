"""The official one-shot test of Omniglot: twenty runs, in each of which twenty drawings look for their like."""

import hashlib
import io
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras.data import _cache as cache
from siamkeras.data import _downloads as downloads
from siamkeras.data import _hub as hub
from siamkeras.data import folders
from siamkeras.data import omniglot as characters
from siamkeras.synthetic._random import generator

ONE_SHOT = hub.HubSet(
    name="omniglot/all_runs.zip",
    title="Omniglot's one-shot test",
    size=105,
    megabytes=0.4,
    url="https://github.com/brendenlake/omniglot/raw/master/python/one-shot-classification/all_runs.zip",
    stand_in="synthetic glyphs",
)
# The file as published.
BYTES = 352_787
SHA256 = "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325"
# Runs; characters of a run, of which each is once a support image and once a query.
RUNS, WAY = 20, 20
# The file does not name them. Each of its 800 images is, pixel by pixel, one of the evaluation set of TensorFlow
# Datasets, which does; tests/test_runs.py finds them again. The two runs of an alphabet have the same characters, by
# four people (whose numbers, too, follow from the order of the images there).
ALPHABETS = tuple(
    name
    for name in (
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
    for _ in range(2)
)
# A download that stands still for so long has failed.
PATIENCE_SECONDS = 30


class OneShotRuns(NamedTuple):
    """Trials in which each query is to be matched with the support image of its class.

    Attributes:
        support: `(runs, way, height, width, channels)`, float32 in [0, 1]: one image of each class of a run.
        queries: `(runs, trials, height, width, channels)`: each is a trial, against all support images of its run.
        answers: `(runs, trials)` integers: which support image is of the class of the query.
        alphabets: To which alphabet the classes of a run belong, a name for each run.
        source: Where the images come from, in one sentence.
    """

    support: np.ndarray
    queries: np.ndarray
    answers: np.ndarray
    alphabets: tuple
    source: str

    def __repr__(self):
        (runs, trials), (_, way, *shape) = self.answers.shape, self.support.shape
        return f"{runs} runs of {trials} trials, {way}-way ({'x'.join(map(str, shape))}), source: {self.source}"


def omniglot_runs(size=35, source="auto"):
    """The 400 trials in which Omniglot's authors compared people and machines: 20-way one-shot classification.

    A run is 20 characters of one alphabet, drawn once by one person and once by another: for each drawing of the
    second, find the one of the first that shows the same character. There are two runs for each of 10 alphabets out of
    the 20 of the evaluation set, with the same characters drawn by two others. All of these drawings are also in
    `omniglot("evaluation")`, pixel by pixel. People erred in 4.5 % of the trials (Lake, Salakhutdinov and Tenenbaum,
    Science 350, 2015, https://doi.org/10.1126/science.aab3050).

    ```python
    runs = data.omniglot_runs()
    pairs = zip(runs.queries, runs.support)
    nearest = [np.argmin(distances.pairwise(tower(queries), tower(support)), axis=1) for queries, support in pairs]
    accuracy = np.mean(nearest == runs.answers)
    ```

    Args:
        size: Height and width in pixels, at least 8; reduced as by `omniglot`; 105 gives the originals.
        source: `"auto"`: the file `omniglot/all_runs.zip` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`; if there is
            none, a download of 0.4 MB to the latter; where that fails, synthetic glyphs and a `StandInWarning`.
            `"real"`: the same, but an error instead of glyphs. `"synthetic"`: the glyphs, at once: two runs for each of
            the 10 alphabets of `omniglot("evaluation", source="synthetic")`, also by two hands.

    Returns:
        `OneShotRuns`: `support` and `queries` `(20, 20, size, size, 1)`, float32, ink 1 on 0; `answers` `(20, 20)`, of
        which each row is a permutation; `alphabets`, 20 names.

    Raises:
        ValueError: an argument is not one of those above.
        ConnectionError, ImportError: `source="real"`, and the file cannot be had.
        OSError: the copy on this machine is damaged, whatever the `source`; except `"synthetic"`.
    """
    characters.check_name("source", source, hub.SOURCES)
    characters.check_size(size)
    return hub.real_or_stand_in(
        ONE_SHOT, source, real=lambda: _published(_file(), size), stand_in=lambda: _glyphs(size)
    )


def _file():
    """The archive: one that is there, or one that is fetched."""
    places = cache.places("omniglot", "all_runs.zip")
    for place in places:
        if place.is_file():
            return place
    absent = f"{ONE_SHOT.title} is not in {' or '.join(map(str, places))},"
    remedy = (
        f"Where there is a network, {ONE_SHOT.url} is fetched; the environment variable SIAMKERAS_DATA says where "
        f"{ONE_SHOT.name} is looked for."
    )
    hub.announce_download(ONE_SHOT, ONE_SHOT.url, absent, places[-1].parent, remedy)
    try:
        content = _fetched(ONE_SHOT.url)
    except Exception as error:
        raise ConnectionError(f"{absent} and its download failed: {downloads.told(error)}. {remedy}") from error
    fault = _fault(content)
    if fault:
        raise ConnectionError(f"{absent} and what was downloaded is something else: {fault}. {remedy}")
    try:
        _keep(places[-1], content)
    except OSError as error:
        raise ConnectionError(f"{absent} and cannot be kept there: {downloads.told(error)}. {remedy}") from error
    return places[-1]


def _fetched(url):
    import requests

    response = requests.get(url, timeout=PATIENCE_SECONDS)
    response.raise_for_status()
    return response.content


def _keep(file, content):
    """Writes all of a file or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=file.parent) as unfinished:
        whole = Path(unfinished, file.name)
        whole.write_bytes(content)
        whole.replace(file)


def _fault(content):
    """What is wrong with the content of the archive: the end of a sentence, or nothing."""
    found = hashlib.sha256(content).hexdigest()
    if found == SHA256:
        return ""
    return f"expected {BYTES} bytes with sha256 {SHA256}, found {len(content)} bytes with sha256 {found}"


def _published(file, size):
    import tensorflow as tf

    try:
        images, answers = _unpacked(file.read_bytes())
    except ValueError as error:
        raise OSError(
            f"The copy of {ONE_SHOT.title} in {file} is damaged: {error}. Delete that file and load the set again."
        ) from error
    # By the same code as the drawings that a network is trained on.
    dataset = tf.data.Dataset.from_tensor_slices({"image": images})
    images, _ = hub.filled(dataset, ONE_SHOT.size, size, columns=(), dark_ink=True)
    support, queries = images.reshape(2, RUNS, WAY, size, size, 1)
    source = f"{ONE_SHOT.title} ({len(set(ALPHABETS))} alphabets), github.com/brendenlake/omniglot"
    return OneShotRuns(support, queries, answers, ALPHABETS, source)


def _unpacked(content):
    """Files of images, first all for support, then all queries, in order of run and number; answers `(RUNS, WAY)`."""
    fault = _fault(content)
    if fault:
        raise ValueError(fault)
    runs, numbers = range(1, RUNS + 1), range(1, WAY + 1)
    support = [[f"run{run:02d}/training/class{number:02d}.png" for number in numbers] for run in runs]
    queries = [[f"run{run:02d}/test/item{number:02d}.png" for number in numbers] for run in runs]
    labels = [f"run{run:02d}/class_labels.txt" for run in runs]
    named = sum(support + queries, [])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        missing = {*named, *labels} - set(archive.namelist())
        if missing:
            raise ValueError(f"it has no {folders.some(sorted(missing))}")
        images = [archive.read(name) for name in named]
        lines = [archive.read(name).decode().splitlines() for name in labels]
    for name, image in zip(named, images, strict=True):
        if not image.startswith(_png_head(ONE_SHOT.size)):
            raise ValueError(f"{name} is not a PNG image of {ONE_SHOT.size}x{ONE_SHOT.size} pixels")
    return images, np.array([_answers(*run) for run in zip(labels, lines, queries, support, strict=True)])


def _png_head(size):
    # How every such file begins: its kind, then width and height.
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", size, size)


def _answers(name, lines, queries, support):
    """The places in `support` of the files that belong to `queries`; each line names one of these and its partner."""
    partners = dict(line.split() for line in lines)
    odd = set(partners) ^ set(queries) | set(partners.values()) ^ set(support)
    if odd:
        raise ValueError(
            f"{name} should name each image of its run once, and nothing else; look at {folders.some(sorted(odd))}"
        )
    return [support.index(partners[query]) for query in queries]


def _glyphs(size):
    drawn = characters.omniglot("evaluation", size=size, source="synthetic")
    names = list(drawn.group_names.values())
    # They are in order of alphabet, character, hand.
    images = drawn.images.reshape(len(names), characters.CHARACTERS, characters.HANDS, size, size, 1)
    support, queries = aligned_empty((2, RUNS, WAY, size, size, 1), np.float32)
    answers = np.empty((RUNS, WAY), np.int64)
    for run in range(RUNS):
        # Two runs of each alphabet in turn, by four hands, as in the original.
        alphabet = run // 2
        one, other = generator(0, 2, alphabet).choice(characters.HANDS, (2, 2), replace=False)[run % 2]
        chance = generator(0, 2, alphabet, run % 2)
        chosen, answers[run] = chance.permutation(characters.CHARACTERS)[:WAY], chance.permutation(WAY)
        support[run] = images[alphabet, chosen, one]
        queries[run] = images[alphabet, chosen[answers[run]], other]
    alphabets = tuple(names[run // 2] for run in range(RUNS))
    source = f"synthetic glyphs standing in for {ONE_SHOT.title} ({len(names)} alphabets)"
    return OneShotRuns(support, queries, answers, alphabets, source)
