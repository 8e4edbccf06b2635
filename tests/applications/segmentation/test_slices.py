"""Slices of scans: what they may be, the parts of them, and the split by subject."""

import numpy as np
import pytest

from siamkeras.applications.segmentation.slices import Slices, joined, split_by_subject

NAMES = {1: "anterior", 2: "posterior"}


def some_slices(**changed):
    """Two slices of each of five subjects; slice i is as bright as i / 10 and shows i pixels of structure 2."""
    masks = np.zeros((10, 3, 4), int)
    for place in range(10):
        masks[place].flat[:place] = 2
    given = {
        "images": np.arange(10, dtype="float32")[:, None, None, None] / 10 * np.ones((1, 3, 4, 1), "float32"),
        "masks": masks,
        "subjects": np.repeat([70, 30, 11, 12, 5], 2),
        "positions": np.tile([0.25, 0.75], 5),
        "names": NAMES,
        "subject_names": {70: "seventy", 5: "five"},
        "source": "made for a test",
    }
    return Slices(**{**given, **changed})


def test_slices_say_what_they_are():
    slices = some_slices()
    assert len(slices) == 10
    assert repr(slices) == "10 slices (3x4), 5 subjects, 2 structures, source: made for a test"
    assert slices.images.dtype == slices.positions.dtype == np.float32


def test_a_structure_is_shown_where_it_has_enough_pixels():
    """Slice i shows i pixels of structure 2, and none of structure 1."""
    slices = some_slices()
    assert np.flatnonzero(slices.showing(2)).tolist() == list(range(1, 10))
    assert np.flatnonzero(slices.showing(2, least=7)).tolist() == [7, 8, 9]
    assert not slices.showing(1).any()
    assert slices.mask(2).dtype == bool and slices.mask(2).sum(axis=(1, 2)).tolist() == list(range(10))
    with pytest.raises(ValueError, match=r"structures are 1 \(anterior\), 2 \(posterior\). Received: 3."):
        slices.mask(3)


def test_what_is_taken_keeps_what_belongs_to_it():
    part = some_slices().take([9, 0])
    assert part.images[:, 0, 0, 0] == pytest.approx([0.9, 0.0])
    assert part.masks.sum(axis=(1, 2)).tolist() == [18, 0]
    assert part.subjects.tolist() == [5, 70] and part.positions.tolist() == [0.75, 0.25]
    assert part.subject_names == {5: "five", 70: "seventy"} and part.names == NAMES
    assert part.source == "made for a test"
    assert some_slices().take(some_slices().subjects == 30).subject_names == {}
    with pytest.raises(ValueError, match="At least one slice must be taken. Received: none of 10."):
        some_slices().take([])
    for wrong in (3, np.zeros((2, 2), int)):
        with pytest.raises(ValueError, match=r"a list of indices, \(k,\). Received: shape"):
            some_slices().take(wrong)


def test_joined_sets_keep_what_everything_is_called():
    one = some_slices()
    both = joined(one, one.of(70))
    assert both.names == {1: "anterior, part 1", 2: "posterior, part 1", 3: "anterior, part 2", 4: "posterior, part 2"}
    # Subjects in the order of their numbers: 5, 11, 12, 30, 70; then 70 again, of another set.
    assert both.subjects.tolist() == [4, 4, 3, 3, 1, 1, 2, 2, 0, 0, 5, 5]
    assert both.subject_names == {0: "five, part 1", 4: "seventy, part 1", 5: "seventy, part 2"}
    for wrong in ([one, one], None):
        with pytest.raises(ValueError, match=r"joined\(one, another\). Received: "):
            joined(wrong)


def test_slices_of_subjects():
    slices = some_slices()
    assert slices.of(11).images[:, 0, 0, 0] == pytest.approx([0.4, 0.5])
    assert slices.of([5, 70]).subjects.tolist() == [70, 70, 5, 5]
    with pytest.raises(ValueError, match=r"slices of 5 subjects. Received: \[70, 8\], of whom 8 is none."):
        slices.of([70, 8])
    with pytest.raises(ValueError, match=r"Received: \[\]."):
        slices.of([])


def test_no_subject_is_in_both_and_nothing_is_lost():
    """Two fifths of five subjects are two, four slices of ten."""
    slices = some_slices()
    train, test = split_by_subject(slices, test=0.4, seed=1)
    assert len(test) == 4 and len(np.unique(test.subjects)) == 2
    assert not set(train.subjects) & set(test.subjects)
    assert sorted([*train.images[:, 0, 0, 0], *test.images[:, 0, 0, 0]]) == slices.images[:, 0, 0, 0].tolist()


def test_the_seed_decides_and_both_sides_keep_a_subject():
    def held_out(seed, share=0.4):
        return tuple(np.unique(split_by_subject(some_slices(), share, seed)[1].subjects))

    assert held_out(3) == held_out(3)
    assert len({held_out(seed) for seed in range(10)}) > 1
    assert len(held_out(0, 0.01)) == 1 and len(held_out(0, 0.99)) == 4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((10, 3, 4), "float32")}, r"\(n, height, width, 1\), .* float32, shape \(10, 3, 4\)"),
        ({"images": np.zeros((10, 3, 4, 3), "float32")}, r"shape \(10, 3, 4, 3\)"),
        ({"images": np.zeros((0, 3, 4, 1), "float32")}, r"at least one. Received: float32, shape \(0, 3, 4, 1\)"),
        ({"images": np.zeros((10, 3, 4, 1), "uint8")}, "Received: uint8"),
        ({"images": np.full((10, 3, 4, 1), 255.0)}, r"must lie in \[0, 1\]. Received: values from 255 to 255."),
        ({"images": np.full((10, 3, 4, 1), np.nan)}, "values from nan to nan"),
        (
            {"masks": np.zeros((10, 4, 3), int)},
            r"one for each pixel, \(10, 3, 4\). Received: int64, shape \(10, 4, 3\)",
        ),
        ({"masks": np.zeros((10, 3, 4))}, "must be integers, .* Received: float64"),
        ({"masks": np.full((10, 3, 4), 3)}, r"0 and the structures \[1, 2\]. Received: \[3\] as well."),
        ({"masks": np.full((10, 3, 4), -1)}, r"Received: \[-1\] as well."),
        ({"names": {}}, r"`names` must be \{structure: name\}, structures integers from 1 on. Received: \{\}."),
        ({"names": {0: "ground", 2: "posterior"}}, "integers from 1 on. Received: {0: 'ground'"),
        ({"subjects": np.arange(9)}, r"Every slice needs one of `subjects`, \(10,\). Received: shape \(9,\)."),
        ({"subjects": np.arange(10.0)}, "`subjects` must be integers. Received: float64."),
        ({"positions": np.zeros((10, 1))}, r"Every slice needs one of `positions`, \(10,\). Received: shape \(10, 1\)"),
        ({"subject_names": None}, "`subject_names` must be {subject: name}. Received: None."),
        ({"positions": np.arange(10)}, r"`positions` must lie in \[0, 1\]. Received: 0.0 to 9.0."),
    ],
)
def test_what_cannot_be_slices_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        some_slices(**changed)


@pytest.mark.parametrize("share", [0, 1.0, -0.2, "0.2", True, None, [0.2], np.nan])
def test_a_share_that_makes_no_split_is_refused(share):
    with pytest.raises(ValueError, match="a share of the subjects, between 0 and 1. Received: test="):
        split_by_subject(some_slices(), test=share)


def test_one_subject_cannot_be_split():
    with pytest.raises(ValueError, match="at least two subjects. Received: 1."):
        split_by_subject(some_slices().of(11))
