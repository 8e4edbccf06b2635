"""Random generators that depend on a seed and a position."""

import numpy as np


def generator(seed, *path):
    """A NumPy generator for a path of integers, such as (class, image): independent of all other paths."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=path))
