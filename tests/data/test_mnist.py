"""MNIST and the digits of scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pytest

from siamkeras import data


def test_mnist_images_keep_their_values(tfds, prepare, png):
    import tensorflow as tf

    image = (np.arange(28 * 28).reshape(28, 28) % 256).astype("uint8")
    rows = {"image": [png(image)] * 3, "label": [7, 1, 7]}
    tfds.result = lambda split: (tf.data.Dataset.from_tensor_slices(rows), SimpleNamespace(version="3.0.1"))
    prepare("mnist")
    examples = data.mnist("train", source="real")
    assert tfds.calls[0][1]["split"] == "train"
    np.testing.assert_allclose(examples.images, np.stack([image[..., None] / 255] * 3), atol=1e-6)
    assert examples.labels.tolist() == [7, 1, 7] and examples.groups is None and examples.class_names[7] == "7"
    assert examples.source == "MNIST, training set, TensorFlow Datasets 3.0.1"


def test_without_network_digits_enlarged_by_three_with_a_border_of_two_replace_mnist():
    """The central pixel of each 3x3 block is at the centre of a pixel of 8x8 and keeps its value."""
    train, digits = data.mnist("train", source="synthetic"), data.digits()
    with pytest.warns(data.StandInWarning, match="MNIST was not found in .*Using scikit-learn's 8x8 digits, enlarged,"):
        test = data.mnist("test")
    assert train.images.shape == (1437, 28, 28, 1) and train.images.dtype == np.float32
    images = np.concatenate([train.images, test.images])
    np.testing.assert_allclose(images[:, 3:27:3, 3:27:3], digits.images, atol=1e-6)
    np.testing.assert_array_equal([*train.labels, *test.labels], digits.labels)
    border = np.ones((28, 28), bool)
    border[2:26, 2:26] = False
    assert not images[:, border].any()
    assert test.source == "scikit-learn's 8x8 digits, enlarged, standing in for MNIST, test set"


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = data.digits()
    np.testing.assert_array_equal(digits.images[:, :, :, 0] * 16, load_digits().images)
    np.testing.assert_array_equal(digits.labels, load_digits().target)
    assert digits.images.dtype == np.float32 and digits.class_names[7] == "7"


@pytest.mark.slow
def test_the_real_test_set_is_complete(real_data):
    """The published counts of the ten digits: 980 zeros, 1,135 ones, ..."""
    real_data("TFDS_DATA_DIR", "mnist")
    test = data.mnist("test", source="real")
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.images.shape == (10000, 28, 28, 1) and test.images.max() == 1 and test.images.min() == 0
