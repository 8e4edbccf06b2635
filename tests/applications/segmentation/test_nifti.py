"""Slices of NIfTI volumes: orientation, cropping, intensities, and scans that do not match their labels."""

import gzip

import numpy as np
import pytest

from siamkeras.applications import segmentation

nibabel = pytest.importorskip("nibabel")
NAMES = {1: "front", 4: "back"}


def write(path, values, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


def make_scan(seed=0):
    """Noise with labels 1 and 4 in two boxes: of 6 sagittal slices, slice 2 shows both (12 + 8 pixels), 3 only 1."""
    labels = np.zeros((6, 10, 9), "uint8")
    labels[2:4, 5:8, 4:8] = 1
    labels[2, 1:3, 1:5] = 4
    return np.random.default_rng(seed).uniform(100, 900, labels.shape).astype("float32"), labels


def make_folder(folder, count=3):
    for number in range(count):
        for name, values in zip(("images", "labels"), make_scan(number), strict=True):
            write(folder / name / f"scan_{number}.nii.gz", values)
    return folder


def test_slices_of_a_folder(tmp_path):
    """Slices 2 and 3 of 6 show a structure: positions 2 / 5 and 3 / 5."""
    folder = make_folder(tmp_path / "set")
    (folder / "images" / "._scan_0.nii.gz").write_bytes(b"hidden file of another system")
    slices = segmentation.volume_folder(folder, NAMES, size=12)
    assert slices.images.shape == (6, 12, 12, 1)
    assert slices.subjects.tolist() == ["scan_0", "scan_0", "scan_1", "scan_1", "scan_2", "scan_2"]
    assert slices.positions == pytest.approx([0.4, 0.6] * 3)
    assert slices.names == NAMES and slices.source == "set, sagittal"
    assert slices.mask(1).sum(axis=(1, 2)).tolist() == [12] * 6
    assert slices.mask(4).sum(axis=(1, 2)).tolist() == [8, 0] * 3


def test_slices_without_a_structure_are_kept_on_request(tmp_path):
    slices = segmentation.volume_folder(make_folder(tmp_path, 1), NAMES, size=12, empty_slices=True)
    assert slices.mask(1).sum(axis=(1, 2)).tolist() == [0, 0, 12, 12, 0, 0]
    assert slices.positions == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


@pytest.mark.parametrize(("axis", "expected"), [("sagittal", (2, 5, 3)), ("coronal", (3, 5, 2)), ("axial", (5, 3, 2))])
def test_the_spacing_is_that_of_the_header(tmp_path, axis, expected):
    """Voxels of 2 mm (right), 3 mm (anterior) and 5 mm (superior); rows of axial slices are anterior."""
    for name, values in zip(("images", "labels"), make_scan(), strict=True):
        write(tmp_path / name / "scan.nii", values, np.diag([2.0, 3, 5, 1]))
    slices = segmentation.volume_folder(tmp_path, NAMES, axis=axis)
    assert slices.spacing[0] == pytest.approx(expected) and slices.spacing.shape == (len(slices), 3)


@pytest.mark.parametrize(
    ("axis", "shape", "count", "rows", "columns"),
    [
        ("sagittal", (9, 10), 2, (1, 4), (5, 7)),
        ("coronal", (9, 6), 5, (1, 4), (2, 3)),
        ("axial", (10, 6), 7, (2, 4), (2, 3)),
    ],
)
def test_superior_is_up_and_anterior_or_right_is_on_the_right(tmp_path, axis, shape, count, rows, columns):
    """Label 1 is at right 2 to 3 of 6, anterior 5 to 7 of 10, superior 4 to 7 of 9; rows are counted from the top.

    Its last slice has the rows 8 - 7 to 8 - 4 (superior) or 9 - 7 to 9 - 5 (anterior). Around it is padding.
    """
    slices = segmentation.volume_folder(make_folder(tmp_path, 1), NAMES, size=10, axis=axis)
    assert len(slices) == count
    y, x = np.nonzero(slices.mask(1)[-1])
    top, left = (10 - shape[0]) // 2, (10 - shape[1]) // 2
    assert (y.min() - top, y.max() - top) == rows and (x.min() - left, x.max() - left) == columns
    padding = slices.images[0, ..., 0].copy()
    padding[top : top + shape[0], left : left + shape[1]] = 0
    assert not padding.any()


def test_the_header_decides_on_the_orientation(tmp_path):
    """A file with axes (inferior, left, anterior) gives the same slices as (right, anterior, superior)."""
    affine = np.array([[0, -1, 0, 5], [0, 0, 1, 0], [-1, 0, 0, 8], [0, 0, 0, 1.0]])
    for name, values in zip(("images", "labels"), make_scan(), strict=True):
        write(tmp_path / "plain" / name / "scan.nii", values)
        permuted = np.ascontiguousarray(values.transpose(2, 0, 1)[::-1, ::-1])
        write(tmp_path / "permuted" / name / "scan.nii", permuted, affine)
    plain, permuted = (segmentation.volume_folder(tmp_path / name, NAMES, size=12) for name in ("plain", "permuted"))
    np.testing.assert_array_equal(plain.images, permuted.images)
    np.testing.assert_array_equal(plain.masks, permuted.masks)


def test_large_slices_are_cropped_to_the_centre(tmp_path):
    """Of 9 rows and 10 columns in a slice of 10x10, rows 0 to 7 and columns 1 to 8 remain."""
    folder = make_folder(tmp_path, 1)
    whole, part = (segmentation.volume_folder(folder, NAMES, size=size).images[0, ..., 0] for size in (10, 8))
    np.testing.assert_array_equal(part, whole[:8, 1:9])


def test_intensities_are_scaled_for_each_scan_by_its_percentiles(tmp_path):
    scan, labels = make_scan()
    labels[:, 0, 0] = 1  # every slice shows a structure
    for name, values in (("a", scan), ("b", 7 * scan + 300)):
        write(tmp_path / "images" / f"{name}.nii", values)
        write(tmp_path / "labels" / f"{name}.nii", labels)
    slices = segmentation.volume_folder(tmp_path, NAMES, size=10)
    assert len(slices) == 12
    np.testing.assert_allclose(slices.images[:6], slices.images[6:], atol=1e-5)
    assert (slices.images[:6] == 1).sum() == pytest.approx(0.01 * 540, abs=1)


def test_labels_with_a_rounded_or_reversed_header_match(tmp_path):
    scan, labels = make_scan()
    mirrored = np.array([[-1.0, 0, 0, 90], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    write(tmp_path / "images" / "scan.nii", scan, mirrored)
    path = write(tmp_path / "labels" / "scan.nii", labels, mirrored + 1e-5)
    masks = segmentation.volume_folder(tmp_path, NAMES).masks
    mirrored[0] = 1, 0, 0, 85
    write(path, labels[::-1].copy(), mirrored)
    np.testing.assert_array_equal(segmentation.volume_folder(tmp_path, NAMES).masks, masks)


MISMATCHES = [
    (None, np.zeros((6, 10, 8), "uint8"), None, r"the same shape. .*: \(6, 10, 9\) and \(6, 10, 8\)"),
    (None, np.full((6, 10, 9), 3, "uint8"), None, r"0 or one of \[1, 4\]. Received: \[3\] in .*scan_0.nii.gz"),
    (None, make_scan()[1] / 2, None, r"Received: \[0.5, 2.0\]"),
    (np.full((6, 10, 9), 5.0, "float32"), None, None, "must have contrast .*percentiles 1 and 99 are 5 and 5"),
    (np.full((6, 10, 9), np.nan, "float32"), None, None, "no NaN. .*percentiles 1 and 99 are nan"),
    (np.zeros((6, 10, 9, 2), "float32"), None, None, r"three dimensions. .*\(6, 10, 9, 2\)"),
    (None, np.zeros((6, 10, 9), "uint8"), None, "No slice in .* shows a structure"),
    (None, None, np.diag([-1.0, 1, 1, 1]), "the same position by their headers. .*5 mm apart"),
]


@pytest.mark.parametrize(("scan", "labels", "affine", "message"), MISMATCHES)
def test_labels_that_do_not_match_their_scan(tmp_path, scan, labels, affine, message):
    make_folder(tmp_path, 1)
    values, correct_labels = make_scan()
    write(tmp_path / "images" / "scan_0.nii.gz", values if scan is None else scan)
    write(tmp_path / "labels" / "scan_0.nii.gz", correct_labels if labels is None else labels, affine)
    with pytest.raises(ValueError, match=message):
        segmentation.volume_folder(tmp_path, NAMES)


def test_damaged_files_are_named(tmp_path):
    path = make_folder(tmp_path, 1) / "images" / "scan_0.nii.gz"
    content = path.read_bytes()
    half, zeros = content[: len(content) // 2], content[:200] + bytes(200) + content[400:]
    for damaged in (half, zeros, gzip.compress(b"no scan" * 99)):
        path.write_bytes(damaged)
        with pytest.raises(OSError, match=r"scan_0.nii.gz is not a readable NIfTI file: \w+"):
            segmentation.volume_folder(tmp_path, NAMES)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected images/ and labels/ or imagesTr/"):
        segmentation.volume_folder(tmp_path / "nowhere", NAMES)
    make_folder(tmp_path)
    (tmp_path / "labels" / "scan_1.nii.gz").rename(tmp_path / "labels" / "scan_1.NII.GZ")  # still a NIfTI file
    (tmp_path / "images" / "scan_2.nii.gz").unlink()
    with pytest.raises(ValueError, match=r"label file of the same name. Found in .*: scan_2 \(no scan\)."):
        segmentation.volume_folder(tmp_path, NAMES)


def test_files_that_are_not_used_are_named(tmp_path):
    images = make_folder(tmp_path) / "images"
    (images / "scan_9.mgz").touch()
    with pytest.warns(UserWarning, match=r"Skipped in .*images: .*extension \(1\): scan_9.mgz"):
        segmentation.volume_folder(tmp_path, NAMES)
    (images / "scan_9.mgz").rename(images / "scan_0.nii")
    with pytest.raises(ValueError, match="Expected one file per scan. Received: .*scan_0.nii"):
        segmentation.volume_folder(tmp_path, NAMES)


@pytest.mark.parametrize("name", ["size", "axis"])
def test_invalid_arguments_before_any_file_is_read(name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        segmentation.volume_folder("nowhere", NAMES, **{name: -1})
