"""The tower of Koch et al. (2015), and a smaller version of it."""

import keras
from keras import initializers, layers, regularizers

from siamkeras._validation import check_sizes
from siamkeras.towers._blocks import check_image_shape, conv_block, finish

# Filters and kernel size of each convolution, and the units of the dense layer (Koch et al., 2015, figure 4).
_FILTERS, _KERNELS, _UNITS = (64, 128, 128, 256), (10, 7, 4, 4), 4096


def koch(input_shape=(105, 105, 1), l2=2e-4):
    """The convolutional tower of Koch, Zemel and Salakhutdinov (2015), as published.

    Four convolutions without padding (64 filters of 10x10, 128 of 7x7, 128 of 4x4, 256 of 4x4), each with ReLU, the
    first three with 2x2 max pooling; then 4,096 sigmoid units, which are the embedding. It is not of unit length:
    `models.verifier` compares embeddings with learned weights. Together they have 38,951,745 parameters.

    The initial values are the published ones: normal distributions N(0, 0.01) for the convolution kernels, N(0, 0.2)
    for the dense kernel and N(0.5, 0.01) for all biases.

    Args:
        input_shape: `(height, width, channels)`, at least 65 pixels a side; the paper uses 105x105.
        l2: L2 penalty of the kernels. The paper gives only a range, 0 to 0.1.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, 4096)`, float32.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """
    x = inputs = keras.Input(check_image_shape(input_shape, minimum=65), name="inputs")
    for number, (filters, kernel) in enumerate(zip(_FILTERS, _KERNELS, strict=True), 1):
        x = layers.Conv2D(
            filters,
            kernel,
            activation="relu",
            kernel_initializer=initializers.RandomNormal(0.0, 0.01),
            bias_initializer=initializers.RandomNormal(0.5, 0.01),
            kernel_regularizer=regularizers.L2(l2),
            name=f"conv_{number}",
        )(x)
        if number < 4:
            x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
    x = layers.Dense(
        _UNITS,
        activation="sigmoid",
        kernel_initializer=initializers.RandomNormal(0.0, 0.2),
        bias_initializer=initializers.RandomNormal(0.5, 0.01),
        kernel_regularizer=regularizers.L2(l2),
        name="units",
    )(layers.Flatten(name="flatten")(x))
    return finish(inputs, x, None, normalize=False)


def koch_small(input_shape=(35, 35, 1), filters=(32, 64, 64, 128), units=256, momentum=0.9):
    """The architecture of Koch et al. (2015) for small images, which trains in minutes on a CPU.

    As in `koch`: four convolutions with ReLU, max pooling after the first three, and sigmoid units as the embedding,
    to be compared by `models.verifier`. Changes: padded 3x3 kernels, because the images are a third as large; batch
    normalisation and the default initialisers of Keras, because small networks with the published initial values
    stay at the loss of random guessing (log 2) for hours; no penalties.

    Args:
        input_shape: `(height, width, channels)`, at least 8 pixels a side.
        filters: Filters of the four convolutions.
        units: Dimension of the embedding.
        momentum: Momentum of the moving averages of batch normalisation; see `conv`.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, units)`, float32.
    """
    filters = check_sizes("filters", filters, length=4)
    x = inputs = keras.Input(check_image_shape(input_shape, minimum=8), name="inputs")
    for number, width in enumerate(filters, 1):
        x = conv_block(x, number, width, momentum, pool=number < 4)
    x = layers.Dense(units, activation="sigmoid", name="units")(layers.Flatten(name="flatten")(x))
    return finish(inputs, x, None, normalize=False)
