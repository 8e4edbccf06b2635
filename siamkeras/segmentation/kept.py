"""Segmenters whose weights come with the package: small ones, trained by `benchmarks/segmentation.py`."""

import json
from pathlib import Path

import numpy as np
from keras import ops

from siamkeras.segmentation.models import few_shot_segmenter, maps_tower

FOLDER = Path(__file__).parent / "weights"
KEPT = {name: FOLDER / f"{name}.npz" for name in ("phantoms", "anterior", "posterior")}


def pretrained(name):
    """A segmenter as `benchmarks/segmentation.py` has trained it; its result file says how good it is at what.

    Args:
        name: What it has learned from: `"phantoms"`, synthetic ones alone; `"anterior"` or `"posterior"`, phantoms and
            that part of the hippocampi of the Medical Segmentation Decathlon's training subjects, and never the other.
            Weights learned from that set are under its terms, CC BY-SA 4.0.

    Returns:
        A `few_shot_segmenter` for images of 48x48 pixels with one channel, and any number of references.

    Raises:
        ValueError: another name.
        OSError: the file in the package is damaged.
    """
    if not isinstance(name, str) or name not in KEPT:
        raise ValueError(f"`name` must be one of {', '.join(map(repr, KEPT))}. Received: {name!r}.")
    return load(KEPT[name])


def load(path):
    """The segmenter that `save` has written.

    Raises:
        OSError: no such file, a damaged one, or one of another version.
    """
    try:
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            weights = [kept[f"weight_{number}"].astype("float32") for number in range(about["weights"])]
        model = few_shot_segmenter(maps_tower(about["input_shape"], about["filters"]), dense=about["dense"])
        model.set_weights(weights)
    except Exception as error:  # numpy and zipfile meet damaged files with several
        told = f"{type(error).__name__} ({error})"
        raise OSError(f"The weights in {path} cannot be read: {told}. Install the package again.") from error
    return model


def save(path, model, **about):
    """Writes a `few_shot_segmenter` of a `maps_tower`, of any number of references, in float16: half the size.

    Args:
        path: A file, `.npz`.
        model: The segmenter, trained.
        **about: What else is to be known of it: numbers and words.

    Raises:
        ValueError: another suffix; a model of another kind, or that would come back as another one. A file that was at
            `path` before is then still there.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"Weights are kept in a file `.npz`. Received: {path}.")
    tower = next((layer for layer in getattr(model, "layers", []) if layer.name == "tower"), None)
    if getattr(model, "name", None) != "few_shot_segmenter" or tower is None:
        raise ValueError(f"Only a `few_shot_segmenter` of a `maps_tower` can be kept so. Received: {model!r}.")
    dense = sum(layer.name.startswith("dense_") for layer in model.layers)
    shape, filters = tower.input_shape[1:], [each.shape[-1] for each in tower.outputs]
    weights = model.get_weights()
    about |= {"input_shape": shape, "filters": filters, "dense": dense, "weights": len(weights)}
    with np.errstate(over="ignore"):  # what is too large is found out below
        arrays = {f"weight_{number}": weight.astype("float16") for number, weight in enumerate(weights)}
    about = json.dumps(about, default=_plain)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A file that is there already stays as it is until this one is known to be good.
    new = Path(path).with_suffix(".new.npz")
    np.savez_compressed(new, about=about, **arrays)
    rng = np.random.default_rng(0)
    inputs = {"query": rng.random((2, *shape)), "references": rng.random((2, 2, *shape))}
    inputs = {role: images.astype("float32") for role, images in inputs.items()}
    inputs["masks"] = (rng.random((2, 2, *shape[:2])) > 0.5).astype("float32")
    try:
        before, after = (np.asarray(ops.convert_to_numpy(each(inputs))) for each in (model, load(new)))
        is_same = np.abs(after - before).max() < 0.05  # NaN too
    except (OSError, ValueError):
        is_same = False
    if not is_same:
        new.unlink()
        raise ValueError("Only a `few_shot_segmenter` of a `maps_tower`, whose weights fit float16, can be kept so.")
    new.replace(path)


def _plain(number):
    if isinstance(number, (np.generic, np.ndarray)):
        return number.tolist()
    raise ValueError(f"What is to be known of a model is numbers and words. Received: {number!r}.")
