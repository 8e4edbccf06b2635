"""Phantoms: one anatomy in all subjects, deformed; what the seed decides; how hard they are."""

import numpy as np
import pytest

from siamkeras import evaluation, synthetic
from siamkeras.applications import segmentation

SMALL = {"subjects": 4, "structures": 6, "size": 32, "slices": 5}


def test_every_subject_has_every_structure():
    found = synthetic.phantoms(subjects=6, structures=12, size=64, slices=8)
    assert len(found) == 48 and found.images.shape == (48, 64, 64, 1) and found.masks.shape == (48, 64, 64)
    assert found.images.min() >= 0 and found.images.max() <= 1 and found.images.ctypes.data % 64 == 0
    assert found.subjects.tolist() == np.repeat(range(6), 8).tolist()
    assert found.positions[:8] == pytest.approx(np.linspace(0.1, 0.9, 8))
    assert list(found.names) == list(range(1, 13)) and found.names[3] == "structure 03"
    for structure in found.names:
        for subject in range(6):
            assert found.of(subject).showing(structure, least=10).sum() >= 2


def test_the_seed_decides():
    one, again, other = (synthetic.phantoms(**SMALL, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.images, again.images)
    np.testing.assert_array_equal(one.masks, again.masks)
    assert (one.masks != other.masks).mean() > 0.1


def test_a_subject_stays_as_it_is_when_there_are_more():
    few, more = synthetic.phantoms(**SMALL), synthetic.phantoms(**{**SMALL, "subjects": 6})
    np.testing.assert_array_equal(few.images, more.of([0, 1, 2, 3]).images)
    np.testing.assert_array_equal(few.masks, more.of([0, 1, 2, 3]).masks)


def test_without_variation_all_have_the_same_anatomy():
    """The masks of subjects are equal then; otherwise they overlap in part, all the less the more they vary."""
    shares = []
    for variation in (0.0, 0.5, 1.0, 2.0):
        found = synthetic.phantoms(**SMALL, variation=variation, seed=2)
        one, other = found.of(0).masks, found.of(1).masks
        shares.append(((one == other) & (one > 0)).sum() / (one > 0).sum())
        assert (found.of(0).images != found.of(1).images).any()
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True) and shares[3] < 0.7


def test_noise_and_uneven_brightness_are_as_asked():
    """Outside the body there is nothing but noise; a field of brightness makes one tissue spread more."""

    def spread(**more):
        found = synthetic.phantoms(**SMALL, **more)
        return found.images[:, :3, :3].std(), found.images[..., 0][found.masks == 1].std()

    silent, noisy = spread(noise=0, bias=0), spread(noise=0.1, bias=0)
    assert silent[0] < 0.01 < noisy[0] and silent[1] < noisy[1]
    assert spread(noise=0, bias=0.5)[1] > 1.3 * silent[1]


def test_structures_differ_and_intensity_alone_does_not_tell_them_apart():
    """The means of 12 structures spread over most of the scale; yet the range of one subject's pixels of a structure
    holds pixels of many others."""
    found = synthetic.phantoms(subjects=3, seed=1)
    own = found.of(0)
    means = [own.images[..., 0][own.mask(structure)].mean() for structure in own.names]
    assert np.ptp(means) > 0.5
    values = own.images[..., 0]
    low, high = np.percentile(values[own.mask(1)], [10, 90])
    alike = (values >= low) & (values <= high)
    assert own.mask(1)[alike].mean() < 0.5


def test_a_copied_mask_fits_about_as_badly_as_in_real_scans():
    """Half of it, give or take: 0.41 over 40 subjects, where the parts of real hippocampi have 0.51 and 0.48."""
    found = synthetic.phantoms(subjects=10, seed=1)
    scores = []
    for structure in found.names:
        asked = segmentation.trials(found, structure)
        scores.append(evaluation.dice(segmentation.baselines.copied(asked.inputs), asked.truth).mean())
    assert 0.3 < np.mean(scores) < 0.55


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"subjects": 0}, "`subjects` must be an integer of at least 1. Received: subjects=0"),
        ({"structures": 2.5}, "`structures` must be an integer of at least 1. Received: structures=2.5"),
        ({"structures": 41}, "room for 40 structures. Received: structures=41"),
        ({"slices": 0}, "`slices` must be an integer of at least 1"),
        ({"size": 15}, "`size` must be an integer of at least 16. Received: size=15"),
        ({"seed": -1}, "`seed` must be an integer of at least 0"),
        ({"variation": -1}, "`variation` must be a number of at least 0. Received: variation=-1"),
        ({"noise": float("nan")}, "`noise` must be a number of at least 0. Received: noise=nan"),
        ({"bias": 1000}, "`bias` of more than 100 leaves no anatomy to be seen. Received: bias=1000"),
        ({"bias": "much"}, "`bias` must be a number of at least 0. Received: bias='much'"),
    ],
)
def test_phantoms_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        synthetic.phantoms(**given)


def test_a_single_slice_is_the_middle_one():
    found = synthetic.phantoms(subjects=2, structures=3, size=16, slices=1)
    assert found.positions.tolist() == [0.5, 0.5]
