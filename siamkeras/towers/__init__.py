"""Networks that turn one input into one embedding of length 1: plain `keras.Model`s named "tower".

Any `keras.Model` with one output `(batch, dim)` can be a tower; these are good ones to begin with.
"""

from siamkeras.towers.baselines import ColourHistogram, histogram, pixels
from siamkeras.towers.networks import conv, dense
from siamkeras.towers.published import koch, koch_small
from siamkeras.towers.sentences import MaskedMean, NGramWeights, hashed, recurrent
from siamkeras.towers.transfer import freeze, pretrained, unfreeze
from siamkeras.towers.turning import Turned, turned

__all__ = [
    "ColourHistogram",
    "MaskedMean",
    "NGramWeights",
    "Turned",
    "conv",
    "dense",
    "freeze",
    "hashed",
    "histogram",
    "koch",
    "koch_small",
    "pixels",
    "pretrained",
    "recurrent",
    "turned",
    "unfreeze",
]
