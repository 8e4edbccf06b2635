"""Fixtures of the loaders of faces."""

import pytest
from sklearn.datasets import get_data_home

from siamkeras.data import _sources


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A machine without data sets and without a network."""

    def check_server(url):
        raise ConnectionError("no network in tests")

    monkeypatch.setattr(_sources, "_check_server", check_server)
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "scikit-learn"))


class Fetcher:
    """A fetcher of scikit-learn that returns `bunch`; `calls` are the arguments of its calls."""

    def __init__(self, bunch, cached=True, error=None):
        self.bunch, self.cached, self.error, self.calls = bunch, cached, error, []

    def __call__(self, **options):
        self.calls.append(options)
        if not self.cached and not options["download_if_missing"]:
            raise OSError(f"not in {get_data_home()}")
        if self.error:
            raise self.error
        return self.bunch


@pytest.fixture
def fetcher():
    return Fetcher
