"""Batches of pairs: drawn from labelled images, or a user's own."""

import functools
import numbers

import numpy as np

from siamkeras._validation import check_images, check_integer, check_text
from siamkeras.generators import _sampling as sampling
from siamkeras.generators._batching import drawn, fetched, labelled, of_length


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
    endpoint=False,
    genuine=None,
    forged_share=0.5,
):
    """Batches of pairs drawn from labelled images, half of them of one class and half of two.

    Classes are drawn first and then members, so that each class counts the same however many images it has. The two
    images of a same pair are never the same image, and a different pair is never of one class. For training leave
    `steps` out and tell `fit` its `steps_per_epoch`; for validation set it: every pass then gives the same pairs.

    Args:
        images: `(n, ...)` float32, or uint8, which comes out as float32 divided by 255; or `(n,)` file paths, with
            `load`.
        labels: `(n,)` integers or strings, the class of each image.
        batch_size: Pairs in a batch.
        steps: Batches in one pass; None for an endless stream.
        seed: Whole number; together with a batch's number it decides everything that is random in that batch.
        start: Number of the first batch: a stream that was interrupted before batch 700 goes on with `start=700`.
        groups: `(n,)`, what each class belongs to, such as an alphabet. The two classes of a different pair then come
            from one group, which is harder.
        positive_fraction: Share of same pairs, from 0 to 1.
        load: Function from a path, a scalar string tensor, to an image tensor of fixed shape; called in parallel.
        augment: Function `(image, seed)` to an image of the same shape; `seed` is a `(2,)` integer tensor, as the
            functions `tf.image.stateless_random_*` take it. Both images of a pair are augmented, each in its own way.
        endpoint: Whether `same` goes in among the inputs, as `models.contrastive` takes it, rather than as y.
        genuine: `(n,)` booleans, where some images are forgeries (False) that claim to be of their label. A same pair
            is then of two genuine images. A different pair is a genuine image and a forgery of it (a skilled forgery),
            or the genuine images of two classes (a random forgery).
        forged_share: Share of skilled forgeries among the different pairs, from 0 to 1, with `genuine`.

    Returns:
        A `tf.data.Dataset` of `({"left": (batch_size, ...), "right": (batch_size, ...)}, same (batch_size,))`, float32.

    Raises:
        ValueError: images and labels of different length; labels that are not one-dimensional; fewer than two
            classes (in a group); a class with one image; images that are empty, not finite, or neither float nor
            uint8; paths without `load`; numbers out of range; `genuine` of another length, or a class without a
            genuine image or a forgery.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)  # image 4 shows the number 4 ...
    >>> stream = generators.pairs(images, [10, 10, 10, 20, 20, 20], batch_size=4, seed=1)
    >>> batch, same = next(iter(stream))
    >>> bool(np.all((batch["left"][:, 0] // 3 == batch["right"][:, 0] // 3) == (same == 1)))  # ... and 3 of each class
    True
    """
    images, labels, seed, start, steps = labelled(images, labels, seed, start, steps, load)
    batch_size = check_integer("batch_size", batch_size, 1)
    for name, share in (("positive_fraction", positive_fraction), ("forged_share", forged_share)):
        if isinstance(share, bool) or not isinstance(share, numbers.Real) or not 0 <= share <= 1:
            raise ValueError(f"`{name}` is a share of the pairs, from 0 to 1. Received: {share!r}.")
    need, forged = 2 if positive_fraction > 0 else 1, None
    if genuine is None:
        table = sampling.ClassTable.of(labels, groups, need)
    else:
        table, forged = sampling.genuine_and_forged(labels, genuine, groups, need)

    def draw(step):
        left, right, same = sampling.pair_indices(
            table, batch_size, seed, step, positive_fraction, forged, forged_share
        )
        return (left, right), same, step

    chosen = drawn(draw, start, steps)
    return fetched(chosen, (images, images), _named(endpoint), batch_size, steps, seed, load, augment)


def from_pairs(
    left, right, same, batch_size=64, shuffle=True, seed=0, load=None, augment=None, endpoint=False, text=False
):
    """Batches of a user's own labelled pairs; no classes are needed. One pass gives each pair once.

    Args:
        left: `(n, ...)` float32 or uint8 images, or `(n,)` file paths, with `load`.
        right: As `left`; `right[i]` goes with `left[i]`.
        same: `(n,)` 1 = same, 0 = different, or any value between, a degree of sameness.
        batch_size: Pairs in a batch; the last of a pass can be smaller.
        shuffle: Whether each pass has an order of its own; set it to False for validation.
        seed: Whole number; the same seed gives the same orders.
        load: As for `pairs`.
        augment: As for `pairs`.
        endpoint: As for `pairs`.
        text: Whether `left` and `right` are sentences, `(n,)` strings, rather than images or paths; or numbers of their
            words or characters, `(n, length)` integers. They come out as they are: a tower with a tokeniser takes
            strings (see `towers.recurrent`), one without the numbers.

    Returns:
        A `tf.data.Dataset` of `({"left": (batch, ...), "right": (batch, ...)}, same (batch,))`, float32; with `text`,
        left and right are strings or int32.

    Raises:
        ValueError: `left`, `right` and `same` of different length; labels outside [0, 1], not finite or not
            one-dimensional; images as for `pairs`; with `text` empty sentences, what is neither, or `load`.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)
    >>> stream = generators.from_pairs(images, images + 10, [1, 0, 0.25, 1, 0, 1], batch_size=4, shuffle=False)
    >>> [same.numpy().tolist() for batch, same in stream]
    [[1.0, 0.0, 0.25, 1.0], [0.0, 1.0]]
    """
    import tensorflow as tf

    same = _checked_same(same)
    if text and load is not None:
        raise ValueError("`load` reads files; sentences are there already. Leave `load` or `text` out.")
    checked = check_text if text else functools.partial(check_images, load=load)
    left, right = checked(left, name="left"), checked(right, name="right")
    if not len(left) == len(right) == len(same):
        raise ValueError(
            f"Every pair needs a left, a right and a label. Received: {len(left)} left, {len(right)} right, "
            f"{len(same)} labels."
        )
    batch_size, seed = check_integer("batch_size", batch_size, 1), check_integer("seed", seed, 0)
    count, steps = len(same), -(-len(same) // batch_size)

    def one_pass(number):
        order = tf.range(count)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, tf.stack([tf.cast(seed, tf.int64), number]))

        def draw(step):
            at = order[step * batch_size : (step + 1) * batch_size]
            return (at, at), tf.gather(tf.constant(same), at), number * steps + step

        return tf.data.Dataset.range(steps).map(draw, tf.data.AUTOTUNE)

    # Another random number each time the stream is begun, and so for each pass; small, so that `number * steps` cannot
    # overflow.
    passes = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).map(lambda number: number % 2**31).take(1)
    chosen = passes.flat_map(one_pass).apply(of_length(steps)) if shuffle else one_pass(tf.constant(0, tf.int64))
    named = _named(endpoint)
    return fetched(chosen, (left, right), named, batch_size, steps, seed, load, augment, remainder=True)


def _named(endpoint):
    def named(images, same):
        left, right = images
        if endpoint:
            return {"left": left, "right": right, "same": same}
        return {"left": left, "right": right}, same

    return named


def _checked_same(same):
    same = np.asarray(same)
    if same.ndim == 2 and same.shape[1] == 1:
        same = same[:, 0]
    if same.ndim != 1 or same.dtype.kind not in "biuf" or len(same) == 0:
        raise ValueError(f"`same` must be numbers (n,), at least one. Received: {same.dtype}, shape {same.shape}.")
    wrong = ~((same >= 0) & (same <= 1))
    if wrong.any():
        raise ValueError(
            "`same` must lie in [0, 1]: 1 = same, 0 = different. Received: "
            f"{same[wrong.argmax()]} at position {wrong.argmax()}. Scale other scores into this range first."
        )
    return same.astype("float32")
