"""Losses: contrastive, triplet, in-batch softmax, supervised contrastive, multi-similarity, fine-tuning.

Each formula is a function that returns one value per example; a class wraps it for `compile`. All compute in at least
float32. `layers` has endpoint layers for data without y.

Labels of pairs: **1 = same class, 0 = different class**; values between are degrees of similarity. Some texts use the
opposite convention. Labels of batches are class indices.
"""

from siamkeras.losses.contrastive import ContrastiveLoss, contrastive
from siamkeras.losses.fine_tuning import FineTuningLoss, fine_tuning
from siamkeras.losses.multi_similarity import MultiSimilarityLoss, multi_similarity
from siamkeras.losses.softmax import (
    InBatchSoftmaxLoss,
    SupervisedContrastiveLoss,
    in_batch_softmax,
    info_nce,
    supervised_contrastive,
)
from siamkeras.losses.triplet import TripletLoss, batch_triplet, triplet

__all__ = [
    "ContrastiveLoss",
    "FineTuningLoss",
    "InBatchSoftmaxLoss",
    "MultiSimilarityLoss",
    "SupervisedContrastiveLoss",
    "TripletLoss",
    "batch_triplet",
    "contrastive",
    "fine_tuning",
    "in_batch_softmax",
    "info_nce",
    "multi_similarity",
    "supervised_contrastive",
    "triplet",
]
