"""What a network of shared towers is trained to make small.

A pure function for each formula, which gives one value per example, and a class that feeds it from `compile`. Where
there is no y, `layers` has an endpoint that feeds the same function from the graph.

Labels of pairs: **same = 1 means same class, 0 means different**, and any value between is a degree of sameness.
Several texts define it the other way round, and some define it one way and print the formula of the other: such a
formula, fed with these labels, pulls different examples together.

Labels of batches: each example has the number of its class. Who is a positive and who a negative of whom follows from
them, so that a batch of 64 holds thousands of pairs and triplets; `generators.balanced` makes such batches.
"""

from siamkeras.losses.adapting import FineTuningLoss, fine_tuning
from siamkeras.losses.batches import (
    InBatchSoftmaxLoss,
    MultiSimilarityLoss,
    SupervisedContrastiveLoss,
    in_batch_softmax,
    multi_similarity,
    softmax_of_pairs,
    supervised_contrastive,
)
from siamkeras.losses.checks import check_known_labels, check_margin, check_positive, check_whole, labelled, paired
from siamkeras.losses.overlaps import (
    DiceCrossEntropyLoss,
    DiceLoss,
    MaskCrossEntropyLoss,
    dice,
    mask_cross_entropy,
)
from siamkeras.losses.pairs import ContrastiveLoss, contrastive
from siamkeras.losses.triplets import AVERAGES, MINING, TripletLoss, active_share, batch_triplet, triplet

__all__ = [
    "AVERAGES",
    "MINING",
    "ContrastiveLoss",
    "DiceCrossEntropyLoss",
    "DiceLoss",
    "FineTuningLoss",
    "InBatchSoftmaxLoss",
    "MaskCrossEntropyLoss",
    "MultiSimilarityLoss",
    "SupervisedContrastiveLoss",
    "TripletLoss",
    "active_share",
    "batch_triplet",
    "check_known_labels",
    "check_margin",
    "check_positive",
    "check_whole",
    "contrastive",
    "dice",
    "fine_tuning",
    "in_batch_softmax",
    "labelled",
    "mask_cross_entropy",
    "multi_similarity",
    "paired",
    "softmax_of_pairs",
    "supervised_contrastive",
    "triplet",
]
