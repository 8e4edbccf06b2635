"""Pairs sampled from labelled images, pairs of the user, and all pairs."""

import hashlib

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import generators, losses, models, towers

# The values of the images are their numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Images are expected")

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])
GROUPS = np.where(np.isin(LABELS, [7, 40]), 5, 2)
IMAGES = np.arange(12, dtype="float32").reshape(12, 1, 1, 1) * np.ones((1, 2, 2, 1), "float32")  # image i has value i
SAME = np.linspace(0, 1, 12).astype("float32")


def value(images):
    return np.asarray(images)[:, 0, 0, 0]


def checksum(arrays):
    return hashlib.sha256(b"".join(np.asarray(array).astype("<i8").tobytes() for array in arrays)).hexdigest()[:16]


def stamp(image, seed):
    """Adds a number made from the seed."""
    return image + tf.cast(seed[0] % 1000 * 100 + seed[1] % 1000 * 100_000, tf.float32)


def from_pairs(**arguments):
    return generators.from_pairs(**{"left": IMAGES, "right": IMAGES, "same": SAME, "batch_size": 5, **arguments})


@pytest.mark.parametrize(
    "groups, augment, recorded",
    [
        (None, None, "2c4716e630f9df1d"),
        (None, stamp, "c70c4b277506fe45"),
        (GROUPS, None, "589b1e7413f5815e"),
        (GROUPS, stamp, "ea8fb320aae91c83"),
    ],
)
def test_pairs_of_a_seed_do_not_change_between_versions(groups, augment, recorded):
    """The results of the lessons and benchmarks depend on them."""
    stream = generators.pairs(IMAGES, LABELS, batch_size=7, steps=3, seed=5, start=2, groups=groups, augment=augment)
    assert checksum(part for batch, same in stream for part in (batch["left"], batch["right"], same)) == recorded


@pytest.mark.parametrize("augment, recorded", [(None, "49c3248398beca0e"), (stamp, "dc971a0d3a5ca587")])
def test_the_order_of_shuffled_pairs_does_not_change_between_versions(augment, recorded):
    stream = from_pairs(right=IMAGES[::-1], seed=5, augment=augment)
    assert checksum(part for batch, same in stream for part in (batch["left"], batch["right"], same * 1000)) == recorded


def test_the_fraction_of_positive_pairs_is_exact():
    """A batch size of numpy's narrowest integers does not overflow."""
    _, same = next(iter(generators.pairs(IMAGES, LABELS, batch_size=np.uint8(200), positive_fraction=0.1)))
    assert same.numpy().sum() == 20


def test_classes_with_one_image_are_enough_for_negative_pairs():
    batch, _ = next(iter(generators.pairs(IMAGES[:3], [5, 6, 7], positive_fraction=0)))
    assert (value(batch["left"]) != value(batch["right"])).all()


def test_streams_train_a_siamese_model_and_a_contrastive_model():
    tower = towers.dense((2, 2, 1), units=(4,))
    siamese = models.siamese(tower)
    siamese.compile("sgd", losses.ContrastiveLoss())
    training, validation = generators.pairs(IMAGES, LABELS, 3), generators.pairs(IMAGES, LABELS, 1, steps=4)
    history = siamese.fit(training, steps_per_epoch=2, epochs=2, validation_data=validation, shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()
    contrastive = models.contrastive(tower)
    contrastive.compile("sgd")
    contrastive.fit(generators.same_as_input(training), steps_per_epoch=2, shuffle=False, verbose=0)
    for (batch, same), inputs in zip(validation, generators.same_as_input(validation), strict=True):
        np.testing.assert_array_equal(inputs["same"], same)
        np.testing.assert_array_equal(inputs["left"], batch["left"])


@pytest.mark.parametrize("shuffle", [True, False])
def test_from_pairs_yields_each_pair_once_with_its_label(shuffle):
    right, order = IMAGES[::-1].copy() + 100, []
    stream = from_pairs(right=right, shuffle=shuffle)
    assert stream.cardinality() == 3 and [len(same) for _, same in stream] == [5, 5, 2]
    for batch, same in stream:
        indices = value(batch["left"]).astype(int)
        np.testing.assert_array_equal(value(batch["right"]), value(right)[indices])
        np.testing.assert_allclose(same, SAME[indices])
        order.extend(indices)
    assert sorted(order) == list(range(12))
    assert (order == list(range(12))) is not shuffle


def test_every_pass_has_an_order_of_its_own_that_the_seed_determines():
    def orders(seed):
        stream = from_pairs(seed=seed)
        return [tuple(np.concatenate([value(batch["left"]) for batch, _ in stream])) for _ in range(4)]

    assert len(set(orders(1))) == 4
    assert orders(1) == orders(1) != orders(2)


def test_fit_gets_every_pair_in_every_epoch_in_a_new_order():
    seen = []

    def record(batch, same):
        left = tf.numpy_function(lambda x: seen.extend(value(x)) or x, [batch["left"]], tf.float32)
        return {**batch, "left": tf.ensure_shape(left, (None, 2, 2, 1))}, same

    siamese = models.siamese(towers.dense((2, 2, 1), units=(4,)))
    siamese.compile("sgd", losses.ContrastiveLoss())
    siamese.fit(from_pairs(same=SAME[:, None]).map(record), epochs=3, shuffle=False, verbose=0)
    orders = np.reshape(seen, (3, 12))
    assert [sorted(order) for order in orders] == [list(range(12))] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert siamese.optimizer.iterations == 9


def test_without_labels_all_are_same_pairs_and_there_is_no_y():
    batches = list(from_pairs(right=IMAGES + 100, same=None))
    assert all(batch.keys() == {"left", "right"} for batch in batches)
    left, right = (np.concatenate([value(batch[role]) for batch in batches]) for role in ("left", "right"))
    assert sorted(left) == list(range(12)) and (right == left + 100).all()


def test_positive_pairs_are_two_images_from_each_of_several_classes():
    for batch in generators.positive_pairs(IMAGES, LABELS, batch_size=3, steps=20):
        left, right = (value(batch[role]).astype(int) for role in ("left", "right"))
        assert (LABELS[left] == LABELS[right]).all() and (left != right).all()
        assert len(set(LABELS[left])) == 3


@pytest.mark.parametrize("shuffle", [True, False])
def test_two_views_of_each_image_differ_and_are_new_in_every_shuffled_pass(shuffle):
    def noise(image, seed):
        return image + tf.random.stateless_uniform((), seed, -0.4, 0.4)

    stream = generators.two_views(IMAGES, noise, batch_size=5, shuffle=shuffle)
    assert [len(batch["left"]) for batch in stream] == [5, 5, 2] and stream.cardinality() == 3
    passes = [np.concatenate([[value(batch[role]) for role in ("left", "right")] for batch in stream], 1) for _ in "ab"]
    for left, right in passes:
        np.testing.assert_array_equal(np.rint(left), np.rint(right))
        assert sorted(np.rint(left)) == list(range(12))
        assert (left != right).all()
    repeated = np.intersect1d(*passes)
    assert len(repeated) == (0 if shuffle else 24)


@pytest.mark.parametrize("augment, batch_size", [(None, 5), (lambda image, seed: image, 1)])
def test_two_views_need_an_augmentation_and_negatives(augment, batch_size):
    with pytest.raises(ValueError, match="`augment` must be a function|`batch_size` must be an integer of at least 2"):
        generators.two_views(IMAGES, augment, batch_size)


def read_number(path):
    return tf.fill((2, 2, 1), tf.strings.to_number(tf.io.read_file(path)))


@pytest.fixture
def paths(tmp_path):
    for i in range(12):
        (tmp_path / str(i)).write_text(f"{i}")
    return [tmp_path / str(i) for i in range(12)]


def test_a_file_is_loaded_once_for_its_two_views(paths):
    loaded = []

    def load(path):
        image = tf.numpy_function(lambda path: loaded.append(path) or np.float32(0), [path], tf.float32)
        return read_number(path) + tf.ensure_shape(image, ())

    batches = list(generators.two_views(paths, lambda image, seed: image / 2, load=load, shuffle=False))
    np.testing.assert_array_equal(value(batches[0]["left"]), np.arange(12) / 2)
    np.testing.assert_array_equal(batches[0]["left"], batches[0]["right"])
    assert len(loaded) == 13 and len(set(loaded)) == 12  # the first one also to check its values


def test_pairs_of_files_are_loaded_and_augmented(paths):
    stream = from_pairs(
        left=paths,
        right=paths[::-1],
        shuffle=False,
        batch_size=12,
        load=read_number,
        augment=lambda image, _: image / 2,
    )
    ((batch, same),) = stream
    np.testing.assert_array_equal(value(batch["left"]), np.arange(12) / 2)
    np.testing.assert_array_equal(value(batch["right"]), np.arange(12)[::-1] / 2)
    np.testing.assert_array_equal(same, SAME)


def test_text_is_yielded_unchanged():
    words = np.array([f"word {i}" for i in range(12)])
    ((batch, _),) = from_pairs(left=words, right=words[::-1], text=True, shuffle=False, batch_size=12)
    assert [word.decode() for word in batch["right"].numpy()] == words[::-1].tolist()
    ids = np.arange(24).reshape(12, 2)
    ((batch, _),) = from_pairs(left=ids, right=ids + 1, text=True, shuffle=False, batch_size=12)
    assert batch["left"].dtype == tf.int32
    np.testing.assert_array_equal(batch["right"], ids + 1)


@pytest.mark.parametrize("batch_size, message", [(5, "at most 4, the number of classes"), (1, "negative")])
def test_positive_pairs_need_at_least_two_and_at_most_all_classes(batch_size, message):
    with pytest.raises(ValueError, match=f"`batch_size` must be .*{message}"):
        generators.positive_pairs(IMAGES, LABELS, batch_size=batch_size)


def test_all_pairs_are_listed_once():
    """Of 5 examples 10 pairs; three of label 11 form 3 positive pairs, two of label 4 one."""
    labels = np.array([11, 4, 11, 11, 4])
    left, right, same = generators.all_pairs(labels)
    assert list(zip(left, right, strict=True)) == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    np.testing.assert_array_equal(same, labels[left] == labels[right])
    assert same.sum() == 4
    assert [part.tolist() for part in generators.all_pairs(["a"])] == [[], [], []]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": np.full(12, 7)}, "At least two classes"),
        ({"batch_size": 2.5}, "`batch_size` must be an integer"),
        ({"start": 2**60}, f"`start` must be an integer of at least 0 and at most {2**31}. Received"),
        ({"positive_fraction": 1.5}, "`positive_fraction` must be a number .* Received: positive_fraction=1.5"),
    ],
)
def test_invalid_arguments_of_pairs_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        generators.pairs(**{"images": IMAGES, "labels": LABELS, **arguments})


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"right": IMAGES[:3]}, "the same length. Received: 12, 3, 12"),
        ({"same": SAME * 2}, r"in \[0, 1\].* Received: 1.09\d* at index 6"),
        ({"same": np.full(12, np.nan)}, r"in \[0, 1\].* Received: nan at index 0"),
        ({"same": ["yes"] * 12}, r"numbers \(n,\)"),
        ({"left": ["a"] * 12}, r"`left` holds strings. .* sentences, pass `text=True`"),
        ({"left": ["a", None] * 6, "right": ["b"] * 12, "text": True}, "`left` must be non-empty .* None at position"),
        ({"left": IMAGES.astype("int32")}, "`left` must be float32"),
        ({"right": np.full_like(IMAGES, np.inf)}, "`right` must be finite"),
        ({"shuffle": "no"}, "`shuffle` must be True or False. Received: shuffle='no'"),
    ],
)
def test_invalid_arguments_of_from_pairs_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_pairs(**arguments)
