"""The monitor sees a collapse, and nothing else."""

import keras
import numpy as np
import pytest

from siamkeras import callbacks, losses, models, towers

IMAGES = np.random.default_rng(6).normal(size=(20, 5)).astype("float32")
PAIRS = {"left": IMAGES, "right": IMAGES[::-1].copy()}


def test_spread_by_hand():
    """All alike: 0. Opposite: mean 0, so 1. Two at a right angle: mean (1/2, 1/2), 1 - 1/2. All zero: 0."""
    assert callbacks.spread([[0.6, 0.8]] * 3) == pytest.approx(0.0, abs=1e-12)
    assert callbacks.spread([[1, 0], [-1, 0]]) == 1.0
    assert callbacks.spread([[1, 0], [0, 1]]) == pytest.approx(0.5)
    assert callbacks.spread([[0.0, 0.0]] * 2) == 0.0


def test_spread_is_half_the_mean_squared_distance_of_unit_embeddings():
    x = IMAGES / np.linalg.norm(IMAGES, axis=1, keepdims=True)
    squares = [np.sum((a - b) ** 2) for a in x for b in x]
    assert callbacks.spread(x) == pytest.approx(np.mean(squares) / 2, rel=1e-5)


def fit(tower, monitor, epochs=2):
    siamese = models.siamese(tower)
    siamese.compile(keras.optimizers.SGD(0.0), losses.ContrastiveLoss())
    return siamese.fit(PAIRS, np.zeros(20, "float32"), epochs=epochs, verbose=0, callbacks=[monitor])


def collapsed():
    tower = towers.dense(5, units=(), embedding_dim=2)
    tower.set_weights([np.zeros((5, 2), "float32"), np.ones(2, "float32")])
    return tower


def test_spread_is_in_the_history_after_each_epoch():
    tower = towers.dense(5)
    history = fit(tower, callbacks.CollapseMonitor(IMAGES)).history
    assert history["embedding_spread"] == pytest.approx(
        [callbacks.spread(tower.predict(IMAGES, verbose=0))] * 2, rel=1e-4
    )


def test_a_collapse_is_told_once():
    with pytest.warns(UserWarning, match="collapsed: after epoch 1 their spread is 0.0000") as told:
        fit(collapsed(), callbacks.CollapseMonitor(IMAGES), epochs=3)
    assert sum("collapsed" in str(warning.message) for warning in told) == 1


def test_a_collapse_stops_training_if_asked():
    with pytest.warns(UserWarning, match="collapsed"):
        history = fit(collapsed(), callbacks.CollapseMonitor(IMAGES, stop=True), epochs=5)
    assert len(history.epoch) == 1


def test_monitor_watches_a_tower_that_is_trained_alone():
    tower = towers.dense(5, embedding_dim=3)
    tower.compile(keras.optimizers.SGD(0.0), "mse")
    history = tower.fit(IMAGES, np.zeros((20, 3)), verbose=0, callbacks=[callbacks.CollapseMonitor(IMAGES)])
    assert 0 < history.history["embedding_spread"][0] <= 1


def test_bytes_are_watched_as_the_streams_give_them():
    bytes_ = np.arange(20, dtype="uint8").reshape(4, 5)
    np.testing.assert_allclose(callbacks.CollapseMonitor(bytes_).images, bytes_ / 255, rtol=1e-6)


def test_one_image_cannot_show_a_collapse():
    with pytest.raises(ValueError, match="at least two images to compare. Received: 1"):
        callbacks.CollapseMonitor(IMAGES[:1])
