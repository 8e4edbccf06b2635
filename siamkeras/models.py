"""Models that train a tower: copies of the tower with shared weights, and a comparison of their embeddings.

A program that loads a saved model or tower imports siamkeras first, which registers its layers with Keras. Otherwise
`keras.saving.load_model` raises `Could not locate class 'UnitLength'`, or the name of another layer.
"""

import keras

from siamkeras import layers
from siamkeras._validation import plain
from siamkeras.towers._blocks import check_tower, embed, has_one_embedding, renamed

__all__ = [
    "classifier",
    "contrastive",
    "in_batch_softmax",
    "prototypical",
    "siamese",
    "tower_of",
    "triplet",
    "verifier",
]

# The layers that end the models of this module, by name.
_HEADS = {
    "contrastive_loss": layers.ContrastiveLossLayer,
    "cosine_classifier": layers.CosineClassifier,
    "distance": layers.Distance,
    "distances": layers._Stack,
    "in_batch_softmax_loss": layers.InBatchSoftmaxLossLayer,
    "prototype_logits": layers.PrototypeLogits,
    "triplet_loss": layers.TripletLossLayer,
    "weighted_distance": layers.WeightedDistance,
}


def siamese(tower, distance="euclidean", roles=("left", "right")):
    """A Siamese network: one tower embeds two or more inputs, and their embeddings are compared.

    The weights are shared: training this model trains the tower. Compile it with `losses.ContrastiveLoss` and
    `metrics.PairAccuracy`. The losses and metrics of Keras, such as "mse", "binary_crossentropy", "accuracy" and AUC,
    expect a large output where the label is 1, whereas the distance of a same pair is small; use them with a
    `verifier`, or with the label `1 - same`.

    Args:
        tower: A built `keras.Model` with one input and one output `(batch, dim)`, from `towers` or your own. Or a dict
            `{role: tower}` of different towers with the same embedding dimension, each with its own weights.
        distance: A name in `distances.DISTANCES` or a function; None returns the embeddings.
        roles: Names of the inputs; ignored if `tower` is a dict, whose keys are the roles. `evaluation` needs "left"
            and "right".

    Returns:
        A `keras.Model` named "siamese" that takes a dict keyed by role, each `(batch, *input_shape)`. It returns

        - with two roles, the distance of each pair, `(batch,)`;
        - with more roles, the distances of the first to each other role, `(batch, roles - 1)`;
        - with `distance=None`, the embeddings, a dict keyed by role, each `(batch, dim)`.

    Raises:
        ValueError: not a tower; fewer than two roles; different embedding dimensions.

    With `distance=None` you can add a head of your own, such as one on the absolute difference of the embeddings:

    >>> import keras
    >>> from siamkeras import models, towers
    >>> siamese = models.siamese(towers.dense(6, embedding_dim=4), distance=None)
    >>> difference = keras.ops.abs(siamese.output["left"] - siamese.output["right"])
    >>> probability = keras.layers.Dense(1, activation="sigmoid")(difference)
    >>> model = keras.Model(siamese.input, probability)
    >>> model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])  # train on `generators.pairs`
    """
    inputs, embeddings = _embeddings(tower, tuple(tower) if isinstance(tower, dict) else roles)
    outputs = embeddings if distance is None else _distances(embeddings, distance)
    return keras.Model(inputs, outputs, name="siamese")


def contrastive(tower, margin=1.0, distance="euclidean"):
    """A Siamese network with the contrastive loss inside, for data without y; call `compile` without a loss.

    Training is the same as that of `siamese` with `losses.ContrastiveLoss`, on
    `generators.same_as_input(generators.pairs(...))`. `sample_weight` is ignored. `same` is an input at inference too:
    evaluate on a stream with `generators.same_as_input`, or evaluate `siamese(tower_of(model), distance=distance)`.

    Args:
        tower: As for `siamese`, with the roles "left" and "right".
        margin: Above 0; different pairs at this distance or farther have no loss.
        distance: As for `siamese`.

    Returns:
        A `keras.Model` named "contrastive": `{"left", "right", "same"}` -> distance, `(batch,)`.
    """
    inputs, embeddings = _embeddings(tower, ("left", "right"))
    inputs["same"] = keras.Input((), dtype="float32", name="same")
    endpoint = layers.ContrastiveLossLayer(margin, name="contrastive_loss")
    outputs = endpoint([inputs["same"], _distances(embeddings, distance)])
    return keras.Model(inputs, outputs, name="contrastive")


def triplet(tower, margin=0.2, distance="euclidean"):
    """A triplet network with the triplet loss inside, for data without y; call `compile` without a loss.

    Trains on `generators.triplets`. `fit` also reports `active`, the fraction of triplets with a loss above 0
    (not on JAX).

    Args:
        tower: As for `siamese`, with the roles "anchor", "positive" and "negative".
        margin: Required difference between the two distances, or "soft"; see `losses.triplet`.
        distance: As for `siamese`.

    Returns:
        A `keras.Model` named "triplet": `{"anchor", "positive", "negative"}` -> the distances from the anchor to the
        positive and to the negative, `(batch, 2)`.
    """
    inputs, embeddings = _embeddings(tower, ("anchor", "positive", "negative"))
    compare = layers.Distance(distance, name="distance")
    d_pos, d_neg = (compare([embeddings["anchor"], embeddings[role]]) for role in ("positive", "negative"))
    outputs = layers.TripletLossLayer(margin, name="triplet_loss")([d_pos, d_neg])
    return keras.Model(inputs, outputs, name="triplet")


def in_batch_softmax(tower, temperature=0.1, negatives=False):
    """A Siamese network with the InfoNCE loss inside: the rights of the other pairs are the negatives.

    Train it on positive pairs, each of another class, without y: `generators.positive_pairs` of labelled examples,
    `generators.from_pairs(left, right, None)` or `generators.two_views`. Call `compile` without a loss. `fit` and
    `evaluate` raise an error for data with y; a model that was loaded from a file or cloned ignores y.

    The loss is `losses.info_nce`, the N-pair loss (Sohn, 2016) with cosine similarities, also called multiple-negatives
    ranking loss. CLIP averages it over both directions; NT-Xent (SimCLR) does too, and counts the other lefts as
    negatives of a left as well: `losses.InBatchSoftmaxLoss` on labelled batches with two examples per class.

    Args:
        tower: As for `siamese`, with the roles "left" and "right", or those of `negatives`.
        temperature: Divisor of the cosine similarities, above 0.
        negatives: Whether to train on triplets, as from `generators.from_triplets`: an anchor then has as negatives the
            positives of all other triplets and the negatives of all triplets in the batch.

    Returns:
        A `keras.Model` named "in_batch_softmax": `{"left", "right"}` -> cosine distance, `(batch,)`. With `negatives`,
        `{"anchor", "positive", "negative"}` -> cosine distance of anchor and positive, `(batch,)`.
    """
    inputs, embeddings = _embeddings(tower, ("anchor", "positive", "negative") if negatives else ("left", "right"))
    endpoint = layers.InBatchSoftmaxLossLayer(temperature, name="in_batch_softmax_loss")
    return _without_y(keras.Model(inputs, endpoint(list(embeddings.values())), name="in_batch_softmax"))


def verifier(tower, kernel_regularizer=None):
    """A Siamese network that returns the probability that a pair is "same" (Koch, Zemel and Salakhutdinov, 2015).

    The weights of the componentwise comparison are learned, see `layers.WeightedDistance`. Train it on
    `generators.pairs` with `compile("adam", loss="binary_crossentropy", metrics=["accuracy"])`.

    Args:
        tower: As for `siamese`, with the roles "left" and "right"; `towers.koch` is the tower of the paper.
        kernel_regularizer: Regulariser of the weights of the comparison, such as `keras.regularizers.L2(1e-4)`.

    Returns:
        A `keras.Model` named "verifier": `{"left", "right"}` -> probability, `(batch, 1)`. A large output means
        similar, unlike a distance; `evaluation` converts it. On JAX and torch the gradient is 0 where the probability
        rounds to 0 or 1; Keras on TensorFlow computes the loss from the logits.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """
    if isinstance(kernel_regularizer, keras.Model):
        raise ValueError("Pass different towers as a dict, {'left': tower, 'right': tower}. Received: two models.")
    inputs, embeddings = _embeddings(tower, ("left", "right"))
    head = layers.WeightedDistance(kernel_regularizer=kernel_regularizer, name="weighted_distance")
    return keras.Model(inputs, head(list(embeddings.values())), name="verifier")


def prototypical(tower, way, distance="squared_euclidean", scale=10.0):
    """A prototypical network: logits of each query from its distances to the class means (Snell et al., 2017).

    Trains on `generators.episodes` with the same `way` and
    `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`. Sort the support by class, with the same number of
    examples for each: the model sees only the number of rows, so it cannot distinguish 5 classes x 2 examples from
    10 x 1. Replicas of `tf.distribute` cannot divide an episode.

    Args:
        tower: As for `siamese`, with the roles "support" and "query".
        way: Number of classes of an episode.
        distance: A name in `distances.DISTANCES` or a function.
        scale: Factor of the distances, above 0. The paper needs none, because its embeddings are not normalised; those
            of unit length do, see `prototypes.logits`.

    Returns:
        A `keras.Model` named "prototypical": `{"support": (way * shot, ...), "query": (n, ...)}` -> logits `(n, way)`.

    Reference: https://arxiv.org/abs/1703.05175
    """
    inputs, embeddings = _embeddings(tower, ("support", "query"))
    head = layers.PrototypeLogits(way, distance, scale, name="prototype_logits")
    return keras.Model(inputs, head(list(embeddings.values())), name="prototypical")


def classifier(tower, classes, scale=16.0, proxies=None):
    """A cosine classifier on a tower, to pretrain the tower on labelled examples or to fine-tune it on a support set.

    Compile it with `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`, or, for a margin between classes,
    `losses.ArcFaceLoss` or `losses.CosFaceLoss` with the same `scale`. Fine-tuning starts from prototypes and changes
    the tower. If you need the original, `towers.freeze` the tower or pass a copy
    (`copy = keras.models.clone_model(tower); copy.set_weights(tower.get_weights())`):

    ```python
    proxies = prototypes.from_support(tower(support), labels, way=5)
    few_shot = models.classifier(tower, classes=5, proxies=proxies)
    few_shot.compile(keras.optimizers.Adam(1e-3), losses.FineTuningLoss())
    few_shot.fit(support, labels, batch_size=len(labels), epochs=20)
    ```

    For training on image files, `generators.balanced` is a labelled stream:

    ```python
    files, load = data.image_paths("photos"), data.load_image(size=(96, 96))
    stream = generators.balanced(files.images, files.labels, classes=8, load=load, every_image=True)  # 8 x 4 images
    classifier.fit(stream, steps_per_epoch=100, epochs=5, shuffle=False)
    ```

    Args:
        tower: A built `keras.Model` with one input and one output `(batch, dim)`.
        classes: Number of classes; labels are 0 to classes - 1. The parts from `data.split_by_class` keep the labels of
            the whole data set: `np.unique(labels, return_inverse=True)[1]` numbers those that occur.
        scale: Factor of the cosine similarities; see `layers.CosineClassifier`.
        proxies: Initial weight vector of each class, such as its prototype, `(classes, dim)`; None for random ones.

    Returns:
        A `keras.Model` named "classifier": `(batch, *input_shape)` -> logits `(batch, classes)`.
    """
    template = check_tower(tower)
    tower = _with_other_name(tower, ["inputs"])
    head = layers.CosineClassifier(classes, scale, name="cosine_classifier")
    inputs = keras.Input(template.shape[1:], dtype=template.dtype, name="inputs")
    model = keras.Model(inputs, head(embed(tower, inputs)), name="classifier")
    if proxies is not None:
        head.proxies.assign(proxies)
    return model


def tower_of(model, role=None):
    """The tower of a model built by this module; a tower is returned unchanged.

    Args:
        model: A model of this module, or a tower: any other model with one input and one output `(batch, dim)`.
        role: The role of the tower, such as "left"; required if the model has different towers.

    Returns:
        The `keras.Model` inside, with shared weights.

    Raises:
        ValueError: not a model of this module; several towers and no such `role`.
    """
    if has_one_embedding(model) and not isinstance(model.layers[-1], layers.CosineClassifier):
        return model
    parts = [layer for layer in getattr(model, "layers", []) if not isinstance(layer, keras.layers.InputLayer)]
    towers = [layer for layer in parts if has_one_embedding(layer)]
    if not towers or not all(layer in towers or isinstance(layer, tuple(_HEADS.values())) for layer in parts):
        raise ValueError(f"`model` must be a tower or a model from `siamkeras.models`. Received: {model!r}.")
    if len(towers) == 1:
        return towers[0]
    by_role = {tower.name.removesuffix("_tower"): tower for tower in towers}
    if role not in by_role:
        raise ValueError(f"The model has several towers; `role` must be one of {[*by_role]}. Received: {plain(role)}.")
    return by_role[role]


def _verifier_head(model):
    """The `layers.WeightedDistance` of a `verifier`; None for other models."""
    heads = [layer for layer in model.layers if isinstance(layer, layers.WeightedDistance)]
    if heads and heads[0] is not model.layers[-1]:
        raise ValueError(f"The head of a verifier must be its last layer. Received: {model.layers[-1]!r} after it.")
    return heads[0] if heads else None


def _embeddings(tower, roles):
    """Inputs and embeddings, dicts keyed by role in the order of `roles`."""
    if isinstance(roles, str) or len(roles) < 2 or len(set(roles)) < len(roles):
        raise ValueError(f"`roles` must be at least two different names. Received: {plain(roles)!r}.")
    towers = _towers(tower, roles)
    templates = {role: check_tower(tower) for role, tower in towers.items()}
    inputs = {role: keras.Input(x.shape[1:], dtype=x.dtype, name=role) for role, x in templates.items()}
    return inputs, {role: embed(towers[role], inputs[role]) for role in roles}


def _towers(tower, roles):
    """The tower of each role."""
    if not isinstance(tower, dict):
        return dict.fromkeys(roles, _with_other_name(tower, [*roles, "same"]))
    if set(tower) != set(roles):
        raise ValueError(f"`tower` must have the keys {', '.join(roles)}. Received: {', '.join(map(str, tower))}.")
    for each in tower.values():
        check_tower(each)
    dims = {role: each.outputs[0].shape[1] for role, each in tower.items()}
    if len(set(dims.values())) > 1:
        raise ValueError(f"All towers must have the same embedding dimension. Received: {dims}.")
    # A model cannot have two layers of the same name, and all towers are named "tower".
    return {role: renamed(tower[role], f"{role}_tower") for role in roles}


def _with_other_name(tower, inputs):
    """`tower`, renamed if an input or a head of the model has its name."""
    name = getattr(tower, "name", None)
    return renamed(tower, f"{name}_tower") if name in [*inputs, *_HEADS] else tower


def _without_y(model):
    """`model`, changed to reject data with y, which Keras would ignore because `compile` gets no loss."""
    compute_loss = model.compute_loss

    def checked(x=None, y=None, *args, **kwargs):
        if y is not None and model.loss is None:
            if "negative" in model.input:
                expected, streams = "triplets", "`generators.from_triplets`"
            else:
                expected, streams = "same pairs only", "`generators.positive_pairs`, or `from_pairs` with `same=None`"
            raise ValueError(
                f"`models.{model.name}` takes {expected}, without y. Received: data with y. Use {streams}."
            )
        return compute_loss(x, y, *args, **kwargs)

    model.compute_loss = checked
    return model


def _distances(embeddings, distance):
    """Distances of the first embedding to each of the others: `(batch,)` for two, else `(batch, n - 1)`."""
    compare = layers.Distance(distance, name="distance")
    first, *others = embeddings.values()
    distances = [compare([first, other]) for other in others]
    return distances[0] if len(distances) == 1 else layers._Stack(name="distances")(distances)
