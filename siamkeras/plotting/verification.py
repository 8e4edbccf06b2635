"""Figures of a decision: how far apart same and different pairs lie, and what each threshold would cost."""

import numpy as np

from siamkeras.plotting._style import (
    DIFFERENT,
    LINES,
    MARGIN,
    PALETTE,
    QUIET,
    SAME,
    THRESHOLD,
    column,
    finite,
    legend_below,
    named,
    new_axes,
    read,
    set_title,
)


def distances(distance, same=None, threshold=None, margin=None, bins=None, title=None, ax=None):
    """Two histograms: the distances of same and of different pairs, and what a threshold decides wrongly.

    Each histogram counts in shares of its own kind and sums to one, however many pairs there are of each. A pair is
    called same where its distance is below the threshold. What lies on the wrong side is drawn full: false rejects
    (same, too far) and false accepts (different, too near), whose shares the legend tells.

    Args:
        distance: Distances `(n,)`; or a verification report with `.distances`, `.same` and `.threshold`.
        same: 1 for the same class, 0 for different, `(n,)`; not with a report.
        threshold: The distance below which a pair is called same. By default that of the report, or none.
        margin: The margin of the loss, for a mark; optional.
        bins: About how many bins, by default twice the cube root of n (the Rice rule). One edge is the threshold.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: lengths that differ, no pairs of one kind, `same` other than 0 and 1, distances that are not finite,
            `same` beside a report, `bins` below 1.
    """
    if hasattr(distance, "distances"):
        if same is not None:
            raise ValueError("A report knows which of its pairs are same. Leave `same` out, or give plain distances.")
        distance, same, report_threshold = read(distance, "distances", "same", "threshold")
        threshold = report_threshold if threshold is None else threshold
    elif same is None:
        raise ValueError("`same` is missing: 1 for the same class, 0 for different, one value per distance.")
    distance = finite("distance", column("distance", distance).astype("float64"))
    same = column("same", same, len(distance))
    if set(np.unique(same).tolist()) != {0, 1}:
        raise ValueError(
            f"`same` must be 0 or 1, and both must occur. Received: {np.unique(same)[:5]}. "
            "Cut grades in two first, for instance `same >= 0.5`."
        )
    bins = int(np.ceil(2 * np.cbrt(len(distance)))) if bins is None else bins
    if bins < 1:
        raise ValueError(f"`bins` must be at least 1. Received: bins={bins}.")
    ax = new_axes(ax)
    edges = _edges(distance, threshold, bins)
    for kind, name, colour, look in ((1, "same", SAME, {}), (0, "different", DIFFERENT, {"hatch": "///", "ls": "--"})):
        chosen = distance[same == kind]
        share = np.histogram(chosen, edges)[0] / len(chosen)
        label = f"{len(chosen):,} {name}"
        ax.stairs(share, edges, fill=True, facecolor=(colour, 0.15), edgecolor=colour, label=label, lw=1.5, **look)
        if threshold is not None:
            is_wrong = (edges[:-1] >= threshold) == kind
            rate = np.mean((chosen >= threshold) == kind)
            label = f"false {'rejects' if kind else 'accepts'} {100 * rate:.1f} %"
            ax.stairs(np.where(is_wrong, share, 0), edges, fill=True, color=(colour, 0.8), label=label, zorder=1.5)
    if threshold is not None:
        ax.axvline(threshold, color=THRESHOLD, label=f"threshold {threshold:.3g}")
    if margin is not None:
        ax.axvline(margin, color=MARGIN, ls=":", lw=2, label=f"margin {margin:.3g}")
    ax.set(xlabel="distance", ylabel="share of pairs")
    legend_below(ax)
    set_title(ax, title, "Distances of same and different pairs")
    return ax


def roc(reports, log=False, title=None, ax=None):
    """The receiver operating characteristic: what share of same pairs is accepted, at what price.

    Every point of the curve is a threshold. The equal error rate (EER) is where the curve meets the line on which as
    many different pairs are accepted as same pairs are rejected, in shares of their kind.

    Args:
        reports: A verification report with `.false_accept_rate`, `.true_accept_rate` (both `(t,)`, increasing),
            `.auc` and `.eer`; or several of them, `{name: report}`.
        log: Spreads small false accept rates, where verification is used, on a logarithmic axis.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no report, an object that is none, rates of different lengths or outside [0, 1].
    """
    curves = {}
    for name, report in named("reports", reports if isinstance(reports, dict) else {"": reports}).items():
        accepts, rights, area, error = read(report, "false_accept_rate", "true_accept_rate", "auc", "eer")
        accepts = column("false_accept_rate", accepts)
        rights = column("true_accept_rate", rights, len(accepts))
        for rate in (accepts, rights):
            if not (rate.min() >= 0 and rate.max() <= 1):
                raise ValueError(
                    f"Rates must lie in [0, 1]. Received: {rate.min():.4g} to {rate.max():.4g} in {name!r}."
                )
        curves[name] = accepts, rights, area, error
    ax = new_axes(ax, 6.0, 6.0 + 0.22 * len(curves))
    for index, (name, (accepts, rights, area, error)) in enumerate(curves.items()):
        look = {"color": PALETTE[index % len(PALETTE)], "ls": LINES[index % len(LINES)]}
        label = f"{name}{': ' if name else ''}AUC {area:.3f}, EER {100 * error:.1f} %"
        ax.plot(accepts, rights, lw=2, label=label, **look)
        ax.plot(error, 1 - error, "o", ms=8, mfc="white", mec=look["color"], mew=2, zorder=3)
    if log:
        low = min(min(accepts[accepts > 0], default=1) for accepts, *_ in curves.values())
        low = 10.0 ** np.floor(np.log10(min(low, 0.1)))
        line = np.geomspace(low, 1, 200)
        ax.set(xscale="log", xlim=(low, 1))
    else:
        line = np.array([0.0, 1.0])
        ax.set(aspect="equal", xlim=(-0.02, 1.02))
    ax.plot(line, 1 - line, color=QUIET, lw=1, label="false accepts = false rejects (\N{WHITE CIRCLE} EER)", zorder=1)
    ax.plot(line, line, color=QUIET, ls=":", label="chance", zorder=1)
    ax.set(
        xlabel="false accept rate (different pairs called same)",
        ylabel="true accept rate (same pairs called same)",
        ylim=(-0.02, 1.02),
    )
    legend_below(ax)
    set_title(ax, title, "Receiver operating characteristic")
    return ax


def _edges(distance, threshold, bins):
    """Edges of bins over all distances, of one width but for the first and the last.

    The threshold is one of them, so that no bin is on both sides, and none lies below the smallest distance, which
    may be 0.
    """
    low, high = distance.min(), distance.max()
    width = (high - low) / bins or 1.0
    if high in (low, threshold):  # a bin holds its left edge and not its right: room for the farthest
        high += width
    start = low if threshold is None else threshold
    edges = start + width * np.arange(np.floor((low - start) / width), np.ceil((high - start) / width) + 1)
    edges = edges[(edges > low + width / 4) & (edges < high - width / 4)]  # no slivers at the ends
    decided = [threshold] if threshold is not None and low < threshold < high else []
    return np.unique([low, *edges, *decided, high])
