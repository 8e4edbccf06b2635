"""Embeddings of images or sentences, computed in batches."""

import os

import keras
import numpy as np

from siamkeras._arrays import to_float
from siamkeras._inference import infer
from siamkeras._validation import check_images, check_integer, check_text
from siamkeras.generators import _batching
from siamkeras.retrieval._file import GrowingFile, fingerprint, sample_of
from siamkeras.towers._blocks import check_scale, check_tower


def embed(
    tower,
    images,
    load=None,
    batch_size=256,
    augment=None,
    views=1,
    seed=0,
    scale=True,
    *,
    shard=None,
    out=None,
    verbose=0,
):
    """Computes the embeddings of images or sentences with a tower, in inference mode.

    The tower is compiled at the first call.

    Args:
        tower: A `keras.Model` with one input and one output `(batch, dim)`.
        images: Images `(n, ...)`, float32 in [0, 1] or uint8 in 0-255; file paths `(n,)` with `load`; or for a text
            tower sentences `(n,)` or token ids `(n, length)`. A single image, path or sentence is a batch of one. Or a
            stream: a finite `tf.data.Dataset` or an iterator of batches of them (no paths), or of `(batch, labels)`,
            whose labels are ignored.
        load: Function from a path (scalar string tensor) to an image tensor of fixed shape, such as
            `data.load_image(size)`. Files are read in parallel, two batches ahead.
        batch_size: Images per batch, views included; a stream has its own batches.
        augment: Function `(image, seed) -> image` of the same shape, as for `generators.pairs`.
        views: Number of views for test-time augmentation: the image itself and `views - 1` augmented copies, whose
            embeddings are averaged. The mean of unit-length embeddings has a norm below 1.
        seed: Integer that determines the augmented copies, together with the position of the image.
        scale: Whether uint8 images are divided by 255, see `generators.pairs`.
        shard: `(index, count)`: embeds the part `n * index // count` to `n * (index + 1) // count` of the images, for
            several processes, each with its own `out`.
        out: Path of a `.npy` file, to which every batch is appended. If it exists, the call continues after its last
            row; a stream must begin again with its first image. Beside it, `out + ".json"` keeps a hash of the weights
            of the tower, one of all paths or sentences or of a sample of the images, but not of a stream, and the other
            arguments that the result depends on.
        verbose: 1 shows a progress bar.

    Returns:
        `(n, dim)` float32; with `out` a read-only memory map of the file.

    Raises:
        ValueError: images do not fit the tower; `views` and `augment` are not given together; `out` was begun with
            another tower, other images or other arguments; a stream that never ends, or with `shard`.
        FileNotFoundError: a path does not exist.

    >>> import numpy as np
    >>> from siamkeras import retrieval, towers
    >>> tower = towers.dense((8, 8, 1), embedding_dim=16)
    >>> retrieval.embed(tower, np.zeros((3, 8, 8, 1))).shape
    (3, 16)
    """
    batch_size, views = check_integer("batch_size", batch_size, 1), check_integer("views", views, 1)
    check_integer("seed", seed)
    template, is_stream = check_tower(tower), hasattr(images, "__next__") or hasattr(images, "element_spec")
    if (views > 1) != (augment is not None) or (views > 1 and (load is not None or is_stream)):
        raise ValueError(
            "`views` above 1 and `augment` go together, for images in memory. "
            f"Received: views={views}, augment={augment!r}, load={load!r}, images={type(images).__name__}."
        )
    if is_stream:
        _check_stream(images, load, shard)
        begin, end = 0, None
    else:
        images = _check_array(images, template, load, augment, scale)
        index, count = shard = _batching.check_shard(shard)
        begin, end = len(images) * index // count, len(images) * (index + 1) // count
        if begin == end:
            raise ValueError(f"{count} shards need at least {count} images. Received: {len(images)}.")
    file = None
    if out is not None:
        origin = {"tower": fingerprint(tower), "images": None if is_stream else sample_of(images), "scale": bool(scale)}
        origin |= {"shard": shard and list(shard), "views": views, "seed": seed}
        file = GrowingFile(out, tower.outputs[0].shape[1], origin)
    done = 0 if file is None else file.count
    if is_stream:
        batches = _stream_batches(images, template, done, scale)
    elif load is not None:
        batches = _load_batches(images[begin + done : end], load, batch_size)
    elif views > 1:
        batches = _view_batches(images, range(begin + done, end), augment, batch_size, seed, views, scale)
    else:
        batches = (images[start : min(start + batch_size, end)] for start in range(begin + done, end, batch_size))
    bar = keras.utils.Progbar(None if end is None else end - begin, verbose=verbose, unit_name="embedding")
    try:
        return _collect(_embeddings(tower, batches, views, scale), file, done, bar)
    finally:
        if file is not None:
            file.close()


def _check_stream(stream, load, shard):
    if load is not None or shard is not None:
        raise ValueError(
            "`load` and `shard` are for arrays. Load and divide a stream where it is made, with `dataset.map` and "
            f"`dataset.shard`. Received: {type(stream).__name__}, load={load!r}, shard={shard!r}."
        )
    if hasattr(stream, "cardinality") and int(stream.cardinality()) == -1:
        raise ValueError("This stream never ends. Give it a length: `dataset.take(count)`.")


def _check_array(images, template, load, augment, scale):
    """Images, paths or text `(n, ...)`."""
    if template.dtype in ("string", "int32"):
        if load is not None or augment is not None:
            raise ValueError("`load` and `augment` are for images. Received: a tower with text input.")
        images = check_text([images] if isinstance(images, str) else images)
    else:
        images = check_images([images] if isinstance(images, (str, os.PathLike)) else images, load, scale=scale)
    return images[None] if load is None and images.ndim == len(template.shape) - 1 else images


def _embeddings(tower, batches, views, scale):
    """The embeddings of each batch; the mean over the views, which are beside each other."""
    is_first = True
    for batch in batches:
        if batch.dtype.kind in "uf":
            batch = to_float(batch, scale)
            if is_first:
                check_scale(tower, batch)
        is_first = False
        (output,) = keras.tree.flatten(infer(tower, batch))
        output = output.astype("float32", copy=False)
        yield output if views == 1 else output.reshape(-1, views, output.shape[1]).mean(axis=1)


def _collect(batches, file, done, bar):
    """All embeddings, in memory or in a file of which `done` are finished."""
    embeddings = []
    for batch in batches:
        if file is None:
            embeddings.append(batch)
        else:
            file.append(batch)
        done += len(batch)
        bar.update(done)
    if bar.target is None:
        bar.update(done, finalize=True)
    if file is not None:
        return file.read()
    if not embeddings:
        raise ValueError("The stream is empty.")
    return np.concatenate(embeddings)


def _stream_batches(stream, template, done, scale):
    """The batches of a stream as arrays, without its first `done` examples."""
    position = 0
    for batch in stream:
        if isinstance(batch, (tuple, list)) and np.ndim(batch[0]):  # (images, labels)
            batch = batch[0]
        if isinstance(batch, dict) or np.ndim(batch) != len(template.shape):
            found = f"a dict of {[*batch]}" if isinstance(batch, dict) else f"shape {np.shape(batch)}"
            raise ValueError(
                f"A stream must yield batches of the shape {tuple(template.shape)}, or (batch, labels); batch a "
                f"dataset of single examples with `dataset.batch(256)`. Received: {found}."
            )
        skip = max(0, done - position)
        position += len(batch)
        if skip < len(batch):
            batch = np.asarray(batch)[skip:]
            is_text = template.dtype in ("string", "int32")
            yield check_text(batch) if is_text else check_images(batch, name="batch", scale=scale)


def _load_batches(paths, load, batch_size):
    import tensorflow as tf

    if not len(paths):  # from an empty array TensorFlow would make floats
        return []
    images = tf.data.Dataset.from_tensor_slices(paths).map(load, tf.data.AUTOTUNE)
    return images.batch(batch_size).prefetch(2).as_numpy_iterator()


def _view_batches(images, positions, augment, batch_size, seed, views, scale):
    """Batches of the images at `positions` and their augmented copies: all views of an image beside each other."""
    import tensorflow as tf

    look_up = _batching.gather_from(images)

    def all_views(index):
        image = _batching.to_float(look_up(index[None])[0], scale)
        return tf.stack([image, *(augmented_image(image, index, view) for view in range(1, views))])

    def augmented_image(image, index, view):
        # In two steps: the views of one seed must not be those of the next seed.
        view_seed = tf.random.stateless_uniform((), tf.constant([seed, view], tf.int64), None, None, tf.int64)
        key = tf.random.stateless_uniform((2,), tf.stack([view_seed, index]), None, None, tf.int32)
        return _batching.augmented(augment, image, key)

    stream = tf.data.Dataset.range(positions.start, positions.stop).map(all_views, tf.data.AUTOTUNE)
    stream = _batching.without_copies(stream.batch(max(1, batch_size // views)).prefetch(2))
    return (batch.reshape(-1, *images.shape[1:]) for batch in stream.as_numpy_iterator())
