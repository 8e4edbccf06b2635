"""Charts of numbers: training history, curves, bars and points."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from siamkeras.plotting._style import (
    LINE_STYLES,
    MARGIN,
    NAMED_STYLES,
    NEUTRAL,
    column,
    finite,
    legend_below,
    new_axes,
    new_panels,
    set_title,
    styles,
)

_MOST_COLORED = 8  # bars; more of them are categories rather than methods


def history(history, metrics=None, title=None):
    """Plots losses and metrics per epoch: one panel per quantity, training solid, validation dashed.

    Args:
        history: The return value of `fit`, or its `.history`: `{name: one value per epoch}`.
        metrics: Names of the quantities to plot, without the prefix `val_`; all of them by default.
        title: Title of the figure.

    Returns:
        `(quantities,)` array of Axes.

    Raises:
        ValueError: unknown metrics, or no epoch.
    """
    values = getattr(history, "history", history)
    known = list(dict.fromkeys(name.removeprefix("val_") for name in values))
    metrics = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    if not metrics or not set(metrics) <= set(known):
        raise ValueError(f"`metrics` must be among {known}. Received: {[*map(str, metrics)]}.")
    axes = new_panels(len(metrics), height=3.6)
    (training, _), (validation, _) = styles(["training", "validation"])
    for name, ax in zip(metrics, axes, strict=True):
        lines = ((name, "training", training, "-"), (f"val_{name}", "validation", validation, "--"))
        for key, label, color, style in lines:
            if key in values:
                series = column(key, values[key])
                ax.plot(np.arange(1, len(series) + 1), series, style, marker=".", color=color, label=label)
        ax.set(xlabel="epoch", ylabel=name.replace("_", " "))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
    set_title(axes[0].figure, title, "Training history")
    return axes


def curves(x, ys, xlabel, ylabel, marks=None, intervals=None, log=False, title=None, ax=None):
    """Plots formulas or measurements as curves, each with its own color and line style.

    A name has the same color in all figures of `curves`, `bars`, `roc`, `history` and `correlation`.

    Args:
        x: Values on the x axis, `(n,)`; or `{name: (n,)}`, one for each curve.
        ys: `{name: values (n,)}`. Names that begin with "same" or "different" have the color of that kind.
        xlabel: Name and unit of x.
        ylabel: Name and unit of y.
        marks: `{name: x}`, vertical lines; names that begin with "threshold" or "margin" have their fixed style.
        intervals: `{name: [(low, high), ...]}`, `(n, 2)`, shaded around the curve of that name.
        log: Whether the y axis is logarithmic; values of 0 are then not visible.
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: different numbers of values, a curve without its x, an interval without its curve.
    """
    if isinstance(x, dict) and set(x) != set(ys):
        raise ValueError(f"`x` as a dict must have the names of `ys`, {[*map(str, ys)]}. Received: {[*map(str, x)]}.")
    lines = {}
    for name, values in ys.items():
        positions = column("x", x[name] if isinstance(x, dict) else x)
        lines[name] = positions, column(name, values, len(positions))
    bands = {name: np.asarray(ends) for name, ends in (intervals or {}).items()}
    for name, ends in bands.items():
        if name not in lines or ends.shape != (len(lines[name][0]), 2):
            raise ValueError(
                f"`intervals` must hold one (low, high) for each point of a curve in {sorted(map(str, lines))}. "
                f"Received: {str(name)!r}, shape {ends.shape}."
            )
    ax = new_axes(ax)
    for (name, line), (color, style) in zip(lines.items(), styles(lines), strict=True):
        ax.plot(*line, color=color, ls=style, lw=2, label=name, marker="o" if name in bands else None)
        if name in bands:
            ax.fill_between(line[0], *bands[name].T, color=color, alpha=0.2, lw=0)
    _vertical_lines(ax, marks)
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    legend_below(ax)
    set_title(ax, title, f"{ylabel} against {xlabel}")
    return ax


def bars(values, intervals=None, *, xlabel, references=None, number=".3g", title=None, ax=None):
    """Plots one horizontal bar per name with its value beside it, the first name on top.

    Up to eight bars have the color of their name, as in `curves`; more are grey.

    Args:
        values: `{name: value}`.
        intervals: `{name: (low, high)}`, plotted as error bars; may cover some of the names only.
        xlabel: Name and unit of the values, and of the intervals.
        references: `{name: value}`, vertical lines, for chance level or a published result.
        number: Format of the values, such as ".3g" or ".1%".
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no value, a value that is not finite, an interval that does not contain its value.
    """
    numbers = finite("values", column("values", list(values.values())).astype("float64"))
    ends = np.stack([numbers, numbers], axis=1)
    intervals = intervals or {}
    for name, interval in intervals.items():
        if name not in values or np.shape(interval) != (2,) or not interval[0] <= values[name] <= interval[1]:
            raise ValueError(
                f"An interval must be (low, high) around the value of its name. Received: {interval} for {str(name)!r} "
                f"with value {values.get(name)}."
            )
        ends[list(values).index(name)] = interval
    ax = new_axes(ax, 8.0, 0.45 * len(values) + 1.6)
    colors = [NEUTRAL] * len(values)
    if len(values) <= _MOST_COLORED:
        colors = [color for color, _ in styles(values)]
    fill = [(color, 0.5) for color in colors]
    ax.barh(range(len(values)), numbers, tick_label=list(values), color=fill, edgecolor=colors, height=0.65)
    background = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for row, (name, value, (low, high)) in enumerate(zip(values, numbers, ends, strict=True)):
        if name in intervals:
            ax.errorbar(value, row, xerr=[[value - low], [high - value]], color="black", capsize=4)
        end, offset, side = (high, 6, "left") if value >= 0 else (low, -6, "right")
        where = {"textcoords": "offset points", "ha": side, "va": "center"}
        ax.annotate(format(value, number), (end, row), (offset, 0), bbox=background, **where)
    ax.margins(x=0.12)
    return _finish_rows(ax, xlabel, references, title, "Comparison")


def points(values, *, xlabel, references=None, number=".3g", title=None, ax=None):
    """Plots one row of points per name, such as one point for each training run, with their mean beside them.

    Args:
        values: `{name: values (n,)}`.
        xlabel: Name and unit of the values.
        references: `{name: value}`, vertical lines, for chance level or a published result.
        number: Format of the means, such as ".3g" or ".1%".
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no values, a value that is not finite.
    """
    rows = {name: finite(name, column(name, row).astype("float64")) for name, row in values.items()}
    if not rows:
        raise ValueError("Expected at least one name with its values. Received: an empty dict.")
    ax = new_axes(ax, 8.0, 0.45 * len(rows) + 1.6)
    for place, (row, (color, _)) in enumerate(zip(rows.values(), styles(rows), strict=True)):
        ax.plot(row, np.full(len(row), place), "o", color=color, alpha=0.7)
        ax.plot([row.mean()], [place], "|", color="black", markersize=18, markeredgewidth=2)
        where = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
        ax.annotate(f"mean {row.mean():{number}}", (1, place), (6, 0), **where)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.margins(y=0.12)
    return _finish_rows(ax, xlabel, references, title, "Comparison of several runs")


def _finish_rows(ax, xlabel, references, title, default):
    """References, labels and title of a chart with one row per name, the first one on top."""
    _vertical_lines(ax, references)
    ax.invert_yaxis()
    ax.set_xlabel(xlabel)
    if references:
        legend_below(ax)
    set_title(ax, title, default)
    return ax


def _vertical_lines(ax, lines):
    for index, (name, position) in enumerate((lines or {}).items()):
        default = MARGIN, LINE_STYLES[(index + 1) % len(LINE_STYLES)]
        color, style = NAMED_STYLES.get(str(name).split(" ")[0], default)
        ax.axvline(position, color=color, ls=style, lw=1.5, label=name)
