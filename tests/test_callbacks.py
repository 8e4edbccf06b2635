"""The collapse monitor: the logged spread, the warning, and early stopping."""

import keras
import numpy as np
import pytest

from siamkeras import callbacks, losses, models, towers

IMAGES = np.random.default_rng(6).normal(size=(20, 5)).astype("float32")
PAIRS = {"left": IMAGES, "right": IMAGES[::-1].copy()}


def fit(tower, monitor, epochs=2):
    """The history of `fit` with learning rate 0."""
    siamese = models.siamese(tower)
    siamese.compile(keras.optimizers.SGD(0.0), losses.ContrastiveLoss())
    return siamese.fit(PAIRS, np.zeros(20, "float32"), epochs=epochs, verbose=0, callbacks=[monitor])


def constant_tower():
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="zeros", bias_initializer="ones")(inputs))


@pytest.mark.parametrize("structure", [lambda x: x, lambda x: [x]])
def test_the_spread_is_half_the_mean_squared_distance_of_unit_embeddings(structure):
    dense = towers.dense(5)
    embedding = keras.layers.Dropout(0.5)(dense.output)  # the identity in inference mode
    tower = keras.Model(dense.input, structure(embedding))
    history = fit(tower, callbacks.CollapseMonitor(IMAGES)).history
    (x,) = keras.tree.flatten(tower.predict(IMAGES, verbose=0))
    expected = np.mean([np.sum((a - b) ** 2) for a in x for b in x]) / 2
    assert history["embedding_spread"] == pytest.approx([expected] * 2, rel=1e-4)


@pytest.mark.parametrize(
    "embeddings, spread",
    [([[1, 0], [-1, 0]], 1.0), ([[1, 0], [0, 1]], 0.5), ([[1, 2], [1, 2]], 0.0), ([[0, 0]] * 2, 0.0)],
)
def test_the_spread_agrees_with_values_by_hand(embeddings, spread):
    """Opposite: mean 0. Right angle: mean (1/2, 1/2). Equal: 1 - 1. All zero: 0 by definition."""
    assert callbacks._spread(embeddings) == pytest.approx(spread, abs=1e-12)


def test_a_collapse_warns_once_and_stops_training_with_stop():
    with pytest.warns(UserWarning, match="collapsed: after epoch 1 their spread is 0.0000") as warned:
        history = fit(constant_tower(), callbacks.CollapseMonitor(IMAGES), epochs=3)
    assert sum("collapsed" in str(warning.message) for warning in warned) == 1
    assert len(history.epoch) == 3
    with pytest.warns(UserWarning, match="collapsed"):
        history = fit(constant_tower(), callbacks.CollapseMonitor(IMAGES, stop=True), epochs=5)
    assert len(history.epoch) == 1


def test_uint8_images_are_scaled_as_by_the_generators():
    images = np.arange(20, dtype="uint8").reshape(4, 5)
    np.testing.assert_allclose(callbacks.CollapseMonitor(images).images, images / 255, rtol=1e-6)
    np.testing.assert_array_equal(callbacks.CollapseMonitor(images, scale=False).images, images)


def test_a_single_image_raises():
    with pytest.raises(ValueError, match="at least two images. Received: 1"):
        callbacks.CollapseMonitor(IMAGES[:1])
