"""The few-shot segmentation network: shared encoder, comparison with the references, mask decoder."""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from siamkeras._validation import check_choice, check_integer
from siamkeras.applications.segmentation._episodes import check_episodes
from siamkeras.applications.segmentation.layers import (
    CosineMap,
    DenseComparison,
    DownsampleMasks,
    FoldReferences,
    MaskedAveragePooling,
    MeanReferenceMask,
    UnfoldReferences,
    Upsample,
)

DENSE_BYTES = 10**9  # most memory of a dense comparison in `segment`
_WEIGHTS = Path(__file__).parent / "weights"


def encoder(input_shape, filters=(16, 32, 64)):
    """A convolutional encoder that returns feature maps at several scales.

    Each scale has two 3x3 convolutions with batch normalisation and ReLU; 2x2 max pooling between scales.

    Args:
        input_shape: `(height, width, channels)`; height and width must be divisible by 2^(scales - 1). `(None, None,
            channels)` for images of any size.
        filters: Filters of each scale, from fine to coarse.

    Returns:
        A `keras.Model` named "encoder": images -> list of feature maps, from fine to coarse.
    """
    inputs = keras.Input(input_shape, name="inputs")
    maps, x = [], inputs
    for scale, width in enumerate(filters, start=1):
        if maps:
            x = layers.MaxPooling2D(2, name=f"pool_{scale}")(x)
        x = _convolutions(x, width, f"scale_{scale}")
        maps.append(x)
    return keras.Model(inputs, maps, name="encoder")


def few_shot_segmenter(encoder, dense_scales=2):
    """A network that predicts the mask of a query image from annotated reference images.

    A shared encoder embeds query and references. At each scale the query features are compared with the references
    (cosine similarity to the prototypes of structure and background, mean reference mask, `DenseComparison`). A decoder
    combines these maps with the query features from coarse to fine. Compile the network with `DiceCrossEntropyLoss()`
    and train it on `training_episodes`.

    Args:
        encoder: Made by `encoder`, or any `keras.Model` from an image to a list of feature maps: the first of the size
            of the image, each other of half the size of the previous one.
        dense_scales: Number of scales, from the coarsest, with a dense comparison. Its cost grows with the fourth power
            of the width of the feature maps: use an encoder with one scale more for images of twice the size.

    Returns:
        A `keras.Model`: `{"query": (batch, height, width, channels), "references": (batch, references, height, width,
        channels), "masks": (batch, references, height, width)}` -> probability of each pixel, `(batch, height, width)`
        float32. The number of references may vary, as may the size of the images if the encoder accepts any size (a
        multiple of 2^(scales - 1), see `segment`). A reference with an empty mask is ignored.
    """
    shape, sizes = _encoder_shapes(encoder)
    dense_scales = check_integer("dense_scales", dense_scales, 0, len(sizes))
    query = keras.Input(shape, name="query")
    references = keras.Input((None, *shape), name="references")
    masks = keras.Input((None, *shape[:2]), name="masks")
    query_maps, reference_maps = encoder(query), encoder(FoldReferences(name="fold_references")(references))
    x = None
    for scale in range(len(sizes), 0, -1):
        features, channels = query_maps[scale - 1], sizes[scale - 1][-1]
        known = UnfoldReferences(name=f"unfold_references_{scale}")([reference_maps[scale - 1], masks])
        coarse = DownsampleMasks(2 ** (scale - 1), name=f"masks_{scale}")(masks)
        inside = MaskedAveragePooling(name=f"prototype_{scale}")([known, coarse])
        outside = MaskedAveragePooling(outside=True, name=f"background_{scale}")([known, coarse])
        maps = [
            features,
            MeanReferenceMask(name=f"mean_mask_{scale}")(coarse),
            CosineMap(name=f"cosine_{scale}")([features, inside]),
            CosineMap(name=f"cosine_outside_{scale}")([features, outside]),
        ]
        if scale > len(sizes) - dense_scales:
            maps.append(DenseComparison(name=f"dense_{scale}")([features, known, coarse]))
        if x is not None:
            maps.append(Upsample(name=f"upsample_{scale}")(x))
        x = _convolutions(layers.Concatenate(name=f"concatenate_{scale}")(maps), channels, f"decoder_{scale}")
    x = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="inside")(x)
    inputs = {"query": query, "references": references, "masks": masks}
    return keras.Model(inputs, ops.squeeze(x, axis=-1), name="few_shot_segmenter")


def segment(model, inputs, batch_size=8):
    """Predicts the masks of queries with a trained network.

    Images whose sides are not multiples of 2^(scales - 1) are padded with black below and on the right, and the
    predictions are cropped again.

    Args:
        model: A `few_shot_segmenter`.
        inputs: As in `EvaluationEpisodes.inputs`, with values in [0, 1]; mask values of at least 0.5 are inside.
        batch_size: Most queries per batch. Batches are smaller where the dense comparison would need more than 1 GB.

    Returns:
        Probability of each pixel, `(n, height, width)` float32; values of at least 0.5 are inside.
    """
    queries, references, masks = check_episodes(inputs)
    height, width = queries.shape[1:]
    coarsest = 2 ** (len(model.get_layer("encoder").outputs) - 1)
    padding = [(0, -side % coarsest) for side in (height, width)]
    queries, references, masks = (
        np.pad(x.astype("float32"), [(0, 0)] * (x.ndim - 2) + padding) for x in (queries, references, masks)
    )
    inputs = {"query": queries[..., None], "references": references[..., None], "masks": masks}
    batch_size = max(min(batch_size, DENSE_BYTES // _dense_bytes(model, masks.shape)), 1)
    return model.predict(inputs, batch_size=batch_size, verbose=0)[:, :height, :width]


def _dense_bytes(model, shape):
    """Memory of the finest dense comparison for one query; `shape` is that of its masks, `(n, references, h, w)`."""
    _, references, height, width = shape
    scales = [int(each.name.split("_")[1]) for each in model.layers if isinstance(each, DenseComparison)]
    if not scales:
        return 1
    positions = height * width // 4 ** (min(scales) - 1)
    return 6 * 4 * references * positions**2  # about six float32 arrays of (positions, references * positions)


def pretrained_segmenter(name):
    """A segmenter trained by `benchmarks/segmentation.py`, which also measures it.

    Args:
        name: Training data: `"phantoms"` (synthetic scans only), `"anterior"` or `"posterior"` (synthetic scans and
            this part of the hippocampi of the Medical Segmentation Decathlon, training subjects only). The weights of
            the last two are licensed under CC BY-SA 4.0, like the scans.

    Returns:
        A `few_shot_segmenter` for images of any size with one channel, trained on images of 48x48 pixels.
    """
    check_choice("name", name, ("phantoms", "anterior", "posterior"))
    model = few_shot_segmenter(encoder((None, None, 1), filters=(16, 32, 64)))
    model.load_weights(_WEIGHTS / f"{name}.weights.h5")
    return model


def _convolutions(x, filters, name):
    """Two 3x3 convolutions with batch normalisation and ReLU."""
    for part in "ab":
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{name}{part}_conv")(x)
        # With Keras' default momentum of 0.99 the averages lag for hundreds of steps.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}{part}_norm")(x)
        x = layers.ReLU(name=f"{name}{part}_relu")(x)
    return x


def _encoder_shapes(encoder):
    """The shapes of the images and of the feature maps of an encoder, without the batch axis."""
    shape, sizes = encoder.inputs[0].shape[1:], [output.shape[1:] for output in encoder.outputs]
    expected = [tuple(side and side / 2**scale for side in shape[:2]) for scale in range(len(sizes))]
    if len(sizes) < 2 or [size[:2] for size in sizes] != expected or isinstance(encoder.output, dict):
        raise ValueError(
            "`encoder` must map an image to a list of at least two feature maps: the first of the size of the image, "
            "each other of half the size of the previous one, which must be even. "
            f"Received: {shape} -> {sizes}."
        )
    return shape, sizes
