"""Snacks: photos from a folder, from the hub, or drawn; labels that stay; what is said when something is missing."""

import io
import os
import re
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamkeras import data, synthetic
from siamkeras.data import _cache as cache
from siamkeras.data import _downloads as downloads
from siamkeras.data import snacks as photos

NAMES = list(photos.class_names().values())


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with no data sets and no network, whose home is `tmp_path`."""
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def photo(label, number, height=32, width=48):
    """Its colour tells the label and the number; the left and right quarters, which a square leaves out, are white."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[:, width // 6 : -width // 6] = (10 * label, 40 * number, 100)
    return Image.fromarray(image)


def write(split, names, count=2):
    for name in names:
        split.joinpath(name).mkdir(parents=True)
        for number in range(count):
            photo(NAMES.index(name), number).save(split / name / f"{number}.png")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Validation has all snacks, two photos each; train has bananas and apples only."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    folder = tmp_path / "sets" / "snacks"
    write(folder / "val", NAMES)
    write(folder / "train", ["banana", "apple"], count=3)
    return folder


# --- From a folder on this machine


def test_a_snack_has_the_same_label_in_every_split_and_among_any_classes(folder):
    """Of the alphabet of twenty: apple 0, banana 1, hot dog 8, waffle 18."""
    everything = data.snacks("validation", size=8)
    assert everything.labels.tolist() == np.repeat(range(20), 2).tolist()
    assert everything.class_names == dict(enumerate(NAMES))
    assert (NAMES[0], NAMES[8], NAMES[19]) == ("apple", "hot dog", "watermelon")
    some = data.snacks("validation", classes=["waffle", "hot dog"], size=8)
    assert some.labels.tolist() == [8, 8, 18, 18]
    assert some.class_names == {8: "hot dog", 18: "waffle"}
    np.testing.assert_array_equal(some.images, everything.images[np.isin(everything.labels, [8, 18])])
    train = data.snacks("train", classes=("banana",), size=8)
    assert train.labels.tolist() == [1, 1, 1] and train.groups is None


def test_the_source_says_which_photos_these_are_and_not_where_they_lie(folder):
    assert data.snacks("validation", size=8).source == "Matthijs/snacks, validation split (40 photos)"
    some = data.snacks(classes=["banana", "apple"], size=8, source="real")
    assert some.source == "Matthijs/snacks, train split (6 photos of apple, banana)"


def test_a_photo_is_cut_to_the_proportions_asked_for_and_not_squeezed(folder):
    """Of 32x48, the middle 32x32 begins at column 8, where the colour does; 0 of its white is left."""
    images = data.snacks("validation", size=32).images
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.float32
    assert images.ctypes.data % 64 == 0
    for label, number in [(0, 0), (8, 1), (19, 1)]:
        expected = np.broadcast_to(np.float32([10 * label, 40 * number, 100]) / 255, (32, 32, 3))
        np.testing.assert_allclose(images[2 * label + number], expected, atol=1e-6)
    wide = data.snacks("validation", size=(16, 48)).images
    assert wide.shape == (40, 16, 48, 3)
    np.testing.assert_allclose(wide[0, 0, 0], 1.0)


def test_paths_are_streamed_into_the_same_images(folder):
    import tensorflow as tf

    files = data.snacks("validation", classes=["cake", "apple"], size=None)
    assert files.images.tolist() == [
        str(folder / "val" / name / f"{n}.png") for name in ("apple", "cake") for n in (0, 1)
    ]
    assert files.labels.tolist() == [0, 0, 2, 2] and files.class_names == {0: "apple", 2: "cake"}
    stream = tf.data.Dataset.from_tensor_slices(files.images).map(data.load_image((20, 16), crop=True))
    images = data.snacks("validation", classes=["apple", "cake"], size=(20, 16)).images
    np.testing.assert_allclose(np.stack(list(stream.as_numpy_iterator())), images, atol=0.01)


@pytest.mark.parametrize("source", ["auto", "real"])
def test_classes_that_a_copy_lacks_are_named_with_what_it_has_instead(folder, source):
    with pytest.raises(FileNotFoundError) as caught:
        data.snacks("train", classes=["apple", "salad", "cake"], source=source)
    assert str(caught.value) == (
        f"{folder / 'train'} has no photos of: cake, salad. Ask for classes=['apple'], "
        "or for the split 'validation', which has all."
    )
    with pytest.raises(FileNotFoundError, match=r"cake, .*, watermelon\. Ask for classes=\['apple', 'banana'\], or"):
        data.snacks("train")
    (folder / "val" / "cake").rename(folder / "cake")
    with pytest.raises(FileNotFoundError, match=r"val has no photos of: cake\.$"):
        data.snacks("validation", classes=["cake"])


def test_what_else_lies_in_the_folder_does_not_count(folder):
    write(folder / "val" / "..", [])
    (folder / "val" / "tofu").mkdir()
    photo(0, 0).save(folder / "val" / "tofu" / "0.png")
    assert data.snacks("validation", size=8).labels.tolist() == np.repeat(range(20), 2).tolist()


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_damaged_photo_is_named(folder, source):
    (folder / "val" / "ice cream" / "1.png").write_bytes(b"<html>")
    with pytest.raises(OSError) as caught:
        data.snacks("validation", source=source)
    assert str(caught.value) == (
        f"The copy of Snacks in {folder / 'val'} is damaged: 1 of 40 images cannot be decoded: "
        f"{folder / 'val' / 'ice cream' / '1.png'} (not an image). Delete that folder and load the set again."
    )
    assert len(data.snacks("validation", classes=["cake"], source=source).labels) == 2


# --- From the hub


def jpeg(image):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def on_the_hub(names=NAMES, named=True):
    """Two photos of each snack, from the last to the first, as `datasets` gives them."""
    import datasets

    kinds = [number // 2 for number in range(39, -1, -1)]
    contents = [jpeg(photo(NAMES.index(names[kind]), number % 2)) for number, kind in enumerate(kinds)]
    return datasets.Dataset.from_dict(
        {
            "image": [
                {"bytes": content, "path": f"{number:02d}.jpg" if named else None}
                for number, content in enumerate(contents)
            ],
            "label": kinds,
        },
        features=datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))}),
    )


@pytest.fixture
def hub(monkeypatch):
    """A hub that answers, and what was asked of it: addresses of probes, then arguments of `load_dataset`."""
    import datasets

    asked = []

    def load_dataset(*args, **kwargs):
        asked.append((args, kwargs))
        return on_the_hub()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(downloads, "probe", asked.append)
    return asked


@pytest.mark.parametrize(("split", "place"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_the_hub_is_asked_for_the_split_as_parquet_and_once(hub, tmp_path, capsys, split, place):
    import datasets

    first = data.snacks(split, size=16)
    assert hub == [
        "https://huggingface.co/datasets/Matthijs/snacks/resolve/main/README.md",
        (("Matthijs/snacks",), {"revision": "refs/convert/parquet", "split": split}),
    ]
    assert first.source == f"Matthijs/snacks, {split} split (40 photos)"
    assert first.labels.tolist() == np.repeat(range(20), 2).tolist()
    np.testing.assert_allclose(first.images[:, 8, 8, 0], first.labels * 10 / 255, atol=0.02)
    err = capsys.readouterr().err
    assert err == f"Downloading Snacks (105 MB) from huggingface.co to {datasets.config.HF_DATASETS_CACHE}, once.\n"

    again = data.snacks(split, size=16, classes=["salad"])
    np.testing.assert_array_equal(again.images, first.images[first.labels == 16])
    assert len(hub) == 2 and capsys.readouterr().err == ""
    files = data.snacks(split, size=None)
    assert Path(files.images[0]).parent == tmp_path / "cache" / "siamkeras" / "snacks" / place / "apple"
    assert len(hub) == 2


def test_photos_from_the_hub_are_kept_byte_by_byte_under_their_own_names(hub):
    """Row 3 is of watermelon - 1 = waffle: rows go 19, 19, 18, 18."""
    files = data.snacks(size=None, classes=["waffle"]).images
    assert [Path(file).name for file in files] == ["02.jpg", "03.jpg"]
    assert Path(files[1]).read_bytes() == on_the_hub().cast_column("image", photos_undecoded())[3]["image"]["bytes"]


def photos_undecoded():
    import datasets

    return datasets.Image(decode=False)


def test_labels_of_the_hub_are_taken_by_name_and_photos_without_a_name_get_one(monkeypatch, hub):
    import datasets

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: on_the_hub(NAMES[::-1], named=False))
    examples = data.snacks(size=16)
    np.testing.assert_allclose(examples.images[:, 8, 8, 0], examples.labels * 10 / 255, atol=0.02)
    assert Path(data.snacks(size=None).images[0]).name == "0000.jpg"


def test_a_split_that_the_given_folder_lacks_comes_from_the_hub_and_leaves_that_folder_alone(folder, hub):
    assert len(data.snacks("test", size=8).labels) == 40
    assert hub[1][1]["split"] == "test"
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]


def test_a_mirror_of_the_hub_is_asked_instead(hub, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", "https://mirror.example")
    data.snacks(size=8, classes=["cake"])
    assert hub[0] == "https://mirror.example/datasets/Matthijs/snacks/resolve/main/README.md"


ABSENT = "Snacks is not in {place},"
REMEDY = (
    'Where there is a network, `load_dataset("Matthijs/snacks", revision="refs/convert/parquet")` fetches it; the '
    "environment variable SIAMKERAS_DATA says where a folder snacks is looked for."
)


@pytest.fixture
def not_cached(hub, monkeypatch):
    """No network, and nothing in the cache of `datasets`; records what `load_dataset` finds to be allowed."""
    import datasets

    offline = []

    def load_dataset(*_, **__):
        offline.append(datasets.config.HF_HUB_OFFLINE)
        raise ConnectionError("Couldn't reach the Hugging Face Hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    return offline


def test_offline_real_is_a_connection_error_that_says_what_where_and_how(not_cached, tmp_path, monkeypatch):
    import datasets

    with pytest.raises(ConnectionError) as caught:
        data.snacks(source="real")
    place = tmp_path / "cache" / "siamkeras" / "snacks" / "train"
    assert str(caught.value) == (
        f"{ABSENT.format(place=place)} and huggingface.co does not answer: ConnectionError (there is no network in "
        f"tests). {REMEDY}"
    )
    assert str(caught.value.__cause__) == "there is no network in tests"
    # The library was asked for what it has, and kept from asking the network for minutes.
    assert not_cached == [True] and datasets.config.HF_HUB_OFFLINE is False

    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    with pytest.raises(ConnectionError, match=r"not in .*sets.snacks.train or .*cache.siamkeras.snacks.train, and"):
        data.snacks(source="real")


def test_offline_auto_gives_drawings_and_one_notice_that_says_why(not_cached):
    with pytest.warns(data.StandInWarning) as caught:
        examples = data.snacks(size=8, classes=["cake"])
    assert len(caught) == 1
    assert str(caught[0].message).endswith(
        f"(there is no network in tests). {REMEDY} Until then synthetic snacks stand in for it: what is measured on "
        "them does not compare with published numbers."
    )
    assert examples.source == "synthetic snacks standing in for Matthijs/snacks, train split (100 photos of cake)"


def test_offline_the_cache_of_the_library_is_used(hub, monkeypatch):
    import datasets

    def load_dataset(*args, **kwargs):
        assert datasets.config.HF_HUB_OFFLINE
        hub.append((args, kwargs))
        return on_the_hub()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(downloads, "probe", lambda url: TimeoutError("no answer"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert len(data.snacks(size=8).labels) == 40
    assert hub == [(("Matthijs/snacks",), {"revision": "refs/convert/parquet", "split": "train"})]
    assert datasets.config.HF_HUB_OFFLINE is False


def test_the_library_really_finds_offline_what_it_has_cached(tmp_path, monkeypatch):
    """A cache as `datasets` writes it, in a folder named by set, configuration, version and revision."""
    import datasets
    from datasets.arrow_writer import ArrowWriter

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    rows = on_the_hub()
    place = tmp_path / "hf" / "Matthijs___snacks" / "default" / "0.0.0" / "0123456789abcdef"
    place.mkdir(parents=True)
    with ArrowWriter(path=str(place / "snacks-validation.arrow"), features=rows.features) as writer:
        writer.write_table(rows.data.table)
        writer.finalize()
    splits = datasets.SplitDict({"validation": datasets.SplitInfo("validation", 1, len(rows), dataset_name="snacks")})
    info = {"builder_name": "parquet", "dataset_name": "snacks", "config_name": "default", "version": "0.0.0"}
    datasets.DatasetInfo(features=rows.features, splits=splits, **info).write_to_directory(str(place))
    assert len(data.snacks("validation", size=8, source="real").labels) == 40
    with pytest.raises(ConnectionError, match="huggingface.co does not answer"):
        data.snacks("test", source="real")


def test_nobody_is_asked_where_the_user_forbids_it(not_cached, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(downloads, "probe", None)
    with pytest.raises(ConnectionError, match="train, and HF_HUB_OFFLINE forbids to ask for it. Where there is"):
        data.snacks(source="real")
    assert datasets.config.HF_HUB_OFFLINE is True


def test_a_download_that_breaks_off_counts_as_no_network_and_leaves_nothing_behind(hub, tmp_path, monkeypatch):
    import datasets

    class BreaksOff:
        features = on_the_hub().features

        def cast_column(self, *_):
            yield on_the_hub().cast_column("image", photos_undecoded())[0]
            raise OSError("No space left on device")

    def refuse(*_, **__):
        raise RuntimeError("HTTP 503")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(ConnectionError, match=r"and its download failed: RuntimeError \(HTTP 503\)\. Where"):
        data.snacks(source="real")
    with pytest.warns(data.StandInWarning, match="download failed"):
        data.snacks(size=8, classes=["cake"])
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: BreaksOff())
    with pytest.raises(OSError, match="No space left"):
        data.snacks()
    assert list((tmp_path / "cache" / "siamkeras" / "snacks").iterdir()) == []


def test_without_the_library_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    words = r"Snacks is read through Hugging Face's library, which cannot be used here: .*`pip install datasets`\."
    with pytest.raises(ImportError, match=words):
        data.snacks(source="real")
    with pytest.warns(data.StandInWarning, match=words):
        assert data.snacks(size=8, classes=["cake"]).source.startswith("synthetic snacks")


def test_two_who_unpack_at_once_both_succeed(tmp_path):
    """Both have written all files before either puts them in place."""
    meet = threading.Barrier(2, timeout=10)
    failures = []

    def files():
        yield "a/1.txt", b"one"
        meet.wait()

    def unpack():
        try:
            cache.unpack(tmp_path / "set", files())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=unpack) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert (tmp_path / "set" / "a" / "1.txt").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["set"]


def test_the_cache_is_in_the_home_directory_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache.places("snacks", "val") == [tmp_path / ".cache" / "siamkeras" / "snacks" / "val"]


# --- The stand-in


def test_synthetic_never_looks_for_the_real_set(folder, monkeypatch):
    monkeypatch.setattr(downloads, "probe", None)
    monkeypatch.setattr(cache, "places", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    examples = data.snacks("validation", classes=["cake"], size=8, source="synthetic")
    assert examples.source == "synthetic snacks standing in for Matthijs/snacks, validation split (50 photos of cake)"


def test_drawings_keep_their_labels_and_each_split_has_its_own():
    """100, 50 and 50 of each snack, in the three seeds 0, 1 and 2."""
    asked = {"classes": ["salad", "cake"], "size": (8, 10), "source": "synthetic"}
    for seed, (split, count) in enumerate({"train": 100, "validation": 50, "test": 50}.items()):
        examples = data.snacks(split, **asked)
        assert examples.labels.tolist() == [2] * count + [16] * count
        assert examples.class_names == {2: "cake", 16: "salad"}
        np.testing.assert_array_equal(examples.images, synthetic.snacks(["cake", "salad"], count, (8, 10), seed).images)


def test_drawings_are_written_once_where_paths_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "SPLITS", {"train": ("train", 2), "validation": ("val", 2)})
    monkeypatch.setattr(photos, "DRAWN", 32)
    files = data.snacks("validation", classes=["banana", "salad"], size=None, source="synthetic")
    assert files.labels.tolist() == [1, 1, 16, 16]
    assert files.source.endswith("standing in for Matthijs/snacks, validation split (4 photos of banana, salad)")
    assert all(Path(file).is_relative_to(tmp_path / "cache" / "siamkeras") for file in files.images)
    drawn = synthetic.snacks(["banana", "salad"], 2, 32, seed=1).images
    read, broken = data.folders.decode(files.images, (32, 32))
    assert not broken
    assert np.abs(read - drawn).mean() < 0.06 < np.abs(read - drawn[::-1]).mean()
    monkeypatch.setattr(synthetic, "snacks", None)
    assert len(data.snacks("validation", size=None, source="synthetic").images) == 40


# --- Arguments

LISTED = f"`classes` must be a list of names out of: {', '.join(NAMES)}."


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.snacks("val"), "`split` must be one of 'train', 'validation', 'test'. Received: split='val'."),
        (lambda: data.snacks(source="x"), "`source` must be one of 'auto', 'real', 'synthetic'. Received: source='x'."),
        (lambda: data.snacks(classes=["apple", "tofu"]), f"{LISTED} Received: ['apple', 'tofu']."),
        (lambda: data.snacks(classes="apple"), f"{LISTED} Received: 'apple'."),
        (lambda: data.snacks(classes=[]), f"{LISTED} Received: []."),
        (lambda: data.snacks(classes=[["apple"]]), f"{LISTED} Received: [['apple']]."),
        (lambda: data.snacks(classes=3), f"{LISTED} Received: 3."),
        (lambda: data.snacks(size=0), "`size` must be (height, width), two integers of at least 1 pixel."),
        (lambda: data.snacks(size=(96, 96, 3)), "Received: size=(96, 96, 3)."),
        (lambda: data.snacks(size="large"), "Received: size='large'."),
    ],
)
def test_arguments_are_checked_before_anything_is_looked_for(monkeypatch, call, words):
    monkeypatch.setattr(data.hub, "real_or_stand_in", None)
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


# --- The real set, where it is

REAL = os.environ.get("SIAMKERAS_DATA", "-")


@pytest.mark.skipif(not Path(REAL, "snacks").is_dir(), reason="needs snacks under SIAMKERAS_DATA")
def test_the_real_photos_are_as_many_as_its_authors_say(monkeypatch):
    """955 in validation: 50 of each, but 40 of pineapple (13) and popcorn (14), 25 of pretzel (15); test has 952."""
    monkeypatch.setenv("SIAMKERAS_DATA", REAL)
    validation, test = (data.snacks(split, size=16, source="real") for split in ("validation", "test"))
    counts = np.full(20, 50)
    counts[[13, 14, 15]] = 40, 40, 25
    assert np.bincount(validation.labels).tolist() == counts.tolist()
    counts[[11, 17]] = 48, 49
    assert np.bincount(test.labels).tolist() == counts.tolist()
    assert validation.images.shape == (955, 16, 16, 3)
    assert 0 <= validation.images.min() < 0.1 and 0.9 < validation.images.max() <= 1
    pair = data.snacks("train", classes=["apple", "banana"], size=16, source="real")
    assert np.bincount(pair.labels).tolist() == [250, 250]
