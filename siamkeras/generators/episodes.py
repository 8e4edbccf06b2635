"""Streams of N-way K-shot episodes."""

from siamkeras.generators import _sampling
from siamkeras.generators._batching import check_divisible, check_labelled, sampled_batches


def episodes(
    images,
    labels,
    way=5,
    shot=1,
    query=5,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    load=None,
    augment=None,
    scale=True,
    text=False,
):
    """Episodes of `way` classes: a support set with `shot` images and a query set with `query` images of each class.

    Support and query have no image in common. Both are ordered by class: the class of query i within the episode is
    `i // query`, and that of support i is `i // shot`.

    There is no `shard`: the prototypes of an episode need the whole support, so it cannot be divided among processes.

    Args:
        images, labels, seed, start, load, augment, scale, text: As for `generators.pairs`.
        way: Classes in an episode, at least 2.
        shot: Images of each class in the support set.
        query: Images of each class in the query set.
        steps: Episodes in one pass; None for an endless stream.
        groups: As for `generators.pairs`. All classes of an episode then belong to one group, and all groups have the
            same probability.

    Returns:
        A `tf.data.Dataset` of `({"support", "query"}, classes)`: float32 or text `(way * shot, ...)` and
        `(way * query, ...)`; and the class of each query within the episode, int64 `(way * query,)`, 0 to `way - 1`.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(9, dtype="float32").reshape(9, 1)  # image i contains the number i
    >>> inputs, classes = next(iter(generators.episodes(images, np.repeat([10, 20, 30], 3), way=2, query=2, seed=3)))
    >>> (inputs["support"][:, 0] // 3).numpy().tolist(), (inputs["query"][:, 0] // 3).numpy().tolist()
    ([1.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    >>> classes.numpy().tolist()
    [0, 0, 1, 1]
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale, text)
    table, way, shot, query = _sampling.episode_table(labels, groups, way, shot, query)
    check_divisible(way * shot, shards=1)
    check_divisible(way * query, shards=1)

    def sample(step):
        import tensorflow as tf

        indices = _sampling.episode_indices(table, way, shot, query, options.seed, step)
        return (tf.concat([tf.reshape(each, (-1,)) for each in indices], axis=0),), ()

    def to_batch(images, _):
        import tensorflow as tf

        classes = tf.repeat(tf.range(way, dtype=tf.int64), query)
        return {"support": images[0][: way * shot], "query": images[0][way * shot :]}, classes

    return sampled_batches(sample, images, to_batch, way * (shot + query), options)
