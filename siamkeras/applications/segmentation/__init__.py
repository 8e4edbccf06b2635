"""Few-shot segmentation: a Siamese network that segments a structure from a few annotated reference scans."""

from siamkeras.applications.segmentation import baselines, plotting
from siamkeras.applications.segmentation.chaos import chaos
from siamkeras.applications.segmentation.evaluation import dice_by_subject, dice_score
from siamkeras.applications.segmentation.generators import evaluation_episodes, training_episodes
from siamkeras.applications.segmentation.hippocampus import hippocampus
from siamkeras.applications.segmentation.layers import CosineMap, MaskedAveragePooling
from siamkeras.applications.segmentation.losses import DiceCrossEntropyLoss, dice_loss
from siamkeras.applications.segmentation.model import encoder, few_shot_segmenter, pretrained_segmenter, segment
from siamkeras.applications.segmentation.nifti import volume_folder
from siamkeras.applications.segmentation.slices import Slices, split_by_subject
from siamkeras.applications.segmentation.synthetic import synthetic_phantoms
from siamkeras.applications.segmentation.tasks import episode_augmentation, synthetic_tasks
from siamkeras.applications.segmentation.volumes import (
    hausdorff_95,
    largest_component,
    volume_episodes,
    volume_scores,
)

__all__ = [
    "CosineMap",
    "DiceCrossEntropyLoss",
    "MaskedAveragePooling",
    "Slices",
    "baselines",
    "chaos",
    "dice_by_subject",
    "dice_loss",
    "dice_score",
    "encoder",
    "episode_augmentation",
    "evaluation_episodes",
    "few_shot_segmenter",
    "hausdorff_95",
    "hippocampus",
    "largest_component",
    "plotting",
    "pretrained_segmenter",
    "segment",
    "split_by_subject",
    "synthetic_phantoms",
    "synthetic_tasks",
    "training_episodes",
    "volume_episodes",
    "volume_folder",
    "volume_scores",
]
