"""What to watch while a tower trains."""

import warnings

import keras
import numpy as np
from keras import ops

from siamkeras import models


def spread(embeddings):
    """How spread out embeddings are, from 0 (all the same: collapsed) to 1 (they point in all directions).

    `1 - |mean embedding|^2 / mean |embedding|^2`: for embeddings of length 1, half the mean squared distance between
    two of them.

    Args:
        embeddings: `(n, dim)`, with n at least 1.

    Returns:
        A float; 0.0 if all embeddings are 0.
    """
    embeddings = np.asarray(embeddings, "float64")
    length = np.mean(np.sum(embeddings**2, axis=1))
    return float(max(0.0, 1.0 - np.sum(embeddings.mean(axis=0) ** 2) / length)) if length > 0 else 0.0


class CollapseMonitor(keras.callbacks.Callback):
    """Watches whether the tower gives every image the same embedding.

    A collapsed tower is a trap of every loss on distances: all distances are 0, the loss stands still (for
    contrastive loss at `margin^2 / 4` if half of the pairs are same) and no gradient leads out. After each epoch the
    monitor embeds a few fixed images and logs their `spread` as `embedding_spread`, beside the loss.

    Args:
        images: Images of several classes, as `generators` take them; 100 are plenty.
        minimum: A warning is given once when the spread falls below this.
        stop: Whether to stop training then.

    Raises:
        ValueError: fewer than two images.
    """

    def __init__(self, images, minimum=0.01, stop=False):
        super().__init__()
        if len(images) < 2:
            raise ValueError(f"`CollapseMonitor` needs at least two images to compare. Received: {len(images)}.")
        images = np.asarray(images)
        self.images = images.astype("float32") / 255 if images.dtype == np.uint8 else images
        self.minimum = minimum
        self.stop = stop

    def on_train_begin(self, logs=None):
        self._warned = False
        models.tower_of(self.model)  # What has no one tower is refused now, and not after an epoch.

    def on_epoch_end(self, epoch, logs=None):
        tower = models.tower_of(self.model)
        value = spread(ops.convert_to_numpy(tower(ops.convert_to_tensor(self.images), training=False)))
        if logs is not None:
            logs["embedding_spread"] = value
        if value < self.minimum and not self._warned:
            self._warned = True
            # Its place would be a line of Keras, and the path of that file on this machine.
            warnings.warn_explicit(
                f"The embeddings have collapsed: after epoch {epoch + 1} their spread is {value:.4f} (1 is spread out, "
                "0 all the same). Try a smaller learning rate, a smaller margin, or normalised embeddings.",
                UserWarning,
                filename="<siamkeras.callbacks>",
                lineno=0,
            )
            if self.stop:
                self.model.stop_training = True
