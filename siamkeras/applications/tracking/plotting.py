"""Figures for tracking: frames with bounding boxes, animations, success plots, score maps."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from siamkeras.applications.tracking.evaluation import IOU_THRESHOLDS
from siamkeras.applications.tracking.video import check_boxes
from siamkeras.plotting import curves
from siamkeras.plotting._style import LINE_STYLES, NEUTRAL, PAGE_WIDTH, column, new_grid, set_title
from siamkeras.plotting.images import as_rgb

__all__ = ["animation", "frames", "score_maps", "success"]

TRUTH = "#FFFFFF"
# The bright colours of Okabe and Ito, visible on photographs.
BOX_COLORS = ("#F0E442", "#56B4E9", "#E69F00", "#CC79A7", "#009E73")


def frames(video, boxes=None, shown=6, title=None):
    """Plots some frames of a video with true and predicted bounding boxes.

    Args:
        video: A `tracking.Video`.
        boxes: `{name: boxes (n, 4)}`, predicted boxes; rows of NaN are not plotted.
        shown: Indices of frames, or a number of frames, spread evenly over the video.
        title: Title of the figure.

    Returns:
        `(shown,)` array of Axes.
    """
    styles = _box_styles(video, boxes)
    if np.ndim(shown) == 0:
        shown = np.unique(np.rint(np.linspace(0, len(video) - 1, min(shown, len(video)))).astype(int))
    height, width = video.size
    columns = min(3, len(shown))
    inches = min(PAGE_WIDTH / columns, 5.0)
    rows = -(-len(shown) // columns)
    axes = new_grid(len(shown), columns, (inches * columns, rows * (inches * height / width + 0.3) + 0.8))
    for ax, index in zip(axes, shown, strict=True):
        _plot_frame(ax, video, styles, index)
        ax.set_xlabel(f"frame {index}")
    _box_legend(axes[0].figure, styles, len(styles))
    set_title(axes[0].figure, title, f"{len(shown)} of {len(video)} frames")
    return axes


def animation(video, boxes=None, every=1, fps=25, width=320, title=None):
    """An animation of a video with true and predicted bounding boxes.

    `animation(...).save("video.gif", writer="pillow")` writes a file. A notebook shows the animation after
    `matplotlib.rcParams["animation.html"] = "jshtml"`; `["animation.frame_format"] = "jpeg"` makes it smaller.

    Args:
        video, boxes: As in `frames`.
        every: Shows every n-th frame.
        fps: Frames shown per second.
        width: Width in pixels.
        title: Title above the frame.

    Returns:
        `matplotlib.animation.FuncAnimation`.
    """
    styles = _box_styles(video, boxes)
    inches, (rows, pixels) = width / 100, video.size
    legend_columns = max(int(inches / 1.6), 1)
    height = inches * rows / pixels + 0.5 + 0.2 * -(-len(styles) // legend_columns)
    figure = plt.figure(figsize=(inches, height), dpi=100, layout="constrained")
    ax = figure.add_subplot()
    set_title(figure, title, f"{len(video)} frames")
    _box_legend(figure, styles, legend_columns)

    def update(index):
        ax.clear()
        _plot_frame(ax, video, styles, index)

    plt.close(figure)  # otherwise a notebook also shows the first frame
    return FuncAnimation(figure, update, frames=range(0, len(video), every), interval=1000 / fps)


def success(reports, title="Success plot", ax=None):
    """Success plot: fraction of frames with an IoU above each threshold, for `reports` `{name: report}`."""
    lines = {f"{name}: AUC {report.auc:.3f}": report.success for name, report in reports.items()}
    ax = curves(IOU_THRESHOLDS, lines, "IoU threshold", "fraction of frames", title=title, ax=ax)
    ax.set(ylim=(-0.02, 1.02))
    ax.margins(x=0)
    return ax


def score_maps(templates, searches, probabilities, captions=None, title=None):
    """Plots template, search image and score map of each example, one column per example.

    Template and search image have the same scale. A score map is placed where its cells lie in the search image, from
    white (0) to black (1); a cross marks its maximum in both. A constant map has no cross.

    Args:
        templates: Images `(n, template_size, template_size, 3)` in [0, 1].
        searches: Images `(n, search_size, search_size, 3)` in [0, 1].
        probabilities: `(n, cells, cells)` from 0 to 1, such as the sigmoid of the scores.
        captions: Text below each map, `(n,)`; its maximum by default.
        title: Title of the figure.

    Returns:
        `(3, n)` array of Axes.
    """
    templates, searches = as_rgb("templates", templates), as_rgb("searches", searches)
    maps = np.asarray(probabilities, "float64")
    count, side, reach = len(searches), searches.shape[1], searches.shape[1] - templates.shape[1]
    if not len(templates) == len(maps) == count:
        raise ValueError(
            "Expected as many templates and score maps as search images. "
            f"Received: {len(templates)}, {len(maps)} and {count}."
        )
    low, high = maps.min(), maps.max()
    if not (low >= 0 and high <= 1):  # also False for NaN
        raise ValueError(f"`probabilities` must lie in [0, 1]. Received: {low:.4g} to {high:.4g}. Apply a sigmoid.")
    captions = [f"{each.max():.2f}" for each in maps] if captions is None else column("captions", captions, count)
    inches = min(PAGE_WIDTH / count, 2.2)
    axes = new_grid(3 * count, count, (inches * count, 3 * inches + 0.7)).reshape(3, count)
    cell = reach / (maps.shape[1] - 1)
    extents = (reach / 2, side - reach / 2), (0, side), ((side - reach - cell) / 2, (side + reach + cell) / 2)
    for index in range(count):
        rows = templates[index], searches[index], maps[index]
        for ax, image, (low, high) in zip(axes[:, index], rows, extents, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(low, high, high, low))
            ax.set(xticks=[], yticks=[], xlim=(0, side), ylim=(side, 0))
            ax.spines[:].set_edgecolor(NEUTRAL)
        if np.ptp(maps[index]):
            peak = np.argwhere(maps[index] == maps[index].max()).mean(axis=0)  # row, column
            y, x = extents[2][0] + cell * (peak + 0.5)
            axes[1, index].plot(x, y, "+", color="white", ms=9, mew=1.5)
            axes[2, index].plot(x, y, "+", color="tab:red", ms=9, mew=1.5)
        axes[2, index].set_xlabel(str(captions[index]))
    for ax, name in zip(axes[:, 0], ("template", "search", "score map"), strict=True):
        ax.set_ylabel(name)
    set_title(axes[0, 0].figure, title, "Templates, search images and score maps")
    return axes


def _box_styles(video, boxes):
    """`{name: (boxes, color, line style)}`; the true boxes come first, so that they are plotted below the others."""
    styles = {}
    if not np.isnan(video.boxes).all():
        styles["truth"] = video.boxes, TRUTH, "-"
    for index, (name, values) in enumerate((boxes or {}).items()):
        values = check_boxes(values, len(video), name=f"boxes of {name}")
        styles[name] = values, BOX_COLORS[index % len(BOX_COLORS)], LINE_STYLES[(index + 1) % len(LINE_STYLES)]
    return styles


def _plot_frame(ax, video, styles, index):
    frame = video.frame(index)
    ax.imshow(frame, extent=(0, frame.shape[1], frame.shape[0], 0))
    ax.set(xticks=[], yticks=[])
    for name, (boxes, color, style) in styles.items():
        x, y, width, height = boxes[index]
        if not np.isnan(x):
            ax.add_patch(_rectangle((x, y), width, height, color, style, name, "none"))


def _box_legend(figure, styles, columns):
    if styles:
        handles = [_rectangle((0, 0), 1, 1, color, style, name, NEUTRAL) for name, (_, color, style) in styles.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="small")


def _rectangle(corner, width, height, color, style, name, face):
    outline = [withStroke(linewidth=3, foreground="black")]  # visible on bright and dark areas
    return Rectangle(corner, width, height, fc=face, ec=color, ls=style, lw=1.5, path_effects=outline, label=name)
