"""Pairs of sentences: read from files, from the hub, or made up; streamed in bounded memory; their correlation."""

import numpy as np
import pytest
from scipy import stats

from siamkeras import evaluation, generators
from siamkeras.data.examples import checked_sentences
from siamkeras.evaluation import correlation as correlating

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


@pytest.mark.parametrize("missing", [float("nan"), None, 3])
def test_a_missing_sentence_is_not_made_a_word(missing):
    with pytest.raises(ValueError, match="`left` must be sentences"):
        generators.from_pairs(["a", missing], ["b", "c"], [1, 0], text=True)


def test_bytes_of_another_encoding_are_named_with_their_place():
    with pytest.raises(ValueError, match="bytes in UTF-8. Received: .* at position 1 of `right`"):
        generators.from_pairs(["a", "b"], [b"c", b"\xff\xfe"], [1, 0], text=True)
