"""From images to embeddings, in bounded memory."""

import os

import numpy as np
from keras import ops

from siamkeras._validation import check_images, check_input_kind, check_integer, check_text


def embed(tower, images, load=None, batch_size=256, augment=None, views=1, seed=0):
    """The embeddings that a tower makes of images, a batch at a time.

    Args:
        tower: A `keras.Model` with one input and one output `(batch, dim)`.
        images: Sentences, `(n,)` strings or `(n, length)` numbers of their words, for a tower that takes them. Or
            images, `(n, ...)` float32, or uint8, which is divided by 255, as `generators` do; or `(n,)` file paths,
            with `load`. One image, path or sentence is a batch of one.
        load: Function from a path, a scalar string tensor, to an image tensor of fixed shape, as
            `data.load_image(size)` gives it. Files are read in parallel, two batches ahead, and not kept.
        batch_size: How many images go through the tower at once.
        augment: Function `(image, seed)` to a distorted image of the same shape, as for `generators.pairs`.
        views: How many times each image is looked at: as it is, and views - 1 times distorted by `augment`. The
            embedding is the mean of all; of embeddings of length 1 it is shorter, which cosine distances do not see.
        seed: Whole number that decides, with the place of an image, how it is distorted.

    Returns:
        `(n, dim)` float32.

    Raises:
        ValueError: images that do not fit the tower, none, not finite, neither float nor uint8; strings to a tower of
            numbers, or the reverse; paths without `load`; a tower with more than one input, or another output; a batch
            size or number of views that is not whole or below 1; several views without `augment`, or with `load`.
        FileNotFoundError: a path at which there is no file.

    >>> import numpy as np
    >>> from siamkeras import retrieval, towers
    >>> tower = towers.dense((8, 8, 1), embedding_dim=16)
    >>> retrieval.embed(tower, np.zeros((3, 8, 8, 1))).shape
    (3, 16)
    """
    batch_size, views = check_integer("batch_size", batch_size, 1), check_integer("views", views, 1)
    check_integer("seed", seed, 0, 2**63 - 1)
    if (views > 1) != (augment is not None) or (views > 1 and load is not None):
        raise ValueError(
            "Several views need `augment`, and images in memory; `augment` needs several views. "
            f"Received: views={views}, augment={augment!r}, load={load!r}."
        )
    if augment is not None and not callable(augment):
        raise ValueError(f"`augment` is a function of an image and a seed. Received: {augment!r}.")
    inputs = getattr(tower, "inputs", None) or []
    if len(inputs) != 1:
        raise ValueError(f"`tower` must be a built keras.Model with one input. Received: {tower!r}.")
    shape, is_text = tuple(inputs[0].shape[1:]), inputs[0].dtype in ("string", "int32")
    if is_text:
        if load is not None or views > 1:
            raise ValueError("`load` and `augment` are for images. Received: a tower that takes sentences.")
        images = check_text([images] if isinstance(images, str) else images)
        check_input_kind(images, inputs[0].dtype, "images")
    else:
        images = check_images([images] if isinstance(images, (str, os.PathLike)) else images, load)
    if load is None and images.ndim == len(shape):
        images = images[None]
    if load is None:
        _check_fit(images.shape[1:], shape)
    # All streams first: a distortion that does not work says so before anything is embedded.
    streams = [_distorted(images, augment, batch_size, seed, view) for view in range(1, views)]
    found = _embedded(tower, _batches(images, load, batch_size, shape))
    for stream in streams:
        found = found + _embedded(tower, stream.as_numpy_iterator())
    return found / views


def _embedded(tower, batches):
    found = []
    for batch in batches:
        batch = batch.astype("float32") / 255 if batch.dtype == np.uint8 else batch
        # Called, not `predict`ed: that compiles a function for each tower, and TensorFlow warns of the fifth.
        made = tower(ops.convert_to_tensor(batch), training=False)
        if len(getattr(made, "shape", ())) != 2:
            told = f"an output of shape {tuple(made.shape)}" if hasattr(made, "shape") else f"{len(made)} outputs"
            raise ValueError(f"`tower` must give one embedding for each image, (batch, dim). Received: {told}.")
        found.append(ops.convert_to_numpy(made).astype("float32", copy=False))
    return np.concatenate(found)


def _batches(images, load, batch_size, shape):
    if load is None:
        yield from (images[at : at + batch_size] for at in range(0, len(images), batch_size))
        return
    import tensorflow as tf

    read = tf.data.Dataset.from_tensor_slices(images).map(load, tf.data.AUTOTUNE)
    _check_fit(tuple(read.element_spec.shape), shape)
    yield from read.batch(batch_size).prefetch(2).as_numpy_iterator()


def _distorted(images, augment, batch_size, seed, view):
    import tensorflow as tf

    def at(place):
        image = tf.numpy_function(lambda place: images[place], [place], images.dtype, stateful=False)
        image = tf.cast(tf.ensure_shape(image, images.shape[1:]), tf.float32)
        image = image / 255.0 if images.dtype == np.uint8 else image
        # In two steps: views of one seed must not be those of the next.
        of_view = tf.random.stateless_uniform((), tf.constant([seed, view], tf.int64), None, None, tf.int64)
        key = tf.random.stateless_uniform((2,), tf.stack([of_view, place]), None, None, tf.int32)
        return tf.ensure_shape(augment(image, key), image.shape)

    places = tf.data.Dataset.range(len(images))
    return places.map(at, tf.data.AUTOTUNE).batch(batch_size).prefetch(2)


def _check_fit(sides, shape):
    if len(sides) != len(shape) or any(
        None not in (side, want) and side != want for side, want in zip(sides, shape, strict=True)
    ):
        raise ValueError(f"The tower takes images of shape {shape}, one or many. Received: images of shape {sides}.")
