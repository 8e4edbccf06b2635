"""Convolutional tower for images."""

import keras
from keras import layers

from siamkeras._validation import check_sizes
from siamkeras.towers._blocks import check_image_shape, conv_block, finish


def conv(input_shape, embedding_dim=64, filters=(64, 64, 64, 64), normalize=True, momentum=0.9):
    """Convolutional tower: "Conv-4" of the few-shot literature (Vinyals et al., 2016) and a dense embedding layer.

    Each of the four blocks is a 3x3 convolution, batch normalisation, ReLU and 2x2 max pooling, which halves height and
    width.

    Args:
        input_shape: `(height, width, channels)`, height and width at least `2 ** len(filters)`; values in [0, 1].
        embedding_dim: Dimension of the embedding; None omits the dense layer: the embedding is the flattened output of
            the last block.
        filters: Filters of each block.
        normalize: Whether embeddings are scaled to unit length; see `dense`.
        momentum: Momentum of the moving averages of batch normalisation. With the Keras default, 0.99, they lag behind
            the weights for hundreds of steps, so that inference is worse than training.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, embedding_dim)`, float32.

    Reference: https://arxiv.org/abs/1606.04080
    """
    filters = check_sizes("filters", filters)
    x = inputs = keras.Input(check_image_shape(input_shape, minimum=2 ** len(filters)), name="inputs")
    for number, width in enumerate(filters, 1):
        x = conv_block(x, number, width, momentum)
    return finish(inputs, layers.Flatten(name="flatten")(x), embedding_dim, normalize)
