"""Few-shot segmentation: a Siamese encoder, a mask decoder, and scans to train and test them on."""

from siamkeras.applications.segmentation import baselines, plotting, synthetic
from siamkeras.applications.segmentation._applying import segment
from siamkeras.applications.segmentation._kept import pretrained
from siamkeras.applications.segmentation.evaluation import (
    DiceDifference,
    Segmentation,
    dice,
    dice_by_subject,
    dice_difference,
)
from siamkeras.applications.segmentation.generators import Trials, episodes, trials
from siamkeras.applications.segmentation.layers import (
    ByEpisode,
    CosineMap,
    DenseComparison,
    MaskedAveragePooling,
    MeanMask,
    OneByOne,
)
from siamkeras.applications.segmentation.losses import (
    DiceCrossEntropyLoss,
    DiceLoss,
    MaskCrossEntropyLoss,
    mask_cross_entropy,
)
from siamkeras.applications.segmentation.model import few_shot_segmenter, maps_tower
from siamkeras.applications.segmentation.scans import Volume, hippocampus, volume, volume_folder
from siamkeras.applications.segmentation.slices import Slices, joined, split_by_subject
from siamkeras.applications.segmentation.synthetic import phantoms
from siamkeras.applications.segmentation.tasks import invented

__all__ = [
    "ByEpisode",
    "CosineMap",
    "DenseComparison",
    "DiceCrossEntropyLoss",
    "DiceDifference",
    "DiceLoss",
    "MaskCrossEntropyLoss",
    "MaskedAveragePooling",
    "MeanMask",
    "OneByOne",
    "Segmentation",
    "Slices",
    "Trials",
    "Volume",
    "baselines",
    "dice",
    "dice_by_subject",
    "dice_difference",
    "episodes",
    "few_shot_segmenter",
    "hippocampus",
    "invented",
    "joined",
    "maps_tower",
    "mask_cross_entropy",
    "phantoms",
    "plotting",
    "pretrained",
    "segment",
    "split_by_subject",
    "synthetic",
    "trials",
    "volume",
    "volume_folder",
]
