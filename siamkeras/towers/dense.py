"""Fully connected tower."""

import keras
from keras import layers

from siamkeras._validation import check_sizes
from siamkeras.towers._blocks import finish


def dense(input_shape, embedding_dim=64, units=(128, 128), normalize=True):
    """Fully connected tower, for vectors and for images of a few hundred pixels.

    Args:
        input_shape: Shape of one example without the batch axis, such as `(8, 8, 1)`; the example is flattened.
        embedding_dim: Dimension of the embedding; None returns the features of the last hidden layer.
        units: Units of each hidden layer (ReLU); `()` for a linear tower.
        normalize: Whether embeddings are scaled to unit length. Distances then lie in [0, 2], and a margin has the
            same meaning for every network.

    Returns:
        A `keras.Model` named "tower": `(batch, *input_shape)` -> `(batch, embedding_dim)`, float32.
    """
    inputs = keras.Input(check_sizes("input_shape", input_shape), name="inputs")
    x = layers.Flatten(name="flatten")(inputs)
    for number, width in enumerate(units, 1):
        x = layers.Dense(width, activation="relu", name=f"dense_{number}")(x)
    return finish(inputs, x, embedding_dim, normalize)
