"""What a tracker compares, and what comes of it: templates, searches, and the score maps between them."""

import numpy as np

from siamkeras.plotting._style import PAGE_WIDTH, NEUTRAL, column, new_grid, set_title
from siamkeras.plotting.images import as_rgb


def score_maps(templates, searches, probabilities, captions=None, title=None):
    """One column for each example: the template, the search, and how sure the map is of each place of it.

    Template and search are drawn at one scale. The map is drawn where its cells lie in the search, from white (0) to
    black (1), with a cross at its largest value; the same cross is drawn in the search. A map that is the same
    everywhere has none.

    Args:
        templates: Images `(n, side, side, 3)`, values in [0, 1].
        searches: Images `(n, side, side, 3)`, not smaller.
        probabilities: `(n, cells, cells)`, from 0 to 1.
        captions: What stands below each map, `(n,)`; the largest value by default.
        title: What the figure shows.

    Returns:
        `(3, n)` array of Axes.

    Raises:
        ValueError: images of another shape or outside [0, 1]; arrays of different length; values that are not
            probabilities.
    """
    templates, searches = as_rgb("templates", templates), as_rgb("searches", searches)
    maps = np.asarray(probabilities, "float64")
    count, side = len(searches), searches.shape[1]
    if len(templates) != count or templates.shape[1] > side or maps.ndim != 3 or len(maps) != count:
        raise ValueError(
            "Every template needs a search that is not smaller, and a map (n, cells, cells). Received: templates "
            f"{templates.shape[:3]}, searches {searches.shape[:3]}, maps {maps.shape}."
        )
    if not (maps.min() >= 0 and maps.max() <= 1):  # also catches NaN
        raise ValueError(
            f"`probabilities` must lie in [0, 1]. Received: from {maps.min():.4g} to {maps.max():.4g}. The sigmoid of "
            "a score is one."
        )
    told = [f"{each.max():.2f}" for each in maps] if captions is None else column("captions", captions, count)
    wide = min(PAGE_WIDTH / count, 2.2)
    axes = new_grid(3 * count, count, (wide * count, 3 * wide + 0.7)).reshape(3, count)
    # The template shows the middle of a search; the cells of the map are those places of it.
    edge, reach = (side - templates.shape[1]) / 2, side - templates.shape[1]
    cell = reach / max(maps.shape[1] - 1, 1)
    edge_low = (side - reach - cell) / 2
    extent = (edge_low, side - edge_low, side - edge_low, edge_low)
    for number in range(count):
        row, place = np.argwhere(maps[number] == maps[number].max()).mean(axis=0)  # of several, the middle
        best = edge_low + cell * (place + 0.5), edge_low + cell * (row + 0.5)
        top, middle, bottom = axes[:, number]
        top.imshow(templates[number], extent=(edge, side - edge, side - edge, edge))
        middle.imshow(searches[number], extent=(0, side, side, 0))
        bottom.imshow(maps[number], cmap="gray_r", vmin=0, vmax=1, extent=extent)
        for ax in axes[:, number]:
            ax.set(xticks=[], yticks=[], xlim=(0, side), ylim=(side, 0))
            for spine in ax.spines.values():
                spine.set(edgecolor=NEUTRAL)
        for ax, colour in ((middle, "white"), (bottom, "tab:red")):
            if np.ptp(maps[number]):
                ax.plot(*best, "+", color=colour, ms=9, mew=1.5)
        bottom.set_xlabel(str(told[number]))
    for ax, name in zip(axes[:, 0], ("template", "search", "score map"), strict=True):
        ax.set_ylabel(name)
    set_title(axes[0, 0].figure, title, "Templates, searches and score maps")
    return axes
