"""Distortions that move pixels: the whole image, parts of it, every place in its own way."""

import numpy as np

from siamkeras.augmentation.applying import distortion
from siamkeras.augmentation.checks import checked_factors, checked_number, checked_share, checked_swing


def affine(rotation=10.0, shear=0.3, scale=(0.8, 1.2), shift=2.0, chance=0.5, fill=0.0):
    """RotateFlip, sheared, scaled and shifted about the centre, as characters were for the first Siamese convolutions.

    Seven numbers are drawn: an angle, and shear, scale and shift along x and along y. Each is used with `chance`, on
    its own, and left out otherwise. A place p of the image, seen from its centre (x to the right, y down), comes to
    lie at `turn @ [[1, shear_x], [shear_y, 1]] @ [scale_x, scale_y] * p + shift`.

    Args:
        rotation: Degrees, counter-clockwise: a number r for -r to r, or a range `(low, high)`.
        shear: Pixels to the right for each pixel below the centre, and likewise down for each to the right: a number
            or a range, within (-1, 1).
        scale: Range of factors; above 1 enlarges what is shown.
        shift: Pixels of the image given, to the right and down: a number or a range. The 2 of the paper are of 105 x
            105 pixels; of 28 x 28 they are four times as much of the image.
        chance: Probability with which each of the seven is used.
        fill: What is seen beyond the edge, from 0 to 1.

    Returns:
        A function `(image, seed) -> image`; it interpolates bilinearly.

    Raises:
        ValueError: ranges that are reversed, not finite or out of bounds; `chance` or `fill` outside [0, 1].

    Koch, Zemel and Salakhutdinov (2015), Siamese neural networks for one-shot image recognition,
    https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf

    >>> from siamkeras import augmentation
    >>> down_and_right = augmentation.affine(0, 0, (1, 1), shift=(1, 1), chance=1)
    >>> down_and_right([[[1.0], [0.5]], [[0.0], [0.0]]], seed=[3, 7]).numpy()[..., 0].tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    turn = np.radians(checked_swing("rotation", rotation))
    shear, shift = checked_swing("shear", shear, below=1), checked_swing("shift", shift)
    scale = checked_factors("scale", scale)
    low, high = np.array([turn, shear, shear, scale, scale, shift, shift], "float32").T
    left_out = np.array([0, 0, 0, 1, 1, 0, 0], "float32")
    chance, fill = checked_share("chance", chance), checked_share("fill", fill)

    def change(image, seed):
        import tensorflow as tf

        u = tf.random.stateless_uniform((2, 7), seed)
        drawn = tf.where(u[1] < chance, low + u[0] * (high - low), left_out)
        return _mapped(image, _backward(tf.unstack(drawn), image.shape), fill)

    return distortion(change)


def elastic(strength=1.0, smoothness=4.0, chance=1.0, fill=0.0):
    """Bent as a hand would write it another time: every place is moved, and neighbours about alike.

    The displacements along x and along y are two random fields: noise, smoothed by a Gaussian. At every pixel they are
    normal with deviation `strength`, and those of two pixels at distance d correlate as `exp(-(d / smoothness)^2 / 4)`.

    Args:
        strength: Standard deviation of the displacements, along x and along y, in pixels. From about half of
            `smoothness` on the image is folded and torn.
        smoothness: Standard deviation of the Gaussian, in pixels, at least 1.
        chance: Probability that an image is bent at all.
        fill: What is seen beyond the edge, from 0 to 1.

    Returns:
        A function `(image, seed) -> image`; it interpolates bilinearly.

    Raises:
        ValueError: numbers that are too small or not finite; `chance` or `fill` outside [0, 1].

    Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks applied to visual document
    analysis. Their sigma is `smoothness`; uniform noise in [-1, 1], smoothed and multiplied by alpha, has a deviation
    of `alpha / (2 sigma sqrt(3 pi))`. So sigma = 4, alpha = 34, which they chose for MNIST, are `elastic(1.4, 4)`.
    """
    strength, smoothness = checked_number("strength", strength, 0), checked_number("smoothness", smoothness, 1)
    chance, fill = checked_share("chance", chance), checked_share("fill", fill)

    def change(image, seed):
        import tensorflow as tf

        noise, whether = tf.unstack(tf.random.split(seed))
        height, width, _ = image.shape
        down, right = _smooth(noise, height, width, smoothness)
        used = strength * tf.cast(tf.random.stateless_uniform((), whether) < chance, tf.float32)
        rows = np.arange(height, dtype="float32")[:, None] + used * down
        columns = np.arange(width, dtype="float32") + used * right
        return _seen(image, rows, columns, fill)

    return distortion(change)


def flip(chance=0.5):
    """Left and right exchanged.

    Args:
        chance: Probability with which an image is mirrored.

    Returns:
        A function `(image, seed) -> image`.

    Raises:
        ValueError: `chance` outside [0, 1].
    """
    chance = checked_share("chance", chance)

    def change(image, seed):
        import tensorflow as tf

        return tf.where(tf.random.stateless_uniform((), seed) < chance, image[:, ::-1], image)

    return distortion(change)


def crop(smallest=0.6):
    """A part of the image, anywhere in it, enlarged to the size of the whole.

    Args:
        smallest: Share of height and of width that the part has at least, above 0, up to 1. The share is drawn
            uniformly from there to 1, the same for both sides; then the place, among those within the image.

    Returns:
        A function `(image, seed) -> image`; it interpolates bilinearly, corner pixels on the corners of the part.

    Raises:
        ValueError: `smallest` not in (0, 1].
    """
    smallest = checked_share("smallest", smallest, zero=False)

    def change(image, seed):
        import tensorflow as tf

        u = tf.random.stateless_uniform((3,), seed)
        side = 1.0 - u[0] * (1.0 - smallest)
        height, width, _ = image.shape
        left, top = u[1] * (1.0 - side) * (width - 1), u[2] * (1.0 - side) * (height - 1)
        # Where rounding leads beyond the edge, a millionth of 0 is mixed in.
        return _mapped(image, [side, 0.0, left, 0.0, side, top], 0.0)

    return distortion(change)


def _mapped(image, numbers, fill):
    # Pixel (x, y) of the outcome is what the image shows at (a x + b y + c, d x + e y + f), for the numbers a to f.
    # Beyond the edge lies a border of `fill`.
    import tensorflow as tf

    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([*numbers, 0.0, 0.0])[None],
        output_shape=image.shape[:2],
        fill_value=fill,
        interpolation="BILINEAR",
    )[0]


def _backward(drawn, shape):
    # The six numbers of `_mapped`. They say where a pixel comes from: what was turned last is turned back first.
    import tensorflow as tf

    angle, shear_x, shear_y, scale_x, scale_y, right, down = drawn
    cos, sin, rest = tf.cos(angle), tf.sin(angle), 1.0 - shear_x * shear_y
    a, b = (cos - shear_x * sin) / (scale_x * rest), -(sin + shear_x * cos) / (scale_x * rest)
    d, e = (sin - shear_y * cos) / (scale_y * rest), (cos + shear_y * sin) / (scale_y * rest)
    middle_x, middle_y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    x, y = middle_x + right, middle_y + down
    return [a, b, middle_x - a * x - b * y, d, e, middle_y - d * x - e * y]


def _smooth(seed, height, width, smoothness):
    # Two fields `(height, width)`, normal with deviation 1 at each place: weighted sums of noise on a grid as coarse as
    # the Gaussian is wide. Their correlations are those of noise at every pixel to less than a thousandth.
    import tensorflow as tf

    up_down, across = _weights(height, smoothness), _weights(width, smoothness)
    noise = tf.random.stateless_normal((up_down.shape[1], 2 * across.shape[1]), seed)
    halves = tf.split(tf.matmul(up_down, noise), 2, axis=1)
    return [tf.matmul(half, across, transpose_b=True) for half in halves]


def _weights(size, smoothness):
    # `(size, points)`: how much each grid point counts at each pixel; the squares of a row add up to 1.
    points = np.arange(-2, size / smoothness + 3) * smoothness
    bells = np.exp(-(((np.arange(size)[:, None] - points) / smoothness) ** 2) / 2)
    return (bells / np.sqrt(np.sum(bells**2, axis=1, keepdims=True))).astype("float32")


def _seen(image, rows, columns, fill):
    # The image at any places, `(height, width)` each, bilinearly; beyond the edge lies a border of `fill`.
    import tensorflow as tf

    height, width, channels = image.shape
    pixels = tf.reshape(tf.pad(image, [[1, 1], [1, 1], [0, 0]], constant_values=fill), (-1, channels))
    rows, columns = tf.clip_by_value(rows, -1.0, height), tf.clip_by_value(columns, -1.0, width)
    above = tf.minimum(tf.floor(rows), height - 1.0)
    left = tf.minimum(tf.floor(columns), width - 1.0)
    at = tf.cast((above + 1) * (width + 2) + left + 1, tf.int32)
    four = tf.gather(pixels, at[None] + np.array([0, 1, width + 2, width + 3], "int32")[:, None, None])
    two = four[:2] + (four[2:] - four[:2]) * (rows - above)[..., None]
    return two[0] + (two[1] - two[0]) * (columns - left)[..., None]
