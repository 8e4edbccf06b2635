"""Where chance comes from: a stream of its own for everything that is drawn."""

import numpy as np


def stream(seed, *place):
    """Random numbers for one place, a path of integers: no count shifts what another place draws."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def check_whole(least, /, **given):
    """Raises `ValueError` for a number that is not an integer of at least `least`."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"`{name}` must be an integer of at least {least}. Received: {name}={value!r}.")
