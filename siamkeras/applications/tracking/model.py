"""Networks that follow: a tower without edges, and the model that compares a template with a search."""

import keras
import numpy as np
from keras import layers

from siamkeras._validation import check_integer
from siamkeras.applications.tracking.correlation import CrossCorrelation
from siamkeras.layers import UnitLength

# Template and search, in pixels: the object fills about half of the template's side, and may move by a quarter of the
# search's.
TEMPLATE, SEARCH = 64, 128


def tower(filters=(24, 48, 64, 64), kernels=(5, 3, 3, 3), strides=(2, 2, 1, 1), channels=3, normalize=True):
    """Fully-convolutional tower: an image of any size -> a map of embeddings, one for each place.

    Each block is a convolution without padding, batch normalisation and, except for the last, ReLU. Nothing of it knows
    where in the image it is: what is moved by `stride` pixels (4 by default, the product of `strides`) gives the same
    embeddings one cell on. Padding would break that, since cells near the edge would see it.

    Args:
        filters: Filters of each block; the last number is the length of an embedding.
        kernels: Side of the kernel of each block, in pixels of what the block sees.
        strides: Stride of each block.
        channels: Of the image.
        normalize: Whether each embedding is scaled to length 1. What is bright and rich in contrast would otherwise
            correlate with everything.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, rows, columns, filters[-1])`.

    Raises:
        ValueError: not as many kernels and strides as filters; numbers that are not positive and whole.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """
    filters, kernels, strides = (tuple(each) if np.iterable(each) else (each,) for each in (filters, kernels, strides))
    if not len(filters) == len(kernels) == len(strides) >= 1:
        raise ValueError(
            "Every block has its filters, a kernel and a stride. Received: "
            f"filters={filters}, kernels={kernels}, strides={strides}."
        )
    for name, values in (("filters", filters), ("kernels", kernels), ("strides", strides)):
        for value in values:
            check_integer(name, value, 1)
    x = inputs = keras.Input((None, None, check_integer("channels", channels, 1)), name="inputs")
    for number, (width, side, stride) in enumerate(zip(filters, kernels, strides, strict=True), 1):
        x = layers.Conv2D(width, side, stride, padding="valid", use_bias=False, name=f"conv_{number}")(x)
        # Running averages that lag ten steps and not a hundred: trainings here are short.
        x = layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x)
        if number < len(filters):
            x = layers.ReLU(name=f"relu_{number}")(x)
    last = UnitLength(name="unit_length") if normalize else layers.Identity(dtype="float32", name="features")
    return keras.Model(inputs, last(x), name="tower")


def siamese(tower, template=TEMPLATE, search=SEARCH):
    """Two siblings of one tower, and the score map of one searched for in the other.

    Trains on the streams of `tracking.from_stills` and `tracking.from_videos`:
    `compile("adam", tracking.ScoreMapLoss())`.

    Args:
        tower: A fully-convolutional `keras.Model`, `(batch, height, width, channels)` -> a map of embeddings, such as
            `tracking.tower` gives.
        template: Pixels a side of the image of the object.
        search: Pixels a side of the image in which it is searched.

    Returns:
        A `keras.Model` named "tracker" that takes `{"template", "search"}`, images in [0, 1], and gives score maps
        `(batch, cells, cells)`, logits, float32. Its middle cell says that the object is in the centre of the search,
        and the next one that it is `stride_of(model)` pixels further.

    Raises:
        ValueError: a tower that is none, or for images of one size; sizes that leave no map, or a map whose middle is
            not the search's.
    """
    template, search = check_integer("template", template, 1), check_integer("search", search, 1)
    found, made = (list(getattr(tower, name, None) or []) for name in ("inputs", "outputs"))
    is_map = len(found) == len(made) == 1 and len(found[0].shape) == len(made[0].shape) == 4
    is_map = is_map and not any(isinstance(getattr(tower, name, None), dict) for name in ("input", "output"))
    if not isinstance(tower, keras.Model) or not is_map:
        what = f"outputs {[tuple(each.shape) for each in made]}" if made else repr(tower)
        raise ValueError(
            "`tower` must be a built keras.Model from images to maps of embeddings, (batch, height, width, channels). "
            f"Received: {what}."
        )
    if any(side is not None for side in found[0].shape[1:3]):
        raise ValueError(
            "`tower` must take images of any size, `keras.Input((None, None, channels))`: template and search are of "
            f"two. Received: a tower for images of {tuple(found[0].shape[1:3])} (height, width)."
        )
    try:
        sides = [tower.compute_output_shape((None, side, side, found[0].shape[3]))[1] for side in (template, search)]
    except ValueError as error:
        raise ValueError(f"Images of {template} and {search} pixels are too small for this tower.") from error
    cells = sides[1] - sides[0] + 1
    if sides[0] < 1 or cells < 3 or cells % 2 == 0 or (search - template) % (cells - 1):
        raise ValueError(
            "`search` must be larger than `template` by an even number of strides of the tower, so that the map has a "
            f"middle. Received: template={template}, search={search}, which gives maps of {sides[0]} and {sides[1]} "
            "cells."
        )
    # Two names for one tower: a Model of the same layers, under the name by which it is found again.
    inputs = {
        role: keras.Input((side, side, found[0].shape[3]), name=role)
        for role, side in (("template", template), ("search", search))
    }
    embeddings = [tower(each) for each in inputs.values()]
    return keras.Model(inputs, CrossCorrelation(learned=True, name="score_map")(embeddings), name="tracker")


def parts_of(model):
    """The tower and the comparison inside a model of `siamese`, and its sizes.

    Returns:
        `(tower, comparison, template, search, cells)`: a `keras.Model`, a `CrossCorrelation`, three numbers.

    Raises:
        ValueError: a model that is none of these.
    """
    inputs = {each.name: each for each in getattr(model, "inputs", None) or []}
    inside = [layer for layer in getattr(model, "layers", []) if isinstance(layer, keras.Model)]
    heads = [layer for layer in getattr(model, "layers", []) if isinstance(layer, CrossCorrelation)]
    if set(inputs) != {"template", "search"} or len(inside) != 1 or len(heads) != 1:
        raise ValueError(f"Expected a model of `tracking.siamese`. Received: {model!r}.")
    template, search = (inputs[role].shape[1] for role in ("template", "search"))
    return inside[0], heads[0], template, search, model.outputs[0].shape[1]


def stride_of(model):
    """Pixels of the search from one cell of the score map to the next; ValueError for what is no such model."""
    _, _, template, search, cells = parts_of(model)
    return (search - template) // (cells - 1)


def comparison(model):
    """From a template's embeddings and a search image to a score map: the model without its half of the template.

    A tracker embeds its template once. The weights are those of `model`.

    Returns:
        A `keras.Model` that takes `[(batch, h, w, channels), (batch, search, search, 3)]`.
    """
    tower, head, template, search, _ = parts_of(model)
    channels = model.inputs[0].shape[3]
    shape = tower.compute_output_shape((1, template, template, channels))[1:]
    inputs = [keras.Input(shape, name="embeddings"), keras.Input((search, search, channels), name="search")]
    return keras.Model(inputs, head([inputs[0], tower(inputs[1])]), name="comparison")
