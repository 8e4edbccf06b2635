"""A trained model that comes with the package: small, in float16, with what is to be known of it."""

from pathlib import Path

import keras
import numpy as np

from siamkeras import _weights as weights
from siamkeras.applications.tracking.model import parts_of, siamese, tower
from siamkeras.layers import UnitLength

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
    return weights.load(path, _built)


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
    weights.check_suffix(path)
    inside, _, template, search, cells = parts_of(model)
    blocks = [layer for layer in inside.layers if isinstance(layer, keras.layers.Conv2D)]
    made = {
        "filters": [layer.filters for layer in blocks],
        "kernels": [layer.kernel_size[0] for layer in blocks],
        "strides": [layer.strides[0] for layer in blocks],
        "channels": model.inputs[0].shape[3],
        "normalize": any(isinstance(layer, UnitLength) for layer in inside.layers),
    }
    about |= {"tower": made, "template": template, "search": search}
    rng, sides = np.random.default_rng(0), {"template": template, "search": search}
    images = {role: rng.random((2, side, side, made["channels"]), "float32") for role, side in sides.items()}
    # Scores are logits.
    weights.save(path, model, about, _built, images, 0.1, "a `tracking.siamese` of a `tracking.tower`")


def _built(about):
    return siamese(tower(**about["tower"]), about["template"], about["search"])
