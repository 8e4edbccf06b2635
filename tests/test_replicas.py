"""Two replicas learn what one learns: a batch shared between devices gives the same gradient."""

import os
import subprocess
import sys

import pytest

TRAIN = """
import keras, numpy as np, tensorflow as tf
from siamkeras import generators, losses, models, towers

kind = "{kind}"
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
images = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
labels = np.repeat([4, 9, 2, 31], 10)


def weights(strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        tower = towers.dense(5, embedding_dim=3, units=(4,))
        if kind == "loss":
            model = models.siamese(tower)
            model.compile(keras.optimizers.SGD(0.5), losses.ContrastiveLoss())
        else:
            model = models.contrastive(tower)
            model.compile(keras.optimizers.SGD(0.5))
    stream = generators.pairs(images, labels, batch_size=16, seed=3, endpoint=kind == "endpoint")
    before = np.concatenate([w.ravel() for w in tower.get_weights()])
    model.fit(stream, steps_per_epoch=3, verbose=0, shuffle=False)
    return np.concatenate([w.ravel() for w in tower.get_weights()]) - before


one = weights(tf.distribute.OneDeviceStrategy("CPU:0"))
two = weights(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
print(np.abs(one).max(), np.abs(one - two).max())
"""


@pytest.mark.parametrize("kind", ["loss", "endpoint"])
def test_two_replicas_step_as_one_does(kind):
    """The largest step is well above the largest difference of the steps; twice the gradient would make them equal."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN.format(kind=kind)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    step, difference = map(float, done.stdout.split()[-2:])
    assert step > 0.05
    assert difference < 1e-4
