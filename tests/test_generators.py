"""Streams: right images under right names, repeatable, endless or not, from arrays and from files."""

import hashlib
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from siamkeras import generators, losses, models, towers
from siamkeras.data import examples

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])
# The image of example i shows the number i, so that a batch tells where it comes from.
IMAGES = np.arange(12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((1, 2, 2, 1), "float32")
SAME = np.linspace(0, 1, 12).astype("float32")
GROUPS = np.where(np.isin(LABELS, [7, 40]), 5, 2)


def shown(images):
    return np.asarray(images)[:, 0, 0, 0]


def checksum(arrays):
    return hashlib.sha256(b"".join(np.asarray(array).astype("<i8").tobytes() for array in arrays)).hexdigest()[:16]


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
    batch, same = next(iter(generators.pairs(IMAGES, LABELS, batch_size=200, groups=groups, positive_fraction=0.1)))
    left, right = (groups[shown(batch[role]).astype(int)] for role in ("left", "right"))
    assert (left == right).all()
    assert same.numpy().sum() == 20


def test_forgeries_are_different_from_what_they_imitate_and_same_as_nothing():
    """100 pairs of writers 7 and 3, half same: 30 % of the other 50 are skilled forgeries, 15."""
    kept = np.isin(LABELS, [7, 3])
    genuine = ~np.isin(np.flatnonzero(kept), [4, 5])
    stream = generators.pairs(
        IMAGES[kept], LABELS[kept], batch_size=100, steps=1, genuine=genuine, forged_share=0.3, seed=2
    )
    ((batch, same),) = stream
    left, right = (shown(batch[role]).astype(int) for role in ("left", "right"))
    forged = np.isin(right, [4, 5])
    assert not np.isin(left, [4, 5]).any()
    assert forged.sum() == 15 and not same.numpy()[forged].any()
    assert (LABELS[left] == LABELS[right])[forged].all()
    assert ((LABELS[left] == LABELS[right]) == (same.numpy() == 1))[~forged].all()


def test_classes_of_one_image_are_enough_where_no_pair_is_same():
    batch, same = next(iter(generators.pairs(IMAGES[:3], [5, 6, 7], positive_fraction=0)))
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
        ({"positive_fraction": 1.5}, "from 0 to 1. Received: 1.5"),
        ({"positive_fraction": "half"}, "from 0 to 1. Received: 'half'"),
        ({"forged_share": -1}, "`forged_share` is a share of the pairs, from 0 to 1. Received: -1"),
        ({"genuine": np.ones(12, bool)}, "at least 1 forgeries. Received: class 3 with 0"),
        ({"genuine": np.ones(5, bool)}, "one for each of 12 labels"),
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


def stamped(image, seed):
    """Adds what the seed is, in whole numbers."""
    return image + tf.cast(seed[0] % 1000 * 100 + seed[1] % 1000 * 100_000, tf.float32)


@pytest.mark.parametrize(
    "groups, augment, recorded",
    [
        (None, None, "2c4716e630f9df1d"),
        (None, stamped, "c70c4b277506fe45"),
        (GROUPS, None, "589b1e7413f5815e"),
        (GROUPS, stamped, "ea8fb320aae91c83"),
    ],
)
def test_pairs_are_those_that_the_lessons_were_written_with(groups, augment, recorded):
    """Recorded from the first version; another sum means that every number in the lessons changes."""
    stream = generators.pairs(IMAGES, LABELS, batch_size=7, steps=3, seed=5, start=2, groups=groups, augment=augment)
    assert checksum(part for batch, same in stream for part in (batch["left"], batch["right"], same)) == recorded


@pytest.mark.parametrize("augment, recorded", [(None, "49c3248398beca0e"), (stamped, "dc971a0d3a5ca587")])
def test_orders_of_a_users_pairs_are_those_that_the_lessons_were_written_with(augment, recorded):
    """Recorded from the first version, as above, after `keras.utils.set_random_seed(0)`, which every lesson begins
    with."""
    stream = generators.from_pairs(IMAGES, IMAGES[::-1], SAME, batch_size=5, seed=5, augment=augment)
    assert checksum(part for batch, same in stream for part in (batch["left"], batch["right"], same * 1000)) == recorded


def triplets(images=IMAGES, labels=LABELS, **arguments):
    return generators.triplets(images, labels, **{"batch_size": 6, **arguments})


def balanced(images=IMAGES, labels=LABELS, **arguments):
    return generators.balanced(images, labels, **{"classes": 3, "per_class": 2, **arguments})


def parts(batch):
    """The images of each role, in one list."""
    return list(batch.values()) if isinstance(batch, dict) else [batch[0]]


@pytest.mark.parametrize("place", [aligned, unaligned, np.asfortranarray])
@pytest.mark.parametrize("steps", [None, 6])
def test_triplets_hold_the_images_of_their_roles(place, steps):
    for batch in triplets(place(IMAGES), steps=steps).take(6):
        assert list(batch) == ["anchor", "positive", "negative"]
        anchor, positive, negative = (shown(images).astype(int) for images in batch.values())
        assert (LABELS[anchor] == LABELS[positive]).all() and (anchor != positive).all()
        assert (LABELS[anchor] != LABELS[negative]).all()


@pytest.mark.parametrize("place", [aligned, unaligned, np.asfortranarray])
@pytest.mark.parametrize("steps", [None, 6])
def test_balanced_batches_hold_images_with_their_labels(place, steps):
    for images, labels in balanced(place(IMAGES), steps=steps).take(6):
        found = shown(images).astype(int)
        np.testing.assert_array_equal(LABELS[found], labels)
        assert labels.dtype == tf.int64
        assert len(set(found)) == 6
        assert (labels[::2] == labels[1::2]).numpy().all() and len(set(labels.numpy())) == 3


@pytest.mark.parametrize("stream", [triplets, balanced])
@pytest.mark.parametrize("place", [aligned, unaligned])
def test_bytes_become_floats_in_every_role(stream, place):
    images = np.concatenate([np.asarray(part) for part in parts(next(iter(stream(place(IMAGES.astype("uint8"))))))])
    assert images.dtype == np.float32
    np.testing.assert_allclose(shown(images) * 255, np.rint(shown(images) * 255), atol=1e-4)
    assert 1 < images.max() * 255 < 11.5


@pytest.mark.parametrize("stream", [triplets, balanced])
def test_images_of_every_role_are_read_in_place(stream, monkeypatch):
    images = aligned(IMAGES)
    monkeypatch.setattr(np, "take", None)
    stream(images, steps=1).get_single_element()


@pytest.mark.parametrize("stream", [triplets, balanced])
@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("augment", [None, jitter])
def test_every_stream_tells_its_length_and_its_shapes(stream, steps, augment):
    """So that a loss knows how many images it has; 6 triplets, 3 classes of 2."""
    found = stream(steps=steps, augment=augment)
    assert found.cardinality() == (tf.data.INFINITE_CARDINALITY if steps is None else steps)
    for spec in tf.nest.flatten(found.element_spec):
        assert spec.shape in [(6, 2, 2, 1), (6,)]
    assert len(list(found.take(4))) == (steps or 4)


@pytest.mark.parametrize("augment", [None, jitter])
def test_batches_of_pairs_tell_their_shape(augment):
    for steps in (None, 3):
        spec, _ = generators.pairs(IMAGES, LABELS, batch_size=5, steps=steps, augment=augment).element_spec
        assert spec["left"].shape == spec["right"].shape == (5, 2, 2, 1)
    spec, _ = generators.from_pairs(IMAGES, IMAGES, SAME, batch_size=5, augment=augment).element_spec
    assert spec["left"].shape == (None, 2, 2, 1)


@pytest.mark.parametrize("stream", [triplets, balanced])
@pytest.mark.parametrize("augment", [None, jitter])
def test_every_stream_repeats_itself_and_can_be_resumed(stream, augment):
    whole = stream(steps=8, seed=2, augment=augment)
    first, second = ([np.array(parts(batch)) for batch in whole] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    rest = [np.array(parts(batch)) for batch in stream(steps=3, start=5, seed=2, augment=augment)]
    np.testing.assert_array_equal(rest, first[5:])
    assert (np.array(first[0]) != first[1]).any()
    other = next(iter(stream(steps=1, seed=3, augment=augment)))
    assert (np.array(parts(other)) != first[0]).any()


@pytest.mark.parametrize("stream", [triplets, balanced])
def test_every_image_is_augmented_in_its_own_way(stream):
    """Two batches of 6 x 3 or 6 x 1 images, each moved by another amount, of at most 0.4."""
    found = np.concatenate([shown(part) for batch in stream(steps=2, augment=jitter) for part in parts(batch)])
    moved = found - np.rint(found)
    assert np.abs(moved).max() <= 0.4
    assert len(np.unique(np.round(moved, 6))) == len(moved)


def nudge(image, seed):
    return image + tf.random.stateless_uniform((), seed, -0.03, 0.03)


def test_files_become_triplets_and_balanced_batches(files):
    """Image i is i * 20 / 255, or up to 0.03 from it, which is less than half a step."""

    def numbers(images):
        return np.rint(shown(images) * 255 / 20).astype(int)

    for batch in triplets(files, steps=4, load=read, augment=nudge):
        anchor, positive, negative = (numbers(images) for images in batch.values())
        assert (LABELS[anchor] == LABELS[positive]).all() and (anchor != positive).all()
        assert (LABELS[anchor] != LABELS[negative]).all()
    for images, labels in balanced(files, steps=4, load=read, augment=nudge):
        np.testing.assert_array_equal(LABELS[numbers(images)], labels)
        assert len(np.unique(shown(images))) == len(set(numbers(images))) == 6
        assert images.shape == (6, 4, 4, 1)


@pytest.mark.parametrize("stream", [triplets, balanced])
def test_groups_reach_every_sampler(stream):
    arguments = {"classes": 2} if stream is balanced else {"batch_size": 50}
    for batch in stream(groups=GROUPS, steps=20, **arguments):
        found = np.array([GROUPS[shown(part).astype(int)] for part in parts(batch)])
        assert (found == (found[:, :1] if stream is balanced else found[:1])).all()


@pytest.mark.parametrize(
    "names, expected",
    [
        ({7: 0, 3: -5, 11: 2**24, 40: 9}, {7: 0, 3: -5, 11: 2**24, 40: 9}),
        ({7: "b", 3: "d", 11: "a", 40: "c"}, {7: 1, 3: 3, 11: 0, 40: 2}),
        ({7: 2**24, 3: 2**24 + 1, 11: 0, 40: 3}, {7: 2, 3: 3, 11: 0, 40: 1}),
        ({7: 2**63, 3: 2**64 - 1, 11: 0, 40: 3}, {7: 2, 3: 3, 11: 0, 40: 1}),
        ({7: 4, 3: -(2**24) - 1, 11: 0, 40: 3}, {7: 3, 3: 0, 11: 1, 40: 2}),
    ],
)
def test_labels_come_out_as_they_are_where_float32_holds_them_and_else_numbered(names, expected):
    given = np.array([names[label] for label in LABELS], "uint64" if names[7] == 2**63 else None)
    images, labels = next(iter(balanced(labels=given, classes=4)))
    assert labels.numpy().tolist() == [expected[LABELS[int(at)]] for at in shown(images)]


class Loss(keras.layers.Layer):
    def call(self, anchor, positive, negative):
        self.add_loss(keras.ops.mean((anchor - positive) ** 2 - 0.1 * (anchor - negative) ** 2))
        return anchor


def test_fit_takes_triplets_as_inputs_alone():
    tower = towers.dense((2, 2, 1), units=(4,))
    inputs = {role: keras.Input((2, 2, 1), name=role) for role in ("negative", "anchor", "positive")}
    model = keras.Model(inputs, Loss()(*(tower(inputs[role]) for role in ("anchor", "positive", "negative"))))
    model.compile("sgd")
    history = model.fit(triplets(), steps_per_epoch=1, validation_data=triplets(steps=2), shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


def test_fit_takes_balanced_batches_and_their_labels_reach_the_loss():
    def loss(labels, embeddings):
        same = keras.ops.cast(labels[:, None] == labels[None], "float32")
        assert labels.shape[0] == embeddings.shape[0] == 6
        return keras.ops.sum(same - keras.ops.matmul(embeddings, keras.ops.transpose(embeddings)), axis=1)

    tower = towers.dense((2, 2, 1), units=(4,))
    tower.compile("sgd", loss)
    history = tower.fit(balanced(), steps_per_epoch=1, validation_data=balanced(steps=2), shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": LABELS[:5]}, "one label. Received: 12 images, 5 labels"),
        ({"labels": [*range(11), 0]}, "at least 2 examples. Received: class 1 with 1"),
        ({"labels": LABELS / 2}, "integers or strings. Received: float64"),
        ({"images": IMAGES.astype("int32")}, "Received: int32"),
        ({"steps": 0}, "`steps` must be a whole number, at least 1, below .* Received: 0"),
        ({"start": -1}, "`start` must be a whole number, at least 0, below .* Received: -1"),
        ({"seed": 0.5}, "`seed` must be a whole number, at least 0, below .* Received: 0.5"),
        ({"groups": GROUPS[:3]}, "one group. Received: 12 labels, 3 groups"),
        ({"groups": np.arange(12)}, "within one group"),
        ({"load": len}, "Leave `load` out"),
    ],
)
@pytest.mark.parametrize("stream", [triplets, balanced])
def test_streams_that_cannot_be_drawn_are_refused_at_once(stream, arguments, message):
    with pytest.raises(ValueError, match=message):
        stream(**arguments)


@pytest.mark.parametrize(
    "stream, arguments, message",
    [
        (triplets, {"batch_size": 0}, "`batch_size` must be a whole number, at least 1, below .* Received: 0"),
        (balanced, {"classes": 1}, r"`classes` .* at least 2, .* Received: 1. .* another class .* negative"),
        (balanced, {"per_class": 1}, r"`per_class` .* at least 2, .* Received: 1. .* another of its class .* positive"),
        (balanced, {"per_class": 2.0}, "`per_class` must be a whole number, at least 2, below .* Received: 2.0"),
        (balanced, {"classes": "all"}, "`classes` must be a whole number, at least 2, below .* Received: 'all'"),
        (balanced, {"per_class": 3}, "at least 3 examples. Received: class 11 with 2, and 2 such classes in all"),
        (balanced, {"classes": 5}, "A batch of 5 classes needs as many. Received: 4 .* Lower `classes`"),
    ],
)
def test_batches_that_cannot_be_filled_are_refused_at_once(stream, arguments, message):
    with pytest.raises(ValueError, match=message):
        stream(**arguments)


@pytest.fixture
def paths(tmp_path):
    files = [tmp_path / f"{number}.png" for number in range(12)]
    for file in files:
        file.touch()
    return np.array([str(file) for file in files])


def test_a_loader_of_doubles_gives_float32_and_one_of_whole_numbers_is_refused(paths):
    doubles = generators.balanced(paths, LABELS, 2, 2, load=lambda path: tf.zeros((2, 2), tf.float64), steps=1)
    assert next(iter(doubles))[0].dtype == tf.float32
    with pytest.raises(ValueError, match="`load` must give floats .* Received: int32"):
        generators.triplets(paths[LABELS == 7], [7, 7, 8, 8, 8], load=lambda path: tf.zeros((2, 2), tf.int32))


def test_episodes_come_class_after_class_with_the_number_of_each_query():
    """Image i shows the number i, and three are of each class."""
    images = np.arange(24, dtype="float32").reshape(24, 1)
    labels = np.repeat([7, 3, 40, 11, 5, 9, 2, 8], 3)
    stream = generators.episodes(images, labels, way=4, shot=1, query=2, steps=20, seed=3)
    assert int(stream.cardinality()) == 20
    for inputs, number in stream:
        support, asked = inputs["support"].numpy()[:, 0].astype(int), inputs["query"].numpy()[:, 0].astype(int)
        assert support.shape == (4,) and asked.shape == (8,)
        assert number.numpy().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert (labels[support][number] == labels[asked]).all()
        assert len(set(support) | set(asked)) == 12


def test_episodes_repeat_resume_keep_to_a_group_and_augment():
    rng = np.random.default_rng(0)
    images = rng.random((24, 2, 2, 1), dtype="float32")
    labels, groups = np.repeat(np.arange(8), 3), np.repeat([0, 1], 12)
    arguments = {"way": 3, "query": 1, "seed": 5, "groups": groups}
    first, second = list(generators.episodes(images, labels, **arguments).take(2))
    (resumed,) = generators.episodes(images, labels, start=1, steps=1, **arguments)
    for role in ("support", "query"):
        np.testing.assert_array_equal(resumed[0][role], second[0][role])
        assert not np.array_equal(first[0][role], second[0][role])
    darker = generators.episodes(images, labels, augment=lambda image, seed: image / 2, **arguments)
    np.testing.assert_array_equal(next(iter(darker))[0]["support"], first[0]["support"] / 2)
    place = [int(np.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in first[0]["support"].numpy()]
    assert len(set(groups[place])) == 1


def test_episodes_refuse_what_pairs_refuse():
    with pytest.raises(ValueError, match="Every image needs one label. Received: 3 images, 4 labels"):
        generators.episodes(np.zeros((3, 1), "float32"), [0, 0, 1, 1])
    with pytest.raises(ValueError, match="at least 6 examples, shot=1 and query=5"):
        generators.episodes(np.zeros((4, 1), "float32"), [0, 0, 1, 1], way=2)


def test_streams_are_mixed_batch_by_batch():
    """Two pairs of the first, then three of the second; as long as the shorter of both."""
    first = generators.pairs(IMAGES, LABELS, batch_size=2, steps=4, seed=1)
    second = generators.pairs(IMAGES + 100, LABELS, batch_size=3, steps=2, seed=2)
    found = list(generators.mixed(first, second))
    assert len(found) == 2
    for (inputs, same), one, other in zip(found, first, second, strict=False):
        for role in ("left", "right"):
            np.testing.assert_array_equal(inputs[role], np.concatenate([one[0][role], other[0][role]]))
        np.testing.assert_array_equal(same, np.concatenate([one[1], other[1]]))


def test_one_stream_is_mixed_with_nothing():
    stream = generators.balanced(IMAGES, LABELS, 2, 2, steps=2)
    for mixed, alone in zip(generators.mixed(stream), stream, strict=True):
        np.testing.assert_array_equal(mixed[0], alone[0])
        np.testing.assert_array_equal(mixed[1], alone[1])


def test_what_cannot_be_mixed_is_refused():
    stream = generators.pairs(IMAGES, LABELS, batch_size=2)
    with pytest.raises(ValueError, match="At least one stream is needed"):
        generators.mixed()
    for wrong in (5, [stream], IMAGES):
        with pytest.raises(ValueError, match=r"Streams to be mixed are `tf.data.Dataset`s of batches. Received: "):
            generators.mixed(stream, wrong)
    for wrong in (tf.data.Dataset.range(3), tf.data.Dataset.from_tensors(tf.ragged.constant([[1], [1, 2]]))):
        with pytest.raises(ValueError, match="Streams to be mixed give batches of tensors. Received: a part "):
            generators.mixed(wrong)
    wider = generators.pairs(np.repeat(IMAGES, 2, axis=2), LABELS, batch_size=2)
    for other in (wider, generators.triplets(IMAGES, LABELS, batch_size=2), generators.balanced(IMAGES, LABELS, 2, 2)):
        with pytest.raises(ValueError, match="one structure, and the same shapes and dtypes but for the batch. Rec"):
            generators.mixed(stream, other)
    episodes = generators.episodes(IMAGES, LABELS, way=2, shot=1, query=1)
    with pytest.raises(ValueError, match="Episodes cannot be mixed, each is a task of its own"):
        generators.mixed(episodes, episodes)
    assert next(iter(generators.mixed(episodes)))[0].keys() == {"support", "query"}
