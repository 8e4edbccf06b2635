"""Callback that detects collapsed embeddings."""

import warnings

import keras
import numpy as np
from keras import ops

from siamkeras import models
from siamkeras._arrays import to_float
from siamkeras._validation import check_images

__all__ = ["CollapseMonitor"]


class CollapseMonitor(keras.callbacks.Callback):
    """Warns when the tower maps all images to the same embedding.

    After each epoch it embeds a few fixed images and logs `embedding_spread` beside the loss,
    `1 - |mean embedding|^2 / mean |embedding|^2`: 0 for equal embeddings, 1 for embeddings in all directions. A
    collapsed tower has distances of 0 and hardly any gradient; the contrastive loss then stays near `margin^2 / 4`,
    the triplet loss at its margin.

    Args:
        images: Images of several classes, such as 100 validation images: float32, or uint8 in 0-255.
        minimum: The callback warns once, when the spread falls below this value.
        stop: Whether to stop training then.
        scale: Whether uint8 images are divided by 255, see `generators.pairs`.
    """

    def __init__(self, images, minimum=0.01, stop=False, scale=True):
        super().__init__()
        self.images = to_float(check_images(images, scale=scale), scale)
        if len(images) < 2:
            raise ValueError(f"`CollapseMonitor` needs at least two images. Received: {len(images)}.")
        self.minimum = minimum
        self.stop = stop

    def on_train_begin(self, logs=None):
        self._has_warned = False
        models.tower_of(self.model)  # raises before training instead of after an epoch

    def on_epoch_end(self, epoch, logs=None):
        tower = models.tower_of(self.model)
        (embeddings,) = keras.tree.flatten(tower(ops.convert_to_tensor(self.images), training=False))
        spread = _spread(ops.convert_to_numpy(embeddings))
        if logs is not None:
            logs["embedding_spread"] = spread
        if spread >= self.minimum or self._has_warned:
            return
        self._has_warned = True
        self.model.stop_training = self.model.stop_training or self.stop
        # `warnings.warn` would show the path of the Keras file that calls this method.
        warnings.warn_explicit(
            f"The embeddings have collapsed: after epoch {epoch + 1} their spread is {spread:.4f} (0 = all equal, "
            "1 = all directions). Try a smaller learning rate, a smaller margin, or normalised embeddings.",
            UserWarning,
            filename="<siamkeras.callbacks>",
            lineno=0,
        )


def _spread(embeddings):
    """`1 - |mean|^2 / mean |embedding|^2` of embeddings `(n, dim)`; 0 if all are zero."""
    embeddings = np.asarray(embeddings, "float64")
    mean_square = np.mean(np.sum(embeddings**2, axis=1))
    if mean_square == 0:
        return 0.0
    return float(max(0.0, 1.0 - np.sum(embeddings.mean(axis=0) ** 2) / mean_square))
