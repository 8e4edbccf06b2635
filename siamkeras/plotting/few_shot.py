"""The figure of a one-shot trial: one query, and all of the support."""

import matplotlib.pyplot as plt
import numpy as np

from siamkeras.plotting._style import PAGE, QUIET, WORDS, column, set_title
from siamkeras.plotting.images import as_rgb, frame


def one_shot_trials(queries, support, answers=None, told=None, columns=10, ink=True, title=None):
    """One-shot trials: each query on the left, and on the right the support in which its class is to be found.

    Args:
        queries: `(q, height, width[, channels])`.
        support: `(way, height, width[, channels])`, the same for all queries.
        answers: Which of the support is of the class of each query, `(q,)`; framed blue and solid, optional.
        told: Which was told, `(q,)`; where it is not the answer it is framed orange and dashed, and black where the
            answers are not given; optional.
        columns: Support images in a row.
        ink: As in `images`.
        title: What the figure shows.

    Returns:
        `(q, way + 1)` array of Axes; the first column holds the queries.

    Raises:
        ValueError: images as in `images`; numbers that are not of the support, or not one for each query.
    """
    queries, support = as_rgb("queries", queries, ink), as_rgb("support", support, ink)
    way = len(support)
    if not isinstance(columns, int) or columns < 1:
        raise ValueError(f"`columns` must be a whole number of at least 1. Received: columns={columns!r}.")
    columns = min(columns, way)
    marked = []
    for name, values in (("answers", answers), ("told", told)):
        if values is None:
            marked.append(np.full(len(queries), -1))
            continue
        values = column(name, values, len(queries))
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= way:
            raise ValueError(f"`{name}` must be numbers of the support, from 0 to {way - 1}. Received: {values}.")
        marked.append(values)
    rows = -(-way // columns)
    height = len(queries) * (rows * PAGE / (columns + 2) + 0.2) + 0.5
    figure = plt.figure(figsize=(PAGE, height), layout="constrained")
    grid = figure.add_gridspec(len(queries) * rows, columns + 2)
    axes = np.empty((len(queries), way + 1), object)
    for row, (answer, said) in enumerate(zip(*marked, strict=True)):
        word = "" if min(answer, said) < 0 else ("right" if said == answer else "wrong")
        axes[row, 0] = figure.add_subplot(grid[row * rows : (row + 1) * rows, :2])
        frame(axes[row, 0], queries[row], word, *_LOOKS[word])
        for place, picture in enumerate(support):
            below, beside = divmod(place, columns)
            axes[row, place + 1] = figure.add_subplot(grid[row * rows + below, beside + 2])
            look = (QUIET, "-")
            if place in (answer, said):
                look = WORDS["same" if place == answer else "different"] if answer >= 0 else ("black", "-")
            frame(axes[row, place + 1], picture, "", *look)
    set_title(figure, title, f"{len(queries)} one-shot trial{'s' * (len(queries) > 1)} of {way} classes")
    return axes


_LOOKS = {"": ("black", "-"), "right": WORDS["same"], "wrong": WORDS["different"]}
