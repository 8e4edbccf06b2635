"""Losses: contrastive, triplet, in-batch softmax, supervised contrastive, multi-similarity, fine-tuning, ArcFace.

Each loss is a function that returns one value per example, pair or anchor. All except `triplet` and `info_nce`, which
`models` builds in, have a class for `compile`; `ArcFaceLoss` and `CosFaceLoss` are classes only. The layers in `layers`
add a loss to a model whose data have no y. All losses compute in at least float32.

Labels of pairs: **1 = same class, 0 = different class**; values in between are degrees of similarity. Some texts use
the opposite convention. The labels of single examples are class indices; losses that compare the examples of a
batch accept any integers, or integer-valued floats below 2^24. Other labels raise an error; a compiled graph, as in
`fit`, cannot raise one, and the loss and the weights become NaN.
"""

from siamkeras.losses.contrastive import ContrastiveLoss, contrastive
from siamkeras.losses.fine_tuning import FineTuningLoss, fine_tuning
from siamkeras.losses.multi_similarity import MultiSimilarityLoss, multi_similarity
from siamkeras.losses.softmax import (
    ArcFaceLoss,
    CosFaceLoss,
    InBatchSoftmaxLoss,
    SupervisedContrastiveLoss,
    in_batch_softmax,
    info_nce,
    supervised_contrastive,
)
from siamkeras.losses.triplet import TripletLoss, batch_triplet, triplet

__all__ = [
    "ArcFaceLoss",
    "ContrastiveLoss",
    "CosFaceLoss",
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
