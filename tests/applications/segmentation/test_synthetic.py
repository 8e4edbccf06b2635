"""Phantoms: one anatomy, deformed for each subject, reproducible, and about as difficult as real scans."""

import numpy as np
import pytest

from siamkeras.applications import segmentation
from siamkeras.applications.segmentation import synthetic_phantoms

SMALL = {"subjects": 4, "structures": 6, "size": 32, "slices": 5}


def test_every_subject_has_every_structure():
    slices = synthetic_phantoms(subjects=4, structures=12, size=48, slices=8)
    assert slices.images.shape == (32, 48, 48, 1) and slices.masks.shape == (32, 48, 48)
    assert slices.images.min() == 0 and slices.images.max() == 1
    assert slices.subjects.tolist() == np.repeat(range(4), 8).tolist()
    assert slices.positions[:8] == pytest.approx(np.linspace(0.1, 0.9, 8))
    assert list(slices.names) == list(range(1, 13)) and slices.names[3] == "structure 03"
    for structure in slices.names:
        for subject in range(4):
            assert slices.showing(structure, 6)[slices.subjects == subject].sum() >= 2


def test_the_spacing_is_that_of_slices_200_mm_wide():
    """Five slices from 10 % to 90 % of 200 mm are 40 mm apart; 32 pixels are 6.25 mm wide."""
    assert synthetic_phantoms(**SMALL).spacing[7].tolist() == pytest.approx([40, 6.25, 6.25])
    assert synthetic_phantoms(**{**SMALL, "slices": 1}).spacing[0].tolist() == pytest.approx([200, 6.25, 6.25])


def test_images_depend_on_the_seed_and_not_on_the_number_of_subjects():
    first, same, other = (synthetic_phantoms(**SMALL, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.images, same.images)
    np.testing.assert_array_equal(first.masks, same.masks)
    assert (first.masks != other.masks).mean() > 0.1
    fewer = synthetic_phantoms(**{**SMALL, "subjects": 2}, seed=5)
    np.testing.assert_array_equal(fewer.images, first.images[:10])


def test_structures_differ_in_intensity_but_cannot_be_segmented_by_intensity_alone():
    slices = synthetic_phantoms(subjects=1, seed=1)
    values, mask = slices.images[..., 0], slices.mask(1)
    means = [values[slices.mask(structure)].mean() for structure in slices.names]
    assert np.ptp(means) > 0.5
    low, high = np.percentile(values[mask], [10, 90])
    assert mask[(values >= low) & (values <= high)].mean() < 0.5


def test_the_majority_mask_is_about_as_good_as_on_real_scans():
    """0.41 for 40 subjects; 0.51 and 0.48 for the two parts of the hippocampus."""
    episodes = segmentation.evaluation_episodes(synthetic_phantoms(subjects=6, size=48, seed=1))
    masks = segmentation.baselines.majority_mask(episodes.inputs)
    assert 0.3 < segmentation.dice_score(episodes.truth, masks).mean() < 0.55


def test_invalid_arguments():
    with pytest.raises(ValueError, match="`structures` must be an integer of at least 1"):
        synthetic_phantoms(structures=0)
    with pytest.raises(ValueError, match="`size` must be an integer of at least 16"):
        synthetic_phantoms(size=15)
