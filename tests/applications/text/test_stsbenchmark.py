"""Tests of the loader of the STS Benchmark."""

import importlib

import numpy as np
import pytest

from siamkeras import data
from siamkeras.applications import text

stsbenchmark = importlib.import_module("siamkeras.applications.text.stsbenchmark")
LINES = [
    "genre\tfile\t2012\t0001\t5.000\tA \"quote stays.\tIt's alone.",
    "genre\tfile\t2012\t0002\t1.250\tA plane.\tA cat, naïve.\tsource\tsource",
]


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """A machine without data sets and without a network."""

    def load_hugging_face(name, split, title, megabytes, missing, hint):
        raise ConnectionError(f"{missing}, and there is no network. {hint}")

    monkeypatch.setattr(stsbenchmark, "load_hugging_face", load_hugging_face)
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(tmp_path, content, split="train"):
    path = tmp_path / "data" / "stsbenchmark" / f"sts-{split}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode())
    return path


def test_a_file_is_read_as_published(tmp_path, monkeypatch):
    """Seven or nine fields, unpaired quotation marks, scores from 0 to 5: 5 / 5 and 1.25 / 5."""
    write(tmp_path, LINES, "dev")
    monkeypatch.setitem(stsbenchmark.SPLITS, "validation", ("dev", 2, 1000))
    pairs = text.sts_benchmark("validation", source="real")
    assert pairs.left.tolist() == ['A "quote stays.', "A plane."]
    assert pairs.right.tolist() == ["It's alone.", "A cat, naïve."]
    assert pairs.same.tolist() == [1.0, 0.25] and pairs.same.dtype == np.float32
    assert pairs.sentences.tolist() == [*pairs.left, *pairs.right]


@pytest.mark.parametrize("source", ["auto", "real"])
@pytest.mark.parametrize(
    "content, message",
    [
        ([LINES[0], "a\tb\tc\td\t1.0\tonly one"], "index out of range"),
        ([LINES[0], "a\tb\tc\td\thigh\tone\ttwo"], "'high'"),
        ([LINES[0], "a\tb\tc\td\t5.5\tone\ttwo"], "expected 2 pairs with scores from 0 to 5"),
        ([LINES[0], "a\tb\tc\td\tnan\tone\ttwo"], "expected 2 pairs with scores from 0 to 5"),
        (LINES[:1], "expected 2 pairs with scores from 0 to 5, found 1"),
        (b"", "found 0"),
        (b"\xff\xfe\t", "utf-8"),
    ],
)
def test_a_damaged_copy_raises_instead_of_being_replaced(tmp_path, monkeypatch, source, content, message):
    path = write(tmp_path, content)
    monkeypatch.setitem(stsbenchmark.SPLITS, "train", ("train", 2, 4000))
    with pytest.raises(OSError, match=f"The copy of STS Benchmark in {path} is damaged: .*{message}"):
        text.sts_benchmark(source=source)


def test_without_a_file_the_hub_is_read(monkeypatch):
    def load_hugging_face(name, split, *_):
        assert (name, split) == ("sentence-transformers/stsb", "validation")
        return {"sentence1": ["a"], "sentence2": ["b"], "score": [0.5]}

    monkeypatch.setattr(stsbenchmark, "load_hugging_face", load_hugging_face)
    pairs = text.sts_benchmark("validation")
    assert (pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist()) == (["a"], ["b"], [0.5])


def test_synthetic_sentences_stand_in_with_a_warning():
    with pytest.warns(data.StandInWarning, match="STS Benchmark was not found in .*sts-test.csv.*synthetic sentences"):
        pairs = text.sts_benchmark("test")
    assert pairs.source == "synthetic sentences standing in for the STS Benchmark, test split"
    with pytest.raises(ConnectionError, match="no network"):
        text.sts_benchmark("test", source="real")


def test_splits_of_the_stand_in_have_no_pair_in_common():
    splits = [text.sts_benchmark(split, source="synthetic") for split in ("train", "validation", "test")]
    assert [len(split.same) for split in splits] == [4000, 1000, 1000]
    train, validation, test = (set(zip(split.left.tolist(), split.right.tolist(), strict=True)) for split in splits)
    assert not train & test and not validation & test
