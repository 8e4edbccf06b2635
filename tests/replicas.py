"""Compares training on one device with training on two replicas, in a subprocess with two logical CPUs."""

import json
import os
import subprocess
import sys

_SCRIPT = """
import json, sys
import keras, numpy as np, tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
{setup}

def update(kind, strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model, loss = build(kind)
        model.compile(keras.optimizers.SGD(0.5), loss)
    before = model.get_weights()
    logs = model.fit(stream(kind), steps_per_epoch=2, verbose=0, shuffle=False).history
    assert np.isfinite(logs["loss"]).all(), kind
    changes = [(new - old).ravel() for new, old in zip(model.get_weights(), before)]
    return np.concatenate([*changes, logs.get("active", [0.0])])

results = dict()
for kind in sys.argv[1:]:
    one = update(kind, tf.distribute.OneDeviceStrategy("CPU:0"))
    tf.distribute.MirroredStrategy._collective_key_base += 10_000  # strategies of one process must not share keys
    two = update(kind, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    results[kind] = float(np.abs(one[:-1]).max()), float(np.abs(one - two).max())
print(json.dumps(results))
"""


def compare_updates(setup, kinds):
    """Trains two steps on one device and on two replicas.

    Args:
        setup: Python source that defines `build(kind) -> (model, loss)` and `stream(kind) -> tf.data.Dataset`
            of global batches. All kinds of one call need weights of the same shapes.
        kinds: Names to pass to these functions.

    Returns:
        For each kind, the largest weight change, and the largest difference between one device and two replicas.
    """
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT.replace("{setup}", setup), *kinds],
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode >= 0:  # a signal is not a wrong update: TensorFlow's collectives rarely crash a process
            break
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])
