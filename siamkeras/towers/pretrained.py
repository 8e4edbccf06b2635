"""Towers that begin with what a network has learned elsewhere, and which of their layers go on learning."""

import os
import warnings
from pathlib import Path

import keras
from keras import layers

from siamkeras.towers import _kept as kept
from siamkeras.towers._blocks import finished, image_shape

STORAGE = "https://storage.googleapis.com/"
TENSORFLOW = STORAGE + "tensorflow/keras-applications/"
SMALLEST = 32
# What a network takes, `scale * value + offset` of values in [0, 1], and its ImageNet weights without the classifier;
# from small to large: 0.9, 3.0, 4.0, 5.9, 23.6 and 27.8 million.
APPLICATIONS = {
    "MobileNetV3Small": (255.0, 0.0, TENSORFLOW + "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
    "MobileNetV3Large": (255.0, 0.0, TENSORFLOW + "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
    "EfficientNetB0": (255.0, 0.0, STORAGE + "keras-applications/efficientnetb0_notop.h5"),
    "EfficientNetV2B0": (255.0, 0.0, TENSORFLOW + "efficientnet_v2/efficientnetv2-b0_notop.h5"),
    "ResNet50V2": (2.0, -1.0, TENSORFLOW + "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    "ConvNeXtTiny": (255.0, 0.0, TENSORFLOW + "convnext/convnext_tiny_notop.h5"),
}


def pretrained(name, weights="imagenet", input_shape=None, embedding_dim=None, normalize=True):
    """A tower that has learned from other images: a network of `keras.applications`, or "omniglot".

    Of the first: preprocessing, the network, the average over places.

    ```python
    tower = towers.pretrained("MobileNetV3Small", input_shape=(96, 96, 3), embedding_dim=64)
    towers.freeze(tower)                    # only the embedding learns
    triplet = models.triplet(tower); triplet.compile("adam"); triplet.fit(...)
    towers.unfreeze(tower, layers=10)       # then the last ten layers too, in small steps
    triplet.compile(keras.optimizers.Adam(1e-5)); triplet.fit(...)
    ```

    `pretrained("omniglot")` takes no other argument, comes with the package, and knows written characters: a
    `towers.conv` for images of 28x28 with ink 1 on 0, trained on 25 of the 30 background alphabets by
    `benchmarks/omniglot.py`, whose result file says how well it does on others.

    Args:
        name: "omniglot"; or a name in `APPLICATIONS`, from small to large: MobileNetV3Small, MobileNetV3Large,
            EfficientNetB0, EfficientNetV2B0, ResNet50V2, ConvNeXtTiny.
        weights: `"imagenet"`: what it learned from 1.3 million photos of 1,000 classes, fetched once (4 to 111 MB) to
            `~/.keras/models`. None: random. A path: a file of the weights of that network without its classifier, as
            its `save_weights` writes it.
        input_shape: `(height, width, channels)`, at least 32 pixels a side; 1 channel is taken three times. None for
            `(224, 224, 3)`, the size it was trained with.
        embedding_dim: Length of the embedding, from a dense layer named "embedding" that has yet to learn; None for
            the features of the network themselves, 576 to 2,048 of them.
        normalize: Whether embeddings are scaled to length 1; see `dense`.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)`, float in [0, 1] -> `(batch, embedding_dim)`,
        float32. All of it trains; see `freeze`.

    Raises:
        ValueError: unknown name; an input shape or embedding that makes no sense; no such file of weights, or of
            another network.
        ConnectionError: `weights="imagenet"`, which are not on this machine and cannot be fetched.
        OSError: "omniglot", and the file in the package is damaged.
    """
    if name in kept.KEPT:
        if (weights, input_shape, embedding_dim, normalize) != ("imagenet", None, None, True):
            raise ValueError(f"The tower is kept as it was trained: `pretrained({name!r})` takes nothing else.")
        return kept.load(kept.KEPT[name])
    if name not in APPLICATIONS:
        raise ValueError(f"`name` must be one of {', '.join((*kept.KEPT, *APPLICATIONS))}. Received: {name!r}.")
    input_shape = image_shape((224, 224, 3) if input_shape is None else input_shape)
    if min(input_shape[:2]) < SMALLEST or input_shape[2] not in (1, 3):
        raise ValueError(
            f"{name} takes images of at least {SMALLEST} pixels a side, with 1 or 3 channels. "
            f"Received: input_shape={input_shape}."
        )
    scale, offset, _ = APPLICATIONS[name]
    inputs = keras.Input(input_shape, name="inputs")
    x = inputs if input_shape[2] == 3 else layers.Concatenate(name="three_channels")([inputs] * 3)
    x = layers.Rescaling(scale, offset, name="preprocessing")(x)
    body = _with_imagenet if weights == "imagenet" else _body
    return finished(inputs, body(name, weights, (*input_shape[:2], 3))(x), embedding_dim, normalize)


def _body(name, weights, input_shape):
    build = getattr(keras.applications, name)
    with warnings.catch_warnings():
        # An average over places has no size that its weights belong to.
        warnings.filterwarnings("ignore", "(?s).*Weights for input shape", UserWarning)
        return build(include_top=False, weights=weights, input_shape=input_shape, pooling="avg")


def _with_imagenet(name, weights, input_shape):
    *_, url = APPLICATIONS[name]
    home = os.environ.get("KERAS_HOME") or Path("~", ".keras").expanduser()
    path = Path(home, "models", url.rpartition("/")[2])
    if path.is_file():
        return _body(name, weights, input_shape)
    from siamkeras.data import _sources

    title = f"The ImageNet weights of {name}"
    hint = f"Download {url} to that path, or use weights=None for random weights."
    with _sources.downloading(title, None, url, path.parent, f"{title} were not found in {path}", hint):
        return _body(name, weights, input_shape)


def freeze(tower, until=None):
    """Layers from the input up to `until` stop learning; those behind it learn, whatever they did before.

    Batch normalisation that is frozen works as at inference: with the means and variances that it has learned, which
    stay as they are. Models that share the tower have to be compiled again. The choice is saved with the tower.

    Args:
        tower: A tower from here, or any `keras.Model`; layers of models within it count like its own.
        until: Name of the last layer that is frozen, or of a model within the tower. None for all but the layer
            "embedding".

    Returns:
        The tower.

    Raises:
        ValueError: not a model; no layer of that name.
    """
    found = list(_parts(tower))
    if until is None:
        return _frozen(tower, [layer.name != "embedding" for layer, _ in found])
    ends = [number for number, (_, names) in enumerate(found) if until in names]
    if not ends:
        names = [layer.name for layer, _ in found if layer.weights]
        shown = names if len(names) < 9 else [*names[:4], "...", *names[-4:]]
        raise ValueError(f"There is no layer named {until!r}. Layers with weights: {', '.join(shown)}.")
    return _frozen(tower, [number <= ends[-1] for number in range(len(found))])


def unfreeze(tower, layers=None, batch_norm=False):
    """The last layers learn; those before them do not, whatever they did before. See `freeze`.

    Args:
        tower: As for `freeze`.
        layers: How many layers, counted from the output; only those that have weights count. None for all.
        batch_norm: Whether batch normalisation learns too (and counts). A few small batches spoil means and variances
            that were learned from a million photos, so by default they stay, and it works as at inference.

    Returns:
        The tower.

    Raises:
        ValueError: not a model; not a positive whole number of layers, or more than there are.
    """
    found = [layer for layer, _ in _parts(tower)]
    able = [
        number
        for number, layer in enumerate(found)
        if layer.weights and (batch_norm or not isinstance(layer, keras.layers.BatchNormalization))
    ]
    if layers is not None and (isinstance(layers, bool) or not isinstance(layers, int) or not 0 < layers <= len(able)):
        raise ValueError(f"`layers` must be a whole number from 1 to {len(able)}. Received: layers={layers!r}.")
    learning = able if layers is None else able[-layers:]
    return _frozen(tower, [number not in learning for number in range(len(found))])


def _parts(model, within=()):
    """Layers from the input to the output, those of models within it too, each with its name and its owners'."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"`tower` must be a keras.Model. Received: {model!r}.")
    for layer in model.layers:
        names = (*within, layer.name)
        yield from _parts(layer, names) if isinstance(layer, keras.Model) else [(layer, names)]


def _frozen(tower, choice):
    tower.trainable = True  # of models too, which would hide the layers in them
    for (layer, _), frozen in zip(_parts(tower), choice, strict=True):
        layer.trainable = not frozen
    return tower
