"""Two replicas learn what one learns: a batch shared between devices gives the same gradient."""

import json
import os
import subprocess
import sys

import pytest

ON_ITS_OWN = ["pairs", "contrastive", "triplet", "masks"]
IN_THE_BATCH = ["all", "hard", "semi_hard", "softmax", "supervised", "similarity"]
TRAIN = """
import json, sys
import keras, numpy as np, tensorflow as tf
from siamkeras import generators, losses, models, towers, tracking

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
images = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
labels = np.repeat([4, 9, 2, 31], 10)
in_the_batch = dict(
    all=losses.TripletLoss(),
    hard=losses.TripletLoss(mining="hard"),
    semi_hard=losses.TripletLoss(mining="semi_hard"),
    softmax=losses.InBatchSoftmaxLoss(),
    supervised=losses.SupervisedContrastiveLoss(),
    similarity=losses.MultiSimilarityLoss(),
)


def model_and_stream(kind, tower, copies):
    if kind == "triplet":
        return models.triplet(tower), None, generators.triplets(images, labels, batch_size=16, seed=3)
    if kind == "contrastive":
        return models.contrastive(tower), None, generators.same_as_input(generators.pairs(images, labels, batch_size=16, seed=3))
    if kind == "masks":
        pixels = keras.layers.Reshape((1, 3))(keras.layers.Activation("sigmoid")(tower.output))
        model = keras.Model(tower.input, pixels)
        masks = (images[:, None, :3] > 0).astype("float32")
        stream = tf.data.Dataset.from_tensor_slices((images, masks)).batch(16, drop_remainder=True).repeat()
        return model, losses.DiceCrossEntropyLoss(), stream
    if kind == "pairs":
        return models.siamese(tower), losses.ContrastiveLoss(), generators.pairs(images, labels, batch_size=16, seed=3)
    # A loss finds its triplets on its own device: each device gets the same half batch.
    half = np.concatenate([images[::2]] * copies)[None], np.concatenate([labels[::2]] * copies)[None]
    return tower, in_the_batch[kind], tf.data.Dataset.from_tensor_slices(half).repeat()


def of_maps(strategy):
    rng = np.random.default_rng(1)
    inputs = dict(template=rng.random((8, 6, 6, 2), "float32"), search=rng.random((8, 10, 10, 2), "float32"))
    labels = rng.choice([0.0, 0.5, 1.0], (8, 5, 5)).astype("float32")
    with strategy.scope():
        tower = keras.Sequential([keras.Input((None, None, 2)), keras.layers.Conv2D(3, 2)])
        model = tracking.siamese(tower, template=6, search=10)
        model.compile(keras.optimizers.SGD(0.5), tracking.ScoreMapLoss())
    before = np.concatenate([w.ravel() for w in tower.get_weights()])
    stream = tf.data.Dataset.from_tensors((inputs, labels)).repeat()
    model.fit(stream, steps_per_epoch=2, verbose=0, shuffle=False)
    return np.append(np.concatenate([w.ravel() for w in tower.get_weights()]) - before, 0.0)


def step(kind, strategy, copies):
    keras.utils.set_random_seed(0)
    if kind == "tracking":
        return of_maps(strategy)
    with strategy.scope():
        tower = towers.dense(5, embedding_dim=3, units=(4,))
        model, loss, stream = model_and_stream(kind, tower, copies)
        model.compile(keras.optimizers.SGD(0.5), loss)
    before = np.concatenate([w.ravel() for w in tower.get_weights()])
    logs = model.fit(stream, steps_per_epoch=2, verbose=0, shuffle=False).history
    after = np.concatenate([w.ravel() for w in tower.get_weights()])
    return np.append(after - before, logs.get("active", 0.0))


found = dict()
for kind in sys.argv[1:]:
    one = step(kind, tf.distribute.OneDeviceStrategy("CPU:0"), 1)
    two = step(kind, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), 2)
    found[kind] = float(np.abs(one[:-1]).max()), float(np.abs(one - two).max())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def steps():
    """For each kind of loss, the largest change of a weight, and the largest difference between one replica and two."""
    found = {}
    # In one process, the sums over devices must be of one length: a second one for another tower.
    for kinds in ([*ON_ITS_OWN, *IN_THE_BATCH], ["tracking"]):
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, *kinds],
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found |= json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", [*ON_ITS_OWN, *IN_THE_BATCH, "tracking"])
def test_two_replicas_step_as_one_does(kind, steps):
    """The largest step is well above the largest difference of the steps; twice the gradient would make them equal."""
    step, difference = steps[kind]
    assert step > 0.02
    assert difference < 1e-4
