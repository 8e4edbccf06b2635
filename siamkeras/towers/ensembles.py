"""Test-time ensemble: one tower applied to rotated and flipped views of an image."""

import keras
from keras import layers, ops

from siamkeras._validation import plain
from siamkeras.layers import UnitLength
from siamkeras.towers._blocks import check_tower, embed, renamed


@keras.saving.register_keras_serializable("siamkeras")
class RotateFlip(layers.Layer):
    """Flips images left to right, then rotates them counter-clockwise by quarter turns, as `numpy.rot90`."""

    def __init__(self, quarter_turns=1, flip=False, **kwargs):
        super().__init__(**kwargs)
        self.quarter_turns = quarter_turns
        self.flip = flip
        self.input_spec = keras.InputSpec(ndim=4)

    def call(self, inputs):
        x = ops.flip(inputs, axis=2) if self.flip else inputs
        if self.quarter_turns % 2:
            x = ops.transpose(x, (0, 2, 1, 3))
        # One axis at a time: `ops.flip` with a tuple of axes fails on Keras 3.8 to 3.13 with TensorFlow.
        for axis in ((), (1,), (1, 2), (2,))[self.quarter_turns]:
            x = ops.flip(x, axis=axis)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, width, height, channels) if self.quarter_turns % 2 else tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "quarter_turns": self.quarter_turns, "flip": self.flip}


def rotated_views(tower, rotations=4, flips=True):
    """A tower that concatenates the embeddings of rotated and flipped views of an image.

    The cosine similarity of two embeddings is the mean of the cosine similarities of their views. Images are compared
    view by view, so an orientation that matters, such as that of 6 and 9, is preserved. The ensemble needs no training;
    it multiplies the running time and the embedding dimension by the number of views. It helps most if the tower was
    trained on rotated images, each rotation as a class of its own; for photos, try `rotations=1`.

    ```python
    tower = towers.rotated_views(towers.pretrained("omniglot"))  # (batch, 28, 28, 1) -> (batch, 8 * 64)
    ```

    Args:
        tower: A `keras.Model` from images `(batch, height, width, channels)` to embeddings `(batch, dim)`; its weights
            are shared, not copied.
        rotations: 4 for all quarter turns (square images only), 2 for 0 and 180 degrees, 1 for no rotation.
        flips: Whether the left-to-right flip of each rotation is a view as well.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, views * dim)`, float32, of unit
        length, with `views = rotations`, or twice that with `flips`.
    """
    template = check_tower(tower)
    if rotations not in (1, 2, 4):
        raise ValueError(f"`rotations` must be 1, 2 or 4. Received: rotations={plain(rotations)!r}.")
    shape = tuple(template.shape[1:])
    if rotations == 4 and len(shape) == 3 and shape[0] != shape[1]:
        raise ValueError(f"`rotations=4` needs square images. Received: images of shape {shape}. Use `rotations=2`.")
    tower = renamed(tower, "tower")
    inputs = keras.Input(shape, dtype=template.dtype, name="inputs")
    embeddings = []
    for flip in (False, True) if flips else (False,):
        for quarter_turns in range(0, 4, 4 // rotations):
            name = f"{90 * quarter_turns}" + ("_flip" if flip else "")
            view = RotateFlip(quarter_turns, flip, dtype=template.dtype, name=f"rotate_{name}")(inputs)
            embeddings.append(UnitLength(name=f"unit_length_{name}")(embed(tower, view)))
    x = embeddings[0]
    if len(embeddings) > 1:
        x = layers.Concatenate(dtype="float32", name="concatenate")(embeddings)
    return keras.Model(inputs, UnitLength(name="unit_length")(x), name="tower")
