"""Signatures: ink from scans, both layouts of folders, who shares a hand, and the drawn stand-in."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamkeras import data, synthetic
from siamkeras.applications.signatures import data as signing
from siamkeras.applications.signatures import ink

SIZE = (16, 32)


def scan(lines, size=(60, 30), paper=255, pen=20, width=3):
    """A sheet of `size` (width, height) with lines of ink."""
    image = Image.new("L", size, paper)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=pen, width=width)
    return image


def write(path, image=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    (scan([(5, 5, 50, 25)]) if image is None else image).save(path)


def sigcomp(root, writers=("nfi_002", "nfi_008", "nfi_016"), forgers=("003", "003", "061"), genuine=2, forged=1):
    """Files named as in SigComp2009: hand, sample, in whose name."""
    for place, (writer, forger) in enumerate(zip(writers, forgers, strict=True)):
        number, box = writer[-3:], [(5, 5 + place, 50, 25)]
        for sample in range(1, genuine + 1):
            write(root / writer / "genuine" / f"{number}{sample:02d}{number}.png", scan(box, (60 + place, 30)))
        for sample in range(1, forged + 1):
            write(root / writer / "forged" / f"{forger}{sample:02d}{number}.png", scan(box))
    return root


def test_otsu_parts_two_heaps_of_grey():
    """Between 12 and 200 nothing changes; the first level above the dark heap is taken."""
    assert ink.otsu(np.array([[10, 12, 12, 200, 201, 250]], "uint8")) == 13


@pytest.mark.parametrize("paper, pen", [(255, 0), (240, 120), (200, 150)])
def test_ink_does_not_tell_how_grey_the_pen_and_the_paper_are(paper, pen):
    found = ink.inked(scan([(5, 5, 50, 25)], paper=paper, pen=pen), SIZE)
    assert (found == ink.inked(scan([(5, 5, 50, 25)]), SIZE)).all()
    assert found.shape == (*SIZE, 1) and found.dtype == np.float32
    assert found.min() == 0 and found.max() == 1


def test_ink_is_cut_out_wherever_it_lies_on_the_sheet():
    near, far = scan([(5, 5, 45, 25)], (60, 40)), scan([(105, 55, 145, 75)], (400, 120))
    assert (ink.inked(near, SIZE) == ink.inked(far, SIZE)).all()


@pytest.mark.parametrize("box, rows, columns", [((40, 5, 44, 95), 14, 1), ((5, 40, 95, 42), 1, 30)])
def test_proportions_are_kept_and_ink_is_in_the_middle(box, rows, columns):
    """A bar of 5 x 91 pixels fills the 14 rows inside the border, and 5 * 14 / 91 = 0.8 columns, one; one of
    91 x 3 fills the 30 columns, and 3 * 30 / 91 = 1 row."""
    sheet = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(sheet).rectangle(box, fill=0)
    found = ink.inked(sheet, SIZE)[..., 0] > 0
    assert (found.any(axis=1).sum(), found.any(axis=0).sum()) == (rows, columns)
    middle = [np.flatnonzero(found.any(axis=axis)).mean() for axis in (1, 0)]
    assert np.allclose(middle, [7.5, 15.5], atol=0.5)


def test_dust_does_not_move_the_box():
    """One pixel of 2,001 of ink is less than a thousandth."""
    clean = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(clean).rectangle((10, 30, 109, 49), fill=0)
    dusty = clean.copy()
    dusty.putpixel((290, 95), 0)
    assert (ink.inked(dusty, SIZE) == ink.inked(clean, SIZE)).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "1", "P", "I;16"])
def test_scans_of_any_mode_give_the_same_ink(mode):
    grey = scan([(5, 5, 50, 25)], pen=0)
    image = Image.fromarray(np.asarray(grey).astype("uint16") * 257) if mode == "I;16" else grey.convert(mode)
    assert (ink.inked(image, SIZE) == ink.inked(grey, SIZE)).all()


def test_what_is_transparent_is_paper():
    alpha = Image.fromarray(255 - np.asarray(scan([(5, 5, 50, 25)], pen=0)))
    image = Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])
    assert (ink.inked(image, SIZE) == ink.inked(scan([(5, 5, 50, 25)], pen=0), SIZE)).all()


@pytest.mark.parametrize("image", [scan([]), scan([], paper=0), scan([(5, 5, 50, 25)], paper=200, pen=190)])
def test_a_sheet_without_ink_is_refused(image):
    with pytest.raises(ValueError, match="no ink on paper"):
        ink.inked(image, SIZE)


def test_folders_of_writers_are_read(tmp_path):
    found = data.signature_folder(sigcomp(tmp_path, genuine=3, forged=2), SIZE)
    assert found.images.shape == (15, *SIZE, 1)
    assert found.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert found.genuine.tolist() == [True, True, True, False, False] * 3
    assert found.class_names == {0: "nfi_002", 1: "nfi_008", 2: "nfi_016"}
    assert "9 genuine signatures and 6 forgeries (16x32x1), 3 writers in 2 groups" in repr(found)


def test_writers_of_one_forger_are_a_group(tmp_path):
    """003 imitates 002 and 008."""
    found = data.signature_folder(sigcomp(tmp_path), SIZE)
    assert found.groups.tolist() == [0] * 6 + [1] * 3
    assert found.group_names == {0: "nfi_002 + nfi_008", 1: "nfi_016"}


def test_a_forger_who_is_also_a_writer_is_one_hand(tmp_path):
    """016 imitates 002, and 002 imitates 008: all three are a group, whatever the order."""
    assert set(data.signature_folder(sigcomp(tmp_path, forgers=("016", "002", "061")), SIZE).groups) == {0}


def test_a_number_is_another_hand_in_another_collection(tmp_path):
    root = sigcomp(tmp_path, writers=("nfi_002", "nisdcc_008"), forgers=("021", "021"))
    assert data.signature_folder(root, SIZE).groups.tolist() == [0, 0, 0, 1, 1, 1]


def test_no_hand_is_on_both_sides_of_a_split_by_groups(tmp_path):
    found = data.signature_folder(sigcomp(tmp_path), SIZE)
    train, test = data.split_by_class(found, test=0.5, by="groups")
    assert {tuple(sorted(set(part.labels.tolist()))) for part in (train, test)} == {(0, 1), (2,)}
    assert sorted([len(train.genuine), len(test.genuine)]) == [3, 6]
    assert set(train.class_names) == set(train.labels) and train.source == found.source


def test_the_layout_of_cedar_is_read_in_the_order_of_its_numbers(tmp_path):
    for writer in (10, 2):
        for number in (1, 12):
            write(tmp_path / "full_org" / f"original_{writer}_{number}.png")
        write(tmp_path / "full_forg" / f"forgeries_{writer}_1.png")
    (tmp_path / "full_org" / "Thumbs.db").touch()
    found = data.signature_folder(tmp_path, SIZE)
    assert found.class_names == {0: "02", 1: "10"}
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1] and found.groups.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.genuine.tolist() == [True, True, False] * 2


def test_no_signature_is_passed_over(tmp_path):
    """A writer beside the folders of CEDAR, a number that is there twice, a writer without a file that is read."""
    for writer in (10, 2):
        for name in ("full_org/original_{}_1", "full_org/original_{}_2", "full_forg/forgeries_{}_1"):
            write(tmp_path / f"{name.format(writer)}.png")
    twin = tmp_path / "full_org" / "original_2_01.png"
    write(twin)
    with pytest.raises(ValueError, match="One number is one signature. Found full_org/original_2_01.png and"):
        data.signature_folder(tmp_path, SIZE)
    twin.unlink()
    sigcomp(tmp_path, writers=["nfi_002"], forgers=["003"])
    with pytest.raises(ValueError, match="Found both in .*: full_org, full_forg and nfi_002"):
        data.signature_folder(tmp_path, SIZE)
    root = sigcomp(tmp_path / "others")
    (root / "nfi_099" / "genuine").mkdir(parents=True)
    (root / "nfi_099" / "genuine" / "09901099.tif").touch()
    with pytest.raises(ValueError, match="Every writer needs image files, genuine and forged. Found none in .*nfi_099"):
        data.signature_folder(root, SIZE)


def test_scans_of_all_sizes_become_images_of_one(tmp_path):
    root = sigcomp(tmp_path)
    write(root / "nfi_002" / "genuine" / "00209002.png", scan([(10, 10, 900, 300)], (1000, 400), width=12))
    assert data.signature_folder(root, SIZE).images.shape == (10, *SIZE, 1)


def remove(folder):
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda root: (root / "nfi_008/genuine/00802008.png").unlink(), r"two genuine.*nfi_008 \(1\)"),
        (lambda root: (root / "nfi_008/forged/00301008.png").unlink(), r"a forgery.*nfi_008 \(0\)"),
        (lambda root: remove(root / "nfi_008/forged"), r"a forgery.*nfi_008 \(0\)"),
        (lambda root: (root / "nfi_008/genuine").rename(root / "nfi_008/real"), r"two genuine.*nfi_008 \(0\)"),
        (lambda root: write(root / "other/scans/1.png"), "Expected .*genuine.*Found other without a folder genuine"),
        (lambda root: write(root / "full_org/original_1_1.png"), "Found no folder full_forg"),
        (lambda root: (root / "nfi_008/genuine/00802008.png").write_bytes(b"no"), "00802008.png .not an image"),
        (lambda root: write(root / "nfi_008/genuine/00802008.png", scan([])), "00802008.png .no ink on paper.*skip"),
    ],
)
def test_folders_that_are_wrong_are_refused_with_their_names(tmp_path, change, message):
    change(sigcomp(tmp_path))
    with pytest.raises(ValueError, match=message):
        data.signature_folder(tmp_path, SIZE)


def test_other_names_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected .*Found no such folders"):
        data.signature_folder(tmp_path, SIZE)
    write(tmp_path / "full_org" / "somebody.png")
    (tmp_path / "full_forg").mkdir()
    with pytest.raises(ValueError, match="Found full_org/somebody.png"):
        data.signature_folder(tmp_path, SIZE)
    (tmp_path / "full_org" / "somebody.png").unlink()
    with pytest.raises(ValueError, match="Expected image files in .*full_org"):
        data.signature_folder(tmp_path, SIZE)
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        data.signature_folder(tmp_path / "nowhere", SIZE)
    one = sigcomp(tmp_path / "one", writers=("nfi_002",), forgers=("003",))
    with pytest.raises(ValueError, match="At least two writers .*'nfi_002'"):
        data.signature_folder(one, SIZE)


@pytest.mark.parametrize("size", [64, (64,), (8, 64), (64.0, 128)])
def test_sizes_that_are_wrong_are_refused(tmp_path, size):
    with pytest.raises(ValueError, match="size"):
        data.signature_folder(tmp_path, size)


def test_broken_and_blank_files_are_skipped_when_asked_and_named(tmp_path):
    root = sigcomp(tmp_path, genuine=4)
    (root / "nfi_008/genuine/00802008.png").write_bytes(b"no")
    write(root / "nfi_016/genuine/01604016.png", scan([]))
    with pytest.warns(data.SkippedFilesWarning, match="2 of 15 .*00802008.png .*01604016.png .no ink.*Left out"):
        found = data.signature_folder(root, SIZE, skip_broken=True)
    assert np.bincount(found.labels).tolist() == [5, 4, 4]


def test_what_is_left_after_skipping_must_be_enough(tmp_path):
    root = sigcomp(tmp_path)
    (root / "nfi_008/genuine/00802008.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"two genuine.*00802008.*Without them Too few: nfi_008 \(1\)"):
        data.signature_folder(root, SIZE, skip_broken=True)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_set_on_this_machine_is_used(nowhere, monkeypatch):
    sigcomp(nowhere / "data" / "signatures_sigcomp2009")
    with pytest.raises(OSError, match="SigComp2009 in .* is not complete: expected 30 writers, found 3"):
        data.signatures(size=SIZE)
    monkeypatch.setitem(signing.SETS, "sigcomp2009", (*signing.SETS["sigcomp2009"][:3], 3))
    found = data.signatures(size=SIZE, source="real")
    assert found.source == "SigComp2009 (3 writers)" and found.images.shape == (9, *SIZE, 1)


def test_without_the_set_drawn_ones_stand_in_and_say_so(nowhere):
    with pytest.warns(data.StandInWarning, match="SigComp2009 is not in .*on request.*synthetic signatures stand in"):
        found = data.signatures(size=SIZE)
    assert found.source == "synthetic signatures standing in for SigComp2009 (30 writers)"
    assert len(np.unique(found.labels)) == 30


def test_the_real_set_or_nothing(nowhere):
    with pytest.raises(ConnectionError, match="CEDAR is not in .*SIAMKERAS_DATA"):
        data.signatures("cedar", SIZE, source="real")


@pytest.mark.parametrize("arguments", [{"name": "mcyt"}, {"source": "best"}, {"size": (4, 64)}])
def test_unknown_arguments_are_named(arguments):
    (argument,) = arguments
    with pytest.raises(ValueError, match=argument):
        data.signatures(**arguments)


def test_synthetic_writers_are_as_many_as_asked_for():
    found = synthetic.signatures(writers=4, genuine=3, forged=2, size=(24, 40), seed=5)
    assert found.images.shape == (20, 24, 40, 1) and found.images.dtype == np.float32
    assert found.images.min() == 0 and found.images.max() == 1
    assert found.labels.tolist() == np.repeat(range(4), 5).tolist()
    assert found.genuine.tolist() == [True, True, True, False, False] * 4
    assert found.groups.tolist() == [0] * 15 + [1] * 5


def test_a_synthetic_signature_stays_as_it_is_when_counts_change():
    few = synthetic.signatures(writers=2, genuine=2, forged=1, size=SIZE)
    many = synthetic.signatures(writers=4, genuine=3, forged=2, size=SIZE)
    for writer in range(2):
        for is_genuine, count in ((True, 2), (False, 1)):
            own, other = (
                part.images[(part.labels == writer) & (part.genuine == is_genuine)][:count] for part in (few, many)
            )
            assert (own == other).all()


def test_another_seed_gives_other_writers():
    one, other = (synthetic.signatures(writers=2, genuine=1, forged=0, size=SIZE, seed=seed) for seed in (0, 1))
    assert np.abs(one.images - other.images).mean() > 0.02


def test_synthetic_signatures_are_about_as_hard_as_real_ones_for_pixels():
    """By the Euclidean distance of unit pixels, as real ones: two of one writer are mostly nearer than of two
    writers; a forgery is in between. Equal error rates of the real 30 writers: 19 % and 31 %."""
    from siamkeras import evaluation

    found = synthetic.signatures(writers=30)
    pixels = found.images.reshape(len(found.labels), -1)
    pairs = evaluation.signature_pairs(pixels / np.linalg.norm(pixels, axis=1, keepdims=True), found)
    random, skilled = (pairs.against(kind, resamples=0).eer for kind in ("random", "skilled"))
    assert 0.1 < random < 0.3 and random + 0.05 < skilled < 0.45


@pytest.mark.parametrize(
    "arguments", [{"writers": 1}, {"genuine": 0}, {"forged": -1}, {"size": (8, 64)}, {"seed": -1}, {"writers": 2.5}]
)
def test_synthetic_counts_are_checked(arguments):
    with pytest.raises(ValueError, match="must be an integer of at least"):
        synthetic.signatures(**arguments)


def test_drawn_signatures_have_one_side_for_both():
    assert synthetic.signatures(2, 1, 0, size=32).images.shape == (2, 32, 32, 1)
    with pytest.raises(ValueError, match="`height` must be an integer of at least 16"):
        synthetic.signatures(2, 1, 0, size=(1, 2, 3))
