"""Streams of several processes: together they see the batches of a single one, and each loads its own part only."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from siamkeras import augmentation, generators

LABELS = np.repeat(np.arange(8), 3)
# Six different values in each image, so that it differs from its flipped copies.
IMAGES = np.random.default_rng(0).uniform(size=(24, 2, 3, 1)).astype("float32")
augment = augmentation.flip()


def stream_of_array(name, **options):
    sampled = {"steps": 3, "seed": 1, "augment": augment} | options
    given = {"batch_size": 8, "seed": 1, "augment": augment} | options
    return {
        "pairs": lambda: generators.pairs(IMAGES, LABELS, 8, **sampled),
        "pairs without augmentation": lambda: generators.pairs(IMAGES, LABELS, 8, **sampled | {"augment": None}),
        "positive pairs": lambda: generators.positive_pairs(IMAGES, LABELS, 8, **sampled),
        "triplets": lambda: generators.triplets(IMAGES, LABELS, 8, **sampled),
        "balanced": lambda: generators.balanced(IMAGES, LABELS, 4, 2, **sampled),
        "every image": lambda: generators.balanced(IMAGES, LABELS, 4, 2, **sampled, every_image=True),
        "from pairs": lambda: generators.from_pairs(IMAGES, IMAGES[::-1], LABELS / 8, **given),
        "from pairs in order": lambda: generators.from_pairs(IMAGES, IMAGES[::-1], LABELS / 8, **given, shuffle=False),
        "from triplets": lambda: generators.from_triplets(IMAGES, IMAGES[::-1], IMAGES[::3].repeat(3, 0), **given),
        "two views": lambda: generators.two_views(IMAGES, **given),
    }[name]()


NAMES = [
    "pairs", "pairs without augmentation", "positive pairs", "triplets", "balanced", "every image", "from pairs",
    "from pairs in order", "from triplets", "two views",
]  # fmt: skip


def batches(stream):
    return [tf.nest.flatten(batch) for batch in stream.as_numpy_iterator()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [2, 4])
def test_the_parts_of_all_processes_are_the_whole_batches(name, count):
    whole = stream_of_array(name)
    shards = [stream_of_array(name, shard=(index, count)) for index in range(count)]
    for _ in range(2):  # a shuffled stream has another order in the second pass, the same in all processes
        parts = zip(*map(batches, shards), strict=True)
        for batch, own in zip(batches(whole), parts, strict=True):
            for values, slices in zip(batch, zip(*own, strict=True), strict=True):
                assert len(slices[0]) == 8 // count
                np.testing.assert_array_equal(values, np.concatenate(slices))


def test_a_process_loads_its_own_images_only():
    loaded = []

    def load(path):
        def read(name):
            loaded.append(name)
            return np.full((2, 2, 1), 0.5, "float32")

        return tf.ensure_shape(tf.numpy_function(read, [path], tf.float32), (2, 2, 1))

    paths = [f"memory://{number}" for number in range(24)]
    stream = generators.balanced(paths, LABELS, 4, 2, steps=3, load=load, shard=(1, 2))
    loaded.clear()  # one image is loaded to be checked
    assert [len(images) for images, _ in stream] == [4, 4, 4] and len(loaded) == 12


@pytest.mark.parametrize("shard", [2, "0/2", (0,), (2, 2), (-1, 2), (0, 0), (0.5, 2)])
def test_an_invalid_shard_raises(shard):
    with pytest.raises(ValueError, match="shard"):
        generators.pairs(IMAGES, LABELS, 8, shard=shard)
    with pytest.raises(ValueError, match="shard"):
        generators.from_pairs(IMAGES, IMAGES, LABELS / 8, 8, shard=shard)


def test_shards_must_divide_every_batch():
    with pytest.raises(ValueError, match="3 shards must divide a batch equally. Received: 8 examples"):
        generators.triplets(IMAGES, LABELS, 8, shard=(0, 3))
    with pytest.raises(ValueError, match="2 shards.*`remainder=False` omits the last batch.*Received: 3 examples"):
        generators.from_pairs(IMAGES[:11], IMAGES[:11], None, 8, shard=(0, 2))
    stream = generators.from_pairs(IMAGES[:11], IMAGES[:11], None, 8, shard=(0, 2), remainder=False)
    assert [len(batch["left"]) for batch in stream] == [4]


def test_the_devices_of_a_distribution_must_divide_every_batch():
    mesh = keras.distribution.DeviceMesh((3,), ["batch"], ["cpu:0", "cpu:1", "cpu:2"])
    try:
        distribution = keras.distribution.DataParallel(mesh)
    except AttributeError:
        pytest.skip("this version of Keras has no DataParallel on TensorFlow")
    with distribution.scope():
        with pytest.raises(ValueError, match="3 devices must divide a batch equally. Received: 8 examples"):
            generators.pairs(IMAGES, LABELS, 8)
        with pytest.raises(ValueError, match="3 devices.*Received: 2 examples"):
            generators.episodes(IMAGES, LABELS, way=2, shot=1, query=2)
        assert len(next(iter(generators.pairs(IMAGES, LABELS, 6)))[1]) == 6


def test_without_a_remainder_all_batches_are_full_and_other_pairs_are_left_out():
    """Eleven pairs in batches of four: two batches, and three pairs are missing in each pass."""
    stream = generators.from_pairs(
        np.arange(11.0, dtype="float32") / 11, np.zeros(11, "float32"), None, 4, seed=2, remainder=False
    )
    passes = [np.concatenate([batch["left"] for batch in stream.as_numpy_iterator()]) for _ in range(2)]
    assert int(stream.cardinality()) == 2 and all(len(np.unique(each)) == 8 for each in passes)
    assert set(passes[0]) != set(passes[1])
    with pytest.raises(ValueError, match="`batch_size` must be at most 3. Received: 4"):
        generators.from_pairs(IMAGES[:3], IMAGES[:3], None, 4, remainder=False)
