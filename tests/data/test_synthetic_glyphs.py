"""Synthetic glyphs: their content, their dependence on the seed, and how hard they are compared with Omniglot."""

import numpy as np
import pytest

from siamkeras.data._synthetic_glyphs import synthetic_glyphs

ALPHABETS, CHARACTERS, WRITERS = 8, 20, 20


@pytest.fixture(scope="module")
def examples():
    return synthetic_glyphs(ALPHABETS, CHARACTERS, WRITERS, size=35, seed=11)


def by_writer(examples, alphabets=ALPHABETS, characters=CHARACTERS):
    """Images by alphabet, character and writer, `(alphabets, characters, writers, height, width)`."""
    return examples.images[..., 0].reshape(alphabets, characters, -1, *examples.images.shape[1:3])


def test_every_writer_writes_every_character_once(examples):
    """8 alphabets of 20 characters by 20 writers. Every image has a pixel full of ink; in Omniglot 8 % is ink."""
    images = examples.images
    assert images.shape == (3200, 35, 35, 1) and images.dtype == np.float32 and images.ctypes.data % 64 == 0
    assert examples.labels.tolist() == [label for label in range(160) for _ in range(20)]
    assert examples.groups.tolist() == [label // 20 for label in examples.labels]
    assert len(np.unique(images.reshape(3200, -1), axis=0)) == 3200
    assert images.min() == 0.0 and (images.max(axis=(1, 2, 3)) == 1.0).all()
    assert 0.06 < images.mean() < 0.11


@pytest.mark.parametrize(("size", "factor"), [(8, 14), (28, 4), (35, 3), (105, 2)])
def test_grey_values_are_area_averages_of_a_larger_canvas(size, factor):
    """The canvas has at least 105 pixels and twice the size: at 35 a pixel averages 3x3, so greys are ninths."""
    images = synthetic_glyphs(1, 3, 2, size, seed=0).images
    assert images.shape[1:] == (size, size, 1)
    ink = images * factor**2
    np.testing.assert_allclose(ink, ink.round(), atol=1e-4)
    assert len(np.unique(ink.round())) > 2


def test_strokes_stay_within_the_canvas():
    """A stroke that ended at the edge would lose half the width of the pen: the outermost pixels are empty."""
    images = synthetic_glyphs(6, 10, 5, size=105, seed=3).images
    assert images[:, 1:-1, 1:-1].max() == 1.0
    for edge in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]):
        assert edge.max() == 0.0


def test_names_contain_alphabet_and_character():
    """Class 11 of alphabets with 4 characters is the fourth of the third alphabet: 11 = 2 * 4 + 3."""
    examples = synthetic_glyphs(3, 4, 1, size=35, seed=7)
    assert examples.class_names[11] == "Alphabet 03, character 04"
    assert set(examples.class_names) == set(examples.labels.tolist())
    assert examples.group_names == {0: "Alphabet 01", 1: "Alphabet 02", 2: "Alphabet 03"}


def test_the_images_of_a_seed_stay_the_same_over_versions():
    """The results of the lessons without Omniglot depend on them."""
    images = synthetic_glyphs(2, 3, 4, size=35, seed=1).images
    assert images.mean() == pytest.approx(0.090068, rel=1e-5) and images.std() == pytest.approx(0.257454, rel=1e-5)


def test_another_seed_gives_other_characters():
    """Mean characters of two seeds are about as far apart as two characters of one seed."""
    one, other = (synthetic_glyphs(1, 12, 20, 35, seed).images.reshape(12, 20, -1).mean(1) for seed in (0, 1))
    across = np.linalg.norm(one - other, axis=1)
    within = np.linalg.norm(one - np.roll(one, 1, axis=0), axis=1)
    assert across.min() > 0.5 * within.mean()


def test_an_image_does_not_depend_on_the_counts():
    most = by_writer(synthetic_glyphs(3, 5, 9, size=35, seed=2), 3, 5)
    for alphabets, characters, writers in [(3, 2, 4), (2, 5, 4), (2, 2, 9), (1, 1, 1)]:
        fewer = by_writer(synthetic_glyphs(alphabets, characters, writers, size=35, seed=2), alphabets, characters)
        np.testing.assert_array_equal(fewer, most[:alphabets, :characters, :writers])


def slant(images):
    """Shift of ink to the right per pixel upwards: minus the slope of the regression of x on y."""
    ink = images / images.sum((-2, -1), keepdims=True)
    position = np.arange(images.shape[-1])
    x, y = ink.sum(-2), ink.sum(-1)
    x_mean, y_mean = (x * position).sum(-1), (y * position).sum(-1)
    covariance = np.einsum("...yx,y,x->...", ink, position, position) - x_mean * y_mean
    return -covariance / ((y * position**2).sum(-1) - y_mean**2)


@pytest.mark.parametrize("measure", [slant, lambda images: images.sum((-2, -1))], ids=["slant", "ink"])
def test_a_writer_has_a_personal_style(examples, measure):
    """A writer's mean deviation in one half of the alphabets predicts that in the other half.

    Without a personal style the two halves of 80 images would be independent: over 20 writers, r = 0 +- 0.23.
    """
    measured = measure(by_writer(examples))
    deviation = measured - measured.mean(axis=2, keepdims=True)
    first, second = deviation[::2].mean((0, 1)), deviation[1::2].mean((0, 1))
    assert np.corrcoef(first, second)[0, 1] > 0.8


def test_classes_are_about_as_hard_to_separate_by_pixels_as_those_of_omniglot(examples):
    """Omniglot's evaluation alphabets at 35x35: AUC 0.63 against other alphabets, 0.59 within an alphabet."""
    from scipy.spatial.distance import pdist
    from sklearn.metrics import roc_auc_score

    rows = np.random.default_rng(0).choice(3200, 1000, replace=False)
    distances = pdist(examples.images[rows].reshape(1000, -1))
    left, right = rows[np.array(np.triu_indices(1000, k=1))]
    same, same_group = (values[left] == values[right] for values in (examples.labels, examples.groups))
    across, within = same | ~same_group, same_group
    assert roc_auc_score(same[across], -distances[across]) == pytest.approx(0.63, abs=0.05)
    assert roc_auc_score(same[within], -distances[within]) == pytest.approx(0.59, abs=0.06)


def test_characters_of_an_alphabet_can_be_told_apart(examples):
    """The mean image of ten writers is nearest to that of ten others of the same character in 95 % of the cases."""

    def centre(image):
        middle = len(image) // 2
        shift = [round(middle - (image.sum(axis) * np.arange(len(image))).sum() / image.sum()) for axis in (1, 0)]
        return np.roll(image, shift, axis=(0, 1))

    pixels = np.array([centre(image) for image in examples.images[..., 0]]).reshape(ALPHABETS, CHARACTERS, WRITERS, -1)
    one, other = pixels[:, :, ::2].mean(2), pixels[:, :, 1::2].mean(2)
    nearest = np.square(one[:, :, None] - other[:, None]).sum(-1).argmin(-1)
    assert (nearest == np.arange(CHARACTERS)).mean() > 0.95
