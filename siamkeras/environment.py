"""Versions and hardware, shown at the top of every lesson and stored with every benchmark."""

import os
import platform
from importlib import metadata

import keras


def describe():
    """Versions and device in one line, such as `siamkeras 0.1.0, keras 3.15.1 on tensorflow 2.21.0, ..., no GPU`."""
    import siamkeras

    backend = keras.backend.backend()
    try:
        backend += f" {metadata.version(backend)}"
    except metadata.PackageNotFoundError:  # installed under another name, such as tensorflow-cpu
        pass
    return (
        f"siamkeras {siamkeras.__version__}, keras {keras.version()} on {backend}, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPU cores, {_device()}"
    )


def _device():
    """Number and name of the accelerators of the Keras backend, such as `1 x Tesla T4`, or `no GPU`."""
    backend, names = keras.backend.backend(), []
    if backend == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details
        names = [details(gpu).get("device_name", "GPU") for gpu in tf.config.list_physical_devices("GPU")]
    elif backend == "jax":
        import jax

        names = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    elif backend == "torch":
        import torch

        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{len(names)} x {names[0]}" if names else "no GPU"
