"""The description of versions and hardware."""

import platform

import keras
import pytest

import siamkeras
from siamkeras import environment


def test_the_description_contains_versions_backend_and_device():
    description = environment.describe()
    for part in (siamkeras.__version__, keras.version(), keras.backend.backend(), platform.python_version(), "cores"):
        assert part in description


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="replaces functions of TensorFlow")
@pytest.mark.parametrize(("gpus", "expected"), [(["one", "two"], "2 x Tesla T4"), ([], "no GPU")])
def test_the_device_is_the_number_and_name_of_the_gpus(monkeypatch, gpus, expected):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "Tesla T4"})
    assert environment.describe().endswith(expected)
