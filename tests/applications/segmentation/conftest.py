"""Fixtures of all tests of segmentation."""

import pytest


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without data sets."""
    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
