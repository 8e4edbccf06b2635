"""A trained model that comes with the package: small, in float16, with what is to be known of it."""

import json
from pathlib import Path

import keras
import numpy as np

from siamkeras.layers import UnitLength
from siamkeras.tracking.networks import parts_of, siamese, tower

KEPT = Path(__file__).parent / "weights" / "tracker.npz"


def pretrained(path=KEPT):
    """A model of `siamese` that has learned to follow, for `Tracker`; it comes with the package.

    Trained by `benchmarks/tracking.py` on photos and on synthetic videos made of photos, never on a sequence of OTB.
    The result file of the benchmark says how well it follows.

    Args:
        path: A file that `keep` has written.

    Returns:
        A `keras.Model` as `siamese` gives it.

    Raises:
        OSError: no such file, a damaged one, or one of another version.
    """
    try:
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            weights = [kept[f"weight_{number}"].astype("float32") for number in range(about["weights"])]
        model = siamese(tower(**about["tower"]), about["template"], about["search"])
        model.set_weights(weights)
    except Exception as error:  # numpy and zipfile meet damaged files with several
        told = f"{type(error).__name__} ({error})"
        raise OSError(f"The weights in {path} cannot be read: {told}. Install the package again.") from error
    return model


def keep(path, model, **about):
    """Writes a model of `siamese` on a `tracking.tower`, in float16: half the size, scores that hardly differ.

    Args:
        path: A file, `.npz`.
        model: The model, trained.
        **about: What else is to be known of it: numbers and words.

    Raises:
        ValueError: another suffix; a model that would come back as another one. A file that was at `path` before is
            then still there.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"Weights are kept in a file `.npz`. Received: {path}.")
    inside, _, template, search, cells = parts_of(model)
    blocks = [layer for layer in inside.layers if isinstance(layer, keras.layers.Conv2D)]
    made = {
        "filters": [layer.filters for layer in blocks],
        "kernels": [layer.kernel_size[0] for layer in blocks],
        "strides": [layer.strides[0] for layer in blocks],
        "channels": model.inputs[0].shape[3],
        "normalize": any(isinstance(layer, UnitLength) for layer in inside.layers),
    }
    weights = model.get_weights()
    about |= {"tower": made, "template": template, "search": search, "weights": len(weights)}
    with np.errstate(over="ignore"):  # what is too large is found out below
        arrays = {f"weight_{number}": weight.astype("float16") for number, weight in enumerate(weights)}
    about = json.dumps(about, default=_plain)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # A file that is there already stays as it is until this one is known to be good.
    new = Path(path).with_suffix(".new.npz")
    np.savez_compressed(new, about=about, **arrays)
    rng, channels = np.random.default_rng(0), made["channels"]
    images = {
        role: rng.random((2, side, side, channels), "float32")
        for role, side in (("template", template), ("search", search))
    }
    try:
        apart = np.abs(model.predict_on_batch(images) - pretrained(new).predict_on_batch(images)).max()
    except OSError:
        apart = np.inf
    if not apart < 0.1:  # logits; NaN too
        new.unlink()
        raise ValueError("Only a `tracking.siamese` of a `tracking.tower`, whose weights fit float16, can be kept so.")
    new.replace(path)


def _plain(number):
    if isinstance(number, (np.generic, np.ndarray)):
        return number.tolist()
    raise ValueError(f"What is to be known of a model is numbers and words. Received: {number!r}.")
