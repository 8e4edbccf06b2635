"""Recall, precision, MAP@R, R-precision and MRR against plain loops and by hand; ties, blocks and intervals."""

import tracemalloc

import numpy as np
import oracles
import pytest

from siamkeras import evaluation
from siamkeras.evaluation.retrieval import _distances, retrieval

RNG = np.random.default_rng(6)
# Classes of different sizes; 42 has one example.
LABELS = np.repeat([7, 3, 11, 42], [12, 5, 2, 1])[RNG.permutation(20)]
EMBEDDINGS = RNG.normal(size=(20, 3))
each_distance = pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])


def evaluate(*arguments, k=(1, 2, 6), resamples=0, **options):
    return evaluation.retrieval(*arguments, k=k, resamples=resamples, **options)


def check(report, expected, depths):
    """Compares a report with the results of plain loops for each query (None: not evaluated)."""
    evaluated = [query for query, result in enumerate(expected) if result]
    assert report.queries.tolist() == evaluated
    assert report.without == len(expected) - len(evaluated)
    hits = np.array([expected[query][0] for query in evaluated])
    np.testing.assert_array_equal(report.hits, hits)
    np.testing.assert_allclose(report.average_precision, [expected[query][1] for query in evaluated])
    for column, k in enumerate(depths):
        assert report.recall_at_k[k] == pytest.approx(np.mean(hits[:, column] > 0))
        assert report.precision_at_k[k] == pytest.approx(np.mean(hits[:, column]) / k)
    assert report.map_at_r == pytest.approx(report.average_precision.mean())
    assert report.r_precision == pytest.approx(np.mean([expected[query][2] for query in evaluated]))
    assert report.mrr == pytest.approx(np.mean([expected[query][3] for query in evaluated]))


@pytest.mark.parametrize("digits", [6, 0])
@each_distance
def test_measures_agree_with_plain_loops(distance, digits):
    """Rounded to integers, many distances are equal; with an offset, no vector is 0."""
    embeddings = EMBEDDINGS.round(digits) + 0.25
    expected = oracles.retrieval(distance, embeddings, LABELS, (1, 2, 6))
    check(evaluate(embeddings, LABELS, distance=distance), expected, (1, 2, 6))


@pytest.mark.parametrize("names", [LABELS, LABELS.astype(str)])
def test_measures_in_a_gallery_agree_with_plain_loops(names):
    """Four of six queries are in the gallery themselves and count as any other example; the class of one is missing."""
    queries, labels = np.concatenate([EMBEDDINGS[:4], RNG.normal(size=(2, 3))]), names[:6].copy()
    labels[5] = 99
    expected = oracles.retrieval("euclidean", queries, labels, (1, 2, 6), EMBEDDINGS, names)
    report = evaluate(queries, labels, EMBEDDINGS, names)
    check(report, expected, (1, 2, 6))
    assert report.without >= 1 and report.hits[0, 0] == 1


def test_measures_by_hand():
    """On a line: a at 0, 1, 3 and b at 4, 4.5. The ranking of a at 0 is a a b b: R = 2, AP = 1. Of a at 1: a a b b, 1.
    Of a at 3: b (4), b (4.5), a (1), a (0): 0. Of b at 4: b (4.5), then a: R = 1, 1. Of b at 4.5: 1. MAP@R = 4/5.
    Recall at 1 = 4/5; at 3 = 1, since the third ranking has an a at rank 3. Precision at 3: (2+2+1+1+1) / 15.
    MRR: (1 + 1 + 1/3 + 1 + 1) / 5. R-precision: as MAP@R, since each R nearest are all or none of the class."""
    report = evaluate([[0], [1], [3], [4], [4.5]], [*"aaabb"], k=[3, 1])
    assert report.map_at_r == report.r_precision == pytest.approx(4 / 5)
    assert report.mrr == pytest.approx(13 / 15)
    assert report.recall_at_k == {1: pytest.approx(4 / 5), 3: 1.0}
    assert report.precision_at_k == {1: pytest.approx(4 / 5), 3: pytest.approx(7 / 15)}


def test_a_query_does_not_find_itself_but_its_equals():
    """Every embedding occurs twice, in one class or in two."""
    twice = np.repeat(EMBEDDINGS[:5], 2, axis=0)
    assert evaluate(twice, np.repeat([7, 3, 11, 5, 2], 2), k=1).map_at_r == 1.0
    assert evaluate(twice, np.tile([7, 3], 5), k=1).recall_at_k == {1: 0.0}


def test_at_equal_distances_other_classes_rank_first():
    """A collapsed tower retrieves nothing: all eight examples of other classes rank first."""
    labels = np.repeat([7, 3, 11], 4)
    report = evaluate(np.full((12, 3), 0.7), labels, k=(1, 8, 9))
    assert report.recall_at_k == {1: 0.0, 8: 0.0, 9: 1.0}
    assert report.map_at_r == 0.0


@each_distance
def test_rounding_does_not_separate_equal_embeddings(distance):
    """Each occurs four times, in two classes, in random order; a matrix product gives slightly different distances."""
    rng, n, dim, offset = np.random.default_rng(0), 101, 64, 1000
    embeddings = np.repeat((offset + rng.normal(size=(n, dim))).astype("float32"), 4, axis=0)
    labels, order = np.tile([7, 7, 3, 3], n), rng.permutation(4 * n)
    report = evaluate(embeddings[order], labels[order], k=(1, 2, 3), distance=distance)
    assert report.recall_at_k == {1: 0.0, 2: 0.0, 3: 1.0}


def test_queries_that_are_alone_in_their_class_are_left_out():
    report = evaluate(EMBEDDINGS, LABELS)
    assert report.without == 1
    assert (LABELS[report.queries] != 42).all() and len(report.queries) == len(report.hits) == 19
    with pytest.raises(ValueError, match="No query has an example of its class in the gallery. Received: 4 queries"):
        evaluate(EMBEDDINGS[:4], [7, 3, 11, 42], k=1)


@pytest.mark.parametrize("gallery", [(), (EMBEDDINGS, LABELS)])
def test_blocks_of_queries_give_the_same_result(monkeypatch, gallery):
    """100 distances per block are five queries of twenty; the last block is smaller."""
    whole = evaluate(EMBEDDINGS[:18], LABELS[:18], *gallery)
    shapes, parameters = [], retrieval.__globals__

    def spy(*arguments):
        distances = _distances(*arguments)
        shapes.append(distances.shape)
        return distances

    monkeypatch.setitem(parameters, "BLOCK", 100)
    monkeypatch.setitem(parameters, "_distances", spy)
    blocks = evaluate(EMBEDDINGS[:18], LABELS[:18], *gallery)
    m = 20 if gallery else 18
    assert sorted(shapes) == [(3, m)] + [(5, m)] * 3  # in threads, in any order
    np.testing.assert_array_equal(blocks.queries, whole.queries)
    np.testing.assert_array_equal(blocks.hits, whole.hits)
    np.testing.assert_array_equal(blocks.average_precision, whole.average_precision)


@each_distance
@pytest.mark.parametrize("own", [True, False])
def test_many_examples_in_tiles_and_threads_agree_with_plain_loops(monkeypatch, distance, own):
    """Classes of 1 to 60 of 150 examples, in tiles of 16; rounded, except for cosine, to have equal distances."""
    parameters = retrieval.__globals__
    monkeypatch.setitem(parameters, "BLOCK", 1_000)
    monkeypatch.setitem(parameters, "TILE", 16)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(4), raising=False)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([7, 3, 11, 42, 5, 9], [60, 50, 30, 7, 2, 1]))
    embeddings = 3 * rng.normal(size=(150, 3))
    embeddings = embeddings if distance == "cosine" else embeddings.round()
    gallery = () if own else (embeddings[:140], labels[:140])
    expected = oracles.retrieval(distance, embeddings, labels, (1, 5, 100), *gallery)
    check(evaluate(embeddings, labels, *gallery, k=(1, 5, 100), distance=distance), expected, (1, 5, 100))


def test_the_memory_does_not_grow_with_the_size_of_the_classes(monkeypatch):
    """2,000 examples of two classes: the ranks of all positives would take 16 MB."""
    monkeypatch.setitem(retrieval.__globals__, "BLOCK", 2**17)
    embeddings, labels = np.random.default_rng(0).random((2_000, 4), "float32"), np.arange(2_000) % 2
    evaluate(embeddings[:100], labels[:100])
    tracemalloc.start()
    try:
        evaluate(embeddings, labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6


def test_every_measure_has_an_interval_that_contains_it():
    labels, options = LABELS % 3, {"resamples": 200}
    one, again, other = (evaluate(EMBEDDINGS, labels, seed=seed, **options) for seed in (1, 1, 2))
    values = {name: getattr(one, name) for name in ("map_at_r", "mrr", "r_precision")}
    for k in (1, 2, 6):
        values |= {f"recall_at_{k}": one.recall_at_k[k], f"precision_at_{k}": one.precision_at_k[k]}
    assert set(one.interval) == set(values)
    assert all(one.interval[name][0] <= value <= one.interval[name][1] for name, value in values.items())
    assert one.interval == again.interval != other.interval
    assert evaluate(EMBEDDINGS, labels).interval == {}
    assert evaluate(EMBEDDINGS[:1], labels[:1], EMBEDDINGS, labels, **options).interval == {}  # a single query


def test_intervals_over_clusters_are_wider():
    """Half of the classes are retrieved, half are not: over classes, the mean varies as that of ten coins."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(10) + 40, 30)
    centres = rng.normal(size=(10, 4)) * 100
    centres[5:] = 0
    embeddings = centres[labels - 40] + rng.normal(size=(300, 4))
    over_queries, over_classes = (
        np.diff(evaluate(embeddings, labels, k=1, resamples=300, clusters=each).interval["recall_at_1"])
        for each in (None, labels)
    )
    assert over_classes > 2 * over_queries


def test_clusters_are_those_of_the_evaluated_queries():
    """Whether the query without another example of its class comes first or last."""
    alone, clusters = np.flatnonzero(LABELS == 42), LABELS + np.arange(20) % 2
    rest = np.setdiff1d(np.arange(20), alone)
    first, last = (
        evaluate(EMBEDDINGS[order], LABELS[order], clusters=clusters[order], resamples=50)
        for order in (np.append(alone, rest), np.append(rest, alone))
    )
    assert first.interval == last.interval


def test_a_report_is_one_row_of_a_table():
    """19 of 20 queries have another example of their class."""
    report = evaluate(EMBEDDINGS, LABELS, k=(1, 5, 10), resamples=100)
    heading, row = str(evaluation.table({"mine": report})).splitlines()
    assert heading.split() == ["recall@1", "recall@10", "P@10", "MAP@R", "queries"]
    low, high = report.interval["recall_at_1"]
    assert row.startswith(f"mine  {report.recall_at_k[1]:.1%} [{100 * low:.1f}, {100 * high:.1f}]")
    assert f"  {report.map_at_r:.1%} [" in row and row.endswith("  19 of 20")
    assert f"  {report.recall_at_k[10]:.1%}      {report.precision_at_k[10]:.1%}  " in row
    assert list(evaluate(EMBEDDINGS, LABELS, k=1).columns()) == ["recall@1", "MAP@R", "queries"]


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((EMBEDDINGS, LABELS[1:]), {}, "`labels` must have one entry for each of the 20 examples. Received: 19"),
        ((EMBEDDINGS, LABELS, EMBEDDINGS), {}, r"`gallery_labels` must be one-dimensional.* shape \(\)"),
        ((EMBEDDINGS, LABELS, None, LABELS), {}, r"`gallery` must be a numeric array .* shape \(\)"),
        (
            (EMBEDDINGS, LABELS, EMBEDDINGS, LABELS.astype(str)),
            {},
            "No query .* with int64 labels, .* with <U21 labels",
        ),
        ((EMBEDDINGS, LABELS), {"k": 20}, "`k` must be an integer of at least 1 and at most 19. Received: k=20"),
        ((EMBEDDINGS, LABELS), {"distance": "hamming"}, "`distance` must be one of .* Received: distance='hamming'"),
        ((EMBEDDINGS, LABELS), {"clusters": [1, 2]}, r"`clusters` must be one per query.* Received: shape \(2,\)"),
    ],
)
def test_argument_errors(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*arguments, **options)
