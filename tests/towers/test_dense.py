"""Fully connected tower."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import towers

RNG = np.random.default_rng(2)


def test_embeddings_have_unit_length_and_the_requested_dimension():
    tower = towers.dense((8, 8, 1), embedding_dim=10, units=(16,))
    embeddings = ops.convert_to_numpy(tower(RNG.normal(size=(5, 8, 8, 1)).astype("float32")))
    assert embeddings.shape == (5, 10)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    assert tower.count_params() == 64 * 16 + 16 + 16 * 10 + 10


def test_without_hidden_layers_and_normalisation_the_tower_is_linear():
    tower = towers.dense(4, embedding_dim=3, units=(), normalize=False)
    first, twice = ops.convert_to_numpy(tower(np.float32([[1, 2, 3, 4], [2, 4, 6, 8]])))
    np.testing.assert_allclose(twice, 2 * first, rtol=1e-5)


def test_without_an_embedding_layer_the_features_are_normalised():
    x = RNG.normal(size=(3, 4)).astype("float32")
    unit, raw = (towers.dense(4, None, (50,), normalize) for normalize in (True, False))
    raw.set_weights(unit.get_weights())
    features = ops.convert_to_numpy(raw(x))
    expected = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(ops.convert_to_numpy(unit(x)), expected, rtol=1e-4, atol=1e-6)


def test_a_blank_image_has_a_finite_gradient():
    assert np.isfinite(oracles.gradient(towers.dense(4, units=()), np.zeros((1, 4)))).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_shape": (8, 2.5)}, r"`input_shape` must be positive integers. Received: input_shape=\(8, 2.5\)"),
        ({"embedding_dim": 0}, "`embedding_dim` must be an integer of at least 1. Received: embedding_dim=0"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        towers.dense(**{"input_shape": 4, **arguments})
