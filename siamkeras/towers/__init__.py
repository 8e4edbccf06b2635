"""Towers: networks from one input to one embedding, plain `keras.Model`s named "tower".

Any `keras.Model` with one input and one output `(batch, dim)` can be used as a tower.
"""

from siamkeras.towers.baselines import ColourHistogram, histogram, pixels
from siamkeras.towers.conv import conv, dense
from siamkeras.towers.ensembles import RotateFlip, rotated_views
from siamkeras.towers.koch import koch, koch_small
from siamkeras.towers.pretrained import freeze, pretrained, unfreeze
from siamkeras.towers.text import MaskedMean, NGramWeights, bag_of_ngrams, recurrent

__all__ = [
    "ColourHistogram",
    "MaskedMean",
    "NGramWeights",
    "RotateFlip",
    "conv",
    "dense",
    "freeze",
    "bag_of_ngrams",
    "histogram",
    "koch",
    "koch_small",
    "pixels",
    "pretrained",
    "recurrent",
    "rotated_views",
    "unfreeze",
]
