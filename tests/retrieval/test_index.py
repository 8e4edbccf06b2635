"""The index against plain loops; its file complete, damaged and interrupted."""

import sys
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import oracles
import pytest
from sklearn.neighbors import NearestNeighbors

from siamkeras import distances, retrieval
from siamkeras.retrieval import _exact, _search

RNG = np.random.default_rng(4)
EMBEDDINGS = RNG.normal(size=(60, 5)).astype("float32")
QUERIES = RNG.normal(size=(7, 5)).astype("float32")
LABELS = RNG.choice([7, 3, 11], 60)
NAMES = [f"photos/{number:02d}.png" for number in range(60)]
SEARCHES = [("euclidean", "exact"), ("cosine", "exact"), ("manhattan", "exact")]
SEARCHES += [("euclidean", "approximate"), ("cosine", "approximate")]
each_search = pytest.mark.parametrize("distance, method", SEARCHES)


def make_index(embeddings=EMBEDDINGS, *arguments, **options):
    if options.get("method") == "approximate":
        pytest.importorskip("faiss")
    return retrieval.Index(embeddings, *arguments, **options)


def clustered(n, classes=100, dim=16):
    """Unit-length embeddings around 100 directions."""
    rng = np.random.default_rng(n)
    directions = np.random.default_rng(0).normal(size=(classes, dim))
    embeddings = directions[rng.integers(0, classes, n)] + 0.7 * rng.normal(size=(n, dim))
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype("float32")


@each_search
def test_search_agrees_with_plain_loops(distance, method):
    """Sixty embeddings fit into one list, so that the approximate search compares with all of them."""
    neighbours = make_index(distance=distance, method=method).nearest(QUERIES, k=9)
    for query, row in enumerate(QUERIES):
        expected = oracles.nearest(distance, row, EMBEDDINGS, 9)
        assert neighbours.index[query].tolist() == [index for _, index in expected]
        np.testing.assert_allclose(neighbours.distance[query], [value for value, _ in expected], rtol=1e-4, atol=1e-6)
    assert (neighbours.distance.dtype, neighbours.index.dtype) == ("float32", "int64")


@each_search
def test_equal_embeddings_have_distance_0_also_if_they_are_long(distance, method):
    """The square of a length of 10,000 has more digits than float32."""
    long = EMBEDDINGS * 1e4 / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    neighbours = make_index(np.repeat(long, 2, axis=0), distance=distance, method=method).nearest(long, k=3)
    np.testing.assert_allclose(neighbours.distance[:, :2] / 1e4, 0, atol=1e-6)
    assert (neighbours.index[:, :2] // 2 == np.arange(60)[:, None]).all()
    assert (neighbours.distance[:, 2] > 1e-3).all()


@pytest.mark.parametrize("method", ["exact", "approximate"])
def test_zero_vectors_have_cosine_distance_1(method):
    """From (2, 0): itself 0, (0, 0) and (0, 3) 1, (-1, 0) 2. From (0, 0) all are at 1, including (0, 0)."""
    index = make_index([[0, 0], [-1, 0], [0, 3], [2, 0]], distance="cosine", method=method)
    neighbours = index.nearest([[2, 0], [0, 0]], k=4)
    np.testing.assert_allclose(neighbours.distance, [[0, 1, 1, 2], [1, 1, 1, 1]], atol=1e-6)
    assert neighbours.index[0, [0, 3]].tolist() == [3, 1]


@pytest.mark.parametrize("size", [1e-30, 1e14])
@each_search
def test_extreme_lengths_give_finite_distances(distance, method, size):
    neighbours = make_index(EMBEDDINGS * size, distance=distance, method=method).nearest(QUERIES * size, k=60)
    assert np.isfinite(neighbours.distance).all()
    assert sorted(neighbours.index[0]) == list(range(60))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    "n, k, candidates", [(700, 1, 1), (700, 30, 1), (700, 700, 2), (2_000, 3, 16), (2_000, 1_500, 1)]
)
def test_exact_search_agrees_with_scikit_learn_in_blocks_and_threads(monkeypatch, distance, n, k, candidates):
    """Blocks of 20 queries and 64 points; k of one block, of several and of all; on one and on four cores."""
    monkeypatch.setattr(_exact, "FEWEST_POINTS", 64)
    monkeypatch.setattr(_exact, "FEWEST_QUERIES", 20)
    monkeypatch.setattr(_exact, "PRODUCTS", 10_000)
    monkeypatch.setattr(_exact, "NUMBERS", 1_000)
    monkeypatch.setattr(_exact, "CANDIDATES", candidates)
    rng = np.random.default_rng(n)
    points, queries = (rng.normal(size=(size, 9)).astype("float32") for size in (n, 73))
    expected = NearestNeighbors(algorithm="brute", metric=distance).fit(points.astype("float64"))
    distances_, indices = expected.kneighbors(queries.astype("float64"), k)
    for cores in (1, 4):
        monkeypatch.setattr("os.sched_getaffinity", lambda process, cores=cores: range(cores), raising=False)
        found = retrieval.Index(points, distance=distance).nearest(queries, k)
        np.testing.assert_array_equal(found.index, indices)
        np.testing.assert_allclose(found.distance, distances_, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_near_duplicates_are_told_apart(distance, offset):
    """Ten copies of each point, at distances of 1e-5 of its length and less, where a float32 product finds no order."""
    rng, dim = np.random.default_rng(0), 64
    points = np.repeat(offset + rng.normal(size=(50, dim)), 10, axis=0)
    points = (points * (1 + 1e-5 * rng.random((500, dim)))).astype("float32")
    found = retrieval.Index(points, distance=distance).nearest(points, k=12)
    exact = points.astype("float64")
    if distance == "cosine":
        exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    expected = np.linalg.norm(exact[:, None] - exact, axis=2)
    expected = expected if distance == "euclidean" else expected**2 / 2
    np.testing.assert_array_equal(found.index, np.argsort(expected, axis=1, kind="stable")[:, :12])
    np.testing.assert_allclose(found.distance, np.take_along_axis(expected, found.index, axis=1), rtol=1e-6)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_at_equal_distances_the_first_positions_are_found(distance):
    points = np.tile(EMBEDDINGS[:3], (1000, 1))
    found = retrieval.Index(points, distance=distance).nearest(EMBEDDINGS[:3] + 1e-3, k=4)
    assert found.index.tolist() == [[query, query + 3, query + 6, query + 9] for query in range(3)]


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_many_equal_embeddings_are_ranked_before_the_search_goes_on(monkeypatch, distance):
    """A collapsed tower: half of 2,000 embeddings are equal, half differ from them by rounding."""
    monkeypatch.setattr(_exact, "POINTS", 64)
    monkeypatch.setattr(_exact, "CANDIDATES", 2)
    rng = np.random.default_rng(0)
    points = 1 + 1e-7 * np.float32(rng.integers(0, 2, (2_000, 1)) * rng.integers(-3, 4, (2_000, 5)))
    points = points.astype("float32")
    for queries in (points[:30], points[:30] + np.float32([0.5, 0, 0, 0, 0])):
        found = retrieval.Index(points, distance=distance).nearest(queries, k=7)
        exact, sources = points.astype("float64"), queries.astype("float64")
        if distance == "cosine":
            exact, sources = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (exact, sources))
        expected = np.linalg.norm(sources[:, None] - exact, axis=2)
        expected = expected if distance == "euclidean" else expected**2 / 2
        order = np.sort(expected, axis=1)[:, :7]
        np.testing.assert_allclose(found.distance, order, rtol=1e-5, atol=1e-16)
        np.testing.assert_allclose(np.take_along_axis(expected, found.index, axis=1), order, rtol=1e-5, atol=1e-16)
        assert all(len(set(row)) == 7 for row in found.index.tolist())


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_building_an_exact_index_takes_a_fifth_of_the_memory_of_its_embeddings(distance):
    """As the peak, while the norms are computed. An array that is read-only is not copied either."""
    embeddings = np.random.default_rng(0).random((400_000, 128), "float32")  # 205 MB
    embeddings.flags.writeable = False
    retrieval.Index(embeddings[:100], distance=distance)  # imports
    tracemalloc.start()
    try:
        index = retrieval.Index(embeddings, distance=distance)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.shares_memory(index.embeddings, embeddings)
    assert peak <= 0.2 * embeddings.nbytes


def test_labels_and_names_belong_to_the_neighbours():
    neighbours = retrieval.Index(EMBEDDINGS, LABELS, NAMES).nearest(EMBEDDINGS[[20, 41]], k=3)
    assert neighbours.index[:, 0].tolist() == [20, 41]
    assert (neighbours.label == LABELS[neighbours.index]).all()
    assert neighbours.name[:, 0].tolist() == ["photos/20.png", "photos/41.png"]
    column = retrieval.Index(EMBEDDINGS, LABELS[:, None]).nearest(EMBEDDINGS[[20, 41]], k=3)
    np.testing.assert_array_equal(column.label, neighbours.label)
    plain = retrieval.Index(EMBEDDINGS).nearest(QUERIES)
    assert (plain.label, plain.name, plain.index.shape) == (None, None, (7, 5))


def test_a_match_has_a_distance_below_the_threshold():
    """The distance from (0, 0) to (3, 4) is 5, which is not below 5."""
    index = retrieval.Index([[0, 0], [3, 4], [6, 8]], threshold=5)
    assert index.nearest([0, 0], k=3).match.tolist() == [[True, False, False]]
    assert index.nearest([0, 0], k=3, threshold=5.01).match.tolist() == [[True, True, False]]
    assert not index.nearest([20, 0], k=1).match[:, 0]


def test_a_threshold_of_0_is_a_threshold_and_none_is_not():
    strict, without = retrieval.Index([[0, 0], [3, 4]], threshold=0), retrieval.Index([[0, 0], [3, 4]])
    assert strict.nearest([0, 0], k=2).match.tolist() == [[False, False]]
    assert without.nearest([0, 0], k=2).match.tolist() == [[True, True]]
    assert without.nearest([0, 0], k=2, threshold=0).match.tolist() == [[False, False]]


def test_neighbours_read_as_sentences():
    """At distances 0, 1 and 2; the second query is 7 from the last."""
    index = retrieval.Index([[0.0], [1.0], [2.0]], [7, 7, 3], ["a.png", "b.png", "c.png"], threshold=1.5)
    assert repr(index.nearest([[0], [9]], k=3)).splitlines() == [
        "query 0: 7 a.png (0.000), 7 b.png (1.000)",
        "query 1: no match, the nearest is 3 c.png (7.000)",
    ]
    assert repr(index) == "Index: 3 embeddings of dimension 1, euclidean, exact, 2 labels"
    assert repr(retrieval.Index([[0.0], [1.0]]).nearest([0.25], k=2)) == "query 0: #0 (0.250), #1 (0.750)"
    many = repr(retrieval.Index(EMBEDDINGS).nearest(EMBEDDINGS[:12])).splitlines()
    assert (many[-1], len(many)) == ("and 2 more", 11)


def test_the_approximate_search_has_a_high_recall_on_clustered_embeddings():
    """8,000 in 205 lists, of which a query visits 12."""
    embeddings, queries = clustered(8_000), clustered(300)
    exact, approximate = (make_index(embeddings, method=method) for method in ("exact", "approximate"))
    expected, found = (index.nearest(queries, k=10).index for index in (exact, approximate))
    recall = np.mean([len({*one} & {*other}) for one, other in zip(expected, found, strict=True)]) / 10
    assert 0.98 <= recall < 1
    assert approximate.recall(queries) == pytest.approx(recall)
    assert exact.recall(queries[0], k=1) == 1


def test_the_approximate_search_visits_more_lists_until_it_has_k_neighbours(monkeypatch):
    """From one list of about 39 embeddings up to all 3,000."""
    monkeypatch.setattr(_search, "PROBES", 1)
    monkeypatch.setattr(_search, "CANDIDATES_PER_NEIGHBOUR", 0)
    embeddings, queries = clustered(3_000), clustered(20)
    index = make_index(embeddings, method="approximate")
    for k in (10, 100, 3_000):
        neighbours = index.nearest(queries, k=k)
        assert all(len({*row} - {-1}) == k for row in neighbours.index)
        assert (np.diff(neighbours.distance, axis=1) >= 0).all()
        expected = np.linalg.norm(queries[:, None] - embeddings[neighbours.index], axis=2)
        np.testing.assert_allclose(neighbours.distance, expected, rtol=1e-4)


def test_without_faiss_the_error_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r'needs faiss: pip install "siamkeras\[faiss\]"'):
        retrieval.Index(EMBEDDINGS, method="approximate")


@each_search
def test_a_changed_index_equals_a_new_one_of_the_same_embeddings(distance, method, tmp_path):
    """Forty embeddings, twenty added, five removed; also after saving and loading."""
    index = make_index(EMBEDDINGS[:40], LABELS[:40], NAMES[:40], distance=distance, method=method, threshold=0.9)
    index.add(EMBEDDINGS[40:], LABELS[40:], [Path(name) for name in NAMES[40:]])
    whole = make_index(EMBEDDINGS, LABELS, NAMES, distance=distance, method=method, threshold=0.9)
    assert_equal(index.nearest(QUERIES, k=9), whole.nearest(QUERIES, k=9))
    rest = np.setdiff1d(np.arange(60), [0, 7, 39, 40, 59])
    index.remove([7, 0, 59, 40, 39])
    smaller = make_index(
        EMBEDDINGS[rest], LABELS[rest], np.array(NAMES)[rest], distance=distance, method=method, threshold=0.9
    )
    index.save(tmp_path / "one")
    for changed in (index, retrieval.Index.load(tmp_path / "one")):
        assert_equal(changed.nearest(QUERIES, k=9), smaller.nearest(QUERIES, k=9))
        assert repr(changed) == repr(smaller) and len(changed) == 55


def assert_equal(one, other):
    for values, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(values, expected)


def test_an_approximate_index_keeps_its_centroids_when_it_changes(monkeypatch):
    """K-means does not run again, and the added embeddings are found in the old cells."""
    embeddings = clustered(3_000)
    index = make_index(embeddings[:2_000], method="approximate")
    monkeypatch.setattr("faiss.Kmeans", None)
    index.add(embeddings[2_000:])
    assert (index.nearest(embeddings, k=1).index[:, 0] == np.arange(3_000)).all()
    index.remove(np.arange(3_000) % 2 == 0)
    assert (index.nearest(embeddings[1::2], k=1).index[:, 0] == np.arange(1_500)).all()


def test_embeddings_are_removed_by_position_or_mask():
    for positions in (1, [1], np.array([False, True, False]), [False, True, False], -2):
        index = retrieval.Index([[0.0], [1.0], [2.0]], labels=["a", "b", "c"])
        index.remove(positions)
        assert (index.labels.tolist(), index.names, index.embeddings.tolist()) == (["a", "c"], None, [[0.0], [2.0]])


def test_an_index_is_unchanged_after_an_invalid_change():
    index = retrieval.Index(EMBEDDINGS, LABELS)
    for change, message in (
        (lambda: index.add(EMBEDDINGS), "`labels` must be given if the index has labels, and only then.*labels=None"),
        (lambda: index.add(EMBEDDINGS, LABELS, NAMES), "`names` must be given if the index has names, and only then"),
        (lambda: index.add(EMBEDDINGS, LABELS[1:]), "`labels` must have one entry for each of the 60 .* Received: 59"),
        (lambda: index.add(EMBEDDINGS, NAMES), "`labels` must be of the kind of the index, int64. Received: <U"),
        (lambda: index.add(EMBEDDINGS, [True] * len(EMBEDDINGS)), "the kind of the index, int64. Received: bool"),
        (lambda: index.add(EMBEDDINGS[:, :4], LABELS), r"`embeddings` must have 5 columns. Received: shape \(60, 4\)"),
        (lambda: index.remove(range(60)), r"`embeddings` must be .* n >= 1. Received: float32, shape \(0, 5\)"),
    ):
        with pytest.raises(ValueError, match=message):
            change()
    for positions in (60, 0.5):
        with pytest.raises(IndexError):
            index.remove(positions)
    assert_equal(index.nearest(QUERIES), retrieval.Index(EMBEDDINGS, LABELS).nearest(QUERIES))


@each_search
def test_a_query_of_the_index_is_excluded_from_its_neighbours(distance, method):
    """Each embedding occurs three times; position 59 is not among the neighbours of the query at position 3."""
    embeddings = np.repeat(EMBEDDINGS[:20], 3, axis=0)
    index = make_index(embeddings, distance=distance, method=method)
    neighbours = index.nearest(embeddings, k=7, exclude=np.arange(60))
    for query, row in enumerate(embeddings):
        assert len({*neighbours.index[query]} - {query}) == 7
        expected = oracles.nearest(distance, row, np.delete(embeddings, query, axis=0), 7)
        np.testing.assert_allclose(neighbours.distance[query], [value for value, _ in expected], rtol=1e-3, atol=1e-3)
    far = index.nearest(embeddings[3], k=7, exclude=int(index.nearest(embeddings[3], k=60).index[0, -1]))
    np.testing.assert_array_equal(far.distance, index.nearest(embeddings[3:4], k=7).distance)
    everything = index.nearest(embeddings[:2], k=59, exclude=[0, 1]).index
    assert [sorted(row) for row in everything] == [[*range(1, 60)], [0, *range(2, 60)]]


@each_search
def test_all_neighbours_within_a_threshold_agree_with_plain_loops(distance, method):
    """None, a few or nearly all of 400 embeddings are within the threshold of a query."""
    embeddings = np.random.default_rng(5).normal(size=(400, 5)).astype("float32") * np.linspace(0.1, 2, 400)[:, None]
    index = make_index(embeddings, np.arange(400) % 9, distance=distance, method=method, threshold=9.0)
    own = np.arange(5)
    for threshold in (1e-3, 0.4, 5.0, None):
        limit = 9.0 if threshold is None else threshold
        found = index.within(embeddings[own], threshold, exclude=own)
        counts = []
        for query in own:
            ranking = oracles.nearest(distance, embeddings[query], embeddings, 400)
            expected = [position for value, position in ranking if value < limit and position != query]
            counts.append(len(expected))
            assert sorted(found.index[query][found.match[query]]) == sorted(expected)
        assert found.match.shape == found.index.shape == (5, max(1, *counts))
        assert (found.label == found.index % 9).all() and found.name is None
    itself = index.within(embeddings[3], 1e-5)
    assert itself.index[itself.match].tolist() == [3]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "people.index"
    retrieval.Index(EMBEDDINGS, LABELS, NAMES, threshold=1.5).save(path)
    return path


@each_search
def test_a_loaded_index_finds_the_same_neighbours(tmp_path, distance, method, monkeypatch):
    """The centroids of an approximate index are saved, and k-means does not run again."""
    embeddings = clustered(2_000)
    index = make_index(embeddings, np.arange(2_000) % 9, distance=distance, method=method, threshold=0.4)
    index.save(tmp_path / "one")
    if method == "approximate":
        monkeypatch.setattr("faiss.Kmeans", None)
    again = retrieval.Index.load(tmp_path / "one")
    assert repr(again) == repr(index)
    for one, other in zip(index.nearest(embeddings[:50]), again.nearest(embeddings[:50]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_labels_names_and_threshold_are_saved(saved):
    index = retrieval.Index.load(str(saved))
    assert (index.labels == LABELS).all() and index.names.tolist() == NAMES
    assert index.threshold == 1.5
    retrieval.Index(EMBEDDINGS, LABELS.astype(str), [Path(name) for name in NAMES], threshold=0).save(saved)
    index = retrieval.Index.load(saved)
    assert index.labels.dtype.kind == index.names.dtype.kind == "U"
    assert index.names.tolist() == [str(Path(name)) for name in NAMES]
    assert index.threshold == 0


def test_damaged_and_foreign_files_are_rejected(tmp_path, saved):
    names = ("damaged.index", "notes.txt", "foreign.npz", "objects.npz")
    damaged, text, foreign, objects = (tmp_path / name for name in names)
    content = bytearray(saved.read_bytes())
    content[len(content) // 3] ^= 0x55
    damaged.write_bytes(content)
    text.write_text("This is not an index. " * 50)
    np.savez(foreign, embeddings=EMBEDDINGS)
    np.savez(objects, settings=np.array([{"format": 1}], dtype=object), embeddings=EMBEDDINGS)
    saved.write_bytes(saved.read_bytes()[:-100])  # truncated
    for path in (saved, damaged, text, foreign, objects):
        with pytest.raises(ValueError, match=f"written by `Index.save`. Received: .*{path.name}"):
            retrieval.Index.load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        retrieval.Index.load(tmp_path / "nowhere")


def test_a_file_of_another_format_version_is_rejected(saved, monkeypatch):
    monkeypatch.setattr("siamkeras.retrieval.index.FORMAT", 7)
    with pytest.raises(ValueError, match="people.index': it is not of format 7"):
        retrieval.Index.load(saved)


def test_an_interrupted_save_leaves_the_old_file(saved, monkeypatch):
    old = saved.read_bytes()

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("numpy.savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        retrieval.Index(EMBEDDINGS * 2).save(saved)
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_smaller_than_its_arrays_is_not_read(tmp_path, monkeypatch):
    """48 MB of zeros compress to 48 kB. Entries that share their data have the same effect without compression."""
    monkeypatch.setattr("numpy.lib.npyio.NpzFile.__getitem__", None)
    compressed, shared = tmp_path / "compressed", tmp_path / "shared"
    with open(compressed, "wb") as file:
        np.savez_compressed(file, embeddings=np.zeros((4000, 3000), "float32"))
    with zipfile.ZipFile(shared, "w") as archive:
        archive.writestr("embeddings.npy", b"0" * 1000)
        archive.filelist *= 50
    for path in (compressed, shared):
        with pytest.raises(ValueError, match=f"{path.name}': its arrays are larger than the file"):
            retrieval.Index.load(path)


def test_threads_can_save_to_one_file(tmp_path):
    indices = [retrieval.Index(np.full((500, 5), number)) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        saved = [pool.submit(index.save, tmp_path / "one") for _ in range(20) for index in indices]
    assert [future.result() for future in saved] == [None] * 80
    assert len(np.unique(retrieval.Index.load(tmp_path / "one").embeddings)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_save_replaces_the_target_of_a_link_and_no_other_file(tmp_path, saved):
    """A link with the name that earlier versions used for the partial file is not touched."""
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("untouched")
    link.symlink_to(saved)
    (tmp_path / "people.index.partial").symlink_to(victim)
    (tmp_path / "link.partial").symlink_to(victim)
    retrieval.Index(EMBEDDINGS[:7]).save(link)
    assert link.is_symlink() and len(retrieval.Index.load(saved)) == 7
    assert victim.read_text() == "untouched" and (tmp_path / "link.partial").is_symlink()


@pytest.mark.parametrize(
    "index, query, message",
    [
        ({"embeddings": [1.0, 2.0]}, {}, r"`embeddings` must be a numeric array .* shape \(2,\)"),
        ({"labels": [1, 2]}, {}, "`labels` must have one entry for each of the 60 examples. Received: 2"),
        ({"names": NAMES[1:]}, {}, "`names` must have one entry for each of the 60 examples. Received: 59"),
        ({"distance": distances.cosine}, {}, "`distance` must be one of .* Received: distance=<function cosine"),
        ({"method": "tree"}, {}, "`method` must be one of 'approximate', 'exact'"),
        ({"method": "approximate", "distance": "manhattan"}, {}, '`method` must be "exact" for distance="manhattan"'),
        ({"threshold": -0.1}, {}, "`threshold` must be a number of at least 0. Received: threshold=-0.1"),
        ({}, {"queries": np.zeros((2, 4))}, r"`queries` must have 5 columns. Received: shape \(2, 4\)"),
        ({}, {"queries": np.full((1, 5), np.nan)}, "`queries` must be finite"),
        ({}, {"k": 61}, "`k` must be an integer of at least 1 and at most 60. Received: k=61"),
        ({}, {"threshold": -1}, "`threshold` must be a number of at least 0"),
        ({}, {"k": 60, "exclude": range(7)}, "`k` must be an integer of at least 1 and at most 59. Received: k=60"),
        ({"embeddings": [[0] * 5]}, {"exclude": [0] * 7}, "`exclude` needs an index of at least two embeddings"),
        ({}, {"exclude": [0, 1]}, r"`exclude` must be one integer .* for each of 7 queries.*exclude=\[0, 1\]"),
        ({}, {"exclude": [60] * 7}, "`exclude` must be one integer from 0 to 59"),
        ({}, {"exclude": [-1] * 7}, "`exclude` must be one integer from 0 to 59"),
        ({}, {"exclude": [True] * 7}, "`exclude` must be one integer from 0 to 59"),
    ],
)
def test_argument_errors(index, query, message):
    with pytest.raises(ValueError, match=message):
        retrieval.Index(**{"embeddings": EMBEDDINGS} | index).nearest(**{"queries": QUERIES} | query)


def test_within_needs_a_threshold():
    with pytest.raises(ValueError, match="`threshold` must be a number of at least 0. Received: threshold=None"):
        retrieval.Index(EMBEDDINGS).within(QUERIES)
