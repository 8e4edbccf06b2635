"""On JAX, `keras.distribution` on four devices, and on two processes of two devices, trains like one device."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("jax")

# Arguments: index of the process, number of processes, devices of each, port, result file.
SCRIPT = """
import json, os, sys

index, count, devices, port = map(int, sys.argv[1:5])
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
import jax, keras
import numpy as np
from siamkeras import generators, losses, models, towers

if count > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    addresses = ",".join(f"localhost:{port + number}" for number in range(count))
    keras.distribution.initialize(addresses, count, index)
if count * devices > 1:
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
assert jax.device_count() == count * devices
images = np.random.default_rng(0).uniform(size=(64, 8, 8, 1)).astype("float32")
arguments = {"images": images, "labels": np.repeat(np.arange(16), 4), "shard": (index, count)}

def build(kind):
    tower = towers.conv((8, 8, 1), 4, (4, 8))  # with batch normalisation, whose statistics are of the whole batch
    if kind == "pairs":
        return models.siamese(tower), losses.ContrastiveLoss(), generators.pairs(**arguments, batch_size=16)
    if kind == "semi_hard":
        return tower, losses.TripletLoss(mining="semi_hard"), generators.balanced(**arguments, classes=8, per_class=2)
    return models.in_batch_softmax(tower), None, generators.positive_pairs(**arguments, batch_size=16)

results = {}
for kind in ("pairs", "semi_hard", "in_batch"):
    keras.utils.set_random_seed(0)
    model, loss, stream = build(kind)
    model.compile(keras.optimizers.Adam(0.01), loss)
    before = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    (loss,) = model.fit(stream, steps_per_epoch=20, verbose=0, shuffle=False).history["loss"]
    after = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    results[kind] = {"loss": loss, "change": float(np.abs(after - before).max()), "weights": after.tolist()}
with open(sys.argv[5], "w") as file:
    json.dump(results, file)
if count > 1:
    jax.distributed.shutdown()  # waits for the other process
os._exit(0)  # a process with several virtual devices can hang at its regular exit
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Losses and weights after twenty steps, by number of processes, devices of each, and process."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    folder, running = tmp_path_factory.mktemp("results"), {}
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    for count, devices in ((1, 1), (1, 4), (2, 2)):
        for index in range(count):
            path = folder / f"{count}-{devices}-{index}.json"
            command = [sys.executable, "-c", SCRIPT, *map(str, (index, count, devices, port, path))]
            process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
            running[count, devices, index] = process, path
    results = {}
    for key, (process, path) in running.items():
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-2000:]
        results[key] = json.loads(path.read_text(encoding="utf-8"))
    return results


@pytest.mark.parametrize("kind", ["pairs", "semi_hard", "in_batch"])
@pytest.mark.parametrize("key", [(1, 4, 0), (2, 2, 0), (2, 2, 1)])
def test_several_devices_and_processes_train_like_one_device(kind, key, results):
    """In-batch losses and batch normalisation see the whole batch, though each process loads its part only."""
    one, several = results[1, 1, 0][kind], results[key][kind]
    assert one["change"] > 0.05
    np.testing.assert_allclose(several["loss"], one["loss"], rtol=1e-5)
    np.testing.assert_allclose(several["weights"], one["weights"], atol=1e-5)
