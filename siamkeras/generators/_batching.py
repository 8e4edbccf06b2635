"""From indices to batches of images, for all generators; images are in an array or in files."""

import ctypes
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_images, check_integer, check_labels, check_text

# The largest `start`: pairs are counted in float64, which is exact up to 2^53.
LAST_STEP = 2**31


class StreamOptions(NamedTuple):
    """Arguments of all streams of images, see `generators.pairs`."""

    steps: int | None
    seed: int
    start: int = 0
    load: Callable | None = None
    augment: Callable | None = None
    scale: bool = True
    shard: tuple = (0, 1)


def check_labelled(images, labels, steps, seed, start, load, augment, scale=True, text=False, shard=None):
    """The checked `(images, labels, StreamOptions)` of a generator."""
    images = check_text(images, "images") if text else check_images(images, load, scale=scale)
    labels = check_labels(labels, count=len(images))
    steps = None if steps is None else check_integer("steps", steps, 1)
    seed, start = check_integer("seed", seed), check_integer("start", start, maximum=LAST_STEP)
    return images, labels, StreamOptions(steps, seed, start, load, augment, scale, check_shard(shard))


def check_shard(shard):
    """`(index, count)` of this process; None means that it is the only one."""
    try:
        index, count = (0, 1) if shard is None else shard
    except (TypeError, ValueError):
        raise ValueError(f"`shard` must be (index, count), such as (0, 2). Received: {shard!r}.") from None
    count = check_integer("shard count", count, 1)
    return check_integer("shard index", index, 0, maximum=count - 1), count


def by_role(*roles):
    """A `to_batch` for `sampled_batches`: a dict of images keyed by role, and the labels, if any, as y."""

    def to_batch(images, labels):
        batch = dict(zip(roles, images, strict=True))
        return batch if isinstance(labels, tuple) else (batch, labels)

    return to_batch


def sampled_batches(sample, images, to_batch, batch_size, options):
    """A stream of batches whose examples are sampled.

    Args:
        sample: Function from a step to `(indices, extra)`: a tuple of indices `(batch_size,)`, one for each role; and
            tensors that belong to the examples, such as labels, or an empty tuple.
        images: All images or paths, `(n, ...)`.
        to_batch: Function from `(images, extra)` to what the stream yields; `images` has one tensor for each role.
        batch_size: Examples of each role in a batch, of all shards together.
        options: `StreamOptions`.
    """
    import tensorflow as tf

    check_divisible(batch_size, options.shard[1])
    counter = tf.data.Dataset.counter(options.start)
    counter = counter if options.steps is None else counter.take(options.steps)
    indices = counter.map(lambda step: (*sample(step), step), tf.data.AUTOTUNE)
    return load_batches(indices, (images,), to_batch, batch_size, options)


def check_divisible(batch_size, shards, hint=""):
    """Checks that the shards, and the devices of `keras.distribution`, divide a batch equally."""
    import keras

    distribution = keras.distribution.distribution()
    mesh = None if distribution is None else distribution.device_mesh
    devices = 1 if mesh is None else mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
    for name, count in (("shards", shards), ("devices", devices)):
        if batch_size % count:
            raise ValueError(f"{count} {name} must divide a batch equally.{hint} Received: {batch_size} examples.")


def given_batches(inputs, same, batch_size, shuffle, options, text=False, roles=None, remainder=True):
    """A stream of the user's own examples, each once in a pass; see `generators.from_pairs`.

    `inputs` has the images, paths or text of each role; or a single array of images, one view for each of `roles`.
    """
    import tensorflow as tf

    load, scale = options.load, options.scale
    arrays = [check_text(x, role) if text else check_images(x, load, role, scale) for role, x in inputs.items()]
    lengths = [len(array) for array in (*arrays, same) if array is not None]
    if len(set(lengths)) > 1:
        names = "`, `".join(inputs if same is None else [*inputs, "same"])
        raise ValueError(f"`{names}` must have the same length. Received: {', '.join(map(str, lengths))}.")
    batch_size, count, roles = check_integer("batch_size", batch_size, 1), lengths[0], roles or tuple(inputs)
    if shuffle not in (True, False):
        raise ValueError(f"`shuffle` must be True or False. Received: shuffle={shuffle!r}.")
    if remainder not in (True, False):
        raise ValueError(f"`remainder` must be True or False. Received: remainder={remainder!r}.")
    options = options._replace(seed=check_integer("seed", options.seed), shard=check_shard(options.shard))
    check_divisible(batch_size, options.shard[1])
    if remainder:
        hint = " `remainder=False` omits the last batch of a pass, which is smaller."
        check_divisible(count % batch_size, options.shard[1], hint)
    else:
        count -= count % batch_size
        if count == 0:
            raise ValueError(
                f"With `remainder=False`, `batch_size` must be at most {lengths[0]}. Received: {batch_size}."
            )
    options = options._replace(steps=-(-count // batch_size))

    def one_pass(number):
        order = tf.range(lengths[0])
        if shuffle:
            key = tf.stack([tf.cast(options.seed, tf.int64), number])
            order = tf.random.experimental.stateless_shuffle(order, key)

        def sample(step):
            indices = order[step * batch_size : (step + 1) * batch_size]
            labels = () if same is None else tf.gather(tf.constant(same), indices)
            return (indices,) * len(arrays), labels, number * options.steps + step

        return tf.data.Dataset.range(options.steps).map(sample, tf.data.AUTOTUNE)

    indices = one_pass(tf.constant(0, tf.int64))
    if shuffle:
        # A new number whenever the dataset is iterated; below 2^31, so that `number * steps` cannot overflow.
        numbers = tf.data.Dataset.random(options.seed, rerandomize_each_iteration=True).map(lambda n: n % 2**31)
        indices = numbers.take(1).flat_map(one_pass)
    views = len(roles) // len(arrays)
    return load_batches(indices, arrays, by_role(*roles), batch_size, options, drop_remainder=False, views=views)


def load_batches(indices, arrays, to_batch, batch_size, options, drop_remainder=True, views=1):
    """A dataset of `(indices, extra, step)`, see `sampled_batches`, as a dataset of batches.

    `arrays` holds one array for each role, or a single one for all roles. An image is loaded once for all its `views`.
    """
    import tensorflow as tf

    load, augment, (shard, shards) = options.load, options.augment, options.shard
    is_text = load is None and arrays[0].dtype.kind in "Oi"
    gathers = [gather_from(array) for array in arrays]

    def own_part(batch):
        """The slice of a batch `(n, ...)` that belongs to this shard."""
        size = (batch.shape[0] or tf.shape(batch)[0]) // shards
        return batch[shard * size : (shard + 1) * size]

    def look_up(indices, extra):
        """The images of this shard, a tuple with one tensor for each role, and its part of `extra`."""
        indices, extra = [own_part(index) for index in indices], extra if isinstance(extra, tuple) else own_part(extra)
        if len(gathers) == 1:
            return tuple(tf.split(gathers[0](tf.concat(indices, axis=0)), len(indices))), extra
        return tuple(gather(index) for gather, index in zip(gathers, indices, strict=True)), extra

    def scale(image):
        as_it_is = is_text or (image.dtype == tf.uint8 and not options.scale and augment is None)
        return image if as_it_is else to_float(image, options.scale)

    def look_up_batch(indices, extra, step):
        images, extra = look_up(indices, extra)
        return to_batch(tuple(map(scale, images)), extra)

    def look_up_with_keys(indices, extra, step):
        # Keys of the whole batch: the augmentation of an image does not depend on the number of shards.
        shape = (tf.shape(indices[0])[0], len(indices) * views, 2)
        keys = tf.random.stateless_uniform(shape, [options.seed + 1, step], None, None, tf.int32)
        return *look_up(indices, extra), own_part(keys)

    def load_example(images, extra, keys):
        images = [scale(image if load is None else load(image)) for image in images] * views
        if augment is not None:
            images = [augmented(augment, image, keys[i]) for i, image in enumerate(images)]
        return tuple(images), extra

    if load is None and augment is None:
        batches = indices.map(look_up_batch, 2)
    else:
        examples = indices.map(look_up_with_keys, 2).unbatch().map(load_example, tf.data.AUTOTUNE)
        batches = examples.batch(
            batch_size // shards, drop_remainder=drop_remainder, num_parallel_calls=tf.data.AUTOTUNE
        )
        batches = batches.map(to_batch)
    length = tf.data.INFINITE_CARDINALITY if options.steps is None else options.steps
    # With AUTOTUNE the buffer, and with it the memory, would grow without need.
    return without_copies(batches.apply(tf.data.experimental.assert_cardinality(length)).prefetch(2))


def without_copies(dataset):
    """A dataset whose graph refers to the arrays of `gather_from`; the optimiser of tf.data would copy them into it."""
    import tensorflow as tf

    settings = tf.data.Options()
    settings.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(settings)


def gather_from(images):
    """A function from indices `(k,)` to `images[indices]`, in the graph, that never copies the whole array."""
    import tensorflow as tf

    if images.dtype.kind in "OU":
        table = tf.constant(images)
        return lambda indices: tf.gather(table, indices)
    if images.flags.c_contiguous and images.nbytes and images.ctypes.data % 64 == 0:
        # TensorFlow can read this memory in place, also that of a memory-mapped file; with another alignment it would
        # crash.
        table = tf.experimental.dlpack.from_dlpack(_writeable_view(images).__dlpack__())
        return lambda indices: tf.gather(table, indices)

    def take(indices):
        batch = aligned_empty((len(indices), *images.shape[1:]), images.dtype)
        if images.flags.c_contiguous:
            return np.take(images, indices, axis=0, out=batch, mode="clip")
        batch[:] = images[indices]  # np.take would copy the whole array first
        return batch

    def gather(indices):
        batch = tf.numpy_function(take, [indices], images.dtype, stateful=False)
        return tf.ensure_shape(batch, (indices.shape[0], *images.shape[1:]))

    return gather


def _writeable_view(images):
    """The same memory as an array that counts as writeable: NumPy exports no other. TensorFlow only reads it."""
    memory = (ctypes.c_uint8 * images.nbytes).from_address(images.ctypes.data)
    memory.owner = images  # is not freed before the view
    return np.frombuffer(memory, images.dtype).reshape(images.shape)


def to_float(images, scale=True):
    """A tensor of images as float32; those of uint8 are divided by 255 if `scale`."""
    import tensorflow as tf

    return tf.cast(images, tf.float32) / (255.0 if scale and images.dtype == tf.uint8 else 1.0)


def augmented(augment, image, seed):
    """The result of `augment(image, seed)`, whose dtype and shape are checked."""
    import tensorflow as tf

    result = tf.ensure_shape(augment(image, seed), image.shape)
    if result.dtype != tf.float32:
        raise ValueError(f"`augment` must return a float32 image. Received: {result.dtype.name}.")
    return result
