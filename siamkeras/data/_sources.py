"""Where a data set comes from: files on this machine, a download, or a synthetic stand-in."""

import contextlib
import hashlib
import os
import queue
import shutil
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from siamkeras._validation import check_choice

SOURCES = ("auto", "real", "synthetic")
TIMEOUT_SECONDS = 5


class StandInWarning(UserWarning):
    """The real data set is not available, and a stand-in replaces it."""


def real_or_stand_in(source, real, stand_in, description):
    """Returns `real()`, or `stand_in()` with a `StandInWarning` that contains `description`: "synthetic glyphs".

    `real` raises `ConnectionError` or `ImportError` if the data set is not available. Any other error is not caught: a
    damaged copy must not go unnoticed.
    """
    if check_choice("source", source, SOURCES) == "synthetic":
        return stand_in()
    try:
        return real()
    except (ConnectionError, ImportError) as error:
        if source == "real":
            raise
        reason = str(error)
    warn_once(f"{reason} Using {description} instead: do not compare results with published ones.", StandInWarning)
    return stand_in()


_warned = {}


def warn_once(message, category=UserWarning):
    """Shows a warning once per process, without the path and source line that `warnings.warn` prints."""
    warnings.warn_explicit(message, category, filename="<siamkeras.data>", lineno=0, registry=_warned)


def cache_path(*parts):
    """A path in the folder that siamkeras writes to: `~/.cache/siamkeras`, or below `XDG_CACHE_HOME`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache"), "siamkeras", *parts).expanduser()


def data_paths(*parts):
    """The paths to search for a file or folder: below `SIAMKERAS_DATA` if it is set, then in the cache."""
    root = os.environ.get("SIAMKERAS_DATA")
    return ([Path(root, *parts).expanduser()] if root else []) + [cache_path(*parts)]


def find(*parts):
    """The first of `data_paths` that exists, or None."""
    return next((path for path in data_paths(*parts) if path.exists()), None)


def not_found(title, *parts):
    """The beginning of an error message: which paths were searched."""
    return f"{title} was not found in {' or '.join(map(str, data_paths(*parts)))}"


def advice(*parts):
    """The end of an error message: how to make the data set available."""
    return f"Connect to the internet, or set SIAMKERAS_DATA to a folder that contains {'/'.join(parts)}."


def manual_download_error(title, url, *parts):
    """The error for a data set that only its publisher gives out."""
    return ConnectionError(
        f"{not_found(title, *parts)} and cannot be downloaded automatically. Get it from {url} and set SIAMKERAS_DATA "
        f"to the folder that contains {'/'.join(parts)}."
    )


def damaged(title, path, reason):
    """The error for a data set on this machine that is incomplete or unreadable."""
    reason = str(reason).rstrip(".")
    return OSError(
        f"The copy of {title} in {path} is damaged: {reason}. Replace or delete it, or use source='synthetic'."
    )


@contextlib.contextmanager
def reading(title, path):
    """Context for reading a copy on this machine: missing files and invalid content raise the error `damaged`."""
    try:
        yield
    except (ValueError, FileNotFoundError, NotADirectoryError) as error:
        raise damaged(title, path, error) from error


@contextlib.contextmanager
def unfinished_folder(parent):
    """A temporary folder in `parent` for unfinished files, deleted at the end.

    Also deletes such folders of killed processes, after a day.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for leftover in parent.glob(".siamkeras_unfinished_*"):
        with contextlib.suppress(OSError):  # another process may delete it too
            if leftover.lstat().st_mtime < time.time() - 24 * 60 * 60:
                shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=".siamkeras_unfinished_", dir=parent) as folder:
        yield Path(folder)


def short_message(error):
    """The first line of an error message, at most 150 characters."""
    line = next(iter(str(error).splitlines()), "")[:150].strip(" .,;:")
    return line or type(error).__name__


def missing_package(title, error):
    """The error for a data set whose library cannot be imported; `error` says why."""
    return ImportError(f'{title} cannot be read: {short_message(error)}. Run `pip install "siamkeras[data]"`.')


@contextlib.contextmanager
def downloading(title, megabytes, url, missing, hint):
    """Context for a download: any failure except a missing package becomes a `ConnectionError`.

    Its message begins with `missing` (see `not_found`) and ends with `hint` (see `advice`). The server of `url` is
    contacted first: without a network, TensorFlow Datasets and Hugging Face retry for minutes.
    """
    try:
        _check_server(url)
        print(f"Downloading {title} ({megabytes} MB) from {urlsplit(url).hostname}.", file=sys.stderr)
        yield
    except ImportError:
        raise
    except Exception as error:
        raise ConnectionError(f"{missing}, and the download failed: {short_message(error)}. {hint}") from error


def _check_server(url):
    """Raises a `ConnectionError` if the server does not answer within `TIMEOUT_SECONDS`."""
    import requests  # as TensorFlow Datasets and Hugging Face: the same proxies and certificates

    results = queue.Queue()

    def request():
        try:
            requests.head(url, allow_redirects=True, timeout=TIMEOUT_SECONDS).raise_for_status()
            results.put(None)
        except Exception as error:
            results.put(error)

    # The timeout of `requests` does not include looking up the host name, so the request runs in a thread.
    threading.Thread(target=request, daemon=True).start()
    try:
        error = results.get(timeout=TIMEOUT_SECONDS)
    except queue.Empty:
        error = TimeoutError()
    if error is not None:
        response = getattr(error, "response", None)
        reason = type(error).__name__ if response is None else f"HTTP status {response.status_code}"
        raise ConnectionError(f"no answer from {urlsplit(url).hostname} ({reason})")


def find_or_download(title, megabytes, url, sha256, *parts):
    """The path of a single file, which is downloaded to the cache if necessary."""
    path, target = find(*parts), cache_path(*parts)
    if path is not None and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return path
    if path not in (None, target):
        raise damaged(title, path, f"its SHA-256 is not {sha256}")
    download = downloading(title, megabytes, url, not_found(title, *parts), advice(*parts))
    with download, unfinished_folder(target.parent) as folder:
        import keras

        options = {"file_hash": sha256, "hash_algorithm": "sha256"}
        file = keras.utils.get_file(target.name, url, cache_dir=str(folder), cache_subdir="", **options)
        os.replace(file, target)  # replaces a link, not its target
        return target


def load_tfds(name, split, read, title, megabytes, url):
    """Reads a split of an image data set from `TFDS_DATA_DIR` or `~/tensorflow_datasets`, or after a download.

    `read` is a function from a `tf.data.Dataset` with encoded images, always in the same order, and a
    `tfds.core.DatasetInfo` to the result.
    """
    # TensorFlow Datasets reads this variable only once, at import.
    directory = os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets"))
    folder = Path(directory, name)
    is_prepared = any(folder.glob("*/dataset_info.json"))
    hint = f"Connect to the internet, or set TFDS_DATA_DIR to a folder that contains {name}."
    download = downloading(title, megabytes, url, f"{title} was not found in {folder}", hint)
    try:
        import tensorflow_datasets as tfds  # before the download is announced
    except Exception as error:  # not only ImportError: protobuf raises its own error for incompatible versions
        raise missing_package(title, error) from error
    try:
        with contextlib.nullcontext() if is_prepared else download:
            dataset, info = tfds.load(
                name,
                split=split,
                data_dir=directory,
                download=not is_prepared,
                with_info=True,
                decoders={"image": tfds.decode.SkipDecoding()},  # `read` decodes in parallel, and to one channel
                # One file after the other, so that the order does not depend on the number of files.
                read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
            )
            return read(dataset, info)
    except ImportError as error:  # also from `load`: version 4.9.10 uses importlib_resources without requiring it
        raise missing_package(title, error) from error
    except ConnectionError:
        raise
    except Exception as error:
        raise damaged(title, folder, short_message(error)) from error


def load_hugging_face(name, split, title, megabytes, missing, hint, revision=None):
    """A split of a data set of the Hugging Face hub, as `datasets.Dataset`: from its cache, or a download."""
    try:
        import datasets
    except ImportError as error:
        raise missing_package(title, error) from error
    config = datasets.config
    # Offline, `datasets` reads its cache; the environment variable has an effect only before its import.
    offline, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        return datasets.load_dataset(name, revision=revision, split=split)
    except Exception as error:
        if offline:
            raise ConnectionError(f"{missing}, and HF_HUB_OFFLINE forbids a download. {hint}") from error
    finally:
        config.HF_HUB_OFFLINE = offline
    url = f"{config.HF_ENDPOINT}/datasets/{name}/resolve/main/README.md"
    with downloading(title, megabytes, url, missing, hint):
        return datasets.load_dataset(name, revision=revision, split=split)
