"""Towers whose weights come with the package: small ones, which need no network and no time."""

from pathlib import Path

import keras
import numpy as np

from siamkeras import _weights as weights
from siamkeras.towers.conv import conv

FOLDER = Path(__file__).parent / "weights"
KEPT = {"omniglot": FOLDER / "omniglot.npz"}


def load(path):
    """The tower that `save` has written.

    Raises:
        OSError: no such file, a damaged one, or one of another version.
    """
    return weights.load(path, _built)


def save(path, tower, **about):
    """Writes a `towers.conv` in float16: half the size, and embeddings that differ in the third decimal.

    Args:
        path: A file, `.npz`.
        tower: What `towers.conv` gave, trained.
        **about: What else is to be known of it: numbers and words.

    Raises:
        ValueError: another suffix; a tower that would come back as another one. A file that was at `path` before is
            then still there.
    """
    filters = [layer.filters for layer in tower.layers if isinstance(layer, keras.layers.Conv2D)]
    about |= {"input_shape": tower.input_shape[1:], "embedding_dim": tower.output_shape[1], "filters": filters}
    images = np.random.default_rng(0).random((8, *tower.input_shape[1:]), "float32")
    weights.save(path, tower, about, _built, images, 0.01, "a `towers.conv` with embeddings of length 1")


def _built(about):
    return conv(tuple(about["input_shape"]), about["embedding_dim"], about["filters"])
