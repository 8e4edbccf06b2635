"""The loss of fine-tuning on a few labelled examples, beside others whose class is asked for."""

import keras
from keras import ops

from siamkeras._validation import check_number
from siamkeras.losses._inputs import labelled, per_example


def fine_tuning(labels, logits, entropy=0.1):
    """Cross-entropy of labelled examples, and the entropy of what is said of the others.

    `mean of -log p(label)` over the labelled `+ entropy * mean of -sum_c p(c) log p(c)` over those with label -1

    The labels say which class; the entropy only asks that one be preferred. With the queries of an episode as examples
    without a label, the borders between classes move to where no query is (Dhillon et al., 2020). The queries are then
    answered together: an accuracy that was reached so is transductive, and says so.

    Args:
        labels: Class of each example, from 0 to classes - 1, or -1 where there is none; `(batch,)` or `(batch, 1)`.
        logits: `(batch, classes)`; half precision is cast up to float32.
        entropy: Weight of the entropy, at least 0.

    Returns:
        One value per example, `(batch,)`, scaled so that the mean over the batch is the sum above; NaN for a label that
        is neither -1 nor a class, so that labels from 1 to classes are found out.

    Raises:
        ValueError: labels and logits that do not belong together; entropy not a number of at least 0.

    >>> from siamkeras import losses
    >>> values = losses.fine_tuning([0, -1], [[0.0, 0.0], [0.0, 0.0]], entropy=0.5)  # p = 1/2: log 2 twice
    >>> [round(float(value), 3) for value in values]  # of the sum log 2 + log 2 / 2, the mean of twice that
    [1.386, 0.693]

    Reference: https://arxiv.org/abs/1909.02729
    """
    entropy = check_number("entropy", entropy, minimum=0)
    labels, logits = labelled(labels, logits)
    is_known = ops.logical_and(labels >= 0, labels < logits.shape[1])
    has_label = ops.cast(is_known, logits.dtype)
    log_p = ops.log_softmax(logits, axis=-1)
    chosen = ops.one_hot(
        ops.clip(ops.cast(labels, "int32"), 0, logits.shape[1] - 1), logits.shape[1], dtype=logits.dtype
    )
    cross_entropy = -ops.sum(chosen * log_p, axis=-1)
    uncertainty = -ops.sum(ops.exp(log_p) * log_p, axis=-1)
    without = 1.0 - has_label
    values = per_example(has_label * cross_entropy, has_label)
    values = values + entropy * per_example(without * uncertainty, without)
    return ops.where(ops.logical_or(is_known, labels == -1), values, float("nan"))


@keras.saving.register_keras_serializable("siamkeras")
class FineTuningLoss(keras.losses.Loss):
    """Cross-entropy and entropy for `compile`, for `models.classifier` on a support and, if wanted, queries.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch,)` or `(batch, 1)` | class of each example; -1 where there is none |
    | `y_pred` | `(batch, classes)` | logits |

    The formula stands at `losses.fine_tuning`. Computed in float32 under mixed precision too. Keep the support and the
    queries in one batch: the means are taken over that.

    Args:
        entropy: Weight of the entropy, at least 0; without examples of label -1 it changes nothing.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: entropy not a number of at least 0.

    >>> from siamkeras import losses
    >>> print(round(float(losses.FineTuningLoss(0.5)([0, -1], [[0.0, 0.0], [0.0, 0.0]])), 3))
    1.04
    """

    def __init__(self, entropy=0.1, name="fine_tuning_loss", reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.entropy = check_number("entropy", entropy, minimum=0)

    def call(self, y_true, y_pred):
        return fine_tuning(y_true, y_pred, self.entropy)

    def get_config(self):
        return {**super().get_config(), "entropy": self.entropy}
