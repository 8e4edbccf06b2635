"""Omniglot: decoding, subsets and stand-in."""

import socket
from types import SimpleNamespace

import numpy as np
import pytest

from siamkeras import data

# A toy Omniglot: {label: (alphabet, index of the character in it)}.
ALPHABETS = ["Greek", "Japanese_(katakana)", "N_Ko"]
CHARACTERS = {7: (0, 4), 3: (1, 0), 11: (2, 11)}
SPLITS = {"train": [7, 3, 7], "test": [11, 11], "train+test": [7, 3, 7, 11, 11], "small1": [3], "small2": [7]}


def drawing(label, index):
    """105x105 pixels, dark ink: a bar whose position encodes the label and a spot that encodes the index."""
    image = np.full((105, 105), 255, np.uint8)
    image[5 * label : 5 * label + 4, 10:90] = 0
    image[95:100, 7 * index : 7 * index + 5] = 0
    return image


@pytest.fixture
def prepared(tfds, prepare, png):
    """The toy Omniglot in place of TensorFlow Datasets' copy."""

    def load(split):
        import tensorflow as tf

        labels = SPLITS[split]
        features = {
            "image": [png(drawing(label, index)) for index, label in enumerate(labels)],
            "label": labels,
            "alphabet": [CHARACTERS[label][0] for label in labels],
        }
        names = {label: f"{ALPHABETS[alphabet]}_{index}" for label, (alphabet, index) in CHARACTERS.items()}
        feature_names = {
            "label": SimpleNamespace(int2str=names.__getitem__),
            "alphabet": SimpleNamespace(int2str=ALPHABETS.__getitem__),
        }
        info = SimpleNamespace(version="3.0.0", features=feature_names)
        return tf.data.Dataset.from_tensor_slices(features), info

    prepare("omniglot")
    tfds.result = load
    return tfds


@pytest.mark.parametrize(("size", "tolerance"), [(35, 1e-6), (40, 1e-5), (105, 0)])
def test_ink_is_one_and_images_are_reduced_by_area(prepared, size, tolerance):
    """Row i covers [scale i, scale (i + 1)); pixel j has the weight of the part of [j, j + 1) inside it."""
    scale = 105 / size
    i, j = np.arange(size)[:, None], np.arange(105)
    weights = np.clip(np.minimum(scale * (i + 1), j + 1) - np.maximum(scale * i, j), 0, None) / scale
    images = data.omniglot("background", size).images
    assert images.dtype == np.float32 and images.shape == (3, size, size, 1)
    for index, label in enumerate(SPLITS["train"]):
        expected = weights @ (1 - drawing(label, index) / 255) @ weights.T
        np.testing.assert_allclose(images[index, :, :, 0], expected, atol=tolerance)


@pytest.mark.parametrize(
    ("subset", "split", "source"),
    [
        ("background", "train", "background set (2 alphabets)"),
        ("evaluation", "test", "evaluation set (1 alphabets)"),
        ("all", "train+test", "background and evaluation sets (3 alphabets)"),
        ("small1", "small1", "small background set 1 (1 alphabets)"),
        ("small2", "small2", "small background set 2 (1 alphabets)"),
    ],
)
def test_each_subset_has_its_labels_alphabets_and_names(prepared, subset, split, source):
    """TensorFlow Datasets counts characters from 0 ("Greek_4"), Omniglot from 1 (Greek/character05)."""
    examples = data.omniglot(subset, size=8, source="real")
    assert examples.labels.tolist() == SPLITS[split]
    assert examples.groups.tolist() == [CHARACTERS[label][0] for label in SPLITS[split]]
    assert examples.source == f"Omniglot, {source}, TensorFlow Datasets 3.0.0"
    names = {3: "Japanese (katakana), character 01", 7: "Greek, character 05", 11: "N Ko, character 12"}
    assert examples.class_names == {label: name for label, name in names.items() if label in SPLITS[split]}
    assert set(examples.group_names.values()) == {name.split(",")[0] for name in examples.class_names.values()}


def test_the_stand_in_sets_of_background_and_evaluation_share_no_alphabet(fast_glyphs):
    background, evaluation, both, small1, small2 = (
        data.omniglot(name, size=9, source="synthetic")
        for name in ("background", "evaluation", "all", "small1", "small2")
    )
    assert np.unique(background.groups).tolist() == list(range(20))
    assert np.unique(evaluation.groups).tolist() == list(range(20, 30))
    assert not set(background.labels) & set(evaluation.labels)
    np.testing.assert_array_equal(both.labels, np.concatenate([background.labels, evaluation.labels]))
    np.testing.assert_array_equal(both.images, np.concatenate([background.images, evaluation.images]))
    for small, alphabets in ((small1, range(5)), (small2, range(5, 10))):
        assert np.unique(small.groups).tolist() == list(alphabets)
        np.testing.assert_allclose(small.images[:, 0, 0, 0], small.groups / 100, atol=1e-7)


def test_without_network_the_stand_in_replaces_omniglot(fast_glyphs):
    with pytest.warns(data.StandInWarning, match="Omniglot was not found in .*no answer.* Using synthetic glyphs"):
        examples = data.omniglot(size=8)
    assert examples.source == "synthetic glyphs standing in for Omniglot, background set (20 alphabets)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subset": "train"}, "`subset` must be one of 'background', 'evaluation', 'all', 'small1', 'small2'"),
        ({"size": 35.0}, "`size` must be an integer of at least 1. Received: size=35.0"),
        ({"source": "fake"}, "`source` must be one of 'auto', 'real', 'synthetic'. Received: source='fake'"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.omniglot(**arguments)


def test_a_real_copy_is_read_without_network(real_data, monkeypatch):
    """The published counts: 136 characters of 5 alphabets, 20 images each."""

    def forbidden(*_, **__):
        raise AssertionError("a server was contacted")

    real_data("TFDS_DATA_DIR", "omniglot")
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    small = data.omniglot("small1", size=8)
    labels, counts = np.unique(small.labels, return_counts=True)
    assert len(labels) == 136 and set(counts) == {20} and len(small.group_names) == 5
    for label, group in set(zip(small.labels.tolist(), small.groups.tolist(), strict=True)):
        assert small.class_names[label].startswith(small.group_names[group] + ", ")


@pytest.mark.slow
def test_the_real_omniglot_has_the_published_classes_and_alphabets(real_data):
    """964 + 659 = 1,623 characters of 30 + 20 = 50 alphabets, 20 images each; no alphabet is in both sets."""
    real_data("TFDS_DATA_DIR", "omniglot")
    background, evaluation = (data.omniglot(subset, size=8, source="real") for subset in ("background", "evaluation"))
    for part, classes, alphabets in zip((background, evaluation), (964, 659), (30, 20), strict=True):
        labels, counts = np.unique(part.labels, return_counts=True)
        assert (len(labels), len(np.unique(part.groups))) == (classes, alphabets)
        assert set(counts) == {20} and set(part.class_names) == set(labels.tolist())
    assert not set(background.labels) & set(evaluation.labels)
    assert not set(background.groups) & set(evaluation.groups)


@pytest.mark.slow
def test_the_images_and_their_order_are_those_of_tensorflow_datasets(real_data):
    import os

    import tensorflow_datasets

    real_data("TFDS_DATA_DIR", "omniglot")
    stored = tensorflow_datasets.load("omniglot", split="small2", data_dir=os.environ["TFDS_DATA_DIR"], download=False)
    examples = data.omniglot("small2", size=105, source="real")
    for index, example in enumerate(stored.take(200).as_numpy_iterator()):
        np.testing.assert_array_equal(examples.images[index, :, :, 0], 1 - example["image"][:, :, 0] / np.float32(255))
        assert examples.labels[index] == example["label"] and examples.groups[index] == example["alphabet"]
