"""Towers of papers, as they were published, and what has to change for a small machine."""

import numbers

import keras
from keras import initializers, layers, regularizers

from siamkeras.towers._blocks import checked_sizes, finished, image_shape

# Of each block: filters and side of the kernel (Koch et al., 2015, figure 4).
KOCH_FILTERS, KOCH_KERNELS, KOCH_UNITS = (64, 128, 128, 256), (10, 7, 4, 4), 4096


def koch(input_shape=(105, 105, 1), l2=(2e-4, 2e-4, 2e-4, 2e-4, 2e-4)):
    """The convolutional tower of Koch, Zemel and Salakhutdinov (2015), as published.

    Four convolutions without padding, of 64 filters of 10x10, 128 of 7x7, 128 of 4x4 and 256 of 4x4, each with ReLU and
    the first three with 2x2 max pooling; then 4,096 sigmoid units, which are the embedding: it has no length 1, and
    `models.verifier` compares it, with learned weights. 38,951,745 numbers in both.

    Weights begin as published: those of convolutions from a normal distribution of mean 0 and standard deviation 0.01,
    biases 0.5 and 0.01, those of the dense layer 0 and 0.2. The paper gives ranges only for the L2 penalties of the
    layers, 0 to 0.1, which it searched together with rates and momenta, and not what it found.

    Args:
        input_shape: `(height, width, channels)`; the paper's images have 105x105, and less than 65 leaves nothing.
        l2: Penalty of each layer's weights, five numbers; a penalty of 0 is none.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, 4096)`.

    Raises:
        ValueError: not an image shape; too small an image; not five penalties of at least 0.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """
    input_shape = image_shape(input_shape)
    l2 = tuple(l2) if isinstance(l2, (list, tuple)) else (l2,)
    if len(l2) != 5 or not all(isinstance(each, numbers.Real) and 0 <= each < float("inf") for each in l2):
        raise ValueError(f"`l2` is a penalty for each of five layers, at least 0. Received: {l2!r}.")
    penalties = [regularizers.L2(each) if each else None for each in l2]
    bias = initializers.RandomNormal(0.5, 0.01)
    x = inputs = keras.Input(input_shape, name="inputs")
    for number, (filters, side) in enumerate(zip(KOCH_FILTERS, KOCH_KERNELS, strict=True), 1):
        if min(x.shape[1:3]) < side:
            raise ValueError(
                "The tower of Koch et al. takes images of at least 65 pixels a side, theirs had 105. "
                f"Received: input_shape={input_shape}. `towers.koch_small` takes smaller ones."
            )
        x = layers.Conv2D(
            filters,
            side,
            activation="relu",
            kernel_initializer=initializers.RandomNormal(0.0, 0.01),
            bias_initializer=bias.clone(),
            kernel_regularizer=penalties[number - 1],
            name=f"conv_{number}",
        )(x)
        if number < 4:
            x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
    x = layers.Dense(
        KOCH_UNITS,
        activation="sigmoid",
        kernel_initializer=initializers.RandomNormal(0.0, 0.2),
        bias_initializer=bias.clone(),
        kernel_regularizer=penalties[4],
        name="units",
    )(layers.Flatten(name="flatten")(x))
    return finished(inputs, x, None, normalize=False)


def koch_small(input_shape=(35, 35, 1), filters=(32, 64, 64, 128), units=256):
    """The plan of Koch et al. (2015) for small images and processors: it learns in minutes.

    As in `koch`: four convolutions with ReLU, the first three with pooling, and sigmoid units whose differences are
    weighted by `models.verifier`. Other than there: kernels of 3x3 with padding, since the images are a third as large;
    batch normalisation and Keras's own initial weights in place of the published ones, with which small networks
    take hours to leave the loss of a guess, log 2; no penalties.

    Args:
        input_shape: `(height, width, channels)`, at least 8 pixels a side.
        filters: Of each of the four convolutions.
        units: Length of the embedding.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, units)`.

    Raises:
        ValueError: not an image shape; too small an image; sizes that are not positive whole numbers, or not four.
    """
    input_shape, filters = image_shape(input_shape), checked_sizes("filters", filters)
    (units,) = checked_sizes("units", [units])
    if len(filters) != 4 or min(input_shape[:2]) < 8:
        raise ValueError(
            "`koch_small` has four convolutions, for images of at least 8 pixels a side. "
            f"Received: filters={tuple(filters)}, input_shape={input_shape}."
        )
    x = inputs = keras.Input(input_shape, name="inputs")
    for number, width in enumerate(filters, 1):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = layers.BatchNormalization(name=f"norm_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)
        if number < 4:
            x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
    x = layers.Dense(units, activation="sigmoid", name="units")(layers.Flatten(name="flatten")(x))
    return finished(inputs, x, None, normalize=False)
