"""Index sampling: valid pairs, triplets, batches and episodes; correct probabilities; a function of seed and step."""

import collections
import hashlib
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from siamkeras.generators._sampling import (
    ClassTable,
    _without_replacement,
    balanced_indices,
    episode_indices,
    episode_table,
    pair_indices,
    round_indices,
    triplet_indices,
    uniform_numbers,
)

LABELS = np.array([7, 3, 11, 7, 7, 3, 11, 7, 40, 40, 7, 3])  # 7: five, 3: three, 11: two, 40: two
GROUPS = np.where(np.isin(LABELS, [7, 40]), 5, 2)


def sample_pairs(labels=LABELS, groups=None, batch_size=4000, seed=1, step=0, **arguments):
    table = ClassTable.from_labels(labels, groups)
    return [part.numpy() for part in pair_indices(table, batch_size, seed, np.int64(step), **arguments)]


def sample_triplets(groups=None, batch_size=4000, seed=1, step=0):
    table = ClassTable.from_labels(LABELS, groups)
    return [part.numpy() for part in triplet_indices(table, batch_size, seed, np.int64(step))]


def sample_balanced(labels=LABELS, groups=None, classes=2, per_class=2, seed=1, steps=4000, sample=balanced_indices):
    """Indices `(steps, classes, per_class)`."""
    table = ClassTable.from_labels(labels, groups, per_class)
    stream = tf.data.Dataset.range(steps).map(lambda step: sample(table, classes, per_class, seed, step))
    return stream.batch(steps).get_single_element().numpy().reshape(steps, classes, per_class)


def sample_episodes(labels=LABELS, groups=None, way=2, shot=1, query=1, seed=1, steps=400):
    """Support `(steps, way, shot)` and query `(steps, way, query)`."""
    table, *numbers = episode_table(labels, groups, way, shot, query)
    stream = tf.data.Dataset.range(steps).map(lambda step: episode_indices(table, *numbers, seed, step))
    return [part.numpy() for part in stream.batch(steps).get_single_element()]


def all_different(rows):
    rows = np.sort(rows, axis=-1)
    return (rows[..., 1:] != rows[..., :-1]).all()


def test_the_table_lists_the_examples_of_each_class_and_the_classes_of_a_group_consecutively():
    """Group 2 has the classes 3 and 11, group 5 has 7 and 40."""
    table = ClassTable.from_labels(LABELS, GROUPS)
    members = [sorted(table.order[start : start + count]) for start, count in zip(*table[1:3], strict=True)]
    assert members == [np.flatnonzero(LABELS == label).tolist() for label in (3, 11, 7, 40)]
    assert table.group_starts.tolist() == [0, 0, 2, 2] and table.group_counts.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_positive_pairs_are_two_examples_of_a_class_and_negative_pairs_are_of_two_classes(groups):
    left, right, same = sample_pairs(groups=groups)
    assert ((LABELS[left] == LABELS[right]) == (same == 1)).all()
    assert (left != right).all()
    assert (GROUPS[left] == GROUPS[right]).all() == (groups is not None)


@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_the_fraction_of_positive_pairs_is_exact_and_evenly_spread(fraction):
    same = sample_pairs(batch_size=40, positive_fraction=fraction)[2]
    assert [same[first : first + 20].sum() for first in (0, 20)] == [20 * fraction] * 2


def test_small_and_odd_batches_reach_the_fraction_over_the_stream():
    """Half of 7 pairs is 3.5: three in one batch, four in the next."""
    assert [sample_pairs(batch_size=7, step=step)[2].sum() for step in range(4)] == [3, 4, 3, 4]
    assert [sample_pairs(batch_size=1, step=step)[2].sum() for step in range(4)] == [0, 1, 0, 1]
    assert sum(sample_pairs(batch_size=3, step=step, positive_fraction=0.1)[2].sum() for step in range(10)) == 3


def test_pairs_have_uniform_classes_and_members():
    """20,000 pairs, four classes: 5,000 each with standard deviation 61. Class 7 has 20 ordered positive pairs: about
    125 each, standard deviation 11. Bounds are five standard deviations."""
    left, right, same = sample_pairs(batch_size=20_000)
    for side in (LABELS[left], LABELS[right]):
        assert all(abs(count - 5000) < 306 for count in collections.Counter(side).values())
    chosen = (same == 1) & (LABELS[left] == 7)
    counts = collections.Counter(zip(left[chosen], right[chosen], strict=True))
    assert len(counts) == 20 and all(70 < count < 180 for count in counts.values())


def checksum(arrays):
    return hashlib.sha256(b"".join(np.asarray(array).astype("<i8").tobytes() for array in arrays)).hexdigest()[:16]


SAMPLERS = {
    "pairs": lambda table, step: pair_indices(table, 64, 3, step, positive_fraction=0.4),
    "triplets": lambda table, step: triplet_indices(table, 64, 3, step),
    "balanced": lambda table, step: balanced_indices(table, 2, 2, 3, step),
    "episodes": lambda table, step: episode_indices(table, 2, 1, 1, 3, step),
    "rounds": lambda table, step: round_indices(table, 3, 2, 3, step),
}


@pytest.mark.parametrize(
    "name, groups, recorded",
    [
        ("pairs", None, "5b72d9b9754f19af"),
        ("pairs", GROUPS, "1125879e9faf8a68"),
        ("triplets", None, "90ff6e602e7b3e6e"),
        ("triplets", GROUPS, "d9d1583c6af37fb2"),
        ("balanced", None, "2fa8819df70adc96"),
        ("balanced", GROUPS, "6abbdbfa555079fe"),
        ("episodes", None, "d8f0eccc78d6df51"),
        ("episodes", GROUPS, "baee34af808cd409"),
        ("rounds", None, "4480786daffda63c"),
    ],
)
def test_batches_are_functions_of_seed_and_step_that_do_not_change_between_versions(name, groups, recorded):
    """The results of the lessons and benchmarks depend on them."""
    table = ClassTable.from_labels(LABELS, groups)
    assert checksum(part for step in (0, 17, 10**9) for part in SAMPLERS[name](table, np.int64(step))) == recorded


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_triplets_have_two_examples_of_a_class_and_one_of_another(groups):
    anchor, positive, negative = sample_triplets(groups)
    assert (LABELS[anchor] == LABELS[positive]).all() and (anchor != positive).all()
    assert (LABELS[anchor] != LABELS[negative]).all()
    assert (GROUPS[anchor] == GROUPS[negative]).all() == (groups is not None)


def test_triplets_are_uniform_and_the_negative_is_independent_of_the_positive():
    """20,000 triplets: each class 5,000 times anchor and negative, standard deviation 61. Of the 1,667 with an anchor
    of class 7 and a negative of class 3, each of the 60 combinations has 28, standard deviation 5.2."""
    anchor, positive, negative = sample_triplets(batch_size=20_000)
    for side in (anchor, negative):
        assert all(abs(np.sum(LABELS[side] == label) - 5000) < 306 for label in (7, 3, 11, 40))
    chosen = (LABELS[anchor] == 7) & (LABELS[negative] == 3)
    counts = collections.Counter(zip(anchor[chosen], positive[chosen], negative[chosen], strict=True))
    assert len(counts) == 60 and all(abs(count - 1667 / 60) < 26 for count in counts.values())


def test_sampling_without_replacement_gives_every_ordered_selection_with_equal_probability():
    """3 of 5 items: 60 ordered selections of 20,000 rows, 333 each with standard deviation 18. All 4 of 4: 24 orders,
    833 each with standard deviation 28."""
    rows = 20_000
    for count, size in ((5, 3), (4, 4)):
        chosen = _without_replacement(
            tf.fill((rows,), np.int64(count)), uniform_numbers((2, rows, size), 1, np.int64(0))
        )
        counts = collections.Counter(map(tuple, chosen.numpy().tolist()))
        assert set(counts) == set(itertools.permutations(range(count), size))
        expected = rows / math.perm(count, size)
        assert all(abs(each - expected) < 5 * math.sqrt(expected) for each in counts.values())


def test_sampling_without_replacement_takes_rows_of_different_size():
    counts = np.array([6, 7, 20, 100_000])
    chosen = _without_replacement(tf.constant(counts), uniform_numbers((2, 4, 6), 1, np.int64(0))).numpy()
    assert all_different(chosen) and (chosen >= 0).all() and (chosen < counts[:, None]).all()
    assert sorted(chosen[0]) == list(range(6))


@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_balanced_batch_has_different_examples_class_after_class(groups, classes):
    indices = sample_balanced(groups=groups, classes=classes, steps=500)
    assert (LABELS[indices] == LABELS[indices][:, :, :1]).all()
    assert all_different(LABELS[indices][:, :, 0]) and all_different(indices)


def test_classes_of_balanced_batches_are_uniform():
    """Two of four classes in 4,000 batches: 2,000 each with standard deviation 32; 667 of each pair of classes, 24."""
    classes = np.sort(LABELS[sample_balanced()][:, :, 0], axis=1)
    assert all(abs(np.sum(classes == label) - 2000) < 158 for label in (7, 3, 11, 40))
    counts = collections.Counter(map(tuple, classes.tolist()))
    assert len(counts) == 6 and all(abs(count - 667) < 118 for count in counts.values())


def test_rounds_visit_every_example_once_in_each_pass_in_a_new_order():
    """Four classes of six: two batches of 2 x 3 are a round, and two rounds a pass over all 24 examples."""
    labels = np.repeat([7, 3, 40, 11], 6)
    passes = sample_balanced(labels, per_class=3, steps=8, sample=round_indices).reshape(2, 2, 2, 6)
    for each in passes:
        assert sorted(each.ravel()) == list(range(24))
        assert [sorted(set(labels[examples.ravel()])) for examples in each] == [[3, 7, 11, 40]] * 2
    assert (passes[0] != passes[1]).any()


def test_rounds_fill_up_their_last_batch_and_the_last_visit_of_a_pass():
    """Three visits of two examples are a pass over the five of class 7, with one example twice. Two batches of three
    classes are a round of the four classes, with two classes twice, but not in the same batch."""
    batches = sample_balanced(classes=4, steps=300, sample=round_indices)
    visits = batches[LABELS[batches[..., 0]] == 7].reshape(-1, 6)
    assert len(visits) == 100 and all(len(set(examples)) == 5 for examples in visits.tolist())
    batches = sample_balanced(classes=3, steps=300, sample=round_indices)
    assert all_different(LABELS[batches[..., 0]]) and all_different(batches)
    rounds = LABELS[batches[..., 0]].reshape(-1, 6)
    assert all(sorted(collections.Counter(names).values()) == [1, 1, 2, 2] for names in rounds.tolist())


def test_the_order_of_classes_and_examples_in_rounds_is_uniform():
    """3,000 rounds of four classes: each of the 24 orders occurs 125 times, standard deviation 11. The 1,000 passes
    over class 7 start with each of its 20 ordered pairs 50 times, standard deviation 7."""
    batches = sample_balanced(classes=4, steps=3000, sample=round_indices)
    names = LABELS[batches[..., 0]]
    orders = collections.Counter(map(tuple, names.tolist()))
    assert len(orders) == 24 and all(abs(count - 125) < 55 for count in orders.values())
    first = collections.Counter(map(tuple, batches[names == 7][::3].tolist()))
    assert len(first) == 20 and all(abs(count - 50) < 35 for count in first.values())


# Groups 5, 9 and 2 have six, four and two classes of two examples each.
CLASS_GROUPS = np.repeat([5, 9, 2], [6, 4, 2])


def sample_groups(**arguments):
    """The label and the group of each class in each batch."""
    labels, groups = np.repeat(np.arange(12) * 7 % 13, 2), np.repeat(CLASS_GROUPS, 2)
    indices = sample_balanced(labels, groups, **arguments)[:, :, 0]
    return labels[indices], groups[indices]


def test_a_balanced_batch_stays_in_one_group_that_is_large_enough():
    assert (np.ptp(sample_groups(classes=2)[1], axis=1) == 0).all()


def test_all_classes_of_a_small_group_are_in_the_batch():
    for batch in sample_groups(classes=5, steps=500)[1].tolist():
        runs = [(group, len(list(run))) for group, run in itertools.groupby(batch)]
        assert len({group for group, _ in runs}) == len(runs)
        assert all(count == np.sum(CLASS_GROUPS == group) for group, count in runs[:-1])
    assert all_different(sample_groups(classes=12, steps=20)[0])


def test_classes_of_small_and_large_groups_have_almost_equal_probability():
    """Four classes in a batch: the groups have weights 6, 4 and 4. A class is in 4 / 14 of the batches through the
    first group: 6 / 14 * 4 / 6 = 4 / 14 * 4 / 4. If the small group is first, two classes come from another group:
    4 / 14 * 6 / 10 * 2 / 6 = 4 / 14 * 4 / 10 * 2 / 4 = 0.057 more for classes of a large group. Of 6,000 batches 1,714
    and 2,057, standard deviations 35 and 37."""
    classes, groups = sample_groups(classes=4, steps=6000)
    for label in np.unique(classes):
        expected, tolerance = (1714, 175) if groups[classes == label][0] == 2 else (2057, 184)
        assert abs(np.sum(classes == label) - expected) < tolerance


@pytest.mark.parametrize("shot, query", [(1, 1), (3, 2), (1, 4)])
@pytest.mark.parametrize("groups", [None, np.repeat([5, 5, 2, 2], 5)])
def test_an_episode_has_different_classes_and_no_query_in_its_support(shot, query, groups):
    labels = np.repeat([7, 40, 3, 11], 5)
    support, queries = sample_episodes(labels, groups, shot=shot, query=query, steps=100)
    assert support.shape == (100, 2, shot) and queries.shape == (100, 2, query)
    examples = np.concatenate([support, queries], axis=2)
    assert all_different(examples.reshape(100, -1))
    classes = labels[examples]
    assert (classes == classes[:, :, :1]).all() and (classes[:, 0, 0] != classes[:, 1, 0]).all()
    if groups is not None:
        assert (groups[examples] == groups[examples][:, :1, :1]).all()


def test_examples_of_episodes_are_uniform():
    """Four classes of three: in 400 episodes of two classes, each example is expected 67 times on each side."""
    for part in sample_episodes(np.repeat([7, 40, 3, 11], 3)):
        counts = np.bincount(part.ravel(), minlength=12)
        assert counts.min() > 35 and counts.max() < 105


def test_groups_of_episodes_are_uniform():
    """Group 5 has two classes and group 2 six: of 600 episodes each has 300, standard deviation 12."""
    labels = np.repeat(np.arange(8), 2)
    groups = np.where(labels < 2, 5, 2)
    support, _ = sample_episodes(labels, groups, steps=600)
    assert 240 < np.sum(groups[support[:, 0, 0]] == 5) < 360


@pytest.mark.parametrize(
    "labels, groups, message",
    [
        ([4, 4, 4], None, "At least two classes .* Received: only 4"),
        ([4, 4, 9], None, "at least 2 examples. Received: class 9 with 1, and 1 such classes"),
        ([4, 4, 9, 9], [1, 1, 2, 2], "at least two classes. Received: group 1 with one"),
        ([4, 4, 9, 9], [1, 2, 1, 1], "belong to one group. Received: class 4 in 1 and 2"),
        ([4, 4, 9, 9], [1, 1], "`groups` must have one entry for each of the 4 examples. Received: 2"),
    ],
)
def test_invalid_labels_and_groups_raise(labels, groups, message):
    with pytest.raises(ValueError, match=message):
        ClassTable.from_labels(labels, groups)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"way": 5}, "way=5 needs at least 5 classes .* Received: 4. Lower `way`."),
        ({"way": 3, "groups": GROUPS}, "at least 3 classes .* Received: 2 in group [25]. Lower `way`."),
        ({"shot": 2}, r"at least 3 examples \(shot=2 \+ query=1\). Received: class (11|40) with 2, and 2 such"),
        ({"way": 1}, "`way` must be an integer of at least 2"),
    ],
)
def test_impossible_episodes_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        episode_table(LABELS, **{"groups": None, "way": 2, "shot": 1, "query": 1} | arguments)
