"""Slices of labelled scans: selection, concatenation, the split by subject, and invalid arrays."""

import numpy as np
import pytest

from siamkeras.applications.segmentation import Slices, split_by_subject

NAMES = {1: "anterior", 2: "posterior"}


def make_slices(**changed):
    """Two slices of each of five subjects; slice i has intensity i / 10 and i pixels of structure 2."""
    masks = np.zeros((10, 3, 4), int)
    for index in range(10):
        masks[index].flat[:index] = 2
    arguments = {
        "images": np.arange(10, dtype="float32")[:, None, None, None] / 10 * np.ones((1, 3, 4, 1), "float32"),
        "masks": masks,
        "subjects": np.repeat([70, 30, 11, 12, 5], 2),
        "positions": np.tile([0.25, 0.75], 5),
        "names": NAMES,
        "source": "test",
    }
    return Slices(**{**arguments, **changed})


def test_a_structure_is_visible_in_slices_with_enough_pixels():
    slices = make_slices()
    assert repr(slices) == "slices: 10 (3x4), subjects: 5, structures: 2, source: test"
    assert np.flatnonzero(slices.showing(2)).tolist() == list(range(1, 10))
    assert np.flatnonzero(slices.showing(2, min_pixels=7)).tolist() == [7, 8, 9]
    assert not slices.showing(1).any()
    assert slices.mask(2).dtype == bool and slices.mask(2).sum(axis=(1, 2)).tolist() == list(range(10))
    with pytest.raises(ValueError, match=r"one of 1 \(anterior\), 2 \(posterior\). Received: 3"):
        slices.mask(3)


def test_taken_slices_keep_their_attributes():
    slices = make_slices()
    part = slices.take([9, 0])
    assert part.images[:, 0, 0, 0] == pytest.approx([0.9, 0.0])
    assert part.masks.sum(axis=(1, 2)).tolist() == [18, 0]
    assert part.subjects.tolist() == [5, 70] and part.positions.tolist() == [0.75, 0.25]
    assert part.names == NAMES and part.source == "test"
    assert len(slices.take(slices.subjects == 30)) == 2
    with pytest.raises(ValueError, match="At least one slice must be selected. Received: 0 of 10."):
        slices.take([])


def test_concatenation_renumbers_structures_and_subjects():
    """Subjects in increasing order: 5, 11, 12, 30, 70 become 0 to 4; the strings a, b become 5 and 6."""
    first = make_slices()
    second = make_slices(subjects=np.repeat(["b", "a"], 5), names={2: "whole"})
    both = Slices.concatenate([first, second])
    assert both.names == {1: "anterior, part 1", 2: "posterior, part 1", 3: "whole, part 2"}
    assert both.subjects.tolist() == [4, 4, 3, 3, 1, 1, 2, 2, 0, 0] + 5 * [6] + 5 * [5]
    np.testing.assert_array_equal(both.mask(2), np.concatenate([first.mask(2), 0 * second.mask(2)]))
    np.testing.assert_array_equal(both.mask(3)[10:], second.mask(2))
    assert both.source == "test and 1 more"


def test_the_spacing_of_each_slice_is_kept():
    slices = make_slices(spacing=(5, 1, 2))
    assert slices.take([3, 4]).spacing.tolist() == [[5, 1, 2]] * 2
    both = Slices.concatenate([slices, make_slices(spacing=np.full((10, 3), 7))])
    assert both.spacing.shape == (20, 3) and both.spacing[-1].tolist() == [7, 7, 7]
    assert Slices.concatenate([slices, make_slices()]).spacing is None


def test_a_split_has_no_common_subject_and_loses_no_slice():
    """40 % of five subjects are two, with four of the ten slices."""
    slices = make_slices()
    train, test = split_by_subject(slices, test=0.4, seed=1)
    assert len(test) == 4 and len(np.unique(test.subjects)) == 2
    assert not set(train.subjects) & set(test.subjects)
    assert sorted([*train.images[:, 0, 0, 0], *test.images[:, 0, 0, 0]]) == slices.images[:, 0, 0, 0].tolist()


def test_a_split_depends_on_the_seed_and_leaves_both_sets_a_subject():
    def test_subjects(seed, test=0.4):
        return tuple(np.unique(split_by_subject(make_slices(), test, seed)[1].subjects))

    assert test_subjects(3) == test_subjects(3)
    assert len({test_subjects(seed) for seed in range(10)}) > 1
    assert len(test_subjects(0, 0.01)) == 1 and len(test_subjects(0, 0.99)) == 4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((10, 3, 4), "float32")}, r"\(n, height, width, 1\) .*float32 \(10, 3, 4\)"),
        ({"images": np.zeros((10, 3, 4, 1), "uint8")}, "Received: uint8"),
        ({"images": np.full((10, 3, 4, 1), 255.0)}, r"`images` must be in \[0, 1\]. Received: values from 255"),
        ({"images": np.full((10, 3, 4, 1), np.nan)}, "values from nan to nan"),
        ({"masks": np.full((10, 3, 4), 3)}, r"`masks` may contain 0 and \[1, 2\]. Received: \[3\]"),
        ({"names": {0: "background", 2: "posterior"}}, "integers from 1. Received: {0: 'background'"),
        ({"subjects": np.arange(9)}, "`subjects` must have one entry for each of the 10 examples"),
        ({"positions": np.zeros((10, 1))}, r"`positions` must have one entry per slice. Received: shape \(10, 1\)"),
        ({"spacing": (1, 2)}, r"`spacing` must be positive, .*Received: shape \(2,\), smallest value 1"),
        ({"spacing": (1, 0, 2)}, "smallest value 0"),
        ({"positions": np.arange(10)}, r"`positions` must be in \[0, 1\]. Received: values from 0 to 9"),
    ],
)
def test_invalid_slices(changed, message):
    with pytest.raises(ValueError, match=message):
        make_slices(**changed)


def test_invalid_splits():
    with pytest.raises(ValueError, match="`test` must be a number above 0 and below 1"):
        split_by_subject(make_slices(), test=1.0)
    with pytest.raises(ValueError, match="at least two subjects. Received: 1."):
        split_by_subject(make_slices().take([0, 1]))
