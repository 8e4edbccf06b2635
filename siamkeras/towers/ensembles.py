"""Test-time ensemble: one tower applied to rotated and flipped views of an image."""

import keras
from keras import layers, ops

from siamkeras._validation import check_integer
from siamkeras.layers import UnitLength
from siamkeras.towers._blocks import check_tower, embed


@keras.saving.register_keras_serializable("siamkeras")
class RotateFlip(layers.Layer):
    """Flips images left to right, then rotates them counterclockwise by quarter turns, as `numpy.rot90`.

    `(batch, height, width, channels)` -> the same shape, or `(batch, width, height, channels)` for an odd number of
    quarter turns.

    Args:
        quarter_turns: Number of quarter turns, 0 to 3.
        flip: Whether the image is flipped left to right first.
    """

    def __init__(self, quarter_turns=1, flip=False, **kwargs):
        super().__init__(**kwargs)
        self.quarter_turns = check_integer("quarter_turns", quarter_turns, 0, 3)
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


def rotated_views(tower, rotations=4, flips=True, normalize=True):
    """A tower that concatenates the embeddings of rotated and flipped views of an image.

    Two images are compared view by view, so an orientation that matters, such as that of 6 and 9, is preserved. With
    `normalize`, the cosine similarity of two embeddings is the mean of the cosine similarities of their views. This
    ensemble needs no training and no additional weights; it multiplies the running time and the embedding dimension by
    the number of views. It helps most if the tower was trained on rotated images, each rotation as a class of its own;
    for photos, try `rotations=1`.

    ```python
    tower = towers.rotated_views(towers.pretrained("omniglot"))  # (batch, 28, 28, 1) -> (batch, 8 * 64)
    ```

    Args:
        tower: A `keras.Model` from images `(batch, height, width, channels)` to embeddings `(batch, dim)`; its weights
            are shared, not copied.
        rotations: 4 for all quarter turns (square images only), 2 for 0 and 180 degrees, 1 for no rotation.
        flips: Whether the left-to-right flip of each rotation is a view as well.
        normalize: Whether each view's embedding and the concatenation are scaled to unit length. Otherwise, squared
            Euclidean distances add up over the views.

    Returns:
        A `keras.Model` named "tower": `(batch, height, width, channels)` -> `(batch, views * dim)`, float32, with
        `views = rotations`, or twice that with `flips`.

    Raises:
        ValueError: `tower` has no images as input or no single embedding as output; `rotations` is not 1, 2 or 4;
            `rotations=4` for images that are not square.

    The eight views are the orbit of the image under the dihedral group of the square, see
    https://arxiv.org/abs/1602.07576 for networks with this symmetry in every layer.
    """
    template = check_tower(tower)
    if rotations not in (1, 2, 4):
        raise ValueError(f"`rotations` must be 1, 2 or 4. Received: rotations={rotations!r}.")
    shape = tuple(template.shape[1:])
    if rotations == 4 and len(shape) == 3 and shape[0] != shape[1]:
        raise ValueError(f"`rotations=4` needs square images. Received: images of shape {shape}. Use `rotations=2`.")
    inputs = keras.Input(shape, dtype=template.dtype, name="inputs")
    embeddings = []
    for flip in (False, True) if flips else (False,):
        for quarter_turns in range(0, 4, 4 // rotations):
            name = f"{90 * quarter_turns}" + ("_flip" if flip else "")
            view = RotateFlip(quarter_turns, flip, dtype=template.dtype, name=f"rotate_{name}")(inputs)
            embedding = embed(tower, view)
            embeddings.append(UnitLength(name=f"unit_length_{name}")(embedding) if normalize else embedding)
    x = embeddings[0]
    if len(embeddings) > 1:
        x = layers.Concatenate(dtype="float32", name="concatenate")(embeddings)
    final = UnitLength(name="unit_length") if normalize else layers.Identity(dtype="float32", name="embedding")
    return keras.Model(inputs, final(x), name="tower")
