"""Endless tf.data streams of what a Siamese network learns from: batches of named inputs.

`sampling` decides which examples, here they are looked up and named by their role. Nothing is drawn in Python, no
list of pairs is held, and images are never copied as a whole: an array stays where it is (also a `numpy.memmap`), and
files are read as they are needed.
"""

import numbers
import operator

import numpy as np

from siamkeras import sampling
from siamkeras.examples import aligned, checked_images


def pairs(
    images,
    labels,
    batch_size=64,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    same_share=0.5,
    load=None,
    augment=None,
    endpoint=False,
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
        same_share: Share of same pairs, from 0 to 1.
        load: Function from a path, a scalar string tensor, to an image tensor of fixed shape; called in parallel.
        augment: Function `(image, seed)` to an image of the same shape; `seed` is a `(2,)` integer tensor, as the
            functions `tf.image.stateless_random_*` take it. Both images of a pair are augmented, each in its own way.
        endpoint: Whether `same` goes in among the inputs, as `models.contrastive` takes it, rather than as y.

    Returns:
        A `tf.data.Dataset` of `({"left": (batch_size, ...), "right": (batch_size, ...)}, same (batch_size,))`, float32.

    Raises:
        ValueError: images and labels of different length; labels that are not one-dimensional; fewer than two
            classes (in a group); a class with one image; images that are empty, not finite, or neither float nor
            uint8; paths without `load`; numbers out of range.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)  # image 4 shows the number 4 ...
    >>> stream = generators.pairs(images, [10, 10, 10, 20, 20, 20], batch_size=4, seed=1)
    >>> batch, same = next(iter(stream))
    >>> bool(np.all((batch["left"][:, 0] // 3 == batch["right"][:, 0] // 3) == (same == 1)))  # ... and 3 of each class
    True
    """
    import tensorflow as tf

    labels = sampling.checked_labels(labels)
    images = checked_images(images, load)
    if len(images) != len(labels):
        raise ValueError(f"Every image needs one label. Received: {len(images)} images, {len(labels)} labels.")
    batch_size, seed, start = _whole("batch_size", batch_size, 1), _whole("seed", seed, 0), _whole("start", start, 0)
    steps = None if steps is None else _whole("steps", steps, 1)
    if isinstance(same_share, bool) or not isinstance(same_share, numbers.Real) or not 0 <= same_share <= 1:
        raise ValueError(f"`same_share` is a share of the pairs, from 0 to 1. Received: {same_share!r}.")
    table = sampling.ClassTable.of(labels, groups, need=2 if same_share > 0 else 1)

    def draw(step):
        return (*sampling.pair_indices(table, batch_size, seed, step, same_share), step)

    counter = tf.data.Dataset.counter(start)
    chosen = (counter if steps is None else counter.take(steps)).map(draw, tf.data.AUTOTUNE)
    return _fetched(chosen, images, images, batch_size, steps, seed, load, augment, endpoint)


def from_pairs(left, right, same, batch_size=64, shuffle=True, seed=0, load=None, augment=None, endpoint=False):
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

    Returns:
        A `tf.data.Dataset` of `({"left": (batch, ...), "right": (batch, ...)}, same (batch,))`, float32.

    Raises:
        ValueError: `left`, `right` and `same` of different length; labels outside [0, 1], not finite or not
            one-dimensional; images as for `pairs`.
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
    left, right = checked_images(left, load, "left"), checked_images(right, load, "right")
    if not len(left) == len(right) == len(same):
        raise ValueError(
            f"Every pair needs a left, a right and a label. Received: {len(left)} left, {len(right)} right, "
            f"{len(same)} labels."
        )
    batch_size, seed = _whole("batch_size", batch_size, 1), _whole("seed", seed, 0)
    count, steps = len(same), -(-len(same) // batch_size)

    def one_pass(number):
        order = tf.range(count)
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(order, tf.stack([tf.cast(seed, tf.int64), number]))

        def draw(step):
            at = order[step * batch_size : (step + 1) * batch_size]
            return at, at, tf.gather(tf.constant(same), at), number * steps + step

        return tf.data.Dataset.range(steps).map(draw, tf.data.AUTOTUNE)

    # Another random number each time the stream is begun, and so for each pass; small, so that `number * steps` cannot
    # overflow.
    passes = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).map(lambda number: number % 2**31).take(1)
    chosen = passes.flat_map(one_pass).apply(_of_length(steps)) if shuffle else one_pass(tf.constant(0, tf.int64))
    return _fetched(chosen, left, right, batch_size, steps, seed, load, augment, endpoint)


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


def _whole(name, value, least):
    # As a plain int: a number of a narrow numpy dtype would overflow further on.
    if isinstance(value, bool) or not hasattr(value, "__index__") or not least <= value < 2**63:
        raise ValueError(f"`{name}` must be a whole number, at least {least}, below 2**63. Received: {value!r}.")
    return operator.index(value)


def _fetched(chosen, left, right, batch_size, steps, seed, load, augment, endpoint):
    """Indices `(left, right, same, step)` in batches -> named images in batches."""
    import tensorflow as tf

    look_up_left, look_up_right = _look_up(left), _look_up(right)

    def both(at_left, at_right, same, step):
        if left is right:
            found = look_up_left(tf.concat([at_left, at_right], axis=0))
            return found[: tf.size(at_left)], found[tf.size(at_left) :], same, step
        return look_up_left(at_left), look_up_right(at_right), same, step

    def ready(image, key):
        image = _scaled(image if load is None else load(image))
        if augment is None:
            return image
        return tf.ensure_shape(augment(image, key), image.shape)

    def each(left, right, same, keys):
        return ready(left, keys[0]), ready(right, keys[1]), same

    def keyed(left, right, same, step):
        keys = tf.random.stateless_uniform((tf.size(same), 2, 2), [seed + 1, step], None, None, tf.int32)
        return left, right, same, keys

    def named(left, right, same):
        if endpoint:
            return {"left": left, "right": right, "same": same}
        return {"left": left, "right": right}, same

    def plain(*indices):
        left, right, same, _ = both(*indices)
        return named(_scaled(left), _scaled(right), same)

    if load is None and augment is None:
        named_batches = chosen.map(plain, 2)
    else:
        examples = chosen.map(both, 2).map(keyed).unbatch().map(each, tf.data.AUTOTUNE)
        # An endless stream has no remainder, and says so in its shape.
        batches = examples.batch(batch_size, drop_remainder=steps is None, num_parallel_calls=tf.data.AUTOTUNE)
        named_batches = batches.map(named)
    length = tf.data.INFINITE_CARDINALITY if steps is None else steps
    # To optimise the graph, tf.data would first copy all images into it.
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    # Two batches ahead hide the reading; left to choose, tf.data would hold more and more of them.
    return named_batches.apply(_of_length(length)).prefetch(2).with_options(options)


def _look_up(images):
    """A function from indices `(k,)` to images `(k, ...)`, in the graph and without a copy of all of them."""
    import tensorflow as tf

    if images.dtype.kind == "U":
        table = tf.constant(images)
        return lambda at: tf.gather(table, at)
    if images.flags.c_contiguous and images.flags.writeable and images.ctypes.data % 64 == 0:
        # TensorFlow reads such memory in place; it crashes on any that is not so aligned.
        table = tf.experimental.dlpack.from_dlpack(images.__dlpack__())
        return lambda at: tf.gather(table, at)

    def take(at):
        return np.take(images, at, axis=0, out=aligned((len(at), *images.shape[1:]), images.dtype), mode="clip")

    def look_up(at):
        found = tf.numpy_function(take, [at], images.dtype, stateful=False)
        return tf.ensure_shape(found, (at.shape[0], *images.shape[1:]))

    return look_up


def _scaled(images):
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else images


def _of_length(length):
    import tensorflow as tf

    return tf.data.experimental.assert_cardinality(length)
