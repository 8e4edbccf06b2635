"""Augmentation of episodes: images move with their masks, and synthetic tasks."""

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import augmentation
from siamkeras.applications import segmentation
from siamkeras.applications.segmentation import tasks

IMAGES = tf.random.stateless_uniform((3, 16, 16, 1), [1, 2])
MASKS = tf.cast(tf.random.stateless_uniform((3, 16, 16), [1, 3]) > 0.5, tf.float32)


def test_images_and_masks_move_together_and_each_image_in_its_own_way():
    """Images that equal their masks still do, up to interpolation at 0.5."""
    masks = np.zeros((3, 16, 16), "float32")
    masks[:, 4:12, 5:10] = 1
    augment = segmentation.episode_augmentation(None, augmentation.affine(30, 0.2, (0.7, 1.3), 3, probability=1), None)
    moved, moved_masks = (x.numpy() for x in augment(tf.constant(masks[..., None]), tf.constant(masks), [1, 2]))
    assert ((moved[..., 0] > 0.5) == moved_masks).all()
    assert (moved_masks[0] != moved_masks[1]).any() and (moved_masks[0] != moved_masks[2]).any()


def test_photometric_augmentation_does_not_change_masks():
    augment = segmentation.episode_augmentation(None, None, lambda image, seed: 0.5 - image / 2)
    images, masks = augment(IMAGES, MASKS, [1, 2])
    np.testing.assert_allclose(images, 0.5 - IMAGES / 2)
    np.testing.assert_array_equal(masks, MASKS)


@pytest.mark.parametrize("fill", [0.0, 0.7, 1.0])
def test_pixels_from_beyond_the_border_are_background(fill):
    """Shifted down by 6 pixels, the first 6 rows come from beyond the border, whatever their value."""
    masks = np.zeros((3, 16, 16), "float32")
    masks[:, 7:9, 7:9] = 1

    def shift(image, seed):
        return tf.concat([tf.fill((6, *image.shape[1:]), fill), image[:-6]], axis=0)

    images, moved = segmentation.episode_augmentation(None, shift, None)(IMAGES, tf.constant(masks), [3, 4])
    np.testing.assert_array_equal(moved, np.roll(masks, 6, axis=1))
    np.testing.assert_allclose(images[:, 0], fill)


def test_the_default_augmentation_makes_tasks_and_changes_images():
    augment = segmentation.episode_augmentation()
    images, masks = augment(IMAGES, MASKS, [1, 2])
    assert augment.makes_tasks and images.shape == IMAGES.shape and masks.shape == MASKS.shape
    assert (images != IMAGES).numpy().any() and set(np.unique(masks)) <= {0, 1}
    assert not segmentation.episode_augmentation(tasks=None).makes_tasks
    assert not segmentation.episode_augmentation(segmentation.synthetic_tasks(cut=0, superpixel=0)).makes_tasks


def test_synthetic_tasks_with_probability_0_and_1():
    unchanged = segmentation.synthetic_tasks(0, 0, 0, 0)(IMAGES, MASKS, [1, 2])
    tf.nest.map_structure(np.testing.assert_array_equal, unchanged, (IMAGES, MASKS))
    images, masks = segmentation.synthetic_tasks(cut=0, superpixel=0, flip=1, invert=1)(IMAGES, MASKS, [1, 2])
    np.testing.assert_allclose(images, 1 - IMAGES[:, ::-1, ::-1])
    np.testing.assert_array_equal(masks, MASKS[:, ::-1, ::-1])
    images, masks = segmentation.synthetic_tasks(cut=0, superpixel=1, flip=0, invert=0)(IMAGES, MASKS, [1, 2])
    assert (images.numpy() == IMAGES[:1].numpy()).all() and (masks.numpy() == masks[:1].numpy()).all()
    _, masks = segmentation.synthetic_tasks(cut=1, superpixel=0, flip=0, invert=0)(IMAGES, MASKS, [1, 2])
    assert (masks <= MASKS).numpy().all() and (
        tf.reduce_sum(masks, (1, 2)) < tf.reduce_sum(MASKS, (1, 2))
    ).numpy().all()
    with pytest.raises(ValueError, match="`cut` must be a number of at least 0 and at most 1"):
        segmentation.synthetic_tasks(cut=2)


def test_a_cut_leaves_the_same_half_of_a_disc_at_any_position(monkeypatch):
    monkeypatch.setattr(tasks, "CUT_OFFSET", 0.0)
    y, x = np.mgrid[:31, :31]
    discs = np.stack([(y - row) ** 2 + (x - 15) ** 2 < 50 for row in (10, 18)] + [np.zeros((31, 31))]).astype("float32")
    halves = set()
    for seed in range(12):
        parts = tasks._cut_masks(tf.constant(discs), [seed, 5]).numpy()
        assert 0.4 < parts[0].sum() / discs[0].sum() < 0.6
        assert parts[2].sum() == 0  # an empty mask
        assert np.abs(parts[0][2:20] - parts[1][10:28]).sum() <= 3  # pixels on the line
        halves.add(parts[0].tobytes())
    assert len(halves) == 12


def test_a_superpixel_is_limited_in_position_and_intensity():
    """The left half is black and the right half white: a superpixel stays in its half, and within its radius."""
    image = np.zeros((24, 24, 1), "float32")
    image[:, 12:] = 1
    for seed in range(20):
        rows, columns = np.nonzero(tasks._superpixel(tf.constant(image), [seed, 1]).numpy())
        assert len(rows) >= 1
        assert (columns < 13).all() or (columns > 10).all()
        assert np.ptp(rows) <= 2 * 0.35 * 24
