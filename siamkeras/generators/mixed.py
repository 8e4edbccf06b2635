"""Streams side by side: batches to which each of them gives its part."""


def mixed(*streams):
    """Batches that hold what a batch of each of several streams holds, one after another.

    Of two sets of data, or of two ways to draw from one, half of every batch each (or another share, by the batch
    sizes of the streams). Labels are taken as the streams give them, and `balanced` gives names, and numbers beyond
    2^24, as numbers from 0 on: where two sets have classes of their own and a loss compares all with all, number both
    together before, `np.unique(np.concatenate([one, other]), return_inverse=True)`.

    ```python
    stream = generators.mixed(
        generators.pairs(drawn.images, drawn.labels, batch_size=16),
        generators.pairs(photos.images, photos.labels, batch_size=48),
    )  # 64 pairs a batch
    ```

    Args:
        *streams: At least one `tf.data.Dataset` of batches, as the generators of siamkeras give them: of one
            structure, such as `({"left", "right"}, same)`, and of the same shapes and dtypes but for the batch.

    Returns:
        A `tf.data.Dataset` of the same kind; as long as the shortest of them, endless if all are.

    Raises:
        ValueError: no stream; something else than one; streams of different structure, shapes or dtypes; episodes,
            each of which is a task of its own with classes of its own.
    """
    import tensorflow as tf

    if not streams:
        raise ValueError("At least one stream is needed. Received: none.")
    for stream in streams:
        if not isinstance(stream, tf.data.Dataset):
            raise ValueError(f"Streams to be mixed are `tf.data.Dataset`s of batches. Received: {stream!r}.")
    kinds = [_of_one(stream.element_spec) for stream in streams]
    inputs = kinds[0][0] if isinstance(kinds[0], tuple) else None
    if len(streams) > 1 and isinstance(inputs, dict) and {"support", "query"} <= set(inputs):
        raise ValueError(
            "Episodes cannot be mixed, each is a task of its own; `tf.data.Dataset.sample_from_datasets` draws "
            f"now from one stream, now from another. Received: {kinds[0]}."
        )
    for kind in kinds[1:]:
        if kind != kinds[0]:
            raise ValueError(
                "Streams to be mixed have one structure, and the same shapes and dtypes but for the batch. "
                f"Received: {kinds[0]} and {kind}."
            )

    def together(*batches):
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)

    return tf.data.Dataset.zip(tuple(streams)).map(together).prefetch(2)


def _of_one(spec):
    """The structure of a batch with `(shape, dtype)` of one example in each place."""
    import tensorflow as tf

    def kind(part):
        if not isinstance(part, tf.TensorSpec) or not part.shape.rank:
            raise ValueError(f"Streams to be mixed give batches of tensors. Received: a part {part}.")
        return tuple(part.shape[1:]), part.dtype.name

    return tf.nest.map_structure(kind, spec)
