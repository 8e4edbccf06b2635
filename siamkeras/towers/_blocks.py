"""What every tower has: sizes that make sense, and an end that makes an embedding."""

import operator

import keras

from siamkeras.layers import UnitLength


def finished(inputs, features, embedding_dim, normalize):
    """A tower from its inputs and its features, `(batch, dim)`; with `embedding_dim=None` those are the embedding."""
    x = features
    # The last layer is float32 under mixed precision too: distances are small differences of embeddings.
    if embedding_dim is not None:
        (embedding_dim,) = checked_sizes("embedding_dim", [embedding_dim])
        x = keras.layers.Dense(embedding_dim, dtype="float32", name="embedding")(x)
    if normalize:
        x = UnitLength(name="unit_length")(x)
    elif embedding_dim is None:
        x = keras.layers.Identity(dtype="float32", name="features")(x)
    return keras.Model(inputs, x, name="tower")


def image_shape(input_shape):
    """`(height, width, channels)`, or `ValueError`."""
    input_shape = shape(input_shape)
    if len(input_shape) != 3:
        raise ValueError(f"`input_shape` must be (height, width, channels). Received: {input_shape}.")
    return input_shape


def shape(input_shape):
    """A tuple of positive integers, or `ValueError`."""
    if isinstance(input_shape, int):
        input_shape = (input_shape,)
    return tuple(checked_sizes("input_shape", input_shape))


def checked_sizes(name, values):
    """A list of positive integers, or `ValueError`."""
    values = [values] if isinstance(values, int) else list(values)
    if any(not is_whole(value) or value < 1 for value in values):
        raise ValueError(f"`{name}` must be made of positive whole numbers. Received: {values}.")
    return [int(value) for value in values]


def is_whole(value):
    """Whether it is a whole number: not a boolean, and not an array of one that is none."""
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def checked_image_tower(tower):
    """`(height, width, channels)` of the images that a tower takes, or `ValueError`."""
    inputs, outputs = getattr(tower, "inputs", None) or [], getattr(tower, "outputs", None) or []
    shapes = [tuple(each.shape) for each in [*inputs, *outputs]]
    if not isinstance(tower, keras.Model) or len(inputs) != 1 or [len(shape) for shape in shapes] != [4, 2]:
        told = f"{type(tower).__name__} from {shapes[: len(inputs)]} to {shapes[len(inputs) :]}" if shapes else tower
        raise ValueError(
            "`tower` must be a built keras.Model from images, (batch, height, width, channels), to embeddings, "
            f"(batch, dim). Received: {told}."
        )
    return shapes[0][1:]
