"""Tests of the synthetic portraits."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.applications import faces
from siamkeras.applications.faces.synthetic import synthetic_faces


def test_every_person_has_the_same_number_of_photos():
    examples = synthetic_faces(people=4, per_person=3, size=(30, 20), seed=6)
    assert examples.images.shape == (12, 30, 20, 1) and examples.images.dtype == np.float32
    assert examples.labels.tolist() == np.repeat(range(4), 3).tolist() and examples.groups is None
    assert examples.class_names == {0: "person 01", 1: "person 02", 2: "person 03", 3: "person 04"}
    assert examples.images.ctypes.data % 64 == 0
    assert examples.images.min() >= 0 and examples.images.max() <= 1 and 0.35 < examples.images.mean() < 0.65


def test_a_photo_depends_on_seed_person_and_index_only():
    many = synthetic_faces(people=5, per_person=4, size=(16, 16), seed=2)
    few = synthetic_faces(people=3, per_person=2, size=(16, 16), seed=2)
    for person in range(3):
        np.testing.assert_array_equal(few.images[few.labels == person], many.images[many.labels == person][:2])
    other = synthetic_faces(people=3, per_person=2, size=(16, 16), seed=3)
    assert not (few.images == other.images).all(axis=(1, 2, 3)).any()


def test_a_larger_image_shows_the_same_person():
    """Reduced by area averaging, it differs less from the small image than another person does."""
    large, small = (synthetic_faces(4, 1, size=size).images for size in ((112, 92), (28, 23)))
    reduced = large.reshape(4, 28, 4, 23, 4, 1).mean((2, 4))
    assert np.abs(reduced - small).mean() < 0.06 < 0.09 < np.abs(reduced - small[::-1]).mean()


def pixel_auc(examples):
    pixels = examples.images.reshape(len(examples.images), -1)
    return evaluation.verification_from_embeddings(pixels, examples.labels, resamples=0).auc


def test_pixels_distinguish_people_imperfectly():
    """Measured with three seeds: 0.94, 0.94, 0.93."""
    assert pixel_auc(synthetic_faces(size=(28, 23))) == pytest.approx(0.935, abs=0.025)


@pytest.mark.skipif(
    not Path(os.environ.get("SIAMKERAS_DATA", "-"), "att_faces").is_dir(), reason="needs att_faces in SIAMKERAS_DATA"
)
def test_synthetic_faces_are_about_as_difficult_as_the_real_ones():
    real = faces.att_faces(size=(28, 23), source="real")
    assert abs(pixel_auc(synthetic_faces(size=(28, 23))) - pixel_auc(real)) < 0.04


@pytest.mark.parametrize("size", [(8, 7), 8])
def test_invalid_sizes_raise(size):
    with pytest.raises(ValueError, match="`size` must be"):
        synthetic_faces(size=size)
