"""Figures of training, pairs, distances, rankings and embeddings: arrays in, matplotlib Axes out.

Colours have one meaning throughout: blue (solid) is `SAME`, orange (dashed or hatched) is `DIFFERENT`, black is a
threshold or a margin. Without `title`, each function sets a neutral one.
"""

from siamkeras.plotting._style import DIFFERENT, MARGIN, PALETTE, SAME, THRESHOLD
from siamkeras.plotting.charts import bars, curves, history
from siamkeras.plotting.correlation import correlation
from siamkeras.plotting.embedding import embedding, unit_balls
from siamkeras.plotting.few_shot import one_shot_trials
from siamkeras.plotting.images import images, neighbours, pairs
from siamkeras.plotting.verification import distances, roc

__all__ = [
    "DIFFERENT",
    "MARGIN",
    "PALETTE",
    "SAME",
    "THRESHOLD",
    "bars",
    "curves",
    "correlation",
    "distances",
    "embedding",
    "history",
    "images",
    "neighbours",
    "pairs",
    "roc",
    "one_shot_trials",
    "unit_balls",
]
