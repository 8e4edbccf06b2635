"""Segmenters whose weights come with the package: small ones, trained by `benchmarks/segmentation.py`."""

from pathlib import Path

import numpy as np

from siamkeras import _weights as weights
from siamkeras.applications.segmentation.model import few_shot_segmenter, maps_tower

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
    return weights.load(path, _built)


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
    weights.check_suffix(path)
    tower = next((layer for layer in getattr(model, "layers", []) if layer.name == "tower"), None)
    if getattr(model, "name", None) != "few_shot_segmenter" or tower is None:
        raise ValueError(f"Only a `few_shot_segmenter` of a `maps_tower` can be kept so. Received: {model!r}.")
    dense = sum(layer.name.startswith("dense_") for layer in model.layers)
    shape, filters = tower.input_shape[1:], [each.shape[-1] for each in tower.outputs]
    about |= {"input_shape": shape, "filters": filters, "dense": dense}
    rng = np.random.default_rng(0)
    inputs = {"query": rng.random((2, *shape)), "references": rng.random((2, 2, *shape))}
    inputs = {role: images.astype("float32") for role, images in inputs.items()}
    inputs["masks"] = (rng.random((2, 2, *shape[:2])) > 0.5).astype("float32")
    weights.save(path, model, about, _built, inputs, 0.05, "a `few_shot_segmenter` of a `maps_tower`")


def _built(about):
    return few_shot_segmenter(maps_tower(about["input_shape"], about["filters"]), dense=about["dense"])
