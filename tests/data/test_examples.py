"""Examples, their split by class, and what images may be."""

import numpy as np
import pytest

from siamkeras.data import examples
from siamkeras.data.examples import Examples, folds_by_class, split_by_class

LABELS = np.repeat([70, 30, 11, 12, 5, 90], 4)
GROUPS = np.repeat([3, 3, 8, 8, 9, 9], 4)


@pytest.fixture
def characters():
    return Examples(
        images=np.arange(24, dtype="float32").reshape(24, 1, 1, 1) / 24,
        labels=LABELS,
        groups=GROUPS,
        class_names={label: f"class {label}" for label in LABELS.tolist()},
        group_names={3: "three", 8: "eight", 9: "nine"},
        source="made for a test",
    )


def test_no_class_is_in_both_and_nothing_is_lost(characters):
    """A third of six classes is two, eight images of 24."""
    train, test = split_by_class(characters, test=1 / 3, seed=1)
    assert len(np.unique(test.labels)) == 2
    assert not set(train.labels) & set(test.labels)
    assert sorted([*train.images.ravel(), *test.images.ravel()]) == characters.images.ravel().tolist()


def test_images_keep_their_labels_groups_and_names(characters):
    for part in split_by_class(characters, seed=2):
        at = (part.images.ravel() * 24).round().astype(int)
        assert (LABELS[at] == part.labels).all()
        assert (GROUPS[at] == part.groups).all()
        assert set(part.class_names) == set(part.labels)
        assert set(part.group_names) == set(part.groups)
        assert part.source == "made for a test"


@pytest.mark.parametrize("by", ["labels", "groups"])
def test_folds_test_everything_once_and_share_no_class(characters, by):
    """Six classes in three groups of two: two classes in the test of each of three folds."""
    folds = folds_by_class(characters, folds=3, seed=4, by=by)
    tested = np.concatenate([test.images.ravel() for _, test in folds])
    assert sorted(tested) == characters.images.ravel().tolist()
    for train, test in folds:
        assert len(np.unique(test.labels)) == 2 and len(test.labels) + len(train.labels) == 24
        assert not set(getattr(train, by)) & set(getattr(test, by))


def test_folds_are_repeatable_and_uneven_groups_are_spread():
    """Of groups of 3, 1, 1 and 1 classes, two folds test three classes each."""
    examples = Examples(np.zeros((6, 1, 1, 1), "float32"), np.arange(6), np.array([9, 9, 9, 4, 5, 6]))
    folds = folds_by_class(examples, folds=2, by="groups", seed=1)
    assert [len(test.labels) for _, test in folds] == [3, 3]
    again = folds_by_class(examples, folds=2, by="groups", seed=1)
    assert all((one.labels == other.labels).all() for (_, one), (_, other) in zip(folds, again, strict=True))


def test_folds_that_cannot_be_are_refused(characters):
    with pytest.raises(ValueError, match="7 folds need as many different labels. Received: 6. Lower `folds`."):
        folds_by_class(characters, folds=7)
    with pytest.raises(ValueError, match="`folds` must be an integer of at least 2. Received: folds=1."):
        folds_by_class(characters, folds=1)
    with pytest.raises(ValueError, match="have no groups to split by"):
        folds_by_class(characters._replace(groups=None), by="groups")


def test_split_by_groups_keeps_a_group_together(characters):
    train, test = split_by_class(characters, test=0.3, seed=0, by="groups")
    assert len(set(test.groups)) == 1
    assert not set(train.groups) & set(test.groups)


def test_the_seed_decides(characters):
    def held_out(seed):
        return tuple(np.unique(split_by_class(characters, test=0.5, seed=seed)[1].labels))

    assert held_out(3) == held_out(3)
    assert len({held_out(seed) for seed in range(10)}) > 1


@pytest.mark.parametrize("share, count", [(0.01, 1), (0.99, 5)])
def test_both_sides_keep_a_class(characters, share, count):
    assert len(np.unique(split_by_class(characters, test=share)[1].labels)) == count


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"test": 0}, "between 0 and 1. Received: test=0"),
        ({"test": 1.0}, "between 0 and 1. Received: test=1.0"),
        ({"by": "alphabet"}, "'labels' or 'groups'. Received: by='alphabet'"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(characters, arguments, message):
    with pytest.raises(ValueError, match=message):
        split_by_class(characters, **arguments)


def test_a_split_needs_groups_and_two_classes(characters):
    with pytest.raises(ValueError, match="no groups to split by"):
        split_by_class(characters._replace(groups=None), by="groups")
    with pytest.raises(ValueError, match="at least two different labels. Received: 1"):
        split_by_class(characters.take(LABELS == 70))


def test_examples_say_what_they_are(characters):
    assert repr(characters) == "24 images (1x1x1), 6 classes in 3 groups, source: made for a test"
    paths = Examples(np.array(["a.png", "b.png"]), np.array([4, 9]))
    assert repr(paths) == "2 images (file paths), 2 classes, source: given by the caller"


@pytest.mark.parametrize(
    "images, message",
    [
        (np.zeros((0, 4, 4, 1), "float32"), r"`images` is empty: .* Received: shape \(0, 4, 4, 1\)"),
        (np.zeros((2, 4), "int64"), r"float32 in \[0, 1\], or uint8 .* Received: int64"),
        (np.zeros((2, 4), bool), "Received: bool"),
        (np.array([{}, {}]), "Received: object"),
        (np.float32([[1, 2], [3, np.nan], [1, 1]]), "NaN or infinity in image 1"),
        (np.float32([[1, 2], [3, 4], [np.inf, 1]]), "NaN or infinity in image 2"),
        (["a.png", "b.png"], "say how to read them, with `load=data.load_image"),
    ],
)
def test_images_that_cannot_be_trained_on_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        examples.checked_images(images)


def test_a_nan_far_down_is_found():
    images = np.zeros((3000, 2), "float32")
    images[2345, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in image 2345"):
        examples.checked_images(images)


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "here.png").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="no file at '.*gone.png'"):
        examples.checked_images([tmp_path / "here.png", tmp_path / "gone.png"], load=len)


def test_paths_are_one_dimensional_and_load_needs_paths(tmp_path):
    with pytest.raises(ValueError, match=r"one-dimensional, \(n,\). Received: shape \(1, 2\)"):
        examples.checked_images([["a", "b"]], load=len)
    with pytest.raises(ValueError, match="`load` reads file paths, but `images` holds float32"):
        examples.checked_images(np.zeros((2, 2), "float32"), load=len)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_become_float32(dtype):
    found = examples.checked_images(np.full((2, 2), 0.5, dtype))
    assert found.dtype == np.float32
    assert (found == 0.5).all()


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_images_that_are_fine_are_not_copied(dtype):
    images = np.ones((5, 2), dtype)
    assert np.shares_memory(examples.checked_images(images), images)


def test_aligned_memory_is_aligned():
    for size in range(1, 40):
        array = examples.aligned((size, 3), "float32")
        assert array.ctypes.data % 64 == 0
        assert array.shape == (size, 3)
        array[:] = 1.0  # Room for all of it.


def test_members_are_taken_in_the_order_asked_for(characters):
    assert (characters.take([5, -1]).images.ravel() * 24).round().tolist() == [5, 23]


def test_lists_and_paths_can_be_split():
    import pathlib

    for images in (["a", "b", "c", "d"], [pathlib.Path(name) for name in "abcd"]):
        train, test = split_by_class(Examples(images, [4, 9, 4, 9]), test=0.5)
        assert sorted(map(str, [*train.images, *test.images])) == ["a", "b", "c", "d"]


def test_examples_of_different_length_are_refused():
    with pytest.raises(ValueError, match="3 images, 2 labels, 2 groups"):
        split_by_class(Examples(np.zeros((3, 2), "float32"), np.array([4, 9])))
    with pytest.raises(ValueError, match="between 0 and 1. Received: test='0.2'"):
        split_by_class(Examples(np.zeros((2, 2), "float32"), np.array([4, 9])), test="0.2")


def test_parts_of_paths_are_paths():
    paths = Examples(np.array(["a.png", "b.png", "c.png"]), np.array([4, 9, 4]))
    assert paths.take(paths.labels == 4).images.tolist() == ["a.png", "c.png"]


def test_every_class_is_tested_in_one_fold_and_trained_on_in_the_others(characters):
    folds = examples.folds_by_class(characters, folds=3, seed=1)
    assert [len(set(test.labels)) for _, test in folds] == [2, 2, 2]
    assert sorted(label for _, test in folds for label in set(test.labels)) == [5, 11, 12, 30, 70, 90]
    for train, test in folds:
        assert not set(train.labels) & set(test.labels)
        assert len(train.labels) + len(test.labels) == 24


def test_folds_keep_groups_together_and_are_about_equal(characters):
    """Six classes in groups of 4, 1, 1: two folds test 4 and 2."""
    groups = np.repeat([3, 3, 3, 3, 8, 9], 4)
    folds = examples.folds_by_class(characters._replace(groups=groups), folds=2, by="groups")
    assert [len(set(test.labels)) for _, test in folds] == [4, 2]
    assert all(not set(train.groups) & set(test.groups) for train, test in folds)


def test_the_seed_decides_about_the_folds(characters):
    def of(seed):
        return [sorted(set(test.labels)) for _, test in examples.folds_by_class(characters, 3, seed)]

    assert of(3) == of(3)
    assert any(of(3) != of(seed) for seed in range(5))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"folds": 1}, "at least 2"),
        ({"folds": 2.0}, "at least 2"),
        ({"folds": 7}, "7 folds need as many different labels. Received: 6"),
        ({"by": "writers"}, "by='writers'"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(characters, arguments, message):
    with pytest.raises(ValueError, match=message):
        examples.folds_by_class(characters, **arguments)


def test_labels_in_a_column_make_no_folds(characters):
    with pytest.raises(ValueError, match=r"must be \(n,\). Received: shapes \(\d+, 1\) and \(\d+, 1\)"):
        examples.folds_by_class(characters._replace(labels=characters.labels[:, None]), folds=2)


def test_folds_by_groups_need_groups(characters):
    with pytest.raises(ValueError, match="no groups"):
        examples.folds_by_class(characters._replace(groups=None), folds=2, by="groups")


@pytest.mark.parametrize("divide", [split_by_class, folds_by_class])
def test_a_class_in_two_groups_cannot_be_split_by_groups(divide):
    """Class 0 has an image in each group: whichever group is tested, it would be on both sides."""
    torn = Examples(np.zeros((4, 2, 2, 1), "float32"), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]))
    argument = {"folds": 2} if divide is folds_by_class else {"test": 0.5}
    with pytest.raises(ValueError, match="within one group. Received: class 0 in 0 and 1"):
        divide(torn, **argument, by="groups")


def test_nothing_can_be_taken():
    few = Examples(np.zeros((4, 2, 2, 1), "float32"), np.array([7, 7, 3, 3]))
    assert len(few.take([]).images) == len(few.take([]).labels) == 0
