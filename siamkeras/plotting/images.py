"""Figures made of images: contact sheets, pairs and ranked neighbours."""

import textwrap

import numpy as np

from siamkeras.plotting._style import (
    LETTER_WIDTH,
    LINE_HEIGHT,
    NAMED_STYLES,
    NEUTRAL,
    PAGE_WIDTH,
    column,
    new_axes,
    new_grid,
    set_title,
)

_SEPARATOR = 0.8  # light grey


def images(images, labels=None, columns=10, ink=True, title=None, ax=None):
    """Plots a contact sheet: all images in rows, in one Axes.

    Args:
        images: `(n, height, width)`, `(n, height, width, 1)` or `(n, height, width, 3)`, values in [0, 1].
        labels: Captions above the images, `(n,)`.
        columns: Images per row.
        ink: Meaning of 1 in a single-channel image: True for dark ink on white paper, False for light, as in a
            photograph.
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no image, a wrong shape, values outside [0, 1], another number of labels than of images.
    """
    pictures = as_rgb("images", images, ink)
    count, height, width, _ = pictures.shape
    captions = [] if labels is None else column("labels", labels, count).astype(str)
    columns = min(columns, count)
    inches = min(PAGE_WIDTH / columns, 1.6)
    if ax is not None:
        room = ax.get_window_extent().size / ax.figure.dpi / (columns, -(-count // columns))
        inches = max(min(room[0], (room[1] - LINE_HEIGHT * (labels is not None)) * width / height), 0.2)
    captions = [textwrap.fill(text, max(int(inches * 72 / LETTER_WIDTH / 1.1), 4)) for text in captions]
    lines = max((text.count("\n") + 1 for text in captions), default=0)
    sheet, corners, width = tile(pictures, columns, band=lines * LINE_HEIGHT / inches)
    ax = new_axes(ax, columns * inches, columns * inches * len(sheet) / sheet.shape[1] + 0.4)
    ax.imshow(sheet)
    ax.axis("off")
    for text, (x, y) in zip(captions, corners, strict=False):  # no captions without labels
        ax.text(x + width / 2, y - width / 30, text, ha="center", va="bottom")
    set_title(ax, title, f"{count} image{'s' * (count > 1)}")
    return ax


def pairs(left, right, same=None, distance=None, columns=8, limit=16, ink=True, title=None):
    """Plots pairs of images, left above right, with label and distance below.

    Args:
        left: Images as in `images`, `(n, height, width[, channels])`.
        right: As many images of the same size.
        same: 1 for the same class, 0 for different, or a degree between, `(n,)`.
        distance: Predicted distances, `(n,)`.
        columns: Pairs per row.
        limit: Maximum number of pairs; the first ones are plotted.
        ink: As in `images`.
        title: Title of the figure.

    Returns:
        `(min(n, limit),)` array of Axes, one per pair.

    Raises:
        ValueError: images as in `images`; different numbers or sizes of images.
    """
    left, right = as_rgb("left", left, ink), as_rgb("right", right, ink)
    if left.shape != right.shape:
        raise ValueError(f"`left` and `right` must have one shape. Received: {left.shape} and {right.shape}.")
    same = None if same is None else column("same", same, len(left))
    distance = None if distance is None else column("distance", distance, len(left))
    count = min(len(left), limit)
    columns = min(columns, count)
    inches, aspect = min(PAGE_WIDTH / columns, 1.6), left.shape[1] / left.shape[2]
    lines = (same is not None) + (distance is not None)
    height = -(-count // columns) * (2 * (inches - 0.1) * aspect + lines * LINE_HEIGHT + 0.1) + 0.4
    axes = new_grid(count, columns, (columns * inches, height))
    for index, ax in enumerate(axes):
        words, style = [], ()
        if same is not None:
            word, style = _SAME_STYLES.get(float(same[index]), (f"same {same[index]:.2f}", ()))
            words.append(word)
        if distance is not None:
            words.append(f"distance {distance[index]:.2f}")
        frame(ax, tile(np.stack([left[index], right[index]]), 1)[0], "\n".join(words), *style)
    number = f"{count}" if count == len(left) else f"{count} of {len(left)}"
    set_title(axes[0].figure, title, f"{number} pair{'s' * (len(left) > 1)}, left above right")
    return axes


def neighbours(queries, neighbours, distance=None, correct=None, ink=True, title=None):
    """Plots each query with its nearest neighbours beside it.

    Args:
        queries: `(q, height, width[, channels])`.
        neighbours: `(q, k, height, width[, channels])`, nearest first.
        distance: Distance of each neighbour to its query, `(q, k)`.
        correct: Whether each neighbour has the class of its query, `(q, k)`: a blue solid frame and a tick if it
            does, an orange dashed frame and a cross otherwise.
        ink: As in `images`.
        title: Title of the figure.

    Returns:
        `(q, k + 1)` array of Axes; the first column holds the queries.

    Raises:
        ValueError: images as in `images`; shapes that do not match.
    """
    queries, neighbours = as_rgb("queries", queries, ink), np.asarray(neighbours)
    if neighbours.ndim not in (4, 5) or len(neighbours) != len(queries) or not neighbours.size:
        raise ValueError(
            f"`neighbours` must have shape (q, k, height, width[, channels]) with q = {len(queries)} and k >= 1. "
            f"Received: shape {neighbours.shape}."
        )
    shape = neighbours.shape[:2]
    pictures = as_rgb("neighbours", neighbours.reshape(-1, *neighbours.shape[2:]), ink)
    pictures = pictures.reshape(*shape, *pictures.shape[1:])
    for name, values in (("distance", distance), ("correct", correct)):
        if values is not None and np.shape(values) != shape:
            raise ValueError(f"`{name}` must have shape (q, k) = {shape}. Received: shape {np.shape(values)}.")
    columns = shape[1] + 1
    inches = min(PAGE_WIDTH / columns, 1.5)
    caption = 0.05 if distance is None and correct is None else 0.05 + LINE_HEIGHT
    height = shape[0] * ((inches - 0.1) * queries.shape[1] / queries.shape[2] + caption) + 0.7
    axes = new_grid(shape[0] * columns, columns, (inches * columns, height)).reshape(-1, columns)
    axes[0, 0].set_title("query", fontsize="medium")
    for row, query in enumerate(queries):
        frame(axes[row, 0], query, color="black")
        for rank in range(shape[1]):
            mark, style = ("", ()) if correct is None else _CORRECT_STYLES[bool(np.asarray(correct)[row, rank])]
            number = "" if distance is None else f"{np.asarray(distance)[row, rank]:.2f}"
            frame(axes[row, rank + 1], pictures[row, rank], f"{mark} {number}".strip(), *style)
    default = "Queries and their nearest neighbours" + ("" if distance is None else ", with distance")
    set_title(axes[0, 0].figure, title, default)
    return axes


_SAME_STYLES = {1.0: ("same", NAMED_STYLES["same"]), 0.0: ("different", NAMED_STYLES["different"])}
_CORRECT_STYLES = {
    True: ("\N{CHECK MARK}", NAMED_STYLES["same"]),
    False: ("\N{BALLOT X}", NAMED_STYLES["different"]),
}


def as_rgb(name, images, ink=True):
    """`images` as `(n, height, width, 3)` in [0, 1], from two, one or three channel dimensions; see `images`."""
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(
            f"`{name}` must have shape (n, height, width), (n, height, width, 1) or (n, height, width, 3) with n >= 1. "
            f"Received: shape {images.shape}."
        )
    low, high = images.min(), images.max()
    if not (low >= -0.01 and high <= 1.01):  # also False for NaN
        raise ValueError(
            f"`{name}` must have values in [0, 1]. Received: values from {low:.4g} to {high:.4g}. "
            "Divide uint8 images by 255."
        )
    images = np.clip(images.astype("float32"), 0, 1)
    if images.shape[-1] == 1:
        images = np.repeat(1 - images if ink else images, 3, axis=-1)
    return images


def tile(pictures, columns, band=0):
    """Joins pictures into one sheet with thin lines between them and a white band above each.

    Args:
        pictures: `(n, height, width, 3)`.
        columns: Pictures per row.
        band: Height of the band as a fraction of the picture width.

    Returns:
        The sheet `(height, width, 3)`; the top left corner of each picture as (x, y), `(n, 2)`; the width of a
        picture in the sheet, where small pictures are magnified.
    """
    magnification = max(1, round(60 / pictures.shape[2]))
    pictures = pictures.repeat(magnification, axis=1).repeat(magnification, axis=2)
    count, height, width, _ = pictures.shape
    line, band = round(width / 60), int(np.ceil(band * width))
    row, place = np.divmod(np.arange(count), columns)
    corners = np.stack([place * (width + line) + line, row * (height + line + band) + line + band], axis=1)
    x_end, y_end = corners.max(axis=0) + (width + line, height + line)
    sheet = np.ones((y_end, x_end, 3), "float32")
    for picture, (x, y) in zip(pictures, corners, strict=True):
        sheet[y - line : y + height + line, x - line : x + width + line] = _SEPARATOR
        sheet[y : y + height, x : x + width] = picture
    return sheet, corners, width


def frame(ax, picture, caption="", color=NEUTRAL, style="-"):
    """Plots a picture with a frame around it and a caption below."""
    ax.imshow(picture)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(caption, color="black" if color == NEUTRAL else color)
    for spine in ax.spines.values():
        spine.set(edgecolor=color, linestyle=style, linewidth=2.5)
