"""Who is in a pair, a triplet, a batch: never a wrong one, every one in its turn, the same ones again from a seed."""

import collections
import hashlib
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from siamkeras.generators._sampling import (
    ClassTable,
    balanced_indices,
    checked_labels,
    episode_indices,
    episode_table,
    genuine_and_forged,
    pair_indices,
    triplet_indices,
)

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
    same = draw(batch_size=40, positive_fraction=share)[2]
    assert same.sum() == 40 * share
    assert all(same[at : at + 20].sum() == 20 * share for at in range(0, 40, 20))


def test_small_and_odd_batches_reach_the_share_over_the_stream():
    """Half of seven is three and a half: three in one batch, four in the next. One: every other."""
    assert [draw(batch_size=7, step=step)[2].sum() for step in range(4)] == [3, 4, 3, 4]
    assert [draw(batch_size=1, step=step)[2].sum() for step in range(4)] == [0, 1, 0, 1]
    assert sum(draw(batch_size=3, step=step, positive_fraction=0.1)[2].sum() for step in range(10)) == 3


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


def checksum(arrays):
    return hashlib.sha256(b"".join(np.asarray(array).astype("<i8").tobytes() for array in arrays)).hexdigest()[:16]


@pytest.mark.parametrize("groups, recorded", [(None, "5b72d9b9754f19af"), (GROUPS, "1125879e9faf8a68")])
def test_pairs_are_those_that_the_lessons_were_written_with(groups, recorded):
    """Recorded from the first version; another sum means that every number in the lessons changes."""
    steps = (draw(groups=groups, batch_size=64, seed=3, step=step, positive_fraction=0.4) for step in (0, 17, 10**9))
    assert checksum(part for parts in steps for part in parts) == recorded


def draw_triplets(labels=LABELS, groups=None, batch_size=4000, seed=1, step=0):
    return [part.numpy() for part in triplet_indices(ClassTable.of(labels, groups), batch_size, seed, np.int64(step))]


def test_anchor_is_never_its_own_positive():
    anchor, positive, _ = draw_triplets()
    assert (LABELS[anchor] == LABELS[positive]).all()
    assert (anchor != positive).all()


def test_a_negative_is_never_of_the_class():
    anchor, _, negative = draw_triplets()
    assert (LABELS[anchor] != LABELS[negative]).all()
    assert (GROUPS[anchor] != GROUPS[negative]).any()


def test_groups_keep_a_triplet_together():
    anchor, positive, negative = draw_triplets(groups=GROUPS)
    assert (GROUPS[anchor] == GROUPS[negative]).all()
    assert (LABELS[anchor] != LABELS[negative]).all()
    assert (LABELS[anchor] == LABELS[positive]).all()


def test_triplets_are_drawn_evenly():
    """20,000 draws: each class 5,000 times as anchor and as negative, deviation 61, five of them 306. An anchor and a
    positive of class 7 are one of 20 couples: 250 each, deviation 15.7, 79. A negative of class 3 is one of three:
    1,667 each, deviation 39, 196."""
    anchor, positive, negative = draw_triplets(batch_size=20_000)
    for side in (anchor, negative):
        assert all(abs(np.sum(LABELS[side] == label) - 5000) < 306 for label in (7, 3, 11, 40))
    couples = collections.Counter((a, b) for a, b in zip(anchor, positive, strict=True) if LABELS[a] == 7)
    assert len(couples) == 20
    assert all(abs(count - 250) < 79 for count in couples.values())
    assert all(abs(np.sum(negative == at) - 1667) < 196 for at in np.flatnonzero(LABELS == 3))


def test_the_negative_does_not_depend_on_which_positive_was_drawn():
    """Of 20,000 triplets 1,667 have an anchor of class 7 and a negative of class 3. Its 20 couples with its three
    members make 60, of 28 each, deviation 5.2; 26 is five of them."""
    anchor, positive, negative = draw_triplets(batch_size=20_000)
    chosen = (LABELS[anchor] == 7) & (LABELS[negative] == 3)
    found = collections.Counter(zip(anchor[chosen], positive[chosen], negative[chosen], strict=True))
    assert len(found) == 60
    assert all(abs(count - 1667 / 60) < 26 for count in found.values())


def test_a_batch_of_triplets_depends_on_seed_and_step_alone():
    first = draw_triplets(seed=3, step=17)
    assert all((a == b).all() for a, b in zip(first, draw_triplets(seed=3, step=17), strict=True))
    assert (first[0] != draw_triplets(seed=3, step=18)[0]).any()
    assert (first[0] != draw_triplets(seed=4, step=17)[0]).any()


def draw_balanced(labels=LABELS, groups=None, classes=2, per_class=2, seed=1, steps=4000):
    """Indices `(steps, classes, per_class)`."""
    table = ClassTable.of(labels, groups, need=per_class)
    stream = tf.data.Dataset.range(steps).map(lambda step: balanced_indices(table, classes, per_class, seed, step))
    return stream.batch(steps).get_single_element().numpy().reshape(steps, classes, per_class)


def all_different(rows):
    rows = np.sort(rows, axis=-1)
    return (rows[..., 1:] != rows[..., :-1]).all()


@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_balanced_batch_is_class_after_class_without_repeats(groups, classes):
    found = draw_balanced(groups=groups, classes=classes, steps=500)
    assert (LABELS[found] == LABELS[found][:, :, :1]).all()
    assert all_different(LABELS[found][:, :, 0])
    assert all_different(found)


def test_balanced_batches_of_words_and_ragged_classes():
    words = np.array([f"class {label}" for label in np.repeat(LABELS, 3)])
    found = draw_balanced(words, classes=4, per_class=6, steps=200)
    assert all_different(found)
    assert (words[found] == words[found][:, :, :1]).all()


def test_classes_of_balanced_batches_count_equally():
    """Two of four classes in 4,000 batches: 2,000 each, deviation 31.6; 158 is five of them. The six couples: 667
    each, deviation 23.6, 118."""
    classes = np.sort(LABELS[draw_balanced()][:, :, 0], axis=1)
    assert all(abs(np.sum(classes == label) - 2000) < 158 for label in (7, 3, 11, 40))
    couples = collections.Counter(map(tuple, classes.tolist()))
    assert len(couples) == 6
    assert all(abs(count - 667) < 118 for count in couples.values())


def test_members_of_balanced_batches_come_evenly_and_in_any_order():
    """Class 7, which has five members, is in half of 8,000 batches: each of the 60 orders of three of them comes 67
    times, with a deviation of 8.2; 41 is five of them."""
    labels = np.repeat([7, 3, 11, 40], [5, 3, 4, 6])
    found = draw_balanced(labels, per_class=3, steps=8000)
    orders = collections.Counter(map(tuple, found[labels[found][:, :, 0] == 7].tolist()))
    assert len(orders) == math.perm(5, 3)
    assert all(abs(count - 4000 / 60) < 41 for count in orders.values())


def test_whole_classes_come_in_any_order():
    """Two classes of four: the 24 orders of either begin 83 of 4,000 batches each, deviation 9.0; 45 is five."""
    found = draw_balanced(np.repeat([7, 3], 4), per_class=4)
    orders = collections.Counter(map(tuple, found[:, 0].tolist()))
    assert set(orders) == {*itertools.permutations(range(4)), *itertools.permutations(range(4, 8))}
    assert all(abs(count - 4000 / 48) < 45 for count in orders.values())


def test_large_classes_cost_no_more_than_small_ones_and_repeat_nothing():
    found = draw_balanced(np.arange(60_000) % 10 + 5, classes=10, per_class=100, steps=3)
    assert all_different(found)
    assert len(np.unique(found)) > 2900


# Groups 5, 9 and 2 have six, four and two classes, of two examples each.
CLASS_GROUPS = np.repeat([5, 9, 2], [6, 4, 2])


def groups_of(**arguments):
    """The class, and the group, of each class in each batch."""
    labels, groups = np.repeat(np.arange(12) * 7 % 13, 2), np.repeat(CLASS_GROUPS, 2)
    found = draw_balanced(labels, groups, **arguments)[:, :, 0]
    return labels[found], groups[found]


def test_groups_keep_a_balanced_batch_together_where_they_are_large_enough():
    assert (np.ptp(groups_of(classes=2)[1], axis=1) == 0).all()


def test_a_group_too_small_for_a_batch_is_in_it_whole():
    _, groups = groups_of(classes=5, steps=500)
    for batch in groups.tolist():
        runs = [(group, len(list(run))) for group, run in itertools.groupby(batch)]
        assert len({group for group, _ in runs}) == len(runs), "the classes of a group are not together"
        assert all(count == np.sum(CLASS_GROUPS == group) for group, count in runs[:-1])


def test_batches_of_all_classes_hold_all_groups():
    classes, _ = groups_of(classes=12, steps=20)
    assert all_different(classes)


def test_classes_count_about_equally_in_small_and_large_groups():
    """Four classes in a batch: the groups weigh 6, 4 and 4, the last for two classes. Each class is in 4 / 14 of the
    batches through the group that comes first: 6 / 14 * 4 / 6 = 4 / 14 * 4 / 4. Where the small group does, the batch
    has two classes of another: 4 / 14 * 6 / 10 * 2 / 6 = 4 / 14 * 4 / 10 * 2 / 4 = 0.057 more for those of a large
    one. Of 6,000 batches 1,714 and 2,057, deviations 35 and 37; 175 and 184 are five of them."""
    classes, groups = groups_of(classes=4, steps=6000)
    for label in np.unique(classes):
        expected, tolerance = (1714, 175) if groups[classes == label][0] == 2 else (2057, 184)
        assert abs(np.sum(classes == label) - expected) < tolerance


def test_a_balanced_batch_depends_on_seed_and_step_alone():
    table = ClassTable.of(LABELS)
    first = draw_balanced(seed=3, steps=20)
    np.testing.assert_array_equal(first, draw_balanced(seed=3, steps=20))
    np.testing.assert_array_equal(first[17].ravel(), balanced_indices(table, 2, 2, 3, np.int64(17)))
    assert (first[17] != first[18]).any()
    assert (first != draw_balanced(seed=4, steps=20)).any()


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


def episode_of(step, seed=1, way=2, shot=1, query=1, groups=None, labels=LABELS):
    table, *numbers = episode_table(labels, groups, way, shot, query)
    return [part.numpy() for part in episode_indices(table, *numbers, seed, np.int64(step))]


@pytest.mark.parametrize("shot, query", [(1, 1), (3, 2), (1, 4), (4, 1)])
@pytest.mark.parametrize("groups", [None, np.repeat([5, 5, 2, 2], 5)])
def test_an_episode_never_has_a_class_twice_nor_a_query_in_its_support(shot, query, groups):
    labels = np.repeat([7, 40, 3, 11], 5)
    for step in range(60):
        support, asked = episode_of(step, shot=shot, query=query, groups=groups, labels=labels)
        assert support.shape == (2, shot) and asked.shape == (2, query)
        both = np.concatenate([support, asked], axis=1)
        assert len(np.unique(both)) == both.size
        classes = labels[both]
        assert (classes == classes[:, :1]).all() and classes[0, 0] != classes[1, 0]
        if groups is not None:
            assert len(np.unique(groups[both])) == 1


def test_every_example_comes_into_support_and_query():
    """Four classes of three: in 400 episodes of two, each example is expected 67 times in each."""
    labels = np.repeat([7, 40, 3, 11], 3)
    drawn = [episode_of(step, labels=labels, shot=1, query=1) for step in range(400)]
    for part in (0, 1):
        counts = np.bincount(np.concatenate([each[part].ravel() for each in drawn]), minlength=12)
        assert counts.min() > 35 and counts.max() < 105


def test_every_group_gives_as_many_episodes():
    """Group 5 has two classes and group 2 six: of 600 episodes each is expected to give 300, standard deviation 12."""
    labels = np.repeat(np.arange(8), 2)
    groups = np.where(labels < 2, 5, 2)
    chosen = [groups[episode_of(step, labels=labels, groups=groups)[0][0, 0]] for step in range(600)]
    assert 250 < np.sum(np.array(chosen) == 5) < 350


def test_an_episode_is_rebuilt_from_its_seed_and_number():
    labels = np.repeat(np.arange(9), 4)
    first, again, next_one, other = (episode_of(*key, labels=labels) for key in [(3, 5), (3, 5), (4, 5), (3, 6)])
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], next_one[0]) and not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"way": 5}, "An episode of 5 classes needs as many. Received: 4 in `labels`. Lower `way`."),
        (
            {"way": 3, "groups": GROUPS},
            "3 classes needs as many in each group. Received: 2 in group [25]. Lower `way`, or drop the group",
        ),
        ({"shot": 2}, r"at least 3 examples, shot=2 and query=1. Received: class (11|40) with 2, and 2 such"),
        ({"way": 1}, "`way` must be a whole number, at least 2"),
        ({"shot": 0}, "`shot` must be a whole number, at least 1"),
        ({"query": 1.5}, "`query` must be a whole number, at least 1"),
    ],
)
def test_episodes_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        episode_table(LABELS, **{"groups": None, "way": 2, "shot": 1, "query": 1} | arguments)


def test_all_pairs_are_all_of_them_once():
    """Of five, 10 pairs; of three 11s 3 are same, of two 4s one."""
    labels = np.array([11, 4, 11, 11, 4])
    left, right, same = generators.all_pairs(labels)
    expected = [(one, other) for one in range(5) for other in range(one + 1, 5)]
    assert list(zip(left, right, strict=True)) == expected
    assert same.sum() == 4
    assert same.tolist() == [bool(labels[one] == labels[other]) for one, other in expected]
    assert [each.tolist() for each in generators.all_pairs(["a"])] == [[], [], []]
    with pytest.raises(ValueError, match="`labels` is empty"):
        generators.all_pairs([])


# Forgeries: of 7 two of five, of 3 one of three; 11 and 40 have one of two.
GENUINE = np.ones(12, bool)
GENUINE[[4, 10, 5, 6, 9]] = False


def draw_forged(groups=None, need=1, **arguments):
    table, forged = genuine_and_forged(LABELS, GENUINE, groups, need)
    found = pair_indices(table, 4000, 1, np.int64(0), forged=forged, **arguments)
    return [part.numpy() for part in found]


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_tables_of_genuine_and_forged_number_their_classes_alike(groups):
    for table, of_kind in zip(genuine_and_forged(LABELS, GENUINE, groups, need=1), (GENUINE, ~GENUINE), strict=True):
        assert sorted(table.order) == np.flatnonzero(of_kind).tolist()
        owners = [
            set(LABELS[table.order[start : start + count]])
            for start, count in zip(table.starts, table.counts, strict=True)
        ]
        assert owners == [{3}, {11}, {7}, {40}] if groups is not None else [{3}, {7}, {11}, {40}]


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_different_pairs_are_skilled_or_random_forgeries(groups):
    """Without same pairs, half of 4,000 are a genuine one and a forgery in its name; the others are two classes."""
    left, right, same = draw_forged(groups, positive_fraction=0)
    skilled = ~GENUINE[right]
    assert skilled.sum() == 2000 and GENUINE[left].all() and not same.any()
    assert (LABELS[left] == LABELS[right])[skilled].all()
    assert (LABELS[left] != LABELS[right])[~skilled].all()
    if groups is not None:
        assert (groups[left] == groups[right]).all()
    pairs = collections.Counter(zip(left[skilled].tolist(), right[skilled].tolist(), strict=True))
    assert len(pairs) == sum(np.sum(GENUINE & (LABELS == c)) * np.sum(~GENUINE & (LABELS == c)) for c in (3, 7, 11, 40))


def test_same_pairs_are_genuine():
    """Where each class has two genuine examples: drawn without 11 and 40."""
    kept = np.isin(LABELS, [7, 3])
    table, forged = genuine_and_forged(LABELS[kept], GENUINE[kept])
    left, right, same = (part.numpy() for part in pair_indices(table, 4000, 1, np.int64(0), forged=forged))
    labels, genuine = LABELS[kept], GENUINE[kept]
    chosen = same == 1
    assert chosen.sum() == 2000
    assert genuine[left[chosen]].all() and genuine[right[chosen]].all()
    assert (labels[left[chosen]] == labels[right[chosen]]).all() and (left[chosen] != right[chosen]).all()
    assert (~genuine[right]).sum() == 1000


@pytest.mark.parametrize("share, count", [(0, 0), (0.25, 1000), (1, 4000)])
def test_the_share_of_skilled_forgeries_is_exact(share, count):
    _, right, _ = draw_forged(positive_fraction=0, forged_share=share)
    assert (~GENUINE[right]).sum() == count


@pytest.mark.parametrize(
    "genuine, message",
    [
        (np.ones(12, bool), "at least 1 forgeries.*class 3 with 0, and 4"),
        (GENUINE & (LABELS != 3), "at least 2 genuine examples.*class 3 with 0"),
        (GENUINE[:3], "shape .3"),
        (GENUINE.astype(int), "booleans.*int64"),
    ],
)
def test_classes_without_genuine_or_forged_examples_are_refused(genuine, message):
    with pytest.raises(ValueError, match=message):
        genuine_and_forged(LABELS, genuine)


def test_groups_of_too_few_forgeries_are_refused():
    with pytest.raises(ValueError, match=r"one group. Received: 12 labels, groups of shape \(3,\)"):
        genuine_and_forged(LABELS, GENUINE, groups=LABELS[:3])
