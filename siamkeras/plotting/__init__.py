"""Figures of training, pairs, distances, rankings and embeddings: arrays in, matplotlib Axes out.

Colours have one meaning throughout: blue (solid) for same pairs and correct results, orange (dashed or hatched) for
different pairs and wrong results, black for thresholds, grey for margins. A method has the same colour in all charts,
by its name. Without `title`, a figure gets a neutral one. `schematic` illustrates a method without data.
"""

from siamkeras.plotting.charts import bars, curves, history, points
from siamkeras.plotting.correlation import correlation
from siamkeras.plotting.embedding import embedding, unit_balls
from siamkeras.plotting.few_shot import one_shot_trials
from siamkeras.plotting.images import images, neighbours, pairs
from siamkeras.plotting.schematics import schematic
from siamkeras.plotting.verification import distances, roc

__all__ = [
    "bars",
    "curves",
    "correlation",
    "distances",
    "embedding",
    "history",
    "images",
    "neighbours",
    "pairs",
    "points",
    "roc",
    "one_shot_trials",
    "schematic",
    "unit_balls",
]
