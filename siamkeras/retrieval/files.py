"""One file for an index: whole or not at all, and nothing in it that could run."""

import json
import os
import zipfile

import numpy as np

FORMAT = 1
SETTINGS = "siamkeras_index"


def write(path, settings, arrays):
    """Writes settings, a dict for JSON, and arrays `{name: array or None}` to a `.npz`, whatever its name.

    It is written beside `path` and then put in its place: an interrupted write leaves the old file as it was.
    """
    settings = np.array(json.dumps({"format": FORMAT} | settings))
    arrays = {name: values for name, values in arrays.items() if values is not None}
    partial = f"{os.fspath(path)}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as file:
            np.savez(file, **{SETTINGS: settings}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def read(path):
    """The settings and arrays that `write` has written.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, something else, or in another format.
    """
    try:
        settings, arrays = _content(path)
        found = settings.pop("format")
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # zipfile, numpy and json meet damaged files with a dozen different ones
        raise ValueError(
            f"Expected a whole file that `Index.save` has written. Received: {os.fspath(path)!r}, which cannot be read "
            f"as one: {error}."
        ) from error
    if found != FORMAT:
        raise ValueError(
            f"Expected an index in format {FORMAT}, the one this version of siamkeras reads. Received: "
            f"{os.fspath(path)!r}, in format {found!r}. Make the index again and save it."
        )
    return settings, arrays


def _content(path):
    with zipfile.ZipFile(path):
        pass  # Says of other files what they are not; np.load would take them for pickles.
    with np.load(path, allow_pickle=False) as content:  # Looks at the check sum of all that it reads.
        arrays = {name: content[name] for name in content.files}
    if SETTINGS not in arrays:
        raise ValueError(f"it holds {sorted(arrays)}, but no {SETTINGS}")
    return json.loads(arrays.pop(SETTINGS).item()), arrays
