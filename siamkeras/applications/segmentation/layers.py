"""Layers that compare the feature maps of a query with those of annotated references.

Feature maps of a query are `(batch, height, width, channels)`, those of its references `(batch, references, height,
width, channels)`. Masks are `(batch, references, height, width)`, of the size of the feature maps or, if all sizes are
known, of an integer multiple: each feature position has the fraction of its pixels that lie inside. A reference with an
empty mask is ignored, so episodes with fewer references can be padded with zeros. Comparisons are float32, also under
mixed precision.
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
class FoldReferences(keras.layers.Layer):
    """References as a batch: `(batch, references, height, width, channels)` -> `(batch * references, ...)`."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *ops.shape(inputs)[2:]))

    def compute_output_shape(self, input_shape):
        return None, *input_shape[2:]


@_register
class UnfoldReferences(keras.layers.Layer):
    """Splits the batch axis of feature maps: `[features, masks]` -> `(batch, references, height, width, channels)`."""

    def call(self, inputs):
        features, masks = inputs
        return ops.reshape(features, (-1, ops.shape(masks)[1], *ops.shape(features)[1:]))

    def compute_output_shape(self, input_shape):
        features, masks = input_shape
        return *masks[:2], *features[1:]


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
        total = ops.sum(features * ops.expand_dims(weights, -1), axis=(2, 3))
        means = total / ops.expand_dims(ops.maximum(ops.sum(weights, axis=(2, 3)), EPSILON), -1)
        count = ops.maximum(ops.sum(not_empty, axis=1), 1.0)
        return ops.sum(means * ops.expand_dims(not_empty, -1), axis=1) / count[:, None]

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
        batch, height, width, channels = ops.shape(query)
        inside, outside, not_empty = _fractions(masks, references)
        empty = ops.expand_dims(1.0 - not_empty, (-2, -1)) + ops.zeros_like(inside)
        inside, outside, empty = (ops.reshape(x, (batch, 1, -1)) for x in (inside, outside, empty))
        keys = unit_length(ops.reshape(references, (batch, -1, channels)))
        queries = unit_length(ops.reshape(query, (batch, -1, channels)))
        cosine = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))  # (batch, positions, references * positions)
        similarity = (1.0 + cosine) / 2.0
        best_inside, best_outside = (ops.max(similarity * x, axis=-1) for x in (inside, outside))
        distances = ops.tile(_squared_distances(height, width), (1, ops.shape(masks)[1]))[None]
        logits = ops.exp(self.sharpness) * cosine - ops.exp(self.locality) * distances
        attention = ops.sum(ops.softmax(logits - LARGE * empty, axis=-1) * inside, axis=-1)
        return ops.reshape(ops.stack([best_inside, best_outside, attention], axis=-1), (batch, height, width, 3))


@_register
class DownsampleMasks(_Float32Layer):
    """Masks at the size of coarser feature maps: the mean of each block of `factor` x `factor` pixels.

    `(batch, references, height, width)` -> `(batch, references, height / factor, width / factor)`.
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return _downsample(self._cast(inputs), self.factor)

    def compute_output_shape(self, input_shape):
        return *input_shape[:2], *(side and side // self.factor for side in input_shape[2:])

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@_register
class MeanReferenceMask(_Float32Layer):
    """Mean of the masks that are not empty: `(batch, references, height, width)` -> `(batch, height, width, 1)`."""

    def call(self, inputs):
        masks = self._cast(inputs)
        count = ops.maximum(ops.sum(_not_empty(masks), axis=1), 1.0)
        return ops.expand_dims(ops.sum(masks, axis=1) / count[:, None, None], -1)


@_register
class Upsample(keras.layers.Layer):
    """Feature maps of twice the size by bilinear interpolation: `(batch, height, width, channels)`.

    Unlike `keras.layers.UpSampling2D`, it accepts maps of unknown size on TensorFlow.
    """

    def call(self, inputs):
        x = inputs
        for axis in (1, 2):
            first, last = ops.take(x, [0], axis=axis), ops.take(x, [-1], axis=axis)
            inner = (slice(None),) * axis
            before = ops.concatenate([first, x[(*inner, slice(None, -1))]], axis=axis)
            after = ops.concatenate([x[(*inner, slice(1, None))], last], axis=axis)
            pairs = ops.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
            batch, height, width, channels = ops.shape(x)
            size = (batch, 2 * height, width, channels) if axis == 1 else (batch, height, 2 * width, channels)
            x = ops.reshape(pairs, size)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, height and 2 * height, width and 2 * width, channels


def _downsample(masks, factor):
    """The mean of each block of `factor` x `factor` pixels."""
    if factor == 1:
        return masks
    _, references, height, width = ops.shape(masks)
    blocks = ops.average_pool(ops.reshape(masks, (-1, height, width, 1)), (factor, factor), (factor, factor))
    return ops.reshape(blocks, (-1, references, height // factor, width // factor))


def _not_empty(masks):
    """1.0 for each reference whose mask has a pixel inside, else 0.0: `(batch, references)`."""
    return ops.cast(ops.any(masks > 0, axis=(2, 3)), masks.dtype)


def _fractions(masks, features):
    """The fraction of each feature position inside and outside the mask (0 for empty masks), and `_not_empty`."""
    not_empty = _not_empty(masks)
    heights = masks.shape[2], features.shape[2]
    inside = _downsample(masks, 1 if None in heights else heights[0] // heights[1])
    return inside, (1.0 - inside) * ops.expand_dims(not_empty, (-2, -1)), not_empty


def _squared_distances(height, width):
    """Squared distances between all positions in image widths, `(height * width, height * width)`."""
    rows, columns = (ops.cast(ops.arange(size), "float32") / ops.cast(width, "float32") for size in (height, width))
    rows, columns = (ops.reshape(each, (-1,)) for each in ops.meshgrid(rows, columns, indexing="ij"))
    return ops.square(rows[:, None] - rows[None]) + ops.square(columns[:, None] - columns[None])


def _check_shapes(layer, shapes, *patterns):
    """Raises unless axes of the same name agree, and masks (H, W) are an integer multiple of the feature maps."""
    sizes, names = {}, [pattern.split() for pattern in patterns]
    fits = [len(shape) for shape in shapes] == [len(axes) for axes in names]
    for shape, axes in zip(shapes, names, strict=True) if fits else ():
        for axis, size in zip(axes, shape, strict=True):
            if size is not None and sizes.setdefault(axis, size) != size:
                fits = False
    if fits and {"H", "W", "height", "width"} <= set(sizes):
        factor = sizes["H"] // sizes["height"]
        fits = factor > 0 and (sizes["H"], sizes["W"]) == (factor * sizes["height"], factor * sizes["width"])
    if not fits:
        raise ValueError(
            f"`{type(layer).__name__}` needs inputs of the shapes {', '.join(f'({each})' for each in patterns)}; the "
            f"sides of masks are the same integer multiple of height and width. Received: {shapes}."
        )
