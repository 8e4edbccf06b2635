"""How a distortion meets an image: checked before, kept in [0, 1] after, one after another."""


def distortion(change):
    """`change(image, seed)` as a function for `augment=`.

    Args:
        change: Function of an image tensor `(height, width, channels)`, float32, all sides known, and a seed `(2,)`.

    Returns:
        A function `(image, seed) -> image`. It raises a ValueError for images of another kind, when it is traced.
    """

    def augment(image, seed):
        import tensorflow as tf

        image = tf.convert_to_tensor(image)
        if image.dtype != tf.float32 or image.shape.rank != 3 or None in image.shape:
            shape = "unknown" if image.shape.rank is None else tuple(image.shape)
            raise ValueError(
                "An image to be distorted is (height, width, channels), all of them known, and float32 in [0, 1]. "
                f"Received: {image.dtype.name}, shape {shape}. Let `load` fix the shape: `tf.ensure_shape`."
            )
        return tf.clip_by_value(change(image, seed), 0.0, 1.0)

    return augment


def compose(*augments):
    """Several distortions, one after another, each with a seed of its own.

    Args:
        *augments: Functions `(image, seed) -> image`, of this room or your own; the first is applied first.

    Returns:
        A function `(image, seed) -> image`.

    Raises:
        ValueError: none given, or one that cannot be called.

    >>> from siamkeras import augmentation
    >>> half = augmentation.compose(augmentation.flip(chance=1), lambda image, seed: image / 2)
    >>> half([[[0.0], [1.0]]], seed=[3, 7]).numpy().tolist()
    [[[0.5], [0.0]]]
    """
    if not augments:
        raise ValueError("`chain` needs at least one distortion. Received: none.")
    for place, augment in enumerate(augments):
        if not callable(augment):
            raise ValueError(
                f"`chain` takes functions (image, seed) -> image, such as `affine()`. Received: {augment!r} at "
                f"position {place}."
            )

    def all_of_them(image, seed):
        import tensorflow as tf

        for augment, key in zip(augments, tf.unstack(tf.random.split(seed, len(augments))), strict=True):
            image = augment(image, key)
        return image

    return all_of_them
