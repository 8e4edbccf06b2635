"""Tests of the loaders of signatures: layouts of folders, groups of writers, stand-ins."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamkeras import data
from siamkeras.applications import signatures

SIZE = (16, 32)


def write_scan(path, offset=0, blank=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", (60 + offset, 30), 255)
    if not blank:
        ImageDraw.Draw(image).line((5, 5 + offset, 50, 25), fill=20, width=3)
    image.save(path)


def write_sigcomp(root, writers=("nfi_002", "nfi_008", "nfi_016"), forgers=("003", "003", "061"), genuine=2, forged=1):
    """Files named as in SigComp2009: author, sample, imitated writer."""
    for index, (writer, forger) in enumerate(zip(writers, forgers, strict=True)):
        number = writer[-3:]
        for sample in range(1, genuine + 1):
            write_scan(root / writer / "genuine" / f"{number}{sample:02d}{number}.png", index)
        for sample in range(1, forged + 1):
            write_scan(root / writer / "forged" / f"{forger}{sample:02d}{number}.png", index)
    return root


def write_cedar(root, writers=(10, 2)):
    for writer in writers:
        for sample in (1, 12):
            write_scan(root / "full_org" / f"original_{writer}_{sample}.png")
        write_scan(root / "full_forg" / f"forgeries_{writer}_1.png")
    (root / "full_org" / "Thumbs.db").touch()
    return root


def test_a_folder_for_each_writer_is_read(tmp_path):
    examples = signatures.signature_folder(write_sigcomp(tmp_path, genuine=3, forged=2), SIZE)
    assert examples.images.shape == (15, *SIZE, 1)
    assert examples.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert examples.genuine.tolist() == [True, True, True, False, False] * 3
    assert examples.class_names == {0: "nfi_002", 1: "nfi_008", 2: "nfi_016"}
    assert "9 genuine signatures and 6 forgeries (16x32x1), 3 writers in 2 groups" in repr(examples)


@pytest.mark.parametrize("write", [write_sigcomp, write_cedar])
def test_files_that_are_not_used_are_named_in_a_warning(tmp_path, write):
    kind = next(path for path in write(tmp_path).rglob("*") if path.is_dir() and list(path.glob("*.png")))
    for path in (tmp_path / "beside.png", kind / "scan.pdf"):
        path.touch()
    (kind / "gone.png").symlink_to("nowhere")
    kind = kind.relative_to(tmp_path).as_posix()
    with pytest.warns(UserWarning, match=rf"beside.png; broken links .*{kind}/gone.png; files .*{kind}/scan.pdf\.$"):
        signatures.signature_folder(tmp_path, SIZE)


def test_scans_in_other_folders_are_named_in_a_warning(tmp_path):
    write_scan(write_sigcomp(tmp_path) / "nfi_008" / "simulated" / "1.png")
    with pytest.warns(UserWarning, match=r"unexpected folders \(1\): nfi_008/simulated\.$"):
        assert len(signatures.signature_folder(tmp_path, SIZE).labels) == 9


def test_the_layout_of_cedar_is_read_in_numerical_order(tmp_path):
    examples = signatures.signature_folder(write_cedar(tmp_path), SIZE)
    assert examples.class_names == {0: "02", 1: "10"}
    assert examples.labels.tolist() == [0, 0, 0, 1, 1, 1] == examples.groups.tolist()
    assert examples.genuine.tolist() == [True, True, False] * 2


@pytest.mark.parametrize(
    "extra, message",
    [
        ("full_org/scan.png", "Received: 'scan.png'"),
        ("anna/genuine/1.png", r"Expected only the folders full_org, full_forg .* Received: \['anna'\]"),
    ],
)
def test_an_unexpected_file_beside_cedar_raises(tmp_path, extra, message):
    write_scan(write_cedar(tmp_path) / extra)
    with pytest.raises(ValueError, match=message):
        signatures.signature_folder(tmp_path, SIZE)


def write_kaggle(root, writers=("001", "002", "013"), forgers=("0119", "0119", "0203")):
    """The layout of SigComp2011 on Kaggle, with both forms of its file names."""
    for index, (writer, forger) in enumerate(zip(writers, forgers, strict=True)):
        for sample in ("01", "02"):
            name, forged = (
                (f"{sample}_{writer}", f"{sample}_{forger}{writer}")
                if index % 2
                else (f"{writer}_{sample}", f"{forger}{writer}_{sample}")
            )
            write_scan(root / writer / f"{name}.PNG")
            write_scan(root / f"{writer}_forg" / f"{forged}.PNG")
    return root


def write_bhsig(root, letter="B"):
    """Files named as in BHSig260. In its folder Hindi/123 the file names contain another writer, 124."""
    for writer, number in (("001", 1), ("010", 10), ("123", 124)):
        for kind, samples in (("F", (1,)), ("G", (1, 2))):
            for sample in samples:
                write_scan(root / writer / f"{letter}-S-{number}-{kind}-{sample:02d}.tif")
    (root / "list.genuine").touch()
    return root


def test_the_layout_of_kaggle_is_read_and_writers_that_share_a_forger_form_a_group(tmp_path):
    examples = signatures.signature_folder(write_kaggle(tmp_path), SIZE)
    assert examples.class_names == {0: "001", 1: "002", 2: "013"}
    assert examples.labels.tolist() == np.repeat([0, 1, 2], 4).tolist()
    assert examples.genuine.tolist() == [True, True, False, False] * 3
    assert examples.group_names == {0: "001 + 002", 1: "013"}


@pytest.mark.parametrize("letter", ["B", "H"])
def test_the_layout_of_bhsig260_is_read_with_the_folder_as_the_writer(tmp_path, letter):
    examples = signatures.signature_folder(write_bhsig(tmp_path, letter), SIZE)
    assert examples.class_names == {0: "001", 1: "010", 2: "123"}
    assert examples.labels.tolist() == np.repeat([0, 1, 2], 3).tolist() == examples.groups.tolist()
    assert examples.genuine.tolist() == [True, True, False] * 3


def test_other_images_in_the_layout_of_bhsig260_are_listed_in_a_warning(tmp_path):
    write_scan(write_bhsig(tmp_path) / "001" / "scan.png")
    with pytest.warns(UserWarning, match=r"images in an unexpected place \(1\): 001/scan.png"):
        assert len(signatures.signature_folder(tmp_path, SIZE).labels) == 9


def test_several_writers_in_a_folder_of_the_layout_of_bhsig260_are_named_in_a_warning(tmp_path):
    write_bhsig(write_bhsig(tmp_path), "H")
    with pytest.warns(UserWarning, match=r"several writers are read as one .*: 001 \(B-S-1, H-S-1\), 010 \(B"):
        assert len(signatures.signature_folder(tmp_path, SIZE).labels) == 18


@pytest.mark.parametrize(
    "write, message",
    [
        (
            lambda root: write_bhsig(root / "Bengali"),
            "no images in .*Bengali/genuine. Known layouts: <writer>/genuine/",
        ),
        (lambda root: write_scan(root / "1.png"), "There are no folders in .* Known layouts: .*_forg/; .*BHSig260"),
        (lambda root: shutil.rmtree(write_kaggle(root) / "002_forg"), "no images in .*002_forg. Known layouts"),
        (lambda root: shutil.rmtree(write_kaggle(root) / "002"), "no images in .*002. Known layouts"),
    ],
)
def test_an_unknown_layout_raises_an_error_that_lists_the_known_layouts(tmp_path, write, message):
    write(tmp_path)
    with pytest.raises(ValueError, match=message):
        signatures.signature_folder(tmp_path, SIZE)


@pytest.mark.parametrize(
    "writers, forgers, groups",
    [
        (("nfi_002", "nfi_008", "nfi_016"), ("003", "003", "061"), [0, 0, 1]),  # 003 imitates two writers
        (("nfi_002", "nfi_008", "nfi_016"), ("016", "002", "061"), [0, 0, 0]),  # writers who are forgers
        (("nfi_002", "nisdcc_008"), ("021", "021"), [0, 1]),  # another author in another collection
        (("anna", "bert"), ("003", "003"), [0, 1]),  # other names
    ],
)
def test_writers_that_share_an_author_form_a_group(tmp_path, writers, forgers, groups):
    examples = signatures.signature_folder(write_sigcomp(tmp_path, writers, forgers), SIZE)
    assert examples.groups.tolist() == np.repeat(groups, 3).tolist()
    assert examples.group_names[0] == " + ".join(w for w, group in zip(writers, groups, strict=True) if group == 0)
    part = examples.take(examples.groups == 0)
    assert set(part.class_names) == set(part.labels) and part.genuine.sum() == 2 * len(part.class_names)


def test_the_author_of_a_forgery_is_its_forger(tmp_path):
    """003 forged for 002 and 008, and the writer 002 forged for 016."""
    examples = signatures.signature_folder(write_sigcomp(tmp_path, forgers=("003", "003", "002")), SIZE)
    assert examples.authors.tolist() == [0, 0, 3, 1, 1, 3, 2, 2, 0]


@pytest.mark.parametrize("write", [write_cedar, write_bhsig])
def test_unknown_forgers_count_as_one_person_for_each_writer(tmp_path, write):
    examples = signatures.signature_folder(write(tmp_path), SIZE)
    forgers = examples.authors[~examples.genuine]
    assert (examples.authors == examples.labels)[examples.genuine].all()
    assert len(set(forgers)) == len(examples.class_names) and forgers.min() == len(examples.class_names)


def test_a_training_set_loses_the_authors_of_the_test_set(tmp_path):
    """Forger 003 imitated 002 and 008; the forger of 016 is the writer 002."""
    examples = signatures.signature_folder(write_sigcomp(tmp_path, forgers=("003", "003", "002")), SIZE)
    first, second, third = (examples.take(examples.labels == writer) for writer in range(3))
    assert first.without_authors_of(second).genuine.tolist() == [True, True]
    assert first.without_authors_of(third).genuine.tolist() == [False]
    assert second.without_authors_of(third).genuine.tolist() == [True, True, False]
    with pytest.raises(ValueError, match="Both must have `authors`"):
        first.without_authors_of(second._replace(authors=None))


def test_scans_that_are_redrawn_keep_their_shortcuts(tmp_path):
    write_sigcomp(tmp_path)
    examples = signatures.signature_folder(tmp_path, SIZE, pen_width=1.5)
    assert examples.shortcuts["darkest pixel"].tolist() == [20.0] * 9
    assert set(examples.take([0, 4]).shortcuts) == {"darkest pixel", "stroke width"}
    assert examples.take([0, 4]).shortcuts["stroke width"].shape == (2,)
    assert signatures.signature_folder(tmp_path, SIZE).shortcuts == {}


def test_two_sets_become_one_without_common_writers(tmp_path):
    first = signatures.signature_folder(write_sigcomp(tmp_path / "first"), SIZE)
    second = signatures.signature_folder(write_cedar(tmp_path / "second"), SIZE)
    both = signatures.Signatures.concatenate([first, second])
    assert both.labels.tolist() == first.labels.tolist() + (second.labels + 3).tolist()
    assert both.class_names == {0: "nfi_002", 1: "nfi_008", 2: "nfi_016", 3: "02", 4: "10"}
    assert not set(both.authors[:9]) & set(both.authors[9:]) and len(both.group_names) == 4
    assert (both.images == np.concatenate([first.images, second.images])).all()
    assert (both.take(both.labels >= 3).images == second.images).all()


def test_signatures_are_split_by_writer_or_by_forger(tmp_path):
    """The first two of three writers have one forger."""
    examples = signatures.signature_folder(write_sigcomp(tmp_path), SIZE)
    for by, sizes in (("labels", {1}), ("groups", {1, 2})):
        parts = data.split_by_class(examples, test=0.3, by=by)
        assert all(part.genuine.tolist() == [True, True, False] * len(part.class_names) for part in parts)
        assert len(parts[1].class_names) in sizes
        assert not set(getattr(parts[0], by)) & set(getattr(parts[1], by))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda root: (root / "nfi_008/genuine/00802008.png").unlink(), r"2 genuine signatures.*nfi_008 \(1\)"),
        (lambda root: (root / "nfi_008/forged/00301008.png").unlink(), "There are no images in .*nfi_008/forged"),
        (lambda root: write_scan(root / "other/scans/1.png"), "other/genuine"),
        (lambda root: (root / "nfi_008/genuine/00802008.png").write_bytes(b"no"), "00802008.png .not a BMP"),
        (lambda root: write_scan(root / "nfi_008/genuine/00802008.png", blank=True), "00802008.png .no dark ink"),
        (lambda root: [shutil.rmtree(root / name) for name in ("nfi_008", "nfi_016")], r"two writers.*\['nfi_002'\]"),
        (lambda root: shutil.rmtree(root), "No such file"),
    ],
)
def test_an_unusable_folder_raises_and_is_named(tmp_path, change, message):
    change(write_sigcomp(tmp_path))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        signatures.signature_folder(tmp_path, SIZE)


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_the_data_sets_are_read_from_their_folders(data_folder):
    writers = [f"nfi_{number:03d}" for number in range(30)]
    write_sigcomp(data_folder / "signatures_sigcomp2009", writers, ["900"] * 15 + ["901"] * 15)
    examples = signatures.sigcomp2009(SIZE, source="real")
    assert examples.source == "SigComp2009 (30 writers)" and examples.images.shape == (90, *SIZE, 1)
    assert len(examples.group_names) == 2
    write_cedar(data_folder / "signatures_cedar", range(1, 56))
    assert signatures.cedar(SIZE, source="real").source == "CEDAR (55 writers)"
    write_kaggle(data_folder / "signatures_sigcomp2011")
    assert signatures.sigcomp2011(SIZE, source="real").source == "SigComp2011 (3 writers)"


def test_an_incomplete_copy_raises_instead_of_being_replaced(data_folder):
    write_sigcomp(data_folder / "signatures_sigcomp2009")
    with pytest.raises(OSError, match="SigComp2009 in .* is damaged: expected 30 writers, found 3"):
        signatures.sigcomp2009(SIZE)
    shutil.rmtree(data_folder / "signatures_sigcomp2009" / "nfi_008" / "forged")
    with pytest.raises(OSError, match="is damaged: .*nfi_008/forged"):
        signatures.sigcomp2009(SIZE)
    with pytest.raises(ValueError, match="`size` must be"):
        signatures.sigcomp2009(8)


def test_synthetic_signatures_stand_in_with_a_warning(data_folder):
    with pytest.warns(data.StandInWarning, match="SigComp2009 was not found .*synthetic signatures instead"):
        examples = signatures.sigcomp2009(SIZE)
    assert examples.source == "synthetic signatures standing in for SigComp2009 (30 writers)"
    assert len(np.unique(examples.labels)) == 30
    with pytest.raises(ConnectionError, match="CEDAR was not found .*signatures.rar"):
        signatures.cedar(SIZE, source="real")


@pytest.mark.parametrize(
    "read", [signatures.signature_folder, lambda _, size: signatures.synthetic_signatures(size=size)]
)
@pytest.mark.parametrize("size", [64, (8, 64)])
def test_invalid_sizes_raise(tmp_path, read, size):
    with pytest.raises(ValueError, match="`size` must be"):
        read(tmp_path, size)
