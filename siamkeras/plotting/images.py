"""Figures made of images: contact sheets, pairs, and what a search brought back."""

import textwrap

import numpy as np

from siamkeras.plotting._style import LETTER, PAGE, QUIET, WORDS, column, new_axes, new_grid, set_title

SEPARATOR = 0.8  # light grey
LINE = 14 / 72  # inches: the height of a line of text


def as_rgb(name, images, ink=True):
    """Images as `(n, height, width, 3)`; `(n, height, width)`, one channel or three come in.

    Raises:
        ValueError: another number of dimensions or channels, no image, values outside [0, 1].
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(
            f"`{name}` must be (n, height, width), (n, height, width, 1) or (n, height, width, 3), n at least 1. "
            f"Received: shape {images.shape}."
        )
    low, high = images.min(), images.max()
    if not (low >= -0.01 and high <= 1.01):  # also catches NaN
        raise ValueError(
            f"`{name}` must have values in [0, 1]. Received: values from {low:.4g} to {high:.4g}. "
            "Divide images of bytes by 255."
        )
    images = np.clip(images.astype("float32"), 0, 1)
    if images.shape[-1] == 1:
        images = np.repeat(1 - images if ink else images, 3, axis=-1)
    return images


def tile(pictures, columns, band=0):
    """One picture of many, row by row, thin lines between, `band` of their width of white above each.

    Returns:
        The sheet `(height, width, 3)`; the top left corner of each picture in it as (x, y), `(n, 2)`; the width of a
        picture in it, since small ones are magnified to keep the lines thin beside them.
    """
    magnify = max(1, round(60 / pictures.shape[2]))
    pictures = pictures.repeat(magnify, axis=1).repeat(magnify, axis=2)
    count, height, width, _ = pictures.shape
    line, band = round(width / 60), int(np.ceil(band * width))
    row, place = np.divmod(np.arange(count), columns)
    corners = np.stack([place * (width + line) + line, row * (height + line + band) + line + band], axis=1)
    x_end, y_end = corners.max(axis=0) + (width + line, height + line)
    sheet = np.ones((y_end, x_end, 3), "float32")
    for picture, (x, y) in zip(pictures, corners, strict=True):
        sheet[y - line : y + height + line, x - line : x + width + line] = SEPARATOR
        sheet[y : y + height, x : x + width] = picture
    return sheet, corners, width


def frame(ax, picture, caption="", colour=QUIET, style="-"):
    """Draws one picture, its caption under it and a frame around it."""
    ax.imshow(picture)
    ax.set(xticks=[], yticks=[])
    ax.set_xlabel(caption, color="black" if colour == QUIET else colour)
    for spine in ax.spines.values():
        spine.set(edgecolor=colour, linestyle=style, linewidth=2.5)


def images(images, labels=None, columns=10, ink=True, title=None, ax=None):
    """A contact sheet: all images in rows, in one Axes.

    Args:
        images: `(n, height, width)`, `(n, height, width, 1)` or `(n, height, width, 3)`, values in [0, 1].
        labels: What stands above each image, `(n,)`, optional.
        columns: Images in a row.
        ink: What 1 means in an image of one channel: True for ink, drawn dark on white; False for light, as in a
            photograph.
        title: What the figure shows; the number of images by default.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no image, a wrong shape, values outside [0, 1], another number of labels than of images.
    """
    pictures = as_rgb("images", images, ink)
    count, height, width, _ = pictures.shape
    captions = [] if labels is None else column("labels", labels, count).astype(str)
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}.")
    columns = min(columns, count)
    inches = min(PAGE / columns, 1.6)
    if ax is not None:
        room = ax.get_window_extent().size / ax.figure.dpi / (columns, -(-count // columns))
        inches = max(min(room[0], (room[1] - LINE * (labels is not None)) * width / height), 0.2)
    captions = [textwrap.fill(text, max(int(inches * 72 / LETTER / 1.1), 4)) for text in captions]
    lines = max((text.count("\n") + 1 for text in captions), default=0)
    sheet, corners, width = tile(pictures, columns, band=lines * LINE / inches)
    ax = new_axes(ax, columns * inches, columns * inches * len(sheet) / sheet.shape[1] + 0.4)
    ax.imshow(sheet)
    ax.axis("off")
    for text, (x, y) in zip(captions, corners, strict=False):  # no captions without labels
        ax.text(x + width / 2, y - width / 30, text, ha="center", va="bottom")
    set_title(ax, title, f"{count} image{'s' * (count > 1)}")
    return ax


def pairs(left, right, same=None, distance=None, columns=8, limit=16, ink=True, title=None):
    """Pairs of images, left above right, each with what is known of it.

    Args:
        left: Images as in `images`, `(n, height, width[, channels])`.
        right: As many images of the same size.
        same: 1 for the same class, 0 for different, or any value between, `(n,)`; optional.
        distance: What the network says, `(n,)`; optional.
        columns: Pairs in a row.
        limit: Only so many pairs of the batch are drawn, the first ones.
        ink: As in `images`.
        title: What the figure shows.

    Returns:
        `(min(n, limit),)` array of Axes, one per pair.

    Raises:
        ValueError: images as in `images`; lengths or sizes that differ; `columns` or `limit` below 1.
    """
    left, right = as_rgb("left", left, ink), as_rgb("right", right, ink)
    if left.shape != right.shape:
        raise ValueError(
            f"`left` and `right` must be equally many images of one size. Received: {left.shape[:3]} and "
            f"{right.shape[:3]}."
        )
    same = None if same is None else column("same", same, len(left))
    distance = None if distance is None else column("distance", distance, len(left))
    if columns < 1 or limit < 1:
        raise ValueError(f"`columns` and `limit` must be at least 1. Received: columns={columns}, limit={limit}.")
    count = min(len(left), limit)
    columns = min(columns, count)
    inches, shape = min(PAGE / columns, 1.6), left.shape[1] / left.shape[2]
    known = (same is not None) + (distance is not None)
    height = -(-count // columns) * (2 * (inches - 0.1) * shape + known * LINE + 0.1) + 0.4
    axes = new_grid(count, columns, (columns * inches, height))
    for index, ax in enumerate(axes):
        words, look = [], ()
        if same is not None:
            word, look = _KINDS.get(float(same[index]), (f"same {same[index]:.2f}", ()))
            words.append(word)
        if distance is not None:
            words.append(f"distance {distance[index]:.2f}")
        frame(ax, tile(np.stack([left[index], right[index]]), 1)[0], "\n".join(words), *look)
    number = f"{count}" if count == len(left) else f"{count} of {len(left)}"
    set_title(axes[0].figure, title, f"{number} pair{'s' * (len(left) > 1)}, left above right")
    return axes


def neighbours(queries, neighbours, distance=None, right=None, ink=True, title=None):
    """What a search brought back: each query, and beside it its nearest neighbours.

    Args:
        queries: `(q, height, width[, channels])`.
        neighbours: `(q, k, height, width[, channels])`, nearest first.
        distance: Of each neighbour to its query, `(q, k)`; optional.
        right: Whether each neighbour is of the class of its query, `(q, k)`; optional. Right ones have a blue solid
            frame and a tick, wrong ones an orange dashed frame and a cross.
        ink: As in `images`.
        title: What the figure shows.

    Returns:
        `(q, k + 1)` array of Axes; the first column holds the queries.

    Raises:
        ValueError: images as in `images`; arrays that do not belong together.
    """
    queries, neighbours = as_rgb("queries", queries, ink), np.asarray(neighbours)
    if neighbours.ndim not in (4, 5) or len(neighbours) != len(queries) or not neighbours.size:
        raise ValueError(
            f"`neighbours` must be (q, k, height, width[, channels]) with q = {len(queries)}, as many as the "
            f"queries, and k at least 1. Received: shape {neighbours.shape}."
        )
    shape = neighbours.shape[:2]
    found = as_rgb("neighbours", neighbours.reshape(-1, *neighbours.shape[2:]), ink)
    found = found.reshape(*shape, *found.shape[1:])
    for name, values in (("distance", distance), ("right", right)):
        if values is not None and np.shape(values) != shape:
            raise ValueError(f"`{name}` must be (q, k) = {shape}. Received: shape {np.shape(values)}.")
    columns = shape[1] + 1
    inches = min(PAGE / columns, 1.5)
    caption = 0.05 if distance is None and right is None else 0.05 + LINE
    height = shape[0] * ((inches - 0.1) * queries.shape[1] / queries.shape[2] + caption) + 0.7
    grid = new_grid(shape[0] * columns, columns, (inches * columns, height)).reshape(-1, columns)
    grid[0, 0].set_title("query", fontsize="medium")
    for row, query in enumerate(queries):
        frame(grid[row, 0], query, colour="black")
        for rank in range(shape[1]):
            mark, look = ("", ()) if right is None else _MARKS[bool(np.asarray(right)[row, rank])]
            number = "" if distance is None else f"{np.asarray(distance)[row, rank]:.2f}"
            frame(grid[row, rank + 1], found[row, rank], f"{mark} {number}".strip(), *look)
    default = "Queries and their nearest neighbours" + ("" if distance is None else ", with distance")
    set_title(grid[0, 0].figure, title, default)
    return grid


_KINDS = {1.0: ("same", WORDS["same"]), 0.0: ("different", WORDS["different"])}
_MARKS = {True: ("\N{CHECK MARK}", WORDS["same"]), False: ("\N{BALLOT X}", WORDS["different"])}
