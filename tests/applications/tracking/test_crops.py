"""Crops: positions, scale, rotation and the area outside the frame."""

import numpy as np
import pytest

from siamkeras.applications.tracking.crops import crop, crop_images, to_frame

RNG = np.random.default_rng(3)


def position_frame(height=40, width=60):
    """A frame whose red and green channels are the x and y position in pixels, divided by 100."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.stack([columns, rows, 0 * rows], axis=-1).astype("float32") / 100


def test_centre_of_a_crop_is_the_requested_position_also_between_pixels():
    centers = np.array([[24.0, 13.0], [24.3, 14.7]])
    crops = np.asarray(crop(position_frame(), centers, [12.0, 12.0], 24))
    middle = crops[:, 11:13, 11:13, :2].mean(axis=(1, 2)) * 100
    np.testing.assert_allclose(middle, centers, atol=1e-3)


@pytest.mark.parametrize("side, size", [(16.0, 16), (8.0, 16), (24.0, 8)])
def test_each_pixel_of_a_crop_is_the_mean_of_its_area(side, size):
    """Enlarged, unchanged and reduced: on a linear slope, the mean of an area is the value at its centre."""
    crops = np.asarray(crop(position_frame(), [[30.0, 20.0]], [side], size))[0] * 100
    expected = (np.arange(size) + 0.5) * side / size - side / 2
    np.testing.assert_allclose(crops[:, :, 0], np.broadcast_to(30 + expected, (size, size)), atol=2e-3)
    np.testing.assert_allclose(crops[:, :, 1], np.broadcast_to(20 + expected[:, None], (size, size)), atol=2e-3)


def test_area_outside_the_frame_has_the_mean_colour():
    frame = RNG.random((20, 30, 3), dtype="float32")
    partly, outside = np.asarray(crop(frame, [[0.0, 10.0], [-50.0, -50.0]], [20.0, 20.0], 20))
    mean = frame.mean(axis=(0, 1))
    np.testing.assert_allclose(partly[:, :9], np.broadcast_to(mean, (20, 9, 3)), atol=1e-5)
    np.testing.assert_allclose(partly[:, 11:], frame[:, 1:10], atol=1e-5)
    np.testing.assert_allclose(outside, np.broadcast_to(mean, (20, 20, 3)), atol=1e-5)


def test_content_of_a_rotated_square_is_rotated_the_opposite_way():
    frame = RNG.random((20, 20, 3), dtype="float32")
    crops = np.asarray(crop(frame, [[10.0, 10.0]], [20.0], 20, [np.pi / 2]))[0]
    np.testing.assert_allclose(crops, np.rot90(frame), atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_to_frame_gives_the_position_that_a_pixel_of_the_crop_shows(angle):
    center = (30.3, 19.1)
    shown = np.asarray(crop(position_frame(), [center], [14.0], 28, [angle]))[0, :, :, :2] * 100
    rows, columns = np.mgrid[:28, :28] + 0.5 - 14
    positions = to_frame(np.stack([columns, rows], axis=-1), center, 14.0, 28, angle)
    np.testing.assert_allclose(positions, shown, atol=2e-3)


@pytest.mark.parametrize("side, size", [(16.0, 16), (9.0, 18), (40.0, 10)])
def test_crops_by_pillow_equal_those_of_tensorflow_up_to_rounding(side, size):
    """Inside, rotated, and half outside, where only pixels that mix frame and mean colour may differ."""
    frame = (position_frame(64, 80) * 100 * 2 + 10).round() / 255
    centers, angles = np.array([[40.2, 30.7], [38.0, 33.0], [0.0, 32.0]]), np.array([0.0, 0.5, 0.0])
    expected = np.concatenate(
        [
            np.asarray(crop(frame, [center], [side], size, [angle]))
            for center, angle in zip(centers, angles, strict=True)
        ]
    )
    found = crop_images(frame, centers, [side] * 3, size, angles)
    assert found.dtype == np.float32 and found.shape == expected.shape
    difference = np.abs(found - expected)
    assert difference[:2].max() < 1.6 / 255
    assert np.delete(difference[2], [size // 2 - 1, size // 2], axis=1).max() < 1.6 / 255
