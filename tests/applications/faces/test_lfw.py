"""Tests of the loaders of Labeled Faces in the Wild."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.utils import Bunch

from siamkeras import data
from siamkeras.applications import faces
from siamkeras.data import _sources

pytestmark = pytest.mark.usefixtures("offline")

# Fold 1 tests Ann and Bea, fold 2 Cid and Dan; Eve has five photos, Flo two, Gus one.
PHOTOS = {"Ann_A": 2, "Bea": 3, "Cid": 2, "Dan": 2, "Eve_E_E": 5, "Flo": 2, "Gus": 1}
PAIRS = "2\t1\nAnn_A\t1\t2\nAnn_A\t2\tBea\t3\nCid\t1\t2\nCid\t2\tDan\t1\n"
CSV = (
    "fold,same,file1,file2\n1,1,Ann_A_0001.jpg,Ann_A_0002.jpg\n1,0,Ann_A_0002.jpg,Bea_0003.jpg\n"
    "2,1,Cid_0001.jpg,Cid_0002.jpg\n2,0,Cid_0002.jpg,Dan_0001.jpg\n"
)


def write(folder, photos="lfw_funneled", pairs=("pairs.txt", PAIRS)):
    """The layout of the publisher. Photo k of person i has the grey value 20 i + 4 k; red is 8 lower."""
    for person, (name, count) in enumerate(PHOTOS.items()):
        (folder / photos / name).mkdir(parents=True)
        for photo in range(1, count + 1):
            grey = 20 * person + 4 * photo + 8
            image = Image.new("RGB", (50, 50), (grey - 8, grey, grey))
            image.save(folder / photos / name / f"{name}_{photo:04d}.jpg", quality=100)
    (folder / pairs[0]).write_text(pairs[1])


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "data" / "lfw")
    return tmp_path / "data" / "lfw"


def grey(images):
    return np.round(images[:, 3, 3, 1] * 255).astype(int).tolist()


def test_training_people_are_in_no_pair_and_have_two_to_four_photos(folder):
    """Eve's fifth photo is left out, and Gus, who has one."""
    people = faces.lfw_people(size=(8, 6), folds=(1, 2), source="real")
    assert people.images.shape == (6, 8, 6, 3) and people.images.dtype == np.float32
    assert people.labels.tolist() == [0, 0, 0, 0, 1, 1] and people.class_names == {0: "Eve_E_E", 1: "Flo"}
    np.testing.assert_allclose(grey(people.images), [92, 96, 100, 104, 112, 116], atol=1)


def test_people_of_folds_that_are_not_tested_are_trained_on(folder):
    people = faces.lfw_people(size=(8, 6), folds=(1,), source="real")
    assert list(people.class_names.values()) == ["Cid", "Dan", "Eve_E_E", "Flo"]


@pytest.mark.parametrize("pairs", [("pairs.txt", PAIRS), ("pairs.csv", CSV), ("pairs_eval.csv", CSV)])
def test_pairs_have_their_photos_folds_and_names(tmp_path, pairs):
    write(tmp_path / "data" / "lfw", "lfw-deepfunneled", pairs)
    pairs = faces.lfw_pairs(size=(8, 6), folds=(1, 2), source="real")
    assert pairs.left.shape == pairs.right.shape == (4, 8, 6, 3) and pairs.left.dtype == np.float32
    np.testing.assert_allclose(grey(pairs.left), [12, 16, 52, 56], atol=1)
    np.testing.assert_allclose(grey(pairs.right), [16, 40, 56, 72], atol=1)
    assert pairs.same.tolist() == [1, 0, 1, 0] and pairs.folds.tolist() == [1, 1, 2, 2]
    assert pairs.people.tolist() == [["Ann_A", "Ann_A"], ["Ann_A", "Bea"], ["Cid", "Cid"], ["Cid", "Dan"]]
    assert repr(pairs) == (
        "4 pairs (8x6x3), 2 of them same, 4 people in 2 folds, source: Labeled Faces in the Wild, folds (1, 2)"
    )


def test_one_fold_and_grey_photos(folder):
    pairs = faces.lfw_pairs(size=(8, 6), channels=1, folds=[2], source="real")
    assert pairs.left.shape == (2, 8, 6, 1) and pairs.folds.tolist() == [2, 2]


def test_the_central_part_is_used(folder):
    """A black border of 8 of 50 pixels is outside the central 0.6, which begins at 10."""
    path = folder / "lfw_funneled" / "Flo" / "Flo_0001.jpg"
    image = np.zeros((50, 50, 3), "uint8")
    image[8:42, 8:42] = 255
    Image.fromarray(image).save(path, quality=100)
    people = faces.lfw_people(size=(10, 10), central_fraction=0.6, folds=(1, 2), source="real")
    assert people.images[-2].min() > 0.9


def test_the_files_of_scikit_learn_are_read(tmp_path, monkeypatch, fetcher):
    """Its fetcher returns pairs without names; the photos stay in its folder."""
    fetch = fetcher(Bunch())
    monkeypatch.setattr("sklearn.datasets.fetch_lfw_pairs", fetch)
    fetched = fetch.__call__

    def download(**options):
        write(tmp_path / "scikit-learn" / "lfw_home")
        return fetched(**options)

    monkeypatch.setattr("sklearn.datasets.fetch_lfw_pairs", download)
    assert faces.lfw_pairs(size=(8, 6), folds=(1, 2), source="real").same.tolist() == [1, 0, 1, 0]
    assert fetch.calls == [{"download_if_missing": False, "subset": "test", "resize": 0.1}]
    assert len(faces.lfw_people(size=(8, 6), folds=(1, 2), source="real").labels) == 6
    assert len(fetch.calls) == 1


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / "pairs.txt").unlink(), "is damaged: .*pairs.txt"),
        (lambda folder: (folder / "pairs.txt").write_text(PAIRS + "Cid\t1\t2\n"), "should have 4 pairs. Received: 5"),
        (lambda folder: (folder / "lfw_funneled").rename(folder / "photos"), "expected a folder lfw-deepfunneled or"),
        (lambda folder: (folder / "lfw_funneled/Dan/Dan_0001.jpg").unlink(), "there is no photo Dan_0001.jpg"),
        (lambda folder: (folder / "lfw_funneled/Dan/Dan_0001.jpg").write_text("no"), "1 of 6 images cannot be decoded"),
    ],
)
def test_a_damaged_copy_raises_instead_of_being_replaced(folder, damage, message):
    damage(folder)
    with pytest.raises(OSError, match=message):
        faces.lfw_pairs(size=(8, 6), folds=(1, 2))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"folds": (3,)}, r"`folds` must be in the list of pairs. Received: folds=\(3,\), without \[3\]"),
        ({"folds": (0,)}, "`folds` must be numbers from 1 to 10. Received: folds="),
        ({"folds": 1}, "`folds` must be numbers from 1 to 10. Received: folds=1"),
        ({"channels": 2}, "`channels` must be 1"),
    ],
)
@pytest.mark.parametrize("loader", [faces.lfw_people, faces.lfw_pairs])
def test_invalid_arguments(folder, loader, arguments, message):
    with pytest.raises(ValueError, match=message):
        loader(size=(8, 6), **arguments)


@pytest.mark.parametrize("loader", [faces.lfw_people, faces.lfw_pairs])
def test_without_network_synthetic_people_stand_in_with_a_warning(monkeypatch, fetcher, loader):
    monkeypatch.setattr("sklearn.datasets.fetch_lfw_pairs", fetcher(None, cached=False))
    with pytest.warns(data.StandInWarning, match="Labeled Faces in the Wild was not found in .* synthetic faces inst"):
        loader(size=(10, 8))
    with pytest.raises(ConnectionError, match="the download failed: no network in tests"):
        loader(size=(10, 8), source="real")


def test_synthetic_pairs_have_folds_without_common_people():
    """20 people with 6 photos give 20 * 15 = 300 same pairs; with as many different pairs 600 in each fold."""
    pairs = faces.lfw_pairs(size=(10, 8), folds=(1, 4), source="synthetic")
    assert pairs.left.shape == (1200, 10, 8, 3) and pairs.same.sum() == 600
    assert np.unique(pairs.folds, return_counts=True)[1].tolist() == [600, 600]
    first, second = (set(pairs.people[pairs.folds == fold].ravel()) for fold in (1, 4))
    assert len(first) == len(second) == 20 and not first & second
    np.testing.assert_array_equal(pairs.people[:, 0] == pairs.people[:, 1], pairs.same == 1)
    people = faces.lfw_people(size=(10, 8), source="synthetic")
    assert people.images.shape == (600, 10, 8, 3) and len(np.unique(people.labels)) == 200
    assert not {image.tobytes() for image in pairs.left} & {image.tobytes() for image in people.images}


def test_tensorflow_datasets_has_names_but_no_files(tmp_path, monkeypatch):
    """Ann has two photos, Bea one."""
    import tensorflow as tf

    def png(value):
        stream = io.BytesIO()
        Image.new("RGB", (50, 50), (value,) * 3).save(stream, "PNG")
        return stream.getvalue()

    rows = tf.data.Dataset.from_tensor_slices({"image": [png(60), png(70), png(80)], "label": ["Bea", "Ann", "Ann"]})
    module = SimpleNamespace(
        load=lambda name, **options: (rows, SimpleNamespace(version="0.1.1")),
        decode=SimpleNamespace(SkipDecoding=lambda: "encoded"),
        ReadConfig=lambda **options: options,
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", module)
    monkeypatch.setattr(_sources, "_check_server", lambda url: None)
    people = faces.lfw_people(size=(8, 6), channels=1, source="tfds")
    assert grey(np.repeat(people.images, 3, axis=-1)) == [70, 80]
    assert people.labels.tolist() == [0, 0] and people.class_names == {0: "Ann"}
    assert people.source == "Labeled Faces in the Wild, TensorFlow Datasets 0.1.1"
