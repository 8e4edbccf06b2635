"""Metrics for `compile` that understand distances and embeddings.

`"accuracy"` and `keras.metrics.AUC` do not: they expect a large output for "same", and are near 0 for distances.
"""

import math

import keras
from keras import ops

from siamkeras import distances, losses
from siamkeras._validation import check_number
from siamkeras.losses._inputs import flat_pairs
from siamkeras.losses.triplet import _active_fraction

__all__ = ["ActiveTriplets", "PairAUC", "PairAccuracy"]


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
class PairAUC(keras.metrics.AUC):
    """Area under the ROC curve: probability that a same pair has a smaller distance than a different pair.

    Labels are those of `PairAccuracy`; a negative distance makes the metric NaN. Distances are counted in bins of equal
    width in `log(d)` from 1e-7 to 1e7; a same and a different pair in one bin count 1/2. `evaluation.verification`
    computes the exact value.

    Args:
        num_thresholds: Number of bins plus 1.

    >>> from siamkeras import metrics
    >>> auc = metrics.PairAUC()
    >>> auc.update_state([1, 1, 0, 0], [0.1, 0.6, 0.5, 0.9])
    >>> float(auc.result())  # 3 of the 4 combinations of a same and a different pair are in order
    0.75
    """

    def __init__(self, num_thresholds=5000, name="pair_auc", dtype=None):
        super().__init__(num_thresholds, name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        same, distance, valid = flat_pairs(y_true, y_pred)
        valid = ops.logical_and(valid, distance >= -1e-3)  # False for NaN; cosine distances may round below 0
        score = 0.5 - ops.log(ops.clip(ops.where(valid, distance, 1.0), 1e-7, 1e7)) / (2 * math.log(1e7))
        score = ops.clip(score, 0.0, 1.0)
        weight = ops.where(valid, 1.0, float("nan"))
        if sample_weight is not None:
            weight = weight * ops.reshape(ops.cast(sample_weight, weight.dtype), (-1,))
        super().update_state(same >= 0.5, score, weight)

    def get_config(self):
        return {**keras.metrics.Metric.get_config(self), "num_thresholds": self.num_thresholds}


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
