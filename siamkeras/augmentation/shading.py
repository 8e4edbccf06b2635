"""Distortions of the values of pixels: of ink, and of light."""

import numpy as np

from siamkeras.augmentation.applying import distortion
from siamkeras.augmentation.checks import checked_factors, checked_share, checked_swing

# How bright red, green and blue are to the eye (Recommendation ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114], "float32")


def stroke_width(thicker=0.5, thinner=0.25):
    """Bright strokes on dark ground, a little thicker or thinner.

    A weight is drawn uniformly from `-thinner` to `thicker`. Where it is positive, the outcome is a mean of the image
    and of its dilation (each pixel the largest of the 3 x 3 around it), with that weight; where it is negative, of the
    image and of its erosion (the smallest of them).

    Args:
        thicker: Weight of the dilation at most, from 0 to 1; at 1 strokes grow by a pixel on each side.
        thinner: Weight of the erosion at most, from 0 to 1. Strokes of one or two pixels have no inside: they fade,
            and vanish at 1.

    Returns:
        A function `(image, seed) -> image`. For dark ink on bright paper exchange the two numbers.

    Raises:
        ValueError: numbers outside [0, 1].
    """
    thicker, thinner = checked_share("thicker", thicker), checked_share("thinner", thinner)

    def change(image, seed):
        import tensorflow as tf

        weight = tf.random.stateless_uniform((), seed, -thinner, thicker)
        # An erosion is a dilation of the negative image.
        sign = tf.sign(weight)
        grown = sign * tf.nn.max_pool2d((sign * image)[None], 3, 1, "SAME")[0]
        return image + tf.abs(weight) * (grown - image)

    return distortion(change)


def color_jitter(brightness=0.15, contrast=(0.8, 1.25), saturation=(0.8, 1.25)):
    """A photo in another light: colours stronger or weaker, then contrast, then brightness.

    Args:
        brightness: What is added to all values: a number b for -b to b, or a range `(low, high)`.
        contrast: Range of factors for what differs from the mean of all values.
        saturation: Range of factors for what differs from grey (0.299 red + 0.587 green + 0.114 blue); `(1, 1)`
            leaves colours as they are, and is the only one for images without.

    Returns:
        A function `(image, seed) -> image`; what leaves [0, 1] is cut off. It raises a ValueError for images that have
        not three channels, unless `saturation` is `(1, 1)`.

    Raises:
        ValueError: ranges that are reversed, not finite, or with factors below 0.
    """
    brightness = checked_swing("brightness", brightness)
    contrast = checked_factors("contrast", contrast, zero=True)
    saturation = checked_factors("saturation", saturation, zero=True)
    low, high = np.array([brightness, contrast, saturation], "float32").T

    def change(image, seed):
        import tensorflow as tf

        added, stretch, colour = tf.unstack(low + tf.random.stateless_uniform((3,), seed) * (high - low))
        if saturation != (1.0, 1.0):
            if image.shape[-1] != 3:
                raise ValueError(
                    "`saturation` needs red, green and blue, (height, width, 3). Received: shape "
                    f"{tuple(image.shape)}. Set `saturation=(1, 1)` for images without colours."
                )
            grey = tf.reduce_sum(image * LUMA, axis=-1, keepdims=True)
            image = grey + colour * (image - grey)
        mean = tf.reduce_mean(image)
        return mean + stretch * (image - mean) + added

    return distortion(change)
