"""Which examples make a pair, a triplet or a batch: all chance is a function of a seed and a step.

Batch 17 of seed 3 is the same on every machine, in parallel, and can be drawn alone. Indices are drawn in the graph,
class first and then member, so that a class counts the same however many examples it has.
"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer, check_labels


class ClassTable(NamedTuple):
    """Where the examples of each class are, as arrays: class `c` owns `order[starts[c] : starts[c] + counts[c]]`.

    Classes are numbered so that those of one group follow each other: a class has the group that begins at class
    `group_starts[c]` and holds `group_counts[c]` classes. Without groups all classes form one.
    """

    order: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    group_starts: np.ndarray
    group_counts: np.ndarray

    @classmethod
    def of(cls, labels, groups=None, need=2, why=""):
        """The table of `labels` `(n,)`, with `groups` `(n,)` where another class means one of the same group.

        Args:
            labels: Integer classes in any numbering, or strings.
            groups: What each example belongs to; every class must lie within one group.
            need: How many examples each class must have.
            why: What that number is made of, to be told in an error.

        Raises:
            ValueError: labels not `(n,)`, none, floats; fewer than two classes (in a group); a class with fewer than
                `need` examples; groups of another length, or a class in two of them.
        """
        labels = check_labels(labels)
        names, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        told = names.tolist()
        if len(names) < 2:
            raise ValueError(
                f"At least two classes are needed, or nothing can be different. Received: only {told[0]!r}."
            )
        if counts.min() < need:
            raise ValueError(
                f"Every class needs at least {need} examples{why}. Received: class {told[counts.argmin()]!r} with "
                f"{counts.min()}, and {np.sum(counts < need)} such classes in all. Drop them: "
                "`names, counts = np.unique(labels, return_counts=True); "
                f"keep = np.isin(labels, names[counts >= {need}])`."
            )
        group_of_class = np.zeros(len(names), int)
        if groups is not None:
            group_of_class = _group_of_each_class(groups, classes, names)
        by_group = np.argsort(group_of_class, kind="stable")
        number = np.argsort(by_group)
        order = np.argsort(number[classes], kind="stable")
        counts, group_of_class = counts[by_group], group_of_class[by_group]
        _, first, within, size = np.unique(group_of_class, return_index=True, return_inverse=True, return_counts=True)
        if size.min() < 2:
            raise ValueError(
                "Every group needs at least two classes, or nothing in it can be different. Received: group "
                f"{np.unique(np.asarray(groups)).tolist()[size.argmin()]!r} with one."
            )
        return cls(order, np.cumsum(counts) - counts, counts, first[within], size[within])


def genuine_and_forged(labels, genuine, groups=None, need=2):
    """Two tables of the same classes: of their genuine examples, and of the forgeries that claim to be of them.

    Args:
        labels: The class that each example is of, or claims to be of, as for `ClassTable.of`.
        genuine: `(n,)` booleans: False for a forgery.
        groups: As for `ClassTable.of`.
        need: How many genuine examples each class must have.

    Returns:
        `(genuine, forged)`, two `ClassTable`; class c of both is the same.

    Raises:
        ValueError: `genuine` not `(n,)` booleans; a class without a forgery, or with too few genuine examples; and as
            `ClassTable.of`.

    >>> import numpy as np
    >>> from siamkeras.sampling import genuine_and_forged
    >>> labels, genuine = np.array([7, 7, 3, 3, 3, 7]), np.array([True, True, True, False, True, False])
    >>> [(table.order.tolist(), table.counts.tolist()) for table in genuine_and_forged(labels, genuine)]
    [([2, 4, 0, 1], [2, 2]), ([3, 5], [1, 1])]
    """
    labels, genuine = check_labels(labels), np.asarray(genuine)
    if genuine.dtype != bool or genuine.shape != labels.shape:
        raise ValueError(
            f"`genuine` must be booleans, one for each of {len(labels)} labels: False is a forgery. Received: "
            f"{genuine.dtype}, shape {genuine.shape}."
        )
    if groups is not None and np.shape(groups) != labels.shape:
        raise ValueError(
            f"Every example needs one group. Received: {len(labels)} labels, groups of shape {np.shape(groups)}."
        )
    owners = np.unique(labels)
    for what, least, of_kind in (("genuine examples", need, genuine), ("forgeries", 1, ~genuine)):
        counts = np.array([np.sum(of_kind & (labels == owner)) for owner in owners])
        if counts.min() < least:
            raise ValueError(
                f"Every class needs at least {least} {what}. Received: class {owners.tolist()[counts.argmin()]!r} "
                f"with {counts.min()}, and {np.sum(counts < least)} such classes in all. Drop them."
            )
    table = ClassTable.of(labels[genuine], None if groups is None else np.asarray(groups)[genuine], need)
    table = table._replace(order=np.flatnonzero(genuine)[table.order])
    members = [np.flatnonzero(~genuine & (labels == name)) for name in labels[table.order[table.starts]]]
    counts = np.array([len(each) for each in members])
    return table, table._replace(order=np.concatenate(members), starts=np.cumsum(counts) - counts, counts=counts)


def pair_indices(table, batch_size, seed, step, positive_fraction=0.5, forged=None, forged_share=0.5):
    """Indices of one batch of pairs, drawn in the graph.

    A same pair is two different examples of one class; a different pair is of two classes (of one group, where the
    table has groups). Neither can go wrong by chance: the second member is the first plus an offset that is never 0
    around the class, and the second class likewise around the group. With `forged`, the second member of some different
    pairs is a forgery that claims to be of the class of the first.

    Args:
        table: `ClassTable`.
        batch_size: Pairs in a batch.
        seed: Whole number.
        step: Number of the batch; a scalar int64 tensor or a whole number.
        positive_fraction: Share of same pairs, spread evenly over the batch.
        forged: `ClassTable` of the forgeries of the same classes, from `genuine_and_forged`; or None.
        forged_share: Share of the different pairs in which one is a forgery, spread evenly too.

    Returns:
        `(left, right, same)`: int64, int64 and float32 tensors, `(batch_size,)`.
    """
    import tensorflow as tf

    order, classes = _constants(table)
    # Of the first k pairs of the stream floor(k * share) are same: an exact count, also where batches are small, and
    # even over the shards of several replicas.
    number = tf.cast(step, tf.float64) * batch_size + np.arange(batch_size + 1, dtype="float64")
    reached = tf.floor(number * positive_fraction + 1e-9)
    same = reached[1:] > reached[:-1]
    u = _uniform((4, batch_size), seed, step)
    left_class = _below(len(table.counts), u[0])
    left_start, left_count, group, group_count = tf.unstack(tf.gather(classes, left_class), axis=1)
    other_class = group + _another(left_class - group, group_count, u[1])
    other_start, other_count, _, _ = tf.unstack(tf.gather(classes, other_class), axis=1)
    left = _below(left_count, u[2])
    sibling = left_start + _another(left, left_count, u[3])
    stranger = other_start + _below(other_count, u[3])
    chosen = tf.gather(order, tf.stack([left_start + left, tf.where(same, sibling, stranger)]))
    if forged is None:
        return chosen[0], chosen[1], tf.cast(same, tf.float32)
    imitations, owners = _constants(forged)
    start, count, _, _ = tf.unstack(tf.gather(owners, left_class), axis=1)
    reached = tf.floor((number - reached) * forged_share + 1e-9)
    skilled = reached[1:] > reached[:-1]
    right = tf.where(skilled, tf.gather(imitations, start + _below(count, u[3])), chosen[1])
    return chosen[0], right, tf.cast(same, tf.float32)


def all_pairs(labels):
    """Every pair of examples, once: for measuring on a set that is small enough, without chance.

    Args:
        labels: `(n,)` integers or strings.

    Returns:
        `(left, right, same)`, each `(n (n - 1) / 2,)`: two indices, the smaller one left, and whether they are of one
        class. Numpy arrays.

    Raises:
        ValueError: labels not `(n,)`, none, floats.

    >>> from siamkeras import sampling
    >>> left, right, same = generators.all_pairs([7, 7, 3])
    >>> list(zip(left.tolist(), right.tolist(), same.tolist()))
    [(0, 1, True), (0, 2, False), (1, 2, False)]
    """
    labels = check_labels(labels)
    left, right = np.triu_indices(len(labels), 1)
    return left, right, labels[left] == labels[right]


def triplet_indices(table, batch_size, seed, step):
    """Indices of one batch of triplets, drawn in the graph.

    Anchor and positive are two different examples of one class, the negative is of another (of the same group, where
    the table has groups); as in `pair_indices`, none can go wrong by chance.

    Args:
        table: `ClassTable`.
        batch_size: Triplets in a batch.
        seed: Whole number.
        step: Number of the batch; a scalar int64 tensor or a whole number.

    Returns:
        `(anchor, positive, negative)`: int64 tensors, `(batch_size,)`.

    >>> import numpy as np
    >>> from siamkeras.sampling import ClassTable, triplet_indices
    >>> labels = np.array([7, 7, 7, 3, 3])
    >>> anchor, positive, negative = triplet_indices(ClassTable.of(labels), batch_size=100, seed=0, step=0)
    >>> bool(np.all(labels[anchor] == labels[positive])), bool(np.any(labels[anchor] == labels[negative]))
    (True, False)
    """
    import tensorflow as tf

    order, classes = _constants(table)
    u = _uniform((5, batch_size), seed, step)
    own_class = _below(len(table.counts), u[0])
    own_start, own_count, group, group_count = tf.unstack(tf.gather(classes, own_class), axis=1)
    other_class = group + _another(own_class - group, group_count, u[1])
    other_start, other_count, _, _ = tf.unstack(tf.gather(classes, other_class), axis=1)
    anchor = _below(own_count, u[2])
    positive = own_start + _another(anchor, own_count, u[3])
    negative = other_start + _below(other_count, u[4])
    return tuple(tf.unstack(tf.gather(order, tf.stack([own_start + anchor, positive, negative]))))


def balanced_indices(table, classes, per_class, seed, step):
    """Indices of one batch of `classes` different classes with `per_class` different examples of each.

    Without groups every class is drawn with the same chance. With groups the batch is filled group by group: each gives
    as many of its classes as there is room for, and only where it has fewer, another one goes on. A group is drawn in
    proportion to its number of classes, counted as `classes` where it is smaller: so a class comes about as often,
    whether its group is small or large.

    Args:
        table: `ClassTable`, of at least `classes` classes with at least `per_class` examples each.
        classes: Classes in a batch.
        per_class: Examples of each class.
        seed: Whole number.
        step: Number of the batch; a scalar int64 tensor or a whole number.

    Returns:
        An int64 tensor, `(classes * per_class,)`: class after class, those of one group one after the other.

    >>> import numpy as np
    >>> from siamkeras.sampling import ClassTable, balanced_indices
    >>> labels = np.array([7, 7, 7, 3, 3, 5, 5, 5, 5])
    >>> chosen = balanced_indices(ClassTable.of(labels), classes=2, per_class=2, seed=1, step=0)
    >>> len(np.unique(chosen)), labels[chosen].tolist()
    (4, [5, 5, 7, 7])
    """
    import tensorflow as tf

    order, owned = _constants(table)
    _, group, sizes = np.unique(table.group_starts, return_inverse=True, return_counts=True)
    parts = [len(sizes), len(group), classes * per_class]
    waiting, key, member = tf.split(_uniform((sum(parts),), seed, step), parts)
    # Sort the classes by random keys and keep the first. The whole number before the key is the turn of the group:
    # that of which the exponential waiting time, the shorter the more it weighs, is over first.
    turn = tf.argsort(tf.argsort(-tf.math.log1p(-waiting) / np.maximum(sizes, classes)))
    chosen_class = tf.math.top_k(-(tf.cast(tf.gather(turn, group), tf.float64) + key), classes).indices
    start, count, _, _ = tf.unstack(tf.gather(owned, chosen_class), axis=1)
    members = start[:, None] + _different(count, tf.reshape(member, (classes, per_class)))
    return tf.gather(order, tf.reshape(members, (-1,)))


def episode_table(labels, groups, way, shot, query):
    """What `episode_indices` draws from, after all that it needs has been checked.

    Args:
        labels, groups: As for `ClassTable.of`.
        way, shot, query: As for `episode_indices`.

    Returns:
        `(table, way, shot, query)`, the numbers as plain ints.

    Raises:
        ValueError: fewer than `way` classes, in all or in a group; a class with fewer than `shot + query` examples;
            numbers out of range; and as `ClassTable.of`.
    """
    way, shot, query = check_integer("way", way, 2), check_integer("shot", shot, 1), check_integer("query", query, 1)
    table = ClassTable.of(labels, groups, need=shot + query, why=f", shot={shot} and query={query}")
    smallest = int(table.group_counts.argmin())
    if table.group_counts[smallest] < way:
        where = "`labels`"
        if groups is not None:
            first = table.order[table.starts[smallest]]
            where = f"group {check_labels(groups, 'groups')[first].item()!r}"
        raise ValueError(
            f"An episode of {way} classes needs as many{'' if groups is None else ' in each group'}. Received: "
            f"{table.group_counts[smallest]} in {where}. Lower `way`{'' if groups is None else ', or drop the group'}."
        )
    return table, way, shot, query


def episode_indices(table, way, shot, query, seed, step):
    """Indices of one episode: `way` different classes, and `shot + query` different examples of each.

    With groups all classes are of one group, and each group comes as often as any other.

    Args:
        table: `ClassTable`, with at least `way` classes in every group and at least `shot + query` examples of each.
        way: Classes in an episode.
        shot: Examples of each class in the support.
        query: Examples of each class that are asked for.
        seed: Whole number.
        step: Number of the episode; a scalar int64 tensor or a whole number.

    Returns:
        `(support, query)`: int64 tensors, `(way, shot)` and `(way, query)`; row i of both is of one class.

    >>> import numpy as np
    >>> from siamkeras.sampling import ClassTable, episode_indices
    >>> labels = np.array([7, 7, 7, 3, 3, 3, 5, 5, 5])
    >>> support, query = episode_indices(ClassTable.of(labels), way=2, shot=2, query=1, seed=0, step=0)
    >>> labels[support].tolist(), labels[query].tolist()
    ([[7, 7], [3, 3]], [[7], [3]])
    """
    import tensorflow as tf

    order, owned = _constants(table)
    starts, group = np.unique(table.group_starts, return_inverse=True)
    parts = [1, len(group), way * (shot + query)]
    chance, key, member = tf.split(_uniform((sum(parts),), seed, step), parts)
    # Sort the classes of the group by random keys and keep the first.
    key = tf.where(tf.equal(group, _below(len(starts), chance)), key, -1.0)
    chosen_class = tf.math.top_k(key, way).indices
    start, count, _, _ = tf.unstack(tf.gather(owned, chosen_class), axis=1)
    places = start[:, None] + _different(count, tf.reshape(member, (way, shot + query)))
    return tuple(tf.split(tf.gather(order, places), [shot, query], axis=1))


def _constants(table):
    # The order of the examples `(n,)`; for each class its start, count, start of its group and count of its group.
    import tensorflow as tf

    return tf.constant(table.order, tf.int64), tf.constant(np.stack(table[1:], axis=1), tf.int64)


def _uniform(shape, seed, step):
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, tf.stack([tf.cast(seed, tf.int64), step]), dtype=tf.float64)


def _below(limit, uniform):
    # Whole numbers from 0 to limit - 1, for limits that differ from draw to draw.
    import tensorflow as tf

    return tf.cast(uniform * tf.cast(limit, tf.float64), tf.int64)


def _another(place, count, uniform):
    # Any of `count` places but this one: a step around the circle that is never 0.
    return (place + 1 + _below(count - 1, uniform)) % count


def _different(count, uniform):
    # For each class as many different places below its `count` `(classes,)` as `uniform` `(classes, k)` has columns:
    # the beginning of a Fisher-Yates shuffle, in which turn i swaps the places i and drawn[i], from i to count - 1.
    import tensorflow as tf

    turns = uniform.shape[1]
    turn = tf.range(turns, dtype=tf.int64)
    drawn = turn + _below(count[:, None] - turn, uniform)

    def last_before(place):
        # The last turn before each that has drawn this place; -1 where none has.
        found = (drawn[:, None, :] == place[:, :, None]) & (turn < turn[:, None])
        return tf.reduce_max(tf.where(found, turn, -1), axis=2)

    # What lies at place i in turn i came from the place of an earlier turn, and there from an earlier one: back to the
    # first, in strides that double.
    earlier = last_before(turn[None])
    origin = tf.where(earlier < 0, turn, earlier)
    for _ in range((turns - 1).bit_length()):
        origin = tf.gather(origin, origin, axis=1, batch_dims=1)
    earlier = last_before(drawn)
    return tf.where(earlier < 0, drawn, tf.gather(origin, tf.maximum(earlier, 0), axis=1, batch_dims=1))


def _group_of_each_class(groups, classes, names):
    groups = check_labels(groups, "groups")
    if len(groups) != len(classes):
        raise ValueError(f"Every example needs one group. Received: {len(classes)} labels, {len(groups)} groups.")
    group_names, group = np.unique(groups, return_inverse=True)
    lowest, highest = np.full(len(names), len(group_names)), np.full(len(names), -1)
    np.minimum.at(lowest, classes, group)
    np.maximum.at(highest, classes, group)
    if np.any(lowest != highest):
        split = np.argmax(lowest != highest)
        raise ValueError(
            f"A class must lie within one group. Received: class {names.tolist()[split]!r} in "
            f"{group_names.tolist()[lowest[split]]!r} and {group_names.tolist()[highest[split]]!r}."
        )
    return lowest
