"""Streams of pairs: right images under right names, repeatable, endless or not, from arrays and from files."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from siamkeras import examples, generators, losses, models, towers

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])
# The image of example i shows the number i, so that a batch tells where it comes from.
IMAGES = np.arange(12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((1, 2, 2, 1), "float32")
SAME = np.linspace(0, 1, 12).astype("float32")


def shown(images):
    return np.asarray(images)[:, 0, 0, 0]


def aligned(images):
    copy = examples.aligned(images.shape, images.dtype)
    copy[:] = images
    return copy


def unaligned(images):
    memory = np.empty(images.nbytes + 128, np.uint8)
    begin = -memory.ctypes.data % 64 + 16
    copy = memory[begin : begin + images.nbytes].view(images.dtype).reshape(images.shape)
    copy[:] = images
    return copy


@pytest.mark.parametrize("place", [aligned, unaligned, np.asfortranarray])
@pytest.mark.parametrize("steps", [None, 6])
def test_pairs_hold_the_images_of_their_labels(place, steps):
    stream = generators.pairs(place(IMAGES), LABELS, batch_size=5, steps=steps)
    for batch, same in stream.take(6):
        left, right = (LABELS[shown(batch[role]).astype(int)] for role in ("left", "right"))
        np.testing.assert_array_equal(same, left == right)
        assert batch["left"].shape == (5, 2, 2, 1)


def test_loaded_images_are_read_in_place_and_not_by_numpy(monkeypatch):
    """What the loaders and `take` give begins at an address that TensorFlow can read."""
    chosen = examples.Examples(IMAGES, LABELS).take(np.arange(12) % 2 == 0)
    monkeypatch.setattr(np, "take", None)
    generators.from_pairs(chosen.images, chosen.images, SAME[:6]).take(1).get_single_element()


MEMORY = """
import numpy as np
from siamkeras import examples, generators

def resident(field):
    lines = open("/proc/self/status", encoding="utf-8").readlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000

list(generators.pairs(np.zeros((20, 9), "float32"), np.arange(20) % 2, batch_size=4, steps=20))
images = examples.aligned((300_000, 256), "float32")
images[:] = 1
before = resident("VmRSS")
list(generators.pairs(images, np.arange(300_000) % 9, batch_size=4, steps=20))
print(resident("VmHWM") - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system does not tell the memory of a process")
def test_images_are_never_copied_as_a_whole():
    """307 MB of images; left to optimise its graph, tf.data would copy all of them into it."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) < 100


def test_read_only_memory_is_fine():
    images = aligned(IMAGES)
    images.flags.writeable = False
    batch, same = next(iter(generators.pairs(images, LABELS)))
    assert set(shown(batch["left"])) <= set(range(12))


@pytest.mark.parametrize("place", [aligned, unaligned])
def test_bytes_become_floats_between_zero_and_one(place):
    """Image i is i everywhere, and comes out as i / 255."""
    batch, _ = next(iter(generators.pairs(place(IMAGES.astype("uint8")), LABELS)))
    assert batch["left"].dtype == tf.float32
    np.testing.assert_allclose(shown(batch["left"]) * 255, np.rint(shown(batch["left"]) * 255), atol=1e-4)
    assert 1 < shown(batch["left"]).max() * 255 < 11.5


def test_streams_say_how_long_they_are():
    assert generators.pairs(IMAGES, LABELS).cardinality() == tf.data.INFINITE_CARDINALITY
    assert generators.pairs(IMAGES, LABELS, steps=3).cardinality() == 3
    augmented = generators.pairs(IMAGES, LABELS, steps=3, augment=lambda image, seed: image)
    assert augmented.cardinality() == 3
    assert len(list(augmented)) == 3
    assert generators.from_pairs(IMAGES, IMAGES, SAME, batch_size=5).cardinality() == 3


def jitter(image, seed):
    return image + tf.random.stateless_uniform((), seed, -0.4, 0.4)


@pytest.mark.parametrize("augment", [None, jitter])
def test_a_finite_stream_gives_the_same_pairs_every_pass(augment):
    stream = generators.pairs(IMAGES, LABELS, batch_size=4, steps=5, seed=2, augment=augment)
    first, second = ([shown(batch["left"]) for batch, _ in stream] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("augment", [None, jitter])
def test_a_stream_can_be_resumed_at_any_step(augment):
    whole = list(generators.pairs(IMAGES, LABELS, batch_size=4, steps=8, seed=2, augment=augment))
    rest = list(generators.pairs(IMAGES, LABELS, batch_size=4, steps=3, seed=2, start=5, augment=augment))
    for (batch, same), (expected, expected_same) in zip(rest, whole[5:], strict=True):
        np.testing.assert_array_equal(shown(batch["right"]), shown(expected["right"]))
        np.testing.assert_array_equal(same, expected_same)


def test_augmentation_differs_between_the_two_images_and_between_batches():
    stream = generators.pairs(IMAGES, LABELS, batch_size=50, steps=2, augment=jitter)
    (one, _), (two, _) = stream
    moved = [shown(batch[role]) - np.rint(shown(batch[role])) for batch in (one, two) for role in ("left", "right")]
    assert len(np.unique(np.concatenate(moved))) > 190
    assert max(np.abs(m).max() for m in moved) <= 0.4


def test_augmentation_must_keep_the_shape():
    with pytest.raises(ValueError, match=r"Shape must be rank 3 but is rank 1"):
        generators.pairs(IMAGES, LABELS, steps=1, augment=lambda image, seed: tf.reshape(image, (4,)))


def test_groups_and_shares_reach_the_sampler():
    groups = np.where(np.isin(LABELS, [7, 40]), 5, 2)
    batch, same = next(iter(generators.pairs(IMAGES, LABELS, batch_size=200, groups=groups, same_share=0.1)))
    left, right = (groups[shown(batch[role]).astype(int)] for role in ("left", "right"))
    assert (left == right).all()
    assert same.numpy().sum() == 20


def test_classes_of_one_image_are_enough_where_no_pair_is_same():
    batch, same = next(iter(generators.pairs(IMAGES[:3], [5, 6, 7], same_share=0)))
    assert (shown(batch["left"]) != shown(batch["right"])).all()


def test_narrow_numbers_do_not_overflow():
    stream = generators.pairs(IMAGES, LABELS, batch_size=np.uint8(200), steps=np.uint8(2), seed=np.uint8(255))
    assert [len(same) for batch, same in stream] == [200, 200]
    assert len(list(generators.from_pairs(IMAGES, IMAGES, SAME, batch_size=np.uint8(200), seed=np.uint8(255)))) == 1


def test_endpoint_takes_same_among_the_inputs():
    (batch,) = generators.pairs(IMAGES, LABELS, steps=1, endpoint=True)
    assert sorted(batch) == ["left", "right", "same"]


def test_a_batch_of_any_size_trains_without_a_warning():
    tower = towers.dense((2, 2, 1), units=(4,))
    siamese = models.siamese(tower)
    siamese.compile("sgd", losses.ContrastiveLoss())
    stream, validation = (
        generators.pairs(IMAGES, LABELS, batch_size=size, steps=steps) for size, steps in ((3, None), (1, 4))
    )
    history = siamese.fit(stream, steps_per_epoch=2, epochs=2, validation_data=validation, shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()
    endpoint = models.contrastive(tower)
    endpoint.compile("sgd")
    endpoint.fit(generators.pairs(IMAGES, LABELS, endpoint=True), steps_per_epoch=2, shuffle=False, verbose=0)


def test_from_pairs_keeps_left_right_and_label_together():
    left, right = IMAGES, IMAGES[::-1].copy() + 100
    for shuffle in (True, False):
        seen = []
        for batch, same in generators.from_pairs(left, right, SAME, batch_size=5, shuffle=shuffle):
            at = shown(batch["left"]).astype(int)
            np.testing.assert_array_equal(shown(batch["right"]), shown(right)[at])
            np.testing.assert_allclose(same, SAME[at])
            seen.extend(at)
        assert sorted(seen) == list(range(12))
        assert (seen == list(range(12))) is not shuffle


def test_every_pass_over_a_users_pairs_has_its_own_order_and_a_seed_repeats_them_all():
    def orders(seed):
        stream = generators.from_pairs(IMAGES, IMAGES, SAME, batch_size=5, seed=seed)
        return [tuple(np.concatenate([shown(batch["left"]) for batch, _ in stream])) for _ in range(4)]

    assert len(set(orders(1))) == 4
    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_shuffling_favours_no_pair():
    """The first of four pairs over 60 passes: 15 each, with a deviation of 3.4; 14 is four of them."""
    stream = generators.from_pairs(IMAGES[:4], IMAGES[:4], SAME[:4], batch_size=4, seed=1)
    first = [int(shown(next(iter(stream))[0]["left"])[0]) for _ in range(60)]
    counts = np.bincount(first, minlength=4)
    assert (np.abs(counts - 15) < 14).all(), counts


def test_fit_gives_each_epoch_an_order_of_its_own():
    seen = []

    def look(batch, same):
        batch["left"] = tf.ensure_shape(
            tf.numpy_function(lambda x: seen.extend(shown(x)) or x, [batch["left"]], tf.float32), (None, 2, 2, 1)
        )
        return batch, same

    siamese = models.siamese(towers.dense((2, 2, 1), units=(4,)))
    siamese.compile("sgd", losses.ContrastiveLoss())
    siamese.fit(
        generators.from_pairs(IMAGES, IMAGES, SAME, batch_size=12).map(look), epochs=3, shuffle=False, verbose=0
    )
    orders = np.reshape(seen, (3, 12))
    assert [sorted(order) for order in orders] == [list(range(12))] * 3
    assert len({tuple(order) for order in orders}) == 3


def test_a_users_pairs_train_for_several_epochs_without_telling_how_many_steps():
    siamese = models.siamese(towers.dense((2, 2, 1), units=(4,)))
    siamese.compile("sgd", losses.ContrastiveLoss())
    stream = generators.from_pairs(IMAGES, IMAGES, SAME[:, None], batch_size=5)
    history = siamese.fit(stream, epochs=3, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 3
    assert siamese.optimizer.iterations == 9


@pytest.fixture
def files(tmp_path):
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.png")
        keras.utils.save_img(paths[-1], np.full((4, 4, 1), number * 20.0), scale=False)
    return paths


def read(path):
    image = tf.io.decode_png(tf.io.read_file(path), channels=1)
    return tf.ensure_shape(image, (4, 4, 1))


def test_files_are_read_as_they_are_needed(files):
    stream = generators.pairs(files, LABELS, batch_size=5, steps=4, load=read)
    assert stream.element_spec[0]["left"].shape == (None, 4, 4, 1)
    for batch, same in stream:
        left, right = (LABELS[np.rint(shown(batch[role]) * 255 / 20).astype(int)] for role in ("left", "right"))
        np.testing.assert_array_equal(same, left == right)
        assert batch["left"].shape == (5, 4, 4, 1)


def test_a_users_pairs_of_files(files):
    stream = generators.from_pairs(files, files[::-1], SAME, batch_size=12, shuffle=False, load=read, augment=jitter)
    ((batch, same),) = stream
    np.testing.assert_allclose(shown(batch["left"]) * 255 / 20, np.arange(12), atol=0.4 * 255 / 20)
    np.testing.assert_allclose(same, SAME)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": LABELS[:5]}, "one label. Received: 12 images, 5 labels"),
        ({"labels": LABELS[:, None]}, r"one-dimensional, \(n,\)"),
        ({"labels": np.full(12, 7)}, "At least two classes"),
        ({"labels": [*range(11), 0]}, "at least 2 examples. Received: class 1 with 1"),
        ({"images": IMAGES.astype("int32")}, "Received: int32"),
        ({"images": np.full_like(IMAGES, np.nan)}, "NaN or infinity in image 0"),
        ({"images": IMAGES[:0], "labels": LABELS}, "`images` is empty"),
        ({"batch_size": 0}, "`batch_size` must be a whole number, at least 1, below .* Received: 0"),
        ({"batch_size": 2.5}, "`batch_size` must be a whole number"),
        ({"steps": 0}, "`steps` must be a whole number, at least 1, below .* Received: 0"),
        ({"start": -1}, "`start` must be a whole number, at least 0, below .* Received: -1"),
        ({"seed": None}, "`seed` must be a whole number, at least 0, below .* Received: None"),
        ({"same_share": 1.5}, "from 0 to 1. Received: 1.5"),
        ({"same_share": "half"}, "from 0 to 1. Received: 'half'"),
        ({"images": "photos"}, r"must be an array .* Received: photos"),
        ({"seed": 2**64}, "below 2\\*\\*63"),
        ({"load": len}, "Leave `load` out"),
    ],
)
def test_pairs_that_cannot_be_drawn_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        generators.pairs(**{"images": IMAGES, "labels": LABELS, **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"right": IMAGES[:3]}, "12 left, 3 right, 12 labels"),
        ({"same": SAME[:3]}, "12 left, 12 right, 3 labels"),
        ({"same": SAME * 2}, r"lie in \[0, 1\].* Received: 1.09\d* at position 6"),
        ({"same": -SAME}, r"lie in \[0, 1\].* at position 1"),
        ({"same": np.full(12, np.nan)}, r"lie in \[0, 1\].* Received: nan at position 0"),
        ({"same": np.ones((12, 2))}, r"numbers \(n,\), at least one. Received: float64, shape \(12, 2\)"),
        ({"same": ["yes"] * 12}, r"numbers \(n,\)"),
        ({"left": IMAGES.astype("int32")}, "`left` must be float32"),
        ({"right": np.full_like(IMAGES, np.inf)}, "`right` must be finite"),
        ({"batch_size": -1}, "`batch_size` must be a whole number"),
    ],
)
def test_a_users_pairs_that_are_wrong_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        generators.from_pairs(**{"left": IMAGES, "right": IMAGES, "same": SAME, **arguments})


def test_a_missing_file_is_named_at_once(files):
    files[7].unlink()
    with pytest.raises(FileNotFoundError, match="no file at '.*7.png'"):
        generators.pairs(files, LABELS, load=read)
