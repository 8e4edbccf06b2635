"""Where a data set comes from: files on this machine, a download, or a synthetic stand-in."""

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from urllib.parse import urlsplit

from siamkeras._validation import check_choice

SOURCES = ("auto", "real", "synthetic")
TIMEOUT_SECONDS = 5


class StandInWarning(UserWarning):
    """The real data set is not available, and a stand-in replaces it."""


class SkippedFilesWarning(UserWarning):
    """Some files cannot be read and are skipped."""


def real_or_stand_in(source, real, stand_in, description):
    """Returns the real data set, or its stand-in with a `StandInWarning`.

    Args:
        source: `"auto"`: the real data set if it is available, otherwise the stand-in. `"real"`: the real data set or
            an error. `"synthetic"`: the stand-in.
        real: Function without arguments that returns the real data set. It raises `ConnectionError` or `ImportError`
            if the data set is not available. Any other error is not caught: a damaged copy must not go unnoticed.
        stand_in: Function without arguments that returns the stand-in.
        description: What the stand-in consists of, in the plural: "synthetic glyphs".
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


def warn_once(message, category):
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


@contextlib.contextmanager
def downloading(title, megabytes, url, target, missing, hint):
    """Context for a download: any failure becomes a `ConnectionError` that says how to get the data.

    Args:
        title: Name of the data set.
        megabytes: Size of the download, or None.
        url: An address on the server, which is contacted first: without a network, TensorFlow Datasets and Hugging
            Face retry for minutes.
        target: Folder that receives the files.
        missing: Beginning of the error message, see `not_found`.
        hint: End of the error message, see `advice`.
    """
    try:
        _check_server(url)
        size = f" ({megabytes} MB)" if megabytes else ""
        print(f"Downloading {title}{size} from {urlsplit(url).hostname} to {target}.", file=sys.stderr)
        yield
    except ImportError:
        raise
    except Exception as error:
        raise ConnectionError(f"{missing}, and the download failed: {short_message(error)}. {hint}") from error


def _check_server(url):
    import requests  # as TensorFlow Datasets and Hugging Face: the same proxies and certificates

    failures = [TimeoutError()]

    def request():
        try:
            requests.head(url, allow_redirects=True, timeout=TIMEOUT_SECONDS).raise_for_status()
            failures.clear()
        except Exception as error:
            failures[:] = [error]

    # The timeout of `requests` does not include looking up the host name, so the request runs in a thread.
    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    failure = next(iter(failures), None)  # the thread may still change the list
    if failure is not None:
        status = getattr(getattr(failure, "response", None), "status_code", None)
        reason = type(failure).__name__ if status is None else f"HTTP status {status}"
        raise ConnectionError(f"no answer from {urlsplit(url).hostname} ({reason})")


def short_message(error):
    """The first line of an error message, at most 150 characters."""
    line = next(iter(str(error).splitlines()), "")[:150].strip(" .,;:")
    return line or type(error).__name__


def damaged(title, path, reason):
    """The error for a data set on this machine that is incomplete or unreadable."""
    reason = str(reason).rstrip(".")
    return OSError(f"The copy of {title} in {path} is damaged: {reason}. Delete it and load the data set again.")


def find_or_download(title, megabytes, url, sha256, *parts):
    """The path of a single file, which is downloaded to the cache if necessary.

    Raises:
        ConnectionError: the file is not on this machine and cannot be downloaded.
        OSError: the file in `SIAMKERAS_DATA` has another SHA-256.
    """
    path, target = find(*parts), cache_path(*parts)
    if path is not None and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return path
    if path not in (None, target):
        raise damaged(title, path, f"its SHA-256 is not {sha256}")
    with downloading(title, megabytes, url, target.parent, not_found(title, *parts), advice(*parts)):
        import keras

        target.parent.mkdir(parents=True, exist_ok=True)
        # An interrupted download leaves at most a file with another SHA-256, which the next call replaces.
        keras.utils.get_file(
            target.name, url, file_hash=sha256, hash_algorithm="sha256", cache_dir=str(target.parent), cache_subdir=""
        )
        return target


def load_tfds(name, split, read, title, megabytes, url):
    """Reads a split of an image data set of TensorFlow Datasets.

    Args:
        name: Name of the data set in TensorFlow Datasets, searched in `TFDS_DATA_DIR` or `~/tensorflow_datasets`.
        split: Name of a split, or several joined by `+`.
        read: Function from a `tf.data.Dataset` with encoded images, always in the same order, and a
            `tfds.core.DatasetInfo` to the result.
        title, megabytes, url: As for `downloading`.
    """
    # TensorFlow Datasets reads this variable only once, at import.
    directory = os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets"))
    folder = Path(directory, name)
    prepared = any(folder.glob("*/dataset_info.json"))

    def load():
        import tensorflow_datasets as tfds

        dataset, info = tfds.load(
            name,
            split=split,
            data_dir=directory,
            download=not prepared,
            with_info=True,
            decoders={"image": tfds.decode.SkipDecoding()},  # `read` decodes in parallel, and to one channel
            # One file after the other, so that the order does not depend on the number of files.
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        return read(dataset, info)

    hint = f"Connect to the internet, or set TFDS_DATA_DIR to a folder that contains {name}."
    try:
        if prepared:
            return load()
        with downloading(title, megabytes, url, directory, f"{title} was not found in {folder}", hint):
            return load()
    except ImportError as error:  # tensorflow-datasets 4.9.10 uses importlib_resources without requiring it
        packages = "tensorflow-datasets importlib_resources"
        raise ImportError(f"{title} cannot be read: {error}. Run `pip install {packages}`.") from error
    except ConnectionError:
        raise
    except Exception as error:
        raise damaged(title, folder, short_message(error)) from error


def load_hugging_face(name, split, title, megabytes, missing, hint, revision=None):
    """A split of a data set of the Hugging Face hub, as `datasets.Dataset`: from its cache, or a download.

    Args:
        name: Name of the data set on the hub.
        split: Name of the split.
        title, megabytes, missing, hint: As for `downloading`.
        revision: Branch of the repository of the data set.
    """
    try:
        import datasets
    except ImportError as error:
        raise ImportError(f"{title} cannot be read: {error}. Run `pip install datasets`.") from error
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
    with downloading(title, megabytes, url, config.HF_DATASETS_CACHE, missing, hint):
        return datasets.load_dataset(name, revision=revision, split=split)


def write_folder(folder, files):
    """Writes `files`, pairs of a relative path and bytes, to `folder`: all of them, or none if interrupted."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder.parent) as unfinished:
        complete = Path(unfinished, folder.name)
        for path, content in files:
            file = complete / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            complete.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster
                raise
