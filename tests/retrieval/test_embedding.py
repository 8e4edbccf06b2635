"""`retrieval.embed`: batches, files, sentences, inference mode and test-time augmentation."""

import tracemalloc
from contextlib import nullcontext

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from siamkeras import data, retrieval, towers
from siamkeras._inference import infer

IMAGES = np.random.default_rng(4).random((10, 4, 4, 1)).astype("float32")
needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="runs in a tf.data pipeline")


@pytest.fixture
def tower():
    return towers.dense((4, 4, 1), embedding_dim=3, units=())


def identity(dim=2):
    inputs = keras.Input((dim,))
    return keras.Model(inputs, keras.layers.Identity()(inputs))


def test_images_are_embedded_in_batches(tower, monkeypatch):
    """Ten images in batches of four: 4, 4 and 2."""
    sizes = []

    def counting(model, batch):
        sizes.append(len(batch))
        return infer(model, batch)

    monkeypatch.setattr("siamkeras.retrieval.embedding.infer", counting)
    embeddings = retrieval.embed(tower, IMAGES, batch_size=4)
    np.testing.assert_allclose(embeddings, ops.convert_to_numpy(tower(IMAGES)), atol=1e-6)
    assert (sizes, embeddings.dtype) == ([4, 4, 2], "float32")


def test_the_tower_runs_in_inference_mode():
    """Batch normalisation with its initial mean 0 and variance 1 - 0.001 is the identity, and stays so.

    In training mode it would subtract the mean of the batch, and dropout would set three of four values to 0.
    """
    inputs = keras.Input((2,))
    x = keras.layers.BatchNormalization(epsilon=1e-9)(keras.layers.Dropout(0.75)(inputs))
    tower, points = keras.Model(inputs, x), np.float32([[1, 2], [3, 5]])
    for options in ({}, {"views": 2, "augment": lambda image, seed: image}):
        if not options or keras.backend.backend() == "tensorflow":
            np.testing.assert_allclose(retrieval.embed(tower, points, **options), points, rtol=1e-5)
    np.testing.assert_array_equal(ops.convert_to_numpy(tower.layers[-1].moving_mean), [0, 0])


def test_uint8_and_single_images_are_embedded_as_the_generators_yield_them(tower):
    """uint8 is divided by 255; a single image is a batch of one."""
    in_bytes = np.round(IMAGES * 255).astype("uint8")
    embeddings = retrieval.embed(towers.pixels((4, 4, 1)), in_bytes)
    np.testing.assert_allclose(embeddings, in_bytes.reshape(10, 16) / 255, atol=1e-6)
    np.testing.assert_allclose(retrieval.embed(tower, IMAGES[3]), retrieval.embed(tower, IMAGES)[3:4], atol=1e-6)
    unchanged = retrieval.embed(towers.pixels((4, 4, 1)), in_bytes, scale=False)
    np.testing.assert_array_equal(unchanged, in_bytes.reshape(10, 16))


def test_uint8_images_for_a_tower_that_rescales_raise_a_warning():
    """A network of `keras.applications`, nested in a tower; one of `towers.pretrained` rescales back first."""
    bytes_in = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()])
    in_bytes = np.full((2, 4, 4, 1), 51, "uint8")
    for before, warns in ((keras.layers.Identity(), True), (keras.layers.Rescaling(255.0), False)):
        tower = keras.Sequential([keras.Input((4, 4, 1)), before, bytes_in])
        tower = keras.Model(tower.inputs[0], tower.outputs[0])
        assert retrieval.embed(tower, in_bytes, scale=False).shape == (2, 16)
        for images in (in_bytes, in_bytes / 255):
            with pytest.warns(UserWarning, match="expects values in 0-255.*scale=False") if warns else nullcontext():
                embeddings = retrieval.embed(tower, images)
    np.testing.assert_allclose(embeddings, np.full((2, 16), 0.2), rtol=1e-5)


@needs_tensorflow
def test_sentences_are_embedded_one_or_many():
    tower = towers.bag_of_ngrams(embedding_dim=None, buckets=64)
    many = retrieval.embed(tower, ["A cat sleeps.", "A dog barks."])
    np.testing.assert_allclose(retrieval.embed(tower, "A dog barks."), many[1:], atol=1e-6)
    with pytest.raises(ValueError, match="`load` and `augment` are for images"):
        retrieval.embed(tower, ["A cat sleeps."], load=len)


@pytest.fixture
def paths(tmp_path):
    """Ten files; all pixels of file i have the value 20 i."""
    for number in range(10):
        Image.fromarray(np.full((4, 4), 20 * number, "uint8")).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.glob("*.png"))


def test_files_are_embedded_in_order(paths):
    load, pixels = data.load_image((4, 4), channels=1), towers.pixels((4, 4, 1))
    embeddings = retrieval.embed(pixels, [str(path) for path in paths[::-1]], load=load, batch_size=4)
    np.testing.assert_allclose(embeddings, np.repeat(np.arange(9, -1, -1)[:, None] * 20 / 255, 16, axis=1), atol=1e-3)
    for path in (paths[2], str(paths[2])):
        np.testing.assert_allclose(retrieval.embed(pixels, path, load=load), embeddings[7:8])


def brighter(image, seed):
    """Adds a number from 0 to 0.999 that depends only on the seed."""
    return image + ops.cast(ops.mod(seed[0], 1000), "float32") / 1000


@needs_tensorflow
def test_the_embedding_is_the_mean_over_the_image_and_its_augmented_views():
    """Of (x, y) and two copies with the first component negated: (-x / 3, y)."""
    points = np.float32([[3, 1], [6, 2]])
    embeddings = retrieval.embed(identity(), points, views=3, augment=lambda point, seed: point * np.float32([-1, 1]))
    np.testing.assert_allclose(embeddings, [[-1, 1], [-2, 2]], rtol=1e-6)


@needs_tensorflow
def test_every_view_of_every_image_has_a_seed_of_its_own():
    """The seeds that `augment` receives: 4 images x 5 views differ from each other and from those of the next seed."""
    import tensorflow as tf

    seeds = []

    def augment(image, key):
        (key,) = tf.numpy_function(lambda key: (seeds.append(tuple(key)), key)[1:], [key], [tf.int32], stateful=True)
        return image + 0 * tf.cast(tf.ensure_shape(key, (2,)), tf.float32)

    for seed in (5, 6):
        retrieval.embed(identity(), np.zeros((4, 2), "float32"), views=6, augment=augment, seed=seed)
    assert len(seeds) == len(set(seeds)) == 40


@needs_tensorflow
def test_views_depend_on_seed_and_position_and_not_on_the_batch_size():
    images = np.float32([[0, 1], [2, 3], [4, 5], [6, 7]])
    first, again, other = (
        retrieval.embed(identity(), images, views=3, augment=brighter, seed=seed, batch_size=size)
        for seed, size in ((5, 4), (5, 3), (9, 4))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert len(np.unique((first - images)[:, 0].round(4))) == 4
    in_bytes = retrieval.embed(identity(), np.uint8(images * 10), views=3, augment=brighter, seed=5)
    np.testing.assert_allclose(in_bytes - images * 10 / 255, first - images, atol=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"images": IMAGES[:, :3]}, r"expected shape=\(None, 4, 4, 1\), found"),
        ({"images": IMAGES[..., 0, 0]}, "Invalid input shape"),
        ({"images": np.full((1, 4, 4, 1), np.nan)}, "`images` must be finite"),
        ({"images": "photo.png"}, "`images` holds strings. To read image files, pass `load="),
        ({"batch_size": 0}, "`batch_size` must be an integer of at least 1. Received: batch_size=0"),
        ({"views": 2}, "`views` above 1 and `augment` go together, for images in memory. Received: views=2"),
        ({"augment": brighter}, "`views` above 1 and `augment` go together.* Received: views=1"),
        ({"views": 2, "augment": brighter, "load": brighter}, "for images in memory. Received: views=2"),
    ],
)
def test_argument_errors(tower, arguments, message):
    with pytest.raises(ValueError, match=message):
        retrieval.embed(**{"tower": tower, "images": IMAGES} | arguments)


def test_a_tower_needs_one_output_of_one_vector_per_image(tower):
    inputs = keras.Input((4, 4, 1))
    with pytest.raises(ValueError, match=r"one output \(batch, dim\). Received: .* outputs \[\(None, 4, 4, 1\)\]"):
        retrieval.embed(keras.Model(inputs, keras.layers.ReLU()(inputs)), IMAGES)
    with pytest.raises(
        ValueError, match=r"one output \(batch, dim\). Received: .* outputs \[\(None, \d+\), \(None, \d+\)\]"
    ):
        retrieval.embed(keras.Model(inputs, [tower(inputs), tower(inputs)]), IMAGES)
    two = keras.Model([inputs, other := keras.Input((3,))], keras.layers.Concatenate()([tower(inputs), other]))
    with pytest.raises(ValueError, match="with inputs .* Train a network with several inputs directly, see"):
        retrieval.embed(two, IMAGES)
    for wrong in (None, "conv", lambda images: images):
        with pytest.raises(ValueError, match="`tower` must be a built keras.Model"):
            retrieval.embed(wrong, IMAGES)


@pytest.mark.parametrize("wrap", [lambda output: [output], lambda output: {"embedding": output}])
def test_the_embedding_may_be_in_a_list_or_dict(tower, wrap):
    inputs = keras.Input((4, 4, 1))
    wrapped = keras.Model(inputs, wrap(tower(inputs)))
    np.testing.assert_array_equal(retrieval.embed(wrapped, IMAGES), retrieval.embed(tower, IMAGES))


def test_a_tower_that_would_round_images_to_integers_is_refused():
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    tower = keras.Model(inputs, keras.layers.Flatten()(ops.cast(inputs, "float32")))
    with pytest.raises(ValueError, match="must take float32 images. Received: a tower whose Input is uint8"):
        retrieval.embed(tower, IMAGES)


def test_files_must_exist(tower, paths):
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        retrieval.embed(tower, [*paths, "nowhere.png"], load=data.load_image((4, 4), channels=1))


def batches_of(images, size):
    return (images[start : start + size] for start in range(0, len(images), size))


def test_a_stream_is_embedded_like_its_images(tower):
    """An iterator of batches of any size; labels beside them are ignored."""
    expected = retrieval.embed(tower, IMAGES)
    for size in (1, 4, 10):
        np.testing.assert_allclose(retrieval.embed(tower, batches_of(IMAGES, size)), expected, atol=1e-6)
    labelled = ((images, np.arange(len(images))) for images in batches_of(IMAGES, 4))
    np.testing.assert_allclose(retrieval.embed(tower, labelled), expected, atol=1e-6)
    listed = ([images, np.arange(len(images))] for images in batches_of(IMAGES, 4))  # as of a torch DataLoader
    np.testing.assert_allclose(retrieval.embed(tower, listed), expected, atol=1e-6)
    in_bytes = np.round(IMAGES * 255).astype("uint8")
    embeddings = retrieval.embed(tower, batches_of(in_bytes, 4))
    np.testing.assert_allclose(embeddings, retrieval.embed(tower, in_bytes), atol=1e-6)
    with pytest.warns(UserWarning, match="Images are expected in .* `batch` from"):
        retrieval.embed(tower, batches_of(IMAGES * 255, 5))


@needs_tensorflow
def test_a_dataset_is_embedded_like_its_images(tower):
    import tensorflow as tf

    expected, images = retrieval.embed(tower, IMAGES), tf.data.Dataset.from_tensor_slices(IMAGES)
    labelled = tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(10)))
    for dataset in (images.batch(4), labelled.batch(4), images.filter(lambda image: True).batch(3)):
        np.testing.assert_allclose(retrieval.embed(tower, dataset), expected, atol=1e-6)
    words = towers.bag_of_ngrams(embedding_dim=None, buckets=64)
    sentences = ["A cat sleeps.", "A dog barks.", "Rain."]
    for stream in (tf.data.Dataset.from_tensor_slices(sentences).batch(2), iter([sentences[:2], sentences[2:]])):
        np.testing.assert_allclose(retrieval.embed(words, stream), retrieval.embed(words, sentences), atol=1e-6)
    with pytest.raises(ValueError, match="This stream never ends. Give it a length"):
        retrieval.embed(tower, images.repeat().batch(4))
    with pytest.raises(ValueError, match=r"A stream must yield batches of the shape \(None, 4, 4, 1\).*\(4, 4, 1\)"):
        retrieval.embed(tower, images)


@pytest.mark.parametrize(
    "stream, options, message",
    [
        ([], {}, "The stream is empty"),
        ([{"left": IMAGES}], {}, r"must yield batches .* Received: a dict of \['left'\]"),
        ([IMAGES], {"shard": (0, 2)}, "`load` and `shard` are for arrays.* Received: list_iterator, load=None, shard="),
        ([IMAGES], {"load": len}, "Load and divide a stream where it is made"),
        ([IMAGES], {"views": 2, "augment": brighter}, "for images in memory. Received: .* images=list_iterator"),
        ([IMAGES, IMAGES * np.nan], {}, "`batch` must be finite"),
    ],
)
def test_errors_of_streams(tower, stream, options, message):
    with pytest.raises(ValueError, match=message):
        retrieval.embed(tower, iter(stream), **options)


@pytest.mark.parametrize("count", [1, 2, 3, 10])
def test_the_parts_of_all_shards_are_the_whole(tower, count):
    """Ten images in three contiguous parts: 3, 3 and 4."""
    expected = retrieval.embed(tower, IMAGES)
    parts = [retrieval.embed(tower, IMAGES, batch_size=2, shard=(index, count)) for index in range(count)]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@needs_tensorflow
def test_the_parts_of_files_and_views_are_the_whole(tower, paths):
    load = data.load_image((4, 4), channels=1)
    for images, options in ((paths, {"load": load}), (IMAGES, {"views": 3, "augment": brighter, "seed": 5})):
        expected = retrieval.embed(tower, images, **options)
        parts = [retrieval.embed(tower, images, batch_size=4, shard=(index, 3), **options) for index in range(3)]
        np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)


def test_shards_are_checked(tower):
    with pytest.raises(ValueError, match="11 shards need at least 11 images. Received: 10"):
        retrieval.embed(tower, IMAGES, shard=(0, 11))
    with pytest.raises(ValueError, match="`shard index` must be an integer of at least 0 and at most 1"):
        retrieval.embed(tower, IMAGES, shard=(2, 2))


def sources():
    """Images, paths and streams of ten images, as functions: a stream is read once."""
    sources = {"array": lambda paths: (IMAGES, {}), "iterator": lambda paths: (batches_of(IMAGES, 3), {})}
    if keras.backend.backend() == "tensorflow":
        sources["paths"] = lambda paths: (paths, {"load": data.load_image((4, 4), channels=1)})
        sources["views"] = lambda paths: (IMAGES, {"views": 3, "augment": brighter, "seed": 5})
        sources["shard"] = lambda paths: (IMAGES, {"views": 3, "augment": brighter, "shard": (1, 2)})
    return sources


@pytest.mark.parametrize("source", sources())
def test_an_interrupted_file_is_continued(tower, paths, tmp_path, monkeypatch, source):
    """The second batch fails; the next call embeds only the rest, with another batch size; a third call embeds none."""
    out, make, calls = tmp_path / "embeddings.npy", sources()[source], []
    images, options = make(paths)
    expected = retrieval.embed(tower, images, **options)

    def failing(model, batch):
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(len(batch))
        return infer(model, batch)

    def counting(model, batch):
        calls.append(len(batch))
        return infer(model, batch)

    images, options = make(paths)
    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr("siamkeras.retrieval.embedding.infer", failing)
        retrieval.embed(tower, images, batch_size=3, out=out, **options)
    finished = np.load(out)
    assert 0 < len(finished) <= 3
    np.testing.assert_allclose(finished, expected[: len(finished)], atol=1e-6)
    with open(out, "ab") as file:
        file.write(b"half a row")
    monkeypatch.setattr("siamkeras.retrieval.embedding.infer", counting)
    images, options = make(paths)
    calls.clear()
    embeddings = retrieval.embed(tower, images, batch_size=4, out=str(out), **options)
    assert isinstance(embeddings, np.memmap) and not embeddings.flags.writeable and embeddings.dtype == "float32"
    np.testing.assert_allclose(embeddings, expected, atol=1e-6)
    assert sum(calls) == (len(expected) - len(finished)) * options.get("views", 1)
    images, options = make(paths)
    again = retrieval.embed(tower, images, batch_size=4, out=out, **options)
    np.testing.assert_array_equal(again, np.load(out))
    assert sum(calls) == (len(expected) - len(finished)) * options.get("views", 1)
    assert sorted(path.name for path in tmp_path.glob("emb*")) == ["embeddings.npy", "embeddings.npy.json"]


def test_a_file_of_another_call_is_refused(tower, tmp_path):
    out = tmp_path / "embeddings.npy"
    before = retrieval.embed(tower, IMAGES, out=out).copy()
    other = keras.models.clone_model(tower)
    for changed, images, options, name in (
        (other, IMAGES, {}, "`tower`"),
        (tower, IMAGES[:9], {}, "`images`"),
        (tower, IMAGES[::-1], {}, "`images`"),
        (tower, batches_of(IMAGES, 4), {}, "`images`, `shard`"),
        (tower, IMAGES, {"shard": (0, 2)}, "`shard`"),
        (tower, IMAGES, {"scale": False}, "`scale`"),
    ):
        with pytest.raises(ValueError, match=f"`out` was begun with another value of {name}. Expected a new path"):
            retrieval.embed(changed, images, out=out, **options)
    other.set_weights(tower.get_weights())
    np.testing.assert_array_equal(retrieval.embed(other, IMAGES, out=out), before)
    (tmp_path / "embeddings.npy.json").unlink()
    with pytest.raises(ValueError, match="`out` exists, and the file that describes it is missing.*delete it and "):
        retrieval.embed(tower, IMAGES, out=out)
    out.unlink()
    np.testing.assert_array_equal(retrieval.embed(tower, IMAGES, out=out), before)


def test_a_progress_bar_counts_embeddings(tower, capsys, tmp_path):
    retrieval.embed(tower, IMAGES, batch_size=4)
    assert capsys.readouterr().out == ""
    retrieval.embed(tower, IMAGES, batch_size=4, verbose=1)
    assert "10/10" in capsys.readouterr().out
    retrieval.embed(tower, batches_of(IMAGES, 4), verbose=1)
    assert "10/Unknown" in capsys.readouterr().out


def test_images_are_converted_batch_by_batch(tower):
    """Bytes stay bytes: the peak is below what all images would take as float32."""
    images = np.zeros((50_000, 4, 4, 1), "uint8")
    retrieval.embed(tower, images[:10], batch_size=1000)
    tracemalloc.start()
    try:
        retrieval.embed(tower, images, batch_size=1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * 4 * images.size
