"""Where towers meet: layers that compare embeddings, and endpoints that carry a loss.

Comparisons and losses stay float32 under mixed precision.
"""

import keras
from keras import ops

from siamkeras import distances, losses


class _Float32Layer(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})


@keras.saving.register_keras_serializable("siamkeras")
class UnitLength(_Float32Layer):
    """Scales each embedding to length 1: `(batch, dim)` -> `(batch, dim)`, float32.

    `keras.layers.UnitNormalization` has a NaN gradient where an embedding is all zeros, as that of a blank image can
    be; here it stays zero, with a finite gradient.
    """

    def call(self, inputs):
        return distances.unit_length(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("siamkeras")
class Distance(_Float32Layer):
    """Distance of two embeddings: `[(batch, dim), (batch, dim)]` -> `(batch,)`, float32.

    Args:
        distance: A name in `distances.DISTANCES`; or a function `(batch, dim), (batch, dim) -> (batch,)`, which must
            be registered with `keras.saving.register_keras_serializable` if the model is to be loaded again.

    Raises:
        ValueError: unknown distance; not exactly two embeddings, or two of different shape.
    """

    def __init__(self, distance="euclidean", **kwargs):
        super().__init__(**kwargs)
        self._measure = distances.get(distance)
        # One of ours given as a function is kept by its name, under which it can be loaded again.
        names = {function: name for name, function in distances.DISTANCES.items()}
        self.distance = names.get(self._measure, distance)

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[0] != input_shape[1]:
            raise ValueError(f"`Distance` compares two embeddings of the same shape. Received: shapes {input_shape}.")

    def call(self, inputs):
        found = self._measure(*inputs)
        if len(found.shape) != 1:
            raise ValueError(
                f"A distance must give one number for each pair, (batch,). Received: {tuple(found.shape)}."
            )
        return found

    def compute_output_shape(self, input_shape):
        return input_shape[0][:-1]

    def get_config(self):
        return {**super().get_config(), "distance": keras.saving.serialize_keras_object(self.distance)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "distance": keras.saving.deserialize_keras_object(config["distance"])})


@keras.saving.register_keras_serializable("siamkeras")
class ContrastiveLossLayer(_Float32Layer):
    """Contrastive loss inside the model: `[same, distance]` -> `distance`, and the loss is added to the model's.

    An endpoint is for models with no y: `same` is one of the inputs, and `compile` gets no loss. The distances come
    out unchanged, so that the model can be used for what it is for. A `sample_weight` does not reach a loss that is
    added this way; use `ContrastiveLoss` where pairs have weights.

    Args:
        margin: How far is far enough, in units of distance; see `losses.contrastive`.

    Raises:
        ValueError: margin not a positive number; not exactly the two inputs.
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**kwargs)
        self.margin = losses.check_margin(margin)

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(f"`ContrastiveLossLayer` takes [same, distance]. Received: shapes {input_shape}.")

    def call(self, inputs):
        same, distance = inputs
        self.add_loss(ops.mean(losses.contrastive(same, distance, self.margin)))
        return distance

    def compute_output_shape(self, input_shape):
        return input_shape[1]

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
