"""The CHAOS data set: found, reduced, damaged, or replaced by phantoms."""

import sys

import numpy as np
import pytest

from siamkeras import data
from siamkeras.applications.segmentation import chaos


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """Two scans of three slices instead of 20; the middle slice shows a square of 6x6 pixels of organ 4."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path))
    monkeypatch.setattr(sys.modules[chaos.__module__], "SUBJECTS", 2)
    folder, labels = tmp_path / "chaos_t2_abdomen", np.zeros((3, 128, 128), "uint8")
    folder.mkdir()
    labels[1, 10:16, 21:27] = 4
    image = np.where(labels, 255, 51).astype("uint8")
    for number in ("01", "33"):
        np.savez(folder / f"subject_{number}.npz", image=image, label=labels, spacing=[1.5, 1.25, 7.0])
    return folder


def test_scans_in_the_data_folder_are_found(scans):
    slices = chaos()
    assert repr(slices) == "slices: 6 (128x128), subjects: 2, structures: 4, source: CHAOS, T2-SPIR (2 scans, axial)"
    assert slices.subjects.tolist() == ["01"] * 3 + ["33"] * 3 and slices.positions.tolist() == [0, 0.5, 1] * 2
    assert slices.mask(4).sum(axis=(1, 2)).tolist() == [0, 36, 0] * 2
    assert slices.spacing[0].tolist() == [7.0, 2.5, 3.0]  # slices, rows, columns; twice those of 256x256 pixels
    assert sorted(set(slices.images.ravel())) == pytest.approx([0.2, 1])


def test_smaller_slices_are_means_and_majorities_of_blocks(scans):
    """Rows 10 to 15 are the whole rows 5 to 7; columns 21 to 26 are 11 and 12, and half of 10 and 13."""
    slices = chaos(size=64)
    rows, columns = np.nonzero(slices.masks[1])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 7, 10, 13)
    assert slices.images[1, 6, 9:12, 0] == pytest.approx([0.2, 0.6, 1.0])
    assert slices.spacing[0].tolist() == [7.0, 5.0, 6.0]


def test_a_damaged_or_incomplete_copy_is_an_error(scans):
    (scans / "subject_33.npz").write_bytes(b"")
    with pytest.raises(OSError, match=r"is damaged: subject_33.npz has no arrays image, label and spacing"):
        chaos()
    (scans / "subject_33.npz").unlink()
    with pytest.raises(OSError, match="is damaged: expected 2 files .*found 1"):
        chaos()


def test_phantoms_replace_scans_that_are_missing():
    with pytest.warns(data.StandInWarning, match="chaos.grand-challenge.org .*SIAMKERAS_DATA .*phantoms of four"):
        slices = chaos(size=32)
    assert slices.names == {1: "liver", 2: "right kidney", 3: "left kidney", 4: "spleen"}
    assert slices.source == "phantoms of four structures, stand-in for the CHAOS data set"
    assert len(np.unique(slices.subjects)) == 20 and slices.spacing is not None
    with pytest.raises(ConnectionError, match="cannot be downloaded automatically"):
        chaos("real")
    with pytest.raises(ValueError, match="`size` must be one of .128, 64, 32.. Received: 100"):
        chaos(size=100)
