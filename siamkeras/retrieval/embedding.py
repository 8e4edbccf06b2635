"""Embeddings of images or sentences, computed in batches."""

import os

import keras
import numpy as np
from keras import ops

from siamkeras._arrays import to_float
from siamkeras._validation import check_images, check_integer, check_text
from siamkeras.generators import _batching
from siamkeras.towers._blocks import check_scale, check_tower


def embed(tower, images, load=None, batch_size=256, augment=None, views=1, seed=0, scale=True):
    """Computes the embeddings of images or sentences with a tower, in inference mode.

    Args:
        tower: A `keras.Model` with one input and one output `(batch, dim)`.
        images: Images `(n, ...)`, float32 in [0, 1] or uint8 in 0-255; file paths `(n,)` with `load`; or for a text
            tower sentences `(n,)` or token ids `(n, length)`. A single image, path or sentence is a batch of one.
        load: Function from a path (scalar string tensor) to an image tensor of fixed shape, such as
            `data.load_image(size)`. Files are read in parallel, two batches ahead.
        batch_size: Images per batch.
        augment: Function `(image, seed) -> image` of the same shape, as for `generators.pairs`.
        views: Number of views for test-time augmentation: the image itself and `views - 1` augmented copies, whose
            embeddings are averaged. The mean of unit-length embeddings has a norm below 1.
        seed: Integer that determines the augmented copies, together with the position of the image.
        scale: Whether uint8 images are divided by 255, see `generators.pairs`.

    Returns:
        `(n, dim)` float32.

    Raises:
        ValueError: images do not fit the tower; `views` and `augment` are not given together.
        FileNotFoundError: a path does not exist.

    >>> import numpy as np
    >>> from siamkeras import retrieval, towers
    >>> tower = towers.dense((8, 8, 1), embedding_dim=16)
    >>> retrieval.embed(tower, np.zeros((3, 8, 8, 1))).shape
    (3, 16)
    """
    batch_size, views = check_integer("batch_size", batch_size, 1), check_integer("views", views, 1)
    check_integer("seed", seed)
    if (views > 1) != (augment is not None) or (views > 1 and load is not None):
        raise ValueError(
            "`views` above 1 and `augment` go together, for images in memory. "
            f"Received: views={views}, augment={augment!r}, load={load!r}."
        )
    template = check_tower(tower)
    if template.dtype in ("string", "int32"):
        if load is not None or augment is not None:
            raise ValueError("`load` and `augment` are for images. Received: a tower with text input.")
        images = check_text([images] if isinstance(images, str) else images)
    else:
        images = check_images([images] if isinstance(images, (str, os.PathLike)) else images, load, scale=scale)
    if load is None:
        images = images[None] if images.ndim == len(template.shape) - 1 else images
        batches = (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    else:
        batches = _load_batches(images, load, batch_size)
    total = _embed_batches(tower, batches, scale)
    for view in range(1, views):
        total = total + _embed_batches(tower, _augmented_batches(images, augment, batch_size, seed, view, scale))
    return total / views


def _embed_batches(tower, batches, scale=True):
    embeddings = []
    for batch in batches:
        if batch.dtype.kind in "uf":
            batch = to_float(batch, scale)
            if not embeddings:
                check_scale(tower, batch)
        # Called, because `predict` compiles a function per tower, and TensorFlow warns from the fifth on.
        (output,) = keras.tree.flatten(tower(ops.convert_to_tensor(batch), training=False))
        embeddings.append(ops.convert_to_numpy(output).astype("float32", copy=False))
    return np.concatenate(embeddings)


def _load_batches(paths, load, batch_size):
    import tensorflow as tf

    images = tf.data.Dataset.from_tensor_slices(paths).map(load, tf.data.AUTOTUNE)
    return images.batch(batch_size).prefetch(2).as_numpy_iterator()


def _augmented_batches(images, augment, batch_size, seed, view, scale):
    import tensorflow as tf

    def augmented_image(index):
        image = tf.numpy_function(lambda index: images[index], [index], images.dtype, stateful=False)
        image = _batching.to_float(tf.ensure_shape(image, images.shape[1:]), scale)
        # In two steps: the views of one seed must not be those of the next seed.
        view_seed = tf.random.stateless_uniform((), tf.constant([seed, view], tf.int64), None, None, tf.int64)
        key = tf.random.stateless_uniform((2,), tf.stack([view_seed, index]), None, None, tf.int32)
        return _batching.augmented(augment, image, key)

    indices = tf.data.Dataset.range(len(images))
    return indices.map(augmented_image, tf.data.AUTOTUNE).batch(batch_size).prefetch(2).as_numpy_iterator()
