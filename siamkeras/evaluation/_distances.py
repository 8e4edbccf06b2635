"""Distances that a model computes, and their checks."""

import numpy as np
from keras import ops

from siamkeras import layers, models


def pair_distance(model, inputs):
    """The distances `(n,)` of a batch `{role: array}`, in inference mode; uint8 images are divided by 255."""
    dtypes = {x.name: x.dtype for x in model.inputs}
    tensors = {}
    for role, array in inputs.items():
        array = np.asarray(array)
        is_image = array.dtype == np.uint8 and "int" not in dtypes.get(role, "float32")
        tensors[role] = ops.convert_to_tensor(array.astype("float32") / 255 if is_image else array)
    head = models._verifier_head(model)
    if head is not None:
        embeddings = [models.tower_of(model, role)(tensors[role], training=False) for role in ("left", "right")]
        # -log(probability) from the logit in float64: the probability itself rounds to 0 or 1.
        return np.logaddexp(0.0, -ops.convert_to_numpy(head.logits(embeddings)).astype("float64")).reshape(-1)
    output = model(tensors, training=False)
    n = len(next(iter(inputs.values())))
    if isinstance(output, (dict, list, tuple)) or tuple(output.shape) not in ((n,), (n, 1)):
        shape = f"{len(output)} outputs" if isinstance(output, (dict, list, tuple)) else f"shape {tuple(output.shape)}"
        raise ValueError(f"The model must return one distance for each pair. Received: {n} pairs, {shape}.")
    return ops.convert_to_numpy(output).reshape(-1)


def tower_and_distance(model, distance=None):
    """The tower in a model and the distance of its embeddings: a name or function for `distances.pairwise`.

    The distance is `distance`, else the one of the model, else cosine; of a verifier the negative logit.
    """
    tower, head = models.tower_of(model), models._verifier_head(model)
    if head is not None:
        if distance is not None:
            raise ValueError(f"A verifier has a learned distance; omit `distance`. Received: {distance!r}.")
        return tower, lambda left, right: -head.logits([left, right])[:, 0]
    if distance is None:
        own = [layer.distance for layer in model.layers if isinstance(layer, (layers.Distance, layers.PrototypeLogits))]
        distance = own[0] if own else "cosine"
    return tower, distance


def check_distances(distances, same):
    """Distances and labels in [0, 1] as float64 `(n,)`."""
    distances, same = np.asarray(distances, "float64").reshape(-1), np.asarray(same, "float64").reshape(-1)
    if len(distances) != len(same):
        raise ValueError(f"Every pair needs one distance and one label. Received: {len(distances)} and {len(same)}.")
    if not np.isfinite(distances).all():
        raise ValueError(f"Distances must be finite. Received: {distances[~np.isfinite(distances)][0]}.")
    if not ((same >= 0) & (same <= 1)).all():
        raise ValueError(f"`same` must lie in [0, 1]: 1 = same, 0 = different. Received: {same.min()} to {same.max()}.")
    return distances, same
