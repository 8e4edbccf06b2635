"""Tests of the tower for face crops."""

import keras
import numpy as np

from siamkeras.applications import faces


def test_the_tower_halves_the_image_in_each_block_and_returns_unit_length():
    """17 x 14 pixels become 9 x 7, then 5 x 4."""
    tower = faces.face_tower((17, 14, 3), embedding_dim=5, filters=(4, 6))
    assert tower.name == "tower" and tower.get_layer("flatten").output.shape == (None, 5 * 4 * 6)
    embeddings = np.asarray(tower(np.random.default_rng(0).random((3, 17, 14, 3), "float32")))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_parameters():
    """Per block: both 3x3 kernels and two batch normalisations with four vectors each; then the embedding layer."""
    tower = faces.face_tower((16, 16, 1), embedding_dim=5, filters=(4, 6))
    first, second = 9 * 1 * 4 + 9 * 4 * 4 + 8 * 4, 9 * 4 * 6 + 9 * 6 * 6 + 8 * 6
    assert tower.count_params() == first + second + (4 * 4 * 6 + 1) * 5


def test_the_second_convolution_of_a_block_is_residual():
    """With the scale of its batch normalisation at 0, a block is its first convolution alone."""
    tower = faces.face_tower((8, 8, 1), embedding_dim=2, filters=(3,))
    normalization = tower.get_layer("batch_norm_1_residual")
    normalization.gamma.assign(np.zeros(3))
    parts = keras.Model(tower.input, [tower.get_layer("relu_1_down").output, tower.get_layer("add_1").output])
    before, after = parts(np.random.default_rng(0).random((2, 8, 8, 1), "float32"))
    np.testing.assert_array_equal(before, after)
