"""Towers that learn from nothing."""

import keras
from keras import layers

from siamkeras.towers._blocks import checked_sizes, finished, image_shape, shape


def dense(input_shape, embedding_dim=64, units=(128, 128), normalize=True):
    """Tower of fully connected layers, for vectors and for images of a few hundred pixels.

    Args:
        input_shape: Shape of one example without the batch, such as `(8, 8, 1)`; it is flattened.
        embedding_dim: Length of the embedding; None for the features as they are.
        units: Width of each hidden layer.
        normalize: Whether embeddings are scaled to length 1. Distances then lie in [0, 2] and a margin has a meaning
            that does not depend on the network.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, embedding_dim)`.

    Raises:
        ValueError: sizes that are not positive whole numbers.
    """
    inputs = keras.Input(shape(input_shape), name="inputs")
    x = layers.Flatten(name="flatten")(inputs)
    for number, width in enumerate(checked_sizes("units", units), 1):
        x = layers.Dense(width, activation="relu", name=f"dense_{number}")(x)
    return finished(inputs, x, embedding_dim, normalize)


def conv(input_shape, embedding_dim=64, filters=(64, 64, 64, 64), normalize=True):
    """Convolutional tower for images: the "conv-4" of the few-shot literature (Vinyals et al., 2016).

    Each block is a 3x3 convolution, batch normalisation, ReLU and 2x2 max pooling, which halves the image.

    Args:
        input_shape: `(height, width, channels)`; height and width must survive one halving per block.
        embedding_dim: Length of the embedding; None for the features as they are.
        filters: Filters of each block.
        normalize: Whether embeddings are scaled to length 1; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, embedding_dim)`.

    Raises:
        ValueError: not an image shape; image too small for that many blocks; sizes that are not positive.

    Reference: https://arxiv.org/abs/1606.04080
    """
    input_shape, filters = image_shape(input_shape), checked_sizes("filters", filters)
    if min(input_shape[:2]) < 2 ** len(filters):
        raise ValueError(
            f"{len(filters)} blocks halve the image {len(filters)} times and need at least {2 ** len(filters)} pixels "
            f"a side. Received: input_shape={input_shape}. Give fewer `filters` or larger images."
        )
    inputs = keras.Input(input_shape, name="inputs")
    x = inputs
    for number, width in enumerate(filters, 1):
        # Batch normalisation has its own shift, so the convolution needs no bias.
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = layers.BatchNormalization(name=f"norm_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)
        x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
    return finished(inputs, layers.Flatten(name="flatten")(x), embedding_dim, normalize)
