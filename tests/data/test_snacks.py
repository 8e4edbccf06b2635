"""Snacks: photos from a folder or from the Hugging Face hub, labels, and the stand-in."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamkeras import data
from siamkeras.data import _sources
from siamkeras.data._synthetic_snacks import SNACKS, synthetic_snacks

NAMES = list(SNACKS)


def photo(label, index, height=32, width=48):
    """Its colour encodes label and index; the left and right margins, outside the central square, are white."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[:, width // 6 : -width // 6] = (10 * label, 40 * index, 100)
    return Image.fromarray(image)


def write(split, names, count=2):
    for name in names:
        split.joinpath(name).mkdir(parents=True)
        for index in range(count):
            photo(NAMES.index(name), index).save(split / name / f"{index}.png")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """In SIAMKERAS_DATA: validation with two photos per class, train with bananas and apples only."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    folder = tmp_path / "sets" / "snacks"
    write(folder / "val", NAMES)
    write(folder / "train", ["banana", "apple"], count=3)
    return folder


def test_a_class_has_the_same_label_in_every_split_and_selection(folder):
    """In alphabetical order of twenty: apple 0, banana 1, hot dog 8, waffle 18."""
    everything = data.snacks("validation", size=8)
    assert everything.labels.tolist() == np.repeat(range(20), 2).tolist()
    assert everything.class_names == dict(enumerate(NAMES))
    assert everything.source == "Matthijs/snacks, validation split (40 photos)"
    assert (NAMES[0], NAMES[8], NAMES[19]) == ("apple", "hot dog", "watermelon")
    selected = data.snacks("validation", classes=["waffle", "hot dog"], size=8)
    assert selected.labels.tolist() == [8, 8, 18, 18]
    assert selected.class_names == {8: "hot dog", 18: "waffle"}
    np.testing.assert_array_equal(selected.images, everything.images[np.isin(everything.labels, [8, 18])])
    train = data.snacks("train", classes=("banana",), size=8, source="real")
    assert train.labels.tolist() == [1, 1, 1] and train.groups is None
    assert train.source == "Matthijs/snacks, train split (3 photos of banana)"


def test_a_photo_is_cropped_to_the_aspect_ratio(folder):
    """The central 32x32 of 32x48 begins at column 8, where the colour begins: no white is left."""
    images = data.snacks("validation", size=32).images
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.float32
    for label, index in [(0, 0), (8, 1), (19, 1)]:
        expected = np.broadcast_to(np.float32([10 * label, 40 * index, 100]) / 255, (32, 32, 3))
        np.testing.assert_allclose(images[2 * label + index], expected, atol=1e-6)
    wide = data.snacks("validation", size=(16, 48)).images
    assert wide.shape == (40, 16, 48, 3)
    np.testing.assert_allclose(wide[0, 0, 0], 1.0)


def test_other_folders_are_ignored_and_missing_classes_and_broken_photos_are_errors(folder):
    (folder / "val" / "tofu").mkdir()
    photo(0, 0).save(folder / "val" / "tofu" / "0.png")
    (folder / "val" / "ice cream" / "1.png").write_bytes(b"<html>")
    with pytest.raises(OSError, match=r"is damaged: 1 of 40 images .*1\.png \(not a BMP, .*\)\. Replace"):
        data.snacks("validation")
    assert len(data.snacks("validation", classes=["cake"]).labels) == 2
    with pytest.raises(OSError, match=r"Snacks in .*train is damaged: there are no photos of cake, salad\. "):
        data.snacks("train", classes=["apple", "salad", "cake"])
    (folder / "train" / "cake").mkdir()
    with pytest.raises(OSError, match=r"Snacks in .*train is damaged: Every class needs an image .*cake\. Replace"):
        data.snacks("train", classes=["apple"])


def test_a_split_of_the_hub_is_unpacked_once_with_its_bytes_and_file_names(tmp_path, monkeypatch):
    """The hub lists the classes in another order, and the second half of its photos has no file names."""
    import datasets

    def load(*arguments):
        requests.append(arguments)
        rows = [(label, index) for label in reversed(range(20)) for index in range(2)]
        contents = []
        for label, index in rows:
            content = io.BytesIO()
            photo(label, index).save(content, "PNG")
            name = f"photo_{index}.png" if label > 9 else None
            contents.append({"bytes": content.getvalue(), "path": name})
        names = NAMES[::-1]
        columns = {"image": contents, "label": [names.index(NAMES[label]) for label, _ in rows]}
        features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=names)}
        return datasets.Dataset.from_dict(columns, features=datasets.Features(features))

    requests = []
    monkeypatch.setattr(_sources, "load_hugging_face", load)
    for _ in range(2):
        examples = data.snacks("validation", size=32)
    # The default branch has a loading script, which `datasets` 4 and later do not run.
    ((name, split, *_, revision),) = requests
    assert (name, split, revision) == ("Matthijs/snacks", "validation", "refs/convert/parquet")
    assert examples.labels.tolist() == np.repeat(range(20), 2).tolist()
    np.testing.assert_allclose(examples.images[:, 16, 16, 0] * 255, examples.labels * 10, atol=1e-3)
    unpacked = tmp_path / "cache" / "siamkeras" / "snacks" / "val"
    assert [path.name for path in unpacked.parent.iterdir()] == ["val"]
    assert sorted(path.name for path in (unpacked / "waffle").iterdir()) == ["photo_0.png", "photo_1.png"]
    assert len(list((unpacked / "apple").glob("*.jpg"))) == 2


@pytest.mark.parametrize(
    ("class_name", "files", "error"),
    [
        ("apple", {"a.jpg": b"photo", "b.jpg": None}, TypeError),  # interrupted
        ("../../evil", {"a.jpg": b"photo"}, OSError),
        ("apple", {"a.jpg": b"photo", "../../evil/a.jpg": b"another photo"}, FileExistsError),
        ("apple", {"..": b"photo"}, OSError),
    ],
)
def test_an_invalid_download_leaves_no_files(tmp_path, monkeypatch, class_name, files, error):
    import datasets

    columns = {"image": [{"bytes": files[path], "path": path} for path in files], "label": [0] * len(files)}
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=[class_name])}
    dataset = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    monkeypatch.setattr(_sources, "load_hugging_face", lambda *_: dataset)
    with pytest.raises(error):
        data.snacks("test")
    assert not [path for path in (tmp_path / "cache").rglob("*") if not path.is_dir() or path.name == "evil"]


def test_without_network_the_stand_in_replaces_the_photos(monkeypatch):
    def offline(name, split, title, megabytes, missing, hint, revision):
        raise ConnectionError(f"{missing}. {hint}")

    monkeypatch.setattr(_sources, "load_hugging_face", offline)
    message = "Snacks was not found in .*train.*set SIAMKERAS_DATA to .* snacks/train. Using synthetic snacks instead"
    with pytest.warns(data.StandInWarning, match=message):
        examples = data.snacks(size=8, classes=["cake"])
    assert examples.source == "synthetic snacks standing in for Matthijs/snacks, train split (100 photos of cake)"


def test_the_stand_in_has_other_photos_in_each_split():
    """100, 50 and 50 photos per class, with the seeds 0, 1 and 2."""
    arguments = {"classes": ["salad", "cake"], "size": (8, 10), "source": "synthetic"}
    for seed, (split, count) in enumerate({"train": 100, "validation": 50, "test": 50}.items()):
        examples = data.snacks(split, **arguments)
        assert examples.labels.tolist() == [2] * count + [16] * count
        names = {2: "cake", 16: "salad"}
        assert examples.class_names == names
        np.testing.assert_array_equal(examples.images, synthetic_snacks(names, count, (8, 10), seed).images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "val"}, "`split` must be one of 'train', 'validation', 'test'. Received: split='val'"),
        ({"classes": ["apple", "tofu"]}, r"must be a list of names from: apple, .*Received: \['apple', 'tofu'\]"),
        ({"classes": "apple"}, "Received: 'apple'"),
        ({"classes": []}, r"Received: \[\]"),
        ({"size": (96, 96, 3)}, r"`size` must be 2 positive integers. Received: size=\(96, 96, 3\)"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.snacks(**arguments)


def test_the_real_test_split_has_the_published_size_of_a_class(real_data):
    real_data("SIAMKERAS_DATA", "snacks", "test")
    examples = data.snacks("test", classes=["muffin", "apple"], size=16, source="real")
    assert np.bincount(examples.labels)[[0, 11]].tolist() == [50, 48]


@pytest.mark.slow
def test_the_real_photos_are_complete(real_data):
    """Validation: 50 per class, but 40 of pineapple (13) and popcorn (14), 25 of pretzel (15)."""
    real_data("SIAMKERAS_DATA", "snacks", "train")
    train, validation, test = (data.snacks(split, size=16, source="real") for split in ("train", "validation", "test"))
    counts = np.full(20, 50)
    counts[[13, 14, 15]] = 40, 40, 25
    assert np.bincount(validation.labels).tolist() == counts.tolist()
    counts[[11, 17]] = 48, 49
    assert np.bincount(test.labels).tolist() == counts.tolist()
    assert len(train.labels) == 4838 and np.bincount(train.labels)[[14, 15]].tolist() == [180, 154]
    assert Path(data.image_paths(_sources.find("snacks", "val")).images[0]).parent.name == "apple"
    assert 0 <= validation.images.min() < 0.1 and 0.9 < validation.images.max() <= 1
