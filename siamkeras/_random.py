"""Random generators that depend on a seed and a position."""

import numpy as np

from siamkeras._validation import check_integer


def generator(seed, *path):
    """A NumPy generator for a path of integers, such as (class, image): independent of all other paths."""
    return np.random.default_rng(np.random.SeedSequence(check_integer("seed", seed), spawn_key=path))
