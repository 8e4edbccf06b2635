"""Signatures of people who do not exist, and forgeries of them."""

from types import SimpleNamespace

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_integer
from siamkeras.applications.signatures.examples import Signatures
from siamkeras.synthetic._random import generator

# So many writers are imitated by one forger, and are a group for that.
IMITATED = 3
# The pen is stamped on a canvas so many times finer than the image.
FINER = 3
# Lengths are in heights of a small letter. How much a hand differs from one signature of its own to the next ...
ACCIDENT = SimpleNamespace(turn=0.05, slant=0.08, stretch=0.08, point=0.11, bend=0.16)
# ... and a forger from what is imitated: the shape is seen well, not perfectly, and seen once for all forgeries.
MISREAD = SimpleNamespace(turn=0.05, slant=0.06, stretch=0.16, point=0.18, bend=0.20)


def signatures(writers=30, genuine=5, forged=5, size=(64, 128), seed=0):
    """Signatures of invented writers, genuine and forged: the stand-in for sets of signatures.

    A writer has a signature: an initial, a few letters, often a flourish; and a hand: slant, roundness, how thick the
    pen is, where it is pressed and how it leaves the paper. Each signature of one's own comes out a little different. A
    forger imitates the signatures of three writers. The shape is met, with errors that return in all forgeries of one
    writer; the hand is the forger's own: the pen trembles, since it is drawn slowly, bends where it bends for the
    forger, and is pressed as the forger presses it.

    All chance is a function of the seed and of which writer and signature it is: a signature stays as it is when any of
    the counts changes.

    Args:
        writers: How many writers, at least 2.
        genuine: How many signatures each writer gives, at least 1.
        forged: How many forgeries there are of each writer, at least 0.
        size: `(height, width)` in pixels, or one number for both, at least 16 each; the signature is as large as fits,
            as in `data.signatures`.
        seed: The same seed gives the same signatures, another seed other writers.

    Returns:
        `Signatures`, in order of writer, genuine ones first; groups are the forgers.

    Raises:
        ValueError: a count that is too small, a negative seed, or one of them not an integer.

    >>> from siamkeras.applications.signatures import synthetic
    >>> synthetic.signatures(writers=4, genuine=2, forged=1).images.shape
    (12, 64, 128, 1)
    """
    check_integer("writers", writers, 2)
    check_integer("genuine", genuine, 1)
    check_integer("forged", forged, 0)
    check_integer("seed", seed, 0)
    height, width = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    check_integer("height", height, 16)
    check_integer("width", width, 16)
    each = genuine + forged
    images = aligned_empty((writers, each, height, width, 1), "float32")
    for writer in range(writers):
        chance = generator(seed, 0, writer)
        hand, plan = _hand(chance), _plan(chance)
        forger = _hand(generator(seed, 1, writer // IMITATED), forger=True)
        seen = _varied(plan, MISREAD, generator(seed, 2, writer))
        for number in range(each):
            is_own = number < genuine
            chance = generator(seed, 3, writer, int(is_own), number - genuine * (not is_own))
            strokes = _varied(plan if is_own else seen, ACCIDENT, chance)
            paths, pens = _written(strokes, hand if is_own else forger, hand.slant, chance)
            images[writer, number, ..., 0] = _stamped(paths, pens, (height, width))
    labels = np.repeat(np.arange(writers), each)
    return Signatures(
        images=images.reshape(-1, height, width, 1),
        labels=labels,
        genuine=np.tile(np.arange(each) < genuine, writers),
        groups=labels // IMITATED,
        class_names={writer: f"Writer {writer + 1:02d}" for writer in range(writers)},
        group_names={forger: f"Forger {forger + 1:02d}" for forger in range(-(-writers // IMITATED))},
        source=f"synthetic signatures (seed {seed}): numbers do not compare with published ones",
    )


def _hand(chance, forger=False):
    """What belongs to a person, whatever is written."""
    return SimpleNamespace(
        slant=chance.normal(0.25, 0.25),
        roundness=chance.uniform(0.4, 1.0),
        pen=np.exp(chance.normal(np.log(0.014), 0.3)),  # in widths of the signature
        pressed=chance.uniform(-0.3, 0.6),  # more on the way down than on the way up
        leaving=chance.uniform(0.0, 0.6),  # how much thinner a stroke gets towards its end
        tremor=chance.uniform(0.01, 0.035) if forger else 0.0,
        pull=chance.uniform(0.2, 0.6) if forger else 0.0,  # from the slant that is imitated to the own one
    )


def _plan(chance):
    """The strokes of a signature: points that the pen passes by, `(n, 2)` each, x to the right, y down."""
    count, spacing = chance.integers(2, 9), chance.uniform(0.5, 1.1)
    loops, angular = chance.uniform(0, 0.6), chance.random() < 0.3
    strokes, points, x = [], [], 0.0
    big = chance.uniform(1.5, 3.2)
    for _ in range(chance.integers(1, 3)):  # the initials
        capital = chance.uniform([-0.8, -1.0], [0.9, 0.35], (chance.integers(3, 7), 2)) * big
        points += list(capital + [x + big / 2, 0])
        x += big * chance.uniform(0.5, 0.9)
        if chance.random() < 0.5:
            strokes.append(np.array(points))
            points = []
    for _ in range(count):
        kind, step = chance.random(), spacing * chance.uniform(0.6, 1.5)
        up = chance.uniform(1.5, 2.5) if kind < 0.2 else chance.uniform(0.5, 1.2)
        down = chance.uniform(0.8, 1.8) if kind > 0.85 else 0.0
        back = loops * chance.uniform(0.5, 1.5)
        points += [[x, 0.0], [x + step * 0.5 + back * 0.5, -up], [x + step * 0.5 - back * 0.5, -up * 0.9]]
        points += [[x + step * 0.6, down]] if down else []
        points = points[:-1] if angular and len(points) > 3 else points
        x += step
        if len(points) > 1 and chance.random() < 0.2:
            strokes.append(np.array(points))
            points = []
    points += [[x, chance.uniform(-0.5, 0.2)]]
    flourish = chance.choice(["none", "swing", "line", "ring", "back"], p=[0.2, 0.25, 0.25, 0.15, 0.15])
    if flourish == "swing":
        points += [[x + chance.uniform(1, 5), chance.uniform(-2, 1.2)]]
    if flourish == "back":
        points += [[x + 1, 0.8], [x * chance.uniform(0, 0.6), chance.uniform(0.6, 1.6)], [x + 1, chance.uniform(0, 2)]]
    if len(points) > 1:
        strokes.append(np.array(points))
    if flourish == "line":
        y = chance.uniform(0.4, 1.4)
        ends = x * chance.uniform([-0.1, 0.7], [0.4, 1.3])
        strokes.append(np.array([[ends[0], y + chance.normal(0, 0.4)], [x / 2, y], [ends[1], y - 0.2]]))
    if flourish == "ring":
        angle = chance.uniform(0, 2 * np.pi) + np.linspace(0, chance.uniform(1.6, 2.4) * np.pi, 10)
        ring = np.stack([np.cos(angle) * x * chance.uniform(0.35, 0.7), np.sin(angle) * chance.uniform(1.5, 3)], axis=1)
        strokes.append(ring + [x / 2, -0.5])
    if chance.random() < 0.25:  # a bar through it, or a dot
        at, length = chance.uniform(0.2, 1.0) * x, chance.choice([0.1, chance.uniform(1, 3)])
        strokes.append(np.array([[at, -1.6], [at + length, -1.6 + chance.normal(0, 0.2)]]))
    return strokes


def _varied(strokes, by, chance):
    """The same strokes another time, or as another sees them."""
    whole = np.concatenate(strokes)
    middle, extent = whole.mean(axis=0), np.ptp(whole, axis=0).max()
    turn, slant = chance.normal(0, by.turn), chance.normal(0, by.slant)
    stretch = np.exp(chance.normal(0, by.stretch, 2))
    cos, sin = np.cos(turn), np.sin(turn)
    turned = np.array([[cos, sin], [-sin, cos]]) @ np.array([[1, 0], [-slant, 1]]) * stretch
    phase, bend = chance.uniform(0, 2 * np.pi, (3, 2)), chance.normal(0, by.bend, (3, 2)) / np.arange(1, 4)[:, None]

    def moved(points):
        along = (points[:, :1, None] - middle[0]) / extent * np.pi * np.arange(1, 4)[:, None]
        waves = (np.sin(along + phase) * bend).sum(axis=1)
        place = chance.normal(0, by.point, 2)
        return (points - middle + chance.normal(0, by.point, points.shape) + place + waves) @ turned + middle

    return [moved(points) for points in strokes]


def _written(strokes, hand, slant, chance):
    """Where the pen goes, `(n, 2)`, and how thick it is there, `(n,)`, in widths of the signature, for each stroke."""
    slant = slant + hand.pull * (hand.slant - slant)
    paths, pens = [], []
    for points in strokes:
        path = _along(points, hand.roundness)
        path[:, 0] -= slant * path[:, 1]
        if hand.tremor:
            noise = chance.standard_normal((len(path) + 8, 2)) * hand.tremor
            path += np.stack([np.convolve(axis, np.ones(9) / 3, "valid") for axis in noise.T], axis=1)
        down = np.gradient(path[:, 1]) / (np.abs(np.gradient(path, axis=0)).sum(axis=1) + 1e-9)
        left = np.linspace(1, 0, len(path))
        paths.append(path)
        pens.append(hand.pen * (1 + hand.pressed * down) * (1 - hand.leaving * np.maximum(0, 0.3 - left) / 0.3))
    return paths, pens


def _along(points, roundness):
    """A path by the points, with a place at each twentieth of a length: from straight lines (0) to a spline (1)."""
    points = np.concatenate([points[:1], points, points[-1:]])
    at = np.linspace(0, len(points) - 2 - 1e-6, 24 * (len(points) - 2))
    first, rest = at.astype(int), at % 1
    weights = np.stack([(1 - rest) ** 2 / 2, 0.5 + rest * (1 - rest), rest**2 / 2], axis=1)
    spline = (points[first[:, None] + np.arange(3)] * weights[..., None]).sum(axis=1)
    lines = np.stack([np.interp(at + 0.5, np.arange(len(points)), axis) for axis in points.T], axis=1)
    path = lines + roundness * (spline - lines)
    gone = np.append(0, np.cumsum(np.hypot(*np.diff(path, axis=0).T)))
    even = np.linspace(0, gone[-1], max(2, int(gone[-1] * 20)))
    return np.stack([np.interp(even, gone, axis) for axis in path.T], axis=1)


def _stamped(paths, pens, size):
    """The image `size`: a round pen is stamped along the paths on a finer canvas, then area-averaged."""
    whole, thick = np.concatenate(paths), np.concatenate(pens)
    low, extent = whole.min(axis=0), np.ptp(whole, axis=0)
    height, width = (side * FINER for side in size)
    room = np.array([width, height]) - 2 * FINER
    # The widest pen, too, is to fit in.
    scale = (room / (extent + extent.max() * thick.max())).min()
    places = (whole - low - extent / 2) * scale + np.array([width, height]) / 2
    # Between two places of a path, which may be farther apart than the pen is wide.
    steps = max(1, int(np.ceil(scale / 20 / (FINER / 2))))
    starts = np.cumsum([0, *map(len, paths)])
    fine, radius = [], []
    for start, end in zip(starts[:-1], starts[1:], strict=True):
        at = np.linspace(0, end - start - 1, (end - start - 1) * steps + 1)
        known = np.arange(end - start)
        fine.append(np.stack([np.interp(at, known, axis) for axis in places[start:end].T], axis=1))
        radius.append(np.interp(at, known, np.maximum(thick[start:end] * extent.max() * scale / 2, FINER / 4)))
    fine, radius = np.concatenate(fine), np.concatenate(radius)
    across = np.linspace(-1, 1, 2 * int(np.ceil(radius.max())) + 1)
    disk = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    disk = disk[np.square(disk).sum(axis=1) <= 1]
    stamps = (fine[:, None] + radius[:, None, None] * disk).astype(int)
    canvas = np.zeros((height, width), "float32")
    canvas[np.clip(stamps[..., 1], 0, height - 1), np.clip(stamps[..., 0], 0, width - 1)] = 1
    ink = canvas.reshape(size[0], FINER, size[1], FINER).mean(axis=(1, 3))
    return np.minimum(ink / np.quantile(ink[ink > 0], 0.99), 1)
