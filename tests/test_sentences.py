"""Pairs of sentences: read from files, from the hub, or made up; streamed in bounded memory; their correlation."""

import os
import subprocess
import sys

import numpy as np
import pytest
from project import ROOT
from scipy import stats

from siamkeras import data, evaluation, generators, synthetic
from siamkeras.applications.text import data as sentences
from siamkeras.data import _downloads as downloads
from siamkeras.data import _hugging_face as hugging_face
from siamkeras.data.examples import checked_sentences
from siamkeras.evaluation import correlation as correlating

LINES = [
    "genre\tfile\t2012\t0001\t5.000\tA \"quote stays.\tIt's alone.",
    "genre\tfile\t2012\t0002\t1.250\tA plane.\tA cat, naïve.\tsource\tsource",
]


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with no data sets and no network, whose home is `tmp_path`."""
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(tmp_path, lines, split="train"):
    file = tmp_path / "sets" / "stsbenchmark" / f"sts-{split}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_file_is_read_as_published(tmp_path, monkeypatch):
    """Seven fields or nine, quotation marks that stand alone, scores from 0 to 5: 5 / 5 and 1.25 / 5."""
    write(tmp_path, LINES, "dev")
    monkeypatch.setitem(sentences.SPLITS, "validation", ("dev", 2, 1000))
    pairs = data.sentence_pairs("validation", source="real")
    assert pairs.left.tolist() == ['A "quote stays.', "A plane."]
    assert pairs.right.tolist() == ["It's alone.", "A cat, naïve."]
    assert pairs.same.tolist() == [1.0, 0.25] and pairs.same.dtype == np.float32
    assert pairs.source == "STS Benchmark, validation split"
    assert repr(pairs) == "2 pairs of sentences, mean same 0.62, source: STS Benchmark, validation split"
    assert pairs.sentences.tolist() == [*pairs.left, *pairs.right]


@pytest.mark.parametrize("source", ["auto", "real"])
@pytest.mark.parametrize(
    "line, fault",
    [
        ("a\tb\tc\td\t1.0\tonly one", "line 3 has 6 fields between tabs, expected 7 or 9"),
        ("a,b,c,d,1.0,with,commas", "line 3 has 1 fields between tabs, expected 7 or 9"),
        ("a\tb\tc\td\thigh\tone\ttwo", "field 5 of line 3 is to be a score, found 'high'"),
        ("a\tb\tc\td\t5.5\tone\ttwo", "the score of line 3 is 5.5, expected 0 to 5"),
        ("a\tb\tc\td\tnan\tone\ttwo", "the score of line 3 is nan, expected 0 to 5"),
        ("a\tb\tc\td\t1.0\t \ttwo", "a sentence of line 3 is empty"),
    ],
)
def test_a_damaged_copy_is_named_with_its_line(tmp_path, source, line, fault):
    file = write(tmp_path, [*LINES, line])
    with pytest.raises(OSError) as caught:
        data.sentence_pairs(source=source)
    assert str(caught.value) == (
        f"The copy of STS Benchmark in {file} is damaged: {fault}. Delete that file and load the set again."
    )


def test_an_empty_file_part_of_one_and_one_of_bytes_are_damaged(tmp_path):
    write(tmp_path, []).write_text("")
    with pytest.raises(OSError, match="is damaged: expected 5,749 pairs, found 0"):
        data.sentence_pairs()
    write(tmp_path, LINES)
    with pytest.raises(OSError, match="is damaged: expected 5,749 pairs, found 2"):
        data.sentence_pairs()
    write(tmp_path, []).write_bytes(b"\xff\xfe\t")
    with pytest.raises(OSError, match="is damaged: .*utf-8"):
        data.sentence_pairs()


def test_without_a_file_the_hub_is_asked(monkeypatch):
    asked = []

    def load(hub_set, revision, split, absent, remedy):
        asked.append((hub_set.name, split))
        return {"sentence1": ["a"], "sentence2": ["b"], "score": [0.5]}

    monkeypatch.setattr(hugging_face, "load", load)
    pairs = data.sentence_pairs("validation")
    assert asked == [("sentence-transformers/stsb", "validation")]
    assert (pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist()) == (["a"], ["b"], [0.5])


def test_without_a_network_sentences_are_made_up_and_said_to_be():
    with pytest.warns(data.StandInWarning, match="STS Benchmark is not in .*sts-test.csv.*made-up sentences stand in"):
        pairs = data.sentence_pairs("test")
    assert len(pairs.same) == 1000 and pairs.source.startswith("made-up sentences standing in for STS Benchmark")
    with pytest.raises(ConnectionError, match='load_dataset\\("sentence-transformers/stsb"\\)'):
        data.sentence_pairs("test", source="real")


def test_splits_of_the_stand_in_have_no_pair_in_common():
    found = [data.sentence_pairs(split, source="synthetic") for split in ("train", "validation", "test")]
    assert [len(each.same) for each in found] == [4000, 1000, 1000]
    pairs = [set(zip(each.left.tolist(), each.right.tolist(), strict=True)) for each in found]
    assert not pairs[0] & pairs[2] and not pairs[1] & pairs[2]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"split": "dev"}, "`split` must be one of 'train'.* Received: split='dev'"),
        ({"split": ["train"]}, "`split` must be one of 'train'"),
        ({"source": "hub"}, "`source`"),
    ],
)
def test_unknown_splits_and_sources_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.sentence_pairs(**arguments)


# --- Made up


def test_a_made_up_pair_depends_on_its_seed_and_number_alone():
    few, many, other = (synthetic.sentence_pairs(*given) for given in ((3,), (9,), (3, 1)))
    assert few.left.tolist() == many.left[:3].tolist() and few.same.tolist() == many.same[:3].tolist()
    assert few.left.tolist() != other.left.tolist()


def test_common_words_say_something_of_made_up_pairs_and_not_all():
    """Share of common words, and the degree: correlated, far from 1, since synonyms share nothing."""
    pairs = synthetic.sentence_pairs(500)
    sets = [[set(sentence.lower().split()) for sentence in side] for side in (pairs.left, pairs.right)]
    overlap = [len(a & b) / len(a | b) for a, b in zip(*sets, strict=True)]
    assert 0.5 < stats.spearmanr(overlap, pairs.same)[0] < 0.85
    assert pairs.same.min() == 0 and pairs.same.max() == 1


@pytest.mark.parametrize("arguments", [{"pairs": 0}, {"pairs": 2.5}, {"seed": -1}])
def test_counts_that_make_no_sentences_are_refused(arguments):
    with pytest.raises(ValueError, match="must be an integer"):
        synthetic.sentence_pairs(**arguments)


# --- Streams

LEFT, RIGHT = np.array(["a b", "c", "d e f"]), np.array(["x", "y z", "w"])


def test_sentences_are_streamed_as_they_are():
    stream = generators.from_pairs(LEFT, RIGHT, [0, 0.5, 1], batch_size=2, shuffle=False, text=True)
    found = [(inputs["left"].numpy().tolist(), same.numpy().tolist()) for inputs, same in stream]
    assert found == [([b"a b", b"c"], [0.0, 0.5]), ([b"d e f"], [1.0])]
    shuffled = generators.from_pairs(LEFT.tolist(), RIGHT.tolist(), [0, 0.5, 1], text=True)
    (inputs, same), *_ = shuffled
    told = {
        row for row in zip(*(each.numpy().tolist() for each in (inputs["left"], inputs["right"], same)), strict=True)
    }
    assert told == {(b"a b", b"x", 0.0), (b"c", b"y z", 0.5), (b"d e f", b"w", 1.0)}


def test_numbers_of_words_are_streamed_as_they_are():
    ids = np.array([[1, 2], [3, 0], [300, 5]])
    stream = generators.from_pairs(ids, ids[::-1], [0, 0.5, 1], shuffle=False, text=True)
    inputs, _ = next(iter(stream))
    assert inputs["left"].numpy().tolist() == ids.tolist() and inputs["left"].dtype == "int32"


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"left": ["a", "", "b"]}, "Every sentence needs at least one word. Received: '' at position 1 of `left`"),
        ({"right": [1.0, 2.0, 3.0]}, "`right` must be sentences, \\(n,\\) strings.* Received: float64"),
        ({"left": ["a", "b"]}, "Received: 2 left, 3 right, 3 labels"),
        ({"same": [0, 1.5, 1]}, "`same` must lie in \\[0, 1\\].* Received: 1.5 at position 1. Scale other scores"),
        ({"left": np.array([[-1], [0], [1]])}, "whole and at least 0. Received: `left`"),
        ({"load": len}, "`load` reads files; sentences are there already"),
        ({"text": False}, "`left` holds file paths"),
    ],
)
def test_sentences_that_make_no_pairs_are_refused(changed, message):
    given = {"left": LEFT, "right": RIGHT, "same": [0, 0.5, 1], "text": True} | changed
    with pytest.raises(ValueError, match=message):
        generators.from_pairs(**given)


def test_one_long_sentence_does_not_widen_the_others():
    """As an array of fixed width, 20,000 sentences beside one of 100,000 letters would be 8 GB."""
    found = checked_sentences(["a"] * 20_000 + ["b" * 100_000])
    assert found.dtype == object and found.nbytes == 20_001 * 8
    assert len(found[-1]) == 100_000


def test_memory_does_not_grow_with_the_pairs_that_went_by():
    """100,000 pairs tokenised at once would be 100,000 * 2 * 128 * 8 bytes = 205 MB; ten passes must not come near."""
    code = """
import resource
import numpy as np
from siamkeras import generators, tokens
sentences = np.array([f"sentence number {n}" for n in range(10_000)])
tokenise = tokenizers.characters()
stream = generators.from_pairs(sentences, sentences[::-1].copy(), np.ones(10_000), batch_size=500, text=True)
def passes(n):
    for _ in range(n):
        for inputs, _ in stream:
            tokenise(inputs["left"]), tokenise(inputs["right"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = passes(1)
print(passes(10) - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 60


# --- Correlation


def test_correlation_agrees_with_scipy_also_with_ties():
    rng = np.random.default_rng(0)
    distances, same = rng.integers(0, 9, 60) / 8, rng.integers(0, 6, 60) / 5
    report = evaluation.correlation_from_distances(distances, same, resamples=0)
    assert np.isclose(report.spearman, stats.spearmanr(-distances, same)[0])
    assert np.isclose(report.pearson, stats.pearsonr(-distances, same)[0])
    assert report.interval == {}


def test_weighed_correlation_is_that_of_pairs_that_occur_so_often():
    rng = np.random.default_rng(1)
    score, same, weights = rng.integers(0, 9, 40) / 8, rng.random(40), rng.integers(0, 4, (3, 40))
    found = correlating._both(score, same, weights.astype("float64"))
    for row, both in zip(weights, found.T, strict=True):
        again = np.repeat(score, row), np.repeat(same, row)
        np.testing.assert_allclose(both, [stats.spearmanr(*again)[0], stats.pearsonr(*again)[0]], rtol=1e-9)


def test_correlation_by_hand():
    """Ranks of the scores 3, 1, 2 and of the labels 3, 2, 1 differ by 0, 1, 1: 1 - 6 * 2 / (3 * 8) = 0.5. Scores
    -1, -3, -2 and labels 1, 0.5, 0: deviations 1, -1, 0 and 0.5, 0, -0.5; 0.5 / sqrt(2 * 0.5) = 0.5."""
    report = evaluation.correlation_from_distances([1, 3, 2], [1, 0.5, 0], resamples=0)
    assert np.isclose(report.spearman, 0.5) and np.isclose(report.pearson, 0.5)


def test_a_perfect_order_is_1_and_a_turned_one_minus_1():
    same = np.linspace(0, 1, 20)
    assert np.isclose(evaluation.correlation_from_distances((1 - same) ** 3, same, resamples=9).spearman, 1)
    assert evaluation.correlation_from_distances((1 - same) ** 3, same, resamples=9).pearson < 0.99
    assert np.isclose(evaluation.correlation_from_distances(same, same, resamples=9).pearson, -1)


def test_equal_distances_follow_nothing():
    report = evaluation.correlation_from_distances(np.full(30, 0.1), np.linspace(0, 1, 30), resamples=20)
    assert (report.pearson, report.spearman) == (0, 0) and report.interval["spearman"] == (0, 0)


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Two normal variables of correlation 0.6, of which 95 % of 200 intervals should hold it: at least 88 %."""
    rng, held = np.random.default_rng(2), 0
    for seed in range(200):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 100).T
        same = (y - y.min()) / np.ptp(y)
        low, high = evaluation.correlation_from_distances(-x, same, resamples=200, seed=seed).interval["pearson"]
        held += low <= 0.6 <= high
    assert held >= 176


def test_intervals_are_wider_where_pairs_hang_together():
    rng = np.random.default_rng(3)
    x = np.repeat(rng.random(20), 10)
    same = np.clip(x + np.repeat(rng.normal(0, 0.3, 20), 10), 0, 1)
    alone = evaluation.correlation_from_distances(-x, same).interval["spearman"]
    together = evaluation.correlation_from_distances(-x, same, units=np.repeat(np.arange(20), 10)).interval["spearman"]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_a_table_has_a_line_for_each_correlation():
    """Deviations of the scores 0.3, 0, 0.2, -0.5, of the labels 0.4375, 0.1875, -0.0625, -0.5625: the sum of products
    is 0.4, those of squares 0.38 and 0.547; 0.4 / sqrt(0.38 * 0.547) = 0.877."""
    report = evaluation.correlation_from_distances([0.1, 0.4, 0.2, 0.9], [1.0, 0.75, 0.5, 0.0], resamples=0)
    assert str(evaluation.table({"tower": report})).split() == "Spearman Pearson pairs tower 0.800 0.877 4".split()
    assert repr(report).split() == "Spearman Pearson pairs 0.800 0.877 4".split()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([0.1], [1, 0]), "Every pair needs one distance and one label. Received: 1 and 2"),
        (([0.1, np.nan], [1, 0]), "Distances must be finite. Received: nan"),
        (([0.1, 0.2], [1, 5]), "`same` must lie in \\[0, 1\\]"),
        (([0.1, 0.2], [1, 1]), "Labels must differ .* Received: 2 pairs, all alike"),
        (([], []), "Labels must differ .* Received: 0 pairs"),
    ],
)
def test_pairs_that_have_no_correlation_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluation.correlation_from_distances(*arguments)


def test_a_model_of_strings_is_measured_and_compares_new_sentences():
    """A hashed tower without training orders made-up pairs better than chance: its interval lies above 0.4."""
    from siamkeras import models, retrieval, towers

    pairs = synthetic.sentence_pairs(300)
    tower = towers.bag_of_ngrams(embedding_dim=None, buckets=2000)
    siamese = models.siamese(tower, "cosine")
    stream = generators.from_pairs(pairs.left, pairs.right, pairs.same, shuffle=False, text=True)
    report = evaluation.correlation(siamese, stream, resamples=200)
    assert report.interval["spearman"][0] > 0.4
    verdict = evaluation.compare(siamese, pairs.left[:3], pairs.right[:3], threshold=0.5)
    np.testing.assert_allclose(verdict.distance, report.distances[:3], atol=1e-5)
    np.testing.assert_allclose(
        evaluation.compare(siamese, str(pairs.left[0]), str(pairs.right[0])).distance, verdict.distance[:1], atol=1e-5
    )
    embeddings = retrieval.embed(tower, pairs.left)
    found = retrieval.Index(embeddings, labels=pairs.left).nearest(retrieval.embed(tower, str(pairs.left[7])), k=1)
    assert found.label[0, 0] == pairs.left[7]
    with pytest.raises(ValueError, match="`load` and `augment` are for images"):
        retrieval.embed(tower, pairs.left, load=len)


@pytest.mark.parametrize("missing", [float("nan"), None, 3])
def test_a_missing_sentence_is_not_made_a_word(missing):
    with pytest.raises(ValueError, match="`left` must be sentences"):
        generators.from_pairs(["a", missing], ["b", "c"], [1, 0], text=True)


def test_bytes_of_another_encoding_are_named_with_their_place():
    with pytest.raises(ValueError, match="bytes in UTF-8. Received: .* at position 1 of `right`"):
        generators.from_pairs(["a", "b"], [b"c", b"\xff\xfe"], [1, 0], text=True)
