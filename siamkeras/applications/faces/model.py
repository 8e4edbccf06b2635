"""A convolutional tower for face crops."""

import keras
from keras import layers

from siamkeras._validation import check_sizes
from siamkeras.towers._blocks import check_image_shape, finish


def face_tower(input_shape, embedding_dim=128, filters=(32, 64, 128, 256)):
    """Residual tower for aligned face crops; costs about as much as `towers.conv` and has twice as many convolutions.

    Each block is a 3x3 convolution with stride 2 and a residual 3x3 convolution, `x + f(x)` (He et al., 2016), both
    with batch normalisation and ReLU. The embedding layer sees the flattened last feature map, because eyes, nose and
    mouth have a fixed place in an aligned crop.

    Args:
        input_shape: `(height, width, channels)`, values in [0, 1].
        embedding_dim: Dimension of the embedding, of unit length.
        filters: Filters of each block.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, embedding_dim)`, float32.

    >>> from siamkeras.applications import faces
    >>> faces.face_tower((64, 56, 3)).output_shape
    (None, 128)

    Reference: https://arxiv.org/abs/1512.03385
    """
    x = inputs = keras.Input(check_image_shape(input_shape), name="inputs")
    for number, width in enumerate(check_sizes("filters", filters), 1):
        x = _convolution(x, width, 2, f"{number}_down")
        residual = _convolution(x, width, 1, f"{number}_residual")
        x = layers.Add(name=f"add_{number}")([x, residual])
    return finish(inputs, layers.Flatten(name="flatten")(x), embedding_dim, normalize=True)


def _convolution(x, filters, strides, name):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name=f"conv_{name}")(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"batch_norm_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x)
