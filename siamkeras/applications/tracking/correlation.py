"""Cross-correlation of template and search embeddings, as a function and as a layer."""

import keras
from keras import ops

from siamkeras._tensors import as_float

# Factor on the learned score map: cosines lie in [-1, 1], and an optimizer changes all weights by steps of one size.
LOGIT_SCALE = 10.0


def cross_correlation(template, search):
    """Cross-correlates each template with its own search embeddings.

    `map[b, y, x] = sum over i, j, c of template[b, i, j, c] * search[b, y + i, x + j, c]`

    A convolution with a kernel per example is slow. Here, one matrix product compares all cells of a template with all
    cells of its search map; the products that belong to one position of the template are summed.

    Args:
        template: `(batch, h, w, channels)`, or `(1, h, w, channels)` for one template with every search.
        search: `(batch, height, width, channels)`, at least as large as the template.

    Returns:
        `(batch, height - h + 1, width - w + 1)`, at least float32.

    >>> import numpy as np
    >>> from siamkeras.applications import tracking
    >>> search = np.array([1.0, 2.0, 0.0, 3.0]).reshape(1, 1, 4, 1)
    >>> print(np.array(tracking.cross_correlation([[[[1.0], [10.0]]]], search)))  # 1 + 20, 2 + 0, 0 + 30
    [[[21.  2. 30.]]]
    """
    template, search = as_float(template), as_float(search)
    (_, h, w, channels), (_, height, width, _) = template.shape, search.shape
    if h > height or w > width:
        raise ValueError(f"A template of {h}x{w} cells is larger than its search image. Received: {height}x{width}.")
    batch = ops.shape(search)[0]
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


@keras.saving.register_keras_serializable("siamkeras.applications.tracking")
class CrossCorrelation(keras.layers.Layer):
    """Score map of `[template, search]` with a learned weight for each template cell and a learned bias, float32.

    `10 * (mean over template cells of weight * product + bias)`, see `cross_correlation`. The centre of a template
    shows the target, its border mostly background.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def build(self, input_shape):
        template, _ = input_shape
        self.weight = self.add_weight(shape=(*template[1:3], 1), initializer="ones", name="weight")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, inputs):
        template, search = inputs
        h, w, _ = self.weight.shape
        weighted = as_float(template) * (self.weight / (h * w))
        return LOGIT_SCALE * (cross_correlation(weighted, search) + self.bias)
