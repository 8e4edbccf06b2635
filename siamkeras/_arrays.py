"""Memory layout of arrays that are handed to TensorFlow, and the value range of images."""

import numpy as np


def aligned_empty(shape, dtype):
    """An uninitialised array aligned to 64 bytes, which TensorFlow reads without a copy."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)


def to_float(images, scale=True):
    """`images` as float32; uint8 images are divided by 255 if `scale`."""
    floats = images.astype("float32", copy=False)
    return floats / 255 if scale and images.dtype == np.uint8 else floats
