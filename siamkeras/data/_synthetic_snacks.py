"""Synthetic photos of twenty snacks, rendered from a seed: the stand-in for Matthijs/snacks."""

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._random import generator
from siamkeras.data.examples import Examples

# Outlines as functions of the point (u, v): below 1 inside.
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
# Textures: fraction of the second colour at (u, v).
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
# Mixed into the colours of backgrounds.
BACKGROUND = np.array((0.66, 0.60, 0.52))
# Outline, texture and two colours, in alphabetical order. No colour is unique to a snack.
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


def synthetic_snacks(names, per_class, size, seed):
    """Synthetic photos of the snacks in `names`, `{label: name}`, as `Examples`; `size` is `(height, width)`.

    A photo shows one to three pieces of a snack and other objects on a textured background under coloured light. A
    class is defined by its outline, texture and two colours. A photo depends on the seed, its class and its index only.
    """
    height, width = size
    images = aligned_empty((len(names), per_class, height, width, 3), "float32")
    for place, (label, name) in enumerate(names.items()):
        for index in range(per_class):
            _render(images[place, index], SNACKS[name], generator(seed, label, index))
    return Examples(
        images=images.reshape(-1, height, width, 3),
        labels=np.repeat(list(names), per_class),
        class_names=names,
    )


def _render(image, snack, rng):
    """Renders a photo into `image`. The shorter side has coordinates from -1 to 1."""
    height, width = image.shape[:2]
    y, x = np.ogrid[1 - height : height : 2, 1 - width : width : 2]
    x, y = (np.float32(axis / min(height, width)) for axis in (x, y))
    texture, colours = _sample_name(TEXTURES, rng), 0.45 * _sample_colours(rng) + 0.55 * BACKGROUND
    image[:] = _colour(*_transform(x, y, 1.0, rng), texture, *colours, rng)
    for _ in range(rng.integers(3)):
        distractor = _sample_name(OUTLINES, rng), _sample_name(TEXTURES, rng), *_sample_colours(rng)
        _paint(image, x, y, distractor, rng.uniform(0.15, 0.4), 0.8, rng)
    size = rng.uniform(0.4, 0.9)
    for _ in range(rng.choice([1, 1, 2, 3])):
        _paint(image, x, y, snack, size, 0.45, rng)
    light_x, light_y, brightness, *tint = np.float32(rng.normal(0, [0.25, 0.25, 0.2, 0.08, 0.08, 0.08]))
    image *= (1 + light_x * x + light_y * y)[..., None] * np.exp(brightness + np.array(tint))
    image += np.float32(rng.uniform(0.01, 0.06)) * rng.standard_normal(image.shape, "float32")
    image.clip(0, 1, out=image)


def _sample_name(table, rng):
    return list(table)[rng.integers(len(table))]


def _sample_colours(rng):
    return np.array(COLOURS)[rng.choice(len(COLOURS), 2, replace=False)]


def _paint(image, x, y, snack, size, spread, rng):
    """Paints one piece with a soft edge of one pixel, at most `spread` from the centre."""
    outline, texture, first, second = snack
    shift_x, shift_y = np.float32(rng.uniform(-spread, spread, 2))
    u, v = _transform(x - shift_x, y - shift_y, size, rng)
    phase_u, phase_v = np.float32(rng.uniform(0, 2 * np.pi, 2))
    u, v = u + 0.06 * np.sin(3 * v + phase_u), v + 0.06 * np.sin(3 * u + phase_v)
    radius = OUTLINES[outline](u, v)[..., None]
    mask = ((1 - radius) * np.float32(size * min(image.shape[:2]) / 2) + 0.5).clip(0, 1)
    shading = 1.1 - 0.35 * np.minimum(radius, 1) ** 2
    image += mask * (shading * _colour(u, v, texture, first, second, rng) - image)


def _transform(x, y, size, rng):
    """A random rotation and stretch."""
    angle, stretch = rng.normal(0, 0.9), np.exp(rng.normal(0, 0.12))
    cosine, sine = np.float32(np.cos(angle) / size), np.float32(np.sin(angle) / size)
    return np.float32(stretch) * (cosine * x + sine * y), np.float32(1 / stretch) * (cosine * y - sine * x)


def _colour(u, v, texture, first, second, rng):
    """A texture of two randomly tinted colours."""
    tints = np.exp(rng.normal(0, 0.12, (2, 3)) + rng.normal(0, 0.12, (2, 1)))
    first, second = np.float32([first, second] * tints)
    return first + np.float32(TEXTURES[texture](u, v))[..., None] * (second - first)
