"""Photographs of twenty snacks that nobody has photographed."""

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_integer
from siamkeras.data.examples import Examples
from siamkeras.synthetic._random import generator

# Outlines: how far out the point (u, v) lies; what is below 1 is inside.
OUTLINES = {
    "disc": lambda u, v: np.hypot(u, v),
    "oval": lambda u, v: np.hypot(u, 1.6 * v),
    "crescent": lambda u, v: np.hypot(u, 2.8 * (v + 0.35 - 0.9 * u * u)),
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.68) / 0.32,
    "cone": lambda u, v: np.maximum(np.abs(u), np.abs(v) / np.maximum(0.26 * (1 - u), 0.02)),
    "drop": lambda u, v: np.hypot(u, 2.3 * v / (1.35 - u)),
    "box": lambda u, v: np.maximum(np.abs(u), np.abs(v)) / 0.85,
    "bar": lambda u, v: np.maximum(np.abs(u), 2.4 * np.abs(v)),
    "cup": lambda u, v: np.maximum(np.abs(u), np.abs(v) / (0.6 + 0.22 * u)),
    "wedge": lambda u, v: np.maximum(np.hypot(u, v + 0.4), -2.5 * (v + 0.05)),
    "lobed": lambda u, v: np.hypot(u, v) / (0.8 + 0.2 * np.cos(5 * np.arctan2(v, u))),
    "knot": lambda u, v: np.abs(np.hypot(np.abs(u) - 0.42, v) - 0.42) / 0.15,
}
# Textures: how much of the second colour there is at (u, v), from 0 to 1.
TEXTURES = {
    "plain": lambda u, v: 0.3 + 0.2 * np.cos(2 * u + v),
    "stripes": lambda u, v: 0.5 + 0.5 * np.cos(14 * u),
    "rings": lambda u, v: 0.5 + 0.5 * np.cos(11 * np.hypot(u, v)),
    "grid": lambda u, v: np.maximum(np.cos(10 * u), np.cos(10 * v)) > 0.75,
    "dots": lambda u, v: np.cos(9 * u) * np.cos(9 * v) > 0.35,
    "grain": lambda u, v: 0.5 + 0.5 * np.sin(9 * u + 3 * np.sin(7 * v)) * np.sin(9 * v + 3 * np.sin(8 * u)),
    "halves": lambda u, v: u > 0.15,
    "filling": lambda u, v: np.abs(v) < 0.16,
}
RED, ORANGE, YELLOW, GREEN = (0.75, 0.12, 0.12), (0.93, 0.52, 0.12), (0.93, 0.80, 0.25), (0.40, 0.62, 0.18)
BROWN, TAN, CREAM, PINK = (0.42, 0.24, 0.12), (0.76, 0.55, 0.32), (0.93, 0.88, 0.76), (0.90, 0.50, 0.60)
PURPLE, WHITE, BLUE, BLACK = (0.38, 0.16, 0.40), (0.97, 0.96, 0.94), (0.20, 0.35, 0.60), (0.30, 0.30, 0.32)
COLOURS = (RED, ORANGE, YELLOW, GREEN, BROWN, TAN, CREAM, PINK, PURPLE, WHITE, BLUE, BLACK)
# What the colours of grounds are mixed with: wood, cloth, a plate.
GROUND = np.array((0.66, 0.60, 0.52))
# Outline, texture, and two colours of each, in alphabetical order. No colour belongs to one snack alone.
SNACKS = {
    "apple": ("disc", "plain", RED, PINK),
    "banana": ("crescent", "plain", YELLOW, BROWN),
    "cake": ("wedge", "stripes", BROWN, CREAM),
    "candy": ("disc", "stripes", PINK, WHITE),
    "carrot": ("cone", "stripes", ORANGE, BROWN),
    "cookie": ("disc", "dots", TAN, BROWN),
    "doughnut": ("ring", "dots", BROWN, PINK),
    "grape": ("lobed", "dots", GREEN, PURPLE),
    "hot dog": ("bar", "filling", TAN, RED),
    "ice cream": ("drop", "halves", PINK, TAN),
    "juice": ("cup", "halves", ORANGE, WHITE),
    "muffin": ("cup", "grain", BROWN, TAN),
    "orange": ("disc", "rings", ORANGE, YELLOW),
    "pineapple": ("oval", "grid", YELLOW, GREEN),
    "popcorn": ("lobed", "grain", CREAM, YELLOW),
    "pretzel": ("knot", "plain", BROWN, TAN),
    "salad": ("disc", "grain", GREEN, RED),
    "strawberry": ("drop", "dots", RED, CREAM),
    "waffle": ("box", "grid", YELLOW, TAN),
    "watermelon": ("wedge", "rings", RED, GREEN),
}


def snacks(classes=None, per_class=50, size=64, seed=0):
    """Photographs of snacks that nobody has photographed: the stand-in for the Hugging Face set Matthijs/snacks.

    A photo shows one to three pieces of its snack among other things, on a patterned ground, in a light of some colour
    that falls from some side. Pieces differ in place, size, turn, shape and tint; what makes a snack is its outline
    with its texture and its two colours, which other snacks have as well. The nearest of 100 other photos of each of
    the 20 snacks, at 64x64, is of the right one in 15 % of the cases by raw pixels and in 33 % by a histogram of
    8x8x8 colours (guessing: 5 %; the real set, nearest of 50 at most: 8 % and 17 %). By the embeddings of a small
    convolutional tower it is in 85 %, after a minute of training on two cores.

    All chance is a function of the seed and of which snack and photo it is: a photo stays as it is when the classes or
    their number change. Another seed gives other photos of the same snacks.

    Args:
        classes: A list of names, for a part of the twenty that `data.snacks` lists; None for all.
        per_class: How many photos of each.
        size: `(height, width)` in pixels, or one integer for both; at least 8.
        seed: The same seed gives the same photos.

    Returns:
        `Examples`: images `(n, height, width, 3)`, float32 in [0, 1]; labels are places in the alphabetical order of
        all twenty, whatever the `classes`; in order of label and number.

    Raises:
        ValueError: an unknown name, or none; a count below 1, a size below 8, a negative seed, or one of them not an
            integer.

    >>> from siamkeras import synthetic
    >>> synthetic.snacks(classes=["apple", "banana"], per_class=3, size=32).labels.tolist()
    [0, 0, 0, 1, 1, 1]
    """
    height, width = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    for side in (height, width):
        check_integer("size", side, 8)
    check_integer("per_class", per_class, 1)
    check_integer("seed", seed, 0)
    names = class_names(classes)
    images = aligned_empty((len(names), per_class, height, width, 3), "float32")
    for place, (label, name) in enumerate(names.items()):
        for number in range(per_class):
            _photograph(images[place, number], SNACKS[name], generator(seed, label, number))
    return Examples(
        images=images.reshape(-1, height, width, 3),
        labels=np.repeat(list(names), per_class),
        class_names=names,
        source=f"synthetic snacks (seed {seed}): numbers do not compare with published ones",
    )


def class_names(classes=None):
    """`{label: name}` of the snacks in `classes`, or of all; a label is a place in the alphabet of all twenty.

    Raises:
        ValueError: not a list of names of snacks, or an empty one.
    """
    known = list(SNACKS)
    if classes is None:
        return dict(enumerate(known))
    asked = [] if isinstance(classes, str) or not hasattr(classes, "__iter__") else list(classes)
    if not asked or not all(name in known for name in asked):
        raise ValueError(f"`classes` must be a list of names out of: {', '.join(known)}. Received: {classes!r}.")
    return {label: name for label, name in enumerate(known) if name in asked}


def _photograph(image, snack, chance):
    """Fills `image`, from the ground up; the shorter side reaches from -1 to 1."""
    height, width = image.shape[:2]
    y, x = np.ogrid[1 - height : height : 2, 1 - width : width : 2]
    x, y = (np.float32(axis / min(height, width)) for axis in (x, y))
    pattern, colours = _any(TEXTURES, chance), 0.45 * _colours(chance) + 0.55 * GROUND
    image[:] = _coloured(*_turned(x, y, 1.0, chance), pattern, *colours, chance)
    for _ in range(chance.integers(3)):
        other = _any(OUTLINES, chance), _any(TEXTURES, chance), *_colours(chance)
        _place(image, x, y, other, chance.uniform(0.15, 0.4), 0.8, chance)
    size = chance.uniform(0.4, 0.9)
    for _ in range(chance.choice([1, 1, 2, 3])):
        _place(image, x, y, snack, size, 0.45, chance)
    across, down, gain, *cast = np.float32(chance.normal(0, [0.25, 0.25, 0.2, 0.08, 0.08, 0.08]))
    image *= (1 + across * x + down * y)[..., None] * np.exp(gain + np.array(cast))
    image += np.float32(chance.uniform(0.01, 0.06)) * chance.standard_normal(image.shape, "float32")
    image.clip(0, 1, out=image)


def _any(table, chance):
    return list(table)[chance.integers(len(table))]


def _colours(chance):
    return np.array(COLOURS)[chance.choice(len(COLOURS), 2, replace=False)]


def _place(image, x, y, snack, size, spread, chance):
    """Lays one piece of a snack, with a soft edge of one pixel, up to `spread` from the middle."""
    outline, texture, first, second = snack
    right, down = np.float32(chance.uniform(-spread, spread, 2))
    u, v = _turned(x - right, y - down, size, chance)
    bent, tilted = np.float32(chance.uniform(0, 2 * np.pi, 2))
    u, v = u + 0.06 * np.sin(3 * v + bent), v + 0.06 * np.sin(3 * u + tilted)
    out = OUTLINES[outline](u, v)[..., None]
    inside = ((1 - out) * np.float32(size * min(image.shape[:2]) / 2) + 0.5).clip(0, 1)
    shade = 1.1 - 0.35 * np.minimum(out, 1) ** 2
    image += inside * (shade * _coloured(u, v, texture, first, second, chance) - image)


def _turned(x, y, size, chance):
    turn, stretch = chance.normal(0, 0.9), np.exp(chance.normal(0, 0.12))
    cosine, sine = np.float32(np.cos(turn) / size), np.float32(np.sin(turn) / size)
    return np.float32(stretch) * (cosine * x + sine * y), np.float32(1 / stretch) * (cosine * y - sine * x)


def _coloured(u, v, texture, first, second, chance):
    tints = np.exp(chance.normal(0, 0.12, (2, 3)) + chance.normal(0, 0.12, (2, 1)))
    first, second = np.float32([first, second] * tints)
    return first + np.float32(TEXTURES[texture](u, v))[..., None] * (second - first)
