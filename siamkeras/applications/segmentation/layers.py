"""Layers that compare the feature maps of a query with those of annotated references.

Feature maps of a query are `(batch, height, width, channels)`, those of its references `(batch, references, height,
width, channels)`. Masks are `(batch, references, height, width)` at image resolution, an integer multiple of the
feature maps: each feature position has the fraction of its pixels that lie inside. A reference with an empty mask is
ignored, so episodes with fewer references can be padded with zeros. Comparisons are float32, also under mixed
precision.
"""

import keras
from keras import ops

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
class UnfoldReferences(keras.layers.Layer):
    """Splits the batch axis of feature maps: `[features, masks]` -> `(batch, references, height, width, channels)`."""

    def call(self, inputs):
        features, masks = inputs
        return ops.reshape(features, (-1, ops.shape(masks)[1], *features.shape[1:]))


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
        _check_shapes(self, input_shape, "batch references height width channels", "batch references H W")

    def call(self, inputs):
        features, masks = (self._cast(x) for x in inputs)
        inside, outside, not_empty = _fractions(masks, features)
        weights = outside if self.outside else inside
        total = ops.sum(features * weights[..., None], axis=(2, 3))
        means = total / ops.maximum(ops.sum(weights, axis=(2, 3)), EPSILON)[..., None]
        count = ops.maximum(ops.sum(not_empty, axis=1), 1.0)
        return ops.sum(means * not_empty[..., None], axis=1) / count[:, None]

    def get_config(self):
        return {**super().get_config(), "outside": self.outside}


@_register
class CosineMap(_Float32Layer):
    """Cosine similarity of each feature position to a prototype, in [-1, 1]; 0 for a zero prototype.

    `[(batch, height, width, channels), (batch, channels)]` -> `(batch, height, width, 1)`.

    Reference: Wang et al. (2019), PANet, https://arxiv.org/abs/1908.06391
    """

    def build(self, input_shape):
        _check_shapes(self, input_shape, "batch height width channels", "batch channels")

    def call(self, inputs):
        features, prototype = (unit_length(x) for x in inputs)
        return ops.sum(features * prototype[:, None, None], axis=-1, keepdims=True)


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
        query, references = "batch height width channels", "batch references height width channels"
        _check_shapes(self, input_shape, query, references, "batch references H W")
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


@_register
class MeanReferenceMask(_Float32Layer):
    """Mean of the masks that are not empty: `(batch, references, height, width)` -> `(batch, ..., ..., 1)`.

    Args:
        factor: Integer by which height and width are divided, by averaging.
    """

    def __init__(self, factor=1, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        masks = self._cast(inputs)
        total = ops.sum(_downsample(masks, self.factor), axis=1)
        return (total / ops.maximum(ops.sum(_not_empty(masks), axis=1), 1.0)[:, None, None])[..., None]

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def _downsample(masks, factor):
    """The mean of each block of `factor` x `factor` pixels."""
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


def _check_shapes(layer, shapes, *patterns):
    """Raises unless axes of the same name agree, and masks (H, W) are an integer multiple of the feature maps."""
    sizes, names = {}, [pattern.split() for pattern in patterns]
    fits = [len(shape) for shape in shapes] == [len(axes) for axes in names]
    for shape, axes in zip(shapes, names, strict=True) if fits else ():
        for axis, size in zip(axes, shape, strict=True):
            if size is not None and sizes.setdefault(axis, size) != size:
                fits = False
    if fits and "H" in sizes:
        factor = sizes["H"] // sizes["height"]
        fits = factor > 0 and (sizes["H"], sizes["W"]) == (factor * sizes["height"], factor * sizes["width"])
    if not fits:
        raise ValueError(
            f"`{type(layer).__name__}` needs inputs of the shapes {', '.join(f'({each})' for each in patterns)}; the "
            f"sides of masks are the same integer multiple of height and width. Received: {shapes}."
        )
