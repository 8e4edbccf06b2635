"""Where towers meet: layers that compare embeddings, and endpoints that carry a loss.

Comparisons and losses stay float32 under mixed precision.
"""

import keras
from keras import ops

from siamkeras import distances, losses, prototypes


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
        self.distance = distances.name_of(distance)

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


@keras.saving.register_keras_serializable("siamkeras")
class TripletLossLayer(_Float32Layer):
    """Triplet loss inside the model: `[d_pos, d_neg]` -> both, `(batch, 2)`, and the loss is added to the model's.

    An endpoint for models with no y, see `ContrastiveLossLayer`; a `sample_weight` does not reach it. `fit` shows the
    share of the triplets that are `active`, those that cost something. (Not on JAX, where Keras drops what a layer
    counts.)

    Args:
        margin: By how much a negative is to be farther than a positive; see `losses.triplet`.

    Raises:
        ValueError: a margin that is neither a positive number nor "soft"; not exactly the two distances.
    """

    def __init__(self, margin=0.2, **kwargs):
        super().__init__(**kwargs)
        self.margin = losses.check_margin(margin, soft=True)
        if keras.backend.backend() != "jax":
            self.active = keras.metrics.Mean(name="active")

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[0] != input_shape[1]:
            raise ValueError(f"`TripletLossLayer` takes [d_pos, d_neg], (batch,) each. Received: shapes {input_shape}.")

    def call(self, inputs):
        d_pos, d_neg = inputs
        loss = losses.triplet(d_pos, d_neg, self.margin)
        self.add_loss(ops.mean(loss))
        if keras.backend.backend() != "jax":
            self.active.update_state(ops.cast(loss > 0, "float32"))
        return ops.stack([d_pos, d_neg], axis=1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0], 2)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("siamkeras")
class InBatchSoftmaxLossLayer(_Float32Layer):
    """In-batch softmax inside the model: `[left, right]` embeddings -> cosine distance of each pair, `(batch,)`.

    An endpoint for pairs that are all of one class each, see `losses.info_nce`; the loss is added to the
    model's, and a `sample_weight` does not reach it.

    Args:
        temperature: What similarities are divided by, above 0.

    Raises:
        ValueError: temperature not a positive number; not exactly two embeddings of one shape.
    """

    def __init__(self, temperature=0.1, **kwargs):
        super().__init__(**kwargs)
        self.temperature = losses.check_positive("temperature", temperature)

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[0] != input_shape[1]:
            raise ValueError(
                f"`InBatchSoftmaxLossLayer` takes [left, right], two embeddings of one shape. Received: {input_shape}."
            )

    def call(self, inputs):
        self.add_loss(ops.mean(losses.info_nce(*inputs, self.temperature)))
        return distances.cosine(*inputs)

    def compute_output_shape(self, input_shape):
        return input_shape[0][:-1]

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("siamkeras")
class WeightedDistance(_Float32Layer):
    """Probability that two embeddings are of one class: `[(batch, dim), (batch, dim)]` -> `(batch, 1)`, float32.

    `sigmoid(sum_i weight_i |left_i - right_i| + bias)`, the head of Koch, Zemel and Salakhutdinov (2015): the Manhattan
    distance, with a learned weight for each component and a learned threshold. A column, as the cross-entropy of Keras
    needs it to give one value for each pair. Swapping left and right changes nothing.

    Args:
        kernel_initializer: Of the weights, `(dim,)`.
        bias_initializer: Of the bias, a scalar.
        kernel_regularizer: Of the weights, such as `keras.regularizers.L2(1e-4)`; or None.

    Raises:
        ValueError: not exactly two embeddings of one shape.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """

    def __init__(
        self, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        if len(input_shape) != 2 or input_shape[0] != input_shape[1] or len(input_shape[0]) != 2:
            raise ValueError(
                "`WeightedDistance` compares two embeddings of the same shape, (batch, dim). "
                f"Received: shapes {input_shape}."
            )
        self.kernel = self.add_weight(
            shape=(input_shape[0][-1], 1),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(1,), initializer=self.bias_initializer, name="bias")

    def call(self, inputs):
        return ops.sigmoid(self.logits(inputs))

    def logits(self, inputs):
        """What goes into the sigmoid, `(batch, 1)`: large means alike. Where probabilities round to 1, it goes on."""
        difference = ops.cast(distances.absolute_difference(*inputs), self.compute_dtype)
        return ops.matmul(difference, self.kernel) + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], 1)

    def get_config(self):
        parts = {
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
        return {**super().get_config(), **parts}


@keras.saving.register_keras_serializable("siamkeras")
class PrototypeLogits(_Float32Layer):
    """Classes of an episode: `[support (way * shot, dim), query (n, dim)]` -> logits `(n, way)`, float32.

    The support comes class after class, as `generators.episodes` gives it; each class is the mean of its embeddings,
    and a query is compared with each: see `prototypes`.

    Args:
        way: How many classes the support has; its length must be a multiple of that.
        distance: As for `prototypes.logits`.
        scale: As for `prototypes.logits`, above 0.

    Raises:
        ValueError: way not a whole number of at least 2; scale not a positive number; unknown distance; not exactly
            two sets of embeddings of one length.

    Reference: https://arxiv.org/abs/1703.05175
    """

    def __init__(self, way, distance="squared_euclidean", scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.way = losses.check_whole("way", way, 2)
        self.distance = distances.name_of(distance)
        self.scale = losses.check_positive("scale", scale)

    def build(self, input_shape):
        if len(input_shape) != 2 or not all(isinstance(each, (tuple, list)) and len(each) == 2 for each in input_shape):
            raise ValueError(f"`PrototypeLogits` takes [support, query] embeddings. Received: shapes {input_shape}.")
        if input_shape[0][1] != input_shape[1][1]:
            raise ValueError(f"`PrototypeLogits` takes [support, query] of one length. Received: shapes {input_shape}.")

    def call(self, inputs):
        support, query = inputs
        if support.shape[0] is not None and (support.shape[0] % self.way or not support.shape[0]):
            raise ValueError(
                f"A support of {self.way} classes has as many embeddings of each. Received: {support.shape[0]}."
            )
        middle = ops.mean(ops.reshape(support, (self.way, -1, support.shape[1])), axis=1)
        return prototypes.logits(query, middle, self.distance, self.scale)

    def compute_output_shape(self, input_shape):
        return (input_shape[1][0], self.way)

    def get_config(self):
        kept = {"way": self.way, "scale": self.scale}
        return {**super().get_config(), **kept, "distance": keras.saving.serialize_keras_object(self.distance)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "distance": keras.saving.deserialize_keras_object(config["distance"])})


@keras.saving.register_keras_serializable("siamkeras")
class CosineClassifier(_Float32Layer):
    """Classifier by cosine similarity: `(batch, dim)` -> logits `(batch, classes)`, float32.

    `scale * cos(embedding, proxy of the class)`: each class has one learned vector, its proxy. To classify well, the
    tower has to point the embeddings of a class in the direction of its proxy, which is what comparing them by cosine
    needs: a way to pretrain a tower, with `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`.

    Args:
        classes: How many classes there are; labels are 0 to classes - 1.
        scale: What similarities are multiplied by, above 0. Cosines reach from -1 to 1 only, and a softmax over these
            could never be sure.
        initializer: Of the proxies, `(classes, dim)`. Each is a direction: any start without a preferred one will do.

    Raises:
        ValueError: classes not a whole number of at least 2; scale not a positive number.

    References: https://arxiv.org/abs/1804.09458 (cosine classifier), https://arxiv.org/abs/1703.07464 (proxies)
    """

    def __init__(self, classes, scale=16.0, initializer="random_normal", **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.classes = losses.check_whole("classes", classes, 2)
        self.scale = losses.check_positive("scale", scale)

    def build(self, input_shape):
        shape = (self.classes, input_shape[-1])
        self.proxies = self.add_weight(shape=shape, initializer=self.initializer, name="proxies")

    def call(self, inputs):
        return self.scale * (1.0 - distances.pairwise(inputs, self.proxies, "cosine"))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.classes)

    def get_config(self):
        kept = {"classes": self.classes, "scale": self.scale}
        return {**super().get_config(), **kept, "initializer": keras.initializers.serialize(self.initializer)}
