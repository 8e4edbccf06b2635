"""Every figure of the library and of the course: arrays in, Axes out, nothing shown.

The colours mean the same in every figure: blue and solid is `SAME`, orange and dashed (or hatched) is `DIFFERENT`,
black is what was decided or demanded (threshold, margin). What a colour says, a line style, hatch or word says too.

A title states what the figure shows; without one, each function sets a neutral title of its own.
"""

from siamkeras.plotting.charts import bars, curves, history
from siamkeras.plotting.decisions import distances, roc
from siamkeras.plotting.degrees import degrees
from siamkeras.plotting.films import Film, animation, film, precision, success
from siamkeras.plotting.masks import segmentations
from siamkeras.plotting.pictures import images, neighbours, pairs
from siamkeras.plotting.score_maps import score_maps
from siamkeras.plotting.space import embedding, unit_balls
from siamkeras.plotting.style import DIFFERENT, MARGIN, PALETTE, SAME, THRESHOLD
from siamkeras.plotting.trials import trials

__all__ = [
    "DIFFERENT",
    "Film",
    "MARGIN",
    "PALETTE",
    "SAME",
    "THRESHOLD",
    "animation",
    "bars",
    "curves",
    "degrees",
    "distances",
    "embedding",
    "film",
    "history",
    "images",
    "neighbours",
    "pairs",
    "precision",
    "roc",
    "score_maps",
    "segmentations",
    "success",
    "trials",
    "unit_balls",
]
