"""Synthetic handwritten characters, rendered from a seed: the stand-in for Omniglot."""

from itertools import combinations_with_replacement
from types import SimpleNamespace

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._random import generator
from siamkeras.data.examples import Examples

# Coordinates are in widths of the canvas. Omniglot's canvas has 105 pixels; characters are rendered at least as large
# and then reduced. The pen of 4.6 pixels marks every pixel that it touches, which gives Omniglot's stroke width.
CANVAS = 105
PEN = 4.6 / CANVAS
# Number of points of a stroke before and after spline interpolation.
POINTS, SPLINE_POINTS = 32, 128
MAX_STROKES = 4
# The most legible of this number of random arrangements of the strokes is used.
ARRANGEMENTS = 8
# Standard deviations of rotation, slant, stretch, size, shift x, shift y of a character: per writer and per image.
WRITER_VARIATION = np.array([0.0, 0.10, 0.04, 0.06, 0.025, 0.025])
IMAGE_VARIATION = np.array([0.05, 0.04, 0.03, 0.05, 0.04, 0.04])
# Standard deviations of rotation, scale (x, y), shift (x, y), bends (x, y) of a stroke, per image.
BENDS = 4
STROKE_VARIATION = np.array([0.08, 0.10, 0.10, 0.035, 0.035] + [0.02] * 2 * BENDS)
VARIATIONS = len(IMAGE_VARIATION) + MAX_STROKES * len(STROKE_VARIATION)

# Shapes of a motif, a stroke of the pen without interruption. Each segment is (change of direction at its beginning,
# change of direction along it, length); angles are in half turns. A ring is one segment that turns by 2.
ANGULAR = (
    [(0, 0, 1.0)],
    [(0, 0, 1.0), (0.5, 0, 0.7)],
    [(0, 0, 0.8), (0.5, 0, 0.8), (0.5, 0, 0.8)],
    [(0, 0, 1.0), (0.8, 0, 1.0)],
    [(0, 0, 0.9), (0.75, 0, 1.2), (-0.75, 0, 0.9)],
    [(0, 0, 0.6), (0.5, 0, 0.5), (-0.5, 0, 0.6)],
    [(0, 0, 0.8), (0.5, 0, 0.8), (0.5, 0, 0.8), (0.5, 0, 0.8)],
    [(0, 0, 1.0), (0.67, 0, 1.0), (0.67, 0, 1.0)],
    [(0, 0, 0.7), (0.8, 0, 0.7), (-0.8, 0, 0.7), (0.8, 0, 0.7)],
)
CURVED = (
    [(0, 0.3, 1.0)],
    [(0, 1.0, 1.3)],
    [(0, 1.5, 1.8)],
    [(0, 2.0, 2.0)],
    [(0, 0, 1.0), (0, 1.0, 0.8)],
    [(0, 0, 0.8), (0, 0.5, 0.6)],
    [(0, 0, 0.5), (0, 1.0, 1.0), (0, 0, 0.5)],
    [(0, 1.1, 1.1), (0, -1.1, 1.1)],
    [(0, 1.1, 1.0), (-1.0, 1.1, 1.0)],
    [(0, 0, 0.8), (0, 1.8, 1.6)],
    [(0, 0.4, 0.7), (0, 1.8, 1.2), (0, 0.4, 0.7)],
    [(0, 1.2, 0.6), (0, 1.2, 1.4)],
)


def synthetic_glyphs(alphabets, characters, writers, size, seed):
    """Characters of synthetic alphabets, one image by each writer, as `Examples` in this order.

    An alphabet has a style: a few motifs, the way in which they are joined, and a mark that many characters have. A
    character consists of one to four strokes. Each writer has a personal slant, size and roundness, and images of a
    character vary randomly. The Euclidean distance of raw pixels separates pairs of the same class from others with
    an AUC of 0.64 (Omniglot's evaluation set: 0.63), within an alphabet of 0.62 (0.59). An image depends on the seed
    and the indices of its alphabet, character and writer only.
    """
    habits = np.stack(
        [generator(seed, 0, writer).standard_normal(len(WRITER_VARIATION) + 2) for writer in range(writers)]
    )
    images = aligned_empty((alphabets, characters, writers, size, size, 1), "float32")
    for alphabet in range(alphabets):
        style = _sample_style(generator(seed, 1, alphabet))
        for character in range(characters):
            strokes = _sample_character(style, character, generator(seed, 1, alphabet, character))
            rngs = [generator(seed, 1, alphabet, character, writer) for writer in range(writers)]
            variations = np.stack([rng.standard_normal(VARIATIONS) for rng in rngs])
            images[alphabet, character, ..., 0] = _render(*_write(strokes, habits, variations), size)
    labels = np.repeat(np.arange(alphabets * characters), writers)
    group_names = {alphabet: f"Alphabet {alphabet + 1:02d}" for alphabet in range(alphabets)}
    class_names = [f"{name}, character {index + 1:02d}" for name in group_names.values() for index in range(characters)]
    return Examples(
        images=images.reshape(-1, size, size, 1),
        labels=labels,
        groups=labels // characters,
        class_names=dict(enumerate(class_names)),
        group_names=group_names,
    )


def _sample_style(rng):
    """The properties that the characters of an alphabet share."""
    curved = rng.choice([0.05, 0.35, 0.65, 0.95])
    weights = np.repeat([(1 - curved) / len(ANGULAR), curved / len(CURVED)], [len(ANGULAR), len(CURVED)])
    shapes = rng.choice(len(weights), 8, replace=False, p=weights)
    directions = np.pi * rng.choice([[0.0, 0.5, 0.5, 1.0], [0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 0.25, 0.75]])
    return SimpleNamespace(
        motifs=[_sample_motif((ANGULAR + CURVED)[shape], rng.choice(directions), rng) for shape in shapes],
        # The first two motifs of each character: 36 different pairs.
        pairs=rng.permutation(list(combinations_with_replacement(range(len(shapes)), 2))),
        # Probabilities of 1 to 4 strokes, of joined and mirrored strokes, and of a mark.
        strokes=rng.choice([[0.5, 0.4, 0.1, 0.0], [0.25, 0.4, 0.25, 0.1], [0.1, 0.3, 0.35, 0.25]]),
        joined=rng.uniform(0.75, 1.0),
        mirrored=rng.choice([0.0, 0.2, 0.4]),
        marked=rng.choice([0.0, 0.2, 0.5, 0.8]),
        # The mark, a dot or a bar: axis, whether it is at the end of the axis, relative length.
        mark=(rng.integers(2), rng.integers(2), rng.choice([0.08, 1.1, 1.2])),
        size=rng.uniform(0.4, 0.63),
    )


def _sample_motif(shape, direction, rng):
    """Initial direction and segments of a motif, in radians."""
    segments = np.array(shape) * [np.pi, np.pi, 1.0]
    segments[:, :2] *= rng.choice([-1, 1])
    segments[:, 2] *= np.exp(rng.normal(0.0, 0.2, len(segments)))
    return direction, segments


def _stroke(direction, segments):
    """Evenly spaced points along a motif, `(POINTS, 2)`: x to the right, y down."""
    corner, turn, length = segments.T
    fraction = (np.arange(POINTS) + 0.5) / POINTS
    angle = ((direction + np.cumsum(corner) + np.cumsum(turn) - turn)[:, None] + turn[:, None] * fraction).ravel()
    step = np.repeat(length / POINTS, POINTS)
    distance = np.append(0.0, np.cumsum(step))
    steps = step * np.stack([np.cos(angle), np.sin(angle)])
    even = np.linspace(0.0, distance[-1], POINTS)
    return np.stack([np.interp(even, distance, np.append(0.0, np.cumsum(axis))) for axis in steps], axis=-1)


def _sample_character(style, character, rng):
    """The strokes of a character, `(strokes, POINTS, 2)`, centred at the origin."""
    count = 1 + rng.choice(MAX_STROKES, p=style.strokes)
    marked = count > 1 and rng.random() < style.marked
    first, second = (style.motifs[motif] for motif in style.pairs[character % len(style.pairs)])
    others = [style.motifs[motif] for motif in rng.integers(len(style.motifs), size=MAX_STROKES)]
    motifs = [first, second, *others][: count - marked]
    if len(motifs) == 1:
        # A single stroke consists of both motifs, with or without a corner between them.
        segments = second[1]
        corner = np.pi * rng.choice([-0.5, 0, 0.5, 0.75])
        motifs = [(first[0], np.vstack([first[1], [[corner, *segments[0, 1:]]], segments[1:]]))]
    strokes = [_stroke(*motif) * rng.uniform(0.7, 1.1) for motif in motifs]
    arranged = max((_arrange(strokes, style, marked, rng) for _ in range(ARRANGEMENTS)), key=_legibility)
    extent = np.ptp(arranged, axis=(0, 1))
    side = np.maximum(extent, 0.3 * extent.max())
    # About as wide as high, and larger if the strokes are long.
    scale = style.size * np.sqrt(side / side.max()) / side * (_length(arranged).sum() / (3 * side.max())) ** 0.2
    return (arranged - _centre(arranged.reshape(-1, 2))) * scale * np.exp(rng.normal(0, 0.06))


def _arrange(motifs, style, marked, rng):
    """A random arrangement of strokes: each is joined to an earlier one, or to the right of or below them."""
    strokes = []
    for motif in motifs:
        stroke = motif * np.where(rng.random(2) < style.mirrored, -1, 1)
        if strokes and rng.random() < style.joined:
            target, joints = strokes[rng.integers(len(strokes))], [0, POINTS // 2, POINTS - 1]
            stroke += target[rng.choice(joints)] - stroke[rng.choice(joints)]
        elif strokes:
            axis, earlier = rng.integers(2), np.concatenate(strokes)
            stroke += _centre(earlier) - _centre(stroke)
            stroke[:, axis] += earlier[:, axis].max() - stroke[:, axis].min() + 0.25
        strokes.append(stroke)
    if marked:
        (axis, at_end, extent), earlier = style.mark, np.concatenate(strokes)
        mark = _centre(earlier) + np.ptp(earlier, axis=0) * np.linspace(-extent / 2, extent / 2, POINTS)[:, None]
        gap = 0.25 if extent < 1 else 0.0
        mark[:, axis] = earlier[:, axis].max() + gap if at_end else earlier[:, axis].min() - gap
        strokes.append(mark)
    return np.stack(strokes)


def _legibility(strokes):
    """Number of cells of a 6 x 6 grid with ink minus stroke length: overlapping strokes are hard to read."""
    side = np.ptp(strokes, axis=(0, 1)).max()
    cells = np.floor((strokes - strokes.min(axis=(0, 1))) * (5.999 / side)) @ [6, 1]
    return 2 * len(np.unique(cells)) - _length(strokes).sum() * 6 / side


def _length(strokes):
    return np.sqrt(np.square(np.diff(strokes, axis=1)).sum(axis=-1)).sum(axis=-1)


def _centre(points):
    return (points.min(axis=0) + points.max(axis=0)) / 2


def _write(strokes, habits, variations):
    """A character by every writer: paths `(writers, strokes, SPLINE_POINTS, 2)` and pen widths `(writers,)`.

    `habits` and `variations` are standard normal, one row per writer.
    """
    writers, count = len(habits), len(strokes)
    smooth = strokes.copy()
    for _ in range(4):
        smooth[:, 1:-1] = (smooth[:, :-2] + 2 * smooth[:, 1:-1] + smooth[:, 2:]) / 4
    roundness = np.clip(0.5 + 0.4 * habits[:, -1], 0, 1)
    paths = strokes + roundness[:, None, None, None] * (smooth - strokes)
    per_stroke = variations[:, len(IMAGE_VARIATION) :].reshape(writers, MAX_STROKES, 1, -1)[:, :count]
    rotation, scale, shift, bends = np.split(per_stroke * STROKE_VARIATION, [1, 3, 5], axis=-1)
    frequency = np.arange(1, BENDS + 1)
    waves = np.cos(np.pi * np.linspace(0, 1, POINTS)[:, None] * frequency) / frequency
    bends = waves @ bends.reshape(writers, count, BENDS, 2) * _length(strokes)[:, None, None]
    mean = paths.mean(axis=2, keepdims=True)
    paths = mean + _rotate(paths - mean, rotation[..., 0]) * np.exp(scale) + shift + bends
    whole = WRITER_VARIATION * habits[:, :-2] + IMAGE_VARIATION * variations[:, : len(IMAGE_VARIATION)]
    rotation, slant, stretch, size = whole.T[:4, :, None, None]
    paths = _rotate(paths, rotation)
    paths[..., 0] -= slant * paths[..., 1]
    paths *= np.exp(np.stack([size + stretch, size - stretch], axis=-1))
    paths = _fit_canvas(paths + whole[:, None, None, 4:])
    return (0.5 + _spline() @ paths).astype("float32"), PEN * np.exp(0.04 * habits[:, -2])


def _fit_canvas(paths):
    """Shrinks and shifts each character so that the pen stays within the canvas."""
    low, high = paths.min(axis=(1, 2), keepdims=True), paths.max(axis=(1, 2), keepdims=True)
    limit, centre, half = 0.5 - PEN, (low + high) / 2, (high - low) / 2
    shrink = np.minimum(1.0, limit / half.max(axis=-1, keepdims=True))
    return (paths - centre) * shrink + np.clip(centre, shrink * half - limit, limit - shrink * half)


def _rotate(points, angle):
    x, y = points[..., 0], points[..., 1]
    return np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y], axis=-1)


def _spline():
    """The matrix `(SPLINE_POINTS, POINTS)` from control points to points of their quadratic B-spline."""
    distance = np.abs(np.linspace(0.5, POINTS - 1.5, SPLINE_POINTS)[:, None] - np.arange(POINTS))
    return np.where(distance < 0.5, 0.75 - distance**2, np.maximum(1.5 - distance, 0.0) ** 2 / 2)


def _render(paths, pens, size):
    """Images `(writers, size, size)`: a round pen along the paths on a larger canvas, reduced by area averaging."""
    writers, factor = len(paths), max(2, -(-CANVAS // size))
    width = size * factor
    grid = np.linspace(-1, 1, 2 * int(np.ceil(PEN * width / 2)) + 1)
    disk = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    disk = disk[np.square(disk).sum(axis=1) <= 1.0]
    pixels = paths.reshape(writers, -1, 1, 2) + (pens[:, None, None, None] / 2 * disk).astype(paths.dtype)
    column, row = np.moveaxis((pixels * width).astype("int32"), -1, 0)
    canvas = np.zeros((writers, width, width), "float32")
    canvas[np.arange(writers)[:, None, None], row, column] = 1.0
    return canvas.reshape(writers, size, factor, size, factor).mean(axis=(2, 4))
