"""Which examples make a pair: all chance is a function of a seed and a step.

Batch 17 of seed 3 is the same on every machine, in parallel, and can be drawn alone. Indices are drawn in the graph,
class first and then member, so that a class counts the same however many examples it has.
"""

from typing import NamedTuple

import numpy as np


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
    def of(cls, labels, groups=None, need=2):
        """The table of `labels` `(n,)`, with `groups` `(n,)` where another class means one of the same group.

        Args:
            labels: Integer classes in any numbering, or strings.
            groups: What each example belongs to; every class must lie within one group.
            need: How many examples each class must have.

        Raises:
            ValueError: labels not `(n,)`, none, floats; fewer than two classes (in a group); a class with fewer than
                `need` examples; groups of another length, or a class in two of them.
        """
        labels = checked_labels(labels)
        names, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        told = names.tolist()
        if len(names) < 2:
            raise ValueError(
                f"At least two classes are needed, or nothing can be different. Received: only {told[0]!r}."
            )
        if counts.min() < need:
            raise ValueError(
                f"Every class needs at least {need} examples. Received: class {told[counts.argmin()]!r} with "
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


def checked_labels(labels, name="labels"):
    """`labels` as a vector of integers or strings.

    Raises:
        ValueError: not one-dimensional; empty; floats or objects.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        hint = ""
        if labels.ndim == 2:
            flat = "reshape(-1)" if labels.shape[1] == 1 else "argmax(axis=1)"
            hint = f" Class numbers are meant, not columns or one-hot rows: `{name}.{flat}`."
        raise ValueError(f"`{name}` must be one-dimensional, (n,). Received: shape {labels.shape}.{hint}")
    if len(labels) == 0:
        raise ValueError(f"`{name}` is empty: there is nothing to draw from.")
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels):
        labels = labels.astype(str)
    if labels.dtype.kind not in "iubUS":
        raise ValueError(f"`{name}` must be integers or strings. Received: {labels.dtype}.")
    return labels


def pair_indices(table, batch_size, seed, step, same_share=0.5):
    """Indices of one batch of pairs, drawn in the graph.

    A same pair is two different examples of one class; a different pair is of two classes (of one group, where the
    table has groups). Neither can go wrong by chance: the second member is the first plus an offset that is never 0
    around the class, and the second class likewise around the group.

    Args:
        table: `ClassTable`.
        batch_size: Pairs in a batch.
        seed: Whole number.
        step: Number of the batch; a scalar int64 tensor or a whole number.
        same_share: Share of same pairs, spread evenly over the batch.

    Returns:
        `(left, right, same)`: int64, int64 and float32 tensors, `(batch_size,)`.
    """
    import tensorflow as tf

    order = tf.constant(table.order, tf.int64)
    classes = tf.constant(np.stack(table[1:], axis=1), tf.int64)
    # Of the first k pairs of the stream floor(k * share) are same: an exact count, also where batches are small, and
    # even over the shards of several replicas.
    number = tf.cast(step, tf.float64) * batch_size + np.arange(batch_size + 1, dtype="float64")
    reached = tf.floor(number * same_share + 1e-9)
    same = reached[1:] > reached[:-1]
    u = tf.random.stateless_uniform((4, batch_size), tf.stack([tf.cast(seed, tf.int64), step]), dtype=tf.float64)

    def below(uniform, limit):
        # Whole numbers from 0 to limit - 1, for limits that differ from pair to pair.
        return tf.cast(uniform * tf.cast(limit, tf.float64), tf.int64)

    left_class = below(u[0], len(table.counts))
    left_start, left_count, group, group_count = tf.unstack(tf.gather(classes, left_class), axis=1)
    other_class = group + (left_class - group + 1 + below(u[1], group_count - 1)) % group_count
    other_start, other_count, _, _ = tf.unstack(tf.gather(classes, other_class), axis=1)
    left = below(u[2], left_count)
    sibling = left_start + (left + 1 + below(u[3], left_count - 1)) % left_count
    stranger = other_start + below(u[3], other_count)
    chosen = tf.gather(order, tf.stack([left_start + left, tf.where(same, sibling, stranger)]))
    return chosen[0], chosen[1], tf.cast(same, tf.float32)


def _group_of_each_class(groups, classes, names):
    groups = checked_labels(groups, "groups")
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
