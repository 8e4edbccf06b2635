"""Contrastive loss of pairs."""

import keras
from keras import ops

from siamkeras.losses._inputs import Float32Loss, check_margin, flat_pairs, nan_unless


def contrastive(same, distance, margin=1.0):
    """Contrastive loss (Hadsell, Chopra and LeCun, 2006).

    `same * distance^2 / 2 + (1 - same) * max(margin - distance, 0)^2 / 2`

    Same pairs are pulled together; different pairs are pushed apart until their distance is `margin`. For `same`
    between 0 and 1 the loss is smallest at `distance = margin * (1 - same)`.

    Args:
        same: 1 = same class, 0 = different, or a degree of similarity in between; `(batch,)` or `(batch, 1)`.
        distance: Distance of each pair, at least 0; `(batch,)` or `(batch, 1)`.
        margin: Above 0; different pairs at this distance or farther have no loss.

    Returns:
        One value per pair, `(batch,)`. NaN for `same` outside [0, 1] in a compiled graph, as in `fit`, which cannot
        raise an error.

    Raises:
        ValueError: different numbers of labels and distances; `same` outside [0, 1].

    >>> from siamkeras import losses
    >>> [round(float(loss), 3) for loss in losses.contrastive([1.0, 0.0, 0.0], [0.5, 0.5, 1.5], margin=1.0)]
    [0.125, 0.125, 0.0]

    Reference: https://doi.org/10.1109/CVPR.2006.100
    """
    margin = check_margin(margin)
    same, distance, valid = flat_pairs(same, distance)
    pull = ops.square(distance)
    push = ops.square(ops.maximum(margin - distance, 0.0))
    return nan_unless(valid, (same * pull + (1.0 - same) * push) / 2.0)


@keras.saving.register_keras_serializable("siamkeras")
class ContrastiveLoss(Float32Loss):
    """Contrastive loss for `compile`, where `y_true` is `same` and `y_pred` the distance; see `losses.contrastive`.

    Args:
        margin: As for `losses.contrastive`; below 2 for unit-length embeddings, whose Euclidean distance is at most 2.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`.

    >>> from siamkeras import losses
    >>> loss = losses.ContrastiveLoss(margin=1.0)
    >>> print(round(float(loss([1.0, 0.0], [0.5, 0.25])), 4))  # (0.5^2 / 2 + 0.75^2 / 2) / 2
    0.2031
    """

    def __init__(self, margin=1.0, name="contrastive_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.margin = check_margin(margin)

    def call(self, y_true, y_pred):
        return contrastive(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
