"""Where a query meets its annotated references: layers from feature maps and masks to maps that say "like these".

Feature maps of a query are `(batch, height, width, channels)`, those of its references `(batch, references, height,
width, channels)`; masks are `(batch, references, height, width)` of the images, whose sides are whole multiples of
those of the feature maps: a place of a map has the share of its pixels that lie inside. **A reference whose mask is
empty counts for nothing**, so that episodes with fewer references can be filled up with zeros. Everything here is
float32 under mixed precision too, since it compares.
"""

import keras
from keras import ops

from siamkeras._validation import check_integer
from siamkeras.distances import unit_length

SMALL = 1e-6  # pixels: what an empty mask is divided by
LARGE = 1e9  # by how much a place that does not count is behind the others before a softmax


class _Float32Layer(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def number(self, inputs):
        """Masks of booleans or bytes as floats; Keras casts only what is a float already."""
        return ops.cast(inputs, self.compute_dtype)


@keras.saving.register_keras_serializable("siamkeras")
class OneByOne(keras.layers.Layer):
    """References as a batch of their own, for the tower: `(batch, references, ...)` -> `(batch * references, ...)`."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        known = None not in input_shape[:2]
        return (input_shape[0] * input_shape[1] if known else None, *input_shape[2:])


@keras.saving.register_keras_serializable("siamkeras")
class ByEpisode(keras.layers.Layer):
    """Back from `OneByOne`: `[(batch * references, ...), (batch, references, ...)]` -> `(batch, references, ...)`.

    The second input says how many references an episode has, and nothing else.
    """

    def call(self, inputs):
        features, like = inputs
        return ops.reshape(features, (-1, ops.shape(like)[1], *features.shape[1:]))

    def compute_output_shape(self, input_shape):
        return (*input_shape[1][:2], *input_shape[0][1:])


@keras.saving.register_keras_serializable("siamkeras")
class MaskedAveragePooling(_Float32Layer):
    """The prototype of a structure: `[feature maps, masks]` -> `(batch, channels)`.

    The features of each reference are averaged over its mask, and the averages over the references. A reference with
    an empty mask counts for nothing; where all are empty the prototype is the zero vector, with a finite gradient.

    Args:
        outside: Whether the average is over what the masks leave out, the background, instead.

    Raises:
        ValueError: feature maps or masks of another kind; sides of masks that are not multiples of those of maps.

    >>> from siamkeras.segmentation import MaskedAveragePooling
    >>> import numpy as np
    >>> features = np.float32([1, 3, 5, 7]).reshape(1, 1, 2, 2, 1)  # one reference, one channel
    >>> print(float(MaskedAveragePooling()([features, np.float32([[[[1, 0], [1, 0]]]])])[0, 0]))  # (1 + 5) / 2
    3.0

    Reference: Zhang, Wei, Yang and Huang (2018), SG-One, https://arxiv.org/abs/1810.09091
    """

    def __init__(self, outside=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(outside, bool):
            raise ValueError(f"`outside` must be True or False. Received: outside={outside!r}.")
        self.outside = outside

    def build(self, input_shape):
        check_shapes(self, *check_inputs(self, input_shape, "feature maps", "masks"))

    def call(self, inputs):
        features, masks = (self.number(each) for each in inputs)
        inside, outside, there = shares(masks, features)
        weight = outside if self.outside else inside
        total = ops.sum(features * weight[..., None], axis=(2, 3))
        each = total / ops.maximum(ops.sum(weight, axis=(2, 3)), SMALL)[..., None]
        return ops.sum(each * there[..., None], axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[0][-1])

    def get_config(self):
        return {**super().get_config(), "outside": self.outside}


@keras.saving.register_keras_serializable("siamkeras")
class CosineMap(_Float32Layer):
    """How alike each place of the query is to a prototype, from -1 to 1.

    `[(batch, height, width, channels), (batch, channels)]` -> `(batch, height, width, 1)`; 0 for a zero prototype.

    Raises:
        ValueError: inputs of other shapes.

    Reference: Wang et al. (2019), PANet, https://arxiv.org/abs/1908.06391
    """

    def build(self, input_shape):
        features, prototype = (tuple(shape) for shape in check_inputs(self, input_shape, "feature maps", "prototypes"))
        ends = (features[0], features[-1])
        if len(features) != 4 or len(prototype) != 2 or not fits(ends, prototype):
            raise ValueError(
                "`CosineMap` takes feature maps (batch, height, width, channels) and prototypes (batch, channels). "
                f"Received: shapes {features} and {prototype}."
            )

    def call(self, inputs):
        features, prototype = (unit_length(each) for each in inputs)
        return ops.sum(features * prototype[:, None, None], axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:3], 1)


@keras.saving.register_keras_serializable("siamkeras")
class DenseComparison(_Float32Layer):
    """Each place of the query against each place of each reference: `[query, references, masks]` -> three maps.

    `(batch, height, width, 3)`, all from 0 to 1. With `alike = (1 + cosine) / 2`:

    - the best match inside: the largest `alike * share` over all places of all references, where `share` is how much
      of the place lies inside the mask (the prior of PFENet);
    - the best match outside, with `1 - share`;
    - the vote: the mean of `share` over all these places, weighted by a softmax of `sharpness * cosine - squared
      distance / (2 * reach^2)`. Who is alike *and* near has a say. Both numbers are learned; distances are in widths
      of the image.

    All three are 0 where all masks are empty.

    Raises:
        ValueError: as for `MaskedAveragePooling`; a query of other size than the references.

    Reference: Tian et al. (2020), PFENet, https://arxiv.org/abs/2008.01449
    """

    def build(self, input_shape):
        query, references, masks = check_inputs(self, input_shape, "a query", "references", "masks")
        check_shapes(self, references, masks)
        if tuple(query[1:]) != tuple(references[2:]) or not fits(query[:1], references[:1]):
            raise ValueError(
                "A query and its references have feature maps of one shape, (batch, height, width, channels) and "
                f"(batch, references, height, width, channels). Received: {tuple(query)} and {tuple(references)}."
            )
        # Logarithms: what comes out of exp is positive. To begin with, 10 and a reach of a quarter of the width.
        self.sharpness = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.3), name="sharpness")
        self.nearness = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.1), name="nearness")

    def call(self, inputs):
        query, references, masks = (self.number(each) for each in inputs)
        height, width, channels = query.shape[1:]
        inside, outside, there = shares(masks, references)
        inside, outside = (ops.reshape(each, (ops.shape(each)[0], 1, -1)) for each in (inside, outside))
        keys = unit_length(ops.reshape(references, (ops.shape(references)[0], -1, channels)))
        asked = unit_length(ops.reshape(query, (-1, height * width, channels)))
        cosine = ops.matmul(asked, ops.transpose(keys, (0, 2, 1)))  # (batch, places, references * places)
        alike = (1.0 + cosine) / 2.0
        best = [ops.max(alike * each, axis=-1) for each in (inside, outside)]
        far = ops.exp(self.nearness) * squared_distances(height, width)
        logits = ops.exp(self.sharpness) * cosine - ops.tile(far, (1, ops.shape(masks)[1]))[None]
        unseen = ops.repeat(1.0 - there, height * width, axis=1)[:, None]
        vote = ops.sum(ops.softmax(logits - LARGE * unseen, axis=-1) * inside, axis=-1)
        return ops.reshape(ops.stack([*best, vote], axis=-1), (-1, height, width, 3))

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:3], 3)


@keras.saving.register_keras_serializable("siamkeras")
class MeanMask(_Float32Layer):
    """Where the structure lies in the references: `(batch, references, height, width)` -> `(batch, ..., ..., 1)`.

    The mean of the masks that are not empty, on a grid `factor` times as coarse. Anatomy keeps its place, so this is
    a guess of its own; it is also the simplest baseline, the copied mask.

    Args:
        factor: Pixels of the masks along each side of a place.

    Raises:
        ValueError: `factor` is no whole number of at least 1; masks of another shape, or whose sides are no multiples.
    """

    def __init__(self, factor=1, **kwargs):
        super().__init__(**kwargs)
        self.factor = check_integer("factor", factor, 1)

    def build(self, input_shape):
        sides = tuple(input_shape)[2:] if len(input_shape) == 4 else (None,)
        if any(side is None or side % self.factor for side in sides):
            raise ValueError(
                f"Masks are (batch, references, height, width), with sides that are multiples of {self.factor}. "
                f"Received: shape {tuple(input_shape)}."
            )

    def call(self, inputs):
        inputs = self.number(inputs)
        total = ops.sum(coarse(inputs, self.factor), axis=1)
        there = ops.sum(not_empty(inputs), axis=1)
        return (total / ops.maximum(there, 1.0)[:, None, None])[..., None]

    def compute_output_shape(self, input_shape):
        batch, _, height, width = input_shape
        return (batch, height // self.factor, width // self.factor, 1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def coarse(masks, factor):
    """The share of each block of `factor` x `factor` pixels that lies inside: `(batch, references, h, w)`."""
    if factor == 1:
        return masks
    height, width = masks.shape[2] // factor, masks.shape[3] // factor
    blocks = ops.reshape(masks, (-1, ops.shape(masks)[1], height, factor, width, factor))
    return ops.mean(blocks, axis=(3, 5))


def not_empty(masks):
    """1.0 for a reference whose mask has a pixel inside, else 0.0: `(batch, references)`."""
    return ops.cast(ops.any(masks > 0, axis=(2, 3)), masks.dtype)


def shares(masks, features):
    """What of each place of the feature maps lies inside, what outside (0 where a mask is empty), and `not_empty`."""
    there = not_empty(masks)
    inside = coarse(masks, masks.shape[2] // features.shape[2])
    return inside, (1.0 - inside) * there[..., None, None], there


def squared_distances(height, width):
    """Between all places of a map, in widths of the image: `(height * width, height * width)`."""
    rows, columns = ops.arange(height, dtype="float32") / width, ops.arange(width, dtype="float32") / width
    rows, columns = ops.repeat(rows, width), ops.tile(columns, (height,))
    return ops.square(rows[:, None] - rows[None]) + ops.square(columns[:, None] - columns[None])


def check_shapes(layer, features, masks):
    """Nothing, or an error.

    Raises:
        ValueError: not feature maps and masks, or of sizes that do not fit.
    """
    kinds = len(features) == 5 and len(masks) == 4 and fits(features[:2], masks[:2])
    if not kinds or any(
        m is None or f is None or m % f or m // f != masks[2] // features[2]
        for m, f in zip(masks[2:], features[2:4], strict=True)
    ):
        raise ValueError(
            f"`{type(layer).__name__}` takes feature maps (batch, references, height, width, channels) and masks "
            "(batch, references, height, width) whose sides are the same whole multiple of theirs. "
            f"Received: shapes {tuple(features)} and {tuple(masks)}."
        )


def check_inputs(layer, shapes, *names):
    """The shapes of the inputs of a layer, as many as `names`; ValueError for another number, or for one alone."""
    if len(shapes) != len(names) or not all(isinstance(shape, (tuple, list)) for shape in shapes):
        raise ValueError(f"`{type(layer).__name__}` takes a list: {', '.join(names)}. Received: shapes {shapes}.")
    return shapes


def fits(one, other):
    """Whether no two numbers of two shapes contradict; what is None is not known yet."""
    return all(None in pair or pair[0] == pair[1] for pair in zip(one, other, strict=True))
