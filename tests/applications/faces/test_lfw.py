"""Tests of the loader of Labeled Faces in the Wild."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from siamkeras import data
from siamkeras.applications import faces

pytestmark = pytest.mark.usefixtures("offline")


def lfw_bunch(count):
    """Left images of grey i / count, right images half as bright; every second pair is a same pair."""
    grey = np.arange(count, dtype="float32") / count
    pairs = np.ones((count, 2, 50, 40), "float32") * np.stack([grey, grey / 2], axis=1)[:, :, None, None]
    return Bunch(pairs=pairs, target=np.arange(count) % 2)


@pytest.mark.parametrize("subset, folds", [("train", [0] * 40), ("10_folds", np.repeat(range(10), 4).tolist())])
def test_pairs_are_fetched_at_the_requested_scale_with_their_folds(monkeypatch, fetcher, subset, folds):
    """48 of 125 rows is a scale of 0.384; 36 of 94 columns is less."""
    fetch = fetcher(lfw_bunch(40))
    monkeypatch.setattr("sklearn.datasets.fetch_lfw_pairs", fetch)
    pairs = faces.lfw_pairs(subset, size=(48, 36), source="real")
    assert fetch.calls == [{"subset": subset, "resize": pytest.approx(0.384), "download_if_missing": False}]
    assert pairs.left.shape == pairs.right.shape == (40, 48, 36, 1)
    np.testing.assert_allclose(pairs.left[:, 9, 9, 0], np.arange(40) / 40, atol=1e-6)
    np.testing.assert_allclose(pairs.right, pairs.left / 2, atol=1e-6)
    assert pairs.same.tolist() == [0, 1] * 20 and pairs.same.dtype == np.float32
    assert pairs.folds.tolist() == folds
    assert faces.lfw_pairs(subset, size=(160, 120)).left.shape == (40, 160, 120, 1)
    assert fetch.calls[1]["resize"] is None


def test_pairs_of_synthetic_people_stand_in_with_a_warning(monkeypatch, fetcher):
    """20 people with 6 photos give 20 * 15 = 300 same pairs; with as many different pairs 600 in each of ten folds."""
    monkeypatch.setattr("sklearn.datasets.fetch_lfw_pairs", fetcher(None, cached=False))
    with pytest.warns(data.StandInWarning, match="pairs of synthetic faces instead"):
        pairs = faces.lfw_pairs("10_folds", size=(10, 8))
    assert len(pairs.same) == 6000 and pairs.same.sum() == 3000
    assert np.bincount(pairs.folds).tolist() == [600] * 10
    distance = np.abs(pairs.left - pairs.right).mean(axis=(1, 2, 3))
    assert (distance > 0).all() and distance[pairs.same == 1].mean() < 0.8 * distance[pairs.same == 0].mean()
    with pytest.raises(ConnectionError, match="Labeled Faces in the Wild .*the download failed"):
        faces.lfw_pairs(source="real")


def test_subsets_of_the_stand_in_have_no_image_in_common():
    train, test = (faces.lfw_pairs(subset, size=(10, 8), source="synthetic") for subset in ("train", "test"))
    assert (len(train.same), len(test.same)) == (2400, 1200) and not train.folds.any()
    assert not {image.tobytes() for image in train.left} & {image.tobytes() for image in test.left}
