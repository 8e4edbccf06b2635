"""Episodes: a few labelled examples of classes never seen, and others to be told apart by them."""

from siamkeras.generators import _sampling as sampling
from siamkeras.generators._batching import drawn, fetched, labelled


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
):
    """Episodes of `way` classes: a support of `shot` images of each, and `query` others of each that are asked for.

    No class is twice in an episode, and no query in its support. The images come class after class, so that the class
    of query i within the episode is `i // query`, and of support i `i // shot`.

    Args:
        images: As for `triplets`.
        labels: `(n,)` integers or strings, the class of each image.
        way: Classes in an episode, at least 2.
        shot: Images of each class in the support.
        query: Images of each class that are asked for.
        steps: Episodes in one pass, the same in each; None for an endless stream.
        seed: Whole number; together with an episode's number it decides everything that is random in it.
        start: Number of the first episode, to go on with a stream that was interrupted.
        groups: `(n,)`, what each class belongs to, such as an alphabet. All classes of an episode are then of one
            group, which is harder; each group comes as often as any other.
        load: As for `pairs`.
        augment: As for `pairs`; each image is augmented in its own way.

    Returns:
        A `tf.data.Dataset` of `({"support", "query"}, number)`: float32 `(way * shot, ...)`, float32
        `(way * query, ...)`, and the class of each query within the episode, int64 `(way * query,)` from 0 to way - 1.

    Raises:
        ValueError: fewer than `way` classes, in all or in a group; a class with fewer than `shot + query` images;
            otherwise as for `pairs`.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(9, dtype="float32").reshape(9, 1)  # image 4 shows the number 4, and 3 are of each class
    >>> inputs, number = next(iter(generators.episodes(images, np.repeat([10, 20, 30], 3), way=2, query=2, seed=3)))
    >>> (inputs["support"][:, 0] // 3).numpy().tolist(), (inputs["query"][:, 0] // 3).numpy().tolist()
    ([1.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    >>> number.numpy().tolist()
    [0, 0, 1, 1]
    """
    images, labels, seed, start, steps = labelled(images, labels, seed, start, steps, load)
    table, way, shot, query = sampling.episode_table(labels, groups, way, shot, query)

    def draw(step):
        import tensorflow as tf

        support, asked = sampling.episode_indices(table, way, shot, query, seed, step)
        return (tf.concat([tf.reshape(support, (-1,)), tf.reshape(asked, (-1,))], axis=0),), (), step

    def named(images, _):
        import tensorflow as tf

        number = tf.repeat(tf.range(way, dtype=tf.int64), query)
        return {"support": images[0][: way * shot], "query": images[0][way * shot :]}, number

    size = way * (shot + query)
    return fetched(drawn(draw, start, steps), (images,), named, size, steps, seed, load, augment)
