"""Raw pixels and the colour histogram."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import towers

RNG = np.random.default_rng(2)


def embed(tower, images):
    return ops.convert_to_numpy(tower(np.float32(images)))


def test_pixels_are_the_flattened_image_without_weights():
    images, tower = RNG.random((2, 3, 3, 1), "float32"), towers.pixels((3, 3, 1))
    assert tower.count_params() == 0
    np.testing.assert_array_equal(embed(tower, images), images.reshape(2, 9))


def test_a_histogram_is_the_square_root_of_the_fraction_of_each_color():
    """Two bins per channel. Black occurs twice and has index 0; red and blue (1, 0, 1) has 5; white has 7."""
    image = [[[0, 0, 0], [0.1, 0.2, 0.49]], [[0.9, 0, 0.5], [1, 1, 1]]]
    found = embed(towers.histogram((2, 2, 3), bins=2), [image])
    np.testing.assert_allclose(found, np.sqrt([[0.5, 0, 0, 0, 0, 0.25, 0, 0.25]]), atol=1e-6)


@pytest.mark.parametrize("channels, bins", [(1, 8), (2, 5), (3, 4)])
def test_a_histogram_agrees_with_numpy(channels, bins):
    """The value 1.0 belongs to the last bin, in numpy too."""
    images = RNG.random((3, 20, 30, channels), "float32")
    images[0, 0, 0], images[1, 0, 0] = 1.0, 0.0
    found = embed(towers.histogram((20, 30, channels), bins), images)
    assert found.shape == (3, bins**channels)
    for row, image in zip(found, images.reshape(3, -1, channels), strict=True):
        counts, _ = np.histogramdd(image, bins=bins, range=[(0, 1)] * channels)
        np.testing.assert_allclose(600 * row**2, counts.ravel(), atol=1e-3)


def test_values_outside_0_to_1_count_in_the_nearest_bin():
    found = embed(towers.histogram((1, 2, 1), bins=4), [[[[-0.3], [1.7]]]])
    np.testing.assert_allclose(found, [[0.5**0.5, 0, 0, 0.5**0.5]], atol=1e-6)


def test_a_histogram_is_computed_in_float32_under_mixed_precision():
    """0.24999 is just below the second of four bins; the next float16 is 0.25."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        tower = towers.histogram((1, 1, 1), bins=4)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_array_equal(embed(tower, [[[[0.24999]]]]), [[1, 0, 0, 0]])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.histogram((8, 8)), "`input_shape` must be 3 positive integers"),
        (lambda: towers.histogram((8, 8, 3), bins=0), "`bins` must be an integer of at least 1"),
        (lambda: towers.pixels((8, -1)), "`input_shape` must be positive integers"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
