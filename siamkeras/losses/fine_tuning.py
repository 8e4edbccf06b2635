"""Loss for fine-tuning a classifier on a support set, optionally with unlabelled queries."""

import keras
from keras import ops

from siamkeras._tensors import as_float, gathered
from siamkeras._validation import check_number
from siamkeras.losses._inputs import Float32Loss, flat_indices, mean_per_example, nan_unless


def fine_tuning(labels, logits, entropy=0.1):
    """Cross-entropy of the labelled examples plus the entropy of the unlabelled ones (Dhillon et al., 2020).

    `mean(-log p(label)) over the labelled + entropy * mean(-sum_c p(c) log p(c)) over the unlabelled`

    With the queries of an episode as unlabelled examples, the decision boundaries move away from the queries. An
    accuracy obtained this way is *transductive*: the queries, though not their labels, were used in training. Report it
    as such.

    Args:
        labels: Class index of each example, or -1 for an unlabelled example; `(batch,)` or `(batch, 1)`.
        logits: `(batch, classes)`.
        entropy: Weight of the entropy, at least 0.

    Returns:
        One value per example, `(batch,)`, scaled so that its mean over the batch is the formula above; a mean over no
        examples counts as 0. NaN for a label that is neither -1 nor a class index in a compiled graph, as in `fit`,
        which cannot raise an error.

    Raises:
        ValueError: a label that is neither -1 nor a class index.

    >>> from siamkeras import losses
    >>> values = losses.fine_tuning([0, -1], [[0.0, 0.0], [0.0, 0.0]], entropy=0.5)  # p = 1/2, so log 2 each
    >>> [round(float(value), 3) for value in values]  # mean = log 2 + 0.5 * log 2
    [1.386, 0.693]

    Reference: https://arxiv.org/abs/1909.02729
    """
    entropy = check_number("entropy", entropy, minimum=0)
    logits = as_float(logits)
    labels, logits, valid = flat_indices(labels, logits, logits.shape[-1], lowest=-1)
    is_unlabelled = ops.logical_and(valid, labels < 0)
    is_labelled = ops.logical_and(valid, labels >= 0)
    log_p = ops.log_softmax(logits, axis=-1)
    log_p_label = ops.take_along_axis(log_p, ops.maximum(labels, 0)[:, None], axis=1)[:, 0]
    cross_entropy = ops.where(is_labelled, -log_p_label, 0.0)
    uncertainty = ops.where(is_unlabelled, -ops.sum(ops.exp(log_p) * log_p, axis=-1), 0.0)
    values = mean_per_example(cross_entropy, is_labelled) + entropy * mean_per_example(uncertainty, is_unlabelled)
    return nan_unless(valid, values)


@keras.saving.register_keras_serializable("siamkeras")
class FineTuningLoss(Float32Loss):
    """Fine-tuning loss for `compile`, for `models.classifier`; see `losses.fine_tuning`.

    The means are taken within a batch, so put support and queries into one batch.

    Args:
        entropy: As for `losses.fine_tuning`.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.
    """

    def __init__(self, entropy=0.1, name="fine_tuning_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.entropy = check_number("entropy", entropy, minimum=0)

    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(*gathered(y_true, y_pred, sample_weight))

    def call(self, y_true, y_pred):
        return fine_tuning(y_true, y_pred, self.entropy)

    def get_config(self):
        return {**super().get_config(), "entropy": self.entropy}
