"""Tests of the synthetic signatures."""

import numpy as np

from siamkeras.applications import signatures

SIZE = (16, 32)


def test_every_writer_has_the_requested_signatures():
    examples = signatures.synthetic_signatures(writers=4, genuine=3, forged=2, size=(24, 40), seed=5)
    assert examples.images.shape == (20, 24, 40, 1) and examples.images.dtype == np.float32
    assert examples.images.min() == 0 and examples.images.max() == 1
    assert examples.labels.tolist() == np.repeat(range(4), 5).tolist()
    assert examples.genuine.tolist() == [True, True, True, False, False] * 4
    assert examples.groups.tolist() == [0] * 15 + [1] * 5


def test_the_forgers_are_authors_after_the_writers():
    examples = signatures.synthetic_signatures(writers=4, genuine=1, forged=2, size=SIZE)
    assert examples.authors.tolist() == [0, 4, 4, 1, 4, 4, 2, 4, 4, 3, 5, 5]


def test_a_pen_gives_all_strokes_the_same_width():
    """Ink divided by the length of its edges: it varies among writers whose pens have different widths."""
    spread = []
    for pen_width in (None, 2.0):
        examples = signatures.synthetic_signatures(writers=12, genuine=1, forged=1, pen_width=pen_width)
        images = examples.images
        edges = np.abs(np.diff(images[..., 0], axis=2)).sum(axis=(1, 2))
        spread.append(np.std(np.log(images.sum(axis=(1, 2, 3)) / edges)))
        assert images.shape == (24, 64, 128, 1) and 0 <= images.min() and images.max() <= 1
    assert spread[1] < 0.6 * spread[0]
    assert 1 < examples.shortcuts["stroke width"].min() < examples.shortcuts["stroke width"].max() < 30


def test_a_signature_depends_on_seed_writer_and_index_only():
    few = signatures.synthetic_signatures(writers=2, genuine=2, forged=1, size=SIZE)
    many = signatures.synthetic_signatures(writers=4, genuine=3, forged=2, size=SIZE)
    for writer in range(2):
        for genuine, count in ((True, 2), (False, 1)):
            first, second = (
                part.images[(part.labels == writer) & (part.genuine == genuine)][:count] for part in (few, many)
            )
            assert (first == second).all()
    other = signatures.synthetic_signatures(writers=2, genuine=2, forged=1, size=SIZE, seed=1)
    assert np.abs(few.images - other.images).mean() > 0.02


def test_synthetic_signatures_are_about_as_difficult_as_real_ones():
    """Equal error rates of pixels on the 30 writers of SigComp2009: 19 % (random), 31 % (skilled forgeries)."""
    examples = signatures.synthetic_signatures(writers=30)
    pixels = examples.images.reshape(len(examples.labels), -1)
    trials = signatures.pair_trials(pixels / np.linalg.norm(pixels, axis=1, keepdims=True), examples)
    random, skilled = (trials.verification(kind, resamples=0).eer for kind in ("random", "skilled"))
    assert 0.1 < random < 0.3 and random + 0.05 < skilled < 0.45
