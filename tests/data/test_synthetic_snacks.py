"""Synthetic snack photos: their content, their dependence on the seed, and how hard they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamkeras.data import synthetic_snacks


@pytest.fixture(scope="module")
def photos():
    return synthetic_snacks(per_class=50, size=32, seed=3)


def test_every_class_has_the_same_number_of_photos(photos):
    assert photos.images.shape == (1000, 32, 32, 3) and photos.images.dtype == np.float32
    assert photos.labels.tolist() == [label for label in range(20) for _ in range(50)]
    assert photos.class_names[0] == "apple" and photos.class_names[19] == "watermelon"
    assert sorted(photos.class_names.values()) == list(photos.class_names.values())
    assert photos.source == "synthetic snacks (seed 3); results are not comparable to published ones"
    assert photos.images.ctypes.data % 64 == 0
    assert len(np.unique(photos.images.reshape(1000, -1), axis=0)) == 1000


def test_photos_have_brightness_colour_and_texture(photos):
    """Neighbouring pixels differ by more than the noise of 0.06."""
    images = photos.images
    assert images.min() == 0.0 and images.max() == 1.0
    assert 0.3 < images.mean() < 0.7
    assert (images.std(axis=-1).mean(axis=(1, 2)) > 0.01).all()
    assert np.abs(np.diff(images, axis=2)).mean() > 0.06


@pytest.mark.parametrize(("names", "count"), [(None, 2), (["salad", "banana"], 7), (("banana",), 1)])
def test_a_photo_does_not_depend_on_the_selection_or_the_count(names, count):
    most, fewer = synthetic_snacks(per_class=7, size=16, seed=4), synthetic_snacks(names, count, size=16, seed=4)
    assert set(fewer.class_names.values()) == set(names or most.class_names.values())
    for label in fewer.class_names:
        np.testing.assert_array_equal(fewer.images[fewer.labels == label], most.images[most.labels == label][:count])


def test_the_photos_of_a_seed_stay_the_same_over_versions():
    """The results of the lessons without Matthijs/snacks depend on them."""
    images = synthetic_snacks(per_class=1, size=16, seed=1).images
    assert images.mean() == pytest.approx(0.58517, rel=1e-4) and images.std() == pytest.approx(0.26038, rel=1e-4)


def test_another_seed_gives_other_photos_of_the_same_classes():
    """The mean colours of a class over 30 photos are nearest to those of the same class in at least 8 of 20 cases."""
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    one, other = (synthetic_snacks(per_class=30, size=16, seed=seed).images for seed in (0, 1))
    assert np.random.random() == expected
    assert not (one == other).all(axis=(1, 2, 3)).any()
    one, other = (images.reshape(20, 30, -1, 3).mean((1, 2)) for images in (one, other))
    nearest = np.square(one[:, None] - other).sum(-1).argmin(1)
    assert (nearest == np.arange(20)).sum() >= 8


@pytest.mark.parametrize(("size", "shape"), [(8, (8, 8)), ((12, 20), (12, 20)), ([20, 12], (20, 12))])
def test_size_is_height_and_width(size, shape):
    assert synthetic_snacks(["waffle"], 2, size).images.shape == (2, *shape, 3)


def test_a_larger_photo_has_the_same_content():
    """Reduced to a quarter of the height, it differs by less than two photos do."""
    large, small = synthetic_snacks(per_class=2, size=64).images, synthetic_snacks(per_class=2, size=16).images
    reduced = large.reshape(40, 16, 4, 16, 4, 3).mean((2, 4))
    assert np.abs(reduced - small).mean() < 0.07 < 0.2 < np.abs(reduced - small[::-1]).mean()


def colour_histograms(images, bins=8):
    """Square roots of histograms of 8x8x8 colours, `(n, 512)`."""
    cells = np.minimum((images * bins).astype(int), bins - 1) @ [bins * bins, bins, 1]
    counts = np.stack([np.bincount(image.ravel(), minlength=bins**3) for image in cells])
    return np.sqrt(counts / counts.sum(axis=1, keepdims=True))


def nearest_neighbour_accuracy(features, labels):
    features = features.reshape(len(features), -1)
    squares = np.square(features).sum(1)
    distances = squares[:, None] + squares - 2 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    return (labels[distances.argmin(1)] == labels).mean()


def test_pixels_and_colours_are_weak_baselines(photos):
    """Accuracy with 49 other photos per class, chance 0.05: pixels 0.13, colours 0.27 (three seeds: within 0.02)."""
    assert nearest_neighbour_accuracy(photos.images, photos.labels) == pytest.approx(0.13, abs=0.04)
    assert nearest_neighbour_accuracy(colour_histograms(photos.images), photos.labels) == pytest.approx(0.27, abs=0.07)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path(os.environ.get("SIAMKERAS_DATA") or "-", "snacks").is_dir(), reason="needs snacks in SIAMKERAS_DATA"
)
def test_real_photos_are_somewhat_harder(photos):
    """The 955 photos of the validation split: pixels 0.09, colours 0.19."""
    from siamkeras import data

    real = data.synthetic_snacks("validation", size=32, source="real")
    for features in (lambda images: images, colour_histograms):
        synthetic = nearest_neighbour_accuracy(features(photos.images), photos.labels)
        assert 0.06 < nearest_neighbour_accuracy(features(real.images), real.labels) < synthetic


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_class": 0}, "`per_class` must be an integer of at least 1. Received: per_class=0"),
        ({"size": 7}, "`size` must be an integer of at least 8. Received: size=7"),
        ({"size": (8, 8, 3)}, r"`size` must be 2 positive integers. Received: size=\(8, 8, 3\)"),
        ({"seed": -1}, "`seed` must be an integer of at least 0. Received: seed=-1"),
        ({"classes": ["tofu"]}, r"`classes` must be a list of names from: apple, .*Received: \['tofu'\]"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        synthetic_snacks(**arguments)
