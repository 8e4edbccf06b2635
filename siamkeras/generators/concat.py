"""Batches concatenated from several streams."""


def concat_batches(*streams):
    """A stream whose batches are concatenated from one batch of each stream.

    The batch sizes of the streams set the proportions. The same label in two streams is the same class: if two data
    sets have classes of their own, give them different integers below 2^24 as labels first. `balanced` numbers strings
    and larger integers for each stream by itself, so that different classes would get the same number.

    ```python
    stream = generators.concat_batches(
        generators.pairs(synthetic.images, synthetic.labels, batch_size=16),
        generators.pairs(photos.images, photos.labels, batch_size=48),
    )  # 64 pairs in a batch
    ```

    Args:
        *streams: `tf.data.Dataset`s of batches of the same structure, such as `({"left", "right"}, same)`, and of the
            same dtypes and shapes except for the batch size. Episodes cannot be concatenated.

    Returns:
        A `tf.data.Dataset` of the same structure, as long as the shortest stream.
    """
    import tensorflow as tf

    spec = streams[0].element_spec
    inputs = spec[0] if isinstance(spec, tuple) else spec
    if isinstance(inputs, dict) and {"support", "query"} <= set(inputs):
        raise ValueError(f"Episodes cannot be concatenated: each has classes of its own. Received: {spec}.")

    def concat(*batches):
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)

    return tf.data.Dataset.zip(tuple(streams)).map(concat).prefetch(2)
