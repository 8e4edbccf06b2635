"""Layers that compare the feature maps of a query with those of annotated references.

Feature maps of a query are `(batch, height, width, channels)`, those of its references `(batch, references, height,
width, channels)`. Masks are `(batch, references, height, width)` at image resolution, an integer multiple of the
feature maps: each feature position has the fraction of its pixels that lie inside. A reference with an empty mask is
ignored, so episodes with fewer references can be padded with zeros. Comparisons are float32, also under mixed
precision.
"""

import keras
from keras import ops

from siamkeras._validation import check_integer
from siamkeras.distances import unit_length

EPSILON = 1e-6  # pixels; avoids a division by zero for empty masks
LARGE = 1e9  # subtracted from a logit to exclude it from a softmax

_register = keras.saving.register_keras_serializable("siamkeras.applications.segmentation")


class _Float32Layer(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def _cast(self, inputs):
        # Keras does not cast boolean and integer masks.
        return ops.cast(inputs, self.compute_dtype)


@_register
class FoldReferences(keras.layers.Layer):
    """Moves the references into the batch axis: `(batch, references, ...)` -> `(batch * references, ...)`."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        known = None not in input_shape[:2]
        return (input_shape[0] * input_shape[1] if known else None, *input_shape[2:])


@_register
class UnfoldReferences(keras.layers.Layer):
    """Inverse of `FoldReferences`: takes the features and any tensor `(batch, references, ...)`, whose shape is used."""

    def call(self, inputs):
        features, like = inputs
        return ops.reshape(features, (-1, ops.shape(like)[1], *features.shape[1:]))

    def compute_output_shape(self, input_shape):
        return (*input_shape[1][:2], *input_shape[0][1:])


@_register
class MaskedAveragePooling(_Float32Layer):
    """Prototype of a structure: `[feature maps, masks]` -> `(batch, channels)`.

    The features of each reference are averaged over its mask, then over the references. The prototype is the zero
    vector if all masks are empty.

    Args:
        outside: Whether to average over the background, outside the masks, instead.

    >>> from siamkeras.applications import segmentation
    >>> import numpy as np
    >>> features = np.float32([1, 3, 5, 7]).reshape(1, 1, 2, 2, 1)  # one reference, one channel
    >>> pooled = segmentation.MaskedAveragePooling()([features, np.float32([[[[1, 0], [1, 0]]]])])
    >>> print(float(pooled[0, 0]))  # (1 + 5) / 2
    3.0

    Reference: Zhang, Wei, Yang and Huang (2018), SG-One, https://arxiv.org/abs/1810.09091
    """

    def __init__(self, outside=False, **kwargs):
        super().__init__(**kwargs)
        self.outside = outside

    def build(self, input_shape):
        features, masks = input_shape
        _check_masks_fit(self, features, masks)

    def call(self, inputs):
        features, masks = (self._cast(x) for x in inputs)
        inside, outside, not_empty = _fractions(masks, features)
        weights = outside if self.outside else inside
        total = ops.sum(features * weights[..., None], axis=(2, 3))
        means = total / ops.maximum(ops.sum(weights, axis=(2, 3)), EPSILON)[..., None]
        count = ops.maximum(ops.sum(not_empty, axis=1), 1.0)
        return ops.sum(means * not_empty[..., None], axis=1) / count[:, None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[0][-1])

    def get_config(self):
        return {**super().get_config(), "outside": self.outside}


@_register
class CosineMap(_Float32Layer):
    """Cosine similarity of each feature position to a prototype, in [-1, 1]; 0 for a zero prototype.

    `[(batch, height, width, channels), (batch, channels)]` -> `(batch, height, width, 1)`.

    Reference: Wang et al. (2019), PANet, https://arxiv.org/abs/1908.06391
    """

    def build(self, input_shape):
        features, prototype = input_shape
        if len(features) != 4 or len(prototype) != 2 or not _compatible((features[0], features[-1]), prototype):
            raise ValueError(
                "`CosineMap` needs feature maps (batch, height, width, channels) and prototypes (batch, channels). "
                f"Received: shapes {tuple(features)} and {tuple(prototype)}."
            )

    def call(self, inputs):
        features, prototype = (unit_length(x) for x in inputs)
        return ops.sum(features * prototype[:, None, None], axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:3], 1)


@_register
class DenseComparison(_Float32Layer):
    """Compares each query position with each reference position: `[query, references, masks]` -> three maps.

    The output is `(batch, height, width, 3)` in [0, 1], and 0 if all masks are empty. With `fraction` the part of a
    reference position inside the mask and `similarity = (1 + cosine) / 2`:

    - best match inside: the maximum of `similarity * fraction` over all positions of all references (the prior of
      PFENet);
    - best match outside: the maximum of `similarity * (1 - fraction)`;
    - attention: the mean of `fraction`, weighted by the softmax of `exp(sharpness) * cosine - exp(locality) *
      squared distance`, with the distance between positions in image widths. `sharpness` and `locality` are trained.

    Reference: Tian et al. (2020), PFENet, https://arxiv.org/abs/2008.01449
    """

    def build(self, input_shape):
        query, references, masks = input_shape
        _check_masks_fit(self, references, masks)
        if tuple(query[1:]) != tuple(references[2:]) or not _compatible(query[:1], references[:1]):
            raise ValueError(
                "`DenseComparison` needs a query (batch, height, width, channels) and references (batch, references, "
                f"height, width, channels). Received: shapes {tuple(query)} and {tuple(references)}."
            )
        # exp(2.3) = 10; exp(2.1) is a Gaussian with a standard deviation of a quarter of the image width.
        self.sharpness = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.3), name="sharpness")
        self.locality = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.1), name="locality")

    def call(self, inputs):
        query, references, masks = (self._cast(x) for x in inputs)
        height, width, channels = query.shape[1:]
        inside, outside, not_empty = _fractions(masks, references)
        inside, outside = (ops.reshape(x, (ops.shape(x)[0], 1, -1)) for x in (inside, outside))
        keys = unit_length(ops.reshape(references, (ops.shape(references)[0], -1, channels)))
        queries = unit_length(ops.reshape(query, (-1, height * width, channels)))
        cosine = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))  # (batch, positions, references * positions)
        similarity = (1.0 + cosine) / 2.0
        best_inside, best_outside = (ops.max(similarity * x, axis=-1) for x in (inside, outside))
        distances = ops.tile(_squared_distances(height, width), (1, ops.shape(masks)[1]))[None]
        logits = ops.exp(self.sharpness) * cosine - ops.exp(self.locality) * distances
        empty = ops.repeat(1.0 - not_empty, height * width, axis=1)[:, None]
        attention = ops.sum(ops.softmax(logits - LARGE * empty, axis=-1) * inside, axis=-1)
        return ops.reshape(ops.stack([best_inside, best_outside, attention], axis=-1), (-1, height, width, 3))

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:3], 3)


@_register
class MeanReferenceMask(_Float32Layer):
    """Mean of the masks that are not empty: `(batch, references, height, width)` -> `(batch, ..., ..., 1)`.

    Args:
        factor: Factor by which height and width are reduced, by averaging.
    """

    def __init__(self, factor=1, **kwargs):
        super().__init__(**kwargs)
        self.factor = check_integer("factor", factor, 1)

    def call(self, inputs):
        masks = self._cast(inputs)
        total = ops.sum(_downsample(masks, self.factor), axis=1)
        return (total / ops.maximum(ops.sum(_not_empty(masks), axis=1), 1.0)[:, None, None])[..., None]

    def compute_output_shape(self, input_shape):
        batch, _, height, width = input_shape
        return (batch, height // self.factor, width // self.factor, 1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def _downsample(masks, factor):
    """The mean of each block of `factor` x `factor` pixels."""
    if factor == 1:
        return masks
    height, width = masks.shape[2] // factor, masks.shape[3] // factor
    blocks = ops.reshape(masks, (-1, ops.shape(masks)[1], height, factor, width, factor))
    return ops.mean(blocks, axis=(3, 5))


def _not_empty(masks):
    """1.0 for each reference whose mask has a pixel inside, else 0.0: `(batch, references)`."""
    return ops.cast(ops.any(masks > 0, axis=(2, 3)), masks.dtype)


def _fractions(masks, features):
    """The fraction of each feature position inside and outside the mask (0 for empty masks), and `_not_empty`."""
    not_empty = _not_empty(masks)
    inside = _downsample(masks, masks.shape[2] // features.shape[2])
    return inside, (1.0 - inside) * not_empty[..., None, None], not_empty


def _squared_distances(height, width):
    """Squared distances between all positions in image widths, `(height * width, height * width)`."""
    rows, columns = ops.arange(height, dtype="float32") / width, ops.arange(width, dtype="float32") / width
    rows, columns = ops.repeat(rows, width), ops.tile(columns, (height,))
    return ops.square(rows[:, None] - rows[None]) + ops.square(columns[:, None] - columns[None])


def _check_masks_fit(layer, features, masks):
    """Raises unless masks and features agree in batch and references, and in size up to one integer factor."""
    fits = len(features) == 5 and len(masks) == 4 and _compatible(features[:2], masks[:2])
    if fits and None not in (*features[2:4], *masks[2:]):
        factor = masks[2] // features[2]
        fits = factor >= 1 and tuple(masks[2:]) == (features[2] * factor, features[3] * factor)
    if not fits:
        raise ValueError(
            f"`{type(layer).__name__}` needs feature maps (batch, references, height, width, channels) and masks "
            "(batch, references, height, width) whose sides are the same integer multiple of the feature maps. "
            f"Received: shapes {tuple(features)} and {tuple(masks)}."
        )


def _compatible(shape, other):
    """Whether two shapes agree wherever both are known."""
    return all(None in pair or pair[0] == pair[1] for pair in zip(shape, other, strict=True))
