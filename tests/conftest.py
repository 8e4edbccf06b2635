"""Fixtures of all tests: a fixed seed, no windows, no TensorFlow log messages."""

import os
import random

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def same_seed():
    import keras  # after the variables above, which TensorFlow and matplotlib read on import

    # Resets the generator of `keras.random`, which `set_random_seed` alone keeps in Keras 3.12. Garbage collection
    # would take half a second per test.
    keras.utils.clear_session(free_memory=False)
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(0)
    else:  # where `set_random_seed` would import TensorFlow
        random.seed(0)
        np.random.seed(0)
        if keras.backend.backend() == "torch":
            import torch

            torch.manual_seed(0)
