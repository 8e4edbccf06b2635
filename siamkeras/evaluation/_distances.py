"""Distances that a model computes, and their checks."""

import numpy as np
from keras import ops

from siamkeras import layers, models
from siamkeras._arrays import to_float
from siamkeras._inference import infer
from siamkeras._validation import check_images
from siamkeras.towers._blocks import check_scale


def pair_inputs(model):
    """The Inputs of a built model that compares pairs."""
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) < 2 or inputs[0].name == "anchor":
        raise ValueError(
            "`model` must be a built keras.Model with inputs 'left' and 'right', such as "
            f"`models.siamese(models.tower_of(model))`. Received: {model!r} with inputs {[x.name for x in inputs]}."
        )
    return inputs


def pair_distance(model, inputs, similarity=False, scale=True):
    """The distances `(n,)` of a batch `{role: array}`, in inference mode; see `evaluation.compare`."""
    dtypes = {x.name: x.dtype for x in pair_inputs(model)}
    arrays = {role: np.asarray(array) for role, array in inputs.items()}
    for role, array in arrays.items():
        if "float" in dtypes.get(role, "float32"):
            arrays[role] = to_float(check_images(array, name=role, scale=scale), scale)
            check_scale(model, arrays[role])
        elif "int" in dtypes[role]:
            arrays[role] = array.astype(dtypes[role], copy=False)
    head = models._verifier_head(model)
    if head is not None:
        left, right = (
            ops.convert_to_tensor(infer(models.tower_of(model, role), arrays[role])) for role in ("left", "right")
        )
        # -log(probability) from the logit in float64: the probability itself rounds to 0 or 1.
        return np.logaddexp(0.0, -ops.convert_to_numpy(head.logits([left, right])).astype("float64")).reshape(-1)
    output = infer(model, arrays)
    n = len(next(iter(arrays.values())))
    if isinstance(output, (dict, list, tuple)) or tuple(output.shape) not in ((n,), (n, 1)):
        shape = f"{len(output)} outputs" if isinstance(output, (dict, list, tuple)) else f"shape {tuple(output.shape)}"
        raise ValueError(f"The model must return one distance for each pair. Received: {n} pairs, {shape}.")
    output = output.reshape(-1)
    return 1 - output if similarity else output


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
    distances, same = np.asarray(distances, "float64"), np.asarray(same, "float64")
    if not distances.shape[:1] == same.shape[:1] == (distances.size,) == (same.size,):
        raise ValueError(
            "Every pair needs one distance and one label, (n,) or (n, 1). "
            f"Received: shapes {distances.shape} and {same.shape}."
        )
    distances, same = distances.reshape(-1), same.reshape(-1)
    if not np.isfinite(distances).all():
        raise ValueError(f"Distances must be finite. Received: {distances[~np.isfinite(distances)][0]}.")
    if not ((same >= 0) & (same <= 1)).all():
        raise ValueError(f"`same` must lie in [0, 1]: 1 = same, 0 = different. Received: {same.min()} to {same.max()}.")
    return distances, same
