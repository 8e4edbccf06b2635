"""What `fit` shows beside the loss."""

import numbers

import keras
from keras import ops

from siamkeras import losses


def pair_accuracy(same, distance, threshold=0.5):
    """Whether each pair is decided rightly, `(batch,)` of 0 and 1: "same" is said where `distance < threshold`.

    A pair counts as same where its label is at least 0.5.

    Args:
        same: 1 = same class, 0 = different; `(batch,)` or `(batch, 1)`.
        distance: Distance of each pair; `(batch,)` or `(batch, 1)`.
        threshold: The distance below which a pair is called same.

    Raises:
        ValueError: `same` and `distance` of different length.
    """
    same, distance = losses.paired(same, distance)
    return ops.cast(ops.equal(same >= 0.5, distance < threshold), "float32")


@keras.saving.register_keras_serializable("siamkeras")
class PairAccuracy(keras.metrics.MeanMetricWrapper):
    """Share of pairs that a threshold on the distance decides rightly.

    A number to watch during training. The threshold to decide with afterwards is chosen on validation pairs:
    `evaluation.verification`.

    Args:
        threshold: The distance below which a pair is called same. A good first guess is half the margin.

    Raises:
        ValueError: threshold not a number.
    """

    def __init__(self, threshold=0.5, name="pair_accuracy", dtype=None):
        if isinstance(threshold, bool) or not isinstance(threshold, numbers.Real) or threshold != threshold:
            raise ValueError(f"`threshold` is a distance, a number. Received: threshold={threshold!r}.")
        super().__init__(pair_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = float(threshold)
        self._direction = "up"

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "threshold": self.threshold}
