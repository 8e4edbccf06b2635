"""Softmax losses: InfoNCE, in-batch softmax and supervised contrastive over a batch; ArcFace and CosFace over classes.

In the formulas over a batch, `s` is a cosine similarity and `T` the temperature.
"""

import math

import keras
from keras import ops

from siamkeras import distances
from siamkeras._tensors import as_float
from siamkeras._validation import check_number
from siamkeras.losses import _mining
from siamkeras.losses._inputs import (
    BatchLoss,
    Float32Loss,
    check_known,
    flat_indices,
    flat_labels,
    mean_per_example,
    nan_unless,
)

# Logit of an entry to ignore: its exponential is 0 in float32, and unlike minus infinity it gives no NaN.
_IGNORED = -1e30


def info_nce(left, right, temperature=0.1, negatives=None):
    """InfoNCE of same pairs: each left must pick its own right among all rights of the batch.

    `-log(exp(s_ii / T) / sum_j exp(s_ij / T))`, where `s_ij` is the cosine similarity of left i and right j; the
    sum also runs over the `negatives`

    A variant of the N-pair and multiple-negatives ranking losses, in one direction only, left to right. All other
    rights count as negatives, so each class should occur only once in a batch.

    Args:
        left: Embeddings, `(batch, dim)`.
        right: Embeddings, `(batch, dim)`; `right[i]` is the positive of `left[i]`.
        temperature: Divisor of the similarities, above 0. The smaller it is, the more the nearest negatives weigh.
        negatives: Embeddings of further negatives of all lefts, `(m, dim)`, such as hard negatives (Karpukhin et al.,
            2020, https://arxiv.org/abs/2004.04906).

    Returns:
        One value per pair, `(batch,)`.

    >>> from siamkeras import losses
    >>> print(round(float(losses.info_nce([[1, 0], [0, 1]], [[1, 0], [0, 1]], 1.0)[0]), 3))  # log(1 + 1 / e)
    0.313

    References: https://papers.nips.cc/paper/6200 (Sohn, 2016), https://arxiv.org/abs/1807.03748 (Oord et al., 2018)
    """
    temperature = check_number("temperature", temperature, above=0)
    left, right = as_float(left), as_float(right)
    if left.shape != right.shape or len(left.shape) != 2:
        raise ValueError(
            "Expected two sets of embeddings (batch, dim) of the same shape. "
            f"Received: shapes {tuple(left.shape)} and {tuple(right.shape)}."
        )
    candidates = right if negatives is None else ops.concatenate([right, as_float(negatives)], axis=0)
    logits = (1.0 - distances.pairwise(left, candidates, "cosine")) / temperature
    return ops.logsumexp(logits, axis=1) - ops.diagonal(logits)


def in_batch_softmax(labels, embeddings, temperature=0.1):
    """In-batch softmax of labelled examples: each positive against all negatives.

    For an anchor a, each positive p and all negatives n,
    `-log(exp(s_ap / T) / (exp(s_ap / T) + sum_n exp(s_an / T)))`, averaged over the positives p

    With two examples per class this is the NT-Xent loss of SimCLR. Unlike in `supervised_contrastive`, the positives of
    an anchor are not in each other's denominator.

    Args:
        labels: Class index of each example, `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        temperature: As for `info_nce`.

    Returns:
        One value per anchor, `(batch,)`: 0 without a positive; the others are scaled so that the mean over the batch is
        their mean.

    References: https://papers.nips.cc/paper/6200 (Sohn, 2016), https://arxiv.org/abs/2002.05709 (Chen et al., 2020)
    """
    logits, positive, negative = _batch_logits(labels, embeddings, temperature)
    negatives = ops.logsumexp(ops.where(negative, logits, _IGNORED), axis=1, keepdims=True)
    # -log(exp(p) / (exp(p) + exp(n))) = softplus(n - p)
    return _mean_over_positives(ops.softplus(negatives - logits), positive)


def supervised_contrastive(labels, embeddings, temperature=0.1):
    """Supervised contrastive loss: each positive against all other examples (Khosla et al., 2020).

    For an anchor a, each positive p and all other examples i,
    `-log(exp(s_ap / T) / sum_i exp(s_ai / T))`, averaged over the positives p

    This is the variant `L_out` of the paper, with the mean outside the logarithm. Arguments and result are those of
    `in_batch_softmax`.

    Reference: https://arxiv.org/abs/2004.11362
    """
    logits, positive, negative = _batch_logits(labels, embeddings, temperature)
    others = ops.logical_or(positive, negative)
    total = ops.logsumexp(ops.where(others, logits, _IGNORED), axis=1, keepdims=True)
    return _mean_over_positives(total - logits, positive)


class _TemperatureLoss(BatchLoss):
    def __init__(self, temperature, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = check_number("temperature", temperature, above=0)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable("siamkeras")
class InBatchSoftmaxLoss(_TemperatureLoss):
    """In-batch softmax of class indices and embeddings for `compile`; see `losses.in_batch_softmax`.

    Args:
        temperature: Divisor of the similarities, above 0.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.
    """

    def __init__(self, temperature=0.1, name="in_batch_softmax_loss", **kwargs):
        super().__init__(temperature, name, **kwargs)

    def call(self, y_true, y_pred):
        return in_batch_softmax(y_true, y_pred, self.temperature)


@keras.saving.register_keras_serializable("siamkeras")
class SupervisedContrastiveLoss(_TemperatureLoss):
    """Supervised contrastive loss of class indices and embeddings for `compile`; see `losses.supervised_contrastive`.

    Arguments are those of `InBatchSoftmaxLoss`.
    """

    def __init__(self, temperature=0.1, name="supervised_contrastive_loss", **kwargs):
        super().__init__(temperature, name, **kwargs)

    def call(self, y_true, y_pred):
        return supervised_contrastive(y_true, y_pred, self.temperature)


class _MarginLoss(Float32Loss):
    """Cross-entropy of `scale * cosine`, with `with_margin(cosine)` for the target class."""

    def __init__(self, margin, scale, name, below=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = check_number("margin", margin, minimum=0, below=below)
        self.scale = check_number("scale", scale, above=0)

    def call(self, y_true, y_pred):
        def is_cosine(values):
            return abs(values) <= 1.01 * self.scale  # tolerates rounding in half precision

        logits = as_float(y_pred)
        check_known(logits, is_cosine, f"at most {self.scale}, the scale of this loss and of the classifier", "Logits")
        labels, logits, valid = flat_indices(y_true, logits, logits.shape[-1])
        with_margin = self.scale * self.with_margin(logits / self.scale)
        changed = ops.where(ops.one_hot(labels, logits.shape[1], dtype="bool"), with_margin, logits)
        values = keras.losses.sparse_categorical_crossentropy(labels, changed, from_logits=True)
        return nan_unless(ops.logical_and(valid, ops.all(is_cosine(logits), axis=1)), values)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}


@keras.saving.register_keras_serializable("siamkeras")
class ArcFaceLoss(_MarginLoss):
    """Cross-entropy of `models.classifier` with an angular margin for the target class (ArcFace, Deng et al., 2019).

    With the angle `a_c` between an embedding and the proxy of class c, and the label y,
    `-log(exp(scale cos(a_y + margin)) / (exp(scale cos(a_y + margin)) + sum_{c != y} exp(scale cos a_c)))`

    For `a_y > pi - margin`, where `cos(a_y + margin)` would increase, `cos a_y - margin sin(margin)` replaces it, as in
    the authors' code, https://github.com/deepinsight/insightface. `y_true` are class indices from 0 to classes - 1,
    `(batch,)` or `(batch, 1)`; `y_pred` are the logits `scale * cos a_c` of the classifier, `(batch, classes)`.

    Args:
        margin: Angle in radians, at least 0 and below pi; 0 gives the plain cross-entropy.
        scale: The `scale` of the classifier, which has the same default; the papers use 64. Larger logits raise an
            error; in a compiled graph, as in `fit`, they give NaN. A `scale` that is too large is not detected.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.

    >>> from siamkeras import losses
    >>> loss = losses.ArcFaceLoss(margin=3.1416 / 6)
    >>> print(round(float(loss([0], [[8.0, 0.0]])), 3))  # 60 + 30 degrees to the own class, 90 to the other: log 2
    0.693

    Reference: https://arxiv.org/abs/1801.07698
    """

    def __init__(self, margin=0.5, scale=16.0, name="arcface_loss", **kwargs):
        super().__init__(margin, scale, name, below=math.pi, **kwargs)

    def with_margin(self, cosine):
        angle = ops.arccos(ops.clip(cosine, -1 + 1e-7, 1 - 1e-7))  # its slope is infinite at -1 and 1
        lower = cosine - self.margin * math.sin(self.margin)
        return ops.where(cosine > -math.cos(self.margin), ops.cos(angle + self.margin), lower)


@keras.saving.register_keras_serializable("siamkeras")
class CosFaceLoss(_MarginLoss):
    """As `ArcFaceLoss`, with `cos a_y - margin` instead of `cos(a_y + margin)` (CosFace, Wang et al., 2018).

    Reference: https://arxiv.org/abs/1801.09414
    """

    def __init__(self, margin=0.35, scale=16.0, name="cosface_loss", **kwargs):
        super().__init__(margin, scale, name, **kwargs)

    def with_margin(self, cosine):
        return cosine - self.margin


def _batch_logits(labels, embeddings, temperature):
    temperature = check_number("temperature", temperature, above=0)
    labels, embeddings = flat_labels(labels, embeddings)
    logits = (1.0 - distances.pairwise(embeddings, embeddings, "cosine")) / temperature
    return logits, _mining.positives(labels), _mining.negatives(labels)


def _mean_over_positives(values, positive):
    return mean_per_example(_mining.masked_mean(values, positive), ops.any(positive, axis=1))
