"""Streams of signature pairs: genuine signatures, skilled and random forgeries."""

import numpy as np

from siamkeras._validation import check_integer, check_number
from siamkeras.applications.signatures.examples import check_signatures
from siamkeras.generators import _sampling
from siamkeras.generators._batching import check_labelled, sampled_batches
from siamkeras.generators.pairs import left_right

POSITIVE_FRACTION = 0.5


def genuine_forged_pairs(
    images, writers, genuine, batch_size=64, steps=None, seed=0, forged_fraction=0.5, augment=None
):
    """Batches of signature pairs, half of them same pairs: two genuine signatures of one writer.

    Different pairs are a genuine signature and a forgery of it (skilled forgery), or genuine signatures of two writers
    (random forgery). All writers have the same probability.

    Args:
        images: `(n, height, width, channels)` float32 in [0, 1] or uint8.
        writers: `(n,)` integers or strings: the writer, for a forgery the imitated writer.
        genuine: `(n,)` booleans, False for a forgery.
        batch_size, steps, seed, augment: As for `generators.pairs`.
        forged_fraction: Fraction of skilled forgeries among the different pairs, from 0 to 1.

    Returns:
        A `tf.data.Dataset` of `({"left", "right"}, same)`: float32 `(batch_size, ...)` and `(batch_size,)`.

    Raises:
        ValueError: a writer with fewer than two genuine signatures or without a forgery; as for `generators.pairs`.
    """
    images, writers, options = check_labelled(images, writers, steps, seed, 0, None, augment)
    batch_size = check_integer("batch_size", batch_size, 1)
    forged_fraction = check_number("forged_fraction", forged_fraction, minimum=0, maximum=1)
    genuine = check_signatures(writers, genuine, minimum_genuine=2, minimum_forged=1)
    table, forgeries = (_class_table(writers, chosen) for chosen in (genuine, ~genuine))
    writer_index = np.unique(writers, return_inverse=True)[1]

    def sample(step):
        import tensorflow as tf

        left, right, same = _sampling.pair_indices(table, batch_size, options.seed, step, POSITIVE_FRACTION)
        before = _sampling.pairs_before(batch_size, step)
        negatives_before = before - _sampling.count_selected(before, POSITIVE_FRACTION)
        is_skilled = _sampling.is_selected(negatives_before, forged_fraction)
        writer = tf.gather(tf.constant(writer_index, tf.int64), left)
        uniform = _sampling.uniform_numbers((batch_size,), options.seed + 1, step)
        offset = _sampling.below(tf.gather(forgeries.counts, writer), uniform)
        forgery = tf.gather(tf.constant(forgeries.order, tf.int64), tf.gather(forgeries.starts, writer) + offset)
        return (left, tf.where(is_skilled, forgery, right)), same

    return sampled_batches(sample, images, left_right, batch_size, options)


def _class_table(writers, chosen):
    table = _sampling.ClassTable.from_labels(writers[chosen], minimum=1)
    return table._replace(order=np.flatnonzero(chosen)[table.order])
