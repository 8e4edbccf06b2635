"""Faces: a folder of people, what scikit-learn fetches, or portraits; people in their order; what is said if not."""

import warnings

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets
from sklearn.utils import Bunch

from siamkeras import data, synthetic
from siamkeras.applications.faces import data as people
from siamkeras.data import _downloads as downloads


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with no data sets and no network, whose home is `tmp_path`."""
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "scikit"))


def write(folder, counts, extension="pgm", size=(23, 28), mode="L"):
    """`counts` images of each person; the grey of image 3 of the person `s12` is 12 * 6 + 3."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            grey = int("".join(filter(str.isdigit, name)) or 0) * 6 + number
            Image.new("L", size, grey).convert(mode).save(folder / name / f"{number}.{extension}")


@pytest.fixture
def att(tmp_path, monkeypatch):
    """AT&T's layout, 40 people with 10 images, beside the two text files that come with it."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    folder = tmp_path / "sets" / "att_faces"
    write(folder, {f"s{number}": 10 for number in range(1, 41)})
    (folder / "README").write_text("please give credit")
    return folder


# --- A folder for each person


def test_people_are_in_the_order_of_their_numbers(att):
    """Of the alphabet s10 would be the second. Person s12 has the label 11, and grey from 73 to 82, file by file."""
    found = data.faces(size=(28, 23))
    assert found.images.shape == (400, 28, 23, 1) and found.images.dtype == np.float32
    assert found.images.ctypes.data % 64 == 0 and found.groups is None
    assert found.labels.tolist() == np.repeat(range(40), 10).tolist()
    assert found.class_names == {person: f"s{person + 1}" for person in range(40)}
    grey = np.unique(np.round(found.images[found.labels == 11] * 255))
    assert grey.tolist() == list(range(73, 83))
    assert found.source == "AT&T faces (40 people)"


def test_a_folder_for_each_person_of_any_names_kinds_and_sizes(tmp_path):
    """Colours become grey. Of an image twice as wide as asked for, the middle is kept: white, its sides are black."""
    write(tmp_path, {"grace": 2}, "png", size=(40, 40), mode="RGB")
    write(tmp_path, {"ada": 3}, "jpg", size=(17, 31))
    wide = np.zeros((20, 40), np.uint8)
    wide[:, 10:30] = 255
    Image.fromarray(wide).save(tmp_path / "grace" / "wide.bmp")
    found = data.faces(tmp_path, size=(20, 20))
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.class_names == {0: "ada", 1: "grace"}
    assert found.images.shape == (6, 20, 20, 1) and (found.images[5] == 1).all()
    assert found.source == f"faces of the folder {tmp_path}, 20x20"


def test_a_person_of_whom_no_pair_can_be_made_is_named(tmp_path):
    write(tmp_path, {"ada": 2, "ida": 1, "eva": 1})
    with pytest.raises(ValueError, match="at least two images, .* Found one of: eva, ida. Add images, remove"):
        data.faces(tmp_path)


def test_broken_files_are_named_and_left_out_only_when_asked(tmp_path):
    write(tmp_path, {"ada": 3, "eva": 3})
    (tmp_path / "eva" / "2.pgm").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"1 of 6 images cannot be decoded: .*2.pgm \(not an image\)"):
        data.faces(tmp_path)
    with pytest.warns(data.SkippedFilesWarning, match="Left out"):
        found = data.faces(tmp_path, skip_broken=True)
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    (tmp_path / "eva" / "1.pgm").write_bytes(b"no image either")
    with pytest.warns(data.SkippedFilesWarning), pytest.raises(ValueError, match="Found one of: eva"):
        data.faces(tmp_path, skip_broken=True)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"folder": "nowhere"}, FileNotFoundError, "There is no folder nowhere"),
        ({"folder": ""}, ValueError, "`folder` is the path of a folder. Received: an empty one"),
        ({"size": (True, 56)}, ValueError, r"`size` must be \(height, width\)"),
        ({"size": 56}, ValueError, r"`size` must be \(height, width\)"),
        ({"source": "att"}, ValueError, "`source` must be one of 'auto', 'real', 'synthetic'. Received: source='att'"),
        ({"folder": "x", "source": "synthetic"}, ValueError, "from a folder or are drawn. Received: folder='x'"),
        ({"skip_broken": True}, ValueError, "`skip_broken` is for a folder of your own"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        data.faces(**given)


# --- The AT&T faces


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_copy_that_lacks_people_or_photos_is_no_copy(att, source):
    (att / "s7" / "3.pgm").unlink()
    with pytest.raises(OSError, match="not complete: expected 40 people with 10 images each, found 40 with 9 to 10"):
        data.faces(source=source)
    (att / "s7" / "4.pgm").write_bytes(b"no image")
    with pytest.raises(OSError, match="is damaged: 1 of 399 images cannot be decoded: .*4.pgm"):
        data.faces(source=source)
    assert data.faces(source="synthetic").source == "drawn faces standing in for the AT&T faces"


class Scikit:
    """scikit-learn's fetchers in a test: what they are asked for, what they have kept, and what a download gives."""

    def __init__(self, bunch, kept=False, error=None):
        self.bunch, self.kept, self.error, self.asked = bunch, kept, error, []

    def __call__(self, **options):
        self.asked.append(options)
        if not self.kept and not options["download_if_missing"]:
            raise OSError("Data not found and `download_if_missing` is False")
        if self.error:
            raise self.error
        self.kept = True
        return self.bunch


def olivetti():
    """Person 3, photo 2 is of the grey (32 + 1) / 401, but for its upper left quarter, which is black."""
    images = np.repeat(np.arange(1, 401, dtype="float32") / 401, 64 * 64).reshape(400, 64, 64)
    images[:, :32, :32] = 0
    return Bunch(images=images, target=np.repeat(range(40), 10))


def test_what_scikit_learn_has_kept_is_taken_without_asking_anybody(monkeypatch):
    fetch = Scikit(olivetti(), kept=True)
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", fetch)
    found = data.faces(size=(32, 32), source="real")
    assert fetch.asked == [{"download_if_missing": False}]
    assert found.images.shape == (400, 32, 32, 1) and found.labels.tolist() == np.repeat(range(40), 10).tolist()
    np.testing.assert_allclose(found.images[32, 20:, 20:], 33 / 401, atol=1e-6)
    assert (found.images[:, :12, :12] == 0).all()
    assert found.class_names[3] == "s4"
    assert found.source == "AT&T faces (40 people), as scikit-learn's Olivetti faces"


def test_proportions_are_cut_and_not_squeezed(monkeypatch):
    """Of 64x64 the middle 64x52 is 32x26: the black quarter, 32 columns less 6, is half as wide, 13."""
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", Scikit(olivetti(), kept=True))
    column = data.faces(size=(32, 26)).images[100, 4, :, 0]
    assert (column[:12] == 0).all() and (column[14:] > 0.2).all()


def test_scikit_learn_fetches_where_the_host_answers(monkeypatch, capsys):
    fetch, probed = Scikit(olivetti()), []
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", fetch)
    monkeypatch.setattr(downloads, "probe", probed.append)
    assert len(data.faces().labels) == 400
    assert probed == ["https://ndownloader.figshare.com/files/5976027"]
    assert fetch.asked == [{"download_if_missing": False}, {"download_if_missing": True}]
    assert "Downloading AT&T faces (4 MB) from ndownloader.figshare.com to" in capsys.readouterr().err


def test_without_a_network_portraits_stand_in_and_say_so(monkeypatch):
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", Scikit(olivetti()))
    with pytest.warns(data.StandInWarning) as notices:
        found = data.faces(size=(28, 23))
    told = str(notices[0].message)
    assert "AT&T faces: not in" in told and "nor kept by scikit-learn in" in told and "does not answer" in told
    assert "SIAMKERAS_DATA" in told and "drawn faces stand in for it" in told
    assert found.images.shape == (400, 28, 23, 1)
    assert found.source == "drawn faces standing in for the AT&T faces"
    np.testing.assert_array_equal(found.images, synthetic.faces(size=(28, 23)).images)
    with pytest.raises(ConnectionError, match="does not answer"):
        data.faces(source="real")


def test_a_download_that_fails_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr(downloads, "probe", lambda url: None)
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", Scikit(None, error=OSError("checksum differs")))
    with pytest.raises(ConnectionError, match=r"its download failed: OSError \(checksum differs\)"):
        data.faces(source="real")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", data.StandInWarning)
        assert "drawn" in data.faces().source


@pytest.mark.parametrize("source", ["auto", "real"])
def test_what_scikit_learn_cannot_read_again_is_named(monkeypatch, source):
    monkeypatch.setattr(datasets, "fetch_olivetti_faces", Scikit(None, kept=True, error=EOFError("ran out of input")))
    with pytest.raises(OSError, match=r"AT&T faces in .*scikit cannot be read: EOFError \(ran out of input\)"):
        data.faces(source=source)


# --- Labeled Faces in the Wild


def lfw(count):
    """Left images of grey i / count, right ones half as bright; every other pair is same."""
    grey = np.arange(count, dtype="float32") / count
    pairs = np.ones((count, 2, 50, 40), "float32") * np.stack([grey, grey / 2], axis=1)[:, :, None, None]
    return Bunch(pairs=pairs, target=np.arange(count) % 2)


@pytest.mark.parametrize(
    ("subset", "folds", "words"),
    [
        ("train", [0] * 40, "development training pairs"),
        ("test", [0] * 40, "development test pairs"),
        ("10_folds", np.repeat(range(10), 4).tolist(), "ten folds"),
    ],
)
def test_pairs_are_asked_for_by_subset_and_come_with_their_folds(monkeypatch, subset, folds, words):
    """1 is the same person, in scikit-learn's targets as here. 48 of 125 rows are 0.384 of the size, 36 of 94 less."""
    fetch = Scikit(lfw(40), kept=True)
    monkeypatch.setattr(datasets, "fetch_lfw_pairs", fetch)
    found = data.lfw_pairs(subset, size=(48, 36))
    assert fetch.asked == [{"subset": subset, "resize": pytest.approx(0.384), "download_if_missing": False}]
    assert found.left.shape == found.right.shape == (40, 48, 36, 1)
    np.testing.assert_allclose(found.left[:, 9, 9, 0], np.arange(40) / 40, atol=1e-6)
    np.testing.assert_allclose(found.right, found.left / 2, atol=1e-6)
    assert found.same.tolist() == [0, 1] * 20 and found.same.dtype == np.float32
    assert found.folds.tolist() == folds
    assert repr(found) == (
        f"40 pairs (48x36), 20 of them same, source: Labeled Faces in the Wild, {words}, fetched by scikit-learn"
    )


def test_large_faces_are_asked_for_as_they_are(monkeypatch):
    fetch = Scikit(lfw(2), kept=True)
    monkeypatch.setattr(datasets, "fetch_lfw_pairs", fetch)
    assert data.lfw_pairs(size=(160, 120)).left.shape == (2, 160, 120, 1)
    assert fetch.asked[0]["resize"] is None


def test_pairs_of_drawn_people_stand_in_for_the_wild(monkeypatch):
    """Of 20 people x 6 photos 300 pairs are same, and 300 of the others are drawn: 600 in each of ten folds."""
    monkeypatch.setattr(datasets, "fetch_lfw_pairs", Scikit(None))
    with pytest.warns(data.StandInWarning, match="Labeled Faces in the Wild: nor kept|pairs of drawn faces stand in"):
        found = data.lfw_pairs("10_folds", size=(14, 12))
    assert len(found.same) == 6000 and found.same.sum() == 3000
    assert np.bincount(found.folds).tolist() == [600] * 10
    assert (found.left != found.right).any(axis=(1, 2, 3)).all()
    distance = np.abs(found.left - found.right).mean(axis=(1, 2, 3))
    assert distance[found.same == 1].mean() < 0.8 * distance[found.same == 0].mean()
    for subset, count in (("train", 2400), ("test", 1200)):
        some = data.lfw_pairs(subset, size=(14, 12), source="synthetic")
        assert len(some.same) == count and not some.folds.any()
        assert "drawn faces standing in for Labeled Faces in the Wild, development" in some.source
        seen = {image.tobytes() for image in some.left}
        assert not seen & {image.tobytes() for image in found.left}


def test_pairs_without_a_network_or_sense_are_refused(monkeypatch):
    monkeypatch.setattr(datasets, "fetch_lfw_pairs", Scikit(None))
    with pytest.raises(ConnectionError, match="Labeled Faces in the Wild: .*ndownloader.figshare.com does not answer"):
        data.lfw_pairs(source="real")
    with pytest.raises(ValueError, match="`subset` must be one of 'train', 'test', '10_folds'. Received: subset='dev'"):
        data.lfw_pairs("dev")
    with pytest.raises(ValueError, match=r"`size` must be \(height, width\)"):
        data.lfw_pairs(size=(0, 4))
    broken = Scikit(None, kept=True, error=RuntimeError("Failed to read the image file a.jpg"))
    monkeypatch.setattr(datasets, "fetch_lfw_pairs", broken)
    with pytest.raises(OSError, match=r"cannot be read: RuntimeError \(Failed to read the image file a.jpg\)"):
        data.lfw_pairs()


def test_the_people_who_stand_in_are_not_those_of_another_set():
    """Seed 0 draws the AT&T faces' stand-ins, 1 to 16 those of the pairs."""
    assert [seed for _, seeds in people.LFW_SUBSETS.values() for seed in seeds] == [*range(10, 16), *range(10)]
