"""Where files of data sets lie on this machine, and how they get there: all of them or none."""

import os
import tempfile
from pathlib import Path


def places(*parts):
    """Where a set in files is looked for, in this order: under `SIAMKERAS_DATA` if that is set, in our own cache."""
    given = os.environ.get("SIAMKERAS_DATA")
    return [*([Path(given, *parts).expanduser()] if given else []), own(*parts)]


def own(*parts):
    """A place in the folder that this package writes to: `~/.cache/siamkeras`, or under `XDG_CACHE_HOME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache"), "siamkeras", *parts).expanduser()


def unpack(folder, files):
    """Writes `files`, pairs of a path below `folder` and bytes. If that is interrupted, there is no `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder.parent) as unfinished:
        whole = Path(unfinished, folder.name)
        for path, content in files:
            file = whole / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "xb") as stream:
                stream.write(content)
        try:
            whole.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
