"""Multi-similarity loss over a batch of labelled embeddings."""

import keras
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_number
from siamkeras.losses import _mining
from siamkeras.losses._inputs import BatchLoss, flat_labels


def multi_similarity(labels, embeddings, alpha=2.0, beta=50.0, base=0.5):
    """Multi-similarity loss without its mining step (Wang et al., 2019).

    For an anchor a with positives p and negatives n, and cosine similarities s,
    `log(1 + sum_p exp(-alpha (s_ap - base))) / alpha + log(1 + sum_n exp(beta (s_an - base))) / beta`

    Args:
        labels: Class index of each example, `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, dim)`.
        alpha: Sharpness of the sum over positives, above 0.
        beta: Sharpness of the sum over negatives, above 0.
        base: Similarity that separates positives from negatives, from -1 to 1.

    Returns:
        One value per anchor, `(batch,)`; the term for positives (negatives) is 0 for an anchor without any.

    Reference: https://arxiv.org/abs/1904.06627
    """
    alpha, beta, base = _check_parameters(alpha, beta, base)
    labels, embeddings = flat_labels(labels, embeddings)
    similarity = 1.0 - distances.pairwise(embeddings, embeddings, "cosine")
    pull = _log_one_plus_sum(-alpha * (similarity - base), _mining.positives(labels))
    push = _log_one_plus_sum(beta * (similarity - base), _mining.negatives(labels))
    return pull / alpha + push / beta


@keras.saving.register_keras_serializable("siamkeras")
class MultiSimilarityLoss(BatchLoss):
    """Multi-similarity loss of class indices and embeddings for `compile`; see `losses.multi_similarity`.

    Args:
        alpha, beta, base: As for `losses.multi_similarity`.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.
    """

    def __init__(self, alpha=2.0, beta=50.0, base=0.5, name="multi_similarity_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.alpha, self.beta, self.base = _check_parameters(alpha, beta, base)

    def call(self, y_true, y_pred):
        return multi_similarity(y_true, y_pred, self.alpha, self.beta, self.base)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "base": self.base}


def _check_parameters(alpha, beta, base):
    return (
        check_number("alpha", alpha, above=0),
        check_number("beta", beta, above=0),
        check_number("base", base, minimum=-1, maximum=1),
    )


def _log_one_plus_sum(exponents, mask):
    """`log(1 + sum exp(exponents))` of each row over the entries where `mask` is true; 0 for a row without any."""
    # softplus(log(sum)); -1e30 instead of minus infinity, whose logsumexp has a NaN gradient.
    return ops.softplus(ops.logsumexp(ops.where(mask, exponents, -1e30), axis=1))
