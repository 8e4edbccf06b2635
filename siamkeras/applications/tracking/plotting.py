"""Figures of tracking: strips of a film with boxes, the film itself, and how often it went well."""

import base64
import html
import io
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from siamkeras.plotting._style import (
    LINE_STYLES,
    PAGE_WIDTH,
    PALETTE,
    NEUTRAL,
    column,
    legend_below,
    named,
    new_axes,
    new_grid,
    read,
    set_title,
)

TRUTH = "#FFFFFF"
# Boxes lie on photographs, where the dark colours of diagrams are not seen: Okabe and Ito's bright ones.
BRIGHT = ("#F0E442", "#56B4E9", "#E69F00", "#CC79A7", "#009E73")
# A black rim, so that a line is seen on what is bright, too.
RIM = [withStroke(linewidth=3, foreground="black")]
# What a saved film may be: its ending, and how Pillow writes it.
KINDS = {".webp": {"quality": 70, "method": 4}, ".gif": {"optimize": True}}


def film(video, boxes=None, chosen=6, truth=None, columns=3, title=None):
    """A strip of a film: some of its frames, with the true box and those that were found.

    Args:
        video: An object with `.frame(number)`, a length and `.boxes`, such as `videos.Video`; or frames
            `(n, height, width, 3)`, bytes or floats in [0, 1].
        boxes: `{name: boxes (n, 4)}`, x, y, width, height; each name has a colour and a line style; optional. A row of
            NaN is not drawn.
        chosen: Numbers of the frames that are shown; or how many, spread evenly from the first to the last.
        truth: The true boxes, `(n, 4)`, drawn white; by default those of the video.
        columns: Frames in a row.
        title: What the figure shows.

    Returns:
        `(shown,)` array of Axes.

    Raises:
        ValueError: no frames, boxes of another number than the frames, a row that is no box, a chosen frame that is
            not there.
    """
    frame, count, known = _frames(video, truth)
    drawn = _boxes(boxes, known, count)
    numbers = _chosen(chosen, count)
    _check_counts(columns=columns)
    columns, pictures = min(columns, len(numbers)), [frame(number) for number in numbers]
    shape = pictures[0].shape[0] / pictures[0].shape[1]
    wide = min(PAGE_WIDTH / columns, 5.0)
    rows = -(-len(numbers) // columns)
    size = wide * columns, rows * (wide * shape + 0.3) + 0.5 + 0.3 * bool(drawn)
    axes = new_grid(len(numbers), columns, size)
    for ax, number, picture in zip(axes, numbers, pictures, strict=True):
        ax.imshow(picture, extent=(0, picture.shape[1], picture.shape[0], 0))
        ax.set(xticks=[], yticks=[], xlabel=f"frame {number}")
        for name, (places, colour, style) in drawn.items():
            x, y, width, height = places[number]
            if np.isnan(x):
                continue
            look = {"ec": colour, "ls": style, "path_effects": RIM, "label": name, "clip_on": True}
            ax.add_patch(Rectangle((x, y), width, height, fill=False, lw=1.5, **look))
    figure = axes[0].figure
    if drawn:
        handles = [
            Rectangle((0, 0), 1, 1, fc=NEUTRAL, ec=colour, ls=style, lw=1.5, path_effects=RIM, label=name)
            for name, (_, colour, style) in drawn.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(drawn), frameon=False)
    set_title(figure, title, f"{len(numbers)} of {count} frames")
    return axes


class Film:
    """A film that plays in a notebook as the last value of a cell, and can be saved.

    Attributes:
        content: The file, bytes of WebP (or of GIF, where Pillow writes no moving WebP).
        frames: How many frames it has.
    """

    def __init__(self, pictures, rate, title, names):
        self._pictures, self.rate, self.title, self.names = pictures, rate, title, names
        self.frames = len(pictures)
        self.kind = ".webp" if _has_webp() else ".gif"
        self.content = self._written(self.kind)

    def save(self, file):
        """Writes the film to `file`, whose name ends in `.webp` or `.gif`.

        Raises:
            ValueError: another ending.
        """
        kind = Path(file).suffix.lower()
        if kind not in KINDS:
            raise ValueError(f"A film is saved as one of {', '.join(KINDS)}. Received: {str(file)!r}.")
        Path(file).write_bytes(self.content if kind == self.kind else self._written(kind))

    def _repr_html_(self):
        source = f"data:image/{self.kind[1:]};base64,{base64.b64encode(self.content).decode()}"
        marks = " &nbsp; ".join(
            f'<span style="background:#666;color:{colour};padding:0 .4em">&#9632; {html.escape(str(name))}</span>'
            for name, colour in self.names.items()
        )
        title = html.escape(self.title)
        return f'<figure><figcaption>{title} &nbsp; {marks}</figcaption><img src="{source}" alt="{title}"></figure>'

    def __repr__(self):
        return f"{self.title}: {self.frames} frames, {self.rate:g} a second, {len(self.content) / 1000:,.0f} kB"

    def _written(self, kind):
        first, *rest = self._pictures
        out = io.BytesIO()
        first.save(
            out, kind[1:], save_all=True, append_images=rest, duration=round(1000 / self.rate), loop=0, **KINDS[kind]
        )
        return out.getvalue()


def animation(video, boxes=None, truth=None, every=1, rate=25, width=320, title=None):
    """The film itself, with the true box and those that were found: small enough for a notebook.

    Args:
        video, boxes, truth: As for `film`; a box that was found is drawn in the colour of its name.
        every: Takes every so many frames.
        rate: Frames a second, of those that are taken.
        width: To how many pixels it is reduced, if the video is wider.
        title: What the film shows.

    Returns:
        `Film`: plays where it is the last value of a cell; `.save("film.gif")`.

    Raises:
        ValueError: as `film`; a number that is not positive, or a rate beyond 0.01 to 1000.
    """
    from PIL import Image, ImageDraw

    frame, count, known = _frames(video, truth)
    drawn = _boxes(boxes, known, count)
    _check_counts(every=every, width=width)
    # No format holds a frame for much longer: GIF for 655 seconds.
    if (
        isinstance(rate, bool)
        or not isinstance(rate, (int, float, np.integer, np.floating))
        or not 0.01 <= rate <= 1000
    ):
        raise ValueError(f"`rate` is in frames a second, from 0.01 to 1000. Received: rate={rate!r}.")
    pictures = []
    for number in range(0, count, every):
        picture = Image.fromarray(np.rint(frame(number) * 255).astype("uint8"))
        scale = min(1.0, width / picture.width)
        picture = picture.resize((round(picture.width * scale), max(round(picture.height * scale), 1)))
        pen = ImageDraw.Draw(picture)
        for places, colour, _ in drawn.values():
            if not np.isnan(places[number, 0]):
                x, y, wide, high = places[number] * scale
                # All pixels that the box covers more than half of; a thin black line sets it off from what is bright.
                corners = np.rint([x, y, x + wide - 1, y + high - 1]).tolist()
                corners[2:] = np.maximum(corners[2:], corners[:2]).tolist()
                pen.rectangle([corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1], outline="black")
                pen.rectangle(corners, outline=colour, width=2)
        pictures.append(picture)
    title = f"{count} frames" if title is None else title
    return Film(pictures, rate, title, {name: colour for name, (_, colour, _) in drawn.items()})


def success(reports, title=None, ax=None):
    """Success curves of trackers: in what share of the frames does the box overlap the true one by more than so much?

    Args:
        reports: A report of `evaluation.tracking`, with `.thresholds`, `.success` and `.auc`; or `{name: report}`.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no report, an object that is none.
    """
    ax = _lines(reports, "thresholds", "success", "auc", "AUC {:.3f}", ax)
    ax.set(xlabel="overlap above (area of both / area of either)", ylabel="share of frames", xlim=(0, 1))
    set_title(ax, title, "Success")
    return ax


def precision(reports, title=None, ax=None):
    """Precision curves of trackers: in what share of the frames is the middle at most so many pixels off?

    Args:
        reports: A report of `evaluation.tracking`, with `.pixels`, `.precisions` and `.precision`; or `{name: report}`.
        title: What the figure shows.
        ax: Where to draw; a figure of its own by default.

    Returns:
        The Axes.

    Raises:
        ValueError: no report, an object that is none.
    """
    ax = _lines(reports, "pixels", "precisions", "precision", "{:.1%} at 20 px", ax)
    ax.axvline(20, color=NEUTRAL, ls=":", lw=1, zorder=1)
    ax.set(xlabel="middle at most so far off (pixels)", ylabel="share of frames", xlim=(0, 50))
    set_title(ax, title, "Precision")
    return ax


def _lines(reports, x, y, number, form, ax):
    lines = {}
    for name, report in named("reports", reports if isinstance(reports, dict) else {"": reports}).items():
        places, shares, value = read(report, x, y, number, kind="tracking")
        lines[name] = column(x, places), column(y, shares, len(places)), form.format(value)
    ax = new_axes(ax)
    for index, (name, (places, shares, told)) in enumerate(lines.items()):
        look = {"color": PALETTE[index % len(PALETTE)], "ls": LINE_STYLES[index % len(LINE_STYLES)]}
        ax.plot(places, shares, lw=2, label=f"{name}{': ' if name else ''}{told}", **look)
    ax.set(ylim=(-0.02, 1.02))
    legend_below(ax)
    return ax


def _frames(video, truth):
    """A function from number to frame, floats in [0, 1]; how many there are; the true boxes or None."""
    if hasattr(video, "frame"):
        return video.frame, len(video), video.boxes if truth is None else truth
    frames = np.asarray(video)
    if frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(
            f"A video has `.frame(number)`, or is frames (n, height, width, 3), n at least 1. Received: shape "
            f"{frames.shape}."
        )
    low, high = frames.min(), frames.max()
    if frames.dtype != np.uint8 and not (low >= -0.01 and high <= 1.01):
        raise ValueError(f"Frames have values in [0, 1], or are of bytes. Received: from {low:.4g} to {high:.4g}.")
    most = 255 if frames.dtype == np.uint8 else 1
    return lambda number: np.clip(frames[number].astype("float32") / most, 0, 1), len(frames), truth


def _boxes(boxes, truth, count):
    """`{name: (boxes (n, 4), colour, line style)}`; the truth first, so that the others are drawn over it."""
    given = {} if truth is None else {"truth": (truth, TRUTH, "-")}
    for index, (name, found) in enumerate(({} if boxes is None else named("boxes", boxes)).items()):
        if name in given:
            raise ValueError(f"The true boxes are called 'truth'. Received: other boxes of the name {name!r}.")
        given[name] = found, BRIGHT[index % len(BRIGHT)], LINE_STYLES[(index + 1) % len(LINE_STYLES)]
    for name, (found, colour, style) in given.items():
        try:
            found = np.asarray(found, "float64")
        except (TypeError, ValueError) as error:
            raise ValueError(f"Boxes are numbers (n, 4), four NaN where there is none. Received: {name!r}.") from error
        if found.shape != (count, 4):
            raise ValueError(
                f"Boxes are (n, 4), one for each of the {count} frames. Received: shape {found.shape} for {name!r}."
            )
        fine = np.isnan(found).all(axis=1) | (np.isfinite(found).all(axis=1) & (found[:, 2:] >= 0).all(axis=1))
        if not fine.all():
            row = int(fine.argmin())
            raise ValueError(
                "A box is x, y, width, height: finite numbers, no negative extent, or four NaN where there is none. "
                f"Received: {found[row].tolist()} in frame {row} for {name!r}."
            )
        given[name] = found, colour, style
    return given


def _chosen(chosen, count):
    """Numbers of frames, `(shown,)`."""
    if isinstance(chosen, (int, np.integer)) and not isinstance(chosen, bool):
        if chosen < 1:
            raise ValueError(f"`chosen` is numbers of frames, or how many, at least 1. Received: chosen={chosen}.")
        return np.unique(np.rint(np.linspace(0, count - 1, min(chosen, count))).astype(int)).tolist()
    if not hasattr(chosen, "__iter__"):
        raise ValueError(f"`chosen` is numbers of frames, or how many, at least 1. Received: chosen={chosen!r}.")
    numbers = column("chosen", list(chosen))
    if numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= count:
        raise ValueError(f"`chosen` must be numbers of frames, from 0 to {count - 1}. Received: {numbers}.")
    return numbers.tolist()


def _check_counts(**given):
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"`{name}` must be a whole number of at least 1. Received: {name}={value!r}.")


def _has_webp():
    from PIL import features

    # Pillow from 11 on always writes moving WebP where it writes WebP, and warns of being asked.
    return features.check("webp")
