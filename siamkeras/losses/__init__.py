"""Losses of Siamese networks: contrastive, triplet, in-batch softmax, supervised contrastive, multi-similarity.

Each formula is a function that returns one value per example; a class wraps it for `compile`. For data without y,
`layers` has endpoint layers with the same losses.

Labels of pairs: **1 = same class, 0 = different class**; values between are degrees of similarity. Some texts use the
opposite convention. Labels of batches are class indices.
"""

from siamkeras.losses.contrastive import ContrastiveLoss, contrastive
from siamkeras.losses.fine_tuning import FineTuningLoss, fine_tuning
from siamkeras.losses.softmax import (
    InBatchSoftmaxLoss,
    MultiSimilarityLoss,
    SupervisedContrastiveLoss,
    in_batch_softmax,
    info_nce,
    multi_similarity,
    supervised_contrastive,
)
from siamkeras.losses.triplet import TripletLoss, active_fraction, batch_triplet, triplet

__all__ = [
    "ContrastiveLoss",
    "FineTuningLoss",
    "InBatchSoftmaxLoss",
    "MultiSimilarityLoss",
    "SupervisedContrastiveLoss",
    "TripletLoss",
    "active_fraction",
    "batch_triplet",
    "contrastive",
    "fine_tuning",
    "in_batch_softmax",
    "multi_similarity",
    "info_nce",
    "supervised_contrastive",
    "triplet",
]
