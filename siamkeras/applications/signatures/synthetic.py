"""Synthetic signatures and forgeries, rendered from a seed."""

from types import SimpleNamespace

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._random import generator
from siamkeras._validation import check_integer, check_sizes
from siamkeras.applications.signatures import preprocessing
from siamkeras.applications.signatures.examples import Signatures

WRITERS_PER_FORGER = 3
# The canvas is this many times finer than the image.
OVERSAMPLING = 3
# Standard deviations of the variation between signatures of a writer; lengths are in heights of a small letter.
WITHIN_WRITER = SimpleNamespace(rotation=0.05, slant=0.08, stretch=0.08, point=0.11, bend=0.16)
# Standard deviations of a forger's errors in the shape, the same in all forgeries of a writer.
IMITATION = SimpleNamespace(rotation=0.05, slant=0.06, stretch=0.16, point=0.18, bend=0.20)


def synthetic_signatures(writers=30, genuine=5, forged=5, size=(64, 128), seed=0, pen_width=None):
    """Synthetic genuine signatures and skilled forgeries: the stand-in for the signature data sets.

    A writer has a signature (initials, letters, often a flourish) and a style (slant, roundness, width and pressure of
    the pen), with small variations from signature to signature. A forger imitates three writers: the shape with errors
    that are the same in all forgeries of a writer, in the forger's own style and with tremor.

    Args:
        writers, genuine, forged: Number of writers, and of genuine signatures and skilled forgeries of each.
        size: `(height, width)` in pixels, each at least 16.
        seed: Random seed. A signature depends on the seed, the writer and the index of the signature only.
        pen_width: See `preprocess`: None keeps the width of the strokes, a number redraws all with the same pen.

    Returns:
        `Signatures`, sorted by writer, genuine ones first. Writers with the same forger form a group.
    """
    height, width = (check_integer("size", side, 16) for side in check_sizes("size", size, 2))
    count = genuine + forged
    images = aligned_empty((writers, count, height, width, 1), "float32")
    stroke_width = np.empty((writers, count))
    for writer in range(writers):
        rng = generator(seed, 0, writer)
        style, strokes = _sample_style(rng), _sample_strokes(rng)
        forger = _sample_style(generator(seed, 1, writer // WRITERS_PER_FORGER), forger=True)
        forger.slant = style.slant + forger.own_slant * (forger.slant - style.slant)
        imitation = _distort(strokes, IMITATION, generator(seed, 2, writer))
        for index in range(count):
            is_genuine = index < genuine
            rng = generator(seed, 3, writer, int(is_genuine), index if is_genuine else index - genuine)
            shape = _distort(strokes if is_genuine else imitation, WITHIN_WRITER, rng)
            paths, widths = _pen_paths(shape, style if is_genuine else forger, rng)
            canvas = _rasterise(paths, widths, (height, width))
            if pen_width is None:
                images[writer, index] = _reduce(canvas)
                continue
            lines = preprocessing.thin(canvas)
            stroke_width[writer, index] = canvas.sum() / lines.sum()
            images[writer, index] = preprocessing.draw(lines, (height, width), pen_width)
    labels = np.repeat(np.arange(writers), count)
    groups, is_genuine = labels // WRITERS_PER_FORGER, np.tile(np.arange(count) < genuine, writers)
    return Signatures(
        images=images.reshape(-1, height, width, 1),
        labels=labels,
        genuine=is_genuine,
        authors=np.where(is_genuine, labels, writers + groups),
        groups=groups,
        class_names={writer: f"Writer {writer + 1:02d}" for writer in range(writers)},
        group_names={group: f"Forger {group + 1:02d}" for group in np.unique(groups).tolist()},
        source=f"synthetic signatures (seed {seed}); results are not comparable to published ones",
        shortcuts={} if pen_width is None else {"stroke width": stroke_width.ravel()},
    )


def _sample_style(rng, forger=False):
    """What all writing of a person has in common."""
    return SimpleNamespace(
        slant=rng.normal(0.25, 0.25),
        roundness=rng.uniform(0.4, 1.0),
        pen=np.exp(rng.normal(np.log(0.014), 0.3)),  # relative to the width of the signature
        pressure=rng.uniform(-0.3, 0.6),  # additional width of downstrokes
        taper=rng.uniform(0.0, 0.6),  # reduction of the width towards the end of a stroke
        tremor=rng.uniform(0.01, 0.035) if forger else 0.0,
        own_slant=rng.uniform(0.2, 0.6) if forger else 1.0,  # 0: copies the slant of the writer
    )


def _sample_strokes(rng):
    """The strokes of a signature as control points `(n, 2)`, x to the right, y down."""
    letters, spacing = rng.integers(2, 9), rng.uniform(0.5, 1.1)
    loops, angular = rng.uniform(0, 0.6), rng.random() < 0.3
    strokes, points, x = [], [], 0.0
    height = rng.uniform(1.5, 3.2)
    for _ in range(rng.integers(1, 3)):  # initials
        capital = rng.uniform([-0.8, -1.0], [0.9, 0.35], (rng.integers(3, 7), 2)) * height
        points += list(capital + [x + height / 2, 0])
        x += height * rng.uniform(0.5, 0.9)
        if rng.random() < 0.5:
            strokes.append(np.array(points))
            points = []
    for _ in range(letters):
        step = _add_letter(points, x, spacing, loops, rng)
        if angular and len(points) > 3:
            points.pop()
        x += step
        if len(points) > 1 and rng.random() < 0.2:
            strokes.append(np.array(points))
            points = []
    points.append([x, rng.uniform(-0.5, 0.2)])
    _add_flourish(strokes, points, x, rng)
    if rng.random() < 0.25:  # a bar or a dot
        start, length = rng.uniform(0.2, 1.0) * x, rng.choice([0.1, rng.uniform(1, 3)])
        strokes.append(np.array([[start, -1.6], [start + length, -1.6 + rng.normal(0, 0.2)]]))
    return strokes


def _add_letter(points, x, spacing, loops, rng):
    """Appends the control points of a letter at `x`; returns its width."""
    kind, width = rng.random(), spacing * rng.uniform(0.6, 1.5)
    ascender = rng.uniform(1.5, 2.5) if kind < 0.2 else rng.uniform(0.5, 1.2)
    descender = rng.uniform(0.8, 1.8) if kind > 0.85 else 0.0
    loop = loops * rng.uniform(0.5, 1.5)
    middle = x + width * 0.5
    points += [[x, 0.0], [middle + loop * 0.5, -ascender], [middle - loop * 0.5, -ascender * 0.9]]
    if descender:
        points.append([x + width * 0.6, descender])
    return width


def _add_flourish(strokes, points, x, rng):
    """Completes the last stroke and appends a flourish, if any."""
    flourish = rng.choice(["none", "swing", "line", "ring", "back"], p=[0.2, 0.25, 0.25, 0.15, 0.15])
    if flourish == "swing":
        points.append([x + rng.uniform(1, 5), rng.uniform(-2, 1.2)])
    if flourish == "back":
        points += [[x + 1, 0.8], [x * rng.uniform(0, 0.6), rng.uniform(0.6, 1.6)], [x + 1, rng.uniform(0, 2)]]
    if len(points) > 1:
        strokes.append(np.array(points))
    if flourish == "line":
        y = rng.uniform(0.4, 1.4)
        left, right = x * rng.uniform([-0.1, 0.7], [0.4, 1.3])
        strokes.append(np.array([[left, y + rng.normal(0, 0.4)], [x / 2, y], [right, y - 0.2]]))
    if flourish == "ring":
        angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, rng.uniform(1.6, 2.4) * np.pi, 10)
        ring = np.stack([np.cos(angle) * x * rng.uniform(0.35, 0.7), np.sin(angle) * rng.uniform(1.5, 3)], axis=1)
        strokes.append(ring + [x / 2, -0.5])


def _distort(strokes, deviations, rng):
    """A random variation of the strokes: affine, smooth bending, shift of each stroke and noise of each point."""
    points = np.concatenate(strokes)
    centre, extent = points.mean(axis=0), np.ptp(points, axis=0).max()
    rotation, slant = rng.normal(0, deviations.rotation), rng.normal(0, deviations.slant)
    stretch = np.exp(rng.normal(0, deviations.stretch, 2))
    cos, sin = np.cos(rotation), np.sin(rotation)
    affine = np.array([[cos, sin], [-sin, cos]]) @ np.array([[1, 0], [-slant, 1]]) * stretch
    frequencies = np.arange(1, 4)[:, None]
    phase, amplitude = rng.uniform(0, 2 * np.pi, (3, 2)), rng.normal(0, deviations.bend, (3, 2)) / frequencies

    def distort_stroke(points):
        along = (points[:, :1, None] - centre[0]) / extent * np.pi * frequencies
        waves = (np.sin(along + phase) * amplitude).sum(axis=1)
        shift = rng.normal(0, deviations.point, 2)
        noise = rng.normal(0, deviations.point, points.shape)
        return (points - centre + noise + shift + waves) @ affine + centre

    return [distort_stroke(points) for points in strokes]


def _pen_paths(strokes, style, rng):
    """For each stroke the path of the pen `(n, 2)` and its width `(n,)`, relative to the width of the signature."""
    paths, widths = [], []
    for points in strokes:
        path = _smooth(points, style.roundness)
        path[:, 0] -= style.slant * path[:, 1]
        if style.tremor:
            noise = rng.standard_normal((len(path) + 8, 2)) * style.tremor
            path += np.stack([np.convolve(axis, np.ones(9) / 3, "valid") for axis in noise.T], axis=1)
        down = np.gradient(path[:, 1]) / (np.abs(np.gradient(path, axis=0)).sum(axis=1) + 1e-9)
        remaining = np.linspace(1, 0, len(path))
        taper = 1 - style.taper * np.maximum(0, 0.3 - remaining) / 0.3
        paths.append(path)
        widths.append(style.pen * (1 + style.pressure * down) * taper)
    return paths, widths


def _smooth(points, roundness):
    """A path along the control points with 20 points per unit: from a polygon (0) to a quadratic B-spline (1)."""
    points = np.concatenate([points[:1], points, points[-1:]])
    position = np.linspace(0, len(points) - 2 - 1e-6, 24 * (len(points) - 2))
    first, t = position.astype(int), position % 1
    weights = np.stack([(1 - t) ** 2 / 2, 0.5 + t * (1 - t), t**2 / 2], axis=1)
    spline = (points[first[:, None] + np.arange(3)] * weights[..., None]).sum(axis=1)
    polygon = np.stack([np.interp(position + 0.5, np.arange(len(points)), axis) for axis in points.T], axis=1)
    path = polygon + roundness * (spline - polygon)
    length = np.append(0, np.cumsum(np.hypot(*np.diff(path, axis=0).T)))
    even = np.linspace(0, length[-1], max(2, int(length[-1] * 20)))
    return np.stack([np.interp(even, length, axis) for axis in path.T], axis=1)


def _rasterise(paths, widths, size):
    """A round pen stamped along the paths on a canvas that is `OVERSAMPLING` times finer than `size`, as booleans."""
    points, relative = np.concatenate(paths), np.concatenate(widths)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    height, width = (side * OVERSAMPLING for side in size)
    # The widest pen fits inside a border of one pixel.
    free = np.array([width, height]) - 2 * OVERSAMPLING
    scale = (free / (extent + extent.max() * relative.max())).min()
    centre = np.array([width, height]) / 2
    # Additional points where neighbours are farther apart than the pen is wide.
    steps = max(1, int(np.ceil(scale / 20 / (OVERSAMPLING / 2))))
    stamps, radii = [], []
    for path, pen in zip(paths, widths, strict=True):
        known, fine = np.arange(len(path)), np.linspace(0, len(path) - 1, (len(path) - 1) * steps + 1)
        pixels = (path - low - extent / 2) * scale + centre
        stamps.append(np.stack([np.interp(fine, known, axis) for axis in pixels.T], axis=1))
        radii.append(np.interp(fine, known, np.maximum(pen * extent.max() * scale / 2, OVERSAMPLING / 4)))
    return _stamp(np.concatenate(stamps), np.concatenate(radii), height, width)


def _reduce(canvas):
    """The canvas `(height, width)` as an image, by area averaging, `(..., 1)`."""
    height, width = (side // OVERSAMPLING for side in canvas.shape)
    ink = canvas.reshape(height, OVERSAMPLING, width, OVERSAMPLING).mean(axis=(1, 3), dtype="float32")
    return np.minimum(ink / np.quantile(ink[ink > 0], 0.99), 1)[..., None]


def _stamp(centres, radii, height, width):
    """A canvas of booleans with filled disks of ink."""
    grid = np.linspace(-1, 1, 2 * int(np.ceil(radii.max())) + 1)
    disk = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    disk = disk[np.square(disk).sum(axis=1) <= 1]
    pixels = (centres[:, None] + radii[:, None, None] * disk).astype(int)
    canvas = np.zeros((height, width), bool)
    canvas[np.clip(pixels[..., 1], 0, height - 1), np.clip(pixels[..., 0], 0, width - 1)] = True
    return canvas
