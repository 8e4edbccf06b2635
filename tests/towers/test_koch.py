"""The tower of Koch et al. (2015), and the small version."""

import numpy as np
import pytest
from keras import ops

from siamkeras import models, towers


def test_the_tower_of_koch_has_the_published_layers_and_initial_values():
    """Kernels 10x10x64, 7x7x128, 4x4x128, 4x4x256 with biases: 6,464 + 401,536 + 262,272 + 524,544. Of 105 pixels 96,
    48, 42, 21, 18, 9 and 6 remain: 6 * 6 * 256 = 9,216 features, and 9,217 * 4,096 = 37,752,832 for the units. With
    the 4,097 of the comparison that is 38,951,745."""
    tower = towers.koch()
    assert tower.input_shape == (None, 105, 105, 1) and tower.output_shape == (None, 4096)
    assert models.verifier(tower).count_params() == tower.count_params() + 4_097 == 38_951_745
    convolutions = [tower.get_layer(f"conv_{number}") for number in (1, 2, 3, 4)]
    assert [layer.count_params() for layer in convolutions] == [6464, 401536, 262272, 524544]
    kernels = [layer.kernel for layer in (*convolutions, tower.get_layer("units"))]
    spread = [float(ops.std(ops.convert_to_tensor(kernel))) for kernel in kernels]
    assert spread == pytest.approx([0.01] * 4 + [0.2], rel=0.05)
    biases = [ops.convert_to_numpy(layer.bias) for layer in (*convolutions, tower.get_layer("units"))]
    assert [np.mean(np.concatenate(biases)), np.std(np.concatenate(biases))] == pytest.approx([0.5, 0.01], rel=0.1)
    assert len({float(bias[0]) for bias in biases}) == 5  # each layer has its own random values
    squares = [float(ops.sum(ops.square(ops.convert_to_tensor(kernel)))) for kernel in kernels]
    assert [float(ops.convert_to_numpy(loss)) for loss in tower.losses] == pytest.approx(
        [2e-4 * each for each in squares], rel=1e-3
    )


def test_the_small_version_has_sigmoid_units_and_three_poolings():
    tower = towers.koch_small((20, 16, 3), filters=(4, 5, 6, 7), units=9)
    embeddings = ops.convert_to_numpy(tower(np.random.default_rng(0).random((5, 20, 16, 3), "float32")))
    assert embeddings.shape == (5, 9) and 0 < embeddings.min() and embeddings.max() < 1
    assert [tower.get_layer(f"conv_{n}").kernel.shape[-1] for n in (1, 2, 3, 4)] == [4, 5, 6, 7]
    assert tower.get_layer("relu_4").output.shape[1:3] == (2, 2)  # 20 and 16 halved three times


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.koch((64, 105, 1)), r"at least 65 pixels a side. Received: input_shape=\(64, 105, 1\)"),
        (lambda: towers.koch_small(filters=(4, 5)), r"`filters` must be 4 positive integers. Received: filters=\(4, 5"),
        (lambda: towers.koch_small((7, 9, 1)), r"at least 8 pixels a side. Received: input_shape=\(7, 9, 1\)"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
