"""Losses of batches: every example against all others, as a choice among them (softmax) or as a sum over pairs.

All compare by cosine similarity, `s = 1 - cosine distance`, and are computed in float32 at least.
"""

import numbers

import keras
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_number
from siamkeras.losses import _masks as masks
from siamkeras.losses._inputs import labelled, per_example


def info_nce(left, right, temperature=0.1):
    """In-batch softmax over pairs: which of all rights belongs to this left? (Sohn, 2016; van den Oord et al., 2018)

    `-log(exp(s_ii / T) / sum_j exp(s_ij / T))`, where `s_ij` is the cosine similarity of left i and right j

    All pairs are of one class each, and the rights of the others are the negatives: known as N-pair loss, InfoNCE and
    multiple-negatives ranking. Two pairs of one class in a batch would push their own class apart: draw them apart.

    Args:
        left: Embeddings, `(batch, dim)`.
        right: Embeddings, `(batch, dim)`; `right[i]` belongs to `left[i]`.
        temperature: What similarities are divided by, above 0. The smaller, the more the nearest negatives count.

    Returns:
        One value per pair, `(batch,)`; 0 where there is a single one.

    Raises:
        ValueError: not two sets of embeddings of one shape; temperature not a positive number.

    >>> from siamkeras import losses
    >>> print(round(float(losses.info_nce([[1, 0], [0, 1]], [[1, 0], [0, 1]], 1.0)[0]), 3))  # log(1 + 1 / e)
    0.313

    References: https://papers.nips.cc/paper/6200, https://arxiv.org/abs/1807.03748
    """
    temperature = check_number("temperature", temperature, above=0)
    left, right = distances.as_float(left), distances.as_float(right)
    if left.shape != right.shape or len(left.shape) != 2:
        raise ValueError(
            "Pairs are two sets of embeddings (batch, dim). "
            f"Received: shapes {tuple(left.shape)} and {tuple(right.shape)}."
        )
    logits = _similarity(left, right) / temperature
    return ops.logsumexp(logits, axis=1) - ops.diagonal(logits)


def in_batch_softmax(labels, embeddings, temperature=0.1):
    """In-batch softmax of labelled examples: each positive against all negatives (Sohn, 2016; Chen et al., 2020).

    For an anchor a and each of its positives p, with its negatives n,
    `-log(exp(s_ap / T) / (exp(s_ap / T) + sum_n exp(s_an / T)))`, averaged over p

    With two examples of each class this is the loss of SimCLR (NT-Xent); `info_nce` is the same question for
    pairs without labels. Unlike in `supervised_contrastive`, positives do not compete with one another.

    Args:
        labels: Class of each example, whole numbers; `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        temperature: As for `info_nce`.

    Returns:
        One value per anchor, `(batch,)`, scaled so that the mean over the batch is the mean over the anchors that
        have a positive; 0 for the others.

    Raises:
        ValueError: labels and embeddings that do not belong together; temperature not a positive number.

    References: https://papers.nips.cc/paper/6200, https://arxiv.org/abs/2002.05709
    """
    logits, positive, negative = _compared(labels, embeddings, check_number("temperature", temperature, above=0))
    others = ops.logsumexp(ops.where(negative, logits, _NEVER), axis=1, keepdims=True)
    # log(exp(p) + exp(o)) - p = softplus(o - p)
    return _mean_over_positives(ops.softplus(others - logits), positive)


def supervised_contrastive(labels, embeddings, temperature=0.1):
    """Supervised contrastive loss: each positive against everybody else (Khosla et al., 2020, L_out).

    For an anchor a, its positives p and all others i of the batch,
    `-log(exp(s_ap / T) / sum_i exp(s_ai / T))`, averaged over p

    Args:
        labels: Class of each example, whole numbers; `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        temperature: As for `info_nce`.

    Returns:
        As for `in_batch_softmax`.

    Raises:
        ValueError: as for `in_batch_softmax`.

    Reference: https://arxiv.org/abs/2004.11362
    """
    logits, positive, negative = _compared(labels, embeddings, check_number("temperature", temperature, above=0))
    somebody = ops.logical_or(positive, negative)
    total = ops.logsumexp(ops.where(somebody, logits, _NEVER), axis=1, keepdims=True)
    return _mean_over_positives(total - logits, positive)


def multi_similarity(labels, embeddings, alpha=2.0, beta=50.0, base=0.5):
    """Multi-similarity loss: soft thresholds for positives and negatives (Wang et al., 2019).

    `log(1 + sum_p exp(-alpha (s_ap - base))) / alpha + log(1 + sum_n exp(beta (s_an - base))) / beta`

    A positive is pulled the harder the further its similarity is below `base`, a negative pushed the harder the
    further it is above; in either sum those that are worst weigh most. The mining of the paper is left out.

    Args:
        labels: Class of each example, whole numbers; `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        alpha: Sharpness of the sum over positives, above 0.
        beta: Sharpness of the sum over negatives, above 0.
        base: Similarity between the two, from -1 to 1.

    Returns:
        One value per anchor, `(batch,)`. A missing positive or negative leaves its sum empty, and its term 0.

    Raises:
        ValueError: labels and embeddings that do not belong together; alpha or beta not positive; base outside
            [-1, 1].

    Reference: https://arxiv.org/abs/1904.06627
    """
    alpha, beta, base = check_number("alpha", alpha, above=0), check_number("beta", beta, above=0), _checked_base(base)
    similarity, positive, negative = _compared(labels, embeddings, 1.0)
    pull = _log_of_one_and_sum(ops.where(positive, -alpha * (similarity - base), _NEVER))
    push = _log_of_one_and_sum(ops.where(negative, beta * (similarity - base), _NEVER))
    return pull / alpha + push / beta


class _BatchLoss(keras.losses.Loss):
    """A loss of labels `(batch,)` and embeddings `(batch, dim)`, whose own arguments are in `_kept`."""

    # Float32 also where the session's default is less: a class number above 256 is not a bfloat16.
    def __init__(self, name, reduction="sum_over_batch_size", dtype="float32"):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self._kept}}


@keras.saving.register_keras_serializable("siamkeras")
class InBatchSoftmaxLoss(_BatchLoss):
    """In-batch softmax for `compile`; formula and source stand at `losses.in_batch_softmax`.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch,)` or `(batch, 1)` | class of each example, whole numbers up to 2^24 |
    | `y_pred` | `(batch, dim)` | embeddings, as a tower gives them; they are scaled to length 1 |

    Args:
        temperature: What similarities are divided by, above 0.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: temperature not a positive number.
    """

    _kept = ("temperature",)

    def __init__(self, temperature=0.1, name="in_batch_softmax_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = check_number("temperature", temperature, above=0)

    def call(self, y_true, y_pred):
        return in_batch_softmax(y_true, y_pred, self.temperature)


@keras.saving.register_keras_serializable("siamkeras")
class SupervisedContrastiveLoss(_BatchLoss):
    """Supervised contrastive loss for `compile`; formula and source stand at `losses.supervised_contrastive`.

    Inputs, arguments and errors are those of `InBatchSoftmaxLoss`.
    """

    _kept = ("temperature",)

    def __init__(self, temperature=0.1, name="supervised_contrastive_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = check_number("temperature", temperature, above=0)

    def call(self, y_true, y_pred):
        return supervised_contrastive(y_true, y_pred, self.temperature)


@keras.saving.register_keras_serializable("siamkeras")
class MultiSimilarityLoss(_BatchLoss):
    """Multi-similarity loss for `compile`; formula and source stand at `losses.multi_similarity`.

    Inputs are those of `InBatchSoftmaxLoss`.

    Args:
        alpha, beta, base: As for `losses.multi_similarity`.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: alpha or beta not positive; base outside [-1, 1].
    """

    _kept = ("alpha", "beta", "base")

    def __init__(self, alpha=2.0, beta=50.0, base=0.5, name="multi_similarity_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.alpha, self.beta = check_number("alpha", alpha, above=0), check_number("beta", beta, above=0)
        self.base = _checked_base(base)

    def call(self, y_true, y_pred):
        return multi_similarity(y_true, y_pred, self.alpha, self.beta, self.base)


# The logit of somebody who does not count: exp() of it is 0 in float32, and unlike infinity it costs no NaN.
_NEVER = -1e30


def _similarity(x, y):
    return 1.0 - distances.pairwise(x, y, "cosine")


def _compared(labels, embeddings, temperature):
    labels, embeddings = labelled(labels, embeddings)
    logits = _similarity(embeddings, embeddings) / temperature
    return logits, masks.positives(labels), masks.negatives(labels)


def _mean_over_positives(values, positive):
    return per_example(masks.mean_over(values, positive), ops.any(positive, axis=1))


def _log_of_one_and_sum(exponents):
    return ops.softplus(ops.logsumexp(exponents, axis=1))


def _checked_base(base):
    if isinstance(base, bool) or not isinstance(base, numbers.Real) or not -1 <= base <= 1:
        raise ValueError(f"`base` is a cosine similarity, from -1 to 1. Received: base={base!r}.")
    return float(base)
