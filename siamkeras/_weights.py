"""Small trained models in one file each: weights in float16, and what it takes to build the model they belong to."""

import json
from pathlib import Path

import numpy as np
from keras import ops


def load(path, build):
    """The model that `save` has written.

    Args:
        path: The file.
        build: Function from what is known of the model, a dict, to the model, untrained.

    Raises:
        OSError: no such file, a damaged one, or one of another version.
    """
    try:
        with np.load(path) as kept:
            about = json.loads(str(kept["about"]))
            weights = [kept[f"weight_{number}"].astype("float32") for number in range(about["weights"])]
        model = build(about)
        model.set_weights(weights)
    except Exception as error:  # numpy and zipfile meet damaged files with several
        told = f"{type(error).__name__} ({error})"
        raise OSError(f"The weights in {path} cannot be read: {told}. Install the package again.") from error
    return model


def save(path, model, about, build, inputs, apart, only):
    """Writes a model in float16: half the size, and outputs that hardly differ, which is tried before it counts.

    Args:
        path: A file, `.npz`; one that is there already stays as it is until the new one is known to be good.
        model: The model, trained.
        about: What is to be known of it, a dict of numbers and words: what `build` needs, and more.
        build: As for `load`.
        inputs: What both are given, the model and the one that comes back from the file.
        apart: By how much their outputs may differ.
        only: Which models can be kept so, for the message.

    Raises:
        ValueError: another suffix; what is neither number nor word; a model that would come back as another one.
    """
    path = Path(path)
    check_suffix(path)
    weights = model.get_weights()
    with np.errstate(over="ignore"):  # what is too large is found out below
        arrays = {f"weight_{number}": weight.astype("float16") for number, weight in enumerate(weights)}
    told = json.dumps(about | {"weights": len(weights)}, default=_plain)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new.npz")
    np.savez_compressed(new, about=told, **arrays)
    try:
        before, after = (ops.convert_to_numpy(each(inputs, training=False)) for each in (model, load(new, build)))
        is_same = np.abs(after - before).max() < apart  # NaN is not
    except (OSError, ValueError):
        is_same = False
    if not is_same:
        new.unlink()
        raise ValueError(f"Only {only}, whose weights fit float16, can be kept so.")
    new.replace(path)


def check_suffix(path):
    """`ValueError` for a file that is not to end in `.npz`."""
    if Path(path).suffix != ".npz":
        raise ValueError(f"Weights are kept in a file `.npz`. Received: {path}.")


def _plain(number):
    if isinstance(number, (np.generic, np.ndarray)):
        return number.tolist()
    raise ValueError(f"What is to be known of a model is numbers and words. Received: {number!r}.")
