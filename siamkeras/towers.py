"""Networks that turn one input into one embedding of length 1: plain `keras.Model`s named "tower".

Any `keras.Model` with one output `(batch, dim)` can be a tower; these are good ones to begin with.
"""

import keras
from keras import layers

from siamkeras.layers import UnitLength


def dense(input_shape, embedding_dim=64, units=(128, 128), normalize=True):
    """Tower of fully connected layers, for vectors and for images of a few hundred pixels.

    Args:
        input_shape: Shape of one example without the batch, such as `(8, 8, 1)`; it is flattened.
        embedding_dim: Length of the embedding.
        units: Width of each hidden layer.
        normalize: Whether embeddings are scaled to length 1. Distances then lie in [0, 2] and a margin has a meaning
            that does not depend on the network.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, embedding_dim)`.

    Raises:
        ValueError: sizes that are not positive whole numbers.
    """
    inputs = keras.Input(_shape(input_shape), name="inputs")
    x = layers.Flatten(name="flatten")(inputs)
    for number, width in enumerate(_sizes("units", units), 1):
        x = layers.Dense(width, activation="relu", name=f"dense_{number}")(x)
    return _tower(inputs, x, embedding_dim, normalize)


def conv(input_shape, embedding_dim=64, filters=(64, 64, 64, 64), normalize=True):
    """Convolutional tower for images: the "conv-4" of the few-shot literature (Vinyals et al., 2016).

    Each block is a 3x3 convolution, batch normalisation, ReLU and 2x2 max pooling, which halves the image.

    Args:
        input_shape: `(height, width, channels)`; height and width must survive one halving per block.
        embedding_dim: Length of the embedding.
        filters: Filters of each block.
        normalize: Whether embeddings are scaled to length 1; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, embedding_dim)`.

    Raises:
        ValueError: not an image shape; image too small for that many blocks; sizes that are not positive.

    Reference: https://arxiv.org/abs/1606.04080
    """
    input_shape, filters = _shape(input_shape), _sizes("filters", filters)
    if len(input_shape) != 3:
        raise ValueError(f"`input_shape` must be (height, width, channels). Received: {input_shape}.")
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
    return _tower(inputs, layers.Flatten(name="flatten")(x), embedding_dim, normalize)


def pixels(input_shape):
    """Tower without a single weight: the embedding of an image is the image, flattened; the baseline of every lesson.

    Args:
        input_shape: Shape of one example without the batch.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, number of values)`, not of length 1.

    Raises:
        ValueError: sizes that are not positive whole numbers.
    """
    inputs = keras.Input(_shape(input_shape), name="inputs")
    return keras.Model(inputs, layers.Flatten(dtype="float32", name="embedding")(inputs), name="tower")


def _tower(inputs, features, embedding_dim, normalize):
    (embedding_dim,) = _sizes("embedding_dim", [embedding_dim])
    # The last layer is float32 under mixed precision too: distances are small differences of embeddings.
    x = layers.Dense(embedding_dim, dtype="float32", name="embedding")(features)
    if normalize:
        x = UnitLength(name="unit_length")(x)
    return keras.Model(inputs, x, name="tower")


def _shape(input_shape):
    if isinstance(input_shape, int):
        input_shape = (input_shape,)
    return tuple(_sizes("input_shape", input_shape))


def _sizes(name, values):
    values = [values] if isinstance(values, int) else list(values)
    if any(isinstance(value, bool) or not hasattr(value, "__index__") or value < 1 for value in values):
        raise ValueError(f"`{name}` must be made of positive whole numbers. Received: {values}.")
    return [int(value) for value in values]
