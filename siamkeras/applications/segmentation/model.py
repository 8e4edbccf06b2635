"""The network: one tower for the query and its references, maps that compare them, a decoder that draws the mask."""

import keras
from keras import layers

from siamkeras.applications.segmentation.layers import (
    ByEpisode,
    CosineMap,
    DenseComparison,
    MaskedAveragePooling,
    MeanMask,
    OneByOne,
)
from siamkeras.towers import _blocks as parts


def maps_tower(input_shape, filters=(16, 32, 64)):
    """A fully convolutional tower: feature maps at several scales instead of one embedding.

    Each scale has two 3x3 convolutions with batch normalisation and ReLU; between two scales, 2x2 max pooling.

    Args:
        input_shape: `(height, width, channels)`; height and width are multiples of 2 for each scale after the first.
        filters: Filters of each scale, fine to coarse; at least two.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> a list of feature maps, fine to coarse.

    Raises:
        ValueError: not an image shape, or one that cannot be halved so often; sizes that are not positive.
    """
    input_shape, filters = parts.image_shape(input_shape), parts.checked_sizes("filters", filters)
    step = 2 ** (len(filters) - 1)
    if len(filters) < 2 or any(side % step for side in input_shape[:2]):
        raise ValueError(
            f"{len(filters)} scales need sides that are multiples of {step}, and there are at least two scales. "
            f"Received: input_shape={input_shape}, filters={tuple(filters)}."
        )
    inputs = keras.Input(input_shape, name="inputs")
    maps, x = [], inputs
    for number, width in enumerate(filters, 1):
        if maps:
            x = layers.MaxPooling2D(2, name=f"pool_{number}")(x)
        x = _twice(x, width, f"scale_{number}")
        maps.append(x)
    return keras.Model(inputs, maps, name="tower")


def few_shot_segmenter(tower, references=None, dense=2):
    """A query, annotated references, and the query's mask: trained on many structures, used for a new one.

    The tower sees each image alone and knows no mask. At each scale the query's map is compared with those of the
    references: cosine to the prototype of the structure and to that of the background, dense comparison at the
    coarser scales (see `DenseComparison`), and where the masks of the references lie. From coarse to fine a decoder
    makes of these maps, of the query's own, and of what the coarser scale said, the mask.

    Compile it with `losses.DiceCrossEntropyLoss()`; train it on `segmentation.episodes`.

    Args:
        tower: What `maps_tower` gives, or any model from an image to a list of feature maps, fine to coarse, each half
            as large as the one before, the first as large as the image.
        references: How many an episode has; None for any number, also another one than in the training. A reference
            with an empty mask counts for nothing.
        dense: At how many scales, from the coarsest on, each place is compared with each; costs grow with the fourth
            power of the size.

    Returns:
        A `keras.Model` named "few_shot_segmenter" that takes `{"query": (batch, height, width, channels), "references":
        (batch, references, height, width, channels), "masks": (batch, references, height, width)}` and gives the
        probability of each pixel of the query, `(batch, height, width)`, float32.

    Raises:
        ValueError: a tower of another kind; references or dense that are not whole numbers, or out of range.
    """
    shape, sizes = _checked(tower)
    (references,) = parts.checked_sizes("references", [references]) if references is not None else (None,)
    if isinstance(dense, bool) or not hasattr(dense, "__index__") or not 0 <= dense <= len(sizes):
        raise ValueError(f"`dense` is a number of scales, from 0 to {len(sizes)}. Received: dense={dense!r}.")
    query = keras.Input(shape, name="query")
    examples = keras.Input((references, *shape), name="references")
    masks = keras.Input((references, *shape[:2]), name="masks")
    of_query, of_examples = tower(query), tower(OneByOne(name="one_by_one")(examples))
    x = None
    for number in range(len(sizes), 0, -1):
        asked, width = of_query[number - 1], sizes[number - 1][-1]
        known = ByEpisode(name=f"by_episode_{number}")([of_examples[number - 1], masks])
        inside = MaskedAveragePooling(name=f"prototype_{number}")([known, masks])
        outside = MaskedAveragePooling(outside=True, name=f"background_{number}")([known, masks])
        seen = [asked, MeanMask(shape[0] // sizes[number - 1][0], name=f"mean_mask_{number}")(masks)]
        seen += [CosineMap(name=f"cosine_{number}")([asked, inside])]
        seen += [CosineMap(name=f"cosine_outside_{number}")([asked, outside])]
        if number > len(sizes) - dense:
            seen += [DenseComparison(name=f"dense_{number}")([asked, known, masks])]
        if x is not None:
            seen += [layers.UpSampling2D(2, interpolation="bilinear", name=f"larger_{number}")(x)]
        x = _twice(layers.Concatenate(name=f"seen_{number}")(seen), width, f"decoder_{number}")
    x = layers.Conv2D(1, 1, activation="sigmoid", dtype="float32", name="inside")(x)
    x = layers.Reshape(shape[:2], dtype="float32", name="probability")(x)
    return keras.Model({"query": query, "references": examples, "masks": masks}, x, name="few_shot_segmenter")


def _twice(x, width, name):
    for part in "ab":
        # Batch normalisation has its own shift, so the convolution needs no bias.
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}{part}_conv")(x)
        # The running averages are of the last ten batches or so: these are for short trainings.
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}{part}_norm")(x)
        x = layers.ReLU(name=f"{name}{part}_relu")(x)
    return x


def _checked(tower):
    """The shape of its images, and the shapes of its maps."""
    is_model = isinstance(tower, keras.Model) and len(getattr(tower, "inputs", None) or []) == 1
    is_model = is_model and isinstance(getattr(tower, "output", None), (list, tuple))
    shape = tuple(tower.inputs[0].shape[1:]) if is_model else ()
    sizes = [tuple(each.shape[1:]) for each in tower.outputs] if is_model else []
    wanted = [tuple(side / 2**scale for side in shape[:2]) for scale in range(len(sizes))]
    if len(shape) != 3 or None in shape or len(sizes) < 2 or [each[:2] for each in sizes] != wanted:
        told = f"{shape} to {sizes}" if is_model else repr(tower)
        raise ValueError(
            "`tower` must be a keras.Model from one image (height, width, channels) to at least two feature maps, the "
            f"first as large as the image and each of the others half as large as the one before. Received: {told}."
        )
    return shape, sizes
