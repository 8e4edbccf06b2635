"""Figures of the space of embeddings: where examples lie, and what "near" means there."""

import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from siamkeras.plotting._style import (
    PALETTE,
    QUIET,
    column,
    finite,
    legend_below,
    named,
    new_axes,
    new_panels,
    set_title,
)
from siamkeras.plotting.images import as_rgb

MARKERS = "osD^vPX<>*"
THUMBNAIL = 24  # points


def embedding(embeddings, labels, method="pca", images=None, names=None, ink=True, seed=0, title=None, ax=None):
    """Embeddings as points of the plane, one marker and colour per class, or as thumbnails in frames of that colour.

    Ten classes can be told apart; of more, the ten with the lowest labels are coloured and the others are grey.

    Args:
        embeddings: `(n, dim)`. Two dimensions are drawn as they are.
        labels: `(n,)` classes.
        method: How more than two dimensions become two. `"pca"`: the directions of largest variance, a rigid view;
            `"tsne"`: neighbourhoods (van der Maaten & Hinton, 2008), in which far distances and sizes mean nothing.
        images: `(n, height, width[, channels])`, drawn in place of markers; optional.
        names: `{label: name}` for the legend; optional.
        ink: As in `images`.
        seed: Of t-SNE.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: embeddings that are not `(n, dim)` with dim of at least 2 or not finite, fewer than 3 of them to
            project, lengths that differ, an unknown method.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or embeddings.shape[1] < 2 or not len(embeddings):
        raise ValueError(f"`embeddings` must be (n, dim) with dim of at least 2. Received: shape {embeddings.shape}.")
    finite("embeddings", embeddings)
    labels = column("labels", labels, len(embeddings))
    if method not in _PROJECTIONS:
        raise ValueError(f"`method` must be one of {sorted(_PROJECTIONS)}. Received: method={method!r}.")
    pictures = None if images is None else as_rgb("images", images, ink)
    if pictures is not None and len(pictures) != len(embeddings):
        raise ValueError(f"`images` must hold {len(embeddings)} images, one per embedding. Received: {len(pictures)}.")
    if embeddings.shape[1] == 2:
        points, axis_names = embeddings, ("dimension 1", "dimension 2")
    elif len(embeddings) < 3:
        raise ValueError(f"A projection needs at least 3 embeddings. Received: {len(embeddings)}.")
    else:
        points, axis_names = _PROJECTIONS[method](embeddings.astype("float64"), seed)
    ax = new_axes(ax, 7.5, 6.5)
    classes = np.unique(labels)
    colours = np.full(len(labels), QUIET, dtype="<U7")
    for label, colour, marker in zip(classes, PALETTE, MARKERS, strict=False):  # ten of however many
        chosen = labels == label
        colours[chosen] = colour
        name = (names or {}).get(label, label)
        look = {"facecolors": colour, "edgecolors": "white", "marker": marker, "s": 55, "lw": 0.5}
        if pictures is not None:  # these lie under the thumbnails, but speak in the legend
            look = {"facecolors": "none", "edgecolors": colour, "marker": "s", "s": 55, "lw": 2}
        ax.scatter(*points[chosen].T, label=str(name), **look)
    rest = np.isin(labels, classes[len(PALETTE) :])
    if rest.any():
        count = len(classes) - len(PALETTE)
        ax.scatter(*points[rest].T, c=QUIET, marker=".", s=16, label=f"{count} other classes", zorder=0)
    if pictures is not None:
        ax.margins(0.08)
        for point, picture, colour in zip(points, pictures, colours, strict=True):
            thumbnail = OffsetImage(picture, zoom=THUMBNAIL / max(picture.shape))
            ax.add_artist(AnnotationBbox(thumbnail, point, pad=0.1, bboxprops={"edgecolor": colour, "lw": 2}))
    ax.set(xlabel=axis_names[0], ylabel=axis_names[1])
    # One unit is as long in both directions. Axes that are shared can only be reshaped, not given more room.
    is_shared = len(ax.get_shared_x_axes().get_siblings(ax)) > 1
    ax.set_aspect("equal", adjustable="box" if is_shared else "datalim")
    legend_below(ax)
    set_title(ax, title, f"{len(embeddings)} embeddings of {len(classes)} classes")
    return ax


def unit_balls(distances, point=(1.0, 0.5), levels=(0.25, 0.5, 1.0, 1.5, 2.0), extent=2.5, title=None):
    """What each distance calls near: lines of equal distance to one point of the plane, the unit ball drawn thick.

    Args:
        distances: `{name: function((n, 2), (n, 2)) -> (n,)}`.
        point: The fixed point, (x, y).
        levels: Distances at which a line is drawn, above 0 and increasing.
        extent: The plane is drawn from -extent to extent.
        title: What the figure shows.

    Returns:
        `(distances,)` array of Axes.

    Raises:
        ValueError: no distance, a result that is not one value per point, a point that is not (x, y), levels that
            do not increase.
    """
    if np.shape(point) != (2,):
        raise ValueError(f"`point` must be (x, y). Received: {point}.")
    if not np.all(np.diff((0, *levels)) > 0):
        raise ValueError(f"`levels` must be above 0 and increase. Received: {levels}.")
    side = np.linspace(-extent, extent, 300)  # an even number, so that no point is 0, where the cosine has no value
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype("float32")
    fixed = np.broadcast_to(np.asarray(point, "float32"), grid.shape)
    fields = {}
    for name, measure in named("distances", distances).items():
        field = np.asarray(measure(grid, fixed))
        if field.shape != grid.shape[:1]:
            raise ValueError(f"A distance of (n, 2) and (n, 2) must be (n,). Received: {field.shape} from {name!r}.")
        fields[name] = field.reshape(len(side), len(side))
    axes = new_panels(len(fields), height=3.6)
    for ax, (name, field) in zip(axes, fields.items(), strict=True):
        areas = ax.contourf(side, side, np.maximum(field, 0), (0, *levels), cmap="YlGnBu_r", extend="max")
        drawn = [level for level in levels if field.min() < level < field.max()]
        if drawn:
            ax.contour(side, side, field, drawn, colors="black", linewidths=[3 if x == 1 else 0.8 for x in drawn])
        ax.plot(*point, "*", ms=12, mfc="white", mec="black")
        ax.plot(0, 0, "+", ms=10, color="black")
        ax.set(aspect="equal", xlabel="dimension 1", ylabel="dimension 2", title=name)
    axes[0].figure.colorbar(areas, ax=axes, label="distance", ticks=levels, format="%g")
    set_title(axes[0].figure, title, f"Distance to the point ({point[0]:g}, {point[1]:g})")
    return axes


def _pca(embeddings, seed):
    """Principal components by singular values, with the sign that makes the largest entry of a direction positive."""
    centred = embeddings - embeddings.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    largest = np.argmax(np.abs(directions), axis=1)
    directions = directions * np.sign(directions[[0, 1], largest])[:, None]
    share = 100 * singular**2 / max(np.sum(singular**2), np.finfo("float64").tiny)  # collapsed: no variance at all
    return centred @ directions.T, [f"principal component {i + 1} ({share[i]:.0f} % of variance)" for i in (0, 1)]


def _tsne(embeddings, seed):
    from sklearn.manifold import TSNE

    if not np.ptp(embeddings, axis=0).any():
        raise ValueError(
            "t-SNE needs embeddings that differ. Received: all equal (a collapsed tower?). Use method='pca'."
        )
    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    points = TSNE(perplexity=perplexity, random_state=seed).fit_transform(embeddings)
    return points, ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")


_PROJECTIONS = {"pca": _pca, "tsne": _tsne}
