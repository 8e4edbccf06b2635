"""Tensor conversion shared by distances, losses and applications."""

import keras
from keras import ops


def as_float(x):
    """`x` as a tensor of at least float32: casts integers and half precision up, and keeps float64."""
    x = ops.convert_to_tensor(x)
    is_wide = keras.backend.standardize_dtype(x.dtype) in ("float32", "float64")
    return x if is_wide else ops.cast(x, "float32")
