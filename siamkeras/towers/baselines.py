"""Towers without weights, as baselines for trained towers: raw pixels and the colour histogram."""

import keras
from keras import layers, ops

from siamkeras._validation import check_integer, check_sizes
from siamkeras.towers._blocks import check_image_shape, count_in_rows


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
    """Colour histogram: the embedding is the square root of the fraction of pixels of each colour.

    The embedding has unit length. The Euclidean distance between two of them is sqrt(2) times the Hellinger distance
    between the histograms.

    Args:
        input_shape: `(height, width, channels)`, with values in [0, 1].
        bins: Equal intervals into which each channel is divided; values outside [0, 1] count in the nearest one.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, bins ** channels)`; the bin of
        the last channel changes fastest.
    """
    inputs = keras.Input(check_image_shape(input_shape), name="inputs")
    return keras.Model(inputs, ColorHistogram(bins, name="embedding")(inputs), name="tower")


@keras.saving.register_keras_serializable("siamkeras")
class ColorHistogram(layers.Layer):
    """Layer of `histogram`: `(batch, height, width, channels)` -> `(batch, bins ** channels)`, float32."""

    def __init__(self, bins=8, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.bins = check_integer("bins", bins, 1)

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        bins = ops.cast(ops.clip(ops.floor(inputs * self.bins), 0, self.bins - 1), "int32")
        powers = [self.bins**power for power in reversed(range(channels))]
        colors = ops.sum(bins * ops.convert_to_tensor(powers, "int32"), axis=-1)
        counts = count_in_rows(ops.reshape(colors, (-1, height * width)), self.bins**channels)
        return ops.power(counts / (height * width), 0.5)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.bins ** input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
