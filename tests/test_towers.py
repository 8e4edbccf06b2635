"""Towers: embeddings of length 1, sizes as asked for, and clear refusals."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import towers

RNG = np.random.default_rng(2)


def test_dense_tower_gives_embeddings_of_length_one():
    tower = towers.dense((8, 8, 1), embedding_dim=10, units=(16,))
    found = ops.convert_to_numpy(tower(RNG.normal(size=(5, 8, 8, 1)).astype("float32")))
    assert found.shape == (5, 10)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_conv_tower_gives_embeddings_of_length_one():
    tower = towers.conv((16, 20, 3), embedding_dim=12, filters=(4, 8))
    found = ops.convert_to_numpy(tower(RNG.normal(size=(3, 16, 20, 3)).astype("float32")))
    assert found.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_towers_are_plain_models_named_tower():
    for tower in (towers.dense(9), towers.conv((16, 16, 1)), towers.pixels((4, 4, 1))):
        assert type(tower).__name__ == "Functional"
        assert tower.name == "tower"


def test_conv_tower_has_the_weights_of_conv_4():
    """3x3 convolutions 1-64-64-64-64 without bias: 576 + 3 x 36,864; 4 x 4 x 64 of normalisation; 2 x 2 x 64 features
    of a 35x35 image to 64 with bias: 16,448."""
    assert towers.conv((35, 35, 1)).count_params() == 576 + 3 * 36_864 + 1_024 + 16_448


def test_without_normalisation_lengths_are_free():
    tower = towers.dense(4, embedding_dim=3, units=(), normalize=False)
    found = ops.convert_to_numpy(tower(np.float32([[1, 2, 3, 4], [2, 4, 6, 8]])))
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_embeddings_are_float32_under_mixed_precision(policy, normalize):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        tower = towers.conv((8, 8, 1), filters=(4,), normalize=normalize)
        embedding = tower(np.ones((2, 8, 8, 1), "float32"))
        assert tower.get_layer("conv_1").compute_dtype == policy.removeprefix("mixed_")
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(embedding.dtype) == "float32"


def test_a_blank_image_has_a_finite_gradient():
    tower = towers.dense(4, units=())
    assert np.isfinite(oracles.gradient(tower, np.zeros((1, 4)))).all()


def test_pixels_are_the_image_itself():
    image = RNG.uniform(size=(2, 3, 3, 1)).astype("float32")
    tower = towers.pixels((3, 3, 1))
    assert tower.count_params() == 0
    np.testing.assert_array_equal(ops.convert_to_numpy(tower(image)), image.reshape(2, 9))


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: towers.conv((28, 28)), r"\(height, width, channels\). Received: \(28, 28\)"),
        (lambda: towers.conv((8, 28, 1)), r"at least 16 pixels a side. Received: input_shape=\(8, 28, 1\)"),
        (
            lambda: towers.conv((28, 28, 1), embedding_dim=0),
            r"`embedding_dim` .* positive whole numbers. Received: \[0\]",
        ),
        (lambda: towers.conv((28, 28, 1), filters=(8, -1)), r"`filters` .* Received: \[8, -1\]"),
        (lambda: towers.dense((None, 3)), r"`input_shape` .* Received: \[None, 3\]"),
        (lambda: towers.dense(8, units=(2.5,)), r"`units` .* Received: \[2.5\]"),
        (lambda: towers.dense(8, units="64"), r"`units` .* Received: \['6', '4'\]"),
    ],
)
def test_sizes_that_make_no_tower_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
