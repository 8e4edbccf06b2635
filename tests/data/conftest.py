"""Every test of data sets runs without network and data sets, unless it uses the fixture `real_data`."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from siamkeras.data import Examples, _sources

REAL = {name: os.environ.get(name, "") for name in ("SIAMKERAS_DATA", "TFDS_DATA_DIR")}


@pytest.fixture(autouse=True)
def no_data_and_no_network(tmp_path, monkeypatch):
    def no_answer(url):
        raise ConnectionError(f"no answer from {url}")

    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(_sources, "_check_server", no_answer)
    monkeypatch.setattr(_sources, "_warned", {})


@pytest.fixture
def online(monkeypatch):
    """All servers answer; the value is the list of contacted addresses."""
    urls = []
    monkeypatch.setattr(_sources, "_check_server", urls.append)
    return urls


@pytest.fixture
def real_data(monkeypatch):
    """A function that makes a real data set available, or skips the test."""

    def require(variable, *parts):
        if not REAL[variable] or not Path(REAL[variable], *parts).exists():
            pytest.skip(f"needs {'/'.join(parts)} in {variable}")
        monkeypatch.setenv(variable, REAL[variable])

    return require


@pytest.fixture
def tfds(monkeypatch):
    """Replaces TensorFlow Datasets: a test sets `tfds.result`, a function of the split, and reads `tfds.calls`."""

    def load(name, **arguments):
        module.calls.append((name, arguments))
        return module.result(arguments["split"])

    module = SimpleNamespace(
        calls=[],
        load=load,
        result=None,
        decode=SimpleNamespace(SkipDecoding=lambda: "encoded"),
        ReadConfig=lambda **options: options,
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    return module


@pytest.fixture
def prepare(tmp_path):
    """A function that marks a data set of TensorFlow Datasets as prepared on this machine."""

    def mark(name):
        folder = tmp_path / "tfds" / name / "3.0.0"
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").touch()

    return mark


@pytest.fixture
def fast_glyphs(monkeypatch):
    """Replaces the rendering of glyphs: 2 images per class with the constant value group / 100."""

    def glyphs(alphabets, characters, writers, size, seed):
        labels = np.repeat(np.arange(alphabets * characters), 2)
        groups = labels // characters
        images = np.broadcast_to((groups / 100)[:, None, None, None], (len(labels), size, size, 1)).astype("float32")
        names = {label: f"character {label}" for label in range(alphabets * characters)}
        return Examples(images, labels, groups, names, {group: f"alphabet {group}" for group in range(alphabets)})

    monkeypatch.setattr(sys.modules["siamkeras.data.omniglot"], "synthetic_glyphs", glyphs)


@pytest.fixture
def png():
    """A function that encodes an array as PNG."""

    def encode(array):
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG")
        return stream.getvalue()

    return encode
