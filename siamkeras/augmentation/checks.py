"""Ranges that can be drawn from, or one sentence on what is wrong with them."""

import math
import numbers


def checked_share(name, value, zero=True):
    """`value` as a float from 0 to 1.

    Raises:
        ValueError: not such a number; or 0, unless `zero`.
    """
    if not _is_number(value) or not 0 <= value <= 1 or (value == 0 and not zero):
        least = "from 0" if zero else "above 0, up"
        raise ValueError(f"`{name}` must be a number {least} to 1. Received: {name}={value!r}.")
    return float(value)


def checked_number(name, value, least):
    """`value` as a float.

    Raises:
        ValueError: not a finite number, or below `least`.
    """
    if not _is_number(value) or value < least:
        raise ValueError(f"`{name}` must be a number, at least {least}. Received: {name}={value!r}.")
    return float(value)


def checked_swing(name, value, below=math.inf):
    """The range `(low, high)` that `value` stands for: a number for (-number, number), or a range itself.

    Raises:
        ValueError: a number below 0; bounds that are reversed, not finite, or not within (-below, below).
    """
    span = (-value, value) if _is_number(value) else value
    if not _is_range(span) or not -below < span[0] <= span[1] < below:
        limit = "" if below == math.inf else f", all of it between -{below} and {below}"
        raise ValueError(
            f"`{name}` must be a number, at least 0, or a range (low, high){limit}. Received: {name}={value!r}."
        )
    return float(span[0]), float(span[1])


def checked_factors(name, value, zero=False):
    """`value` as a range `(low, high)` of factors.

    Raises:
        ValueError: not a pair of finite numbers; bounds that are reversed or below 0; 0 itself, unless `zero`.
    """
    if not _is_range(value) or value[0] < 0 or (value[0] == 0 and not zero):
        least = "0 <=" if zero else "0 <"
        raise ValueError(f"`{name}` must be a range (low, high), {least} low <= high. Received: {name}={value!r}.")
    return float(value[0]), float(value[1])


def _is_number(value):
    # What is drawn is float32, in which larger ones are infinite and smaller ones 0.
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and (value == 0 or 1e-30 < abs(value) < 1e30)


def _is_range(value):
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]
