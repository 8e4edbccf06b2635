"""A `.npy` file of embeddings that grows while it is computed, and can be continued."""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np


def fingerprint(model):
    """A hash of the weights of a model."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.shape} {weight.dtype}".encode() + weight.tobytes())
    return digest.hexdigest()


def sample_of(inputs):
    """A hash of all paths or sentences `(n,)`, or of 16 images or id vectors spread over the array."""
    digest = hashlib.sha256(f"{inputs.shape} {inputs.dtype}".encode())
    if inputs.ndim == 1:
        digest.update(json.dumps([str(value) for value in inputs]).encode())
    else:
        for position in np.linspace(0, len(inputs) - 1, 16).astype(int):
            digest.update(np.ascontiguousarray(inputs[position]).tobytes())
    return digest.hexdigest()


class GrowingFile:
    """Rows `(count, dim)` float32. The header of the file counts the finished rows, so the file can be read any time.

    Args:
        path: The file, created or continued. Beside it, `path + ".json"` keeps `origin`.
        dim: Length of a row.
        origin: A dict of what determines the rows. A file with another origin raises a `ValueError`.
    """

    def __init__(self, path, dim, origin):
        self.path, self.dim, self.count = Path(path), dim, 0
        side = Path(f"{os.fspath(path)}.json")
        if self.path.exists():
            self._check_origin(side, origin)
            self.count = len(self.read())
        else:
            side.write_text(json.dumps(origin, indent=1), encoding="utf-8")
            self.path.write_bytes(self._header())
        self._file = open(self.path, "r+b")

    def _check_origin(self, side, origin):
        try:
            stored = json.loads(side.read_text(encoding="utf-8"))
            other = [name for name, value in origin.items() if stored[name] != value]
            problem = f"was begun with another value of {', '.join(f'`{name}`' for name in other)}" if other else ""
        except (OSError, ValueError, KeyError, TypeError):
            problem = "exists, and the file that describes it is missing or damaged"
        if problem:
            raise ValueError(
                f"`out` {problem}. Expected a new path, or a file begun by this call. Received: {str(self.path)!r}. "
                f"To replace it, delete it and {side.name!r}."
            )

    def _header(self):
        # NumPy leaves room for a longer count, so that all headers of a file have the same length.
        header = io.BytesIO()
        description = {"descr": "<f4", "fortran_order": False, "shape": (self.count, self.dim)}
        np.lib.format.write_array_header_1_0(header, description)
        return header.getvalue()

    def append(self, rows):
        """Writes rows `(n, dim)`, and then counts them."""
        self._file.seek(len(self._header()) + 4 * self.dim * self.count)
        self._file.write(rows.astype("<f4").tobytes())
        self._file.flush()
        self.count += len(rows)
        self._file.seek(0)
        self._file.write(self._header())
        self._file.flush()

    def read(self):
        """The finished rows as a read-only memory map."""
        return np.load(self.path, mmap_mode="r")

    def close(self):
        self._file.close()
