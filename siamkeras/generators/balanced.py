"""Streams of balanced batches (P classes x K examples)."""

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.generators import _sampling
from siamkeras.generators._batching import check_labelled, sampled_batches


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
    scale=True,
    text=False,
    every_image=False,
    shard=None,
):
    """Balanced batches: `per_class` different images of each of `classes` different classes, with their labels.

    For losses that mine positives and negatives inside the batch. All classes have the same probability.

    Args:
        images, labels, steps, seed, start, load, augment, scale, text, shard: As for `generators.pairs`.
        classes: Classes in a batch, at least 2.
        per_class: Images of each class in a batch, at least 2.
        groups: As for `generators.pairs`. The classes of a batch then belong to one group; if it has fewer than
            `classes` classes, the batch has all of them, and is filled up with classes of other groups.
        every_image: Whether to iterate over all images instead of sampling batches independently; not with `groups`.
            Each round visits the classes in random order and takes the next `per_class` shuffled images of each. With C
            classes of at most n images, the first `ceil(C / classes) * ceil(n / per_class)` batches contain all images.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: float32 or text `(classes * per_class, ...)` and int64
        `(classes * per_class,)`, class after class. Integer labels up to 2^24 are yielded unchanged; strings and larger
        integers, which float32 cannot represent, as indices into `np.unique(labels)`.
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale, text, shard)
    classes = check_integer("classes", classes, 2, hint="With one class in a batch no image has a negative.")
    per_class = check_integer("per_class", per_class, 2, hint="With one image per class no image has a positive.")
    if every_image and groups is not None:
        raise ValueError("`every_image` orders the classes without regard to `groups`. Received: both.")
    table = _sampling.balanced_table(labels, groups, classes, per_class)
    sample_indices = _sampling.round_indices if every_image else _sampling.balanced_indices
    numbers = _exact_in_float32(labels)

    def sample(step):
        import tensorflow as tf

        indices = sample_indices(table, classes, per_class, options.seed, step)
        return (indices,), tf.gather(tf.constant(numbers), indices)

    return sampled_batches(sample, images, lambda images, labels: (images[0], labels), classes * per_class, options)


def _exact_in_float32(labels):
    """The labels if Keras' cast to float32 keeps them apart, else the indices of their classes; int64."""
    names, indices = np.unique(labels, return_inverse=True)
    is_exact = labels.dtype.kind not in "US" and np.abs(names.astype("float64")).max() <= 2**24
    return (labels if is_exact else indices).astype("int64")
