"""Streams of pairs, sampled from labelled images or given by the user."""

import functools

import numpy as np

from siamkeras._validation import check_images, check_integer, check_labels, check_number, check_text
from siamkeras.generators import _sampling
from siamkeras.generators._batching import StreamOptions, check_labelled, load_batches, sampled_batches


def pairs(
    images,
    labels,
    batch_size=64,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    positive_fraction=0.5,
    load=None,
    augment=None,
    scale=True,
):
    """Batches of pairs sampled from labelled images: same pairs from one class, different pairs from two.

    Every class is equally likely, however many images it has; the two images of a same pair are never one and the same.
    For training, leave out `steps` and give `fit` its `steps_per_epoch`; for validation set `steps`: every pass then
    yields the same pairs.

    Args:
        images: `(n, ...)` float32 in [0, 1]; or uint8 in 0-255, see `scale`; or file paths `(n,)`, with `load`.
        labels: `(n,)` integers or strings, the class of each image.
        batch_size: Pairs in a batch.
        steps: Batches in one pass; None for an endless stream.
        seed: Integer; `(seed, step)` determines a batch.
        start: Step of the first batch: `start=700` resumes a stream that was interrupted after 700 batches.
        groups: `(n,)` integers or strings, the group of each image, such as its alphabet. The two classes of a
            different pair then belong to one group, which makes them harder. All images of a class must be in one
            group.
        positive_fraction: Fraction of same pairs, from 0 to 1.
        load: Function from a path, a scalar string tensor, to an image tensor of fixed shape, floats in [0, 1] or
            uint8. The first image is loaded immediately, to check its values.
        augment: Function `(image, seed) -> image` of the same shape, with `seed` an integer tensor `(2,)` as for
            `tf.image.stateless_random_*`. It is called for each image with a seed of its own.
        scale: Whether uint8 images are divided by 255. Use False for a tower that expects values in 0-255, such as most
            networks of `keras.applications`; the towers of `towers.pretrained` expect [0, 1].

    Returns:
        A `tf.data.Dataset` of `({"left", "right"}, same)`: float32 `(batch_size, ...)` and `(batch_size,)`.

    Raises:
        ValueError: different numbers of images and labels; fewer than two classes (in a group); a class with too few
            images.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)  # image i contains the number i
    >>> stream = generators.pairs(images, [10, 10, 10, 20, 20, 20], batch_size=4, seed=1)
    >>> batch, same = next(iter(stream))
    >>> bool(np.all((batch["left"][:, 0] // 3 == batch["right"][:, 0] // 3) == (same == 1)))
    True
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale)
    batch_size = check_integer("batch_size", batch_size, 1)
    positive_fraction = check_number("positive_fraction", positive_fraction, minimum=0, maximum=1)
    table = _sampling.ClassTable.from_labels(labels, groups, 2 if positive_fraction > 0 else 1)

    def sample(step):
        left, right, same = _sampling.pair_indices(table, batch_size, options.seed, step, positive_fraction)
        return (left, right), same

    return sampled_batches(sample, images, left_right, batch_size, options)


def left_right(images, same):
    """A batch of pairs."""
    return {"left": images[0], "right": images[1]}, same


def from_pairs(left, right, same, batch_size=64, shuffle=True, seed=0, load=None, augment=None, text=False, scale=True):
    """Batches of labelled pairs that you already have. One pass yields each pair once.

    Args:
        left: `(n, ...)` float32 or uint8 images; or file paths `(n,)`, with `load`; or text (see `text`).
        right: As `left`; `right[i]` is compared with `left[i]`.
        same: `(n,)`: 1 = same, 0 = different, or a degree of similarity in between; `(n, 1)` also works.
        batch_size: Pairs in a batch; the last batch of a pass can be smaller.
        shuffle: Whether to shuffle the pairs in every pass. Use False for evaluation, so that distances keep the order
            of the pairs.
        seed: Integer that determines the order of every pass.
        load, augment, scale: As for `pairs`.
        text: Whether `left` and `right` are sentences, strings `(n,)`, or token ids, integers `(n, length)`, rather
            than images. Strings are yielded in Unicode normal form C; a tower with a tokenizer takes them, see
            `towers.recurrent`.

    Returns:
        A `tf.data.Dataset` of `({"left", "right"}, same)`: `(batch, ...)` float32, or strings or int32 with `text`; and
        float32 `(batch,)`.

    Raises:
        ValueError: different numbers of `left`, `right` and `same`; `same` outside [0, 1].

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)
    >>> stream = generators.from_pairs(images, images + 10, [1, 0, 0.25, 1, 0, 1], batch_size=4, shuffle=False)
    >>> [same.numpy().tolist() for batch, same in stream]
    [[1.0, 0.0, 0.25, 1.0], [0.0, 1.0]]
    """
    import tensorflow as tf

    check = check_text if text else functools.partial(check_images, load=load, scale=scale)
    left, right, same = check(left, name="left"), check(right, name="right"), _check_same(same)
    if not len(left) == len(right) == len(same):
        raise ValueError(
            "`left`, `right` and `same` must have the same length. "
            f"Received: {len(left)}, {len(right)} and {len(same)}."
        )
    batch_size, count = check_integer("batch_size", batch_size, 1), len(same)
    if shuffle not in (True, False):
        raise ValueError(f"`shuffle` must be True or False. Received: shuffle={shuffle!r}.")
    options = StreamOptions(-(-count // batch_size), check_integer("seed", seed), 0, load, augment, scale)

    def one_pass(number):
        order = tf.range(count)
        if shuffle:
            key = tf.stack([tf.cast(options.seed, tf.int64), number])
            order = tf.random.experimental.stateless_shuffle(order, key)

        def sample(step):
            indices = order[step * batch_size : (step + 1) * batch_size]
            return (indices, indices), tf.gather(tf.constant(same), indices), number * options.steps + step

        return tf.data.Dataset.range(options.steps).map(sample, tf.data.AUTOTUNE)

    indices = one_pass(tf.constant(0, tf.int64))
    if shuffle:
        # A new number whenever the dataset is iterated; below 2^31, so that `number * steps` cannot overflow.
        numbers = tf.data.Dataset.random(options.seed, rerandomize_each_iteration=True).map(lambda n: n % 2**31)
        indices = numbers.take(1).flat_map(one_pass)
    return load_batches(indices, (left, right), left_right, batch_size, options, drop_remainder=False)


def same_as_input(stream):
    """A stream of pairs whose `same` is an input, `{"left", "right", "same"}`, for `models.contrastive`.

    Args:
        stream: Of `pairs` or `from_pairs`.

    Returns:
        A `tf.data.Dataset` of dicts without y.
    """
    return stream.map(lambda inputs, same: {**inputs, "same": same})


def all_pairs(labels):
    """All pairs of examples, for an evaluation without sampling; 10,000 examples make 50 million pairs.

    Args:
        labels: `(n,)` integers or strings.

    Returns:
        `(left, right, same)`, NumPy arrays `(n (n - 1) / 2,)`: two indices with left < right, and whether their labels
        are equal.

    >>> from siamkeras import generators
    >>> left, right, same = generators.all_pairs([7, 7, 3])
    >>> list(zip(left.tolist(), right.tolist(), same.tolist()))
    [(0, 1, True), (0, 2, False), (1, 2, False)]
    """
    labels = check_labels(labels)
    left, right = np.triu_indices(len(labels), 1)
    return left, right, labels[left] == labels[right]


def _check_same(same):
    same = np.asarray(same)
    if same.ndim == 2 and same.shape[1] == 1:
        same = same[:, 0]
    if same.ndim != 1 or same.dtype.kind not in "biuf" or len(same) == 0:
        raise ValueError(f"`same` must be numbers (n,). Received: {same.dtype}, shape {same.shape}.")
    invalid = ~((same >= 0) & (same <= 1))  # True for NaN
    if invalid.any():
        first = invalid.argmax()
        raise ValueError(
            "`same` must be in [0, 1]: 1 = same, 0 = different. "
            f"Received: {same[first]} at index {first}. Rescale other similarity scores."
        )
    return same.astype("float32")
