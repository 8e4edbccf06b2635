"""Test data and readers of matplotlib objects, shared by the tests of figures."""

from types import SimpleNamespace

import numpy as np
from matplotlib.colors import to_hex

_rng = np.random.default_rng(5)
GREY = _rng.random((5, 60, 60)).astype("float32")  # 60 pixels wide: plotted pixel by pixel, with lines of one pixel
RGB = _rng.random((5, 60, 60, 3)).astype("float32")
LABELS = np.array([7, 3, 11, 7, 3, 11, 7, 3])
EMBEDDINGS = _rng.normal(size=(8, 4))
# A threshold of 0.5 rejects one of four same pairs (0.7) and accepts two of five different pairs (0.3, 0.4).
DISTANCES = np.array([0.1, 0.2, 0.45, 0.7, 0.3, 0.4, 0.5, 0.9, 1.1])
LABELS_OF_PAIRS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
REPORT = SimpleNamespace(
    distances=DISTANCES,
    same=LABELS_OF_PAIRS.astype(bool),
    threshold=0.5,
    false_accept_rate=np.array([0.0, 0.0, 0.2, 1.0]),
    true_accept_rate=np.array([0.0, 0.6, 0.8, 1.0]),
    auc=0.86,
    eer=0.2,
)
GRADED = SimpleNamespace(distances=np.array([0.1, 0.3, 0.9, 0.7]), same=np.array([1.0, 0.9, 0.1, 0.15]))


def legend(ax):
    """Texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, label):
    """The line whose label begins with `label`."""
    return next(line for line in ax.lines if line.get_label().startswith(label))


def frame_style(ax):
    """Color and line style of the frame, equal on all four sides."""
    (style,) = {(to_hex(side.get_edgecolor()).upper(), side.get_linestyle()) for side in ax.spines.values()}
    return style
