"""Streams of balanced batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from siamkeras import generators, towers

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])
IMAGES = np.arange(12, dtype="float32").reshape(12, 1)


def balanced(labels=LABELS, **arguments):
    return generators.balanced(IMAGES, labels, **{"classes": 3, "per_class": 2, **arguments})


@pytest.mark.parametrize(
    "names, expected",
    [
        ({7: 0, 3: -5, 11: 2**24, 40: 9}, {7: 0, 3: -5, 11: 2**24, 40: 9}),
        ({7: "b", 3: "d", 11: "a", 40: "c"}, {7: 1, 3: 3, 11: 0, 40: 2}),
        ({7: 2**24, 3: 2**24 + 1, 11: 0, 40: 3}, {7: 2, 3: 3, 11: 0, 40: 1}),
        ({7: 4, 3: -(2**24) - 1, 11: 0, 40: 3}, {7: 3, 3: 0, 11: 1, 40: 2}),
    ],
)
def test_labels_are_unchanged_if_float32_represents_them_and_indices_otherwise(names, expected):
    given = [names[label] for label in LABELS]
    images, labels = next(iter(balanced(given, classes=4)))
    assert labels.dtype == tf.int64
    assert labels.numpy().tolist() == [expected[LABELS[int(index)]] for index in images.numpy()[:, 0]]


def test_a_loss_gets_labels_of_static_shape():
    def loss(labels, embeddings):
        assert labels.shape[0] == embeddings.shape[0] == 6
        same = keras.ops.cast(labels[:, None] == labels[None], "float32")
        return keras.ops.sum(same - keras.ops.matmul(embeddings, keras.ops.transpose(embeddings)), axis=1)

    tower = towers.dense((1,), units=(4,))
    tower.compile("sgd", loss)
    history = tower.fit(balanced(), steps_per_epoch=1, validation_data=balanced(steps=2), shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


def test_every_image_is_visited_in_the_number_of_batches_that_the_docstring_says():
    """Two batches make a round of four classes, and three rounds a pass over the five images of class 7."""
    batches = [
        (images.numpy()[:, 0].astype(int), labels.numpy()) for images, labels in balanced(steps=6, every_image=True)
    ]
    assert set(np.concatenate([images for images, _ in batches])) == set(range(12))
    for images, labels in batches:
        assert labels.tolist() == LABELS[images].tolist()
        assert len(set(images)) == 6 and len(set(labels)) == 3
    resumed, _ = next(iter(balanced(start=5, every_image=True)))
    assert resumed.numpy()[:, 0].tolist() == batches[5][0].tolist()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"classes": 1}, "`classes` .* at least 2. Received: classes=1. .* no image has a negative"),
        ({"per_class": 1}, "`per_class` .* at least 2. Received: per_class=1. .* no image has a positive"),
        ({"per_class": 3}, "at least 3 examples. Received: class 11 with 2, and 2 such classes"),
        ({"classes": 5}, "`classes` must be at most 4, the number of classes. Received: classes=5"),
        ({"every_image": True, "groups": LABELS}, "`every_image` .* without regard to `groups`. Received: both"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        balanced(**arguments)
