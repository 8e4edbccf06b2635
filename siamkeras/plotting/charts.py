"""Figures of numbers: what training did, formulas as curves, results as bars."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from siamkeras.plotting._style import (
    LINES,
    MARGIN,
    PALETTE,
    WORDS,
    column,
    finite,
    legend_below,
    named,
    new_axes,
    new_panels,
    set_title,
)

PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def history(history, metrics=None, title=None):
    """What `fit` reported, epoch by epoch: one panel per quantity, training solid, validation dashed.

    Args:
        history: What `fit` returned, or its `.history`: `{name: one value per epoch}`, with `val_` before the names of
            validation.
        metrics: Names of the quantities to draw, without `val_`; all of them by default.
        title: What the figure shows.

    Returns:
        `(quantities,)` array of Axes.

    Raises:
        ValueError: not a history, a history of no epoch, unknown metrics, quantities of different lengths.
    """
    values = named("history", getattr(history, "history", history))
    known = list(dict.fromkeys(name.removeprefix("val_") for name in values))
    metrics = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    if not metrics or not set(metrics) <= set(known):
        raise ValueError(f"`metrics` must be among {known}. Received: {metrics}.")
    epochs = len(column(next(iter(values)), next(iter(values.values()))))
    values = {name: column(name, series, epochs) for name, series in values.items()}
    axes = new_panels(len(metrics), height=3.6)
    for name, ax in zip(metrics, axes, strict=True):
        for key, label, colour, style in (
            (name, "training", PALETTE[0], "-"),
            (f"val_{name}", "validation", PALETTE[1], "--"),
        ):
            if key in values:
                ax.plot(np.arange(1, epochs + 1), values[key], style, marker=".", color=colour, label=label)
        ax.set(xlabel="epoch", ylabel=name.replace("_", " "))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
    set_title(axes[0].figure, title, "History of training")
    return axes


def curves(x, ys, xlabel, ylabel, marks=None, intervals=None, log=False, title=None, ax=None):
    """Curves of formulas or of measurements, each with a line style of its own.

    Args:
        x: Where the curves are known, `(n,)`; or `{name: (n,)}`, one for each curve.
        ys: `{name: values (n,)}`. A name that begins with the word "same" or "different" has that colour.
        xlabel: Name and unit of x.
        ylabel: Name and unit of y.
        marks: `{name: x}`: vertical lines; a "threshold" is black, a "margin" dotted grey, as in `distances`; optional.
        intervals: `{name: [(low, high), ...]}`, `(n, 2)`: drawn as a shade around the curve of that name, whose points
            are then marked; optional.
        log: Whether the axis of y is logarithmic; values of 0 are then not seen.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no curve, lengths that differ, a curve without its x, an interval without its curve.
    """
    named("ys", ys)
    if isinstance(x, dict) and set(x) != set(ys):
        raise ValueError(f"`x` as a dict must have the names of `ys`, {sorted(ys)}. Received: {sorted(x)}.")
    lines = {}
    for name, values in ys.items():
        places = column("x", x[name] if isinstance(x, dict) else x)
        lines[name] = places, column(name, values, len(places))
    shades = {name: np.asarray(ends) for name, ends in (intervals or {}).items()}
    for name, ends in shades.items():
        if name not in lines or ends.shape != (len(lines[name][0]), 2) or not np.all(ends[:, 0] <= ends[:, 1]):
            raise ValueError(
                f"`intervals` are one (low, high) for each point of a curve, {sorted(lines)}. "
                f"Received: {name!r}, shape {ends.shape}."
            )
    ax = new_axes(ax)
    for index, (name, line) in enumerate(lines.items()):
        own = PALETTE[index % len(PALETTE)], LINES[index % len(LINES)]
        colour, style = WORDS.get(str(name).split(" ")[0], own)
        ax.plot(*line, color=colour, ls=style, lw=2, label=name, marker="o" if name in shades else None)
        if name in shades:
            ax.fill_between(line[0], *shades[name].T, color=colour, alpha=0.2, lw=0)
    for index, (name, place) in enumerate((marks or {}).items()):
        colour, style = WORDS.get(str(name).split(" ")[0], (MARGIN, LINES[(index + 1) % len(LINES)]))
        ax.axvline(place, color=colour, ls=style, lw=1.5, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    legend_below(ax)
    set_title(ax, title, f"{ylabel} against {xlabel}")
    return ax


def bars(values, intervals=None, *, xlabel, references=None, number=".3g", title=None, ax=None):
    """One horizontal bar per name, its value written beside it; the first name is on top.

    Args:
        values: `{name: value}`.
        intervals: `{name: (low, high)}`, drawn as error bars; optional, also for some of the names only.
        xlabel: Name and unit of the values; say here what the intervals are.
        references: `{name: value}`: vertical lines, for chance or a published result; optional.
        number: How values are written, a format such as ".3g" or ".1%".
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no value, a value that is not finite, an interval without its value around it.
    """
    named("values", values)
    numbers = finite("values", column("values", list(values.values())).astype("float64"))
    ends = np.stack([numbers, numbers], axis=1)
    intervals = intervals or {}
    for name, interval in intervals.items():
        if name not in values or np.shape(interval) != (2,) or not interval[0] <= values[name] <= interval[1]:
            raise ValueError(
                f"An interval is (low, high) around the value of its name. Received: {interval} for {name!r}, whose "
                f"value is {values.get(name)}."
            )
        ends[list(values).index(name)] = interval
    ax = new_axes(ax, 8.0, 0.45 * len(values) + 1.6)
    ax.barh(range(len(values)), numbers, tick_label=list(values), color=PALETTE[3], edgecolor=PALETTE[0], height=0.65)
    for place, (name, value, (low, high)) in enumerate(zip(values, numbers, ends, strict=True)):
        if name in intervals:
            ax.errorbar(value, place, xerr=[[value - low], [high - value]], color="black", capsize=4)
        end, away, side = (high, 6, "left") if value >= 0 else (low, -6, "right")
        ax.annotate(
            format(value, number), (end, place), (away, 0), textcoords="offset points", ha=side, va="center", bbox=PAPER
        )
    for index, (name, place) in enumerate((references or {}).items()):
        ax.axvline(place, color=MARGIN, ls=LINES[(index + 1) % len(LINES)], lw=1.5, label=name)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlabel(xlabel)
    if references:
        legend_below(ax)
    set_title(ax, title, "Comparison")
    return ax
