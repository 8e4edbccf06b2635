"""The hippocampus data set: found, damaged, or replaced by phantoms."""

import sys

import numpy as np
import pytest

from siamkeras import data
from siamkeras.applications.segmentation import hippocampus

nibabel = pytest.importorskip("nibabel")


def write(folder, number, labels):
    rng = np.random.default_rng(number)
    for name, values in (("imagesTr", rng.random(labels.shape, "float32")), ("labelsTr", labels)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / name / f"hippocampus_{number}.nii.gz")


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """A copy of the data set with three scans instead of 260; slices 2 and 3 show the structures."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path))
    monkeypatch.setattr(sys.modules[hippocampus.__module__], "SUBJECTS", 3)
    labels = np.zeros((6, 10, 9), "uint8")
    labels[2:4, 5:8, 4:8], labels[2, 1:3, 1:5] = 1, 2
    for number in range(3):
        write(tmp_path / "hippocampus_msd", number, labels)
    return tmp_path / "hippocampus_msd"


def test_scans_in_the_data_folder_are_found(scans):
    slices = hippocampus()
    source = "Medical Segmentation Decathlon, hippocampus (3 scans, sagittal)"
    assert repr(slices) == f"slices: 6 (48x48), subjects: 3, structures: 2, source: {source}"
    assert slices.names == {1: "anterior", 2: "posterior"}
    assert slices.showing(1).sum() == 6 and slices.showing(2).sum() == 3


def test_whole_volumes_on_request(scans):
    slices = hippocampus(empty_slices=True)
    assert len(slices) == 18 and slices.showing(1).sum() == 6
    assert (slices.spacing == 1).all()
    assert len(hippocampus("synthetic", 16, empty_slices=True)) == 40 * 18


def test_a_damaged_or_incomplete_copy_is_an_error(scans):
    (scans / "labelsTr" / "hippocampus_1.nii.gz").unlink()
    with pytest.raises(OSError, match=r"is damaged: .*hippocampus_1 \(no labels\)"):
        hippocampus()
    (scans / "imagesTr" / "hippocampus_1.nii.gz").unlink()
    with pytest.raises(OSError, match="is damaged: expected 3 scans, found 2"):
        hippocampus()


def test_phantoms_replace_scans_that_are_missing():
    with pytest.warns(data.StandInWarning, match="medicaldecathlon.com .*SIAMKERAS_DATA .*phantoms of two structures"):
        slices = hippocampus(size=16)
    assert slices.names == {1: "anterior", 2: "posterior"} and len(np.unique(slices.subjects)) == 40
    assert (slices.masks > 0).any(axis=(1, 2)).all()
    assert slices.source == "phantoms of two structures, stand-in for the hippocampus data set"
    with pytest.raises(ConnectionError, match="cannot be downloaded automatically"):
        hippocampus("real")


def test_phantoms_replace_scans_without_nibabel(scans, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.warns(data.StandInWarning, match="pip install nibabel"):
        assert "phantoms" in hippocampus(size=16).source


def test_a_small_size_is_not_reported_as_a_damaged_copy(scans):
    with pytest.raises(ValueError, match="`size` must be an integer of at least 16"):
        hippocampus(size=7)
