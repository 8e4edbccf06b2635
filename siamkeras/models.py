"""Ways to train a tower. The tower is the product; what is built here shares its weights."""

import keras
import numpy as np
from keras import ops

from siamkeras import layers


def siamese(tower, distance="euclidean", roles=("left", "right")):
    """Two or more siblings of one tower, and the distance between their embeddings.

    Every sibling is the same tower with the same weights: training the model trains the tower.

    Args:
        tower: A `keras.Model` with one input and one output `(batch, dim)`, from `towers` or your own. Or a dict
            `{role: tower}`: siblings of different kinds, each with weights of its own, whose embeddings are of one
            length and meet in one space.
        distance: A name in `distances.DISTANCES`, or a function; None gives the embeddings themselves.
        roles: A name for each sibling, of letters, digits and _; the model's Inputs have these names. Of a dict the
            keys are the roles.

    Returns:
        A `keras.Model` named "siamese" that takes a dict keyed by role, each `(batch, *input_shape)`. It gives

        - with two roles the distance of the pair, `(batch,)`;
        - with more roles the distances of the first to each of the others, `(batch, roles - 1)`;
        - with `distance=None` the embeddings, a dict keyed by role, each `(batch, dim)`.

    Raises:
        ValueError: a tower that is not a model with one input and one output `(batch, dim)`; fewer than two roles,
            or one twice; towers of different embeddings; unknown distance.
    """
    inputs, embeddings = _siblings(tower, roles)
    outputs = embeddings if distance is None else _distances(list(embeddings.values()), distance)
    return keras.Model(inputs, outputs, name="siamese")


def contrastive(tower, margin=1.0, distance="euclidean"):
    """A pair of siblings that carries its own loss: `same` is an input, and `compile` gets no loss.

    Trains as `siamese` with `losses.ContrastiveLoss` does, for data without y, such as
    `generators.same_as_input(generators.pairs(...))`. A `sample_weight` does not reach it.

    Args:
        tower: As for `siamese`.
        margin: How far is far enough, in units of distance; see `losses.contrastive`.
        distance: As for `siamese`.

    Returns:
        A `keras.Model` named "contrastive" that takes `{"left", "right", "same"}` and gives the distance, `(batch,)`.

    Raises:
        ValueError: as for `siamese`; margin not a positive number.
    """
    inputs, embeddings = _siblings_as(tower, ("left", "right"))
    inputs["same"] = keras.Input((), dtype="float32", name="same")
    endpoint = layers.ContrastiveLossLayer(margin, name="contrastive_loss")
    outputs = endpoint([inputs["same"], _distances(list(embeddings.values()), distance)])
    return keras.Model(inputs, outputs, name="contrastive")


def triplet(tower, margin=0.2, distance="euclidean"):
    """Three siblings that carry the triplet loss: no y, and `compile` gets no loss.

    Trains on `generators.triplets`. `fit` shows beside the loss the share of triplets that are `active`.

    Args:
        tower: As for `siamese`.
        margin: By how much a negative is to be farther than a positive, or "soft"; see `losses.triplet`.
        distance: As for `siamese`.

    Returns:
        A `keras.Model` named "triplet" that takes `{"anchor", "positive", "negative"}` and gives the distances from
        the anchor to the positive and to the negative, `(batch, 2)`.

    Raises:
        ValueError: as for `siamese`; a margin that is neither a positive number nor "soft".
    """
    endpoint = layers.TripletLossLayer(margin, name="triplet_loss")
    inputs, embeddings = _siblings_as(tower, ("anchor", "positive", "negative"))
    compare = layers.Distance(distance, name="distance")
    anchor, *others = embeddings.values()
    return keras.Model(inputs, endpoint([compare([anchor, other]) for other in others]), name="triplet")


def in_batch_softmax(tower, temperature=0.1):
    """A pair of siblings that carries the in-batch softmax: each left has to find its right among all of the batch.

    Trains on pairs that are all same, `{"left", "right"}` without a y; see `losses.info_nce`.

    Args:
        tower: As for `siamese`.
        temperature: What cosine similarities are divided by, above 0.

    Returns:
        A `keras.Model` named "in_batch_softmax" that takes `{"left", "right"}` and gives their cosine distance,
        `(batch,)`.

    Raises:
        ValueError: as for `siamese`; temperature not a positive number.
    """
    endpoint = layers.InBatchSoftmaxLossLayer(temperature, name="in_batch_softmax_loss")
    inputs, embeddings = _siblings_as(tower, ("left", "right"))
    return keras.Model(inputs, endpoint(list(embeddings.values())), name="in_batch_softmax")


def verifier(tower, kernel_regularizer=None):
    """A pair of siblings and the probability that they are of one class (Koch, Zemel and Salakhutdinov, 2015).

    The embeddings are compared component by component, and the weights of the components are learned with the tower;
    see `layers.WeightedDistance`. Trains on the pairs of `generators.pairs`, as a classifier of two classes:
    `compile("adam", loss="binary_crossentropy", metrics=["accuracy"])`.

    Args:
        tower: As for `siamese`; `towers.koch` is that of the paper.
        kernel_regularizer: Of the weights of the comparison, such as `keras.regularizers.L2(1e-4)`; or None.

    Returns:
        A `keras.Model` named "verifier" that takes `{"left", "right"}` and gives the probability of "same",
        `(batch, 1)`: large means alike. `evaluation` knows, and turns it round. On JAX and torch the gradient is 0
        where the probability rounds to 0 or 1; TensorFlow finds the logits behind it.

    Raises:
        ValueError: as for `siamese`.

    Reference: https://www.cs.cmu.edu/~rsalakhu/papers/oneshot1.pdf
    """
    inputs, embeddings = _siblings_as(tower, ("left", "right"))
    head = layers.WeightedDistance(kernel_regularizer=kernel_regularizer, name="weighted_distance")
    return keras.Model(inputs, head(list(embeddings.values())), name="verifier")


def prototypical(tower, way, distance="squared_euclidean", scale=10.0):
    """A tower for support and query: each query is told by the nearest mean of a class (Snell et al., 2017).

    Trains on the episodes of `generators.episodes` of as many classes: the number of a query is its y. Nothing in an
    array says where a class ends, so a support of 5 classes x 2 would be taken for one of 10 x 1. Compile it with
    `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`. An episode is not to be divided among devices.

    Args:
        tower: As for `siamese`.
        way: How many classes an episode has.
        distance: A name in `distances.DISTANCES`, or a function.
        scale: What distances are multiplied by. The paper has none, but embeddings of any length; those of length 1
            need one, see `prototypes.logits`.

    Returns:
        A `keras.Model` named "prototypical" that takes `{"support": (way * shot, ...), "query": (n, ...)}`, the support
        class after class, and gives logits, `(n, way)`.

    Raises:
        ValueError: as for `siamese`; way below 2; scale not a positive number.

    Reference: https://arxiv.org/abs/1703.05175
    """
    head = layers.PrototypeLogits(way, distance, scale, name="prototype_logits")
    inputs, embeddings = _siblings_as(tower, ("support", "query"))
    return keras.Model(inputs, head(list(embeddings.values())), name="prototypical")


def classifier(tower, classes, scale=16.0, proxies=None):
    """A tower under a cosine classifier, to be pretrained on labelled examples; afterwards the head is thrown away.

    Compile it with `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`.

    With `proxies` it begins where few-shot by prototypes ends, and is fine-tuned on the support:

    ```python
    middle = prototypes.from_support(tower(support), labels, way=5)
    few_shot = models.classifier(tower, classes=5, proxies=middle)
    few_shot.compile(keras.optimizers.Adam(1e-3), losses.FineTuningLoss())
    few_shot.fit(support, labels, batch_size=len(labels), epochs=20)
    ```

    The tower itself changes: give a copy, or `towers.freeze` it, where it is needed as it was.

    Args:
        tower: As for `siamese`.
        classes: How many classes there are; labels are 0 to classes - 1.
        scale: What cosine similarities are multiplied by; see `layers.CosineClassifier`.
        proxies: What the vectors of the classes begin as, `(classes, dim)`; None for random ones.

    Returns:
        A `keras.Model` named "classifier": `(batch, *input_shape)` -> logits `(batch, classes)`.

    Raises:
        ValueError: as for `siamese`; classes below 2; scale not a positive number; proxies of another shape.
    """
    initializer = "random_normal" if proxies is None else "zeros"
    head = layers.CosineClassifier(classes, scale, initializer, name="cosine_classifier")
    template = _input_of(tower)
    if proxies is not None:
        wanted = head.classes, tower.outputs[0].shape[1]
        proxies = ops.convert_to_numpy(ops.convert_to_tensor(proxies))
        if tuple(proxies.shape) != wanted or not np.isfinite(proxies).all():
            told = f"{tuple(proxies.shape)}, {'all' if np.isfinite(proxies).all() else 'not all'} finite"
            raise ValueError(f"`proxies` are one finite vector for each class, {wanted}. Received: {told}.")
    inputs = keras.Input(template.shape[1:], dtype=template.dtype, name="inputs")
    model = keras.Model(inputs, head(tower(inputs)), name="classifier")
    if proxies is not None:
        head.proxies.assign(proxies)
    return model


def tower_of(model, role=None):
    """The tower inside a model of this module; a tower, a model of one input and one output, is given back as it is.

    Args:
        model: As above.
        role: Whose tower, such as "left": needed where siblings are of different kinds, without meaning elsewhere.

    Raises:
        ValueError: there is none; or there are several, and `role` is none of theirs.
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(f"Expected a built keras.Model. Received: {model!r}.")
    if model.name == "tower":
        return model
    inside = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    kinds = {layer.name.removesuffix("_tower"): layer for layer in inside if layer.name.endswith("_tower")}
    if len(kinds) > 1:
        if role not in kinds:
            raise ValueError(f"This model has towers of {', '.join(kinds)}: which of them? Received: role={role!r}.")
        return kinds[role]
    for layer in inside:
        if layer.name == "tower":
            return layer
    is_headed = bool(inside) and isinstance(model.layers[-1], layers.CosineClassifier)
    if len(model.inputs) == len(model.outputs) == 1 and len(model.outputs[0].shape) == 2 and not is_headed:
        return model
    if inside:
        return inside[0]
    raise ValueError(f"Expected a tower, or a model made from one. Received: a model named {model.name!r}.")


def head_of(model):
    """The `layers.WeightedDistance` with which a verifier compares; None for a model that has none.

    Raises:
        ValueError: something stands behind it, so that it is not known what comes out.
    """
    heads = [layer for layer in model.layers if isinstance(layer, layers.WeightedDistance)]
    if heads and heads[-1] is not model.layers[-1]:
        raise ValueError(
            f"The head of a verifier must be its last layer. Received: {model.layers[-1].name!r} behind it."
        )
    return heads[-1] if heads else None


def _siblings_as(tower, roles):
    """Siblings whose roles mean something: of a dict, by their names and not by the order of its keys."""
    if isinstance(tower, dict):
        if set(tower) != set(roles):
            raise ValueError(f"Siblings of different kinds are to be {', '.join(roles)} here. Received: {list(tower)}.")
        tower = {role: tower[role] for role in roles}
    return _siblings(tower, roles)


def _siblings(tower, roles):
    if isinstance(tower, dict):
        return _siblings_of_kinds(tower)
    roles = tuple(roles) if isinstance(roles, (list, tuple)) else (roles,)
    if len(roles) < 2 or not all(map(_is_role, roles)) or len(set(roles)) < len(roles):
        raise ValueError(f"Siblings need at least two different names{_NAMES}. Received: roles={roles}.")
    template = _input_of(tower)
    inputs = {role: keras.Input(template.shape[1:], dtype=template.dtype, name=role) for role in roles}
    return inputs, {role: tower(sibling) for role, sibling in inputs.items()}


# The Inputs of a model have the names of the roles, and no two layers of it have one name.
TAKEN = ("tower", "distance")
_NAMES = f", of letters, digits and _, and not {' or '.join(map(repr, TAKEN))}"


def _is_role(role):
    return isinstance(role, str) and role.isidentifier() and role not in TAKEN


def _siblings_of_kinds(towers):
    if len(towers) < 2 or not all(map(_is_role, towers)):
        raise ValueError(
            f"Siblings of different kinds are at least two, {{role: tower}}{_NAMES}. Received: {list(towers)}."
        )
    templates = {role: _input_of(tower) for role, tower in towers.items()}
    dims = {role: tower.outputs[0].shape[1] for role, tower in towers.items()}
    if len(set(dims.values())) > 1:
        raise ValueError(f"Siblings meet in one space: their embeddings are of one length. Received: {dims}.")
    inputs = {role: keras.Input(each.shape[1:], dtype=each.dtype, name=role) for role, each in templates.items()}
    # A model has no two layers of one name, and towers are all named "tower".
    named = {role: keras.Model(each.inputs[0], each.outputs[0], name=f"{role}_tower") for role, each in towers.items()}
    return inputs, {role: each(inputs[role]) for role, each in named.items()}


def _input_of(tower):
    # A Sequential without an Input has no such attributes yet.
    found, made = (list(getattr(tower, name, None) or []) for name in ("inputs", "outputs"))
    if not isinstance(tower, keras.Model) or len(found) != 1 or len(made) != 1 or len(made[0].shape) != 2:
        what = f"outputs {[tuple(output.shape) for output in made]}" if made else repr(tower)
        raise ValueError(
            f"`tower` must be a built keras.Model with one input and one output (batch, dim). Received: {what}."
        )
    return found[0]


def _distances(embeddings, distance):
    compare = layers.Distance(distance, name="distance")
    first, *others = embeddings
    found = [compare([first, other]) for other in others]
    return found[0] if len(found) == 1 else ops.stack(found, axis=1)
