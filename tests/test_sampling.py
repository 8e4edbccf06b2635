"""Which examples make a pair: never a wrong one, every one in its turn, and the same ones again from a seed."""

import collections

import numpy as np
import pytest

from siamkeras.sampling import ClassTable, checked_labels, pair_indices

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])  # 7: five, 3: three, 11: two, 40: two
GROUPS = np.where(np.isin(LABELS, [7, 40]), 5, 2)


def draw(labels=LABELS, groups=None, batch_size=4000, seed=1, step=0, **arguments):
    table = ClassTable.of(labels, groups)
    return [part.numpy() for part in pair_indices(table, batch_size, seed, np.int64(step), **arguments)]


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_table_lists_every_example_once_under_its_class(groups):
    table = ClassTable.of(LABELS, groups)
    assert sorted(table.order) == list(range(12))
    members = [
        sorted(table.order[start : start + count]) for start, count in zip(table.starts, table.counts, strict=True)
    ]
    assert sorted(members) == sorted(np.flatnonzero(LABELS == label).tolist() for label in (7, 3, 11, 40))


def test_same_pairs_are_two_examples_of_one_class():
    left, right, same = draw()
    chosen = same == 1
    assert (LABELS[left[chosen]] == LABELS[right[chosen]]).all()
    assert (left[chosen] != right[chosen]).all()


def test_different_pairs_are_of_two_classes():
    left, right, same = draw()
    assert (LABELS[left[same == 0]] != LABELS[right[same == 0]]).all()


def test_groups_keep_both_classes_of_a_pair_together():
    left, right, same = draw(groups=GROUPS)
    assert (GROUPS[left] == GROUPS[right]).all()
    assert (LABELS[left[same == 0]] != LABELS[right[same == 0]]).all()
    left, right, same = draw()
    assert (GROUPS[left] != GROUPS[right]).any()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_share_of_same_pairs_is_exact_and_even(share):
    same = draw(batch_size=40, same_share=share)[2]
    assert same.sum() == 40 * share
    assert all(same[at : at + 20].sum() == 20 * share for at in range(0, 40, 20))


def test_small_and_odd_batches_reach_the_share_over_the_stream():
    """Half of seven is three and a half: three in one batch, four in the next. One: every other."""
    assert [draw(batch_size=7, step=step)[2].sum() for step in range(4)] == [3, 4, 3, 4]
    assert [draw(batch_size=1, step=step)[2].sum() for step in range(4)] == [0, 1, 0, 1]
    assert sum(draw(batch_size=3, step=step, same_share=0.1)[2].sum() for step in range(10)) == 3


def test_a_column_of_words_as_pandas_has_it_is_fine():
    assert checked_labels(np.array(["one", "two"], dtype=object)).tolist() == ["one", "two"]


def test_classes_count_equally_however_many_images_they_have():
    """20,000 draws from four classes: 5,000 each, with a standard deviation of 61; 300 is five of them."""
    left, right, same = draw(batch_size=20_000)
    for side in (LABELS[left], LABELS[right]):
        assert all(abs(count - 5000) < 300 for count in collections.Counter(side).values())


def test_members_and_partners_are_drawn_evenly():
    """A same pair of class 7 is one of 5 x 4 ordered couples; about 2,500 draws make 125 each, deviation 11."""
    left, right, same = draw(batch_size=20_000)
    couples = collections.Counter((a, b) for a, b, s in zip(left, right, same, strict=True) if s and LABELS[a] == 7)
    assert len(couples) == 20
    assert all(60 < count < 190 for count in couples.values())


def test_a_batch_depends_on_seed_and_step_alone():
    first = draw(seed=3, step=17)
    assert all((a == b).all() for a, b in zip(first, draw(seed=3, step=17), strict=True))
    assert (first[0] != draw(seed=3, step=18)[0]).any()
    assert (first[0] != draw(seed=4, step=17)[0]).any()


def test_labels_may_be_words():
    words = np.array([{7: "seven", 3: "three", 11: "eleven", 40: "forty"}[label] for label in LABELS])
    left, right, same = draw(words)
    assert ((words[left] == words[right]) == (same == 1)).all()


@pytest.mark.parametrize(
    "labels, message",
    [
        (LABELS[:, None], r"one-dimensional, \(n,\). Received: shape \(12, 1\)"),
        (np.eye(3), r"one-hot rows: `labels.argmax\(axis=1\)`"),
        (LABELS[:, None], r"not columns .*`labels.reshape\(-1\)`"),
        ([{}, {}], "integers or strings. Received: object"),
        ([], "`labels` is empty"),
        ([0.5, 1.5], "integers or strings. Received: float64"),
    ],
)
def test_labels_that_name_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        checked_labels(labels)


@pytest.mark.parametrize(
    "labels, groups, message",
    [
        ([4, 4, 4], None, "At least two classes .* Received: only 4"),
        ([4, 4, 9], None, "at least 2 examples. Received: class 9 with 1, and 1 such classes"),
        ([4, 4, 9, 9], [1, 1, 2, 2], "at least two classes, .* Received: group 1 with one"),
        ([4, 4, 9, 9], [1, 2, 1, 1], "within one group. Received: class 4 in 1 and 2"),
        ([4, 4, 9, 9], [1, 1], "one group. Received: 4 labels, 2 groups"),
    ],
)
def test_classes_that_make_no_pairs_are_refused(labels, groups, message):
    with pytest.raises(ValueError, match=message):
        ClassTable.of(labels, groups)
