"""Figure of one-shot trials: each query with the support set."""

import matplotlib.pyplot as plt
import numpy as np

from siamkeras.plotting._style import NAMED_STYLES, NEUTRAL, PAGE_WIDTH, column, set_title
from siamkeras.plotting.images import as_rgb, frame


def one_shot_trials(queries, support, truth=None, predicted=None, columns=10, ink=True, title=None):
    """Plots one-shot trials: each query on the left, the support set on the right.

    Args:
        queries: `(q, height, width[, channels])`.
        support: `(way, height, width[, channels])`, one image per class, the same for all queries.
        truth: Index into `support` of the true class of each query, `(q,)`; framed blue and solid.
        predicted: Index of the predicted class, `(q,)`; framed orange and dashed if it is wrong, black if `truth` is
            not given.
        columns: Support images per row.
        ink: As in `images`.
        title: Title of the figure.

    Returns:
        `(q, way + 1)` array of Axes; the first column holds the queries.

    Raises:
        ValueError: images as in `images`; indices outside the support set, or not one for each query.
    """
    queries, support = as_rgb("queries", queries, ink), as_rgb("support", support, ink)
    way = len(support)
    columns = min(columns, way)
    truth, predicted = (
        np.full(len(queries), -1) if indices is None else _check_indices(name, indices, len(queries), way)
        for name, indices in (("truth", truth), ("predicted", predicted))
    )
    rows = -(-way // columns)
    height = len(queries) * (rows * PAGE_WIDTH / (columns + 2) + 0.2) + 0.5
    figure = plt.figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    grid = figure.add_gridspec(len(queries) * rows, columns + 2)
    axes = np.empty((len(queries), way + 1), object)
    for row, (true_class, predicted_class) in enumerate(zip(truth, predicted, strict=True)):
        word, style = "", ("black", "-")
        if min(true_class, predicted_class) >= 0:
            is_correct = predicted_class == true_class
            word = "correct" if is_correct else "wrong"
            style = NAMED_STYLES["same" if is_correct else "different"]
        axes[row, 0] = figure.add_subplot(grid[row * rows : (row + 1) * rows, :2])
        frame(axes[row, 0], queries[row], word, *style)
        for index, picture in enumerate(support):
            below, beside = divmod(index, columns)
            axes[row, index + 1] = figure.add_subplot(grid[row * rows + below, beside + 2])
            style = (NEUTRAL, "-")
            if index == true_class or (index == predicted_class and true_class >= 0):
                style = NAMED_STYLES["same" if index == true_class else "different"]
            elif index == predicted_class:
                style = ("black", "-")
            frame(axes[row, index + 1], picture, "", *style)
    set_title(figure, title, f"{len(queries)} one-shot trial{'s' * (len(queries) > 1)} of {way} classes")
    return axes


def _check_indices(name, indices, count, way):
    indices = column(name, indices, count)
    if indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= way:
        raise ValueError(f"`{name}` must be indices into the support set, 0 to {way - 1}. Received: {indices}.")
    return indices
