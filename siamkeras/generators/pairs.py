"""Streams of pairs: sampled from labelled images, given by the user, or two views of an image."""

import numpy as np

from siamkeras._validation import check_integer, check_labels, check_number
from siamkeras.generators import _sampling
from siamkeras.generators._batching import StreamOptions, by_role, check_labelled, given_batches, sampled_batches

left_right = by_role("left", "right")


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
    text=False,
    shard=None,
):
    """Batches of pairs sampled from labelled images: same pairs from one class, different pairs from two.

    Every class is equally likely, however many images it has; the two images of a same pair are never one and the same.
    For training, leave out `steps` and give `fit` its `steps_per_epoch`; for validation set `steps`: every pass then
    yields the same pairs.

    Args:
        images: `(n, ...)` float32 in [0, 1]; or uint8 in 0-255, see `scale`; or file paths `(n,)`, with `load`; or
            text, see `text`.
        labels: `(n,)` integers or strings, the class of each image; `(n, 1)` also works.
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
            networks of `keras.applications`; the towers of `towers.pretrained` expect [0, 1]. With False and without
            `augment`, the batches are uint8. A GPU then receives a quarter of the bytes; a tower that expects [0, 1]
            can start with `keras.layers.Rescaling(1 / 255)`.
        text: Whether `images` are sentences, strings `(n,)`, or token ids, integers `(n, length)`. Strings, for a tower
            with a tokenizer (see `towers.recurrent`), are yielded in Unicode normal form C, and token ids as int32.
        shard: `(index, count)` of this process, such as `(0, 2)`, if several processes train together. The stream then
            yields its part of each batch, `batch_size / count` examples, and loads and augments nothing else; together,
            the processes see the batches of a single one. On JAX, use it with
            `keras.distribution.DataParallel(auto_shard_dataset=False)`. None for whole batches.

    Returns:
        A `tf.data.Dataset` of `({"left", "right"}, same)`: float32 or text `(batch_size, ...)`, and float32
        `(batch_size,)`.

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
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale, text, shard)
    batch_size = check_integer("batch_size", batch_size, 1)
    positive_fraction = check_number("positive_fraction", positive_fraction, minimum=0, maximum=1)
    table = _sampling.ClassTable.from_labels(labels, groups, 2 if positive_fraction > 0 else 1)

    def sample(step):
        left, right, same = _sampling.pair_indices(table, batch_size, options.seed, step, positive_fraction)
        return (left, right), same

    return sampled_batches(sample, images, left_right, batch_size, options)


def positive_pairs(
    images,
    labels,
    batch_size=64,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    load=None,
    augment=None,
    scale=True,
    text=False,
    shard=None,
):
    """Batches of positive pairs, each of another class, without y, for `models.in_batch_softmax`.

    The loss uses the right images of all other pairs as negatives, so no class occurs twice in a batch. All classes
    have the same probability.

    Args:
        images, labels, steps, seed, start, load, augment, scale, text, shard: As for `pairs`.
        batch_size: Pairs in a batch, from 2 to the number of classes.
        groups: As for `balanced`, with `classes=batch_size`.

    Returns:
        A `tf.data.Dataset` of `{"left", "right"}`, `(batch_size, ...)` each: two different images of each class.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)
    >>> batch = next(iter(generators.positive_pairs(images, [5, 5, 7, 7, 9, 9], batch_size=3)))
    >>> sorted((batch["left"] + batch["right"])[:, 0].numpy().tolist())  # 0 + 1, 2 + 3, 4 + 5
    [1.0, 5.0, 9.0]
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale, text, shard)
    batch_size = check_integer("batch_size", batch_size, 2, hint="With one pair in a batch there is no negative.")
    table = _sampling.balanced_table(labels, groups, batch_size, 2, name="batch_size")

    def sample(step):
        indices = _sampling.balanced_indices(table, batch_size, 2, options.seed, step)
        return (indices[::2], indices[1::2]), ()

    return sampled_batches(sample, images, left_right, batch_size, options)


def from_pairs(
    left,
    right,
    same,
    batch_size=64,
    shuffle=True,
    seed=0,
    load=None,
    augment=None,
    text=False,
    scale=True,
    shard=None,
    remainder=True,
):
    """Batches of labelled pairs that you already have. One pass yields each pair once.

    Use `fit(stream, shuffle=False)`: the stream is shuffled already, and Keras cannot shuffle a stream.

    Args:
        left: `(n, ...)` float32 or uint8 images; or file paths `(n,)`, with `load`; or text (see `text`).
        right: As `left`; `right[i]` is compared with `left[i]`.
        same: `(n,)`: 1 = same, 0 = different, or a degree of similarity in between; `(n, 1)` also works. None for
            positive pairs only, without y, as for `models.in_batch_softmax`.
        batch_size: Pairs in a batch; the last batch of a pass can be smaller, see `remainder`.
        shuffle: Whether to shuffle the pairs in every pass. Use False for evaluation, so that distances keep the order
            of the pairs.
        seed: Integer that determines the order of every pass.
        load, augment, text, scale, shard: As for `pairs`.
        remainder: Whether a pass ends with a smaller batch if `batch_size` does not divide the number of pairs. False
            omits it; with `shuffle`, other pairs are then missing in every pass.

    Returns:
        A `tf.data.Dataset` of `({"left", "right"}, same)`: float32 or text `(batch, ...)`, and float32 `(batch,)`.

    Raises:
        ValueError: different numbers of `left`, `right` and `same`; `same` outside [0, 1]; shards that do not divide
            every batch.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)
    >>> stream = generators.from_pairs(images, images + 10, [1, 0, 0.25, 1, 0, 1], batch_size=4, shuffle=False)
    >>> [same.numpy().tolist() for batch, same in stream]
    [[1.0, 0.0, 0.25, 1.0], [0.0, 1.0]]
    """
    same = None if same is None else _check_same(same)
    options = StreamOptions(None, seed, load=load, augment=augment, scale=scale, shard=shard)
    inputs = {"left": left, "right": right}
    return given_batches(inputs, same, batch_size, shuffle, options, text, remainder=remainder)


def two_views(images, augment, batch_size=64, shuffle=True, seed=0, load=None, scale=True, shard=None, remainder=True):
    """Batches of two augmented views of each image, without labels. One pass yields each image once.

    For `models.in_batch_softmax`, with the other images of the batch as negatives, as in SimCLR. SimCLR trains the
    encoder with a projection head and drops the head afterwards: train
    `keras.Model(encoder.input, Dense(64)(Dense(256, activation="relu")(encoder.output)))` and use `encoder`.

    Args:
        images, augment, load, scale, shard: As for `pairs`.
        batch_size, shuffle, seed, remainder: As for `from_pairs`. With `shuffle`, every pass also has new views.

    Returns:
        A `tf.data.Dataset` of `{"left", "right"}`, float32 `(batch, ...)` each: two views of each image.

    >>> import numpy as np
    >>> from siamkeras import augmentation, generators
    >>> images = np.eye(8, dtype="float32").reshape(4, 4, 4, 1)
    >>> stream = generators.two_views(images, augmentation.flip(), batch_size=3)
    >>> [tuple(batch["right"].shape) for batch in stream]
    [(3, 4, 4, 1), (1, 4, 4, 1)]

    Reference: https://arxiv.org/abs/2002.05709 (Chen et al., 2020)
    """
    if augment is None:
        raise ValueError("`augment` must be a function: without it, both views are equal. Received: None.")
    check_integer("batch_size", batch_size, 2, hint="With one image in a batch there is no negative.")
    options = StreamOptions(None, seed, load=load, augment=augment, scale=scale, shard=shard)
    roles = ("left", "right")
    return given_batches({"images": images}, None, batch_size, shuffle, options, roles=roles, remainder=remainder)


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
