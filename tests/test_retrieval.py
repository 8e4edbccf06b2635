"""The index against plain loops; its file whole, damaged and interrupted; embeddings of images and of files."""

import sys
import time
from pathlib import Path

import keras
import numpy as np
import oracles
import pytest
from keras import ops
from PIL import Image

from siamkeras import data, distances, retrieval, towers
from siamkeras.retrieval import files

RNG = np.random.default_rng(4)
EMBEDDINGS = RNG.normal(size=(60, 5)).astype("float32")
QUERIES = RNG.normal(size=(7, 5)).astype("float32")
LABELS = RNG.choice([7, 3, 11], 60)
NAMES = [f"photos/{number:02d}.png" for number in range(60)]
WAYS = [("euclidean", "exact"), ("cosine", "exact"), ("manhattan", "exact")]
WAYS += [("euclidean", "approximate"), ("cosine", "approximate")]


def index_of(embeddings=EMBEDDINGS, *arguments, **options):
    if options.get("method") == "approximate":
        pytest.importorskip("faiss")
    return retrieval.Index(embeddings, *arguments, **options)


def clustered(n, rng, classes=100, dim=16):
    """Embeddings of length 1 around as many directions as there are classes."""
    centres = np.random.default_rng(0).normal(size=(classes, dim))
    found = centres[rng.integers(0, classes, n)] + 0.7 * rng.normal(size=(n, dim))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype("float32")


@pytest.mark.parametrize("distance, method", WAYS)
def test_nearest_agree_with_plain_loops(distance, method):
    """Sixty embeddings are one list, so that the approximate search sees all of them."""
    found = index_of(distance=distance, method=method).nearest(QUERIES, k=9)
    for query, row in enumerate(QUERIES):
        expected = oracles.nearest(distance, row, EMBEDDINGS, 9)
        assert found.index[query].tolist() == [index for _, index in expected]
        np.testing.assert_allclose(found.distance[query], [value for value, _ in expected], rtol=1e-4, atol=1e-6)
    assert (found.distance.dtype, found.index.dtype, found.match.dtype) == ("float32", "int64", "bool")


@pytest.mark.parametrize("distance, method", WAYS)
def test_distances_are_those_of_the_library(distance, method):
    found = index_of(distance=distance, method=method).nearest(QUERIES, k=60)
    expected = distances.get(distance)(QUERIES[:, None], EMBEDDINGS[found.index])
    np.testing.assert_allclose(found.distance, keras.ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-6)
    assert (np.diff(found.distance, axis=1) >= 0).all()


def test_labels_and_names_are_those_of_the_neighbours():
    found = retrieval.Index(EMBEDDINGS, LABELS, NAMES).nearest(EMBEDDINGS[[20, 41]], k=3)
    assert found.index[:, 0].tolist() == [20, 41]
    assert (found.label == LABELS[found.index]).all()
    assert found.name[:, 0].tolist() == ["photos/20.png", "photos/41.png"]
    plain = retrieval.Index(EMBEDDINGS).nearest(QUERIES)
    assert (plain.label, plain.name, plain.index.shape) == (None, None, (7, 5))


@pytest.mark.parametrize("distance, method", WAYS)
def test_equal_embeddings_are_at_no_distance(distance, method):
    """However long they are; the square of a length of 10,000 has nine digits more than float32 keeps."""
    long = EMBEDDINGS * 1e4 / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    found = index_of(np.repeat(long, 2, axis=0), distance=distance, method=method).nearest(long, k=3)
    np.testing.assert_allclose(found.distance[:, :2] / 1e4, 0, atol=1e-6)
    assert (found.index[:, :2] // 2 == np.arange(60)[:, None]).all()
    assert (found.distance[:, 2] > 1e-3).all()


@pytest.mark.parametrize("method", ["exact", "approximate"])
def test_vectors_without_direction_are_at_cosine_distance_one(method):
    """From (2, 0): itself 0, (0, 0) and (0, 3) 1, (-1, 0) 2. From (0, 0) all are at 1, another (0, 0) as well."""
    index = index_of([[0, 0], [-1, 0], [0, 3], [2, 0]], distance="cosine", method=method)
    found = index.nearest([[2, 0], [0, 0]], k=4)
    np.testing.assert_allclose(found.distance, [[0, 1, 1, 2], [1, 1, 1, 1]], atol=1e-6)
    assert found.index[0, [0, 3]].tolist() == [3, 1]


@pytest.mark.parametrize("size", [1e-30, 1e14])
@pytest.mark.parametrize("distance, method", WAYS)
def test_nothing_is_ever_nan(distance, method, size):
    found = index_of(EMBEDDINGS * size, distance=distance, method=method).nearest(QUERIES * size, k=60)
    assert np.isfinite(found.distance).all()
    assert sorted(found.index[0]) == list(range(60))


def test_one_query_is_a_batch_of_one():
    one, many = (retrieval.Index(EMBEDDINGS).nearest(queries, k=2) for queries in (QUERIES[0], QUERIES))
    assert one.distance.shape == (1, 2)
    assert one.index[0].tolist() == many.index[0].tolist()


def test_matches_are_nearer_than_the_threshold():
    """From (0, 0) to (3, 4) is 5, which is not below 5."""
    index = retrieval.Index([[0, 0], [3, 4], [6, 8]], threshold=5)
    assert index.nearest([0, 0], k=3).match.tolist() == [[True, False, False]]
    assert index.nearest([0, 0], k=3, threshold=5.01).match.tolist() == [[True, True, False]]
    assert retrieval.Index([[0, 0], [3, 4]]).nearest([[0, 0]], k=2).match.tolist() == [[True, True]]
    assert not index.nearest([20, 0], k=1).match[:, 0]


def test_what_was_found_reads_as_sentences():
    """At distances 0, 1 and 2; the second query is 7 from the last."""
    index = retrieval.Index([[0.0], [1.0], [2.0]], [7, 7, 3], ["a.png", "b.png", "c.png"], threshold=1.5)
    assert repr(index.nearest([[0], [9]], k=3)).splitlines() == [
        "query 0: 7 a.png (0.000), 7 b.png (1.000)",
        "query 1: no match, the nearest is 3 c.png (7.000)",
    ]
    assert repr(retrieval.Index([[0.0], [1.0]]).nearest([0.25], k=2)) == "query 0: #0 (0.250), #1 (0.750)"
    many = repr(retrieval.Index(EMBEDDINGS).nearest(EMBEDDINGS[:12], k=12)).splitlines()
    assert (many[-1], len(many)) == ("and 2 more", 11)
    assert many[0].endswith("), and 2 more")


def test_an_index_says_what_it_holds():
    index = retrieval.Index(EMBEDDINGS, LABELS, NAMES, threshold=0.5)
    assert repr(index) == ("Index: 60 embeddings (5 numbers each), euclidean, exact, 3 labels, names, threshold 0.5")
    assert repr(retrieval.Index(EMBEDDINGS)) == "Index: 60 embeddings (5 numbers each), euclidean, exact"
    assert len(index) == 60


def test_the_approximate_search_finds_nearly_all_where_embeddings_are_clustered():
    """8,000 in 205 lists, of which it looks into 12."""
    embeddings, queries = (clustered(n, np.random.default_rng(n)) for n in (8_000, 300))
    exact, approximate = (index_of(embeddings, method=method) for method in ("exact", "approximate"))
    wanted, found = (index.nearest(queries, k=10).index for index in (exact, approximate))
    recall = np.mean([len({*one} & {*other}) for one, other in zip(wanted, found, strict=True)]) / 10
    assert 0.98 <= recall < 1


def test_the_approximate_search_finds_as_many_as_are_asked_for(monkeypatch):
    """From one list of about 39 it goes on to more, until it has as many, for each query by itself; all, in the end."""
    monkeypatch.setattr("siamkeras.retrieval.searching.PROBES", 1)
    monkeypatch.setattr("siamkeras.retrieval.searching.SPARE", 0)
    embeddings, queries = (clustered(n, np.random.default_rng(n)) for n in (3_000, 20))
    index = index_of(embeddings, method="approximate")
    for k in (10, 100, 3_000):
        found = index.nearest(queries, k=k)
        assert all(len({*row} - {-1}) == k for row in found.index)
        assert (np.diff(found.distance, axis=1) >= 0).all()
        np.testing.assert_allclose(
            found.distance, np.linalg.norm(queries[:, None] - embeddings[found.index], axis=2), rtol=1e-4
        )


def test_without_faiss_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r'needs faiss: pip install "siamkeras\[faiss\]"'):
        retrieval.Index(EMBEDDINGS, method="approximate")


NAN = np.float32([[0, 0], [0, np.nan]])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"embeddings": [1.0, 2.0]}, r"`embeddings` must be numbers \(n, dim\).* Received: float64, shape \(2,\)"),
        ({"embeddings": np.zeros((0, 4))}, r"at least one. Received: float64, shape \(0, 4\)"),
        ({"embeddings": [["a"]]}, r"must be numbers .* Received: <U1"),
        ({"embeddings": NAN}, "must be finite, and smaller than 1e.15. Received: nan in row 1"),
        ({"embeddings": [[1.0], [-np.inf]]}, "Received: -inf in row 1"),
        ({"embeddings": [[1e15]]}, r"Received: 1000000000000000.0 in row 0"),
        ({"labels": [1, 2]}, "Every embedding needs one of `labels`. Received: 60 embeddings, 2 labels"),
        ({"labels": np.zeros(60)}, "`labels` must be integers or strings. Received: float64"),
        ({"names": NAMES[1:]}, "Every embedding needs one of `names`. Received: 60 embeddings, 59 names"),
        ({"names": range(60)}, r"`names` must be strings or paths. Received: \[0, 1, 2\]"),
        ({"distance": "hamming"}, r"`distance` must be one of \['cosine', 'euclidean', 'manhattan'\]. .*'hamming'"),
        ({"distance": distances.cosine}, "`distance` must be one of .* Received: <function cosine"),
        ({"method": "tree"}, r"`method` must be one of \['approximate', 'exact'\]. Received: 'tree'"),
        ({"method": "approximate", "distance": "manhattan"}, '`method` must be "exact" for distance="manhattan"'),
        ({"threshold": -0.1}, "`threshold` is a distance, a number of at least 0, or None. Received: -0.1"),
        ({"threshold": float("nan")}, "Received: nan"),
        ({"threshold": "0.5"}, "Received: '0.5'"),
    ],
)
def test_what_cannot_be_an_index_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        retrieval.Index(**{"embeddings": EMBEDDINGS} | arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"queries": np.zeros((2, 4))}, r"as many numbers as the embeddings, 5. Received: shape \(2, 4\)"),
        ({"queries": np.zeros(4)}, r"as many numbers as the embeddings, 5. Received: shape \(1, 4\)"),
        ({"queries": np.zeros((1, 2, 5))}, r"`queries` must be numbers \(n, dim\).* Received: float64, shape"),
        ({"queries": np.full((1, 5), np.nan)}, "`queries` must be finite"),
        ({"k": 0}, "`k` must be a whole number, at least 1, at most 60. Received: 0"),
        ({"k": 61}, "Received: 61"),
        ({"k": 2.5}, "Received: 2.5"),
        ({"k": True}, "Received: True"),
        ({"threshold": -1}, "`threshold` is a distance, .* Received: -1"),
    ],
)
def test_queries_that_cannot_be_answered_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        retrieval.Index(EMBEDDINGS).nearest(**{"queries": QUERIES} | arguments)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "people.index"
    retrieval.Index(EMBEDDINGS, LABELS, NAMES, threshold=1.5).save(path)
    return path


@pytest.mark.parametrize("distance, method", WAYS)
def test_a_loaded_index_gives_the_same_answers(tmp_path, distance, method, monkeypatch):
    """An approximate one keeps its centres: they are not looked for again."""
    embeddings = clustered(2_000, np.random.default_rng(1))
    index = index_of(embeddings, np.arange(2_000) % 9, distance=distance, method=method, threshold=0.4)
    index.save(tmp_path / "one")
    if method == "approximate":
        monkeypatch.setattr("faiss.Kmeans", None)
    again = retrieval.Index.load(tmp_path / "one")
    assert repr(again) == repr(index)
    for one, other in zip(index.nearest(embeddings[:50]), again.nearest(embeddings[:50]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_labels_and_names_are_kept_in_the_file(saved):
    index = retrieval.Index.load(str(saved))
    assert (index.labels == LABELS).all() and index.names.tolist() == NAMES
    assert index.threshold == 1.5
    paths = retrieval.Index(EMBEDDINGS, LABELS.astype(str), [Path(name) for name in NAMES])
    paths.save(saved)
    index = retrieval.Index.load(saved)
    assert index.labels.dtype.kind == index.names.dtype.kind == "U"
    assert index.names.tolist() == [str(Path(name)) for name in NAMES]


def test_a_truncated_file_is_refused(saved):
    whole = saved.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="Expected a whole file that `Index.save` has written. .*people.index"):
            retrieval.Index.load(saved)


def test_a_changed_byte_is_found_or_changes_nothing(saved):
    """The check sums of a zip cover its content, not the dates of its members and the like."""
    whole, index, refused = saved.read_bytes(), retrieval.Index.load(saved), 0
    places = range(3, len(whole), 41)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 0x55
        saved.write_bytes(changed)
        try:
            again = retrieval.Index.load(saved)
        except ValueError as error:
            assert "people.index" in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(again.embeddings, index.embeddings)
            assert (again.names.tolist(), again.labels.tolist()) == (NAMES, LABELS.tolist())
            assert repr(again) == repr(index)
    assert refused > 0.8 * len(places)


def test_other_files_are_refused(tmp_path):
    text, foreign, objects = tmp_path / "notes.txt", tmp_path / "foreign.npz", tmp_path / "objects.npz"
    text.write_text("This is no index. " * 50)
    np.savez(foreign, embeddings=EMBEDDINGS)
    np.savez(objects, siamkeras_index=np.array([{"format": 1}], dtype=object), embeddings=EMBEDDINGS)
    for path, reason in (
        (text, "not a zip file"),
        (foreign, r"it holds \['embeddings'\], but no siamkeras_index"),
        (objects, "allow_pickle=False"),
        (tmp_path, "directory|denied"),
    ):
        with pytest.raises((ValueError, PermissionError), match=f"{path.name}.*({reason})"):
            retrieval.Index.load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        retrieval.Index.load(tmp_path / "nowhere")


def test_a_file_of_another_version_is_refused(saved, monkeypatch):
    monkeypatch.setattr(files, "FORMAT", 7)
    with pytest.raises(ValueError, match=r"Expected an index in format 7, .*people.index', in format 1. Make the"):
        retrieval.Index.load(saved)


def test_content_that_does_not_fit_together_is_refused(saved):
    settings = {"distance": "euclidean", "method": "exact", "threshold": None}
    for arrays, reason in (
        ({"embeddings": EMBEDDINGS, "labels": LABELS[1:]}, "60 embeddings, 59 labels"),
        ({"embeddings": NAN}, "Received: nan"),
        ({"vectors": EMBEDDINGS}, "unexpected keyword argument 'vectors'"),
    ):
        files.write(saved, settings, arrays)
        with pytest.raises(ValueError, match=f"people.index', with another content: .*{reason}"):
            retrieval.Index.load(saved)
    pytest.importorskip("faiss")
    files.write(saved, settings | {"method": "approximate"}, {"embeddings": EMBEDDINGS, "centres": EMBEDDINGS[:, :4]})
    with pytest.raises(ValueError, match="`centres` must have as many numbers as the embeddings, 5"):
        retrieval.Index.load(saved)


@pytest.mark.parametrize("where", ["while it is written", "before it is put in its place"])
def test_an_interrupted_save_leaves_the_old_file(saved, monkeypatch, where):
    old = saved.read_bytes()

    def write_half(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    def interrupt(*paths):
        raise KeyboardInterrupt

    if where == "while it is written":
        monkeypatch.setattr(np, "savez", write_half)
    else:
        monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        retrieval.Index(EMBEDDINGS * 2).save(saved)
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


@pytest.fixture
def tower():
    return towers.dense((4, 4, 1), embedding_dim=3, units=())


IMAGES = RNG.random((10, 4, 4, 1)).astype("float32")


def test_images_are_embedded_in_batches(tower, monkeypatch):
    """Ten in batches of four: two whole ones and a rest."""
    seen, call = [], type(tower).__call__

    def counted(self, batch, **options):
        seen.append(len(batch))
        return call(self, batch, **options)

    with monkeypatch.context() as during:
        during.setattr(type(tower), "__call__", counted)
        found = retrieval.embed(tower, IMAGES, batch_size=4)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(tower(IMAGES)), atol=1e-6)
    assert (seen, found.dtype) == ([4, 4, 2], "float32")


def test_bytes_and_single_images_are_embedded_as_the_streams_give_them(tower):
    """Bytes divided by 255; one image is a batch of one."""
    in_bytes = np.round(IMAGES * 255).astype("uint8")
    found = retrieval.embed(towers.pixels((4, 4, 1)), in_bytes)
    np.testing.assert_allclose(found, in_bytes.reshape(10, 16) / 255, atol=1e-6)
    np.testing.assert_allclose(retrieval.embed(tower, IMAGES[3]), retrieval.embed(tower, IMAGES)[3:4], atol=1e-6)


def test_an_image_is_found_among_embedded_ones(tower):
    index = retrieval.Index(retrieval.embed(tower, IMAGES))
    assert index.nearest(retrieval.embed(tower, IMAGES[6]), k=1).index.tolist() == [[6]]


@pytest.fixture
def paths(tmp_path):
    for number in range(10):
        Image.fromarray(np.full((4, 4), 20 * number, "uint8")).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.glob("*.png"))


def test_files_are_embedded_in_their_order(paths):
    """Image i is all 20 i / 255, and the tower of pixels gives it back."""
    load, pixels = data.load_image((4, 4), channels=1), towers.pixels((4, 4, 1))
    found = retrieval.embed(pixels, [str(path) for path in paths[::-1]], load=load, batch_size=4)
    np.testing.assert_allclose(found, np.repeat(np.arange(9, -1, -1)[:, None] * 20 / 255, 16, axis=1), atol=1e-3)
    for path in (paths[2], str(paths[2])):
        np.testing.assert_allclose(retrieval.embed(pixels, path, load=load), found[7:8])


def test_bytes_that_load_gives_are_divided_too(paths):
    import tensorflow as tf

    def load(path):
        return tf.ensure_shape(tf.io.decode_png(tf.io.read_file(path), channels=1), (4, 4, 1))

    found = retrieval.embed(towers.pixels((4, 4, 1)), paths, load=load)
    np.testing.assert_allclose(found[:, 0], np.arange(10) * 20 / 255, atol=1e-6)


def test_files_are_read_as_they_are_needed(paths, monkeypatch):
    """Of 500 files, in batches of two, few are read when the first batch comes to the tower."""
    import tensorflow as tf

    read, seen = [], []

    def count(path):
        read.append(path)
        return np.zeros((4, 4, 1), "float32")

    def load(path):
        return tf.ensure_shape(tf.numpy_function(count, [path], tf.float32), (4, 4, 1))

    pixels = towers.pixels((4, 4, 1))
    call = type(pixels).__call__

    def slow_at_first(self, batch, **options):
        if not seen:
            time.sleep(0.5)
        seen.append(len(read))
        return call(self, batch, **options)

    monkeypatch.setattr(type(pixels), "__call__", slow_at_first)
    assert retrieval.embed(pixels, paths * 50, load=load, batch_size=2).shape == (500, 16)
    assert seen[0] < 100 and len(read) == 500


@pytest.mark.parametrize(
    "options, message",
    [
        ({"images": IMAGES[:, :3]}, r"takes images of shape \(4, 4, 1\), one or many. .* of shape \(3, 4, 1\)"),
        ({"images": IMAGES[0, :3]}, r"takes images of shape \(4, 4, 1\), .* Received: images of shape \(3, 4, 1\)"),
        ({"images": IMAGES[..., 0, 0]}, r"takes images of shape \(4, 4, 1\), .* Received: images of shape \(4,\)"),
        ({"images": np.full((1, 4, 4, 1), np.nan)}, "`images` must be finite"),
        ({"images": "photo.png"}, "`images` holds file paths: say how to read them"),
        ({"batch_size": 0}, "`batch_size` must be a whole number, at least 1. Received: 0"),
        ({"tower": keras.Sequential([keras.layers.Dense(3)])}, "must be a built keras.Model with one input"),
    ],
)
def test_what_cannot_be_embedded_is_refused(tower, options, message):
    with pytest.raises(ValueError, match=message):
        retrieval.embed(**{"tower": tower, "images": IMAGES} | options)


def test_towers_of_another_kind_are_refused(tower):
    inputs = keras.Input((4, 4, 1))
    with pytest.raises(
        ValueError, match=r"one embedding for each image, .* Received: an output of shape \(10, 4, 4, 1"
    ):
        retrieval.embed(keras.Model(inputs, keras.layers.ReLU()(inputs)), IMAGES)
    with pytest.raises(ValueError, match="Received: 2 outputs"):
        retrieval.embed(keras.Model(inputs, [tower(inputs), tower(inputs)]), IMAGES)


def test_files_that_do_not_fit_the_tower_are_refused(tower, paths):
    with pytest.raises(ValueError, match=r"takes images of shape \(4, 4, 1\), .* of shape \(5, 4, 1\)"):
        retrieval.embed(tower, paths, load=data.load_image((5, 4), channels=1))
    with pytest.raises(FileNotFoundError, match="no file at .*nowhere.png"):
        retrieval.embed(tower, [*paths, "nowhere.png"], load=data.load_image((4, 4), channels=1))


def test_towers_of_any_image_size_embed(tower):
    inputs = keras.Input((None, None, 1))
    any_size = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    np.testing.assert_allclose(retrieval.embed(any_size, IMAGES)[:, 0], IMAGES.mean(axis=(1, 2, 3)), rtol=1e-5)


def brighter(image, seed):
    """Adds to all pixels a number that the seed alone decides, from 0 to 0.999."""
    return image + float_of(seed)


def float_of(seed):
    return ops.cast(ops.mod(seed[0], 1000), "float32") / 1000


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="distorts in the graph of a tf.data stream")
def test_views_are_averaged_and_depend_on_seed_and_place():
    """The tower gives back its input: the mean of the image and of two that are brighter by different numbers."""
    inputs = keras.Input((2,))
    tower = keras.Model(inputs, keras.layers.Identity()(inputs))
    images = np.float32([[0, 1], [2, 3], [4, 5], [6, 7]])
    seen = retrieval.embed(tower, images, views=3, augment=brighter, seed=5)
    added = (seen - images) * 3 / 2  # on average of the two distorted views
    np.testing.assert_allclose(added[:, 0], added[:, 1], atol=1e-4)
    assert len(np.unique(added[:, 0].round(4))) == 4 and (added > 0).all()
    again, whole = (retrieval.embed(tower, images, views=3, augment=brighter, seed=5, batch_size=n) for n in (3, 4))
    np.testing.assert_array_equal(again, whole)
    other = retrieval.embed(tower, images, views=3, augment=brighter, seed=9)
    assert not np.allclose(other, seen)
    # The second view of a seed is not the first of the next one.
    second = 3 * seen - 2 * retrieval.embed(tower, images, views=2, augment=brighter, seed=5)
    assert not np.allclose(second, 2 * retrieval.embed(tower, images, views=2, augment=brighter, seed=6) - images)
    bytes_seen = retrieval.embed(tower, np.uint8(images * 10), views=3, augment=brighter, seed=5)
    np.testing.assert_allclose(bytes_seen - images * 10 / 255, added * 2 / 3, atol=1e-4)


@pytest.mark.parametrize("arguments", [{"views": 2}, {"views": 2, "augment": brighter, "load": brighter}])
def test_views_need_a_distortion_and_images_in_memory(arguments):
    inputs = keras.Input((2,))
    tower = keras.Model(inputs, keras.layers.Identity()(inputs))
    with pytest.raises(ValueError, match="Several views need `augment`, and images in memory; .* Received: views=2"):
        retrieval.embed(tower, np.ones((3, 2), "float32"), **arguments)
    with pytest.raises(ValueError, match="`augment` needs several views. Received: views=1"):
        retrieval.embed(tower, np.ones((3, 2), "float32"), augment=brighter)
    with pytest.raises(ValueError, match="`augment` is a function of an image and a seed. Received: 3"):
        retrieval.embed(tower, np.ones((3, 2), "float32"), views=2, augment=3)
    with pytest.raises(ValueError, match="`views` must be a whole number, at least 1. Received: 0"):
        retrieval.embed(tower, np.ones((3, 2), "float32"), views=0)
