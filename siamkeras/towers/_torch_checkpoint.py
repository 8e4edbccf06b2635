"""Reads PyTorch checkpoints in the format before 1.6, without torch and without running code from the file."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

_HEADER = 0x1950A86A20F9469CFC6C, 1001  # magic number and version of the format
_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


def read_tensors(path):
    """Reads the tensors of a state dict, `{name: array}`.

    Unpickling can call any function that the file names; this reader accepts only float32 and int64 tensors and dicts.

    Raises:
        ValueError: the file is incomplete, has another format, or contains anything else.
    """
    content = Path(path).read_bytes()
    try:
        return _read(content)
    except Exception as error:  # damaged pickles raise a dozen types
        raise ValueError(
            f"The checkpoint {path} cannot be read: {type(error).__name__}: {error}. Expected: a dictionary of "
            "tensors, saved by PyTorch in its format before version 1.6."
        ) from None


def _read(content):
    file = io.BytesIO(content)
    # Header, properties of the machine, tensors without values, keys of the storages; then the values.
    *header, _, tensors, keys = (_TensorUnpickler(file).load() for _ in range(5))
    if tuple(header) != _HEADER:
        raise ValueError("unknown header")
    dtypes, storages = {storage[2]: storage[1] for storage, *_ in tensors.values()}, {}
    views = [storage[5:] for storage, *_ in tensors.values()]
    if not set(dtypes.values()) <= set(_DTYPES.values()) or any(view not in ((), (None,)) for view in views):
        raise ValueError("a storage of another kind")
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(content, dtypes[key], count, file.tell())
        file.seek(storages[key].nbytes, io.SEEK_CUR)
    return {name: _tensor(storages, *tensor) for name, tensor in tensors.items()}


def _tensor(storages, storage, offset, shape, strides, *_):
    values = storages[storage[2]]
    # Unlike `as_strided`, raises an error for positions outside the storage.
    return np.ndarray(shape, values.dtype, values, offset * values.itemsize, [n * values.itemsize for n in strides])


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: arguments  # a new function each time: pickle can change its attributes
        raise pickle.UnpicklingError(f"it contains {module}.{name}, which is not part of a tensor")

    def persistent_load(self, pid):
        return pid  # ("storage", dtype, key, device, count, None)
