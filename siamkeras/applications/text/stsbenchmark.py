"""The STS Benchmark: sentence pairs with human similarity scores."""

import csv

import numpy as np

from siamkeras._validation import check_choice
from siamkeras.applications.text.examples import SentencePairs
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs
from siamkeras.data._sources import advice, damaged, find, load_hugging_face, not_found, real_or_stand_in

TITLE, MEGABYTES, HUGGING_FACE_NAME = "STS Benchmark", 1, "sentence-transformers/stsb"
# For each split: name of the file, number of pairs, number of pairs of the stand-in.
SPLITS = {"train": ("train", 5749, 4000), "validation": ("dev", 1500, 1000), "test": ("test", 1379, 1000)}


def sts_benchmark(split="train", source="auto"):
    """English sentence pairs with human similarity scores: the STS Benchmark (Cer et al., 2017).

    The sentences are image and video captions, news headlines and forum answers. Annotators scored each pair from 0
    (different topics) to 5 (equivalent); `same` is the mean score divided by 5.

    Args:
        split: "train" (5,749 pairs), "validation" (1,500; the official dev split) or "test" (1,379).
        source: "auto" reads `stsbenchmark/sts-{train,dev,test}.csv` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`,
            else downloads 1 MB with the library `datasets`, else returns synthetic pairs (4,000, 1,000 or 1,000) with a
            `StandInWarning`. "real" raises an error instead of returning them; "synthetic" always returns them.

    Returns:
        `SentencePairs` in the published order.

    Raises:
        ConnectionError, ImportError: `source="real"` and the data set is not available.
        OSError: the local copy is damaged.

    Reference: https://arxiv.org/abs/1708.00055
    """
    check_choice("split", split, SPLITS)
    pairs = real_or_stand_in(source, lambda: _real(split), lambda: _stand_in(split), "synthetic sentences")
    return pairs._replace(source=f"{pairs.source}, {split} split")


def _real(split):
    name, count, _ = SPLITS[split]
    parts = ("stsbenchmark", f"sts-{name}.csv")
    path = find(*parts)
    if path is not None:
        return _read_file(path, count)
    missing, hint = not_found(TITLE, *parts), advice(*parts)
    dataset = load_hugging_face(HUGGING_FACE_NAME, split, TITLE, MEGABYTES, missing, hint)
    return _sentence_pairs(dataset["sentence1"], dataset["sentence2"], dataset["score"])


def _read_file(path, count):
    """Reads a tab-separated file: score, left and right sentence in columns 5 to 7."""
    try:
        # QUOTE_NONE: the files contain unpaired quotation marks.
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        scores = [float(row[4]) / 5 for row in rows]
        pairs = _sentence_pairs([row[5] for row in rows], [row[6] for row in rows], scores)
    except (ValueError, IndexError, csv.Error) as error:  # ValueError includes invalid UTF-8
        raise damaged(TITLE, path, error) from error
    if len(rows) != count or not ((pairs.same >= 0) & (pairs.same <= 1)).all():
        raise damaged(TITLE, path, f"expected {count:,} pairs with scores from 0 to 5, found {len(rows):,} pairs")
    return pairs


def _sentence_pairs(left, right, same):
    return SentencePairs(np.array(left), np.array(right), np.array(same, "float32"), TITLE)


def _stand_in(split):
    pairs = synthetic_sentence_pairs(SPLITS[split][2], seed=list(SPLITS).index(split))
    return pairs._replace(source=f"synthetic sentences standing in for the {TITLE}")
