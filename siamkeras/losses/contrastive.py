"""Losses of pairs: the two of a pair, their distance, and whether they are of one class."""

import keras
from keras import ops

from siamkeras.losses._inputs import check_margin, paired


def contrastive(same, distance, margin=1.0):
    """Contrastive loss of pairs (Hadsell, Chopra and LeCun, 2006).

    `same * distance^2 / 2 + (1 - same) * max(margin - distance, 0)^2 / 2`

    The first term pulls a pair of one class together, the harder the further apart it is; the second pushes a pair
    of two classes apart until it is `margin` away, and leaves it alone from there on. With `same` between 0 and 1 the
    loss is smallest at `distance = margin * (1 - same)`: the label says how far apart the pair should be.

    Args:
        same: 1 = same class, 0 = different, or any value between; `(batch,)` or `(batch, 1)`.
        distance: Distance of each pair, at least 0; `(batch,)` or `(batch, 1)`.
        margin: How far is far enough, in units of distance, more than 0.

    Returns:
        One value per pair, `(batch,)`.

    Raises:
        ValueError: `same` and `distance` of different length; margin not a positive number.

    >>> from siamkeras import losses
    >>> [round(float(loss), 3) for loss in losses.contrastive([1.0, 0.0, 0.0], [0.5, 0.5, 1.5], margin=1.0)]
    [0.125, 0.125, 0.0]

    Reference: https://doi.org/10.1109/CVPR.2006.100
    """
    margin = check_margin(margin)
    same, distance = paired(same, distance)
    pull = ops.square(distance)
    push = ops.square(ops.maximum(margin - distance, 0.0))
    return (same * pull + (1.0 - same) * push) / 2.0


@keras.saving.register_keras_serializable("siamkeras")
class ContrastiveLoss(keras.losses.Loss):
    """Contrastive loss for `compile`: pulls pairs of one class together and pushes others `margin` apart.

    The formula and its source stand at `losses.contrastive`.

    | input | shape | what |
    |---|---|---|
    | `y_true` | `(batch,)` or `(batch, 1)` | same: 1 = same class, 0 = different, or any value between |
    | `y_pred` | `(batch,)` or `(batch, 1)` | distance of the pair, at least 0, as `models.siamese` gives it |

    Computed in float32 under mixed precision too; takes part in `sample_weight`; one value per pair, so that the
    gradient does not depend on how many devices share a batch.

    Args:
        margin: How far is far enough, in units of distance, more than 0. Embeddings of length 1 are at most 2 apart
            in Euclidean distance, so a margin beyond 2 can never be reached.
        **kwargs: `name`, `reduction`, `dtype` of `keras.losses.Loss`.

    Raises:
        ValueError: margin not a positive number.

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
