"""Figures of verification: histograms of distances and ROC curves."""

import numpy as np

from siamkeras.plotting._style import (
    DIFFERENT,
    MARGIN,
    NEUTRAL,
    SAME,
    THRESHOLD,
    column,
    finite,
    legend_below,
    new_axes,
    set_title,
    styles,
)


def distances(distance, same=None, threshold=None, margin=None, bins=None, title=None, ax=None):
    """Plots histograms of the distances of same and different pairs, with the errors of a threshold filled.

    Each histogram is normalised to a sum of one. A pair is classified as same if its distance is below the threshold;
    the legend gives the rates of false rejects and false accepts.

    Args:
        distance: Distances `(n,)`; or a verification report with `.distances`, `.same` and `.threshold`.
        same: 1 for the same class, 0 for different, `(n,)`; omit it with a report.
        threshold: Decision threshold; by default that of the report, or none.
        margin: Margin of the loss, as a dotted line.
        bins: Approximate number of bins; by default twice the cube root of n (the Rice rule).
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: different numbers of distances and labels, only one kind of pair, labels other than 0 and 1,
            distances that are not finite.
    """
    if hasattr(distance, "distances"):
        if same is not None:
            raise ValueError("A verification report contains the labels. Omit `same`.")
        threshold = distance.threshold if threshold is None else threshold
        distance, same = distance.distances, distance.same
    elif same is None:
        raise ValueError("`same` is missing: 1 for the same class, 0 for different, one value per distance.")
    distance = finite("distance", column("distance", distance).astype("float64"))
    same = column("same", same, len(distance))
    if set(np.unique(same).tolist()) != {0, 1}:
        raise ValueError(
            f"`same` must contain 0 and 1 and nothing else. Received: {np.unique(same)[:5]}. "
            "Binarise degrees of similarity first, for instance `same >= 0.5`."
        )
    bins = int(np.ceil(2 * np.cbrt(len(distance)))) if bins is None else bins
    edges = _edges(distance, threshold, bins)
    ax = new_axes(ax)
    _histogram(ax, edges, distance[same == 1], "same", threshold, SAME, {})
    _histogram(ax, edges, distance[same == 0], "different", threshold, DIFFERENT, {"hatch": "///", "ls": "--"})
    if threshold is not None:
        ax.axvline(threshold, color=THRESHOLD, label=f"threshold {threshold:.3g}")
    if margin is not None:
        ax.axvline(margin, color=MARGIN, ls=":", lw=2, label=f"margin {margin:.3g}")
    ax.set(xlabel="distance", ylabel="share of pairs")
    legend_below(ax)
    set_title(ax, title, "Distances of same and different pairs")
    return ax


def _histogram(ax, edges, distance, name, threshold, color, style):
    share = np.histogram(distance, edges)[0] / len(distance)
    label = f"{len(distance):,} {name}"
    ax.stairs(share, edges, fill=True, facecolor=(color, 0.15), edgecolor=color, label=label, lw=1.5, **style)
    if threshold is None:
        return
    is_same = name == "same"
    wrong = (edges[:-1] >= threshold) == is_same
    rate = np.mean((distance >= threshold) == is_same)
    label = f"false {'rejects' if is_same else 'accepts'} {100 * rate:.1f} %"
    ax.stairs(np.where(wrong, share, 0), edges, fill=True, color=(color, 0.8), label=label, zorder=1.5)


def _edges(distance, threshold, bins):
    """Bin edges of equal width except the outermost; the threshold is an edge, so no bin lies on both sides of it."""
    low, high = distance.min(), distance.max()
    width = (high - low) / bins or 1.0
    if high in (low, threshold):  # the last bin must contain the largest distance
        high += width
    start = low if threshold is None else threshold
    edges = start + width * np.arange(np.floor((low - start) / width), np.ceil((high - start) / width) + 1)
    edges = edges[(edges > low + width / 4) & (edges < high - width / 4)]  # no narrow bins at the ends
    inner = [threshold] if threshold is not None and low < threshold < high else []
    return np.unique([low, *edges, *inner, high])


def roc(reports, log=False, title=None, ax=None):
    """Plots receiver operating characteristics (ROC), with AUC and equal error rate (EER) in the legend.

    Every point of a curve is a threshold. The EER is the error at the threshold where false accept rate and false
    reject rate are equal.

    Args:
        reports: A verification report with `.false_accept_rate`, `.true_accept_rate` (both `(t,)`, increasing),
            `.auc` and `.eer`; or several of them, `{name: report}`. A name has the same color as in `curves`.
        log: Whether the axis of the false accept rate is logarithmic.
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.
    """
    reports = reports if isinstance(reports, dict) else {"": reports}
    ax = new_axes(ax, 6.0, 6.0 + 0.22 * len(reports))
    for (name, report), (color, style) in zip(reports.items(), styles(reports), strict=True):
        label = f"{name}{': ' if name else ''}AUC {report.auc:.3f}, EER {100 * report.eer:.1f} %"
        ax.plot(report.false_accept_rate, report.true_accept_rate, color=color, ls=style, lw=2, label=label)
        ax.plot(report.eer, 1 - report.eer, "o", ms=8, mfc="white", mec=color, mew=2, zorder=3)
    if log:
        rates = np.concatenate([np.asarray(report.false_accept_rate) for report in reports.values()])
        low = 10.0 ** np.floor(np.log10(min(rates[rates > 0].min(initial=1), 0.1)))
        line = np.geomspace(low, 1, 200)
        ax.set(xscale="log", xlim=(low, 1))
    else:
        line = np.array([0.0, 1.0])
        ax.set(aspect="equal", xlim=(-0.02, 1.02))
    ax.plot(line, 1 - line, color=NEUTRAL, lw=1, label="false accepts = false rejects (\N{WHITE CIRCLE} EER)", zorder=1)
    ax.plot(line, line, color=NEUTRAL, ls=":", label="chance", zorder=1)
    ax.set(
        xlabel="false accept rate (different pairs classified as same)",
        ylabel="true accept rate (same pairs classified as same)",
        ylim=(-0.02, 1.02),
    )
    legend_below(ax)
    set_title(ax, title, "Receiver operating characteristic")
    return ax
