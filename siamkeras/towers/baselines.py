"""Towers without a single weight: what a trained one has to beat."""

import keras
from keras import layers, ops

from siamkeras.towers._blocks import checked_sizes, image_shape, shape

MOST_COLOURS = 2**15


def pixels(input_shape):
    """The embedding of an image is the image, flattened; the baseline of every lesson.

    Args:
        input_shape: Shape of one example without the batch.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, number of values)`, not of length 1.

    Raises:
        ValueError: sizes that are not positive whole numbers.
    """
    inputs = keras.Input(shape(input_shape), name="inputs")
    return keras.Model(inputs, layers.Flatten(dtype="float32", name="embedding")(inputs), name="tower")


def histogram(input_shape, bins=8):
    """The embedding of an image says how much of each colour it has, and nothing of where; see `ColourHistogram`.

    Args:
        input_shape: `(height, width, channels)`.
        bins: Into how many parts each channel is cut.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, bins ** channels)`, of length 1.

    Raises:
        ValueError: not an image shape; sizes that are not positive whole numbers; more than 32,768 colours.
    """
    inputs = keras.Input(image_shape(input_shape), name="inputs")
    return keras.Model(inputs, ColourHistogram(bins, name="embedding")(inputs), name="tower")


@keras.saving.register_keras_serializable("siamkeras")
class ColourHistogram(layers.Layer):
    """Joint histogram of the colours: `(batch, height, width, channels)` -> `(batch, bins ** channels)`, float32.

    A value of 8 bins counts the pixels of one of 8 x 8 x 8 colours; the last channel changes fastest. What comes out is
    the square root of each colour's share of the pixels: it has length 1, and the Euclidean distance of two is that of
    Hellinger times the square root of 2, in which a colour that is rare in both images counts more than in the plain
    difference of shares.

    Args:
        bins: Into how many equal parts [0, 1] is cut, for each channel; what lies beyond goes to the first or last.

    Raises:
        ValueError: not a positive whole number; inputs that are not images; more than 32,768 colours.

    >>> from siamkeras.towers import ColourHistogram
    >>> import numpy as np
    >>> grey = np.array([0.1, 0.2, 0.3, 0.9]).reshape(1, 2, 2, 1)  # three dark pixels of four
    >>> print(np.square(ColourHistogram(bins=2)(grey)).round(4))
    [[0.75 0.25]]
    """

    def __init__(self, bins=8, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        (self.bins,) = checked_sizes("bins", [bins])

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:] or self.bins ** input_shape[-1] > MOST_COLOURS:
            raise ValueError(
                f"`ColourHistogram` takes images (batch, height, width, channels), and tells at most {MOST_COLOURS:,} "
                f"colours apart. Received: shape {tuple(input_shape)} with bins={self.bins}."
            )

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        place = ops.clip(ops.floor(inputs * self.bins), 0, self.bins - 1)
        place = ops.reshape(ops.cast(place, "int32"), (-1, height * width, channels))
        found = ops.one_hot(place, self.bins, dtype="float32")  # (batch, pixels, channels, bins)
        joint = ops.ones_like(found[:, :, 0, :1])
        for channel in range(channels - 1):
            joint = joint[..., :, None] * found[:, :, channel, None, :]
            joint = ops.reshape(joint, (-1, height * width, self.bins ** (channel + 1)))
        # One product counts the pixels. All bins of a pixel at once would be 512 numbers for each.
        counts = ops.matmul(ops.transpose(joint, (0, 2, 1)), found[:, :, -1])
        return ops.power(ops.reshape(counts, (-1, self.bins**channels)) / (height * width), 0.5)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bins ** input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
