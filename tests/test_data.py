"""Data: what the loaders give, where they look for it, and what they say when it is not there."""

import io
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamkeras import data, synthetic
from siamkeras.data import _downloads as downloads
from siamkeras.data import _hub as hub
from siamkeras.data import _notices as notices
from siamkeras.data import omniglot as characters

# A toy Omniglot: label: (alphabet, number of the character in it). Two background alphabets and one for evaluation.
ALPHABETS = ["Greek", "Japanese_(katakana)", "N_Ko"]
CHARACTERS = {7: (0, 4), 3: (1, 0), 11: (2, 11)}
SPLITS = {"train": [7, 3, 7], "test": [11, 11], "small1": [3], "small2": [7]}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No test asks a host: what a probe would say is decided here."""
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))


@pytest.fixture
def glyphs(monkeypatch):
    """Glyphs without the drawing: 2 images per class, each filled with the number of its alphabet / 100."""

    def fake(alphabets=10, characters=12, hands=20, size=35, seed=0):
        labels = np.repeat(np.arange(alphabets * characters), 2)
        groups = labels // characters
        images = np.broadcast_to((groups / 100)[:, None, None, None], (len(labels), size, size, 1)).astype("float32")
        names = {label: f"character {label}" for label in range(alphabets * characters)}
        return data.Examples(images, labels, groups, names, {group: f"alphabet {group}" for group in range(alphabets)})

    monkeypatch.setattr(synthetic, "glyphs", fake)


def drawing(label, number):
    """105x105 pixels, dark ink on light: a bar and a spot whose places tell the label and the number of the drawing."""
    image = np.full((105, 105), 255, np.uint8)
    image[5 * label : 5 * label + 4, 10:90] = 0
    image[95:100, 7 * number : 7 * number + 5] = 0
    return image


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def class_label(count):
    kind = "tensorflow_datasets.core.features.class_label_feature.ClassLabel"
    return {"classLabel": {"numClasses": str(count)}, "pythonClassName": kind}


def image_feature(*shape):
    kind = "tensorflow_datasets.core.features.image_feature.Image"
    image = {"dtype": "uint8", "encodingFormat": "png", "shape": {"dimensions": [str(side) for side in shape]}}
    return {"image": image, "pythonClassName": kind}


def prepare(directory, name, version, features, splits):
    """What TensorFlow Datasets writes when it prepares a set; `splits` is {split: [{feature: value}]}."""
    import tensorflow as tf

    folder = Path(directory) / name / version
    folder.mkdir(parents=True)
    kind = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}, "pythonClassName": kind}))
    described = []
    for split, rows in splits.items():
        with tf.io.TFRecordWriter(str(folder / f"{name}-{split}.tfrecord-00000-of-00001")) as writer:
            for row in rows:
                values = {
                    key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                    if isinstance(value, bytes)
                    else tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
                    for key, value in row.items()
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString())
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        lengths = [str(len(rows))]
        described.append({"name": split, "numBytes": "1", "shardLengths": lengths, "filepathTemplate": template})
    info = {"name": name, "version": version, "fileFormat": "tfrecord", "splits": described}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder


def prepare_omniglot(directory, version="3.0.0"):
    features = {"image": image_feature(105, 105, 3), "alphabet": class_label(3), "label": class_label(12)}
    rows = {
        split: [
            {"image": png(drawing(label, number)), "label": label, "alphabet": CHARACTERS[label][0]}
            for number, label in enumerate(labels)
        ]
        for split, labels in SPLITS.items()
    }
    folder = prepare(directory, "omniglot", version, features, rows)
    names = [f"Unused_{label}" for label in range(12)]
    for label, (alphabet, number) in CHARACTERS.items():
        names[label] = f"{ALPHABETS[alphabet]}_{number}"
    (folder / "label.labels.txt").write_text("\n".join(names) + "\n")
    (folder / "alphabet.labels.txt").write_text("\n".join(ALPHABETS) + "\n")
    return folder


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The folder of a toy Omniglot, ready on this machine."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return prepare_omniglot(tmp_path)


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """A machine with no data sets."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "empty"))
    return tmp_path / "empty"


# --- Omniglot, as prepared on this machine


def test_ink_is_one_and_averaged_over_the_area_of_each_pixel(prepared):
    """105 / 35 = 3: each pixel is the mean of 3x3 pixels of 1 - value / 255."""
    images = data.omniglot("background", source="real").images
    for number, label in enumerate(SPLITS["train"]):
        expected = (1 - drawing(label, number) / 255).reshape(35, 3, 35, 3).mean((1, 3))
        np.testing.assert_allclose(images[number, :, :, 0], expected, atol=1e-6)
    assert images.dtype == np.float32 and images.shape == (3, 35, 35, 1)
    assert images.min() == 0 and images.max() == 1


def test_a_size_that_does_not_divide_105_still_averages_by_area(prepared):
    """Row i of 40 covers [2.625 i, 2.625 (i + 1)); source pixel j counts by the part of [j, j + 1) inside it."""
    scale = 105 / 40
    weights = np.zeros((40, 105))
    for i, j in itertools.product(range(40), range(105)):
        weights[i, j] = max(0, min(scale * (i + 1), j + 1) - max(scale * i, j)) / scale
    expected = weights @ (1 - drawing(11, 1) / 255) @ weights.T
    images = data.omniglot("evaluation", size=40, source="real").images
    np.testing.assert_allclose(images[1, :, :, 0], expected, atol=1e-5)


def test_size_105_gives_the_originals(prepared):
    images = data.omniglot("small1", size=105, source="real").images
    np.testing.assert_array_equal(images[0, :, :, 0], 1 - drawing(3, 0) / 255)


@pytest.mark.parametrize(
    ("subset", "labels", "source"),
    [
        ("background", [7, 3, 7], "Omniglot, background set (2 alphabets), TensorFlow Datasets 3.0.0"),
        ("evaluation", [11, 11], "Omniglot, evaluation set (1 alphabets), TensorFlow Datasets 3.0.0"),
        ("all", [7, 3, 7, 11, 11], "Omniglot, background and evaluation sets (3 alphabets), TensorFlow Datasets 3.0.0"),
        ("small1", [3], "Omniglot, small background set 1 (1 alphabets), TensorFlow Datasets 3.0.0"),
        ("small2", [7], "Omniglot, small background set 2 (1 alphabets), TensorFlow Datasets 3.0.0"),
    ],
)
def test_each_subset_of_omniglot_has_its_labels_alphabets_and_source(prepared, subset, labels, source):
    examples = data.omniglot(subset, source="real")
    assert examples.labels.tolist() == labels
    assert examples.groups.tolist() == [CHARACTERS[label][0] for label in labels]
    assert examples.source == source


def test_characters_and_alphabets_have_the_names_that_omniglot_gives_them(prepared):
    """TensorFlow Datasets counts characters from 0 ("Greek_4"), Omniglot's folders from 1 (Greek/character05)."""
    examples = data.omniglot("all", source="real")
    assert examples.class_names == {
        3: "Japanese (katakana), character 01",
        7: "Greek, character 05",
        11: "N Ko, character 12",
    }
    assert examples.group_names == {0: "Greek", 1: "Japanese (katakana)", 2: "N Ko"}
    assert data.omniglot("small2", source="real").class_names == {7: "Greek, character 05"}


def test_a_copy_on_this_machine_is_read_without_asking_any_host(prepared, monkeypatch):
    def forbidden(*_, **__):
        raise RuntimeError("a host was asked")

    monkeypatch.setattr(downloads, "probe", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    assert len(data.omniglot("evaluation").labels) == 2


def test_the_newest_prepared_version_is_read_and_unfinished_ones_are_not(prepared):
    """3.0.10 is newer than 3.0.9, though not in the alphabet; what is being prepared is named incomplete.*."""
    prepare_omniglot(prepared.parent.parent, "3.0.9")
    prepare_omniglot(prepared.parent.parent, "3.0.10")
    shutil.copytree(prepared, prepared.parent / "incomplete.AB12_4.0.0")
    assert data.omniglot("small1").source.endswith("TensorFlow Datasets 3.0.10")


def test_the_folder_in_the_home_directory_is_searched_when_no_other_is_named(tmp_path, monkeypatch):
    prepare_omniglot(tmp_path / "tensorflow_datasets")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert data.omniglot("small1").labels.tolist() == [3]


def truncate(folder):
    record = folder / "omniglot-train.tfrecord-00000-of-00001"
    record.write_bytes(record.read_bytes()[:-40])


def lose_an_example(folder):
    """Cut between two records: nothing is corrupt, but one is missing."""
    import tensorflow as tf

    record = str(folder / "omniglot-train.tfrecord-00000-of-00001")
    rows = [row.numpy() for row in tf.data.TFRecordDataset(record)]
    with tf.io.TFRecordWriter(record) as writer:
        for row in rows[:-1]:
            writer.write(row)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (truncate, "cannot be read: DataLossError (truncated record at"),
        (lose_an_example, "expected to contain 3 elements but contained only 2 elements"),
        (lambda folder: (folder / "omniglot-train.tfrecord-00000-of-00001").unlink(), "NotFoundError"),
        (lambda folder: (folder / "dataset_info.json").write_text("{"), "cannot be read: ParseError"),
        (lambda folder: (folder / "dataset_info.json").unlink(), "is not complete: it has no dataset_info.json"),
    ],
)
@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_damaged_copy_is_an_error_that_names_its_folder(prepared, harm, words, source):
    """Also with "auto": glyphs in its place would hide the damage."""
    harm(prepared)
    with pytest.raises(OSError) as caught:
        data.omniglot("background", source=source)
    assert not isinstance(caught.value, ConnectionError)
    assert str(caught.value).startswith(f"The copy of Omniglot in {prepared} ")
    assert words in str(caught.value)
    assert str(caught.value).endswith("elete that folder and load the set again.")


# --- Omniglot, from elsewhere or not at all


def test_a_download_asks_tensorflow_datasets_for_the_split_and_says_what_is_fetched(nothing, monkeypatch, capsys):
    import tensorflow_datasets as tfds

    load, calls, probed = tfds.load, [], []

    def download(name, **arguments):
        calls.append((name, arguments))
        if arguments["download"]:
            prepare_omniglot(arguments["data_dir"])
        return load(name if ":" in name else f"{name}:3.0.0", **arguments | {"download": False})

    monkeypatch.setattr(tfds, "load", download)
    monkeypatch.setattr(downloads, "probe", probed.append)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        examples = data.omniglot("all", source="auto")

    (name, arguments), *more = calls
    assert name == "omniglot" and not more
    assert arguments["split"] == "train+test"
    assert arguments["data_dir"] == str(nothing)
    assert arguments["download"] is True and arguments["with_info"] is True and arguments["shuffle_files"] is False
    assert probed == ["https://github.com/brendenlake/omniglot/raw/master/python/images_background_small1.zip"]
    assert examples.labels.tolist() == [7, 3, 7, 11, 11]
    assert capsys.readouterr().err == f"Downloading Omniglot (19 MB) from github.com to {nothing}, once.\n"

    assert data.omniglot("small1").labels.tolist() == [3]
    assert calls[1][0] == "omniglot:3.0.0" and calls[1][1]["download"] is False
    assert len(probed) == 1 and capsys.readouterr().err == ""


def test_offline_real_is_a_connection_error_that_says_what_where_and_how(nothing):
    with pytest.raises(ConnectionError) as caught:
        data.omniglot(source="real")
    assert str(caught.value) == (
        f"Omniglot is not in {nothing / 'omniglot'}, and github.com does not answer: ConnectionError (there is no "
        'network in tests). Where there is a network, `tfds.load("omniglot")` fetches it; the environment variable '
        "TFDS_DATA_DIR says where it is looked for."
    )
    assert str(caught.value.__cause__) == "there is no network in tests"


def test_offline_auto_gives_glyphs_and_one_notice_that_says_why(nothing, glyphs):
    with pytest.warns(data.StandInWarning) as caught:
        examples = data.omniglot()
    assert str(caught[0].message) == (
        f"Omniglot is not in {nothing / 'omniglot'}, and github.com does not answer: ConnectionError (there is no "
        'network in tests). Where there is a network, `tfds.load("omniglot")` fetches it; the environment variable '
        "TFDS_DATA_DIR says where it is looked for. Until then synthetic glyphs stand in for it: what is measured on "
        "them does not compare with published numbers."
    )
    assert len(caught) == 1
    assert examples.source == "synthetic glyphs standing in for Omniglot, background set (20 alphabets)"


def test_the_notice_is_an_error_where_warnings_are_errors(nothing, glyphs):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(data.StandInWarning):
            data.omniglot()


def test_the_notice_is_one_line_without_a_path_of_code_and_is_not_repeated(nothing, glyphs, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda *args, **_: sys.stderr.write(warnings.formatwarning(*args[:4]))
        data.omniglot()
        data.omniglot("evaluation")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("<siamkeras.data>:0: StandInWarning: Omniglot is not in ")
    assert os.path.dirname(notices.__file__) not in line


def test_a_download_that_breaks_off_counts_as_no_network(nothing, glyphs, monkeypatch):
    import tensorflow_datasets as tfds

    def break_off(*_, **__):
        raise tfds.download.DownloadError("Failed to get url. HTTP code: 403.")

    monkeypatch.setattr(tfds, "load", break_off)
    monkeypatch.setattr(downloads, "probe", lambda url: None)
    words = r"and its download failed: DownloadError \(Failed to get url. HTTP code: 403\)\. Where there"
    with pytest.raises(ConnectionError, match=words) as caught:
        data.omniglot(source="real")
    assert isinstance(caught.value.__cause__, tfds.download.DownloadError)
    with pytest.warns(data.StandInWarning, match=words):
        assert data.omniglot().source.startswith("synthetic glyphs")


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "importlib_resources"])
def test_without_tensorflow_datasets_the_message_says_what_to_install(prepared, glyphs, monkeypatch, missing):
    """TensorFlow Datasets 4.9.10 imports importlib_resources when it loads, and does not ask for it when installed."""
    import tensorflow_datasets as tfds

    if missing == "importlib_resources":

        def load(*_, **__):
            raise ModuleNotFoundError("No module named 'importlib_resources'")

        monkeypatch.setattr(tfds, "load", load)
    else:
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    words = f"(?s)which cannot be used here: .*{missing}.*Install tensorflow, tensorflow-datasets and importlib_res"
    with pytest.raises(ImportError, match=words):
        data.omniglot(source="real")
    with pytest.warns(data.StandInWarning, match=words):
        assert data.omniglot().source.startswith("synthetic glyphs")


def test_synthetic_never_looks_for_the_real_set(prepared, glyphs, monkeypatch):
    def forbidden(*_, **__):
        raise RuntimeError("the real set was looked for")

    monkeypatch.setattr(downloads, "probe", forbidden)
    monkeypatch.setattr(hub, "_prepared_version", forbidden)
    assert data.omniglot(source="synthetic").source.startswith("synthetic glyphs")
    assert data.mnist(source="synthetic").source.startswith("scikit-learn's 8x8 digits")


# --- The stand-ins


def test_stand_in_background_and_evaluation_share_no_alphabet_and_are_the_same_in_all(glyphs):
    background, evaluation, both = (
        data.omniglot(name, size=9, source="synthetic") for name in ("background", "evaluation", "all")
    )
    assert np.unique(background.groups).tolist() == list(range(20))
    assert np.unique(evaluation.groups).tolist() == list(range(20, 30))
    assert not set(background.labels) & set(evaluation.labels)
    np.testing.assert_array_equal(both.labels, np.concatenate([background.labels, evaluation.labels]))
    np.testing.assert_array_equal(both.images, np.concatenate([background.images, evaluation.images]))
    assert set(evaluation.class_names) == set(evaluation.labels.tolist())
    assert evaluation.images.shape[1:] == (9, 9, 1)
    assert both.source == "synthetic glyphs standing in for Omniglot, background and evaluation sets (30 alphabets)"


@pytest.mark.parametrize(("subset", "alphabets"), [("small1", range(5)), ("small2", range(5, 10))])
def test_stand_in_small_sets_are_five_alphabets_of_the_background(glyphs, subset, alphabets):
    small = data.omniglot(subset, source="synthetic")
    assert np.unique(small.groups).tolist() == list(alphabets)
    np.testing.assert_allclose(small.images[:, 0, 0, 0], small.groups / 100, atol=1e-7)


def test_stand_in_glyphs_are_drawn_for_real():
    """5 alphabets of 20 characters by 20 hands: 2,000 images."""
    small = data.omniglot("small1", size=14, source="synthetic")
    assert repr(small).startswith("2000 images (14x14x1), 100 classes in 5 groups")
    assert np.unique(np.bincount(small.labels)).tolist() == [20]
    assert 0 <= small.images.min() < 0.1 and 0.5 < small.images.max() <= 1


def test_digits_are_the_ones_of_scikit_learn_and_always_real():
    from sklearn.datasets import load_digits

    digits = data.digits()
    np.testing.assert_array_equal(digits.images[:, :, :, 0] * 16, load_digits().images)
    np.testing.assert_array_equal(digits.labels, load_digits().target)
    assert digits.images.shape == (1797, 8, 8, 1) and digits.images.dtype == np.float32
    assert digits.images.max() == 1 and digits.groups is None
    assert digits.class_names[7] == "7" and digits.source == "scikit-learn's digits"


def test_the_stand_in_of_mnist_is_digits_enlarged_by_three_with_a_border_of_two():
    """The pixel in the middle of each 3x3 lies at the centre of a pixel of 8x8, which keeps its value."""
    train, test = (data.mnist(subset, source="synthetic") for subset in ("train", "test"))
    digits = data.digits()
    assert train.images.shape == (1437, 28, 28, 1) and test.images.shape == (360, 28, 28, 1)
    assert train.images.dtype == np.float32
    np.testing.assert_allclose(train.images[:, 3:27:3, 3:27:3], digits.images[:1437], atol=1e-6)
    np.testing.assert_allclose(test.images[:, 3:27:3, 3:27:3], digits.images[1437:], atol=1e-6)
    np.testing.assert_array_equal(test.labels, digits.labels[1437:])
    border = np.ones((28, 28), bool)
    border[2:26, 2:26] = False
    assert not test.images[:, border].any()
    assert test.source == "scikit-learn's 8x8 digits, enlarged, standing in for MNIST, test set"


def test_mnist_offline_says_that_digits_stand_in(nothing):
    words = (
        "MNIST is not in .*storage.googleapis.com does not .*Until then scikit-learn's 8x8 digits, enlarged, stand in"
    )
    with pytest.warns(data.StandInWarning, match=words):
        assert len(data.mnist("test").images) == 360
    with pytest.raises(ConnectionError, match=r"tfds\.load\(\"mnist\"\)"):
        data.mnist(source="real")


def test_mnist_is_read_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    picture = np.arange(28 * 28).reshape(28, 28) % 256
    rows = [{"image": png(picture.astype("uint8")), "label": 7}]
    features = {"image": image_feature(28, 28, 1), "label": class_label(10)}
    prepare(tmp_path, "mnist", "3.0.1", features, {"train": rows * 3, "test": rows})
    examples = data.mnist("train", source="real")
    np.testing.assert_allclose(examples.images, np.stack([picture[..., None] / 255] * 3), atol=1e-6)
    assert examples.labels.tolist() == [7, 7, 7] and examples.groups is None and examples.class_names[7] == "7"
    assert examples.source == "MNIST, training set, TensorFlow Datasets 3.0.1"


def test_the_splits_of_a_sum_follow_each_other(tmp_path, monkeypatch):
    """TensorFlow Datasets reads several files in turns of 16 examples unless told otherwise."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    image, features = png(np.zeros((28, 28), np.uint8)), {"image": image_feature(28, 28, 1), "label": class_label(10)}
    splits = {"train": [{"image": image, "label": 7}] * 40, "test": [{"image": image, "label": 3}] * 20}
    prepare(tmp_path, "mnist", "3.0.1", features, splits)
    _, columns, _ = hub.read(characters.MNIST, "train+test", 28, columns=("label",))
    assert columns["label"].tolist() == [7] * 40 + [3] * 20


# --- Arguments


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: data.omniglot("train"),
            "`subset` must be one of 'background', 'evaluation', 'all', 'small1', 'small2'",
        ),
        (lambda: data.omniglot(["all"]), r"Received: subset=\['all'\]"),
        (lambda: data.omniglot(size=7), "`size` must be an integer of at least 8 pixels. Received: size=7"),
        (lambda: data.omniglot(size=35.0), "Received: size=35.0"),
        (lambda: data.omniglot(size=True), "Received: size=True"),
        (lambda: data.omniglot(size=(35, 35)), r"Received: size=\(35, 35\)"),
        (
            lambda: data.omniglot(source="fake"),
            "`source` must be one of 'auto', 'real', 'synthetic'. Received: source='f",
        ),
        (lambda: data.mnist("background"), "`subset` must be one of 'train', 'test'. Received: subset='background'"),
        (lambda: data.mnist(source=None), "`source` must be one of .*Received: source=None"),
    ],
)
def test_arguments_are_checked_before_anything_is_looked_for(monkeypatch, call, words):
    monkeypatch.setattr(hub, "real_or_stand_in", None)
    with pytest.raises(ValueError, match=words):
        call()


# --- Whether a host answers


real_probe = downloads.probe


@pytest.fixture
def server():
    """A host on this machine: /found answers 200, /moved sends there, anything else 403."""

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response({"/found": 200, "/moved": 302}.get(self.path, 403))
            self.send_header("Location", "/found")
            self.end_headers()

        def log_message(self, *_):
            pass

    host = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=host.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{host.server_port}"
    host.shutdown()
    host.server_close()
    thread.join()


def without_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_host_that_answers_has_no_failure_and_one_that_refuses_is_quoted(server, monkeypatch):
    without_proxy(monkeypatch)
    assert real_probe(f"{server}/found") is None
    assert real_probe(f"{server}/moved") is None
    assert downloads.told(real_probe(f"{server}/hidden")) == "HTTP status 403"
    assert downloads.told(real_probe("http://127.0.0.1:9/closed")) == "ConnectionError"


def test_a_proxy_is_asked_and_one_that_never_answers_costs_no_more_than_the_limit(monkeypatch):
    """As on a network that drops its packets: the connection is made, and nothing comes back."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        without_proxy(monkeypatch)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.4)
        before = threading.active_count()
        start = time.monotonic()
        failure = real_probe("https://github.com/some/file.zip")
        assert 0.3 < time.monotonic() - start < 3
        assert isinstance(failure, Exception)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(100).startswith(b"CONNECT github.com:443")
            while threading.active_count() > before:  # what asks gives up by itself too
                assert time.monotonic() - start < 10
                time.sleep(0.05)


def test_a_name_that_takes_for_ever_to_look_up_costs_no_more_than_the_limit(monkeypatch):
    """`requests` has no timeout for the look-up of a name."""
    done = threading.Event()
    without_proxy(monkeypatch)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.3)
    start = time.monotonic()
    failure = real_probe("https://github.com/some/file.zip")
    elapsed = time.monotonic() - start
    done.set()
    assert elapsed < 3
    assert downloads.told(failure) == "TimeoutError (no answer within 0.3 seconds)"


def test_importing_data_and_asking_for_a_stand_in_imports_no_tensorflow(tmp_path):
    """In a process of its own, on the JAX backend; offline, because the only proxy is a closed port."""
    code = (
        "import sys, warnings, siamkeras.data as data\n"
        "assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)\n"
        "warnings.simplefilter('ignore', data.StandInWarning)\n"
        "print(data.mnist('test').source)\n"
        "assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)\n"
    )
    proxies = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    environment = os.environ | {"KERAS_BACKEND": "jax", "TFDS_DATA_DIR": str(tmp_path)} | proxies
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("scikit-learn's 8x8 digits"), result.stderr


# --- The real sets, where they are


def real_set(name):
    path = Path(os.environ.get("TFDS_DATA_DIR", ""), name)
    absent = not os.environ.get("TFDS_DATA_DIR") or not path.is_dir()
    return pytest.mark.skipif(absent, reason=f"needs {name} under TFDS_DATA_DIR")


@pytest.fixture(scope="module")
def real_omniglot():
    return [data.omniglot(subset, size=8, source="real") for subset in ("background", "evaluation")]


@real_set("omniglot")
def test_omniglot_has_the_classes_and_alphabets_of_its_paper(real_omniglot):
    """964 + 659 = 1,623 characters of 30 + 20 = 50 alphabets, 20 drawings each; no alphabet is on both sides."""
    for part, classes, alphabets in zip(real_omniglot, (964, 659), (30, 20), strict=True):
        labels, counts = np.unique(part.labels, return_counts=True)
        assert (len(labels), len(np.unique(part.groups))) == (classes, alphabets)
        assert set(counts) == {20}
        assert set(part.class_names) == set(labels.tolist()) and len(part.group_names) == alphabets
    background, evaluation = real_omniglot
    assert not set(background.labels) & set(evaluation.labels)
    assert not set(background.groups) & set(evaluation.groups)


@real_set("omniglot")
def test_every_character_of_omniglot_belongs_to_the_alphabet_in_its_name(real_omniglot):
    for part, classes in zip(real_omniglot, (964, 659), strict=True):
        pairs = set(zip(part.labels.tolist(), part.groups.tolist(), strict=True))
        assert len(pairs) == classes
        assert all(part.class_names[label].startswith(part.group_names[group] + ", ") for label, group in pairs)


@real_set("omniglot")
def test_omniglot_is_what_tensorflow_datasets_decodes():
    import tensorflow_datasets as tfds

    stored = tfds.load("omniglot", split="small2", data_dir=os.environ["TFDS_DATA_DIR"], download=False)
    examples = data.omniglot("small2", size=105, source="real")
    for number, example in enumerate(stored.take(200).as_numpy_iterator()):
        np.testing.assert_array_equal(examples.images[number, :, :, 0], 1 - example["image"][:, :, 0] / np.float32(255))
        assert examples.labels[number] == example["label"] and examples.groups[number] == example["alphabet"]


@real_set("mnist")
def test_mnist_is_complete():
    """The published counts of the ten digits in the test set: 980 zeros, 1,135 ones, ..."""
    test = data.mnist("test", source="real")
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.images.shape == (10000, 28, 28, 1) and test.images.max() == 1 and test.images.min() == 0


# --- Folders of images


def gradient(height=60, width=80):
    """Smooth colours with one sharp-edged patch, so that channels, axes and resizing can be told apart."""
    down, across = np.mgrid[0:height, 0:width]
    image = np.stack([255 * down / height, 255 * across / width, 120 + 0 * down], axis=-1)
    image[height // 4 : height // 2, width // 4 : width // 2] = (30, 200, 90)
    return Image.fromarray(image.astype(np.uint8))


@pytest.fixture
def photos(tmp_path):
    """photos/{apple, quince}, with much beside them that is no image."""
    folder = tmp_path / "photos"
    for name, file, colour in (
        ("quince", "1.PNG", (255, 0, 0)),
        ("apple", "b.jpg", (0, 255, 0)),
        ("apple", "a.png", (0, 0, 255)),
        ("apple", "c.bmp", (255, 255, 255)),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), colour).save(folder / name / file)
    for noise in ("README.txt", "apple/.hidden.png", "apple/notes.csv"):
        (folder / noise).write_text("not an image")
    (folder / ".ipynb_checkpoints").mkdir()
    return folder


def test_folders_are_classes_in_alphabetical_order_and_files_within_them(photos):
    """apple: a.png blue, b.jpg green, c.bmp white; quince: 1.PNG red. A flat colour stays what it is at every size."""
    examples = data.image_folder(photos, size=(8, 6))
    assert examples.images.shape == (4, 8, 6, 3) and examples.images.dtype == np.float32
    expected = [(0, 0, 1), (0, 1, 0), (1, 1, 1), (1, 0, 0)]
    np.testing.assert_allclose(examples.images[:, 4, 3], expected, atol=0.02)
    assert examples.labels.tolist() == [0, 0, 0, 1]
    assert examples.class_names == {0: "apple", 1: "quince"}
    assert examples.groups is None and examples.group_names == {}
    assert examples.source == f"images of the folder {photos}, 8x6"


def test_grey_images_weigh_the_colours_as_the_eye_does(photos):
    """ITU-R 601: 0.299 red + 0.587 green + 0.114 blue."""
    images = data.image_folder(photos, size=(8, 6), channels=1).images
    np.testing.assert_allclose(images[:, 4, 3, 0], [0.114, 0.587, 1, 0.299], atol=0.02)


def test_image_paths_are_the_same_files_undecoded(photos):
    files = data.image_paths(str(photos))
    names = ("apple/a.png", "apple/b.jpg", "apple/c.bmp", "quince/1.PNG")
    assert files.images.tolist() == [str(photos / name) for name in names]
    assert files.labels.tolist() == [0, 0, 0, 1] and files.class_names == {0: "apple", 1: "quince"}
    assert repr(files).startswith("4 images (file paths), 2 classes")


def test_a_level_of_groups_may_lie_above_the_classes(tmp_path):
    """Two writers who both have a class "forged": four classes, not two."""
    for place, count in (("w9/genuine", 2), ("w9/forged", 1), ("w2/forged", 2), ("w2/genuine", 1)):
        (tmp_path / place).mkdir(parents=True)
        for number in range(count):
            gradient().save(tmp_path / place / f"{number}.png")
    examples = data.image_folder(tmp_path, size=(12, 16), groups=True)
    assert examples.class_names == {0: "w2/forged", 1: "w2/genuine", 2: "w9/forged", 3: "w9/genuine"}
    assert examples.labels.tolist() == [0, 0, 1, 2, 3, 3]
    assert examples.groups.tolist() == [0, 0, 0, 1, 1, 1]
    assert examples.group_names == {0: "w2", 1: "w9"}
    assert data.image_paths(tmp_path, groups=True).groups.tolist() == [0, 0, 0, 1, 1, 1]


FORMATS = {
    "colour.png": ("RGB", 0.01),
    "transparent.png": ("RGBA", 0.01),
    "grey.png": ("L", 0.01),
    "grey_transparent.png": ("LA", 0.01),
    "palette.png": ("P", 0.01),
    "bits.png": ("1", 0.01),
    "colour.bmp": ("RGB", 0.01),
    "grey.bmp": ("L", 0.01),
    "grey.gif": ("L", 0.01),
    "grey.jpg": ("L", 0.04),
    "colour.JPEG": ("RGB", 0.04),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(24, 30), (60, 80), (90, 100)])
def test_tensorflow_and_pillow_decode_alike(tmp_path, size, channels):
    """Smaller, as it is, and larger; rounding costs Pillow up to 1/255 each way, and JPEG leaves decoders freedom."""
    (tmp_path / "übung").mkdir()
    for name, (mode, _) in FORMATS.items():
        gradient().convert(mode).save(tmp_path / "übung" / name)
    sixteen = np.asarray(gradient().convert("L")).astype(np.uint16) * 257
    Image.fromarray(sixteen).save(tmp_path / "übung" / "sixteen.png")
    # A palette with a transparency for each of its colours, which Pillow warns of.
    gradient().convert("P").save(tmp_path / "übung" / "glass.png", transparency=bytes(range(256)))

    import tensorflow as tf

    files = data.image_paths(tmp_path).images
    expected = data.image_folder(tmp_path, size=size, channels=channels).images
    stream = tf.data.Dataset.from_tensor_slices(files).map(data.load_image(size=size, channels=channels))
    assert stream.element_spec == tf.TensorSpec((*size, channels), tf.float32)
    for file, image, other in zip(files, stream.as_numpy_iterator(), expected, strict=True):
        tolerance = FORMATS.get(Path(file).name, (None, 0.01))[1]
        assert np.abs(image - other).max() < tolerance, file
        assert other.std() > 0.1 and 0 <= image.min() and image.max() <= 1


@pytest.mark.parametrize(
    ("size", "part"),
    [
        ((60, 60), np.s_[:, 10:70]),  # as wide as 60 rows allow: 20 of 80 columns go, half on each side
        ((30, 80), np.s_[15:45]),
        ((30, 60), np.s_[10:50]),  # 60 columns of 30 rows are 80 of 40
        ((7, 60), np.s_[25:35]),  # 7 / 60 * 80 = 9.3 rows, rounded up
        ((60, 80), np.s_[:]),
    ],
)
def test_a_crop_is_the_middle_with_the_proportions_asked_for(tmp_path, size, part):
    import tensorflow as tf

    (tmp_path / "crops").mkdir()
    gradient().save(tmp_path / "crops" / "a.png")
    middle = Image.fromarray(np.asarray(gradient())[part])
    expected = np.asarray(middle.resize(size[::-1], Image.Resampling.BILINEAR)) / 255
    (found,) = data.image_folder(tmp_path, size=size, crop=True).images
    np.testing.assert_allclose(found, expected, atol=0.01)
    streamed = data.load_image(size, crop=True)(tf.constant(str(tmp_path / "crops" / "a.png")))
    np.testing.assert_allclose(streamed, found, atol=0.01)
    grey = tf.data.Dataset.from_tensors(str(tmp_path / "crops" / "a.png")).map(data.load_image(size, 1, crop=True))
    assert grey.element_spec.shape == (*size, 1)
    np.testing.assert_allclose(next(iter(grey)), data.image_folder(tmp_path, size, 1, crop=True).images[0], atol=0.01)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89"])
def test_a_stream_names_the_file_that_is_no_image(tmp_path, content):
    import tensorflow as tf

    (tmp_path / "broken.png").write_bytes(content)
    stream = tf.data.Dataset.from_tensor_slices([str(tmp_path / "broken.png")]).map(data.load_image((8, 8)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no PNG, JPEG, GIF or BMP image.*broken.png"):
        next(iter(stream))


def test_pgm_and_ppm_are_read_in_memory_and_refused_by_name_in_a_stream(tmp_path):
    """Pillow reads them; TensorFlow does not. 16 bits of grey keep their range: 257 * 100 of 65535 is 100 / 255."""
    (tmp_path / "faces").mkdir()
    gradient().save(tmp_path / "faces" / "a.ppm")
    (tmp_path / "faces" / "b.pgm").write_bytes(b"P5 8 8 255\n" + bytes([100] * 64))
    (tmp_path / "faces" / "c.pgm").write_bytes(b"P5 8 8 65535\n" + (25700).to_bytes(2, "big") * 64)
    images = data.image_folder(tmp_path, size=(60, 80), channels=3).images
    np.testing.assert_allclose(images[0] * 255, np.asarray(gradient()), atol=1e-4)
    np.testing.assert_allclose(images[1:], 100 / 255, atol=1e-6)

    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices([str(tmp_path / "faces" / "a.ppm")]).map(data.load_image((8, 8)))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"does not decode PGM or PPM.*a\.ppm"):
        next(iter(stream))


def damage(photos):
    (photos / "apple" / "b.jpg").write_text("<html>404</html>")
    whole = photos / "apple" / "whole.png"
    gradient().save(whole)
    (photos / "apple" / "d.png").write_bytes(whole.read_bytes()[:200])
    whole.unlink()


def test_broken_files_are_all_named_at_once(photos):
    """Of 5 files, b.jpg is a web page and d.png is cut off."""
    damage(photos)
    with pytest.raises(ValueError) as caught:
        data.image_folder(photos, size=(8, 8))
    message = str(caught.value)
    assert message.startswith(f"2 of 5 images cannot be decoded: {photos / 'apple' / 'b.jpg'} (not an image), ")
    assert f"{photos / 'apple' / 'd.png'} (" in message
    assert message.endswith("Remove them, or leave them out with skip_broken=True.")
    with pytest.raises(ValueError, match=r"2 of 5 images cannot be decoded: .*b\.jpg.*d\.png.*Remove them\.$"):
        data.image_paths(photos, check=True)
    assert len(data.image_paths(photos).images) == 5


def test_broken_files_can_be_left_out_with_a_notice(photos):
    damage(photos)
    with pytest.warns(data.SkippedFilesWarning, match=r"2 of 5 images .*b\.jpg.*d\.png.* Left out\.$") as caught:
        examples = data.image_folder(photos, size=(8, 8), skip_broken=True)
    assert len(caught) == 1
    assert examples.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(examples.images[:, 4, 4], [(0, 0, 1), (1, 1, 1), (1, 0, 0)], atol=0.01)


def test_sound_files_cause_no_notice_and_pass_the_check(photos):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert len(data.image_folder(photos, size=(8, 8), skip_broken=True).images) == 4
        assert len(data.image_paths(photos, check=True).images) == 4


def test_a_class_with_nothing_but_broken_files_is_an_error_also_when_skipping(photos):
    (photos / "quince" / "1.PNG").write_bytes(b"")
    with pytest.raises(ValueError, match="Without them no image is left of: quince"):
        data.image_folder(photos, size=(8, 8), skip_broken=True)


def test_many_names_are_cut_to_five(photos):
    for number in range(8):
        (photos / "quince" / f"x{number}.png").write_text("no")
    with pytest.raises(ValueError, match=r"^8 of 12 images .*x4\.png \(not an image\) and 3 more\. Remove"):
        data.image_folder(photos, size=(8, 8))


@pytest.mark.parametrize("load", [lambda *a, **k: data.image_folder(*a, size=(8, 8), **k), data.image_paths])
def test_a_folder_that_is_not_laid_out_by_classes_is_an_error_that_says_what_was_found(photos, tmp_path, load):
    with pytest.raises(FileNotFoundError, match=r"^There is no folder .*nowhere\.$"):
        load(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"^There is no folder .*README\.txt: that is a file\.$"):
        load(photos / "README.txt")
    with pytest.raises(ValueError, match=r"Expected a folder for each class in .*apple\. Found only files, such as 'a"):
        load(photos / "apple")
    with pytest.raises(ValueError, match=r"Expected a folder for each class in .*apple\. Found only files, such as 'a"):
        load(photos, groups=True)
    with pytest.raises(ValueError, match=r"Found none in: .*photos\. There are folders inside: .*use groups=True\.$"):
        load(tmp_path)
    (photos / "empty").mkdir()
    (photos / "pear").mkdir()
    (photos / "pear" / "list.txt").write_text("no image")
    with pytest.raises(
        ValueError, match=r"^Every class needs an image \(png, jpg, .*\)\. Found none in: .*empty, .*pear\.$"
    ):
        load(photos)
    with pytest.raises(ValueError, match=r"Expected a folder for each class in .*empty\. Found nothing\.$"):
        load(photos / "empty")


@pytest.mark.parametrize("size", [64, (64,), (64, 64, 3), (0, 64), (64.0, 64.0), None, "ab"])
def test_an_image_size_is_two_positive_integers(size):
    for call in (lambda: data.image_folder("nowhere", size=size), lambda: data.load_image(size=size)):
        with pytest.raises(ValueError, match=r"`size` must be \(height, width\), two integers .*Received: size="):
            call()


def test_channels_are_one_or_three():
    for call in (lambda: data.image_folder("nowhere", (8, 8), channels=4), lambda: data.load_image((8, 8), channels=4)):
        with pytest.raises(ValueError, match=r"`channels` must be 1 \(grey\) or 3 \(colours\). Received: channels=4"):
            call()


@pytest.mark.skipif(
    not Path(os.environ.get("SIAMKERAS_DATA", "-"), "att_faces").is_dir(), reason="needs att_faces under SIAMKERAS_DATA"
)
def test_the_faces_of_forty_people_are_read_from_their_folders():
    faces = data.image_folder(Path(os.environ["SIAMKERAS_DATA"], "att_faces"), size=(112, 92), channels=1)
    assert faces.images.shape == (400, 112, 92, 1)
    assert np.bincount(faces.labels).tolist() == [10] * 40
    assert faces.class_names[1] == "s10"
