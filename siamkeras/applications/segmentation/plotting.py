"""The figure of few-shot segmentation: references with what was drawn in them, and what was found in the query."""

import numpy as np
from matplotlib.patheffects import Normal, withStroke

from siamkeras.plotting._style import DIFFERENT, PAGE_WIDTH, SAME, finite, new_grid, set_title
from siamkeras.plotting._style import LINE_HEIGHT
from siamkeras.plotting.images import as_rgb, frame

TRUE, FOUND = (SAME, "-"), (DIFFERENT, "--")


def segmentations(references, masks, queries, truth, predictions=None, dice=None, names=None, ink=False, title=None):
    """Queries with their references, one row for each: what is known, what is asked, what is true, what was found.

    What a person has drawn is outlined blue and solid, what a method has found orange and dashed. In the columns of
    methods both are seen: where the lines part, the method is wrong. Under these stands the Dice.

    Args:
        references: `(n, references, height, width[, channels])`, as in `images`.
        masks: Of the references, `(n, references, height, width)`: booleans, or numbers, inside from 0.5 on.
        queries: `(n, height, width[, channels])`.
        truth: True masks of the queries, `(n, height, width)`.
        predictions: Masks found, `(n, height, width)`; or several methods' `{name: masks}`; optional.
        dice: As many numbers `(n,)`, or `{name: (n,)}`, as `evaluation.dice` gives them; optional.
        names: What each row is, `(n,)` words; optional.
        ink: As in `images`; scans are light.
        title: What the figure shows.

    Returns:
        `(n, references + 2 + methods)` array of Axes.

    Raises:
        ValueError: images as in `images`; arrays that do not belong together; `dice` of other methods than those shown.

    >>> from siamkeras import plotting, synthetic
    >>> slices = synthetic.phantoms(subjects=3, slices=1, size=32)
    >>> first, *others = range(3)
    >>> axes = plotting.segmentations(
    ...     slices.images[[others]], slices.mask(1)[[others]], slices.images[[first]], slices.mask(1)[[first]]
    ... )
    >>> axes.shape  # two references, the query, the truth
    (1, 4)
    """
    queries, references = as_rgb("queries", queries, ink), np.asarray(references)
    n, height, width = queries.shape[:3]
    if references.ndim not in (4, 5) or len(references) != n or not references.size:
        raise ValueError(
            f"`references` must be (n, references, height, width[, channels]) with n = {n}, as many as the queries. "
            f"Received: shape {references.shape}."
        )
    count = references.shape[1]
    if references.shape[2:4] != (height, width):
        raise ValueError(
            f"References and queries must be of one size. Received: references {references.shape[2]}x"
            f"{references.shape[3]}, queries {height}x{width}."
        )
    references = as_rgb("references", references.reshape(-1, *references.shape[2:]), ink)
    references = references.reshape(n, count, height, width, 3)
    masks, truth = _inside("masks", masks, (n, count, height, width)), _inside("truth", truth, (n, height, width))
    if predictions is not None and not isinstance(predictions, dict):
        predictions, dice = {"found": predictions}, None if dice is None else {"found": dice}
    found = {name: _inside(name, values, truth.shape) for name, values in (predictions or {}).items()}
    scores = {} if dice is None else dice
    if not isinstance(scores, dict) or not set(scores) <= set(found):
        raise ValueError(f"`dice` must be of the methods that are shown, {sorted(found)}. Received: {dice!r}.")
    for name, values in scores.items():
        if np.shape(values) != (n,) or np.asarray(values).dtype.kind not in "iuf":
            raise ValueError(
                f"`dice` must be one number for each query, ({n},). Received: {np.asarray(values).dtype}, shape "
                f"{np.shape(values)} of {name}."
            )
        finite("dice", np.asarray(values))
    if names is not None and np.shape(names) != (n,):
        raise ValueError(f"`names` must be one for each query, ({n},). Received: shape {np.shape(names)}.")
    headings = [*(["reference"] * count if count == 1 else _numbered(count)), "query", "truth", *found]
    inches = min(PAGE_WIDTH / len(headings), 2.0)
    size = inches * len(headings), n * ((inches - 0.1) * height / width + 0.05 + LINE_HEIGHT * bool(scores)) + 0.8
    grid = new_grid(n * len(headings), len(headings), size).reshape(n, -1)
    for ax, heading in zip(grid[0], headings, strict=True):
        ax.set_title(heading, fontsize="medium")
    for row, axes in enumerate(grid):
        for ax, picture, mask in zip(axes, references[row], masks[row], strict=False):
            frame(ax, picture)
            _outline(ax, mask, *TRUE)
        frame(axes[count], queries[row], colour="black")
        frame(axes[count + 1], queries[row])
        _outline(axes[count + 1], truth[row], *TRUE)
        for ax, (name, values) in zip(axes[count + 2 :], found.items(), strict=True):
            frame(ax, queries[row], f"Dice {scores[name][row]:.2f}" if name in scores else "")
            _outline(ax, truth[row], *TRUE)
            _outline(ax, values[row], *FOUND)
        if names is not None:
            axes[0].set_ylabel(str(names[row]))
    default = "References, query, truth" + ("" if not found else f" (blue), {', '.join(found)} (orange, dashed)")
    set_title(grid[0, 0].figure, title, default)
    return grid


def _numbered(count):
    return [f"reference {number}" if count < 4 else f"ref. {number}" for number in range(1, count + 1)]


def _inside(name, masks, shape):
    masks = np.asarray(masks)
    if masks.shape == (*shape, 1):
        masks = masks[..., 0]
    if masks.shape != shape or masks.dtype.kind not in "biuf":
        raise ValueError(f"`{name}` must be masks {shape}. Received: {masks.dtype}, shape {masks.shape}.")
    return finite(name, masks) >= 0.5


def _outline(ax, mask, colour, style):
    """The border between inside and outside, over a white one that is seen on dark ground too."""
    if not mask.any():
        return
    height, width = mask.shape
    # With a frame of outside, so that the line is closed where the mask reaches the border.
    around, y, x = np.pad(mask, 1).astype(float), np.arange(-1, height + 1), np.arange(-1, width + 1)
    lines = ax.contour(x, y, around, [0.5], colors=[colour], linestyles=[style], linewidths=1.6)
    if style == "-":
        lines.set_path_effects([withStroke(linewidth=2.8, foreground="white", alpha=0.6), Normal()])
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
