"""From indices to named images: one road for pairs, triplets and batches, arrays and files."""

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_images, check_integer
from siamkeras.generators import _sampling as sampling


def labelled(images, labels, seed, start, steps, load):
    """The arguments that every stream of labelled images has, checked.

    Raises:
        ValueError: images and labels of different length, or not what `checked_images` and `checked_labels` take;
            numbers out of range.
        FileNotFoundError: a path at which there is no file.
    """
    labels = sampling.checked_labels(labels)
    images = check_images(images, load)
    if len(images) != len(labels):
        raise ValueError(f"Every image needs one label. Received: {len(images)} images, {len(labels)} labels.")
    steps = None if steps is None else check_integer("steps", steps, 1)
    return images, labels, check_integer("seed", seed, 0), check_integer("start", start, 0), steps


def drawn(draw, start, steps):
    """A dataset of `draw(step)` for the `steps` numbers from `start` on; endless, where `steps` is None."""
    import tensorflow as tf

    counter = tf.data.Dataset.counter(start)
    return (counter if steps is None else counter.take(steps)).map(draw, tf.data.AUTOTUNE)


def fetched(chosen, arrays, named, batch_size, steps, seed, load, augment, remainder=False):
    """Indices in batches -> named images in batches.

    Args:
        chosen: Dataset of `(at, told, step)`: a tuple of indices `(batch_size,)`, one for each role; what else is
            known of each example, a tensor `(batch_size,)` or `()`; the number that decides how they are augmented.
        arrays: The images of each role, a tuple; those that are one array are looked up in one go.
        named: Function `(images, told)` to what the stream gives; `images` is a tuple, one tensor for each role.
        batch_size: Indices of a role in a batch.
        steps: Batches in one pass; None for an endless stream.
        seed: Whole number, for `augment`.
        load: Function from a path to an image, or None.
        augment: Function `(image, seed)` to an image of the same shape, or None.
        remainder: Whether the last batch of a pass may be smaller; if not, the shapes tell the size of a batch.
    """
    import tensorflow as tf

    # Sentences and the numbers of their words come out as they are.
    scaled = (lambda text: text) if load is None and arrays[0].dtype.kind in "Oi" else _scaled
    look_ups = [look_up_in(array) for array in arrays[: 1 if _one(arrays) else None]]

    def look_up(at, told, step):
        if len(look_ups) == 1:
            return tuple(tf.split(look_ups[0](tf.concat(at, axis=0)), len(at))), told, step
        return tuple(find(indices) for find, indices in zip(look_ups, at, strict=True)), told, step

    def ready(image, key):
        image = scaled(image if load is None else load(image))
        if augment is None:
            return image
        return tf.ensure_shape(augment(image, key), image.shape)

    def keyed(images, told, step):
        shape = (tf.shape(images[0])[0], len(images), 2)
        return images, told, tf.random.stateless_uniform(shape, [seed + 1, step], None, None, tf.int32)

    def each(images, told, keys):
        return tuple(ready(image, keys[role]) for role, image in enumerate(images)), told

    def plain(at, told, step):
        images, told, _ = look_up(at, told, step)
        return named(tuple(map(scaled, images)), told)

    if load is None and augment is None:
        named_batches = chosen.map(plain, 2)
    else:
        examples = chosen.map(look_up, 2).map(keyed).unbatch().map(each, tf.data.AUTOTUNE)
        batches = examples.batch(batch_size, drop_remainder=not remainder, num_parallel_calls=tf.data.AUTOTUNE)
        named_batches = batches.map(named)
    length = tf.data.INFINITE_CARDINALITY if steps is None else steps
    # To optimise the graph, tf.data would first copy all images into it.
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    # Two batches ahead hide the reading; left to choose, tf.data would hold more and more of them.
    return named_batches.apply(of_length(length)).prefetch(2).with_options(options)


def _one(arrays):
    return all(array is arrays[0] for array in arrays)


def look_up_in(images):
    """A function from indices `(k,)` to images `(k, ...)`, in the graph and without a copy of all of them."""
    import tensorflow as tf

    if images.dtype.kind in "OU":
        table = tf.constant(images)
        return lambda at: tf.gather(table, at)
    if images.flags.c_contiguous and images.flags.writeable and images.ctypes.data % 64 == 0:
        # TensorFlow reads such memory in place; it crashes on any that is not so aligned.
        table = tf.experimental.dlpack.from_dlpack(images.__dlpack__())
        return lambda at: tf.gather(table, at)

    def take(at):
        return np.take(images, at, axis=0, out=aligned_empty((len(at), *images.shape[1:]), images.dtype), mode="clip")

    def look_up(at):
        found = tf.numpy_function(take, [at], images.dtype, stateful=False)
        return tf.ensure_shape(found, (at.shape[0], *images.shape[1:]))

    return look_up


def _scaled(images):
    import tensorflow as tf

    if images.dtype != tf.uint8 and not images.dtype.is_floating:
        raise ValueError(f"`load` must give floats in [0, 1], or uint8 from 0 to 255. Received: {images.dtype.name}.")
    return tf.cast(images, tf.float32) / (255.0 if images.dtype == tf.uint8 else 1.0)


def of_length(length):
    """A transformation after which a dataset says that it has so many batches."""
    import tensorflow as tf

    return tf.data.experimental.assert_cardinality(length)
