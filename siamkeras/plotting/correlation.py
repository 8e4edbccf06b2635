"""The figure of pairs with a degree of sameness: does the distance follow it?"""

import numpy as np

from siamkeras.plotting._style import PALETTE, QUIET, column, finite, named, new_panels, read, set_title


def correlation(reports, bins=5, title=None):
    """Distance of each pair against its degree of sameness, and the mean distance of those of about one degree.

    Args:
        reports: `{name: report}`, reports with `.distances` and `.same`, as `evaluation.correlation` gives them.
        bins: Into how many parts [0, 1] is cut; the line joins the means of those that have pairs, its bars reach from
            the 25th to the 75th percentile.
        title: What the figure shows.

    Returns:
        `(reports,)` array of Axes.

    Raises:
        ValueError: no reports, or something else; distances that are not finite, one for each label; labels outside
            [0, 1]; bins not a whole number of at least 2.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise ValueError(f"`bins` must be a whole number of at least 2. Received: bins={bins!r}.")
    found = {}
    for name, report in named("reports", reports).items():
        distances, same = read(report, "distances", "same")
        same = column("same", same).astype("float64")
        found[name] = finite("distances", column("distances", distances, len(same))), same
        if not ((same >= 0) & (same <= 1)).all():
            raise ValueError(f"`same` must lie in [0, 1]: 1 = same, 0 = different. Received: {name!r} with others.")
    axes = new_panels(len(found), height=3.8)
    for ax, (name, (distances, same)) in zip(axes, found.items(), strict=True):
        ax.plot(same, distances, ".", color=QUIET, ms=3, alpha=0.35, zorder=0)
        part = np.minimum((same * bins).astype(int), bins - 1)
        filled = np.unique(part)
        quarters = np.array([np.percentile(distances[part == each], [25, 75]) for each in filled])
        mean = np.array([distances[part == each].mean() for each in filled])
        centre = (filled + 0.5) / bins
        ax.plot(centre, mean, color=PALETTE[0], marker="o", lw=2)
        ax.vlines(centre, *quarters.T, color=PALETTE[0], lw=2)
        ax.set(xlabel="same, from 0 to 1", ylabel="distance", xlim=(-0.03, 1.03), title=name)
    set_title(axes[0].figure, title, "Distance against the degree of sameness")
    return axes
