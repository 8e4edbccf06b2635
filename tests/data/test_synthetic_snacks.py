"""Synthetic snack photos: their content, their dependence on the seed, and how hard they are."""

import numpy as np
import pytest

from siamkeras.data._synthetic_snacks import SNACKS, synthetic_snacks

NAMES = dict(enumerate(SNACKS))


@pytest.fixture(scope="module")
def photos():
    return synthetic_snacks(NAMES, per_class=50, size=(32, 32), seed=3)


def test_every_class_has_the_same_number_of_photos_with_colour_and_texture(photos):
    """Neighbouring pixels differ by more than the noise of 0.06."""
    images = photos.images
    assert images.shape == (1000, 32, 32, 3) and images.dtype == np.float32 and images.ctypes.data % 64 == 0
    assert photos.labels.tolist() == [label for label in range(20) for _ in range(50)]
    assert len(np.unique(images.reshape(1000, -1), axis=0)) == 1000
    assert images.min() == 0.0 and images.max() == 1.0
    assert 0.3 < images.mean() < 0.7
    assert (images.std(axis=-1).mean(axis=(1, 2)) > 0.01).all()
    assert np.abs(np.diff(images, axis=2)).mean() > 0.06


@pytest.mark.parametrize(("labels", "count"), [(range(20), 2), ([1, 16], 7)])
def test_a_photo_does_not_depend_on_the_selection_or_the_count(labels, count):
    most = synthetic_snacks(NAMES, 7, (16, 16), seed=4)
    fewer = synthetic_snacks({label: NAMES[label] for label in labels}, count, (16, 16), seed=4)
    for label in labels:
        np.testing.assert_array_equal(fewer.images[fewer.labels == label], most.images[most.labels == label][:count])


def test_the_photos_of_a_seed_stay_the_same_over_versions():
    """The results of the lessons without Matthijs/snacks depend on them."""
    images = synthetic_snacks(NAMES, 1, (16, 16), seed=1).images
    assert images.mean() == pytest.approx(0.58517, rel=1e-4) and images.std() == pytest.approx(0.26038, rel=1e-4)


def test_another_seed_gives_other_photos_of_the_same_classes(photos):
    """The mean colours of a class over 30 photos are nearest to those of the same class in at least 8 of 20 cases."""
    one = photos.images.reshape(20, 50, -1, 3).mean((1, 2))
    other = synthetic_snacks(NAMES, 30, (16, 16), seed=0).images.reshape(20, 30, -1, 3).mean((1, 2))
    nearest = np.square(one[:, None] - other).sum(-1).argmin(1)
    assert (nearest == np.arange(20)).sum() >= 8
    assert np.abs(one - other).min() > 1e-4


def test_a_larger_photo_has_the_same_content():
    """Reduced to a quarter of the height, it differs by less than two photos do."""
    large, small = (synthetic_snacks(NAMES, 2, (16 * scale, 20 * scale), seed=0).images for scale in (4, 1))
    assert small.shape == (40, 16, 20, 3)
    reduced = large.reshape(40, 16, 4, 20, 4, 3).mean((2, 4))
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
