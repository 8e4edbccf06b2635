"""Sets from elsewhere: found on this machine, fetched where there is a network, stood in for otherwise.

What `source` means is the same for all; `read` is for those of TensorFlow Datasets.
"""

import os
import re
import sys
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras.data import _downloads as downloads
from siamkeras.data._notices import StandInWarning, notify

SOURCES = ("auto", "real", "synthetic")
BATCH = 256


class HubSet(NamedTuple):
    """A set of images in TensorFlow Datasets or on the Hugging Face hub.

    Attributes:
        name: Its name there.
        title: Its name in a sentence.
        megabytes: What a download transfers.
        url: One of the files that a download asks for.
        stand_in: What replaces it, in a sentence.
        size: Height and width of its images in pixels, where all have the same.
    """

    name: str
    title: str
    megabytes: int
    url: str
    stand_in: str
    size: int | None = None


def real_or_stand_in(hub_set, source, real, stand_in):
    """`real()`, or `stand_in()` with a notice of why: the policy of `source` for every loader.

    Args:
        hub_set: `HubSet`.
        source: `"auto"`: real, or else the stand-in with a `StandInWarning`. `"real"`: real, or an error.
            `"synthetic"`: the stand-in; the real set is not looked for.
        real: Function without arguments that reads the real set.
        stand_in: Function without arguments that makes its replacement.

    Raises:
        ConnectionError: `source="real"`, and the set is neither on this machine nor can it be downloaded.
        ImportError: `source="real"`, and what reads it cannot be imported.
        OSError: the copy on this machine is damaged, whatever the `source`: to pass over it in silence would hide
            the fault for ever.
    """
    if source == "synthetic":
        return stand_in()
    try:
        return real()
    except (ConnectionError, ImportError) as error:
        if source == "real":
            raise
        reason = str(error)
    notify(
        f"{reason} Until then {hub_set.stand_in} stand in for it: what is measured on them does not compare with "
        "published numbers.",
        StandInWarning,
    )
    return stand_in()


def read(hub_set, split, size, columns, dark_ink=False):
    """All images of a split, after a download if need be.

    Args:
        hub_set: `HubSet`.
        split: A split of the set, or several joined by `+`, which then follow each other.
        size: Height and width wanted, in pixels; by area averaging.
        columns: Names of the integer features wanted beside the images.
        dark_ink: Whether the images are dark on light and have to be inverted.

    Returns:
        `(images, columns, info)`: float32 in [0, 1], `(n, size, size, 1)`; `{name: (n,) int64}`; the set's
        `tfds.core.DatasetInfo`. In the order of the prepared files, which is shuffled but always the same.

    Raises:
        ConnectionError, ImportError, OSError: as in `real_or_stand_in`.
    """
    directory = _directory()
    version = _prepared_version(hub_set, directory)
    if version is None:
        announce_download(hub_set, hub_set.url, _absent(hub_set, directory), directory, _remedy(hub_set))
    try:
        import tensorflow_datasets as tfds

        dataset, info = tfds.load(
            hub_set.name if version is None else f"{hub_set.name}:{version}",
            split=split,
            data_dir=directory,
            download=version is None,
            with_info=True,
            shuffle_files=False,
            # The bytes alone: they are decoded here, in parallel and into one channel instead of three.
            decoders={"image": tfds.decode.SkipDecoding()},
            # One file after the other: the order must not depend on how the set was cut into files.
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        return *filled(dataset, hub_set.size, size, columns, dark_ink), info
    except ImportError as error:
        raise ImportError(
            f"{hub_set.title} is read through TensorFlow Datasets, which cannot be used here: {downloads.told(error)}. "
            f"Install tensorflow, tensorflow-datasets and importlib_resources."
        ) from error
    except Exception as error:
        if version is None:
            raise ConnectionError(
                f"{_absent(hub_set, directory)} and its download failed: {downloads.told(error)}. {_remedy(hub_set)}"
            ) from error
        raise OSError(
            f"The copy of {hub_set.title} in {os.path.join(directory, hub_set.name, version)} cannot be read: "
            f"{downloads.told(error)}. If it is damaged, delete that folder and load the set again."
        ) from error


def filled(dataset, native, size, columns, dark_ink):
    """Images of a dataset of encoded ones, `(n, size, size, 1)`, and its `columns`: the last part of `read`.

    Args:
        dataset: `tf.data.Dataset` of `{"image": bytes, name of a column: int}` of known length.
        native: Height and width of its images.
        size, columns, dark_ink: As for `read`.
    """
    import tensorflow as tf

    def decode(example):
        return tf.io.decode_png(example["image"], channels=1), {name: example[name] for name in columns}

    def reduce(images, values):
        # Every source pixel counts once, so that a thin stroke fades where it would otherwise break.
        images = tf.cast(images, tf.float32) if size == native else tf.image.resize(images, (size, size), "area")
        images = tf.clip_by_value(images / 255.0, 0.0, 1.0)
        return 1.0 - images if dark_ink else images, values

    count = int(dataset.cardinality())
    images = aligned_empty((count, size, size, 1), np.float32)
    filled = {name: np.empty(count, np.int64) for name in columns}
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    dataset = dataset.map(reduce, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    for number, (batch, values) in enumerate(dataset.as_numpy_iterator()):
        place = slice(number * BATCH, number * BATCH + len(batch))
        images[place] = batch
        for name in columns:
            filled[name][place] = values[name]
    return images, filled


def _directory():
    # As TensorFlow Datasets itself does, but at each call: it reads the variable once, when it is imported.
    return os.path.expanduser(os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets"))


def _prepared_version(hub_set, directory):
    """The newest version that is ready in `directory`, or None. Asks the file system only."""
    folder = os.path.join(directory, hub_set.name)
    versions = [name for name in _listed(folder) if re.fullmatch(r"\d+\.\d+\.\d+", name)]
    if not versions:
        return None
    newest = max(versions, key=lambda name: tuple(map(int, name.split("."))))
    if not os.path.isfile(os.path.join(folder, newest, "dataset_info.json")):
        raise OSError(
            f"The copy of {hub_set.title} in {os.path.join(folder, newest)} is not complete: it has no "
            f"dataset_info.json. Delete that folder and load the set again."
        )
    return newest


def _listed(folder):
    return os.listdir(folder) if os.path.isdir(folder) else []


def announce_download(hub_set, url, absent, directory, remedy):
    """One line on what is about to be fetched; or an error, a few seconds later.

    Args:
        hub_set: `HubSet`.
        url, absent, remedy: As for `downloads.check_answer`.
        directory: Where it is going to be.

    Raises:
        ConnectionError: the host does not answer.
    """
    downloads.check_answer(url, absent, remedy)
    host = urlsplit(url).hostname
    print(f"Downloading {hub_set.title} ({hub_set.megabytes} MB) from {host} to {directory}, once.", file=sys.stderr)


def _absent(hub_set, directory):
    return f"{hub_set.title} is not in {os.path.join(directory, hub_set.name)},"


def _remedy(hub_set):
    return (
        f'Where there is a network, `tfds.load("{hub_set.name}")` fetches it; '
        f"the environment variable TFDS_DATA_DIR says where it is looked for."
    )
