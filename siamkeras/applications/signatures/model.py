"""The tower for signatures: convolutions on the directions of the strokes."""

import keras
import numpy as np
from keras import layers, ops

from siamkeras._validation import check_integer, check_sizes
from siamkeras.towers._blocks import check_image_shape, conv_block, finish

# Squared differences of grey values below which a pixel has no direction, and a cell no stroke.
NOISE = 1e-4
# The larger, the fewer directions does a stroke contribute to.
SHARPNESS = 4


@keras.saving.register_keras_serializable("siamkeras")
class StrokeDirections(layers.Layer):
    """Shares of the stroke directions in each cell of an image: histograms of oriented gradients as a fixed layer.

    With the gradient g of a pixel and the unit vector u of a direction, the pixel contributes `|g| (g.u / |g|)^8` to
    this direction. The contributions are averaged over the cell and divided by the length of the vector of all
    directions, averaged over 3 x 3 cells.

    Args:
        directions: Number of directions in 180 degrees.
        cell: Side of a cell in pixels.
        **kwargs: As for `keras.layers.Layer`.

    Call with images `(batch, height, width, 1)`; returns `(batch, height // cell, width // cell, directions)`.

    Reference: https://doi.org/10.1109/CVPR.2005.177 (Dalal and Triggs, 2005)
    """

    def __init__(self, directions=8, cell=4, **kwargs):
        super().__init__(**kwargs)
        self.directions, self.cell = check_integer("directions", directions, 2), check_integer("cell", cell, 1)

    def call(self, images):
        angles = np.pi * np.arange(self.directions) / self.directions
        cosines, sines = (ops.convert_to_tensor(each, self.compute_dtype) for each in (np.cos(angles), np.sin(angles)))
        across = images[:, 1:-1, 2:] - images[:, 1:-1, :-2]
        down = images[:, 2:, 1:-1] - images[:, :-2, 1:-1]
        squared = across**2 + down**2 + NOISE
        along = (across * cosines + down * sines) ** 2 / squared
        votes = ops.pad(squared**0.5 * along**SHARPNESS, [[0, 0], [1, 1], [1, 1], [0, 0]])
        cells = ops.average_pool(votes, self.cell, self.cell)
        total = ops.sum(cells**2, axis=-1, keepdims=True)
        return cells / (ops.average_pool(total, 3, 1, "same") + NOISE) ** 0.5

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height // self.cell, width // self.cell, self.directions

    def get_config(self):
        return {**super().get_config(), "directions": self.directions, "cell": self.cell}


def stroke_tower(input_shape=(64, 128, 1), embedding_dim=128, filters=(32, 64, 128), momentum=0.9):
    """Tower for signatures: stroke directions in cells of 4 x 4 pixels, then convolution blocks.

    The first layer is fixed. Convolutions learned from a few dozen writers would have to find the directions first.

    Args:
        input_shape: `(height, width, 1)`, height and width at least `2 * 2 ** len(filters)`; strokes are 1, paper 0.
        embedding_dim, filters, momentum: As for `towers.conv`. The last block has no pooling.

    Returns:
        A `keras.Model` "tower": `(batch, height, width, 1)` -> embeddings of unit length `(batch, embedding_dim)`.

    >>> from siamkeras.applications import signatures
    >>> signatures.stroke_tower(filters=(8, 16)).output_shape
    (None, 128)
    """
    filters = check_sizes("filters", filters)
    directions = StrokeDirections(name="directions")
    shape = check_image_shape(input_shape, minimum=directions.cell * 2 ** (len(filters) - 1))
    if shape[2] != 1:
        raise ValueError(f"This tower needs images with one channel. Received: input_shape={shape}.")
    inputs = keras.Input(shape, name="inputs")
    x = directions(inputs)
    for number, width in enumerate(filters, 1):
        x = conv_block(x, number, width, momentum, pool=number < len(filters))
    return finish(inputs, layers.Flatten(name="flatten")(x), embedding_dim, normalize=True)
