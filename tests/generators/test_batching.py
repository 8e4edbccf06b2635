"""What all streams share: images from arrays and files, memory, length, seeds, resuming and augmentation."""

import gc
import os
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from siamkeras import generators
from siamkeras._arrays import aligned_empty

# The values of the images are their numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Images are expected")

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])
GROUPS = np.where(np.isin(LABELS, [7, 40]), 5, 2)
# All values of image i are i, so that a batch shows which images it has.
IMAGES = np.arange(12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((1, 2, 4, 1), "float32")


def pairs(images=IMAGES, labels=LABELS, **arguments):
    return generators.pairs(images, labels, **{"batch_size": 6, **arguments})


def triplets(images=IMAGES, labels=LABELS, **arguments):
    return generators.triplets(images, labels, **{"batch_size": 6, **arguments})


def balanced(images=IMAGES, labels=LABELS, **arguments):
    return generators.balanced(images, labels, **{"classes": 3, "per_class": 2, **arguments})


def episodes(images=IMAGES, labels=LABELS, **arguments):
    return generators.episodes(images, labels, **{"way": 2, "query": 1, **arguments})


def positive_pairs(images=IMAGES, labels=LABELS, **arguments):
    return generators.positive_pairs(images, labels, **{"batch_size": 2, **arguments})


every_stream = pytest.mark.parametrize("stream", [pairs, positive_pairs, triplets, balanced, episodes])


def parts(batch):
    """All images of a batch, in a list."""
    inputs = batch[0] if isinstance(batch, tuple) else batch
    return [np.asarray(part) for part in (inputs.values() if isinstance(inputs, dict) else [inputs])]


def indices(images):
    return np.rint(np.asarray(images)[:, 0, 0, 0]).astype(int)


def check_labels(batch, index=indices):
    """Whether the images of a batch have the labels that their roles say."""
    if isinstance(batch, dict):
        anchor, positive, *negatives = (LABELS[index(images)] for images in batch.values())
        np.testing.assert_array_equal(anchor, positive)
        assert all((anchor != negative).all() for negative in negatives)
    elif not isinstance(batch[0], dict):
        np.testing.assert_array_equal(LABELS[index(batch[0])], batch[1])
    elif "left" in batch[0]:
        left, right = (LABELS[index(images)] for images in batch[0].values())
        np.testing.assert_array_equal(batch[1], left == right)
    else:
        np.testing.assert_array_equal(LABELS[index(batch[0]["support"])][batch[1]], LABELS[index(batch[0]["query"])])


def aligned(images):
    copy = aligned_empty(images.shape, images.dtype)
    copy[:] = images
    return copy


def unaligned(images):
    memory = aligned_empty((images.nbytes + 16,), "uint8")
    copy = memory[16:].view(images.dtype).reshape(images.shape)
    copy[:] = images
    return copy


def read_only(images):
    copy = aligned(images)
    copy.flags.writeable = False
    return copy


def aligned_fortran(images):
    """Aligned, but not C-contiguous: only the check of contiguity distinguishes it from an array to read in place."""
    return aligned(np.ascontiguousarray(images.T)).T


def every_second_column(images):
    copy = aligned(np.repeat(images, 2, axis=2))
    copy[:, :, 1::2] = -1
    return copy[:, :, ::2]


def memory_map(images, folder):
    np.save(folder / "images.npy", images)
    return np.load(folder / "images.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "layout", [aligned, unaligned, read_only, np.asfortranarray, aligned_fortran, every_second_column, memory_map]
)
def test_images_can_have_any_memory_layout(layout, tmp_path):
    images = layout(IMAGES, tmp_path) if layout is memory_map else layout(IMAGES)
    np.testing.assert_array_equal(images, IMAGES)
    for batch in pairs(images, steps=5):
        check_labels(batch)
        for part in parts(batch):
            np.testing.assert_array_equal(part, IMAGES[indices(part)])


@pytest.mark.parametrize("layout", [aligned, read_only, memory_map])
def test_aligned_images_are_read_in_place(layout, monkeypatch, tmp_path):
    """Also after the last name for them is gone."""
    images = layout(IMAGES, tmp_path) if layout is memory_map else layout(IMAGES)
    monkeypatch.setattr(np, "take", None)
    stream, reference = pairs(images, steps=1), weakref.ref(images)
    del images
    gc.collect()
    for part in parts(stream.get_single_element()):
        np.testing.assert_array_equal(part, IMAGES[indices(part)])
    assert reference() is not None
    del stream
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("view", [lambda images: images[:, ::2], np.transpose], ids=["strided", "transposed"])
def test_images_that_are_not_contiguous_are_not_copied_as_a_whole(view):
    images = view(np.ones((200, 200, 200), "float32"))
    stream = generators.pairs(images, np.arange(200) % 2, batch_size=2)
    next(iter(stream))
    tracemalloc.start()
    list(stream.take(5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes / 2


MEMORY = """
import numpy as np
from siamkeras import generators
from siamkeras._arrays import aligned_empty

def resident(field):
    lines = open("/proc/self/status", encoding="utf-8").readlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000

list(generators.pairs(np.zeros((20, 9), "float32"), np.arange(20) % 2, batch_size=4, steps=20))
images = aligned_empty((300_000, 256), "float32")
images[:] = 1
before = resident("VmRSS")
list(generators.pairs(images, np.arange(300_000) % 9, batch_size=4, steps=20))
print(resident("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs the memory of a process, as on Linux")
def test_images_are_not_copied_into_the_graph():
    """307 MB of images; by default the optimiser of tf.data copies them."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) < 100


def test_uint8_images_are_divided_by_255():
    for part in parts(next(iter(pairs((IMAGES * 20).astype("uint8"))))):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, IMAGES[np.rint(part[:, 0, 0, 0] * 255 / 20).astype(int)] * 20 / 255, atol=1e-6)


@every_stream
def test_uint8_images_are_not_divided_by_255_without_scale(stream, files):
    for options in ({"images": (IMAGES * 20).astype("uint8")}, {"images": files, "load": read}):
        for augment, dtype in ((None, np.uint8), (lambda image, seed: image, np.float32)):
            part = parts(next(iter(stream(**options, scale=False, augment=augment))))[0]
            assert part.dtype == dtype
            np.testing.assert_array_equal(part % 20, 0)
            assert part.max() > 20


def test_a_tower_that_rescales_uint8_is_trained_as_if_the_stream_did():
    """The device then receives a quarter of the bytes."""
    import keras

    from siamkeras import losses, models, towers

    weights = []
    for scale in (True, False):
        tower = towers.dense((4, 4, 1), embedding_dim=3, units=())
        tower.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in tower.get_weights()])
        front = [keras.layers.Rescaling(1 / 255)] if not scale else []
        whole = keras.Sequential([keras.Input((4, 4, 1)), *front, tower])
        model = models.siamese(whole)
        model.compile("sgd", losses.ContrastiveLoss())
        images = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1), dtype="uint8")
        stream = generators.pairs(images, np.arange(20) % 4, batch_size=8, scale=scale)
        model.fit(stream, steps_per_epoch=5, shuffle=False, verbose=0)
        weights.append(tower.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


@every_stream
def test_floats_in_0_to_255_raise_a_warning(stream, files):
    def load(path):
        return tf.cast(read(path), tf.float32) + 100

    for options in ({"images": IMAGES * 20}, {"images": files, "load": load}):
        with pytest.warns(UserWarning, match=r"Images are expected in \[0, 1\]"):
            stream(**options)


def jitter(image, seed):
    return image + tf.random.stateless_uniform((), seed, -0.4, 0.4)


@every_stream
@pytest.mark.parametrize("augment", [None, jitter])
def test_streams_have_the_images_of_their_labels_static_shapes_and_a_length(stream, augment):
    assert stream(augment=augment).cardinality() == tf.data.INFINITE_CARDINALITY
    finite = stream(steps=3, augment=augment)
    batches = list(finite)
    assert finite.cardinality() == len(batches) == 3
    assert all(None not in spec.shape for spec in tf.nest.flatten(finite.element_spec))
    for batch in batches:
        check_labels(batch)


@every_stream
def test_labels_may_be_a_column(stream):
    one, two = (next(iter(stream(labels=labels))) for labels in (LABELS, LABELS[:, None]))
    for values, expected in zip(tf.nest.flatten(two), tf.nest.flatten(one), strict=True):
        np.testing.assert_array_equal(values, expected)


@every_stream
def test_a_batch_is_a_function_of_seed_and_step(stream):
    """Passes, workers with streams of their own, and a resumed stream yield the same batches."""

    def images(stream):
        return np.array([np.concatenate(parts(batch)) for batch in stream])

    whole = stream(steps=6, seed=2, augment=jitter)
    first, again = images(whole), images(whole)
    worker, other = (images(stream(steps=6, seed=seed, augment=jitter)) for seed in (2, 3))
    resumed = images(stream(steps=2, start=4, seed=2, augment=jitter))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, worker)
    np.testing.assert_array_equal(first[4:], resumed)
    assert (first[0] != first[1]).any() and (first != other).any()


@every_stream
def test_every_image_is_augmented_with_a_seed_of_its_own(stream):
    values = np.concatenate([part[:, 0, 0, 0] for batch in stream(steps=2, augment=jitter) for part in parts(batch)])
    noise = values - np.rint(values)
    assert np.abs(noise).max() <= 0.4
    assert len(np.unique(np.round(noise, 6))) == len(noise)


def test_augmentation_must_keep_shape_and_dtype():
    with pytest.raises(ValueError, match="Shape must be rank 3 but is rank 1"):
        pairs(augment=lambda image, seed: tf.reshape(image, (8,)))
    with pytest.raises(ValueError, match="`augment` must return a float32 image. Received: uint8"):
        pairs(augment=lambda image, seed: tf.cast(image * 255, tf.uint8))


@every_stream
def test_groups_stay_together(stream):
    for batch in stream(groups=GROUPS, steps=10, **({"classes": 2} if stream is balanced else {})):
        groups = np.array([GROUPS[indices(part)] for part in parts(batch)], object)
        if stream in (pairs, triplets):
            assert (groups == groups[:1]).all()
        else:
            assert len(set(np.concatenate(groups))) == 1


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for i, path in enumerate(paths):
        Image.fromarray(np.full((4, 4), i * 20, "uint8")).save(path)
    return paths


def read(path):
    return tf.ensure_shape(tf.io.decode_png(tf.io.read_file(path), channels=1), (4, 4, 1))


@every_stream
def test_files_are_read_and_augmented(stream, files):
    """The values of image i are 20 i / 255; the noise is less than half of the difference between two images."""

    def augment(image, seed):
        return image + tf.random.stateless_uniform((), seed, -0.03, 0.03)

    for batch in stream(files, steps=3, load=read, augment=augment):
        check_labels(batch, lambda images: indices(np.asarray(images) * 255 / 20))
        assert all(part.shape[1:] == (4, 4, 1) for part in parts(batch))


@every_stream
def test_text_is_yielded_unchanged(stream):
    def number(sentences):
        return [int(sentence.split()[1]) for sentence in sentences.numpy()]

    def first_token(ids):
        assert ids.dtype == tf.int32
        return ids.numpy()[:, 0] // 2

    for batch in stream([f"word {i}" for i in range(12)], text=True, steps=5):
        check_labels(batch, number)
    for batch in stream(np.arange(24).reshape(12, 2), text=True, steps=5):
        check_labels(batch, first_token)
    with pytest.raises(ValueError, match="`images` must be non-empty strings. Received: 1 of 12"):
        stream([*"abcdefghijk", ""], text=True)


def test_load_returns_floats_or_uint8(files):
    stream = balanced(files, load=lambda path: tf.zeros((2, 2), tf.float64))
    assert next(iter(stream))[0].dtype == tf.float32
    with pytest.raises(ValueError, match=r"`load\(path\)` must be float32 in .* Received: int32"):
        triplets(files, load=lambda path: tf.zeros((2, 2), tf.int32))


def test_a_missing_file_is_an_error(files):
    files[7].unlink()
    with pytest.raises(FileNotFoundError, match="7.png"):
        pairs(files, load=read)


@every_stream
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": LABELS[:5]}, "`labels` must have one entry for each of the 12 examples. Received: 5"),
        ({"labels": [*range(11), 0]}, "examples.*. Received: class 1 with 1"),
        ({"images": IMAGES.astype("int32")}, "Received: int32"),
        ({"steps": 0}, "`steps` must be an integer of at least 1. Received: steps=0"),
        ({"start": -1}, "`start` must be an integer of at least 0"),
        ({"seed": None}, "`seed` must be an integer of at least 0"),
        ({"groups": np.arange(12)}, "must belong to one group"),
    ],
)
def test_invalid_arguments_raise(stream, arguments, message):
    with pytest.raises(ValueError, match=message):
        stream(**arguments)
