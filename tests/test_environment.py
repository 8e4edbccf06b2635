"""What a number was measured on is said beside it."""

import platform

import keras

import siamkeras
from siamkeras import environment


def test_description_names_versions_backend_and_device():
    found = environment.describe()
    for part in (siamkeras.__version__, keras.version(), keras.backend.backend(), platform.python_version(), "cores"):
        assert part in found
    assert found.endswith(environment.device())


def test_a_gpu_is_named_and_counted(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one", "two"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "Tesla T4"})
    assert environment.device() == "2 x Tesla T4"


def test_a_machine_without_one_says_so(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert environment.device() == "no GPU"
