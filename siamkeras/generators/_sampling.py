"""Sampling of pairs, triplets, balanced batches and episodes, as indices of examples, in the TensorFlow graph.

Every batch is a pure function of `(seed, step)`, the same on every machine. A class is sampled first and then its
members, so that every class has the same probability however many examples it has.
"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer, check_labels


class ClassTable(NamedTuple):
    """The examples of each class: class c has the examples `order[starts[c] : starts[c] + counts[c]]`.

    Classes of one group are numbered consecutively: class c belongs to the group that begins at class
    `group_starts[c]` and has `group_counts[c]` classes. Without groups all classes form one group.
    """

    order: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    group_starts: np.ndarray
    group_counts: np.ndarray

    @classmethod
    def from_labels(cls, labels, groups=None, minimum=2, reason=""):
        """The table of labels `(n,)`; each class needs `minimum` examples, because of `reason`."""
        labels = check_labels(labels)
        names, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        _check_class_sizes(names, counts, minimum, reason)
        group_of_class = np.zeros(len(names), int)
        if groups is not None:
            group_of_class = _group_of_each_class(groups, classes, names)
        # Renumber the classes so that those of one group are consecutive.
        by_group = np.argsort(group_of_class, kind="stable")
        number = np.argsort(by_group)
        order = np.argsort(number[classes], kind="stable")
        counts, group_of_class = counts[by_group], group_of_class[by_group]
        _, first, group, size = np.unique(group_of_class, return_index=True, return_inverse=True, return_counts=True)
        return cls(order, np.cumsum(counts) - counts, counts, first[group], size[group])


def _check_class_sizes(names, counts, minimum, reason):
    """Raises unless there are two classes, each with `minimum` examples."""
    names = names.tolist()
    if len(names) < 2:
        raise ValueError(f"At least two classes are needed to form negatives. Received: only {names[0]!r}.")
    if counts.min() < minimum:
        raise ValueError(
            f"Every class needs at least {minimum} examples{reason}. Received: class {names[counts.argmin()]!r} with "
            f"{counts.min()}, and {np.sum(counts < minimum)} such classes in total. Drop them: "
            "`names, counts = np.unique(labels, return_counts=True); "
            f"keep = np.isin(labels, names[counts >= {minimum}])`."
        )


def _group_of_each_class(groups, classes, names):
    """The number of each class's group; raises unless classes lie within groups and groups have two classes."""
    groups = check_labels(groups, "groups", count=len(classes))
    group_names, group = np.unique(groups, return_inverse=True)
    group_of_class = np.zeros(len(names), int)
    group_of_class[classes] = group
    mixed = np.flatnonzero(group_of_class[classes] != group)
    if len(mixed):
        example = mixed[0]
        name, one, two = names[classes[example]], groups[example], group_names[group_of_class[classes[example]]]
        raise ValueError(
            "All examples of a class must belong to one group. "
            f"Received: class {name.item()!r} in {one.item()!r} and {two.item()!r}."
        )
    sizes = np.bincount(group_of_class)
    if sizes.min() < 2:
        name = group_names[sizes.argmin()].item()
        raise ValueError(f"Every group needs at least two classes. Received: group {name!r} with one.")
    return group_of_class


def pair_indices(table, batch_size, seed, step, positive_fraction=0.5):
    """One batch of pairs: `(left, right, same)`, int64, int64 and float32 of shape `(batch_size,)`.

    The examples of a same pair differ; those of a different pair are of two classes (of one group).
    """
    import tensorflow as tf

    uniform = uniform_numbers((4, batch_size), seed, step)
    (start, count), (other_start, other_count) = _two_classes(table, uniform[:2])
    left = below(count, uniform[2])
    positive = start + _another(left, count, uniform[3])
    negative = other_start + below(other_count, uniform[3])
    same = is_selected(pairs_before(batch_size, step), positive_fraction)
    indices = tf.gather(
        tf.constant(table.order, tf.int64), tf.stack([start + left, tf.where(same, positive, negative)])
    )
    return indices[0], indices[1], tf.cast(same, tf.float32)


def triplet_indices(table, batch_size, seed, step):
    """One batch of triplets: `(anchor, positive, negative)`, int64 `(batch_size,)`."""
    import tensorflow as tf

    uniform = uniform_numbers((5, batch_size), seed, step)
    (start, count), (other_start, other_count) = _two_classes(table, uniform[:2])
    anchor = below(count, uniform[2])
    positive = start + _another(anchor, count, uniform[3])
    negative = other_start + below(other_count, uniform[4])
    order = tf.constant(table.order, tf.int64)
    return tuple(tf.unstack(tf.gather(order, tf.stack([start + anchor, positive, negative]))))


def balanced_table(labels, groups, classes, per_class, name="classes"):
    """The table for `balanced_indices`, after a check that it has enough classes; `name` is the user's argument."""
    table = ClassTable.from_labels(labels, groups, per_class)
    count = len(table.counts)
    if count < classes:
        raise ValueError(f"`{name}` must be at most {count}, the number of classes. Received: {name}={classes}.")
    return table


def balanced_indices(table, classes, per_class, seed, step):
    """One batch of `classes` different classes with `per_class` different examples each, int64 `(batch,)`.

    Without groups all classes have the same probability. With groups the batch is filled group by group, each with all
    of its classes that fit. A group is sampled with a weight equal to its number of classes, at least `classes`; so the
    probability of a class hardly depends on the size of its group.
    """
    import tensorflow as tf

    _, group, sizes = np.unique(table.group_starts, return_inverse=True, return_counts=True)
    parts = [len(sizes), len(group), 2 * classes * per_class]
    group_uniform, class_uniform, member_uniform = tf.split(uniform_numbers((sum(parts),), seed, step), parts)
    # Groups in weighted random order: sorted by exponential waiting times, whose rate is the weight.
    waiting_time = -tf.math.log1p(-group_uniform) / np.maximum(sizes, classes)
    rank = tf.cast(tf.argsort(tf.argsort(waiting_time)), tf.float64)
    # Classes sorted by group and, within a group, by uniform keys.
    chosen = tf.math.top_k(-(tf.gather(rank, group) + class_uniform), classes).indices
    return tf.reshape(_members(table, chosen, per_class, member_uniform), (-1,))


def round_indices(table, classes, per_class, seed, step):
    """As `balanced_indices`, in rounds that visit every class once; successive visits go through all its examples.

    The last batch of a round is filled up with the first classes of the round and the examples of their next visit. A
    pass over n examples of a class takes `ceil(n / per_class)` visits; the last is filled up with the first examples.
    """
    import tensorflow as tf

    total = len(table.counts)
    batches = -(-total // classes)
    number, slot = step // batches, step % batches * classes + np.arange(classes)
    chosen = tf.gather(tf.argsort(uniform_numbers((total,), seed, -1 - number)), slot % total)
    visit = number + slot // total

    def members(arguments):
        label, start, count, visit = arguments
        visits = -(-count // per_class)
        # Each pass over a class has its own order.
        order = tf.argsort(uniform_numbers((count,), seed, visit // visits * total + tf.cast(label, tf.int64)))
        place = (visit % visits * per_class + np.arange(per_class)) % count
        return start + tf.cast(tf.gather(order, place), tf.int64)

    starts, counts = (tf.gather(tf.constant(column, tf.int64), chosen) for column in table[1:3])
    places = tf.map_fn(members, (chosen, starts, counts, visit), fn_output_signature=tf.TensorSpec(per_class, tf.int64))
    return tf.gather(tf.constant(table.order, tf.int64), tf.reshape(places, (-1,)))


def episode_table(labels, groups, way, shot, query):
    """`(table, way, shot, query)` for `episode_indices`, after a check that every episode is possible."""
    way, shot, query = check_integer("way", way, 2), check_integer("shot", shot, 1), check_integer("query", query, 1)
    table = ClassTable.from_labels(labels, groups, shot + query, f" (shot={shot} + query={query})")
    smallest = int(table.group_counts.argmin())
    if table.group_counts[smallest] < way:
        group = ""
        if groups is not None:
            group = f" in group {np.asarray(groups)[table.order[table.starts[smallest]]].item()!r}"
        raise ValueError(
            f"An episode of way={way} needs at least {way} classes (of one group, with `groups`). "
            f"Received: {table.group_counts[smallest]}{group}. Lower `way`."
        )
    return table, way, shot, query


def episode_indices(table, way, shot, query, seed, step):
    """One episode: `(support, query)`, int64 `(way, shot)` and `(way, query)`; row i of both is of one class.

    With groups all classes are of one group, and all groups have the same probability.
    """
    import tensorflow as tf

    first, group = np.unique(table.group_starts, return_inverse=True)
    parts = [1, len(group), 2 * way * (shot + query)]
    group_uniform, class_uniform, member_uniform = tf.split(uniform_numbers((sum(parts),), seed, step), parts)
    keys = tf.where(tf.equal(group, below(len(first), group_uniform)), class_uniform, -1.0)
    chosen = tf.math.top_k(keys, way).indices
    members = _members(table, chosen, shot + query, member_uniform)
    return tuple(tf.split(members, [shot, query], axis=1))


def uniform_numbers(shape, seed, step):
    """Uniform float64 numbers in [0, 1), a function of `(seed, step)`."""
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, tf.stack([tf.cast(seed, tf.int64), step]), dtype=tf.float64)


def below(limit, uniform):
    """Integers from 0 to `limit - 1` from uniform numbers; the limits may differ."""
    import tensorflow as tf

    return tf.cast(uniform * tf.cast(limit, tf.float64), tf.int64)


def pairs_before(batch_size, step):
    """How many pairs of a stream precede each pair of batch `step`, and the end of the batch, `(batch_size + 1,)`."""
    import tensorflow as tf

    return tf.cast(step, tf.float64) * batch_size + np.arange(batch_size + 1, dtype="float64")


def is_selected(before, fraction):
    """Booleans that select `floor(k * fraction)` of the first k pairs of a stream: exact, and spread evenly."""
    selected = count_selected(before, fraction)
    return selected[1:] > selected[:-1]


def count_selected(before, fraction):
    """How many of the first `before` pairs `is_selected` selects."""
    import tensorflow as tf

    return tf.floor(before * fraction + 1e-9)


def _two_classes(table, uniform):
    """A class and another class of its group: `(start, count)` of each, int64 tensors `(batch,)`."""
    import tensorflow as tf

    columns = tf.constant(np.stack(table[1:], axis=1), tf.int64)
    one = below(len(table.counts), uniform[0])
    start, count, group_start, group_count = tf.unstack(tf.gather(columns, one), axis=1)
    other = group_start + _another(one - group_start, group_count, uniform[1])
    other_start, other_count, _, _ = tf.unstack(tf.gather(columns, other), axis=1)
    return (start, count), (other_start, other_count)


def _another(index, count, uniform):
    """Integers from 0 to `count - 1` other than `index`: `index` plus a cyclic offset that is never 0."""
    return (index + 1 + below(count - 1, uniform)) % count


def _members(table, classes, size, uniform):
    """`size` different examples of each class, int64 `(len(classes), size)`, in random order."""
    import tensorflow as tf

    starts = tf.gather(tf.constant(table.starts, tf.int64), classes)
    counts = tf.gather(tf.constant(table.counts, tf.int64), classes)
    places = _without_replacement(counts, tf.reshape(uniform, (2, -1, size)))
    return tf.gather(tf.constant(table.order, tf.int64), starts[:, None] + places)


def _without_replacement(counts, uniform):
    """Different integers from 0 to `counts[row] - 1` in each row, `(rows, size)`, from numbers `(2, rows, size)`.

    Floyd's algorithm, whose cost does not depend on the counts, and a shuffle of each row. Bentley and Floyd (1987),
    Programming pearls: a sample of brilliance, https://doi.org/10.1145/30401.315746
    """
    import tensorflow as tf

    size = uniform.shape[2]
    largest = counts[:, None] - size + tf.range(size, dtype=tf.int64)
    candidates = below(largest + 1, uniform[0])
    chosen = candidates[:, :1]
    for turn in range(1, size):
        candidate = candidates[:, turn : turn + 1]
        is_repeated = tf.reduce_any(tf.equal(chosen, candidate), axis=1, keepdims=True)
        chosen = tf.concat([chosen, tf.where(is_repeated, largest[:, turn : turn + 1], candidate)], axis=1)
    return tf.gather(chosen, tf.argsort(uniform[1], axis=1), axis=1, batch_dims=1)
