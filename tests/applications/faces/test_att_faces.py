"""Tests of the loader of the AT&T faces."""

import numpy as np
import pytest
from PIL import Image
from sklearn.utils import Bunch

from siamkeras import data
from siamkeras.applications import faces
from siamkeras.applications.faces.synthetic import synthetic_faces
from siamkeras.data import _sources

pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture
def folder(tmp_path):
    """The layout of the data set. Photo 3 of person s12 has the grey value 12 * 6 + 3."""
    folder = tmp_path / "data" / "att_faces"
    for person in range(1, 41):
        (folder / f"s{person}").mkdir(parents=True)
        for photo in range(1, 11):
            Image.new("L", (23, 28), person * 6 + photo).save(folder / f"s{person}" / f"{photo}.pgm")
    (folder / "README").write_text("Please cite.")
    return folder


@pytest.fixture
def olivetti():
    """Image i is grey (i + 1) / 401, except for its upper left quarter, which is black."""
    images = np.repeat(np.arange(1, 401, dtype="float32") / 401, 64 * 64).reshape(400, 64, 64)
    images[:, :32, :32] = 0
    return Bunch(images=images, target=np.repeat(range(40), 10))


def test_people_are_sorted_by_number(folder):
    """As strings s10 would come second. Person s12 has label 11 and the grey values 73 to 82."""
    examples = faces.att_faces(size=(28, 23), source="real")
    assert examples.images.shape == (400, 28, 23, 1) and examples.images.dtype == np.float32
    assert examples.labels.tolist() == np.repeat(range(40), 10).tolist() and examples.groups is None
    assert examples.class_names == {person: f"s{person + 1}" for person in range(40)}
    assert np.unique(np.round(examples.images[examples.labels == 11] * 255)).tolist() == list(range(73, 83))
    assert examples.source == "AT&T faces (40 people)"


@pytest.mark.parametrize("source", ["auto", "real"])
def test_an_incomplete_copy_raises_instead_of_being_replaced(folder, source):
    (folder / "s7" / "3.pgm").unlink()
    with pytest.raises(OSError, match="expected folders s1 to s40 with 10 images each"):
        faces.att_faces(source=source)
    (folder / "s7" / "4.pgm").write_bytes(b"not an image")
    with pytest.raises(OSError, match=r"1 of 399 images cannot be decoded: .*4.pgm"):
        faces.att_faces(source=source)


def test_an_empty_folder_is_an_incomplete_copy(tmp_path):
    (tmp_path / "data" / "att_faces").mkdir(parents=True)
    with pytest.raises(OSError, match="is damaged: Expected one folder per class .*or use source='synthetic'"):
        faces.att_faces()


def test_a_folder_with_another_name_raises(folder):
    (folder / "s40").rename(folder / "s41")
    with pytest.raises(OSError, match="expected folders s1 to s40"):
        faces.att_faces()


def test_the_cache_of_scikit_learn_is_read_without_a_network(monkeypatch, fetcher, olivetti):
    """Cropping 64x64 to the proportions of 32x26 leaves 64x52: the black quarter of 32 - 6 columns becomes 13 wide."""
    fetch = fetcher(olivetti)
    monkeypatch.setattr("sklearn.datasets.fetch_olivetti_faces", fetch)
    examples = faces.att_faces(size=(32, 26), source="real")
    assert fetch.calls == [{"download_if_missing": False}]
    assert examples.images.shape == (400, 32, 26, 1) and examples.class_names[3] == "s4"
    assert examples.labels.tolist() == np.repeat(range(40), 10).tolist()
    np.testing.assert_allclose(examples.images[32, 20:, 20:], 33 / 401, atol=1e-6)
    row = examples.images[100, 4, :, 0]
    assert (row[:12] == 0).all() and (row[14:] > 0.2).all()


def test_a_download_is_announced(monkeypatch, capsys, fetcher, olivetti):
    fetch, urls = fetcher(olivetti, cached=False), []
    monkeypatch.setattr("sklearn.datasets.fetch_olivetti_faces", fetch)
    monkeypatch.setattr(_sources, "_check_server", urls.append)
    assert len(faces.att_faces(source="real").labels) == 400
    assert urls == ["https://ndownloader.figshare.com/files/5976027"]
    assert fetch.calls == [{"download_if_missing": False}, {"download_if_missing": True}]
    assert "Downloading AT&T faces (4 MB) from ndownloader.figshare.com" in capsys.readouterr().err


def test_synthetic_faces_stand_in_with_a_warning(monkeypatch, fetcher):
    monkeypatch.setattr("sklearn.datasets.fetch_olivetti_faces", fetcher(None, cached=False))
    with pytest.warns(data.StandInWarning, match="AT&T faces was not found in .*att_faces.*synthetic faces instead"):
        examples = faces.att_faces(size=(28, 23))
    assert examples.source == "synthetic faces standing in for the AT&T faces"
    np.testing.assert_array_equal(examples.images, synthetic_faces(size=(28, 23)).images)
    with pytest.raises(ConnectionError, match="the download failed: no network in tests"):
        faces.att_faces(source="real")


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_damaged_cache_of_scikit_learn_raises(monkeypatch, fetcher, source):
    monkeypatch.setattr("sklearn.datasets.fetch_olivetti_faces", fetcher(None, error=EOFError("ran out of input")))
    with pytest.raises(OSError, match="AT&T faces in .*scikit-learn is damaged: ran out of input"):
        faces.att_faces(source=source)
