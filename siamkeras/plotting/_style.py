"""Style shared by all figures: colors, page width, titles, legends, and checks of one-dimensional inputs."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np

# Blue and vermilion of Okabe and Ito, "Color Universal Design", 2008.
SAME = "#0072B2"
DIFFERENT = "#D55E00"
THRESHOLD = "#000000"
MARGIN = "#666666"
NEUTRAL = "#999999"
# Fixed color and line style of labels that begin with one of these words.
NAMED_STYLES = {
    "same": (SAME, "-"),
    "correct": (SAME, "-"),
    "different": (DIFFERENT, "--"),
    "wrong": (DIFFERENT, "--"),
    "threshold": (THRESHOLD, "-"),
    "margin": (MARGIN, ":"),
}
# Classes and methods: Paul Tol's "muted" scheme and black, all distinct from SAME and DIFFERENT.
PALETTE = (
    "#332288", "#CC6677", "#117733", "#88CCEE", "#882255", "#DDCC77", "#44AA99", "#AA4499", "#999933", "#000000",
)  # fmt: skip
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_COLOR_OF_NAME = {}  # of methods and series, in the order of their first figure

PAGE_WIDTH = 10.0  # inches: a notebook page, 1,000 pixels at 100 dpi
LETTER_WIDTH = 5.6  # points: average letter of the default font
LINE_HEIGHT = 14 / 72  # inches: a line of text


def new_axes(ax, width=7.0, height=4.5):
    """`ax` itself, or the Axes of a new figure of this size in inches."""
    return plt.subplots(figsize=(width, height), layout="constrained")[1] if ax is None else ax


def new_grid(count, columns, size):
    """`(count,)` Axes in rows of `columns` in a new figure of `size` (width, height) in inches."""
    figure, grid = plt.subplots(-(-count // columns), columns, figsize=size, layout="constrained", squeeze=False)
    for unused in grid.flat[count:]:
        figure.delaxes(unused)
    return grid.flat[:count]


def new_panels(count, height):
    """`(count,)` Axes, at most three in a row, each `height` inches high."""
    columns = 2 if count == 4 else min(count, 3)
    return new_grid(count, columns, (6.0 if count == 1 else PAGE_WIDTH, -(-count // columns) * height))


def styles(names):
    """Color and line style of methods or series: the color belongs to the name, the line style to its place.

    A name keeps its color in all figures of a Python session.
    """
    names = [str(name) for name in names]
    fixed = [NAMED_STYLES.get(name.split(" ")[0]) for name in names]
    for name, style in zip(names, fixed, strict=True):
        if style is None and name not in _COLOR_OF_NAME:
            _COLOR_OF_NAME[name] = _next_color(names)
    lines = [LINE_STYLES[place % len(LINE_STYLES)] for place in range(len(names))]
    return [style or (_COLOR_OF_NAME[name], line) for name, style, line in zip(names, fixed, lines, strict=True)]


def _next_color(names):
    """The first color of the palette that no other name of the figure has, and the fewest names so far."""
    in_figure = [_COLOR_OF_NAME[name] for name in names if name in _COLOR_OF_NAME]
    used = list(_COLOR_OF_NAME.values())
    return min(PALETTE, key=lambda color: (in_figure.count(color), used.count(color)))


def set_title(target, title, default):
    """Sets the title of an Axes or a figure, wrapped to its width."""
    letters = max(int(_width_in_points(target) / (1.2 * LETTER_WIDTH)), 10)  # titles are 1.2 times as large
    text = textwrap.fill(default if title is None else title, letters)
    target.set_title(text) if hasattr(target, "set_title") else target.suptitle(text)


def legend_below(ax):
    """Adds a legend below the Axes, in as many columns as fit."""
    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        return
    column_width = max(map(len, labels)) * LETTER_WIDTH + 38  # points: label, marker and space between columns
    most = max(int((1.15 * _width_in_points(ax) + 12) // column_width), 1)  # the layout widens Axes by 15 % or more
    columns = -(-len(labels) // -(-len(labels) // most))  # rows of equal length
    style = {"ncols": columns, "frameon": False, "handlelength": 1.8, "columnspacing": 1.2}
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), borderaxespad=4.0, **style)


def _width_in_points(target):
    return target.get_window_extent().width / target.figure.dpi * 72


def column(name, values, count=None):
    """`values` as `(n,)`, from `(n,)` or `(n, 1)`; `count` is the required n."""
    values = np.asarray(values)
    shape = values.shape
    if values.ndim == 2 and shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values) or (count is not None and len(values) != count):
        expected = "n" if count is None else count
        raise ValueError(f"`{name}` must have shape ({expected},) or ({expected}, 1). Received: shape {shape}.")
    return values


def finite(name, values):
    """`values` if none of them is NaN or infinite."""
    if not np.all(np.isfinite(values)):
        raise ValueError(f"`{name}` must be finite. Received: {np.sum(~np.isfinite(values))} values that are not.")
    return values


def read(report, *attributes, kind="verification"):
    return [getattr(report, name) for name in attributes]


def named(name, values):
    return values
