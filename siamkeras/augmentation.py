"""Image augmentation for `augment=` of `generators` and `retrieval.embed`.

Each function here returns a function `(image, seed) -> image`. An image is `(height, width, channels)` float32 in
[0, 1], a seed an integer tensor `(2,)`. The result depends on image and seed only, has the shape of the image, and is
clipped to [0, 1].

They run on the processor, one image at a time. If that keeps a GPU waiting, put augmentation layers of Keras at the
start of the tower: they change whole batches on the device, each image at random, and only in training.

>>> import keras
>>> from siamkeras import models, towers
>>> augment = [keras.layers.RandomRotation(0.03, "constant"), keras.layers.RandomZoom(0.2, fill_mode="constant")]
>>> tower = keras.Sequential([keras.Input((35, 35, 1)), *augment, towers.conv((35, 35, 1))], name="tower")
>>> model = models.siamese(tower)
"""

import numpy as np

from siamkeras._validation import check_number, check_range, check_symmetric_range

__all__ = ["affine", "color_jitter", "compose", "crop", "elastic", "erase", "flip", "stroke_width"]


def affine(rotation=10.0, shear=0.3, scale=(0.8, 1.2), shift=2.0, probability=0.5):
    """A random affine transformation about the centre of the image (Koch, Zemel and Salakhutdinov, 2015).

    There are seven transformations: a rotation, and shear, scale and shift along x and along y. Each is applied with
    `probability`, independently of the others. A point p relative to the centre (x to the right, y down) moves to
    `R @ [[1, shear_x], [shear_y, 1]] @ ([scale_x, scale_y] * p) + shift`, with the rotation matrix R. Interpolation is
    bilinear, and pixels from outside the image are 0.

    Args:
        rotation: Degrees, counter-clockwise: a number r for -r to r, or a range `(low, high)`.
        shear: Tangent of the shear angle: a number or a range, between -1 and 1.
        scale: Range of factors `(low, high)`; factors above 1 enlarge.
        shift: Pixels, to the right and down: a number or a range. The default is from the paper, for images of
            105 x 105 pixels.
        probability: Probability of each transformation.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf

    >>> from siamkeras import augmentation
    >>> shift = augmentation.affine(rotation=0, shear=0, scale=(1, 1), shift=(1, 1), probability=1)
    >>> shift([[[1.0], [0.5]], [[0.0], [0.0]]], seed=[3, 7]).numpy()[..., 0].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    rotation = np.radians(check_symmetric_range("rotation", rotation))
    shear, shift = check_symmetric_range("shear", shear, below=1), check_symmetric_range("shift", shift)
    scale = check_range("scale", scale, above=0)
    probability = _check_fraction("probability", probability)
    low, high = np.array([rotation, shear, shear, scale, scale, shift, shift], "float32").T
    identity = np.array([0, 0, 0, 1, 1, 0, 0], "float32")

    def transform(image, seed):
        import tensorflow as tf

        uniform = tf.random.stateless_uniform((2, 7), seed)
        parameters = tf.where(uniform[1] < probability, low + uniform[0] * (high - low), identity)
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=image[None],
            transforms=_inverse_affine(parameters, image.shape)[None],
            output_shape=image.shape[:2],
            fill_value=0.0,
            interpolation="BILINEAR",
        )[0]

    return _augmentation(transform)


def elastic(strength=1.0, smoothness=4.0, probability=1.0):
    """A random smooth displacement of all pixels (Simard, Steinkraus and Platt, 2003).

    The displacements along x and along y are two Gaussian random fields with standard deviation `strength`. At a
    distance of d pixels their correlation is `exp(-(d / smoothness)^2 / 4)`. Interpolation is bilinear, and pixels from
    outside the image are 0. The alpha and sigma of the paper correspond to `strength = alpha / (2 sigma sqrt(3 pi))`
    and `smoothness = sigma`: alpha = 34 and sigma = 4, its choice for MNIST, are `elastic(1.4, 4)`.

    Args:
        strength: Standard deviation of the displacements in pixels. Above about half of `smoothness` the image folds.
        smoothness: Standard deviation, in pixels, of the Gaussian filter that smooths the fields; at least 1.
        probability: Probability that an image is changed.

    Reference: Best practices for convolutional neural networks applied to visual document analysis, ICDAR 2003.
    """
    strength = check_number("strength", strength, minimum=0)
    smoothness = check_number("smoothness", smoothness, minimum=1)
    probability = _check_fraction("probability", probability)

    def transform(image, seed):
        import tensorflow as tf

        field_seed, choice_seed = tf.unstack(tf.random.split(seed))
        height, width, _ = image.shape
        down, right = _gaussian_fields(field_seed, height, width, smoothness)
        size = strength * tf.cast(tf.random.stateless_uniform((), choice_seed) < probability, tf.float32)
        rows = np.arange(height, dtype="float32")[:, None] + size * down
        columns = np.arange(width, dtype="float32") + size * right
        return _sample_bilinear(image, rows, columns)

    return _augmentation(transform)


def flip():
    """A horizontal flip with probability 1/2."""

    def transform(image, seed):
        import tensorflow as tf

        return tf.image.stateless_random_flip_left_right(image, seed)

    return _augmentation(transform)


def crop(min_fraction=0.6):
    """A random crop, resized to the size of the image.

    Args:
        min_fraction: Smallest height and width of the crop as a fraction of those of the image, above 0, up to 1. The
            fraction is sampled uniformly from there to 1, the same for both sides; then the position.
    """
    min_fraction = check_number("min_fraction", min_fraction, above=0, maximum=1)

    def transform(image, seed):
        import tensorflow as tf

        size_seed, place_seed = tf.unstack(tf.random.split(seed))
        height, width, channels = image.shape
        fraction = tf.random.stateless_uniform((), size_seed, min_fraction, 1.0)
        size = tf.maximum(tf.cast(tf.round(fraction * np.float32([height, width])), tf.int32), 1)
        part = tf.image.stateless_random_crop(image, tf.concat([size, [channels]], axis=0), place_seed)
        return tf.ensure_shape(tf.image.resize(part, (height, width)), image.shape)

    return _augmentation(transform)


def erase(probability=0.5, side=(0.15, 0.45)):
    """Random erasing (Zhong et al., 2020): a rectangle of one random colour hides a part of the image.

    Args:
        probability: Probability that an image is changed.
        side: Range of the height and the width of the rectangle, as fractions of those of the image. Its centre is
            uniform over the image, so a part of it may be outside.

    Reference: https://arxiv.org/abs/1708.04896
    """
    probability = _check_fraction("probability", probability)
    smallest, largest = check_range("side", side, minimum=0)

    def transform(image, seed):
        import tensorflow as tf

        seed, color_seed = tf.unstack(tf.random.split(seed))
        height, width, channels = image.shape
        choice, *place = tf.unstack(tf.random.stateless_uniform((5,), seed))
        half = [(smallest + (largest - smallest) * value) / 2 for value in place[:2]]
        down, across = (tf.abs((np.arange(n) + 0.5) / n - at) for n, at in ((height, place[2]), (width, place[3])))
        inside = (down[:, None] < half[0]) & (across[None] < half[1]) & (choice < probability)
        return tf.where(inside[..., None], tf.random.stateless_uniform((channels,), color_seed), image)

    return _augmentation(transform)


def stroke_width(thicker=0.5, thinner=0.25):
    """Random thickening or thinning of bright strokes on a dark background.

    A weight w is sampled uniformly from `-thinner` to `thicker`. The result is `(1 - |w|) * image + |w| * changed`,
    where `changed` is the dilation (3 x 3 maximum) of the image if w is positive, and its erosion (3 x 3 minimum)
    otherwise. For dark strokes on a bright background exchange the two arguments.

    Args:
        thicker: Largest weight of the dilation, from 0 to 1; with weight 1, strokes grow by a pixel on each side.
        thinner: Largest weight of the erosion, from 0 to 1; with weight 1, strokes up to two pixels wide disappear.
    """
    thicker, thinner = _check_fraction("thicker", thicker), _check_fraction("thinner", thinner)

    def transform(image, seed):
        import tensorflow as tf

        weight = tf.random.stateless_uniform((), seed, -thinner, thicker)
        sign = tf.sign(weight)  # an erosion is a dilation of the negative image
        changed = sign * tf.nn.max_pool2d((sign * image)[None], 3, 1, "SAME")[0]
        return image + tf.abs(weight) * (changed - image)

    return _augmentation(transform)


def color_jitter(brightness=0.15, contrast=(0.8, 1.25), saturation=(0.8, 1.25)):
    """Random changes of saturation, contrast and brightness, in this order.

    Args:
        brightness: Number b >= 0; a number from -b to b is added to all values.
        contrast: Range of factors `(low, high)` for the difference from the mean of the channel.
        saturation: Range of factors for the saturation; `(1, 1)` for images that are not RGB.
    """
    brightness = check_number("brightness", brightness, minimum=0)
    contrast = check_range("contrast", contrast, minimum=0)
    saturation = check_range("saturation", saturation, minimum=0)

    def transform(image, seed):
        import tensorflow as tf

        brightness_seed, contrast_seed, saturation_seed = tf.unstack(tf.random.split(seed, 3))
        if saturation != (1.0, 1.0):
            if image.shape[-1] != 3:
                raise ValueError(
                    "Saturation needs RGB images, (height, width, 3). "
                    f"Received: shape {tuple(image.shape)}. Set `saturation=(1, 1)`."
                )
            image = tf.image.adjust_saturation(image, tf.random.stateless_uniform((), saturation_seed, *saturation))
        image = tf.image.adjust_contrast(image, tf.random.stateless_uniform((), contrast_seed, *contrast))
        return tf.image.stateless_random_brightness(image, brightness, brightness_seed)

    return _augmentation(transform)


def compose(*augments):
    """Several augmentations, functions `(image, seed) -> image`, in sequence, each with a seed of its own.

    >>> from siamkeras import augmentation
    >>> darker = augmentation.compose(lambda image, seed: image + 0.5, lambda image, seed: image / 2)
    >>> float(darker(0.1, seed=[3, 7]))
    0.3
    """

    def augment(image, seed):
        import tensorflow as tf

        for function, key in zip(augments, tf.unstack(tf.random.split(seed, len(augments))), strict=True):
            image = function(image, key)
        return image

    return augment


def _augmentation(transform):
    """`transform(image, seed)` with a check of the image before and its values clipped to [0, 1] after it."""

    def augment(image, seed):
        import tensorflow as tf

        image = tf.convert_to_tensor(image)
        if image.dtype != tf.float32 or image.shape.rank != 3 or None in image.shape:
            raise ValueError(
                "An augmentation needs an image (height, width, channels) of known shape, float32 in [0, 1]. "
                f"Received: {image.dtype.name}, shape {image.shape}. `load` can set a shape with `tf.ensure_shape`."
            )
        return tf.clip_by_value(transform(image, seed), 0.0, 1.0)

    return augment


def _check_fraction(name, value):
    return check_number(name, value, minimum=0, maximum=1)


def _inverse_affine(parameters, shape):
    """The eight numbers of `ImageProjectiveTransformV3`, which maps a pixel of the result to the image."""
    import tensorflow as tf

    angle, shear_x, shear_y, scale_x, scale_y, right, down = tf.unstack(parameters)
    cos, sin, determinant = tf.cos(angle), tf.sin(angle), 1.0 - shear_x * shear_y
    a, b = (cos - shear_x * sin) / (scale_x * determinant), -(sin + shear_x * cos) / (scale_x * determinant)
    d, e = (sin - shear_y * cos) / (scale_y * determinant), (cos + shear_y * sin) / (scale_y * determinant)
    centre_x, centre_y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    x, y = centre_x + right, centre_y + down
    return tf.stack([a, b, centre_x - a * x - b * y, d, e, centre_y - d * x - e * y, 0.0, 0.0])


def _gaussian_fields(seed, height, width, smoothness):
    """Two smooth random fields `(height, width)` with standard deviation 1 at every pixel.

    They are weighted sums of noise on a grid with a spacing of `smoothness`; the correlations differ by less than 0.001
    from those of filtered noise at every pixel.
    """
    import tensorflow as tf

    row_weights, column_weights = _gaussian_weights(height, smoothness), _gaussian_weights(width, smoothness)
    noise = tf.random.stateless_normal((row_weights.shape[1], 2 * column_weights.shape[1]), seed)
    fields = tf.split(tf.matmul(row_weights, noise), 2, axis=1)
    return [tf.matmul(field, column_weights, transpose_b=True) for field in fields]


def _gaussian_weights(size, smoothness):
    """Weights of the grid points at each pixel, `(size, points)`; the squares of a row sum to 1."""
    points = np.arange(-2, size / smoothness + 3) * smoothness
    weights = np.exp(-(((np.arange(size)[:, None] - points) / smoothness) ** 2) / 2)
    return (weights / np.sqrt(np.sum(weights**2, axis=1, keepdims=True))).astype("float32")


def _sample_bilinear(image, rows, columns):
    """The image at positions `rows`, `columns`, `(height, width)` each, with a border of 0."""
    import tensorflow as tf

    height, width, channels = image.shape
    pixels = tf.reshape(tf.pad(image, [[1, 1], [1, 1], [0, 0]]), (-1, channels))
    rows, columns = tf.clip_by_value(rows, -1.0, height), tf.clip_by_value(columns, -1.0, width)
    above = tf.minimum(tf.floor(rows), height - 1.0)
    left = tf.minimum(tf.floor(columns), width - 1.0)
    first = tf.cast((above + 1) * (width + 2) + left + 1, tf.int32)
    corners = tf.gather(pixels, first[None] + np.array([0, 1, width + 2, width + 3], "int32")[:, None, None])
    sides = corners[:2] + (corners[2:] - corners[:2]) * (rows - above)[..., None]
    return sides[0] + (sides[1] - sides[0]) * (columns - left)[..., None]
