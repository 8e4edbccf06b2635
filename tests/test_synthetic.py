"""Glyphs, snacks: what they are, that chance stays where it belongs, that they are as hard as the real thing."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from siamkeras.synthetic import glyphs, snacks

ALPHABETS, CHARACTERS, HANDS = 8, 20, 20


@pytest.fixture(scope="module")
def drawn():
    return glyphs(ALPHABETS, CHARACTERS, HANDS, seed=11)


def table(examples, alphabets=ALPHABETS, characters=CHARACTERS):
    """The drawings by alphabet, character and hand, `(alphabets, characters, hands, height, width)`."""
    return examples.images[..., 0].reshape(alphabets, characters, -1, *examples.images.shape[1:3])


def test_every_hand_draws_every_character_once(drawn):
    """8 alphabets of 20 characters are 160 classes; by 20 hands, 3,200 drawings, an alphabet after the other."""
    assert drawn.images.shape == (3200, 35, 35, 1)
    assert drawn.labels.tolist() == [label for label in range(160) for _ in range(20)]
    assert drawn.groups.tolist() == [label // 20 for label in drawn.labels]


def test_ink_is_one_on_paper_of_zero(drawn):
    """Every drawing has a spot that is all ink, and paper of no ink is most of it: Omniglot's share of ink is 8 %."""
    assert drawn.images.dtype == np.float32
    assert drawn.images.min() == 0.0
    assert (drawn.images.max(axis=(1, 2, 3)) == 1.0).all()
    assert 0.06 < drawn.images.mean() < 0.11


@pytest.mark.parametrize("size, factor", [(8, 14), (28, 4), (35, 3), (105, 2)])
def test_grey_is_the_share_of_inked_pixels_of_a_larger_canvas(size, factor):
    """A canvas of at least 105 pixels, and of twice the size: at 35 a pixel averages 3 x 3, so greys are ninths."""
    images = glyphs(alphabets=1, characters=3, hands=2, size=size).images
    assert images.shape[1:] == (size, size, 1)
    inked = images * factor**2
    np.testing.assert_allclose(inked, inked.round(), atol=1e-4)
    assert len(np.unique(inked.round())) > 2


def test_no_hand_leaves_the_paper():
    """Where a stroke ends at the very edge, its pen would be cut: the outermost pixels stay blank."""
    images = glyphs(alphabets=6, characters=10, hands=10, size=105, seed=3).images
    assert images[:, 1:-1, 1:-1].max() == 1.0
    for edge in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]):
        assert edge.max() == 0.0


def test_names_say_alphabet_and_character():
    """Class 11 of alphabets of 4 characters is the fourth of the third: 11 = 2 * 4 + 3."""
    examples = glyphs(alphabets=3, characters=4, hands=1, seed=7)
    assert examples.class_names[11] == "Alphabet 03, character 04"
    assert set(examples.class_names) == set(examples.labels.tolist())
    assert examples.group_names == {0: "Alphabet 01", 1: "Alphabet 02", 2: "Alphabet 03"}
    assert examples.source == "synthetic glyphs (seed 7): numbers do not compare with published ones"


def test_the_same_seed_draws_the_same_and_leaves_other_chance_alone():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    first, second = (glyphs(alphabets=2, characters=3, hands=2, seed=9).images for _ in range(2))
    assert np.random.random() == expected
    np.testing.assert_array_equal(first, second)


def test_another_seed_has_other_characters():
    """Characters, averaged over the hands, of two seeds are as far apart as two characters of one seed."""
    one, other = (glyphs(alphabets=1, characters=12, seed=seed).images.reshape(12, 20, -1).mean(1) for seed in (0, 1))
    across = np.linalg.norm(one - other, axis=1)
    within = np.linalg.norm(one - np.roll(one, 1, axis=0), axis=1)
    assert across.min() > 0.5 * within.mean()


def test_another_seed_has_other_hands():
    """A hand's slant under one seed says nothing of its slant under another: over 40 hands, |r| stays below 0.5."""
    one, other = (slants(table(glyphs(2, 10, 40, seed=seed), 2, 10)).mean((0, 1)) for seed in (3, 4))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


@pytest.mark.parametrize("alphabets, characters, hands", [(2, 3, 4), (5, 3, 4), (2, 9, 4), (2, 3, 23), (1, 1, 1)])
def test_a_drawing_does_not_change_with_the_counts(alphabets, characters, hands):
    most = table(glyphs(5, 9, 23, seed=2), 5, 9)
    fewer = table(glyphs(alphabets, characters, hands, seed=2), alphabets, characters)
    np.testing.assert_array_equal(fewer, most[:alphabets, :characters, :hands])


def test_no_two_drawings_are_the_same(drawn):
    assert len(np.unique(drawn.images.reshape(len(drawn.images), -1), axis=0)) == len(drawn.images)


def slants(images):
    """By how much ink lies to the right for each pixel further up, `(...)`: minus the slope of x on y."""
    ink = images / images.sum((-2, -1), keepdims=True)
    place = np.arange(images.shape[-1])
    x, y = ink.sum(-2), ink.sum(-1)
    x_mean, y_mean = (x * place).sum(-1), (y * place).sum(-1)
    covariance = np.einsum("...yx,y,x->...", ink, place, place) - x_mean * y_mean
    return -covariance / ((y * place**2).sum(-1) - y_mean**2)


def heights(images):
    """Standard deviation of the ink in y, `(...)`."""
    ink = images.sum(-1) / images.sum((-2, -1))[..., None]
    place = np.arange(images.shape[-1])
    return np.sqrt((ink * place**2).sum(-1) - (ink * place).sum(-1) ** 2)


@pytest.mark.parametrize(
    "measure", [slants, heights, lambda images: images.sum((-2, -1))], ids=["slant", "size", "ink"]
)
def test_a_hand_keeps_its_habits(drawn, measure):
    """What a hand adds to a character, averaged over half of the alphabets, it adds in the other half too.

    Without habits the two halves of 80 drawings would be independent: over 20 hands, r = 0 +- 0.23.
    """
    measured = measure(table(drawn))
    added = measured - measured.mean(axis=2, keepdims=True)
    first, second = added[::2].mean((0, 1)), added[1::2].mean((0, 1))
    assert np.corrcoef(first, second)[0, 1] > 0.8


def test_the_measure_of_slant_is_right():
    """A stroke that goes 2 pixels to the right while it goes 4 up has slant 0.5."""
    image = np.zeros((9, 9))
    image[[6, 4, 2], [3, 4, 5]] = 1.0
    assert slants(image) == pytest.approx(0.5)


def distances(examples, seed=0, count=3000):
    """Euclidean distances of raw pixels of drawn pairs: `{"same": (count,), "within": ..., "across": ...}`."""
    chance = np.random.default_rng(seed)
    found = {"same": [], "within": [], "across": []}
    for left in chance.integers(len(examples.labels), size=count):
        same = examples.labels == examples.labels[left]
        alike = examples.groups == examples.groups[left]
        for kind, mask in {"same": same, "within": alike & ~same, "across": ~alike}.items():
            right = chance.choice(np.setdiff1d(np.flatnonzero(mask), left))
            found[kind].append(np.linalg.norm(examples.images[left] - examples.images[right]))
    return {kind: np.array(values) for kind, values in found.items()}


def auc(same, different):
    """How often a same pair is closer than a different one."""
    return 1 - np.searchsorted(np.sort(different), same).mean() / len(different)


def one_shot(examples, seed=0, way=20, episodes=600):
    """How often the nearest of `way` characters of one alphabet, one drawing each, is the right one."""
    chance = np.random.default_rng(seed)
    hits = 0
    for _ in range(episodes):
        group = chance.choice(np.unique(examples.groups))
        classes = chance.choice(np.unique(examples.labels[examples.groups == group]), way, replace=False)
        drawn = [chance.choice(np.flatnonzero(examples.labels == label), 2, replace=False) for label in classes]
        query, supports = examples.images[drawn[0][0]], examples.images[[support for _, support in drawn]]
        hits += np.square(supports - query).sum((1, 2, 3)).argmin() == 0
    return hits / episodes


def test_characters_of_one_alphabet_are_more_alike_than_of_two(drawn):
    """Same class < same alphabet < another alphabet, and each step is more than two standard errors."""
    found = distances(drawn)
    for near, far in pairwise([found["same"], found["within"], found["across"]]):
        error = np.hypot(near.std() / np.sqrt(len(near)), far.std() / np.sqrt(len(far)))
        assert far.mean() - near.mean() > 2 * error


def test_pixels_alone_neither_solve_the_task_nor_fail(drawn):
    """Omniglot's evaluation alphabets at 35 x 35 pixels, measured: AUC 0.63, within an alphabet 0.59, 20-way 18 %."""
    found = distances(drawn)
    assert auc(found["same"], found["across"]) == pytest.approx(0.63, abs=0.05)
    assert auc(found["same"], found["within"]) == pytest.approx(0.59, abs=0.06)
    assert one_shot(drawn) == pytest.approx(0.18, abs=0.10)


def centred(image):
    """The image with the centre of its ink moved to the middle."""
    middle = len(image) // 2
    shift = [round(middle - (image.sum(axis) * np.arange(len(image))).sum() / image.sum()) for axis in (1, 0)]
    return np.roll(image, shift, axis=(0, 1))


def test_characters_of_an_alphabet_can_be_told_apart(drawn):
    """The mean of ten hands is nearest to the mean of ten others of the same character, not once in 20 but 19 times."""
    pixels = np.array([centred(image) for image in drawn.images[..., 0]]).reshape(ALPHABETS, CHARACTERS, HANDS, -1)
    one, other = pixels[:, :, ::2].mean(2), pixels[:, :, 1::2].mean(2)
    nearest = np.square(one[:, :, None] - other[:, None]).sum(-1).argmin(-1)
    assert (nearest == np.arange(CHARACTERS)).mean() > 0.95


def omniglot_is_here():
    return Path(os.environ.get("TFDS_DATA_DIR", ""), "omniglot").is_dir() and "TFDS_DATA_DIR" in os.environ


@pytest.mark.skipif(not omniglot_is_here(), reason="needs omniglot under TFDS_DATA_DIR")
def test_glyphs_are_as_hard_as_omniglot(drawn):
    from siamkeras import data

    real = data.omniglot("evaluation", source="real")
    found, expected = distances(drawn), distances(real)
    for kind in ("within", "across"):
        ours, theirs = (auc(pairs["same"], pairs[kind]) for pairs in (found, expected))
        assert ours == pytest.approx(theirs, abs=0.06)
    assert one_shot(drawn) == pytest.approx(one_shot(real), abs=0.10)
    assert drawn.images.mean() == pytest.approx(real.images.mean(), abs=0.015)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"alphabets": 0}, "`alphabets` must be an integer of at least 1. Received: alphabets=0."),
        ({"characters": -3}, "`characters` must be an integer of at least 1. Received: characters=-3."),
        ({"hands": 2.5}, "`hands` must be an integer of at least 1. Received: hands=2.5."),
        ({"hands": True}, "`hands` must be an integer of at least 1. Received: hands=True."),
        ({"size": 7}, "`size` must be an integer of at least 8. Received: size=7."),
        ({"size": (35, 35)}, "`size` must be an integer of at least 8. Received: size=(35, 35)."),
        ({"seed": -1}, "`seed` must be an integer of at least 0. Received: seed=-1."),
        ({"seed": None}, "`seed` must be an integer of at least 0. Received: seed=None."),
    ],
)
def test_bad_arguments_are_named(given, message):
    with pytest.raises(ValueError) as error:
        glyphs(**given)
    assert str(error.value) == message


def test_numbers_of_numpy_are_numbers():
    examples = glyphs(np.int64(1), np.int32(2), np.int64(2), np.int64(14), np.int64(6))
    np.testing.assert_array_equal(examples.images, glyphs(1, 2, 2, 14, 6).images)
    assert "(seed 6)" in examples.source


def test_glyphs_begin_where_tensorflow_reads_in_place():
    assert glyphs(alphabets=2, characters=2, hands=2, size=9).images.ctypes.data % 64 == 0


# --- Snacks


@pytest.fixture(scope="module")
def photographed():
    return snacks(per_class=50, size=32, seed=3)


def test_every_snack_is_photographed_as_often(photographed):
    """20 snacks, 50 photos of each, one snack after the other."""
    assert photographed.images.shape == (1000, 32, 32, 3) and photographed.images.dtype == np.float32
    assert photographed.labels.tolist() == [label for label in range(20) for _ in range(50)]
    assert photographed.class_names[0] == "apple" and photographed.class_names[19] == "watermelon"
    assert sorted(photographed.class_names.values()) == list(photographed.class_names.values())
    assert photographed.source == "synthetic snacks (seed 3): numbers do not compare with published ones"
    assert photographed.images.ctypes.data % 64 == 0


def test_photos_have_light_colour_and_texture(photographed):
    """All from 0 to 1; channels differ; and neighbouring pixels differ by more than their grain of 0.06 does."""
    images = photographed.images
    assert images.min() == 0.0 and images.max() == 1.0
    assert 0.3 < images.mean() < 0.7
    assert (images.std(axis=-1).mean(axis=(1, 2)) > 0.01).all()
    assert np.abs(np.diff(images, axis=2)).mean() > 0.06


def test_no_two_photos_are_the_same(photographed):
    assert len(np.unique(photographed.images.reshape(1000, -1), axis=0)) == 1000


@pytest.mark.parametrize("names, count", [(None, 2), (["salad", "banana"], 7), (("banana",), 1)])
def test_a_photo_does_not_change_with_the_snacks_or_their_number(names, count):
    most = snacks(per_class=7, size=16, seed=4)
    some = snacks(names, count, size=16, seed=4)
    assert set(some.class_names.values()) == set(names or most.class_names.values())
    for label in some.class_names:
        np.testing.assert_array_equal(some.images[some.labels == label], most.images[most.labels == label][:count])


def test_another_seed_photographs_the_same_snacks_again():
    """A snack's mean colours over 60 photos are nearer to its own under another seed than to most others: 12 of 20."""
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    one, other = (snacks(per_class=60, size=16, seed=seed).images for seed in (0, 1))
    assert np.random.random() == expected
    assert not (one == other).all(axis=(1, 2, 3)).any()
    one, other = (images.reshape(20, 60, -1, 3).mean((1, 2)) for images in (one, other))
    nearest = np.square(one[:, None] - other).sum(-1).argmin(1)
    assert (nearest == np.arange(20)).sum() >= 12


@pytest.mark.parametrize("size, shape", [(8, (8, 8)), ((12, 20), (12, 20)), ([20, 12], (20, 12))])
def test_photos_have_the_size_asked_for(size, shape):
    assert snacks(["waffle"], 2, size).images.shape == (2, *shape, 3)


def test_a_larger_photo_shows_the_same():
    """Area-averaged to a quarter of the height, it differs by less than two photos do, the grain of each aside."""
    large, small = snacks(per_class=2, size=64).images, snacks(per_class=2, size=16).images
    reduced = large.reshape(40, 16, 4, 16, 4, 3).mean((2, 4))
    assert np.abs(reduced - small).mean() < 0.07 < 0.2 < np.abs(reduced - small[::-1]).mean()


def colours(images, bins=8):
    """Square roots of the shares of 8x8x8 colours, `(n, 512)`."""
    place = np.minimum((images * bins).astype(int), bins - 1) @ [bins * bins, bins, 1]
    counts = np.stack([np.bincount(one.ravel(), minlength=bins**3) for one in place])
    return np.sqrt(counts / counts.sum(axis=1, keepdims=True))


def nearest_is_right(features, labels):
    features = features.reshape(len(features), -1)
    squares = np.square(features).sum(1)
    distance = squares[:, None] + squares - 2 * features @ features.T
    np.fill_diagonal(distance, np.inf)
    return (labels[distance.argmin(1)] == labels).mean()


def test_neither_pixels_nor_colours_solve_the_snacks_nor_fail(photographed):
    """Nearest of 49 others of each, chance 0.05. Measured: pixels 0.13, colours 0.27 (three seeds: within 0.02)."""
    images, labels = photographed.images, photographed.labels
    assert nearest_is_right(images, labels) == pytest.approx(0.13, abs=0.04)
    assert nearest_is_right(colours(images), labels) == pytest.approx(0.27, abs=0.07)


@pytest.mark.skipif(
    not Path(os.environ.get("SIAMKERAS_DATA", "-"), "snacks").is_dir(), reason="needs snacks under SIAMKERAS_DATA"
)
def test_snacks_are_about_as_hard_as_the_real_ones(photographed):
    """Real photos of the validation split, 955: pixels 0.09, colours 0.19."""
    from siamkeras import data

    real = data.snacks("validation", size=32, source="real")
    for features in (lambda images: images, colours):
        ours = nearest_is_right(features(photographed.images), photographed.labels)
        theirs = nearest_is_right(features(real.images), real.labels)
        assert 0.06 < theirs < ours < theirs + 0.15


@pytest.mark.parametrize(
    "given, message",
    [
        ({"per_class": 0}, "`per_class` must be an integer of at least 1. Received: per_class=0."),
        ({"size": 7}, "`size` must be an integer of at least 8. Received: size=7."),
        ({"size": (8, 7)}, "`size` must be an integer of at least 8. Received: size=7."),
        ({"size": (8, 8, 3)}, "`size` must be an integer of at least 8. Received: size=(8, 8, 3)."),
        ({"seed": -1}, "`seed` must be an integer of at least 0. Received: seed=-1."),
    ],
)
def test_bad_arguments_of_snacks_are_named(given, message):
    with pytest.raises(ValueError) as error:
        snacks(**given)
    assert str(error.value) == message
    with pytest.raises(ValueError, match=r"`classes` must be a list of names out of: apple, .*Received: \['tofu'\]\."):
        snacks(["tofu"])
