"""Tests of the balanced batches with forgeries."""

import numpy as np
import pytest

from siamkeras.applications.signatures import Signatures, forgery_batches

# Three writers; forger 8 imitated 0 and 1, forger 9 imitated 0; the forgery of 2 is alone.
LABELS = np.array([0] * 7 + [1] * 5 + [2] * 4)
AUTHORS = np.array([0, 0, 0, 8, 8, 9, 9, 1, 1, 1, 8, 8, 2, 2, 2, 8])
IMAGES = np.arange(16, dtype="float32").reshape(16, 1, 1, 1) * np.ones((1, 2, 3, 1), "float32") / 16
SIGNATURES = Signatures(IMAGES, LABELS, LABELS == AUTHORS, LABELS, authors=AUTHORS)


def read(steps=200, **options):
    """Indices of the signatures and labels of each batch, `(steps, classes, per_class)`."""
    options = {"classes": 3, "per_class": 2, "mirror": False, **options}
    batches = list(forgery_batches(SIGNATURES, steps=steps, **options))
    shape = (steps, options["classes"], options["per_class"])
    indices = np.stack([np.round(images.numpy()[:, 0, 0, 0] * 16).astype(int) for images, _ in batches])
    return indices.reshape(shape), np.stack([labels.numpy() for _, labels in batches]).reshape(shape)


def test_a_class_is_a_writer_with_an_author_and_a_batch_has_all_classes_of_a_writer():
    """The classes are 0 by 0, 8 and 9, 1 by 1 and 8, and 2 by 2; the single forgery of 2 is left out."""
    indices, labels = read(classes=4)
    assert (labels == labels[..., :1]).all() and (indices[..., 0] != indices[..., 1]).all()
    pairs = {(label, LABELS[index], AUTHORS[index]) for label, index in zip(labels.flat, indices.flat, strict=True)}
    assert sorted(pair[1:] for pair in pairs) == [(0, 0), (0, 8), (0, 9), (1, 1), (1, 8), (2, 2)]
    assert len({label for label, _, _ in pairs}) == 6
    for batch in indices:
        authors = [set(AUTHORS[batch][LABELS[batch] == writer].tolist()) for writer in (0, 1)]
        assert {0, 8, 9} in authors or {1, 8} in authors


def test_mirrored_signatures_are_further_writers():
    image = np.arange(6, dtype="float32").reshape(1, 2, 3, 1) / 6
    few = Signatures(np.repeat(image, 16, axis=0), LABELS, LABELS == AUTHORS, LABELS, authors=AUTHORS)
    seen = {}
    for images, labels in forgery_batches(few, classes=3, per_class=2, steps=100):
        for picture, label in zip(images.numpy(), labels.numpy(), strict=True):
            seen.setdefault(label.item(), set()).add(picture.tobytes())
    assert len(seen) == 24 and all(len(pictures) == 1 for pictures in seen.values())
    assert len(set.union(*seen.values())) == 4


def test_batches_depend_on_the_seed_only():
    first, again, other = (read(steps=3, seed=seed)[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_signatures_without_authors_raise():
    with pytest.raises(ValueError, match="must have `authors`"):
        forgery_batches(SIGNATURES._replace(authors=None))
