"""Few-shot segmentation: a Siamese network that segments a structure from a few annotated reference scans."""

from siamkeras.applications.segmentation import baselines, plotting, synthetic
from siamkeras.applications.segmentation.evaluation import (
    DiceDifference,
    DiceReport,
    dice_by_subject,
    dice_difference,
    dice_score,
)
from siamkeras.applications.segmentation.generators import EvaluationEpisodes, evaluation_episodes, training_episodes
from siamkeras.applications.segmentation.hippocampus import hippocampus
from siamkeras.applications.segmentation.layers import CosineMap, DenseComparison, MaskedAveragePooling
from siamkeras.applications.segmentation.losses import DiceCrossEntropyLoss, DiceLoss, dice_loss, mask_cross_entropy
from siamkeras.applications.segmentation.model import encoder, few_shot_segmenter, pretrained_segmenter, segment
from siamkeras.applications.segmentation.nifti import volume_folder
from siamkeras.applications.segmentation.slices import Slices, split_by_subject
from siamkeras.applications.segmentation.tasks import episode_augmentation, synthetic_tasks

__all__ = [
    "CosineMap",
    "DenseComparison",
    "DiceCrossEntropyLoss",
    "DiceDifference",
    "DiceLoss",
    "DiceReport",
    "EvaluationEpisodes",
    "MaskedAveragePooling",
    "Slices",
    "baselines",
    "dice_by_subject",
    "dice_difference",
    "dice_loss",
    "dice_score",
    "encoder",
    "episode_augmentation",
    "evaluation_episodes",
    "few_shot_segmenter",
    "hippocampus",
    "mask_cross_entropy",
    "plotting",
    "pretrained_segmenter",
    "segment",
    "split_by_subject",
    "synthetic",
    "synthetic_tasks",
    "training_episodes",
    "volume_folder",
]
