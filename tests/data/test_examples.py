"""Labelled examples and their division by class."""

import pathlib

import numpy as np
import pytest

from siamkeras.data import Examples, concat_examples, folds_by_class, split_by_class

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
        source="a test",
    )


@pytest.mark.parametrize(
    ("test", "by", "count"),
    [(1 / 3, "labels", 2), (0.01, "labels", 1), (0.99, "labels", 5), (0.3, "groups", 1)],
)
def test_no_class_is_in_both_sets_and_no_image_is_lost(characters, test, by, count):
    """A third of six classes is two; both sets contain at least one class; 0.3 of three groups is one."""
    train, test = split_by_class(characters, test=test, seed=1, by=by)
    assert len(set(getattr(test, by))) == count
    assert not set(getattr(train, by)) & set(getattr(test, by))
    assert sorted([*train.images.ravel(), *test.images.ravel()]) == characters.images.ravel().tolist()


def test_images_keep_their_labels_groups_names_and_order_in_aligned_memory(characters):
    for part in split_by_class(characters, seed=2):
        index = (part.images.ravel() * 24).round().astype(int)
        assert (np.diff(index) > 0).all()
        assert (LABELS[index] == part.labels).all() and (GROUPS[index] == part.groups).all()
        assert set(part.class_names) == set(part.labels) and set(part.group_names) == set(part.groups)
        assert part.source == "a test" and part.images.ctypes.data % 64 == 0


def test_examples_cannot_be_added(characters):
    with pytest.raises(TypeError, match="Examples cannot be added: .* Use `data.concat_examples`"):
        characters + characters


def test_the_parts_of_a_split_are_joined_with_their_labels_and_names(characters):
    train, test = split_by_class(characters, test=0.5, by="groups")
    joined = concat_examples(test, train)
    for field in ("images", "labels", "groups"):
        parts = [getattr(part, field) for part in (test, train)]
        np.testing.assert_array_equal(getattr(joined, field), np.concatenate(parts))
    assert joined.class_names == characters.class_names and joined.group_names == characters.group_names
    assert joined.source == "a test"


def named(labels, names, **fields):
    return Examples(np.zeros((len(labels), 2, 2, 1), "float32"), np.array(labels), class_names=names, **fields)


def test_classes_of_the_same_name_are_joined_and_others_kept_apart():
    """cup 0, fork 1 and pan 2, in the order of the parts."""
    first = named([0, 1, 1], {0: "cup", 1: "fork"}, groups=np.array([0, 0, 0]), source="mine")
    second = named([1, 0, 0], {0: "fork", 1: "pan"}, source="yours")
    joined = concat_examples(first, second)
    assert joined.labels.tolist() == [0, 1, 1, 2, 1, 1]
    assert joined.class_names == {0: "cup", 1: "fork", 2: "pan"}
    assert joined.groups is None and joined.source == "mine + yours"
    joined = concat_examples(named([0, 1], {0: 7, 1: 8}), named([0, 7], {0: 8, 7: 9}))
    assert joined.labels.tolist() == [0, 1, 1, 2] and joined.class_names == {0: "7", 1: "8", 2: "9"}


@pytest.mark.parametrize("labels", [["0", "1"], np.array([2**63, 1], "uint64")])
def test_labels_of_different_kinds_are_numbered_anew(labels):
    """NumPy would turn the integers into strings, or into floats."""
    joined = concat_examples(named([-1, 5], {}), named(labels, {}))
    assert sorted(joined.labels.tolist()) == [0, 1, 2, 3]


def test_different_labels_without_names_stay_as_they_are():
    joined = concat_examples(named([7, 3], {3: "cup"}), named([9, 2**40], {}))
    assert joined.labels.tolist() == [7, 3, 9, 2**40] and joined.class_names == {3: "cup"}
    paths = concat_examples(Examples(["a", "b"], [0, 1]), Examples([pathlib.Path("c")], [2]))
    assert [str(path) for path in paths.images] == ["a", "b", "c"] and paths.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([named([0, 1], {}), named([1, 2], {})], r"Equal labels of several parts .* Received: \[1, 1\]"),
        ([named([0], {0: "cup"}), named([0], {})], r"need a name in each.*Received: \[0\]"),
        ([named([0, 1], {0: "cup", 1: "cup"}), named([2], {})], r"unique within a part. Received: \['cup'\]"),
        ([named([0], {}), Examples(np.zeros((1, 3, 2, 1)), [1])], r"same shape and dtype. Received: \['float32 \(2, 2"),
        ([named([0], {}), Examples(["a.png"], [1])], "Received: .*'file paths'"),
        ([], "Received: nothing"),
        ([[named([0], {}), named([1], {})]], "Pass `Examples`: .* Received: list"),
        ([named([0, 1], {})._replace(labels=[0]), named([2], {})], "one entry for each of the 2 examples. Received: 1"),
    ],
)
def test_examples_that_do_not_fit_are_not_joined(parts, message):
    with pytest.raises(ValueError, match=message):
        concat_examples(*parts)


@pytest.mark.parametrize("by", ["labels", "groups"])
def test_each_example_is_in_the_test_set_of_one_fold(characters, by):
    """Six classes in three groups of two: two classes in the test set of each of three folds."""
    folds = folds_by_class(characters, folds=3, seed=4, by=by)
    tested = np.concatenate([test.images.ravel() for _, test in folds])
    assert sorted(tested) == characters.images.ravel().tolist()
    for train, test in folds:
        assert len(np.unique(test.labels)) == 2 and len(test.labels) + len(train.labels) == 24
        assert not set(getattr(train, by)) & set(getattr(test, by))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [([9, 9, 9, 4, 5, 6], [3, 3]), ([3, 3, 3, 3, 8, 9], [4, 2])],
)
def test_groups_of_different_size_are_distributed_over_the_folds(groups, expected):
    """3 + 1 + 1 + 1 classes in two folds are 3 and 3; 4 + 1 + 1 are 4 and 2."""
    examples = Examples(np.zeros((6, 1, 1, 1), "float32"), np.arange(6), np.array(groups))
    folds = folds_by_class(examples, folds=2, by="groups", seed=1)
    assert [len(test.labels) for _, test in folds] == expected


def test_the_seed_determines_the_split(characters):
    def split(seed):
        return tuple(np.unique(split_by_class(characters, test=0.5, seed=seed)[1].labels))

    def folds(seed):
        return tuple(tuple(np.unique(test.labels)) for _, test in folds_by_class(characters, 3, seed))

    for divide in (split, folds):
        assert divide(3) == divide(3)
        assert len({divide(seed) for seed in range(10)}) > 1


def test_take_accepts_indices_and_masks(characters):
    assert (characters.take([5, -1]).images.ravel() * 24).round().tolist() == [5, 23]
    assert (characters.take(LABELS == 70).images.ravel() * 24).round().tolist() == [0, 1, 2, 3]
    assert len(characters.take([]).images) == len(characters.take([]).labels) == 0
    with pytest.raises(IndexError):
        characters.take([24])


@pytest.mark.parametrize("images", [["a", "b", "c", "d"], [pathlib.Path(name) for name in "abcd"]])
def test_lists_of_paths_can_be_split(images):
    train, test = split_by_class(Examples(images, [4, 9, 4, 9]), test=0.5)
    assert sorted(map(str, [*train.images, *test.images])) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("divide", "changes", "arguments", "message"),
    [
        (split_by_class, {}, {"test": 0}, "`test` must be a number above 0 and below 1. Received: test=0"),
        (split_by_class, {}, {"by": "alphabet"}, "must be one of 'labels', 'groups'. Received: by='alphabet'"),
        (split_by_class, {"groups": None}, {"by": "groups"}, "no groups. Use by='labels'"),
        (split_by_class, {"labels": np.zeros(24, int)}, {}, "2 different labels. Received: 1"),
        (split_by_class, {"labels": LABELS[:, None] == 5 * np.eye(24)}, {}, r"one-dimensional, .* shape \(24, 24\)"),
        (split_by_class, {"groups": None, "labels": LABELS[:9]}, {}, "24 images, 9 labels, 9 groups"),
        (split_by_class, {"groups": np.arange(24) // 6}, {"by": "groups"}, r"class 5 in groups \[2, 3\]"),
        (folds_by_class, {}, {"folds": 1}, "`folds` must be an integer of at least 2. Received: folds=1"),
        (folds_by_class, {}, {"folds": 7}, "A split into 7 sets needs 7 different labels. Received: 6"),
    ],
)
def test_wrong_arguments_are_errors(characters, divide, changes, arguments, message):
    with pytest.raises(ValueError, match=message):
        divide(characters._replace(**changes), **arguments)
