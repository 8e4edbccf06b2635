"""What this runs on: said at the top of every lesson and beside every measured number."""

import os
import platform
from importlib import metadata

import keras


def describe():
    """Versions and device in one line, such as `siamkeras 0.1.0, keras 3.15.1 on tensorflow 2.21.0, ..., no GPU`."""
    import siamkeras

    return ", ".join(
        [
            f"siamkeras {siamkeras.__version__}",
            f"keras {keras.version()} on {_backend()}",
            f"Python {platform.python_version()}",
            f"{os.cpu_count()} CPU cores",
            device(),
        ]
    )


def device():
    """The accelerator that the backend of Keras will use, by name and number, or "no GPU"."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        found = [
            tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
            for gpu in tf.config.list_physical_devices("GPU")
        ]
    elif backend == "jax":
        import jax

        found = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    elif backend == "torch":
        import torch

        found = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    else:
        found = []
    return f"{len(found)} x {found[0]}" if found else "no GPU"


def _backend():
    name = keras.backend.backend()
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:  # As for tensorflow-cpu and other builds under another name.
        return name
