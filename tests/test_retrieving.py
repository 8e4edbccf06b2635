"""Recall, precision and MAP@R against plain loops and numbers by hand; ties, blocks and intervals."""

import numpy as np
import oracles
import pytest

from siamkeras import evaluation
from siamkeras.evaluation import retrieval as retrieving

RNG = np.random.default_rng(6)
# Ragged classes, numbered at will; 42 has one member.
LABELS = np.repeat([7, 3, 11, 42], [12, 5, 2, 1])[RNG.permutation(20)]
EMBEDDINGS = RNG.normal(size=(20, 3))


def report_of(*arguments, k=(1, 2, 6), resamples=0, **options):
    return evaluation.retrieval(*arguments, k=k, resamples=resamples, **options)


def check(report, expected, depths):
    """A report against what plain loops say of each query."""
    measured = [query for query, each in enumerate(expected) if each]
    assert report.queries.tolist() == measured
    assert report.without == len(expected) - len(measured)
    hits = np.array([expected[query][0] for query in measured])
    np.testing.assert_array_equal(report.hits, hits)
    np.testing.assert_allclose(report.average_precision, [expected[query][1] for query in measured])
    for place, k in enumerate(depths):
        assert report.recall_at_k[k] == pytest.approx(np.mean(hits[:, place] > 0))
        assert report.precision_at_k[k] == pytest.approx(np.mean(hits[:, place]) / k)
    assert report.map_at_r == pytest.approx(report.average_precision.mean())


@pytest.mark.parametrize("digits", [6, 0])
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])
def test_measures_agree_with_plain_loops(distance, digits):
    """Rounded to whole numbers, many distances are equal; moved, none is of length 0."""
    embeddings = EMBEDDINGS.round(digits) + 0.25
    expected = oracles.retrieval(distance, embeddings, LABELS, (1, 2, 6))
    check(report_of(embeddings, LABELS, distance=distance), expected, (1, 2, 6))


@pytest.mark.parametrize("names", [LABELS, LABELS.astype(str)])
def test_measures_in_a_gallery_agree_with_plain_loops(names):
    """Six queries, of which the gallery holds the class or not; an embedding of the gallery counts as any other."""
    queries, labels = np.concatenate([EMBEDDINGS[:4], RNG.normal(size=(2, 3))]), names[[0, 1, 2, 3, 4, 5]].copy()
    labels[5] = 99
    expected = oracles.retrieval("euclidean", queries, labels, (1, 2, 6), EMBEDDINGS, names)
    report = report_of(queries, labels, EMBEDDINGS, names)
    check(report, expected, (1, 2, 6))
    assert report.without >= 1 and report.hits[0, 0] == 1


def test_measures_by_hand():
    """On a line: a at 0, 1, 3 and b at 4, 4.5. The list of a at 0 is a a b b: R = 2, both right, 1. Of a at 1: a a
    b b, 1. Of a at 3: b (4), b (4.5), a (1), a (0): 0. Of b at 4: b (4.5), then a: R = 1, 1. Of b at 4.5: 1.
    MAP@R = 4/5. Recall at 1 = 4/5; at 3 all, for the third list has an a at its third place. Precision at 3:
    (2 + 2 + 1 + 1 + 1) / 15."""
    found = report_of([[0], [1], [3], [4], [4.5]], [*"aaabb"], k=[3, 1])
    assert found.map_at_r == pytest.approx(4 / 5)
    assert found.recall_at_k == {1: pytest.approx(4 / 5), 3: 1.0}
    assert found.precision_at_k == {1: pytest.approx(4 / 5), 3: pytest.approx(7 / 15)}


def test_a_right_one_counts_the_more_the_earlier_it_comes():
    """Three of five are of the class of the query. Right, wrong, right | right, wrong: (1 + 0 + 2/3) / 3 = 5/9; at
    the fourth place R = 3 has passed. Wrong, right, right: (0 + 1/2 + 2/3) / 3 = 7/18."""
    gallery = [[1.0], [2.0], [3.0], [4.0], [5.0]]
    for labels, expected in (([8, 9, 8, 8, 9], 5 / 9), ([9, 8, 8, 9, 8], 7 / 18)):
        assert report_of([[0.0]], [8], gallery, labels, k=1).map_at_r == pytest.approx(expected)


def test_each_query_is_left_out_itself_and_not_its_equals():
    """Every embedding is there twice, in one class: the other one is found, at distance 0."""
    twice = np.repeat(EMBEDDINGS[:5], 2, axis=0)
    assert report_of(twice, np.repeat([7, 3, 11, 5, 2], 2), k=1).map_at_r == 1.0
    # The equal one is of another class: nothing is left to be found but the others.
    assert report_of(twice, np.tile([7, 3], 5), k=1).recall_at_k == {1: 0.0}


def test_of_equally_far_ones_the_wrong_come_first():
    """A tower that gives one embedding to everything finds nothing, in whatever order the embeddings come."""
    labels = np.repeat([7, 3, 11], 4)
    found = report_of(np.full((12, 3), 0.7), labels, k=(1, 8))
    assert found.recall_at_k == {1: 0.0, 8: 0.0}
    assert found.map_at_r == 0.0
    assert report_of(np.full((12, 3), 0.7), labels, k=9).recall_at_k == {9: 1.0}


@pytest.mark.parametrize("n, dim", [(5, 257), (101, 64)])
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])
def test_equal_embeddings_are_equally_far_in_spite_of_rounding(distance, n, dim):
    """Each is there four times, in two classes, scattered: to a matrix product these are not quite equal."""
    rng = np.random.default_rng(0)
    embeddings = np.repeat((10 + rng.normal(size=(n, dim))).astype("float32"), 4, axis=0)
    labels, order = np.tile([7, 7, 3, 3], n), rng.permutation(4 * n)
    found = report_of(embeddings[order], labels[order], k=(1, 2, 3), distance=distance)
    assert found.recall_at_k == {1: 0.0, 2: 0.0, 3: 1.0}


@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])
def test_the_order_of_the_embeddings_changes_nothing(distance):
    order, embeddings = RNG.permutation(20), EMBEDDINGS.round()
    one = report_of(embeddings, LABELS, distance=distance)
    other = report_of(embeddings[order], LABELS[order], distance=distance)
    assert one.recall_at_k == pytest.approx(other.recall_at_k)
    assert one.map_at_r == pytest.approx(other.map_at_r)


def test_a_vector_without_direction_is_at_cosine_distance_one():
    """From (1, 0): (0, 0) at 1 is nearer than (-1, 0) at 2 and farther than (1, 1)."""
    gallery = [[-1, 0], [0, 0], [1, 1]]
    for labels, recall in (([3, 3, 7], 1.0), ([3, 7, 3], 0.0)):
        found = report_of([[1, 0]], [7], gallery, labels, k=(1, 2), distance="cosine")
        assert found.recall_at_k == {1: recall, 2: 1.0}


def test_queries_alone_in_their_class_are_left_out_and_counted():
    """Of 42 there is one; the others are measured as if it were in nobody's way but the list's."""
    found = report_of(EMBEDDINGS, LABELS)
    assert found.without == 1
    assert (LABELS[found.queries] != 42).all() and len(found.queries) == len(found.hits) == 19
    with pytest.raises(ValueError, match="needs another of its class to be found. Received: 4 without"):
        report_of(EMBEDDINGS[:4], [7, 3, 11, 42], k=1)


@pytest.mark.parametrize("gallery", [False, True])
def test_blocks_change_nothing_but_memory(monkeypatch, gallery):
    """A hundred distances at once are five rows of twenty; the last block is smaller."""
    more = (EMBEDDINGS, LABELS) if gallery else ()
    whole = report_of(EMBEDDINGS[:18], LABELS[:18], *more)
    shapes, measure = [], retrieving._distances

    def spy(queries, gallery, distance):
        found = measure(queries, gallery, distance)
        shapes.append(found.shape)
        return found

    monkeypatch.setattr(retrieving, "BLOCK", 100)
    monkeypatch.setattr(retrieving, "_distances", spy)
    blocks = report_of(EMBEDDINGS[:18], LABELS[:18], *more)
    m = 20 if gallery else 18
    assert shapes == [(5, m)] * 3 + [(3, m)]
    np.testing.assert_array_equal(blocks.queries, whole.queries)
    np.testing.assert_array_equal(blocks.hits, whole.hits)
    np.testing.assert_array_equal(blocks.average_precision, whole.average_precision)


def test_intervals_are_as_wide_as_those_of_a_share():
    """Of 400 queries each finds one of its class first or not, a share of p: the deviation of the mean is
    sqrt(p (1 - p) / 400), and 95 % are 2 * 1.96 of them. A bootstrap of 2,000 is within a tenth of that."""
    rng = np.random.default_rng(1)
    embeddings, labels = rng.normal(size=(400, 2)), np.arange(400) % 5
    embeddings[:, 0] += labels
    found = report_of(embeddings, labels, k=1, resamples=2000)
    p, (low, high) = found.recall_at_k[1], found.interval["recall_at_1"]
    assert 0.2 < p < 0.6 and low < p < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 400), rel=0.1)


def test_every_measure_has_an_interval_that_repeats_from_a_seed():
    labels, options = LABELS % 3, {"resamples": 200}
    one, again, other = (report_of(EMBEDDINGS, labels, seed=seed, **options) for seed in (1, 1, 2))
    values = {"map_at_r": one.map_at_r}
    for k in (1, 2, 6):
        values |= {f"recall_at_{k}": one.recall_at_k[k], f"precision_at_{k}": one.precision_at_k[k]}
    assert set(one.interval) == set(values)
    assert all(one.interval[name][0] <= value <= one.interval[name][1] for name, value in values.items())
    assert one.interval == again.interval and one.interval != other.interval
    assert report_of(EMBEDDINGS, labels).interval == {}
    assert report_of(EMBEDDINGS[:1], labels[:1], EMBEDDINGS, labels, **options).interval == {}  # one query


def test_intervals_are_wider_where_queries_hang_together():
    """Half of the classes are found, half are not: drawn by class, the mean varies as that of ten coins."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(10) + 40, 30)
    centres = rng.normal(size=(10, 4)) * 100
    centres[5:] = 0
    embeddings = centres[labels - 40] + rng.normal(size=(300, 4))

    def width(**options):
        low, high = report_of(embeddings, labels, k=1, resamples=300, **options).interval["recall_at_1"]
        return high - low

    assert width(units=labels) > 2 * width()


def test_units_are_those_of_the_queries_that_are_measured():
    """Whether the one without another of its class comes first or last, the others have the units that they had."""
    alone, units = np.flatnonzero(LABELS == 42), LABELS + np.arange(20) % 2
    rest = np.setdiff1d(np.arange(20), alone)
    first, last = (
        report_of(EMBEDDINGS[order], LABELS[order], units=units[order], resamples=50)
        for order in (np.append(alone, rest), np.append(rest, alone))
    )
    assert first.interval == last.interval
    assert np.isfinite(list(first.interval.values())).all()


def test_plain_functions_give_what_the_report_gives():
    options = {"distance": "cosine", "gallery": EMBEDDINGS[5:], "gallery_labels": LABELS[5:]}
    report = report_of(EMBEDDINGS, LABELS, k=(2, 6), **options)
    assert evaluation.recall_at_k(EMBEDDINGS, LABELS, k=(2, 6), **options) == report.recall_at_k
    assert evaluation.precision_at_k(EMBEDDINGS, LABELS, k=(2, 6), **options) == report.precision_at_k
    assert evaluation.map_at_r(EMBEDDINGS, LABELS, **options) == report.map_at_r
    assert list(evaluation.recall_at_k(EMBEDDINGS, LABELS)) == [1, 5, 10]


def test_table_has_a_line_for_each_report():
    """19 of 20 have another of their class."""
    mine = report_of(EMBEDDINGS, LABELS, k=(1, 5, 10), resamples=100)
    other = report_of(EMBEDDINGS, LABELS % 3, k=(1, 5, 10))
    lines = repr(evaluation.table({"a tower of mine": mine, "other": other})).splitlines()
    assert lines[0].split() == ["recall@1", "recall@5", "recall@10", "P@5", "P@10", "MAP@R", "queries"]
    low, high = mine.interval["recall_at_1"]
    assert lines[1].startswith(f"a tower of mine  {mine.recall_at_k[1]:.1%} [{100 * low:.1f}, {100 * high:.1f}]")
    assert lines[1].endswith("  19 of 20") and lines[2].endswith("  20")
    assert f"  {other.map_at_r:.1%}  " in lines[2]
    assert max(map(len, lines)) <= 105  # A page is that wide.
    assert repr(mine) == repr(evaluation.table({"": mine}))


def test_a_table_does_not_mix_kinds():
    mine = report_of(EMBEDDINGS, LABELS, k=(1, 5))
    pairs = evaluation.verification_from_distances([0.1, 0.2], [1, 0], resamples=0)
    with pytest.raises(ValueError, match=r"one kind.* Received: Retrieval \(recall@1, .*\) and Verification \(AUC, "):
        evaluation.table({"mine": mine, "pairs": pairs})
    with pytest.raises(ValueError, match="the same k"):
        evaluation.table({"mine": mine, "other": report_of(EMBEDDINGS, LABELS, k=(1, 10))})


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((EMBEDDINGS[:, 0], LABELS), {}, r"`embeddings` must be numbers \(n, dim\)"),
        ((np.full((20, 3), np.nan), LABELS), {}, "`embeddings` must be finite"),
        ((EMBEDDINGS, LABELS[1:]), {}, "one of `labels`. Received: 20 embeddings, 19 labels"),
        ((EMBEDDINGS, LABELS / 2), {}, "`labels` must be integers or strings. Received: float64"),
        ((EMBEDDINGS, LABELS, EMBEDDINGS), {}, "go together. Received: no `gallery_labels`"),
        ((EMBEDDINGS, LABELS, None, LABELS), {}, "go together. Received: no `gallery`"),
        ((EMBEDDINGS, LABELS, EMBEDDINGS[:, :2], LABELS), {}, r"`gallery` must have as many numbers .* 3. .*\(20, 2\)"),
        ((EMBEDDINGS, LABELS, EMBEDDINGS, LABELS[1:]), {}, "20 embeddings, 19 gallery_labels"),
        ((EMBEDDINGS, LABELS, EMBEDDINGS, LABELS.astype(str)), {}, "both be integers, or both strings. .* <U21"),
        ((EMBEDDINGS, LABELS), {"k": 20}, "`k` must be a whole number, at least 1, at most 19. Received: 20"),
        ((EMBEDDINGS, LABELS), {"k": (1, 0)}, "Received: 0"),
        ((EMBEDDINGS, LABELS), {"k": 1.5}, "Received: 1.5"),
        ((EMBEDDINGS, LABELS), {"k": ()}, r"`k` must be a whole number, or several. Received: \(\)"),
        ((EMBEDDINGS[:1], LABELS[:1]), {"k": 1}, "at most 0. Received: 1"),
        ((EMBEDDINGS, LABELS), {"distance": "hamming"}, "`distance` must be one of .* Received: 'hamming'"),
        ((EMBEDDINGS, LABELS), {"resamples": -1}, "`resamples` must be a whole number, at least 0. Received: -1"),
        ((EMBEDDINGS, LABELS), {"units": [1, 2]}, r"one unit. Received: 20 queries, units of shape \(2,\)"),
        ((EMBEDDINGS, LABELS), {"units": LABELS * 0, "resamples": 9}, "At least two units are needed"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        report_of(*arguments, **options)
