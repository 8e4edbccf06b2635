"""Videos that were never filmed: pieces of one photograph that move over another."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from siamkeras._validation import check_integer
from siamkeras.applications.tracking.photographs import as_pictures, photographs
from siamkeras.applications.tracking.video import Video
from siamkeras.synthetic._random import generator

# The smallest frame, in pixels a side.
LEAST = 48
# Motion is told in cycles per so many frames, so that a longer video is not a slower one.
PERIOD = 60
# How far the background sways, and the half breadth of an object's texture, in radii of the object.
SWAY, REACH = 0.05, 1.6
ANGLES = np.linspace(0, 2 * np.pi, 256, endpoint=False)


def videos(
    count,
    frames=60,
    size=(240, 320),
    seed=0,
    turning=True,
    scaling=True,
    hidden=True,
    distractors=0,
    photos=None,
):
    """Videos of one object that moves over real texture, with its box in each frame: the stand-in for OTB.

    The object is a piece of a photograph with a smooth outline of its own; the background is a part of another one,
    and sways a little. It moves by up to 12 pixels a frame (of 240x320), always inside the frame. The box is the one of
    the whole outline, straight in the frame, also where the object is hidden in part.

    All chance is a function of the seed and of which video it is: a video stays as it is when `count` or `frames`
    changes, and the first frames are the same with and without what comes later. Which photographs are on this machine
    is no chance: with `photos=None` the same seed gives the same videos where the same packages are installed.

    Args:
        count: How many videos, at least 1.
        frames: Frames of each, at least 2.
        size: `(height, width)` in pixels, each at least 48.
        seed: The same seed gives the same videos.
        turning: Whether the object turns, by up to 12 degrees a frame.
        scaling: Whether it gets nearer and farther: its size changes by up to a factor of 2.7.
        hidden: Whether a post stands in the scene, which hides up to two thirds of the object where it passes behind;
            never in the first frame.
        distractors: How many other objects there are, of the same outline, out of the same photograph.
        photos: Photographs to be used, at least two: arrays `(height, width, 3)` or paths of files. None takes those of
            `photographs()`.

    Returns:
        A list of `Video`; frames are bytes, boxes float32.

    Raises:
        ValueError: a number that is too small or not whole; photographs that are too few or none.

    >>> from siamkeras.applications.tracking import synthetic
    >>> synthetic.videos(1, frames=3, size=(48, 64))[0].frame(2).shape
    (48, 64, 3)
    """
    check_integer("count", count, 1)
    check_integer("frames", frames, 2)
    check_integer("seed", seed, 0)
    check_integer("distractors", distractors, 0)
    if isinstance(size, (str, bytes)) or np.shape(size) != (2,):
        raise ValueError(f"`size` must be (height, width). Received: size={size!r}.")
    height, width = size
    check_integer("height", height, LEAST)
    check_integer("width", width, LEAST)
    for name, value in (("turning", turning), ("scaling", scaling), ("hidden", hidden)):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"`{name}` is True or False. Received: {name}={value!r}.")
    pictures = as_pictures(photographs().values() if photos is None else photos)
    wanted = SimpleNamespace(turning=turning, scaling=scaling, hidden=hidden, distractors=distractors)
    films = []
    for number in range(count):
        shown, boxes = _film(number, frames, (height, width), seed, wanted, pictures)
        told = (
            f"synthetic videos (seed {seed}, {len(pictures)} photographs): numbers do not compare with published ones"
        )
        films.append(Video(shown, boxes, f"synthetic {number + 1:02d}", told))
    return films


def _film(number, frames, size, seed, wanted, pictures):
    """Frames `(n, height, width, 3)` of bytes and boxes `(n, 4)`."""
    chance, (height, width) = generator(seed, 0, number), size
    ground, piece, front = _roles(len(pictures), chance)
    sway = int(np.ceil(SWAY * min(size)))
    scene = _part(pictures[ground], (height + 2 * sway, width + 2 * sway), chance)
    swaying, light = _wave(chance, 2, (0.3, 1.0)), _wave(chance, 1, (0.2, 1.0))
    radius, outline = chance.uniform(0.06, 0.1) * min(size), _outline(chance)
    # Each in a stream of its own, so that nothing else changes where one of them is not there.
    objects = []
    for other in range(wanted.distractors + 1):
        own = generator(seed, 1, number, other)
        look = SimpleNamespace(radius=radius, outline=outline, texture=_texture(pictures[piece], radius, own))
        objects.append((look, _moving(look, size, wanted, own)))
    target, moving = objects[0]
    times = np.arange(frames)
    places, (xs, ys, turns, scales) = np.rint(sway + 0.8 * sway * swaying(times)).astype(int), moving(times)
    posts = None
    if wanted.hidden:
        own = generator(seed, 2, number)
        posts = _part(pictures[front], scene.shape[:2], own), _posts(scene.shape[:2], target, moving, places[0], own)
    shown, boxes = np.empty((frames, height, width, 3), np.uint8), np.empty((frames, 4), np.float32)
    for time, (right, down) in enumerate(places):
        view = np.s_[down : down + height, right : right + width]
        frame = scene[view] * np.float32(1 + 0.08 * light(time)[0])
        for look, motion in objects[::-1]:  # the target in front of the others
            _lay(frame, look, *motion(time))
        if posts is not None:
            frame = np.where(posts[1][view][..., None], posts[0][view], frame)
        frame = frame + np.float32(0.012) * generator(seed, 3, number, time).standard_normal(frame.shape, "float32")
        shown[time] = np.rint(frame * 255).clip(0, 255)
        boxes[time] = _box(target, xs[time], ys[time], turns[time], scales[time])
    return shown, boxes


def _roles(count, chance):
    """Which photographs are the background, the object and the post in front; of two, the last is the first again."""
    order = chance.permutation(count)
    return order[0], order[1], order[2] if count > 2 else order[0]


def _part(picture, size, chance):
    """A part of a photograph, brought to `size`, `(height, width, 3)`."""
    height, width = size
    most = min(picture.size[0] / width, picture.size[1] / height) * chance.uniform(0.6, 1)
    room = np.array(picture.size) - most * np.array([width, height])
    left, top = room * chance.uniform(0, 1, 2)
    box = (left, top, left + most * width, top + most * height)
    return _array(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))


def _array(picture):
    return np.asarray(picture, "float32") / np.float32(255)


def _texture(picture, radius, chance):
    """A square of a photograph, about as fine as the object: of six parts the one with the most contrast."""
    side, parts = int(np.ceil(2 * REACH * radius)), []
    for _ in range(6):
        most = min(picture.size) * chance.uniform(0.25, 0.5)
        left, top = (np.array(picture.size) - most) * chance.uniform(0, 1, 2)
        box = (left, top, left + most, top + most)
        parts.append(_array(picture.resize((side, side), Image.Resampling.BILINEAR, box=box)))
    return max(parts, key=lambda part: part.std(axis=(0, 1)).sum())


def _outline(chance):
    """Distance of the outline from the middle, in radii, at each of `ANGLES`."""
    height, phase = chance.normal(0, [0.16, 0.1, 0.07, 0.05]), chance.uniform(0, 2 * np.pi, 4)
    waves = height * np.cos(ANGLES[:, None] * np.arange(2, 6) + phase)
    return (1 + waves.sum(axis=1)).clip(0.5, REACH - 0.1)


def _wave(chance, dimensions, cycles):
    """A function from time to numbers from -1 to 1, `(dimensions,)`, which rises and falls slowly."""
    cycle, phase = chance.uniform(*cycles, dimensions), chance.uniform(0, 2 * np.pi, dimensions)
    return lambda time: np.sin(2 * np.pi * cycle * np.asarray(time)[..., None] / PERIOD + phase)


def _moving(look, size, wanted, chance):
    """A function from time to where the middle is, x and y, how far it is turned, and how large it is."""
    slow, quick, turn, scale = (
        _wave(chance, dimensions, cycles)
        for dimensions, cycles in ((2, (0.3, 0.8)), (2, (0.8, 1.4)), (1, (0.3, 0.8)), (1, (0.3, 0.8)))
    )
    most_turn, most_scale = chance.choice([-1, 1]) * chance.uniform(0.8, 2.2), chance.uniform(0.25, 0.5)
    most_turn, most_scale = most_turn * wanted.turning, most_scale * wanted.scaling
    middle = np.array(size[::-1]) / 2
    room = middle - look.radius * look.outline.max() * np.exp(most_scale) - 1
    share = chance.uniform(0.5, 1, 2)

    def moving(time):
        x, y = np.moveaxis(middle + room * share * (0.7 * slow(time) + 0.3 * quick(time)), -1, 0)
        return x, y, most_turn * turn(time)[..., 0], np.exp(most_scale * scale(time)[..., 0])

    return moving


def _posts(size, target, moving, place, chance):
    """Where a post stands in the scene, `(height, width)` booleans: in the way of the target, but not at the start."""
    found = np.zeros(size, bool)
    upright = chance.permutation([True, False])
    for time in chance.uniform(0.3, 0.8, 12) * PERIOD:
        for is_upright in upright:
            axis = 0 if is_upright else 1
            state = moving(time)
            half = chance.uniform(0.55, 0.65) * target.radius * state[3]
            first, last = np.rint(place[axis] + state[axis] + np.array([-half, half])).astype(int)
            box = _box(target, *moving(0))
            begin, end = place[axis] + box[axis], place[axis] + box[axis] + box[axis + 2]
            if first > end + 1 or last < begin - 1:
                found[np.s_[:, max(first, 0) : last] if is_upright else np.s_[max(first, 0) : last]] = True
                return found
    return found


def _box(look, x, y, turn, scale):
    """The straight box round an outline that is turned and scaled: x, y, width, height."""
    ends = look.radius * scale * look.outline * np.stack([np.cos(ANGLES + turn), np.sin(ANGLES + turn)])
    low, high = ends.min(axis=1), ends.max(axis=1)
    return np.array([x + low[0], y + low[1], *(high - low)])


def _lay(frame, look, x, y, turn, scale):
    """Lays an object on a frame, with a soft edge of one pixel."""
    box = _box(look, x, y, turn, scale)
    left, top = np.maximum(np.floor(box[:2]).astype(int) - 1, 0)
    right, bottom = np.ceil(box[:2] + box[2:]).astype(int) + 1
    part = frame[top:bottom, left:right]
    down, over = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]] + 0.5
    over, down = over - x, down - y
    size = look.radius * scale
    angle = (np.arctan2(down, over) - turn) % (2 * np.pi)
    edge = np.interp(angle, np.append(ANGLES, 2 * np.pi), np.append(look.outline, look.outline[0]))
    inside = (size * edge - np.hypot(over, down) + 0.5).clip(0, 1)[..., None].astype("float32")
    cosine, sine = np.cos(turn) / size, np.sin(turn) / size
    part += inside * (_sampled(look.texture, cosine * over + sine * down, cosine * down - sine * over) - part)


def _sampled(texture, u, v):
    """Colours of a texture that reaches from -REACH to REACH, between its pixels by linear interpolation."""
    most = len(texture) - 1
    places = [((axis / REACH + 1) / 2 * len(texture) - 0.5).clip(0, most - 1e-6) for axis in (u, v)]
    column, row = (axis.astype(int) for axis in places)
    right, down = (np.float32(axis % 1)[..., None] for axis in places)
    above = texture[row, column] * (1 - right) + texture[row, column + 1] * right
    below = texture[row + 1, column] * (1 - right) + texture[row + 1, column + 1] * right
    return above * (1 - down) + below * down
