"""Figures of embedding spaces: 2-D projections, and lines of equal distance."""

import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from siamkeras._validation import check_choice, check_embeddings, check_integer
from siamkeras.plotting._style import NEUTRAL, PALETTE, column, legend_below, new_axes, new_panels, set_title
from siamkeras.plotting.images import as_rgb

_MARKERS = "osD^vPX<>*"
_THUMBNAIL = 24  # points


def embedding(embeddings, labels, method="pca", images=None, names=None, ink=True, seed=0, title=None, ax=None):
    """Plots embeddings in two dimensions, with a marker and color per class or as thumbnails with a colored frame.

    The ten classes with the lowest labels are colored; further ones are grey.

    Args:
        embeddings: `(n, dim)`. Two-dimensional embeddings are plotted without projection.
        labels: `(n,)` classes.
        method: Projection to two dimensions. `"pca"`: the first two principal components; `"tsne"`: t-SNE (van der
            Maaten and Hinton, 2008), which preserves neighbourhoods but neither large distances nor densities.
        images: `(n, height, width[, channels])`, thumbnails in place of markers.
        names: `{label: name}` for the legend.
        ink: As in `images`.
        seed: Seed of t-SNE.
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: embeddings that are not finite `(n, dim)` with dim >= 2, or fewer than 3 to project; different
            numbers of labels and embeddings; an unknown method.
    """
    embeddings = check_embeddings(embeddings)
    labels = column("labels", labels, len(embeddings))
    check_choice("method", method, tuple(_PROJECTIONS))
    check_integer("seed", seed, 0, 2**32 - 1)
    pictures = None if images is None else as_rgb("images", images, ink)
    if pictures is not None and len(pictures) != len(embeddings):
        raise ValueError(f"`images` must hold one image per embedding. Received: {len(pictures)} of {len(embeddings)}.")
    points, axis_names = _project(embeddings, method, seed)
    ax = new_axes(ax, 7.5, 6.5)
    classes = np.unique(labels)
    for label, color, marker in zip(classes, PALETTE, _MARKERS, strict=False):  # at most ten classes
        style = {"facecolors": color, "edgecolors": "white", "marker": marker, "s": 55, "lw": 0.5}
        if pictures is not None:  # hidden below the thumbnails, but shown in the legend
            style = {"facecolors": "none", "edgecolors": color, "marker": "s", "s": 55, "lw": 2}
        ax.scatter(*points[labels == label].T, label=str((names or {}).get(label, label)), **style)
    others = np.isin(labels, classes[len(PALETTE) :])
    if others.any():
        count = len(classes) - len(PALETTE)
        ax.scatter(*points[others].T, c=NEUTRAL, marker=".", s=16, label=f"{count} other classes", zorder=0)
    if pictures is not None:
        color_of_class = dict(zip(classes.tolist(), PALETTE, strict=False))
        ax.margins(0.08)
        for point, picture, label in zip(points, pictures, labels.tolist(), strict=True):
            thumbnail = OffsetImage(picture, zoom=_THUMBNAIL / max(picture.shape))
            border = {"edgecolor": color_of_class.get(label, NEUTRAL), "lw": 2}
            ax.add_artist(AnnotationBbox(thumbnail, point, pad=0.1, bboxprops=border))
    ax.set(xlabel=axis_names[0], ylabel=axis_names[1])
    # Equal scales. Shared Axes can only change their shape, not their data limits.
    is_shared = len(ax.get_shared_x_axes().get_siblings(ax)) > 1
    ax.set_aspect("equal", adjustable="box" if is_shared else "datalim")
    legend_below(ax)
    set_title(ax, title, f"{len(embeddings)} embeddings of {len(classes)} classes")
    return ax


def _project(embeddings, method, seed):
    """`(n, 2)` points and the names of the two axes."""
    if embeddings.shape[1] < 2:
        raise ValueError(f"`embeddings` must have at least 2 dimensions. Received: shape {embeddings.shape}.")
    if embeddings.shape[1] == 2:
        return embeddings, ("dimension 1", "dimension 2")
    if len(embeddings) < 3:
        raise ValueError(f"A projection needs at least 3 embeddings. Received: {len(embeddings)}.")
    return _PROJECTIONS[method](embeddings.astype("float64"), seed)


def _pca(embeddings, seed):
    """Principal components by SVD; the largest entry of each direction is positive, so that signs are stable."""
    centred = embeddings - embeddings.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    largest = np.argmax(np.abs(directions), axis=1)
    directions = directions * np.sign(directions[[0, 1], largest])[:, None]
    share = 100 * singular**2 / max(np.sum(singular**2), np.finfo("float64").tiny)  # 0 / 0 for a collapsed tower
    return centred @ directions.T, [f"principal component {i + 1} ({share[i]:.0f} % of variance)" for i in (0, 1)]


def _tsne(embeddings, seed):
    from sklearn.manifold import TSNE

    if not np.ptp(embeddings, axis=0).any():
        raise ValueError("t-SNE needs embeddings that differ. Received: equal ones (a collapsed tower?). Use 'pca'.")
    perplexity = min(30.0, (len(embeddings) - 1) / 3)
    points = TSNE(perplexity=perplexity, random_state=seed).fit_transform(embeddings)
    return points, ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")


_PROJECTIONS = {"pca": _pca, "tsne": _tsne}


def unit_balls(distances, point=(1.0, 0.5), levels=(0.25, 0.5, 1.0, 1.5, 2.0), extent=2.5, title=None):
    """Plots lines of equal distance to one point of the plane, one panel per distance, the unit ball in bold.

    Args:
        distances: `{name: function((n, 2), (n, 2)) -> (n,)}`.
        point: The fixed point, (x, y).
        levels: Distances of the lines, above 0 and increasing.
        extent: The plane is plotted from -extent to extent.
        title: Title of the figure.

    Returns:
        `(distances,)` array of Axes.
    """
    side = np.linspace(-extent, extent, 300)  # an even number avoids the origin, where the cosine is undefined
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype("float32")
    fixed = np.broadcast_to(np.asarray(point, "float32"), grid.shape)
    axes = new_panels(len(distances), height=3.6)
    for ax, (name, distance) in zip(axes, distances.items(), strict=True):
        field = np.asarray(distance(grid, fixed)).reshape(len(side), len(side))
        areas = ax.contourf(side, side, np.maximum(field, 0), (0, *levels), cmap="YlGnBu_r", extend="max")
        lines = [level for level in levels if field.min() < level < field.max()]
        if lines:
            ax.contour(side, side, field, lines, colors="black", linewidths=[3 if x == 1 else 0.8 for x in lines])
        ax.plot(*point, "*", ms=12, mfc="white", mec="black")
        ax.plot(0, 0, "+", ms=10, color="black")
        ax.set(aspect="equal", xlabel="dimension 1", ylabel="dimension 2", title=name)
    axes[0].figure.colorbar(areas, ax=axes, label="distance", ticks=levels, format="%g")
    set_title(axes[0].figure, title, f"Distance to the point ({point[0]:g}, {point[1]:g})")
    return axes
