"""Few-shot segmentation: the mask of a structure in a new image, from a few images in which somebody has drawn it.

A **query** is asked about; its **references** are images with a **mask**, 1 inside the structure. Both go through one
tower, and where the query is like the inside of the references a decoder draws its mask.
"""

from siamkeras.segmentation import baselines
from siamkeras.segmentation.applying import segment
from siamkeras.segmentation.episodes import Trials, episodes, trials
from siamkeras.segmentation.inventing import invented
from siamkeras.segmentation.kept import pretrained
from siamkeras.segmentation.layers import (
    ByEpisode,
    CosineMap,
    DenseComparison,
    MaskedAveragePooling,
    MeanMask,
    OneByOne,
)
from siamkeras.segmentation.models import few_shot_segmenter, maps_tower

__all__ = [
    "ByEpisode",
    "CosineMap",
    "DenseComparison",
    "MaskedAveragePooling",
    "MeanMask",
    "OneByOne",
    "Trials",
    "baselines",
    "episodes",
    "few_shot_segmenter",
    "invented",
    "maps_tower",
    "pretrained",
    "segment",
    "trials",
]
