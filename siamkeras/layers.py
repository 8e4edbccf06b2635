"""Layers that compare embeddings, and endpoint layers that add a loss to the model.

All layers compute in float32, also under mixed precision.
"""

import keras
from keras import ops

from siamkeras import distances, losses, prototypes
from siamkeras._tensors import as_float, gathered, replicas
from siamkeras._validation import check_integer, check_number
from siamkeras.losses._inputs import check_margin

__all__ = [
    "ContrastiveLossLayer",
    "CosineClassifier",
    "Distance",
    "InBatchSoftmaxLossLayer",
    "InvertDarkInk",
    "PrototypeLogits",
    "TripletLossLayer",
    "UnitLength",
    "WeightedDistance",
]


class _Float32Layer(keras.layers.Layer):
    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)


@keras.saving.register_keras_serializable("siamkeras")
class UnitLength(_Float32Layer):
    """Scales each embedding to unit length: `(batch, dim)` -> `(batch, dim)`.

    The gradient at a zero vector is finite, unlike that of `keras.layers.UnitNormalization`.
    """

    def call(self, inputs):
        return distances.unit_length(inputs)


@keras.saving.register_keras_serializable("siamkeras")
class InvertDarkInk(_Float32Layer):
    """Inverts images with a mean above 0.5, such as dark ink on light paper; values in [0, 1], any shape."""

    def call(self, inputs):
        is_dark_ink = ops.mean(inputs, axis=tuple(range(1, len(inputs.shape))), keepdims=True) > 0.5
        return ops.where(is_dark_ink, 1 - inputs, inputs)


@keras.saving.register_keras_serializable("siamkeras")
class Distance(_Float32Layer):
    """Distance of two embeddings: `[(batch, dim), (batch, dim)]` -> `(batch,)`.

    Args:
        distance: A name in `distances.DISTANCES`, or a function `(batch, dim), (batch, dim) -> (batch,)`, registered
            with `keras.saving.register_keras_serializable`.
    """

    def __init__(self, distance="euclidean", **kwargs):
        super().__init__(**kwargs)
        self.distance = distances.get(distance)

    def build(self, input_shape):
        _check_two_embeddings(self, input_shape)

    def call(self, inputs):
        distance = self.distance(*inputs)
        if len(distance.shape) != 1:
            raise ValueError(f"A distance must have shape (batch,). Received: {tuple(distance.shape)}.")
        return distance

    def get_config(self):
        return {**super().get_config(), "distance": distances._serialize(self.distance)}


@keras.saving.register_keras_serializable("siamkeras")
class _Stack(_Float32Layer):
    """Stacks tensors `(batch,)` to `(batch, n)`; `ops.stack` outside a layer cannot be loaded from an `.h5` file."""

    def call(self, inputs):
        return ops.stack(inputs, axis=1)


@keras.saving.register_keras_serializable("siamkeras")
class ContrastiveLossLayer(_Float32Layer):
    """Adds the contrastive loss to the model: `[same, distance]` -> `distance`, `(batch,)` each.

    An endpoint for data without y: `same` is an input of the model, also at inference, and `compile` gets no loss. It
    ignores `sample_weight`.

    Args:
        margin: As for `losses.contrastive`.
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**kwargs)
        self.margin = check_margin(margin)

    def call(self, inputs):
        same, distance = inputs
        self.add_loss(_mean(losses.contrastive(same, distance, self.margin)))
        return distance

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("siamkeras")
class TripletLossLayer(_Float32Layer):
    """Adds the triplet loss to the model: `[d_pos, d_neg]`, `(batch,)` each -> both, `(batch, 2)`.

    An endpoint for data without y, as `ContrastiveLossLayer`. `fit` reports the fraction of `active` triplets (not on
    JAX, where Keras drops the metrics of layers).

    Args:
        margin: As for `losses.triplet`.
    """

    def __init__(self, margin=0.2, **kwargs):
        super().__init__(**kwargs)
        self.margin = check_margin(margin, allow_soft=True)
        has_metrics = keras.backend.backend() != "jax"
        self.active = keras.metrics.Mean(name="active") if has_metrics else None

    def call(self, inputs):
        d_pos, d_neg = inputs
        loss = losses.triplet(d_pos, d_neg, self.margin)
        self.add_loss(_mean(loss))
        if self.active is not None:
            self.active.update_state(ops.cast(loss > 0, "float32"))
        return ops.stack([d_pos, d_neg], axis=1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("siamkeras")
class InBatchSoftmaxLossLayer(_Float32Layer):
    """Adds the InfoNCE loss to the model: `[left, right]` embeddings -> cosine distance of each pair, `(batch,)`.

    An endpoint for same pairs without y, as `ContrastiveLossLayer`. The loss is `losses.info_nce`, with its `negatives`
    as an optional third input; `losses.in_batch_softmax` is for labelled examples.

    Args:
        temperature: As for `losses.info_nce`.
    """

    def __init__(self, temperature=0.1, **kwargs):
        super().__init__(**kwargs)
        self.temperature = check_number("temperature", temperature, above=0)

    def call(self, inputs):
        left, right, *negatives = inputs
        all_left, all_right, *all_negatives = gathered(left, right, *negatives)
        self.add_loss(_mean(losses.info_nce(all_left, all_right, self.temperature, *all_negatives)))
        return distances.cosine(left, right)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("siamkeras")
class WeightedDistance(_Float32Layer):
    """Probability that two embeddings are of the same class: `[(batch, dim), (batch, dim)]` -> `(batch, 1)`.

    `sigmoid(sum_i weight_i |left_i - right_i| + bias)`, the head of Koch, Zemel and Salakhutdinov (2015): a Manhattan
    distance with learned weights and a learned threshold. The output is a column because the binary cross-entropy of
    Keras averages over the last axis.

    Args:
        kernel_regularizer: Regularizer of the weights, or None.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """

    def __init__(self, kernel_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        _check_two_embeddings(self, input_shape)
        shape = (input_shape[0][-1], 1)
        self.kernel = self.add_weight(
            shape=shape, initializer="glorot_uniform", regularizer=self.kernel_regularizer, name="kernel"
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.sigmoid(self.logits(inputs))

    def logits(self, inputs):
        """Logits before the sigmoid, `(batch, 1)`; unlike probabilities, they do not saturate at 1."""
        left, right = inputs
        return ops.matmul(ops.abs(as_float(left) - as_float(right)), self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer)}


@keras.saving.register_keras_serializable("siamkeras")
class PrototypeLogits(_Float32Layer):
    """Classifies the queries of an episode by prototypes: `[support (way * shot, dim), query (n, dim)]` -> `(n, way)`.

    The support is sorted by class, as `generators.episodes` yields it. The prototype of a class is the mean of its
    support embeddings; see `prototypes.logits`.

    Args:
        way: Number of classes, at least 2.
        distance, scale: As for `prototypes.logits`.

    Reference: https://arxiv.org/abs/1703.05175
    """

    def __init__(self, way, distance="squared_euclidean", scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.way = check_integer("way", way, 2)
        self.distance = distances.get(distance)
        self.scale = check_number("scale", scale, above=0)

    def call(self, inputs):
        support, query = inputs
        if replicas() > 1:
            raise ValueError(
                "Replicas cannot divide an episode, because prototypes need the whole support. Train on one device. "
                f"Received: `tf.distribute` with {replicas()} replicas."
            )
        if support.shape[0] is not None and (support.shape[0] == 0 or support.shape[0] % self.way):
            raise ValueError(
                f"The support must have the same number of embeddings for each of {self.way} classes. "
                f"Received: {support.shape[0]} embeddings."
            )
        means = ops.mean(ops.reshape(support, (self.way, -1, support.shape[1])), axis=1)
        return prototypes.logits(query, means, self.distance, self.scale)

    def compute_output_shape(self, input_shape):
        return (input_shape[1][0], self.way)

    def get_config(self):
        config = {"way": self.way, "distance": distances._serialize(self.distance), "scale": self.scale}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("siamkeras")
class CosineClassifier(_Float32Layer):
    """Cosine classifier: `(batch, dim)` -> logits `(batch, classes)`, `scale * cos(embedding, proxy of the class)`.

    Each class has one learned vector, its proxy; see `models.classifier`.

    Args:
        classes: Number of classes, at least 2; labels are 0 to classes - 1.
        scale: Factor of the similarities, above 0. Similarities alone are at most 1, so that the largest probability
            would stay small.
        initializer: Initializer of the proxies, `(classes, dim)`.

    References: https://arxiv.org/abs/1804.09458 (cosine classifier), https://arxiv.org/abs/1703.07464 (proxies)
    """

    def __init__(self, classes, scale=16.0, initializer="random_normal", **kwargs):
        super().__init__(**kwargs)
        self.classes = check_integer("classes", classes, 2)
        self.scale = check_number("scale", scale, above=0)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        shape = (self.classes, input_shape[-1])
        self.proxies = self.add_weight(shape=shape, initializer=self.initializer, name="proxies")

    def call(self, inputs):
        return self.scale * (1.0 - distances.pairwise(inputs, self.proxies, "cosine"))

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "classes": self.classes, "scale": self.scale, "initializer": initializer}


def _mean(loss):
    """Mean of a loss; 0 for an empty batch, which a replica can receive."""
    return ops.divide_no_nan(ops.sum(loss), ops.cast(ops.size(loss), loss.dtype))


def _check_two_embeddings(layer, input_shape):
    # Keras would broadcast (batch, 1) against (batch, dim).
    if len(input_shape) != 2 or input_shape[0] != input_shape[1] or len(input_shape[0]) != 2:
        raise ValueError(
            f"`{type(layer).__name__}` expects two embeddings (batch, dim) of the same shape. "
            f"Received: shapes {input_shape}."
        )
