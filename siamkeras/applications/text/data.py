"""Pairs of sentences with a degree of sameness: the STS Benchmark, from files, from the hub, or made up."""

import csv

import numpy as np

from siamkeras.applications.text import synthetic
from siamkeras.applications.text.examples import SentencePairs
from siamkeras.data import _cache as cache
from siamkeras.data import _hub as hub
from siamkeras.data import _hugging_face as hugging_face
from siamkeras.data.omniglot import check_name

STS = hub.HubSet(
    name="sentence-transformers/stsb",
    title="STS Benchmark",
    megabytes=1,
    url="https://huggingface.co/datasets/sentence-transformers/stsb/resolve/main/README.md",
    stand_in="made-up sentences",
)
REVISION = "main"
# Split here and on the hub: (the name in its files, its pairs, pairs in its stand-in).
SPLITS = {"train": ("train", 5749, 4000), "validation": ("dev", 1500, 1000), "test": ("test", 1379, 1000)}
MOST, FIELDS = 5.0, (7, 9)


def sentence_pairs(split="train", source="auto"):
    """Pairs of English sentences, and how alike people found their meaning: the STS Benchmark (Cer et al., 2017).

    | split | pairs |
    |---|---|
    | `"train"` | 5,749 |
    | `"validation"` | 1,500 (named dev there) |
    | `"test"` | 1,379 |

    Captions of pictures and videos, headlines of newspapers, answers in forums, from the shared tasks on semantic
    textual similarity, 2012 to 2017. Several people judged each pair from 0 (different topics) to 5 (the same
    meaning); the mean of that, divided by 5, is `same`. The splits are the official ones, and all of train is to be
    trained on, dev to be chosen on, and test to be measured on once. Scores CC BY-SA 4.0, texts of various licences.

    Args:
        split: A name from the table.
        source: `"auto"`: the files `stsbenchmark/sts-{train,dev,test}.csv` under `SIAMKERAS_DATA` or
            `~/.cache/siamkeras`, as published; if there are none, a download of 1 MB by the library `datasets` (or
            what is in its cache); where that cannot be had either, made-up sentences and a `StandInWarning`. `"real"`:
            the same, but an error instead. `"synthetic"`: `synthetic.sentence_pairs`, at once: 4,000, 1,000 and 1,000.

    Returns:
        `SentencePairs`: `left`, `right` `(n,)` strings, `same` `(n,)` float32 in [0, 1], in the published order.

    Raises:
        ValueError: an argument is not one of those above.
        ConnectionError, ImportError: `source="real"`, and the set cannot be had.
        OSError: the copy on this machine is damaged, whatever the `source`; except `"synthetic"`.

    Reference: https://arxiv.org/abs/1708.00055
    """
    check_name("split", split, SPLITS)
    check_name("source", source, hub.SOURCES)
    pairs = hub.real_or_stand_in(STS, source, real=lambda: _published(split), stand_in=lambda: _made_up(split))
    return pairs._replace(source=f"{pairs.source}, {split} split")


def _published(split):
    places = cache.places("stsbenchmark", f"sts-{SPLITS[split][0]}.csv")
    for place in places:
        if place.is_file():
            return _from_file(place, SPLITS[split][1])
    dataset = hugging_face.load(
        STS,
        REVISION,
        split,
        absent=f"{STS.title} is not in {' or '.join(map(str, places))},",
        remedy=f'Where there is a network, `load_dataset("{STS.name}")` fetches it; the environment variable '
        "SIAMKERAS_DATA says where a folder stsbenchmark is looked for.",
    )
    columns = [dataset[name] for name in ("sentence1", "sentence2", "score")]
    return SentencePairs(np.array(columns[0]), np.array(columns[1]), np.array(columns[2], "float32"), STS.title)


def _from_file(file, count):
    left, right, same = [], [], []
    try:
        # No character quotes another in these files: a quotation mark may stand alone.
        with open(file, encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
                score = _score(number, row)
                left.append(row[5])
                right.append(row[6])
                same.append(score / MOST)
        if len(same) != count:
            raise ValueError(f"expected {count:,} pairs, found {len(same):,}")
    except (ValueError, csv.Error) as error:  # bytes that are no UTF-8 are a ValueError too
        raise OSError(
            f"The copy of {STS.title} in {file} is damaged: {error}. Delete that file and load the set again."
        ) from error
    return SentencePairs(np.array(left), np.array(right), np.array(same, "float32"), STS.title)


def _score(number, row):
    """The score of a line, 0 to 5; `ValueError` with the end of a sentence for a line that is none of these files."""
    if len(row) not in FIELDS:
        raise ValueError(f"line {number} has {len(row)} fields between tabs, expected {FIELDS[0]} or {FIELDS[1]}")
    try:
        score = float(row[4])
    except ValueError:
        raise ValueError(f"field 5 of line {number} is to be a score, found {row[4]!r}") from None
    if not 0 <= score <= MOST:
        raise ValueError(f"the score of line {number} is {row[4]}, expected 0 to {MOST:g}")
    if not row[5].strip() or not row[6].strip():
        raise ValueError(f"a sentence of line {number} is empty")
    return score


def _made_up(split):
    number = list(SPLITS).index(split)
    pairs = synthetic.sentence_pairs(SPLITS[split][2], seed=number)
    return pairs._replace(source=f"made-up sentences standing in for {STS.title}")
