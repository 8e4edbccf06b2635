"""Where in a search is what the template shows? The two embeddings slid over each other."""

import keras
from keras import ops

from siamkeras import distances

SHARPNESS = 10.0


def cross_correlation(template, search):
    """Cross-correlation of each template with its own search: how alike they are, for every place of the template.

    `map[b, y, x] = sum over i, j, c of template[b, i, j, c] * search[b, y + i, x + j, c]`

    A convolution has one kernel for a whole batch; here each example brings its own. Written as a convolution with as
    many groups as examples, or as a loop over them, that is slow on most machines. Instead, all cells of a template are
    compared with all cells of its search by one matrix product, and the products that belong to one place of the
    template, which lie on a diagonal, are added.

    Args:
        template: `(batch, h, w, channels)`; or a batch of one, which is compared with every search.
        search: `(batch, height, width, channels)`, at least as large as the template.

    Returns:
        `(batch, height - h + 1, width - w + 1)`, float32 at least.

    Raises:
        ValueError: not two batches of maps with as many channels; a search smaller than its template.

    >>> from siamkeras import tracking
    >>> import numpy as np
    >>> row = np.array([1.0, 2.0, 0.0, 3.0]).reshape(1, 1, 4, 1)
    >>> print(np.array(tracking.cross_correlation([[[[1.0], [10.0]]]], row)))  # 1 + 20, 2 + 0, 0 + 30
    [[[21.  2. 30.]]]
    """
    template, search = distances.as_float(template), distances.as_float(search)
    check_shapes(template.shape, search.shape)
    (_, h, w, channels), (batch, height, width, _) = _sides(template), _sides(search)
    # One template for all is broadcast by the product.
    cells = ops.reshape(template, (-1, h * w, channels))
    places = ops.transpose(ops.reshape(search, (-1, height * width, channels)), (0, 2, 1))
    products = ops.matmul(cells, places)
    rows = _diagonal(ops.reshape(products, (batch, h, w * height * width)), h, width)
    rows = ops.reshape(rows, (batch, w, height, width))[:, :, : height - h + 1]
    columns = _diagonal(ops.reshape(rows, (batch, w, (height - h + 1) * width)), w, 1)
    return ops.reshape(columns, (batch, height - h + 1, width))[:, :, : width - w + 1]


def _diagonal(values, count, shift):
    """Sum over the rows of `(batch, count, length)`, of which each begins `shift` values after the one before it.

    Laid out flat with `shift` zeros behind, rows of length + shift put below each other what is to be added; no value
    is looked up by its place, and the gradient is as plain.
    """
    batch, length = ops.shape(values)[0], values.shape[2]
    flat = ops.pad(ops.reshape(values, (batch, count * length)), ((0, 0), (0, count * shift)))
    return ops.sum(ops.reshape(flat, (batch, count, length + shift))[:, :, :length], axis=1)


def _sides(maps):
    """The shape of a batch of maps: whole numbers where they are known, and tensors where they are not."""
    return tuple(ops.shape(maps)[axis] if side is None else side for axis, side in enumerate(maps.shape))


def check_shapes(template, search):
    """Nothing, or an error; sides that are None are not known yet, and pass.

    Raises:
        ValueError: as `cross_correlation`.
    """
    template, search = tuple(template), tuple(search)
    if len(template) != 4 or len(search) != 4:
        raise ValueError(
            "Template and search are maps of embeddings, (batch, height, width, channels). Received: shapes "
            f"{template} and {search}."
        )
    if None not in (template[3], search[3]) and template[3] != search[3]:
        raise ValueError(f"Template and search have as many channels. Received: {template[3]} and {search[3]}.")
    if None not in (template[0], search[0]) and template[0] not in (1, search[0]):
        raise ValueError(
            "Every search needs one template, or all the same one. Received: "
            f"{template[0]} templates, {search[0]} searches."
        )
    for small, large in zip(template[1:3], search[1:3], strict=True):
        if None not in (small, large) and not 1 <= small <= large:
            raise ValueError(
                "A search is at least as large as its template. Received: template "
                f"{template[1:3]}, search {search[1:3]} (height, width)."
            )


@keras.saving.register_keras_serializable("siamkeras")
class CrossCorrelation(keras.layers.Layer):
    """Score map: `[template, search]` -> `(batch, height - h + 1, width - w + 1)`, float32; see `cross_correlation`.

    Args:
        learned: Whether a weight for each cell of the template and a bias are learned, as a logistic loss needs them:
            `10 * (mean of weight * product over the cells of the template + bias)`. What is in the middle of a template
            is the object, and what is at its edge hardly ever is. (Factor 10, since an optimizer moves all numbers by
            steps of one size, and cosines lie within [-1, 1].) Without, the map is the plain sum.

    Raises:
        ValueError: `learned` is no boolean; inputs as for `cross_correlation`; with `learned`, a template whose size is
            not known.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """

    def __init__(self, learned=False, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if not isinstance(learned, bool):
            raise ValueError(f"`learned` must be True or False. Received: learned={learned!r}.")
        self.learned = learned

    def build(self, input_shape):
        if len(input_shape) != 2 or not all(isinstance(shape, (tuple, list)) for shape in input_shape):
            raise ValueError(f"`CrossCorrelation` takes [template, search]. Received: shapes {input_shape}.")
        check_shapes(*input_shape)
        if self.learned:
            cells = tuple(input_shape[0][1:3])
            if None in cells:
                raise ValueError(f"With `learned`, the size of the template must be known. Received: {cells}.")
            self.weight = self.add_weight(shape=(*cells, 1), initializer="ones", name="weight")
            self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, inputs):
        template, search = inputs
        if not self.learned:
            return cross_correlation(template, search)
        h, w, _ = self.weight.shape
        if tuple(template.shape[1:3]) != (h, w):  # a weight of one cell would pass for all of a larger template
            raise ValueError(
                f"The weights are for templates of {(h, w)} cells. Received: {tuple(template.shape[1:3])}."
            )
        weighted = distances.as_float(template) * (self.weight / (h * w))
        return SHARPNESS * (cross_correlation(weighted, search) + self.bias)

    def compute_output_shape(self, input_shape):
        (_, h, w, _), (batch, height, width, _) = input_shape
        sides = zip((height, width), (h, w), strict=True)
        return (batch, *(None if None in side else side[0] - side[1] + 1 for side in sides))

    def get_config(self):
        return {**super().get_config(), "learned": self.learned}
