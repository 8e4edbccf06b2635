"""What all figures share: colours, the size of a page, titles, legends, and the checks of what comes in."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np

SAME = "#0072B2"  # blue and vermilion of Okabe and Ito, "Color Universal Design", 2008
DIFFERENT = "#D55E00"
THRESHOLD = "#000000"
MARGIN = "#666666"
QUIET = "#999999"
# What a name that begins with one of these words looks like.
WORDS = {"same": (SAME, "-"), "different": (DIFFERENT, "--"), "threshold": (THRESHOLD, "-"), "margin": (MARGIN, ":")}
# Classes, networks, formulas: Paul Tol's "muted" scheme and black. None of them can be taken for SAME or DIFFERENT.
PALETTE = (
    "#332288", "#CC6677", "#117733", "#88CCEE", "#882255", "#DDCC77", "#44AA99", "#AA4499", "#999933", "#000000",
)  # fmt: skip
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))

PAGE = 10.0  # inches: the width of a notebook page, 1,000 pixels at 100 dpi
LETTER = 5.6  # points: about the width of a letter of the default font at its default size


def new_axes(ax, width=7.0, height=4.5):
    """`ax` itself, or the Axes of a new figure of this size in inches."""
    return plt.subplots(figsize=(width, height), layout="constrained")[1] if ax is None else ax


def new_grid(count, columns, size):
    """`count` Axes in rows of so many columns, in a new figure of this size (width, height) in inches; `(count,)`."""
    figure, grid = plt.subplots(-(-count // columns), columns, figsize=size, layout="constrained", squeeze=False)
    for spare in grid.flat[count:]:
        figure.delaxes(spare)
    return grid.flat[:count]


def new_panels(count, height):
    """`count` Axes for diagrams, at most three in a row, each `height` inches high; `(count,)`."""
    columns = 2 if count == 4 else min(count, 3)
    return new_grid(count, columns, (6.0 if count == 1 else PAGE, -(-count // columns) * height))


def points(place):
    """Width of an Axes or a figure in points, before the layout is known."""
    return place.get_window_extent().width / place.figure.dpi * 72


def set_title(place, title, default):
    """Writes the title of an Axes or of a figure, broken into lines that fit."""
    letters = max(int(points(place) / (1.2 * LETTER)), 10)  # a title is 1.2 times as large
    text = textwrap.fill(default if title is None else title, letters)
    place.set_title(text) if hasattr(place, "set_title") else place.suptitle(text)


def legend_below(ax):
    """A legend under the Axes, where it hides no data, in as many columns as fit."""
    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        return
    wide = max(map(len, labels)) * LETTER + 38  # points: the label, its mark, the space between columns
    most = max(int((1.15 * points(ax) + 12) // wide), 1)  # the layout widens Axes by at least 15 %
    columns = -(-len(labels) // -(-len(labels) // most))  # as many rows as that needs, equally full
    look = {"ncols": columns, "frameon": False, "handlelength": 1.8, "columnspacing": 1.2}
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), borderaxespad=4.0, **look)


def column(name, values, count=None):
    """Values as `(n,)`, from `(n,)` or `(n, 1)`; raises ValueError unless there are some, and `count` if given."""
    values = np.asarray(values)
    shape = values.shape
    if values.ndim == 2 and shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`{name}` must hold one value per example, (n,) or (n, 1). Received: shape {shape}.")
    if count is not None and len(values) != count:
        raise ValueError(f"`{name}` must hold {count} values, as many as there are examples. Received: {len(values)}.")
    return values


def finite(name, values):
    """The values; raises ValueError if one of them is NaN or infinite."""
    if not np.all(np.isfinite(values)):
        raise ValueError(f"`{name}` must be finite. Received: {np.sum(~np.isfinite(values))} values that are not.")
    return values


def read(report, *attributes, kind="verification"):
    """The attributes of a report; raises ValueError for an object that is none."""
    missing = [name for name in attributes if not hasattr(report, name)]
    if missing:
        raise ValueError(
            f"A {kind} report with {', '.join('.' + name for name in attributes)} was expected. "
            f"Received: {type(report).__name__} without {', '.join('.' + name for name in missing)}."
        )
    return [getattr(report, name) for name in attributes]


def named(name, values):
    """The dict; raises ValueError unless it is one and holds something."""
    if not isinstance(values, dict) or not values:
        raise ValueError(f"`{name}` must be a dict {{name: value}} with at least one entry. Received: {values!r}.")
    return values
