"""The figure of few-shot segmentation: references, query, truth and predictions."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patheffects import Normal, withStroke

from siamkeras.applications.segmentation._episodes import check_episodes
from siamkeras.applications.segmentation.evaluation import dice_score
from siamkeras.plotting._style import DIFFERENT, SAME

WIDTH = 10.0  # inches, the width of a notebook page


def episodes(inputs, truth, predictions=None, title=None):
    """Episodes as rows of images: references with their masks, the query, its true mask, and predictions.

    True masks have a solid blue outline, predicted masks a dashed orange one. The Dice of each prediction is shown
    below it.

    Args:
        inputs: `{"query", "references", "masks"}` of the episodes to show, as in `EvaluationEpisodes.inputs`.
        truth: True masks of the queries, `(n, height, width)`.
        predictions: `{method: masks}` with masks or probabilities `(n, height, width)`; optional.
        title: Title of the figure.

    Returns:
        `(n, references + 2 + methods)` array of Axes.
    """
    queries, references, masks = check_episodes(inputs)
    truth, predictions = np.asarray(truth), predictions or {}
    scores = {name: dice_score(truth, prediction) for name, prediction in predictions.items()}
    if truth.shape != queries.shape:
        raise ValueError(f"`truth` must be masks {queries.shape}. Received: shape {truth.shape}.")
    count = references.shape[1]
    headings = ["reference"] if count == 1 else [f"reference {number + 1}" for number in range(count)]
    headings += ["query", "truth", *predictions]
    figure, grid = _new_grid(len(queries), headings, queries.shape[1] / queries.shape[2], bool(predictions))
    for row, axes in enumerate(grid):
        for column, (reference, mask) in enumerate(zip(references[row], masks[row], strict=True)):
            _show(axes[column], reference, mask)
        _show(axes[count], queries[row])
        _show(axes[count + 1], queries[row], truth[row])
        for column, (name, prediction) in enumerate(predictions.items(), start=count + 2):
            _show(axes[column], queries[row], truth[row], prediction[row])
            axes[column].set_xlabel(f"Dice {scores[name][row]:.2f}")
    if title is not None:
        figure.suptitle(title)
    return grid


def _new_grid(rows, headings, aspect, has_scores):
    width = min(WIDTH / len(headings), 2.0)
    height = (width - 0.1) * aspect + 0.05 + 0.2 * has_scores
    size = (width * len(headings), rows * height + 0.8)
    figure, grid = plt.subplots(rows, len(headings), figsize=size, layout="constrained", squeeze=False)
    for ax, heading in zip(grid[0], headings, strict=True):
        ax.set_title(heading, fontsize="medium" if len(headings) < 7 else "x-small")
    return figure, grid


def _show(ax, image, true_mask=None, predicted_mask=None):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    if true_mask is not None:
        _outline(ax, np.asarray(true_mask) >= 0.5, SAME, "-")
    if predicted_mask is not None:
        _outline(ax, np.asarray(predicted_mask) >= 0.5, DIFFERENT, "--")


def _outline(ax, mask, color, style):
    """The border of a mask; solid lines have a white edge to be visible on dark images."""
    if not mask.any():
        return
    height, width = mask.shape
    padded = np.pad(mask, 1).astype(float)  # closes the line where the mask reaches the border
    x, y = np.arange(-1, width + 1), np.arange(-1, height + 1)
    lines = ax.contour(x, y, padded, [0.5], colors=[color], linestyles=[style], linewidths=1.6)
    if style == "-":
        lines.set_path_effects([withStroke(linewidth=2.8, foreground="white", alpha=0.6), Normal()])
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
