"""Towers without weights, as baselines for trained towers: raw pixels and the color histogram."""

import keras
from keras import layers, ops

from siamkeras._validation import check_integer, check_sizes
from siamkeras.towers._blocks import check_image_shape

_MAX_COLORS = 2**15


def pixels(input_shape):
    """Raw pixels: the embedding is the flattened image.

    Args:
        input_shape: Shape of one example without the batch axis.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, number of values)`, not of unit length.
    """
    inputs = keras.Input(check_sizes("input_shape", input_shape), name="inputs")
    return keras.Model(inputs, layers.Flatten(dtype="float32", name="embedding")(inputs), name="tower")


def histogram(input_shape, bins=8):
    """Color histogram: the embedding is the square root of the fraction of pixels of each color.

    The embedding has unit length. The Euclidean distance between two of them is sqrt(2) times the Hellinger distance
    between the histograms, in which rare colors count more than in the plain difference of fractions.

    Args:
        input_shape: `(height, width, channels)`, with values in [0, 1].
        bins: Equal intervals into which each channel is divided; values outside [0, 1] count in the nearest one.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, bins ** channels)`; the bin of
        the last channel changes fastest.

    Raises:
        ValueError: `input_shape` is not an image shape; more than 32,768 colors.
    """
    inputs = keras.Input(check_image_shape(input_shape), name="inputs")
    return keras.Model(inputs, ColorHistogram(bins, name="embedding")(inputs), name="tower")


@keras.saving.register_keras_serializable("siamkeras")
class ColorHistogram(layers.Layer):
    """Layer of `histogram`: `(batch, height, width, channels)` -> `(batch, bins ** channels)`, float32."""

    def __init__(self, bins=8, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.bins = check_integer("bins", bins, 1)
        self.input_spec = keras.InputSpec(ndim=4)

    def build(self, input_shape):
        colors = self.bins ** input_shape[-1]
        if colors > _MAX_COLORS:
            raise ValueError(
                f"A color histogram can have at most {_MAX_COLORS:,} colors. "
                f"Received: bins={self.bins} and {input_shape[-1]} channels, {colors:,} colors."
            )

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        bins = ops.cast(ops.clip(ops.floor(inputs * self.bins), 0, self.bins - 1), "int32")
        bins = ops.one_hot(ops.reshape(bins, (-1, height * width, channels)), self.bins, dtype="float32")
        # Outer product of all channels but the last: (batch, pixels, bins ** (channels - 1)).
        joint = ops.ones_like(bins[:, :, 0, :1])
        for channel in range(channels - 1):
            joint = joint[..., :, None] * bins[:, :, channel, None, :]
            joint = ops.reshape(joint, (-1, height * width, self.bins ** (channel + 1)))
        # The product with the last channel sums over the pixels, which saves the memory of all colors of each pixel.
        counts = ops.matmul(ops.transpose(joint, (0, 2, 1)), bins[:, :, -1])
        return ops.power(ops.reshape(counts, (-1, self.bins**channels)) / (height * width), 0.5)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bins ** input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
