"""Metrics for `compile` that understand distances and embeddings.

`"accuracy"` and `keras.metrics.AUC` do not: they expect a large output for "same", and are near 0 for distances.
"""

import keras
from keras import ops

from siamkeras import distances, losses
from siamkeras._validation import check_number
from siamkeras.losses._inputs import flat_pairs
from siamkeras.losses.triplet import _active_fraction

__all__ = ["ActiveTriplets", "PairAccuracy"]


@keras.saving.register_keras_serializable("siamkeras")
class PairAccuracy(keras.metrics.Mean):
    """Fraction of pairs that are classified correctly: a pair is predicted "same" if `distance < threshold`.

    A label of at least 0.5 counts as same. A label outside [0, 1] raises an error or, in a compiled graph, makes the
    metric NaN. Choose the final threshold on validation pairs, with `evaluation.verification`.

    Args:
        threshold: Decision threshold in units of distance. Half the margin is a good start.
    """

    def __init__(self, threshold=0.5, name="pair_accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.threshold = check_number("threshold", threshold)
        self._direction = "up"

    def update_state(self, y_true, y_pred, sample_weight=None):
        same, distance, valid = flat_pairs(y_true, y_pred)
        correct = ops.cast(ops.equal(same >= 0.5, distance < self.threshold), "float32")
        super().update_state(ops.where(valid, correct, float("nan")), sample_weight)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


@keras.saving.register_keras_serializable("siamkeras")
class ActiveTriplets(keras.metrics.Mean):
    """Fraction of the triplets within a batch that have a loss above 0, averaged over batches.

    For a tower trained with `losses.TripletLoss`. Near 0 the batches no longer contribute to training. `sample_weight`
    has no effect.

    Args:
        margin, mining, distance: Those of the `losses.TripletLoss`.
    """

    def __init__(self, margin=0.2, mining="all", distance="euclidean", name="active", dtype=None):
        super().__init__(name=name, dtype=dtype)
        loss = losses.TripletLoss(margin, mining, distance)
        self.margin, self.mining, self.distance = loss.margin, loss.mining, loss.distance
        self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(_active_fraction(y_true, y_pred, self.margin, self.mining, self.distance))

    def get_config(self):
        config = {"margin": self.margin, "mining": self.mining, "distance": distances._serialize(self.distance)}
        return {**super().get_config(), **config}
