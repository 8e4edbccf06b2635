"""Towers whose weights come with the package: small ones, which need no network and no time."""

import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from siamkeras.towers.networks import conv

FOLDER = Path(__file__).parent / "weights"
KEPT = {"omniglot": FOLDER / "omniglot.npz"}


def load(path):
    """The tower that `save` has written.

    Raises:
        OSError: no such file, a damaged one, or one of another version.
    """
    try:
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            weights = [kept[f"weight_{number}"].astype("float32") for number in range(about["weights"])]
        tower = conv(tuple(about["input_shape"]), about["embedding_dim"], about["filters"])
        tower.set_weights(weights)
    except Exception as error:  # numpy and zipfile meet damaged files with several
        told = f"{type(error).__name__} ({error})"
        raise OSError(f"The weights in {path} cannot be read: {told}. Install the package again.") from error
    return tower


def save(path, tower, **about):
    """Writes a `towers.conv` in float16: half the size, and embeddings that differ in the third decimal.

    Args:
        path: A file, `.npz`.
        tower: What `towers.conv` gave, trained.
        **about: What else is to be known of it: numbers and words.

    Raises:
        ValueError: another suffix; a tower that would come back as another one.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"Weights are kept in a file `.npz`. Received: {path}.")
    filters = [layer.filters for layer in tower.layers if isinstance(layer, keras.layers.Conv2D)]
    weights = tower.get_weights()
    about |= {"input_shape": tower.input_shape[1:], "embedding_dim": tower.output_shape[1], "filters": filters}
    with np.errstate(over="ignore"):  # what is too large is found out below
        arrays = {f"weight_{number}": weight.astype("float16") for number, weight in enumerate(weights)}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, about=json.dumps(about | {"weights": len(weights)}), **arrays)
    images = np.random.default_rng(0).random((8, *tower.input_shape[1:]), "float32")
    before, after = (np.asarray(ops.convert_to_numpy(each(images))) for each in (tower, load(path)))
    if not np.abs(after - before).max() < 0.01:  # NaN too
        Path(path).unlink()
        raise ValueError("Only a `towers.conv` with embeddings of length 1, whose weights fit float16, can be kept so.")
