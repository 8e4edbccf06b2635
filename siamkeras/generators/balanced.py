"""Batches of triplets, and balanced batches in which a loss finds its own positives and negatives."""

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.generators import _sampling as sampling
from siamkeras.generators._batching import drawn, fetched, labelled


def triplets(images, labels, batch_size=64, steps=None, seed=0, start=0, groups=None, load=None, augment=None):
    """Batches of triplets: an anchor, another image of its class, and an image of another class.

    Classes are drawn first and then members, so that each class counts the same however many images it has. The
    positive is never the anchor itself, and the negative never of its class. A batch holds inputs and no y, as a model
    takes them that carries its loss.

    Args:
        images: `(n, ...)` float32, or uint8, which comes out as float32 divided by 255; or `(n,)` file paths, with
            `load`.
        labels: `(n,)` integers or strings, the class of each image.
        batch_size: Triplets in a batch.
        steps: Batches in one pass, the same in each; None for an endless stream.
        seed: Whole number; together with a batch's number it decides everything that is random in that batch.
        start: Number of the first batch, to go on with a stream that was interrupted.
        groups: `(n,)`, what each class belongs to, such as an alphabet. The negative then comes from the group of its
            anchor, which is harder.
        load: As for `pairs`.
        augment: As for `pairs`; all three images are augmented, each in its own way.

    Returns:
        A `tf.data.Dataset` of `{"anchor", "positive", "negative"}`, each float32 `(batch_size, ...)`.

    Raises:
        ValueError: a class with one image, and as for `pairs`.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)  # image 4 shows the number 4 ...
    >>> batch = next(iter(generators.triplets(images, [10, 10, 10, 20, 20, 20], batch_size=4, seed=1)))
    >>> [(batch[role][:, 0] // 3).numpy().tolist() for role in batch]  # ... and 3 of each class
    [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]
    """
    images, labels, seed, start, steps = labelled(images, labels, seed, start, steps, load)
    batch_size = check_integer("batch_size", batch_size, 1)
    table = sampling.ClassTable.of(labels, groups)

    def draw(step):
        return sampling.triplet_indices(table, batch_size, seed, step), (), step

    def named(images, _):
        return dict(zip(("anchor", "positive", "negative"), images, strict=True))

    return fetched(drawn(draw, start, steps), (images,) * 3, named, batch_size, steps, seed, load, augment)


def balanced(
    images,
    labels,
    classes=16,
    per_class=4,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    load=None,
    augment=None,
):
    """Batches of `per_class` different images of each of `classes` different classes, with their labels.

    For losses that look for positives and negatives inside the batch: every image has `per_class - 1` of the one and
    `(classes - 1) * per_class` of the other. Each class counts the same however many images it has.

    Args:
        images: As for `triplets`.
        labels: `(n,)` integers or strings, the class of each image.
        classes: Classes in a batch, at least 2.
        per_class: Images of each class in a batch, at least 2; every class must have as many.
        steps: Batches in one pass, the same in each; None for an endless stream.
        seed: Whole number; together with a batch's number it decides everything that is random in that batch.
        start: Number of the first batch, to go on with a stream that was interrupted.
        groups: `(n,)`, what each class belongs to, such as an alphabet. A batch then keeps to one group, which is
            harder; where that has fewer than `classes` classes, all of them are in the batch, and classes of another
            group fill it up. A class comes about as often, whether its group is small or large.
        load: As for `pairs`.
        augment: As for `pairs`; each image is augmented in its own way.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: float32 `(classes * per_class, ...)` and int64
        `(classes * per_class,)`, class after class. Integer labels come out as they are, up to 2**24. Larger ones,
        which would be rounded when Keras makes them float32, and strings come out as the number of their class:
        `np.unique(labels)[number]` is the label.

    Raises:
        ValueError: fewer than `classes` classes; a class with fewer than `per_class` images; otherwise as for `pairs`.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(9, dtype="float32").reshape(9, 1)  # image 4 shows the number 4 ...
    >>> stream = generators.balanced(images, np.repeat([10, 20, 30], 3), classes=2, per_class=2, seed=1)
    >>> batch, labels = next(iter(stream))
    >>> (batch[:, 0] // 3).numpy().tolist(), labels.numpy().tolist()  # ... and 3 of each class
    ([1.0, 1.0, 2.0, 2.0], [20, 20, 30, 30])
    """
    images, labels, seed, start, steps = labelled(images, labels, seed, start, steps, load)
    classes = check_integer("classes", classes, 2, hint="An image needs another class in the batch to find a negative.")
    per_class = check_integer(
        "per_class", per_class, 2, hint="An image needs another of its class in the batch as its positive."
    )
    table = sampling.ClassTable.of(labels, groups, need=per_class)
    if len(table.counts) < classes:
        raise ValueError(
            f"A batch of {classes} classes needs as many. Received: {len(table.counts)} in `labels`. Lower `classes`."
        )
    numbers = _exact_in_float32(labels)

    def draw(step):
        import tensorflow as tf

        chosen = sampling.balanced_indices(table, classes, per_class, seed, step)
        return (chosen,), tf.gather(tf.constant(numbers), chosen), step

    def named(images, labels):
        return images[0], labels

    size = classes * per_class
    return fetched(drawn(draw, start, steps), (images,), named, size, steps, seed, load, augment)


def _exact_in_float32(labels):
    names, numbers = np.unique(labels, return_inverse=True)
    exact = labels.dtype.kind not in "US" and np.abs(names.astype("float64")).max() <= 2**24
    return (labels if exact else numbers).astype("int64")
