"""Scatter plot of distances against graded similarity labels."""

import numpy as np

from siamkeras.plotting._style import NEUTRAL, column, finite, new_panels, set_title, styles


def correlation(reports, bins=5, title=None):
    """Plots the distance of each pair against its label, with mean and quartiles of the distance per label bin.

    Args:
        reports: `{name: report}` with `.distances` and `.same`, as returned by `evaluation.correlation`.
        bins: Number of bins of [0, 1]; the line joins the bin means, the bars reach from the 25th to the 75th
            percentile.
        title: Title of the figure.

    Returns:
        `(reports,)` array of Axes.

    Raises:
        ValueError: distances that are not finite; labels outside [0, 1].
    """
    axes = new_panels(len(reports), height=3.8)
    for ax, (name, report), (color, _) in zip(axes, reports.items(), styles(reports), strict=True):
        same = column("same", report.same).astype("float64")
        distances = finite("distances", column("distances", report.distances, len(same)))
        if not ((same >= 0) & (same <= 1)).all():
            raise ValueError(f"`same` must be in [0, 1]. Received: {same.min():.3g} to {same.max():.3g} in '{name}'.")
        ax.plot(same, distances, ".", color=NEUTRAL, ms=3, alpha=0.35, zorder=0)
        bin_of_pair = np.minimum((same * bins).astype(int), bins - 1)
        occupied = np.unique(bin_of_pair)
        groups = [distances[bin_of_pair == each] for each in occupied]
        centres = (occupied + 0.5) / bins
        ax.plot(centres, [np.mean(group) for group in groups], color=color, marker="o", lw=2)
        ax.vlines(centres, *np.transpose([np.percentile(group, [25, 75]) for group in groups]), color=color, lw=2)
        ax.set(xlabel="similarity label, 0 to 1", ylabel="distance", xlim=(-0.03, 1.03), title=name)
    set_title(axes[0].figure, title, "Distance against similarity label")
    return axes
