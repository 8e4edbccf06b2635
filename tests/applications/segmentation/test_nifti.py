"""Scans in NIfTI files: which way they point, how they are cut, what pairs are not whole, and what stands in."""

import gzip
import sys

import numpy as np
import pytest

from siamkeras import data
from siamkeras.applications.segmentation import scans

nibabel = pytest.importorskip("nibabel")


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without data sets, whose home is `tmp_path`."""
    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path, values, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


# --- One volume


def test_a_volume_points_right_front_and_up_whatever_the_file_says(tmp_path):
    """In the file the first axis points down in steps of 3 mm, the second to the left of 2, the third to the front."""
    values = np.arange(24, dtype="int16").reshape(2, 3, 4)
    affine = np.array([[0.0, -2, 0, 0], [0, 0, 1, 0], [-3, 0, 0, 0], [0, 0, 0, 1]])
    found = data.volume(write(tmp_path / "one.nii.gz", values, affine))
    np.testing.assert_array_equal(found.values, values[::-1, ::-1].transpose(1, 2, 0))
    assert found.values.dtype == np.float32 and found.spacing == (2.0, 1.0, 3.0)
    assert repr(found) == "volume of 3x4x2 voxels of 2x1x3 mm, float32 from 0 to 23"


def test_labels_are_integers_also_where_the_file_holds_them_as_floats(tmp_path):
    labels = np.array([[[0.0, 1.0], [2.0, 0.0]]], "float32")
    found = data.volume(write(tmp_path / "one.nii", labels), labels=True)
    assert found.values.dtype == np.int32 and found.values.tolist() == labels.tolist()
    with pytest.raises(ValueError, match="Labels are whole numbers. Received: 0.5 in .*half.nii. Is it the scan"):
        data.volume(write(tmp_path / "half.nii", labels / 2), labels=True)
    with pytest.raises(ValueError, match=r"whole numbers. Received: 1e\+20"):
        data.volume(write(tmp_path / "large.nii", np.full((2, 2, 2), 1e20, "float32")), labels=True)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 6, 2), (4, 5, 6, 1)])
def test_what_has_not_three_dimensions_is_no_volume(tmp_path, shape):
    path = write(tmp_path / "one.nii.gz", np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match=rf"three dimensions, \(x, y, z\). Received: shape \({shape[0]}, .*one.nii.gz"):
        data.volume(path)


def test_values_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"finite numbers. Received: float32, shape \(2, 2, 2\)"):
        data.volume(write(tmp_path / "one.nii", np.full((2, 2, 2), np.nan, "float32")))
    with pytest.raises(ValueError, match=r"numbers that float32 holds. Received: up to 1e\+300 in .*large.nii"):
        data.volume(write(tmp_path / "large.nii", np.full((2, 2, 2), -1e300)))
    colours = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(ValueError, match="finite numbers. Received: "):
        data.volume(write(tmp_path / "colours.nii", colours))


def test_damaged_files_are_named(tmp_path):
    whole = write(tmp_path / "one.nii.gz", np.random.default_rng(0).random((20, 20, 20)).astype("float32"))
    content = whole.read_bytes()
    cut, broken, other = tmp_path / "cut.nii.gz", tmp_path / "broken.nii.gz", tmp_path / "other.nii.gz"
    cut.write_bytes(content[: len(content) // 2])
    broken.write_bytes(content[:200] + bytes(200) + content[400:])
    other.write_bytes(gzip.compress(b"a letter, no scan" * 40))
    for path in (cut, broken, other):
        with pytest.raises(OSError, match=rf"{path.name} cannot be read as NIfTI: \w+ \(.*\). If it is damaged, fetch"):
            data.volume(path)
    with pytest.raises(FileNotFoundError, match="There is no file at .*nowhere.nii'"):
        data.volume(tmp_path / "nowhere.nii")
    with pytest.raises(FileNotFoundError, match="that is a folder"):
        data.volume(tmp_path)


def test_without_nibabel_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    path = write(tmp_path / "one.nii", np.zeros((2, 2, 2), "float32"))
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ImportError, match=r"`pip install nibabel`, or the extra `siamkeras\[course\]`"):
        data.volume(path)


# --- A folder of them

NAMES = {1: "front", 4: "back"}


def scan(shape=(6, 10, 9), seed=0):
    """Noise, and labels 1 and 4 in two blocks: sagittal slices 2 and 3 of 6 show 12 and 8 pixels of them."""
    labels = np.zeros(shape, "uint8")
    labels[2:4, 5:8, 4:8] = 1
    labels[2, 1:3, 1:5] = 4
    return np.random.default_rng(seed).uniform(100, 900, shape).astype("float32"), labels


def fill(folder, count=3, layout=("images", "labels"), **more):
    for number in range(count):
        values, labels = scan(seed=number, **more)
        write(folder / layout[0] / f"scan_{number}.nii.gz", values)
        write(folder / layout[1] / f"scan_{number}.nii.gz", labels)
    return folder


@pytest.mark.parametrize("layout", [("images", "labels"), ("imagesTr", "labelsTr")])
def test_slices_of_scans_and_of_whom_they_are(tmp_path, layout):
    """Of 6 sagittal slices 2 and 3 show something: positions 2 / 5 and 3 / 5."""
    fill(tmp_path / "set", layout=layout)
    (tmp_path / "set" / layout[0] / "._scan_0.nii.gz").write_bytes(b"what another system leaves")
    (tmp_path / "set" / layout[0] / "notes.txt").write_text("nothing")
    found = data.volume_folder(tmp_path / "set", NAMES, size=12)
    assert found.images.shape == (6, 12, 12, 1) and found.images.ctypes.data % 64 == 0
    assert found.subjects.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.subject_names == {0: "scan_0", 1: "scan_1", 2: "scan_2"}
    assert found.positions == pytest.approx([0.4, 0.6] * 3)
    assert found.names == NAMES and found.source == "scans of the folder set, sagittal"
    assert found.mask(1).sum(axis=(1, 2)).tolist() == [12] * 6
    assert found.mask(4).sum(axis=(1, 2)).tolist() == [8, 0] * 3


def test_a_sagittal_slice_has_the_front_at_the_right_and_up_above(tmp_path):
    """10x9 (front, up) becomes 9 rows of 10 columns in 12x12, one row above, two below, one column on either side.

    Front 5 to 7 of 10 are columns 6 to 8; up 4 to 7 of 9 are rows 8 - 7 + 1 = 2 to 5, as 8 is the uppermost."""
    found = data.volume_folder(fill(tmp_path, 1), NAMES, size=12)
    rows, columns = np.nonzero(found.mask(1)[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 6, 8)
    around = found.images[0, ..., 0].copy()
    around[1:10, 1:11] = 0
    assert not around.any()


@pytest.mark.parametrize(
    ("axis", "shape", "slices", "rows", "columns"),
    [("coronal", (9, 6), 5, (1, 4), (2, 3)), ("axial", (10, 6), 7, (2, 4), (2, 3))],
)
def test_other_axes_have_the_right_at_the_right(tmp_path, axis, shape, slices, rows, columns):
    """Label 1 is right 2 to 3 of 6, front 5 to 7 of 10, up 4 to 7 of 9: coronal rows 8 - 7 to 8 - 4, axial 9 - 7 to
    9 - 5. Coronal slices 5, 6, 7 show it and 1, 2 the other label; axial 1 to 4 the other and 4 to 7 this."""
    found = data.volume_folder(fill(tmp_path, 1), NAMES, size=10, axis=axis)
    assert len(found) == slices
    y, x = np.nonzero(found.mask(1)[-1])
    top, left = (10 - shape[0]) // 2, (10 - shape[1]) // 2
    assert (y.min() - top, y.max() - top) == rows and (x.min() - left, x.max() - left) == columns


def test_what_is_larger_than_the_size_keeps_its_middle(tmp_path):
    """Of 9 rows and 10 columns 8 are kept, from row 1 - or 0 - and column 1: what is seen is a part of the whole."""
    folder = fill(tmp_path, 1)
    whole = data.volume_folder(folder, NAMES, size=10).images[0, ..., 0]
    part = data.volume_folder(folder, NAMES, size=8).images[0, ..., 0]
    np.testing.assert_array_equal(part[:, :], whole[:8, 1:9])


def test_brightness_is_each_scan_its_own(tmp_path):
    """The same scan times 7 and plus 300 gives the same slices; a percent of each end is cut off."""
    values, labels = scan()
    for name, each in (("a", values), ("b", 7 * values + 300)):
        write(tmp_path / "images" / f"{name}.nii", each)
        write(tmp_path / "labels" / f"{name}.nii", labels)
    found = data.volume_folder(tmp_path, NAMES, size=10, least=0)
    assert len(found) == 12
    np.testing.assert_allclose(found.of(0).images, found.of(1).images, atol=1e-5)
    inside = found.of(0).images[:, :9]
    assert (inside == 1).sum() == pytest.approx(0.01 * 540, abs=1)


def test_every_other_slice_and_those_that_show_enough(tmp_path):
    """Sagittal slices 2 and 3 show 20 and 12 pixels."""
    folder = fill(tmp_path, 2)
    assert data.volume_folder(folder, NAMES, 12, every=2).positions == pytest.approx([0.4, 0.4])
    assert data.volume_folder(folder, NAMES, 12, least=13).positions == pytest.approx([0.4, 0.4])
    assert len(data.volume_folder(folder, NAMES, 12, least=0)) == 12
    with pytest.raises(ValueError, match="No slice in .* shows a structure in 21 pixels or more. Lower `least`."):
        data.volume_folder(folder, NAMES, 12, least=21)


def test_pairs_that_are_not_whole_are_named(tmp_path):
    fill(tmp_path)
    (tmp_path / "labels" / "scan_1.nii.gz").unlink()
    (tmp_path / "images" / "scan_2.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"of the same name. Found in .*: scan_1 \(no labels\), scan_2 \(no scan\)."):
        data.volume_folder(tmp_path, NAMES)


def test_labels_that_do_not_belong_to_their_scan_are_refused(tmp_path):
    fill(tmp_path, 1)
    labels = tmp_path / "labels" / "scan_0.nii.gz"
    write(labels, np.zeros((6, 10, 8), "uint8"))
    with pytest.raises(ValueError, match=r"of one shape. Received: \(6, 10, 9\) and \(6, 10, 8\) for scan_0."):
        data.volume_folder(tmp_path, NAMES)
    write(labels, np.full((6, 10, 9), 3, "uint8"))
    with pytest.raises(ValueError, match=r"Labels may be 0 and \[1, 4\]. Received: \[3\] as well, in .*scan_0.nii.gz"):
        data.volume_folder(tmp_path, NAMES)
    write(tmp_path / "images" / "scan_0.nii.gz", np.full((6, 10, 9), 5.0, "float32"))
    write(labels, scan()[1])
    with pytest.raises(ValueError, match="must show something. Received: .*scan_0.nii.gz, nearly all of it at 5."):
        data.volume_folder(tmp_path, NAMES)


def test_labels_that_lie_elsewhere_in_the_body_are_refused(tmp_path):
    """By its header the scan begins at x = 90 and goes to the left; labels saved with no affine go right from 0."""
    fill(tmp_path, 1)
    values, labels = scan()
    mirrored = np.array([[-1.0, 0, 0, 90], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    write(tmp_path / "images" / "scan_0.nii.gz", values, mirrored)
    with pytest.raises(ValueError, match="same place by their headers. Received: 85 mm apart for scan_0. .*the affine"):
        data.volume_folder(tmp_path, NAMES)
    write(tmp_path / "labels" / "scan_0.nii.gz", labels, mirrored + 1e-5)  # rounded otherwise
    there = data.volume_folder(tmp_path, NAMES)
    # The other way round in the file and in the header, too, the labels are the same.
    mirrored = np.array([[1.0, 0, 0, 85], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    write(tmp_path / "labels" / "scan_0.nii.gz", labels[::-1].copy(), mirrored)
    np.testing.assert_array_equal(data.volume_folder(tmp_path, NAMES).masks, there.masks)


def test_no_scan_is_lost_to_another_spelling_of_its_ending(tmp_path):
    fill(tmp_path)
    for part in ("images", "labels"):
        (tmp_path / part / "scan_1.nii.gz").rename(tmp_path / part / "scan_1.NII.GZ")
    assert len(np.unique(data.volume_folder(tmp_path, NAMES).subjects)) == 3
    write(tmp_path / "images" / "scan_2.nii", scan()[0])
    with pytest.raises(ValueError, match="One name is one scan. Found scan_2.nii and scan_2.nii.gz in .*images"):
        data.volume_folder(tmp_path, NAMES)


@pytest.mark.parametrize("names", [None, {}, ["anterior"], {"1": "anterior"}, {0: "none"}])
def test_names_are_checked_before_any_file_is_read(names):
    with pytest.raises(ValueError, match="`names` must be {structure: name}"):
        data.volume_folder("nowhere", names)


def test_folders_that_are_arranged_otherwise_are_told_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder nowhere."):
        data.volume_folder("nowhere", NAMES)
    (tmp_path / "pictures").mkdir()
    with pytest.raises(FileNotFoundError, match="Expected `images/` and `labels/` or `imagesTr/` .* Found .*pictures"):
        data.volume_folder(tmp_path, NAMES)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    with pytest.raises(ValueError, match="Found in .*: no file .nii.gz or .nii."):
        data.volume_folder(tmp_path, NAMES)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 7}, "`size` must be an integer of at least 8. Received: size=7"),
        ({"size": (48, 48)}, "`size` must be an integer"),
        ({"every": 0}, "`every` must be an integer of at least 1. Received: every=0"),
        ({"least": -1}, "`least` must be an integer of at least 0. Received: least=-1"),
        ({"axis": "x"}, "`axis` must be one of 'sagittal', 'coronal', 'axial'. Received: axis='x'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        data.hippocampus(**given)
    with pytest.raises(ValueError, match=message):
        data.volume_folder(tmp_path, NAMES, **given)


# --- The Decathlon's hippocampi


@pytest.fixture
def decathlon(tmp_path, monkeypatch):
    """Three scans where the whole set has 260, in its own layout, labelled 1 and 2."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path))
    monkeypatch.setattr(scans, "SCANS", 3)
    folder = fill(tmp_path / "hippocampus_msd", layout=("imagesTr", "labelsTr"))
    for number in range(3):
        write(folder / "labelsTr" / f"scan_{number}.nii.gz", np.minimum(scan(seed=number)[1], 2))
    return folder


def test_the_hippocampi_are_found_and_named(decathlon):
    found = data.hippocampus()
    assert repr(found) == (
        "6 slices (48x48), 3 subjects, 2 structures, source: Medical Segmentation Decathlon, hippocampus "
        "(3 scans, sagittal)"
    )
    assert found.names == {1: "anterior", 2: "posterior"}
    assert found.showing(1).sum() == 6 and found.showing(2).sum() == 3
    assert len(data.hippocampus(axis="axial", size=16, every=2, least=6)) < 12


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_copy_that_is_damaged_or_not_complete_is_no_copy(decathlon, source):
    labels = decathlon / "labelsTr" / "scan_1.nii.gz"
    write(labels, np.full((6, 10, 9), 3, "uint8"))
    with pytest.raises(OSError, match=r"is damaged: Labels may be 0 and \[1, 2\]. Received: \[3\] .* Delete that"):
        data.hippocampus(source)
    labels.unlink()
    with pytest.raises(OSError, match=r"is damaged: .*scan_1 \(no labels\)"):
        data.hippocampus(source)
    (decathlon / "imagesTr" / "scan_1.nii.gz").unlink()
    with pytest.raises(OSError, match="not complete: expected 3 scans, found 2."):
        data.hippocampus(source)
    assert "standing in" in data.hippocampus("synthetic", size=16).source


def test_phantoms_stand_in_where_nothing_reads_scans(decathlon, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.warns(data.StandInWarning, match="pip install nibabel.* phantoms of two structures stand in"):
        assert "phantoms" in data.hippocampus(size=16).source
    with pytest.raises(ImportError, match="pip install nibabel"):
        data.hippocampus("real", size=16)


def test_phantoms_stand_in_and_say_so():
    with pytest.warns(data.StandInWarning) as notices:
        found = data.hippocampus(size=16)
    told = str(notices[0].message)
    assert "not in" in told and "medicaldecathlon.com" in told and "CC BY-SA 4.0" in told and "SIAMKERAS_DATA" in told
    assert "phantoms of two structures stand in for it" in told
    assert found.names == {1: "anterior", 2: "posterior"} and len(np.unique(found.subjects)) == 40
    assert (found.masks > 0).any(axis=(1, 2)).all()
    assert found.source == "phantoms of two structures standing in for the Decathlon's hippocampus set"
    fewer = data.hippocampus("synthetic", size=16, every=2)
    assert len(fewer) == pytest.approx(len(found) / 2, abs=40)
    with pytest.raises(ConnectionError, match="no loader fetches it"):
        data.hippocampus("real")
    with pytest.raises(ValueError, match="`source` must be one of 'auto', 'real', 'synthetic'. Received: source='msd'"):
        data.hippocampus("msd")
