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


@keras.saving.register_keras_serializable("siamkeras")
class ActiveTriplets(keras.metrics.Metric):
    """Share of the triplets within a batch that cost something, for a tower that is trained by `losses.TripletLoss`.

    Near 0 the batches teach nothing any more; with `mining="all"` it falls long before the tower is good. Labels and
    embeddings come as for the loss. The mean over the batches of an epoch.

    Args:
        margin, mining, distance: As for `losses.batch_triplet`; give those of the loss.

    Raises:
        ValueError: as `losses.batch_triplet`.
    """

    def __init__(self, margin=0.2, mining="all", distance="euclidean", name="active", dtype=None):
        super().__init__(name=name, dtype=dtype)
        loss = losses.TripletLoss(margin, mining, distance)  # which checks and keeps them
        self.margin, self.mining, self.distance = loss.margin, loss.mining, loss.distance
        self._mean = keras.metrics.Mean(dtype=dtype)
        self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._mean.update_state(losses.active_fraction(y_true, y_pred, self.margin, self.mining, self.distance))

    def result(self):
        return self._mean.result()

    def reset_state(self):
        self._mean.reset_state()

    def get_config(self):
        distance = keras.saving.serialize_keras_object(self.distance)
        return {**super().get_config(), "margin": self.margin, "mining": self.mining, "distance": distance}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "distance": keras.saving.deserialize_keras_object(config["distance"])})
