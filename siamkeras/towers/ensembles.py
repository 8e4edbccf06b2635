"""A tower that looks at each image from all its sides: turned by quarters, and mirrored."""

import keras
import numpy as np
from keras import layers, ops

from siamkeras.layers import UnitLength
from siamkeras.towers._blocks import checked_image_tower, is_whole


@keras.saving.register_keras_serializable("siamkeras")
class RotateFlip(layers.Layer):
    """Images turned anticlockwise by quarters, mirrored left to right before: as `numpy.rot90` and `[..., ::-1, :]`.

    `(batch, height, width, channels)` -> the same, or `(batch, width, height, channels)` after an odd number of turns.

    Args:
        quarters: How many quarters of a circle; 4 are none.
        mirrored: Whether the image is mirrored first.

    Raises:
        ValueError: quarters that are no whole number; `mirrored` not True or False; inputs that are no images.
    """

    def __init__(self, quarters=1, mirrored=False, **kwargs):
        super().__init__(**kwargs)
        if not is_whole(quarters):
            raise ValueError(f"`quarters` must be a whole number. Received: {quarters!r}.")
        self.quarters, self.mirrored = int(quarters) % 4, _yes_or_no("mirrored", mirrored)

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(f"Only images are turned, (batch, height, width, channels). Received: {input_shape}.")
        self.input_spec = keras.InputSpec(ndim=4)

    def call(self, inputs):
        x = ops.flip(inputs, axis=2) if self.mirrored else inputs
        if self.quarters % 2:
            x = ops.transpose(x, (0, 2, 1, 3))
        # Transposed, then upside down, is a quarter; both ways at once is a half; mirrored after it is three quarters.
        # One axis at a time: before Keras 3.14, `ops.flip` on TensorFlow fails with a tuple of axes.
        for axis in {0: (), 1: (1,), 2: (1, 2), 3: (2,)}[self.quarters]:
            x = ops.flip(x, axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, width, height, channels) if self.quarters % 2 else tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "quarters": self.quarters, "mirrored": self.mirrored}


def rotated_views(tower, turns=4, mirrored=True, normalize=True):
    """One tower over the symmetries of the square: its embeddings of each image turned and mirrored, side by side.

    Two images are turned alike before they are compared, so that nothing is lost: a 6 stays another than a 9. Each way
    of looking is a comparison of its own, made by the same weights, and errs elsewhere; with `normalize` the cosine of
    two long embeddings is the mean of the cosines of all ways (where none of them is all zeros). An ensemble that takes
    no training and no further weights, but as many times the time, and embeddings as many times as long. It says most
    where the tower has seen turned images, each turn as classes of its own; where it has not, as with photos, look at
    `mirrored` alone.

    ```python
    tower = towers.rotated_views(towers.pretrained("omniglot"))  # (batch, 28, 28, 1) -> (batch, 8 * 64)
    ```

    Args:
        tower: A `keras.Model` of images `(batch, height, width, channels)` with one output `(batch, dim)`. Its weights
            are shared, not copied.
        turns: 4, by all quarters of a circle, for square images; 2, as it is and upside down; 1, as it is.
        mirrored: Whether each of them is seen mirrored as well.
        normalize: Whether each embedding, and the whole, is scaled to length 1. If not, they stand side by side as
            they are, and squared Euclidean distances add up.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, turns * dim)`, twice that if
        mirrored.

    Raises:
        ValueError: not such a tower; a number of turns that is not 1, 2 or 4; `mirrored` or `normalize` not True or
            False; quarters of images that are not square.

    The eight ways are the dihedral group of the square, as in https://arxiv.org/abs/1602.07576, where it is built into
    each layer instead.
    """
    shape = checked_image_tower(tower)
    if not is_whole(turns) or turns not in (1, 2, 4):
        raise ValueError(f"`turns` must be 1, 2 or 4. Received: {turns!r}.")
    mirrored, normalize = _yes_or_no("mirrored", mirrored), _yes_or_no("normalize", normalize)
    if turns == 4 and shape[0] != shape[1]:
        raise ValueError(
            f"Only square images can be turned by a quarter. Received: a tower of images {shape}. Give `turns=2`."
        )
    inputs = keras.Input(shape, dtype=tower.inputs[0].dtype, name="inputs")
    seen = []
    for flip in (False, True) if mirrored else (False,):
        for quarters in range(0, 4, 4 // turns):
            mark = f"{90 * quarters}" + ("_mirrored" if flip else "")
            # The one output may come alone, or in a list or dict.
            (embedding,) = keras.tree.flatten(
                tower(RotateFlip(quarters, flip, dtype=inputs.dtype, name=f"turned_{mark}")(inputs))
            )
            seen.append(UnitLength(name=f"unit_length_{mark}")(embedding) if normalize else embedding)
    side_by_side = layers.Concatenate if len(seen) > 1 else layers.Identity
    x = side_by_side(dtype="float32", name="side_by_side")(seen if len(seen) > 1 else seen[0])
    return keras.Model(inputs, UnitLength(name="unit_length")(x) if normalize else x, name="tower")


def _yes_or_no(name, value):
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}.")
    return bool(value)
