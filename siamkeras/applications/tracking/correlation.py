"""Cross-correlation of template and search embeddings, as a function and as a layer."""

import operator

import keras
from keras import ops

from siamkeras._tensors import as_float

# Factor on the learned score map: cosines lie in [-1, 1], and an optimizer changes all weights by steps of one size.
LOGIT_SCALE = 10.0


def cross_correlation(template, search):
    """Cross-correlates each template with its own search embeddings.

    `map[b, y, x] = sum over i, j, c of template[b, i, j, c] * search[b, y + i, x + j, c]`

    A convolution with a kernel per example is slow. Here, one matrix product compares all cells of a template with all
    cells of its search; the products of one placement of the template lie on a diagonal and are summed.

    Args:
        template: `(batch, h, w, channels)`, or `(1, h, w, channels)` for one template with every search.
        search: `(batch, height, width, channels)`, at least as large as the template.

    Returns:
        `(batch, height - h + 1, width - w + 1)`, float32 or float64.

    >>> import numpy as np
    >>> from siamkeras.applications import tracking
    >>> search = np.array([1.0, 2.0, 0.0, 3.0]).reshape(1, 1, 4, 1)
    >>> print(np.array(tracking.cross_correlation([[[[1.0], [10.0]]]], search)))  # 1 + 20, 2 + 0, 0 + 30
    [[[21.  2. 30.]]]
    """
    template, search = as_float(template), as_float(search)
    _check_shapes(template.shape, search.shape)
    (_, h, w, channels), (batch, height, width, _) = _shape(template), _shape(search)
    template_cells = ops.reshape(template, (-1, h * w, channels))
    search_cells = ops.transpose(ops.reshape(search, (-1, height * width, channels)), (0, 2, 1))
    products = ops.matmul(template_cells, search_cells)
    rows = _sum_shifted(ops.reshape(products, (batch, h, w * height * width)), h, width)
    rows = ops.reshape(rows, (batch, w, height, width))[:, :, : height - h + 1]
    columns = _sum_shifted(ops.reshape(rows, (batch, w, (height - h + 1) * width)), w, 1)
    return ops.reshape(columns, (batch, height - h + 1, width))[:, :, : width - w + 1]


def _sum_shifted(values, count, shift):
    """Sums the rows of `(batch, count, length)` after moving row i to the left by `i * shift`.

    `shift` zeros after the flattened rows allow a reshape to rows of `length + shift`, which aligns the summands
    without indexing.
    """
    batch, length = ops.shape(values)[0], values.shape[2]
    flat = ops.pad(ops.reshape(values, (batch, count * length)), ((0, 0), (0, count * shift)))
    return ops.sum(ops.reshape(flat, (batch, count, length + shift))[:, :, :length], axis=1)


def _shape(maps):
    """The shape as integers where known, else as tensors."""
    return tuple(ops.shape(maps)[axis] if side is None else side for axis, side in enumerate(maps.shape))


def _check_shapes(template, search):
    """Raises ValueError for shapes that do not fit; unknown sides (None) pass."""

    def holds(axis, compare):
        return None in (template[axis], search[axis]) or compare(template[axis], search[axis])

    fits = (
        len(template) == len(search) == 4
        and (template[0] == 1 or holds(0, operator.eq))
        and holds(1, operator.le)
        and holds(2, operator.le)
        and holds(3, operator.eq)
    )
    if not fits:
        raise ValueError(
            "`cross_correlation` expects template (batch or 1, h, w, channels) and search (batch, height, width, "
            f"channels) with h <= height and w <= width. Received: shapes {tuple(template)} and {tuple(search)}."
        )


@keras.saving.register_keras_serializable("siamkeras.applications.tracking")
class CrossCorrelation(keras.layers.Layer):
    """Score map of `[template, search]` with a learned weight for each template cell and a learned bias, float32.

    `10 * (mean over template cells of weight * product + bias)`, see `cross_correlation`. The centre of a template
    shows the target, its border mostly background.

    Raises:
        ValueError: shapes that do not fit; a template of unknown size, or of another size than before.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, input_shape):
        template, search = input_shape
        _check_shapes(template, search)
        if None in template[1:3]:
            raise ValueError(f"The template must have a known size. Received: shape {template}.")
        self.weight = self.add_weight(shape=(*template[1:3], 1), initializer="ones", name="weight")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, inputs):
        template, search = inputs
        h, w, _ = self.weight.shape
        if tuple(template.shape[1:3]) != (h, w):  # a weight of (1, 1) would broadcast
            raise ValueError(f"Expected templates of {h}x{w} cells. Received: shape {tuple(template.shape)}.")
        weighted = as_float(template) * (self.weight / (h * w))
        return LOGIT_SCALE * (cross_correlation(weighted, search) + self.bias)

    def compute_output_shape(self, input_shape):
        (_, h, w, _), (batch, height, width, _) = input_shape
        sides = zip((height, width), (h, w), strict=True)
        return (batch, *(None if None in side else side[0] - side[1] + 1 for side in sides))
