"""Convolutional tower "conv-4"."""

import numpy as np
import pytest
from keras import ops

from siamkeras import towers


def test_the_tower_has_the_parameters_of_conv_4():
    """3x3 kernels 1-64-64-64-64 without bias: 576 + 3 * 36,864; batch normalisation: 4 * 4 * 64. A 35x35 image is
    halved to 17, 8, 4 and 2: 2 * 2 * 64 = 256 features, times 64 plus 64 biases = 16,448."""
    tower = towers.conv((35, 35, 1))
    assert type(tower).__name__ == "Functional"
    assert tower.count_params() == 576 + 3 * 36_864 + 1_024 + 16_448


def test_embeddings_of_rectangular_images_have_unit_length():
    images = np.random.default_rng(2).random((3, 16, 20, 3), "float32")
    embeddings = ops.convert_to_numpy(towers.conv((16, 20, 3), 12, (4, 8))(images))
    assert embeddings.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)


def test_one_block_is_convolution_normalisation_relu_and_pooling():
    """A kernel with only its centre set copies the image; moving averages 0 and 1 divide by sqrt(1 + epsilon)."""
    tower = towers.conv((2, 2, 1), None, (1,), normalize=False)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1
    tower.get_layer("conv_1").set_weights([kernel])
    images = np.float32([[1, 4, -2, 3], [-1, -4, -2, -3]]).reshape(2, 2, 2, 1)
    epsilon = tower.get_layer("norm_1").epsilon
    np.testing.assert_allclose(ops.convert_to_numpy(tower(images)), [[4 / (1 + epsilon) ** 0.5], [0]], rtol=1e-5)


@pytest.mark.parametrize("build", [towers.conv, towers.koch_small])
@pytest.mark.parametrize("options, momentum", [({}, 0.9), ({"momentum": 0.99}, 0.99)])
def test_moving_averages_follow_the_data_within_a_few_steps(build, options, momentum):
    """After 3 steps 1 - momentum ** 3 of the mean is reached. Nine pixels of 3 inside the image, fewer at the border:
    the mean of the convolution is 3 * (46 / 16) ** 2."""
    images = np.full((2, 16, 16, 1), 3.0, "float32")
    tower = build((16, 16, 1), filters=(2, 2, 2, 2), **options)
    tower.get_layer("conv_1").set_weights([np.full((3, 3, 1, 2), 1.0)])
    for _ in range(3):
        tower(images, training=True)
    mean = ops.convert_to_numpy(tower.get_layer("norm_1").moving_mean)[0]
    assert mean == pytest.approx(3 * (46 / 16) ** 2 * (1 - momentum**3), rel=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_shape": (16, 16)}, r"`input_shape` must be 3 positive integers. Received: input_shape=\(16, 16\)"),
        ({"input_shape": (15, 16, 1)}, r"at least 16 pixels a side. Received: input_shape=\(15, 16, 1\)"),
        ({"filters": (4, 0)}, r"`filters` must be positive integers. Received: filters=\(4, 0\)"),
        ({"filters": ()}, "`filters` must be positive integers"),
        ({"embedding_dim": 0}, "`embedding_dim` must be an integer of at least 1"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        towers.conv(**{"input_shape": (16, 16, 1), **arguments})
