"""Parts that the towers share: checks of shapes, the convolution block and the embedding layer."""

import warnings

import keras
import numpy as np
from keras import layers, ops

from siamkeras._validation import check_integer, check_sizes
from siamkeras.layers import UnitLength


def check_image_shape(input_shape, minimum=1):
    """`input_shape` as a tuple (height, width, channels) with at least `minimum` pixels a side."""
    shape = check_sizes("input_shape", input_shape, length=3)
    if min(shape[:2]) < minimum:
        raise ValueError(f"This tower needs images of at least {minimum} pixels a side. Received: input_shape={shape}.")
    return shape


def has_one_embedding(model):
    """Whether `model` is a built `keras.Model` with one input and one output `(batch, dim)`."""
    # A Sequential without Input and a subclassed model have no `inputs`.
    inputs, outputs = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    return isinstance(model, keras.Model) and len(inputs) == len(outputs) == 1 and len(outputs[0].shape) == 2


def check_tower(tower):
    """The Input of `tower`, a built model with one input and one output `(batch, dim)`."""
    if not has_one_embedding(tower):
        inputs, outputs = (
            [tuple(tensor.shape) for tensor in getattr(tower, name, None) or []] for name in ("inputs", "outputs")
        )
        raise ValueError(
            "`tower` must be a built keras.Model with one input and one output (batch, dim). "
            f"Received: {tower!r}"
            + (f" with inputs {inputs} and outputs {outputs}." if outputs else ".")
            + (" Train a network with several inputs directly, see `siamkeras.towers`." if inputs[1:] else "")
        )
    template = tower.inputs[0]
    if "float" not in template.dtype and len(template.shape) > 2:
        raise ValueError(f"`tower` must take float32 images. Received: a tower whose Input is {template.dtype}.")
    return template


def nested_layers(model, parents=()):
    """`(layer, names)` from input to output, nested models included; `names` are the layer's and its parents'."""
    layers_with_names = []
    for layer in model.layers:
        names = (*parents, layer.name)
        layers_with_names += nested_layers(layer, names) if isinstance(layer, keras.Model) else [(layer, names)]
    return layers_with_names


def check_scale(model, images):
    """Warns if float images in [0, 1] are passed to a model that divides values in 0-255 itself."""
    first = next((layer for layer, _ in nested_layers(model) if isinstance(layer, layers.Rescaling)), None)
    if first is not None and np.max(np.abs(first.scale)) < 0.1 and 0 < images.max() <= 1.5:
        warnings.warn(
            f"This model expects values in 0-255: its layer {first.name!r} multiplies them by {first.scale}. Received: "
            f"values up to {images.max():.4g}. Pass uint8 images and `scale=False`, here and to the generators.",
            stacklevel=3,
        )


def embed(tower, inputs):
    """The output of `tower`, also if the model returns it in a list or dict."""
    (embedding,) = keras.tree.flatten(tower(inputs))
    return embedding


def renamed(tower, name):
    """`tower` if it has this name, else a model of this name around it: layer names in a model must be unique."""
    template = check_tower(tower)
    if tower.name == name:
        return tower
    inputs = keras.Input(template.shape[1:], dtype=template.dtype)
    return keras.Model(inputs, embed(tower, inputs), name=name)


def conv_block(x, number, filters, momentum, pool=True):
    """3x3 convolution, batch normalisation, ReLU and 2x2 max pooling."""
    # Batch normalisation adds its own offset, so the convolution needs no bias.
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
    x = layers.BatchNormalization(momentum=momentum, name=f"norm_{number}")(x)
    x = layers.ReLU(name=f"relu_{number}")(x)
    return layers.MaxPooling2D(2, name=f"pool_{number}")(x) if pool else x


def finish(inputs, features, embedding_dim, normalize):
    """The tower from `inputs` to the embedding; with `embedding_dim=None`, `features` are the embedding."""
    x = features
    # The last layer is float32 under mixed precision too: distances are small differences between embeddings.
    if embedding_dim is not None:
        units = check_integer("embedding_dim", embedding_dim, 1)
        x = layers.Dense(units, dtype="float32", name="embedding")(x)
    if normalize:
        x = UnitLength(name="unit_length")(x)
    elif embedding_dim is None:
        x = layers.Identity(dtype="float32", name="features")(x)
    return keras.Model(inputs, x, name="tower")


def count_in_rows(values, size):
    """How often each of the integers 0 to `size - 1` occurs in each row, `(rows, n)` -> `(rows, size)` float32."""
    rows = ops.shape(values)[0]
    segments = ops.reshape(values + ops.arange(rows, dtype="int32")[:, None] * size, (-1,))
    counts = ops.segment_sum(ops.ones_like(segments, dtype="float32"), segments, rows * size)
    return ops.reshape(counts, (-1, size))
