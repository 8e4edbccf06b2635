"""Scans of bodies that do not exist, with as many structures as one likes."""

from typing import NamedTuple

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.slices import Slices
from siamkeras.synthetic._random import generator

# Half axes of the body; from -1 to 1 is the whole slice.
BODY = 0.9, 0.8
# What differs between subjects, as standard deviations at `variation=1`: place, size (logarithms) and turn of the body;
# the bends of its inside; place, size and turn of each structure in it.
PLACE, SIZE, TURN, BEND = 0.04, 0.07, 0.1, 0.05
OWN_PLACE, OWN_SIZE, OWN_TURN = 0.035, 0.1, 0.15
# Intensity: contrast of the scanner (logarithm), and of each structure in each subject.
CONTRAST, OWN_TONE = 0.15, 0.05
# Variation, bias or noise of more is a slip, and soon beyond what floats hold.
MOST = 100
# How many waves bend the inside.
WAVES = 6


class Structure(NamedTuple):
    """A structure of the anatomy that all subjects share.

    Attributes:
        middle: Its place, `(3,)`: right, down, and through the slices.
        half: Its half axes, `(3,)`.
        turn: Of its first axis, in radians.
        bumps: Of its outline, second to fourth harmonic, `(3, 2)`.
        tone: Its intensity, in the scanner's units.
        pattern: Of its texture: waves per unit `(2, 2)`, and how strong they are.
    """

    middle: np.ndarray
    half: np.ndarray
    turn: float
    bumps: np.ndarray
    tone: float
    pattern: tuple


def phantoms(subjects=40, structures=12, size=64, slices=8, seed=0, variation=1.0, bias=0.25, noise=0.04):
    """Scans of bodies that do not exist: the same structures in every subject, with a mask of each.

    The anatomy is drawn once: places, sizes, outlines, intensities and textures of the structures, in a body. Every
    subject has it deformed: the body is moved, turned and bent, each structure in it again, and its brightness and
    texture differ; the scanner adds its contrast, a field of uneven brightness, blur and noise. No two structures are
    alike, and all are in each subject, though not in every slice: what was learned on some of them can be tried on the
    others, in subjects that nobody has seen. Small structures lie on large ones.

    A mask copied from the slice of another subject at the same position has a Dice of 0.41 on the average of 12
    structures and 40 subjects (seed 1; the two parts of the hippocampus in `data.hippocampus`: 0.51 and 0.48).

    All chance is a function of the seed and of which subject and structure it is. Another seed is another anatomy.

    Args:
        subjects: How many subjects.
        structures: How many structures, 1 to 40.
        size: Height and width of a slice in pixels, at least 16.
        slices: How many slices of each subject, evenly from a tenth of the body to nine tenths; one is the middle.
        seed: The same seed gives the same slices.
        variation: How much anatomies differ; 0 is the same one in each subject.
        bias: How uneven the brightness of a scan is, as a standard deviation of its logarithm.
        noise: Standard deviation of the noise, of brightness from 0 to 1.

    Returns:
        `Slices`: `(subjects * slices)` of them, in order of subject and position.

    Raises:
        ValueError: a count out of range, or not an integer; a number below 0 or above 100.

    >>> from siamkeras.applications.segmentation import synthetic
    >>> synthetic.phantoms(subjects=3, structures=5, size=32, slices=2)
    6 slices (32x32), 3 subjects, 5 structures, source: phantoms (seed 0): numbers do not compare with published ones
    """
    check_integer("subjects", subjects, 1)
    check_integer("structures", structures, 1)
    check_integer("slices", slices, 1)
    check_integer("size", size, 16)
    check_integer("seed", seed, 0)
    if structures > 40:
        raise ValueError(f"A body has room for 40 structures. Received: structures={structures}.")
    for name, value in (("variation", variation), ("bias", bias), ("noise", noise)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < np.inf:
            raise ValueError(f"`{name}` must be a number of at least 0. Received: {name}={value!r}.")
        if value > MOST:
            raise ValueError(f"`{name}` of more than {MOST} leaves no anatomy to be seen. Received: {name}={value!r}.")
    anatomy = _anatomy(structures, seed)
    positions = np.linspace(0.1, 0.9, slices) if slices > 1 else np.array([0.5])
    images = aligned_empty((subjects, slices, size, size, 1), "float32")
    masks = np.zeros((subjects, slices, size, size), "int32")
    for subject in range(subjects):
        scanned = _scan(anatomy, 2 * positions - 1, size, generator(seed, 1, subject), variation, bias, noise)
        images[subject, ..., 0], masks[subject] = scanned
    return Slices(
        images=images.reshape(-1, size, size, 1),
        masks=masks.reshape(-1, size, size),
        subjects=np.repeat(np.arange(subjects), slices),
        positions=np.tile(positions, subjects),
        names={number + 1: f"structure {number + 1:02d}" for number in range(structures)},
        source=f"phantoms (seed {seed}): numbers do not compare with published ones",
    )


def _anatomy(structures, seed):
    """The structures, each with a chance of its own, so that the first ones are the same in any number of them."""
    found, tones = [], []
    for number in range(structures):
        chance = generator(seed, 0, number)
        half = np.exp(chance.uniform(np.log(0.1), np.log(0.26), 2)) * (1 if structures > 4 else 1.3)
        # Of several places in the body the one with most room, and of several tones the one least like the others.
        angle, far = chance.uniform(0, 2 * np.pi, 30), np.sqrt(chance.uniform(0, 0.5, 30))
        places = np.stack([BODY[0] * far * np.cos(angle), BODY[1] * far * np.sin(angle)], axis=1)
        room = [min((np.hypot(*(place - one.middle[:2])) for one in found), default=1.0) for place in places]
        choice = chance.uniform(0.1, 0.95, 6)
        tone = choice[np.argmax([min(abs(one - other) for other in [0.5, *tones[-6:]]) for one in choice])]
        waves = chance.normal(0, 1, (2, 2))
        waves *= chance.uniform(2, 7) / np.hypot(*waves.T)[:, None]
        found.append(
            Structure(
                middle=np.append(places[np.argmax(room)], chance.uniform(-0.3, 0.3)),
                half=np.append(half, chance.uniform(0.6, 1.0)),
                turn=chance.uniform(0, np.pi),
                bumps=chance.normal(0, 1, (3, 2)) * np.array([[0.1], [0.07], [0.05]]),
                tone=tone,
                pattern=(waves, chance.choice([0.0, 0.05, 0.1, 0.15])),
            )
        )
        tones.append(tone)
    return found


def _scan(anatomy, depths, size, chance, variation, bias, noise):
    """Images `(slices, size, size)` and masks of one subject."""
    from scipy.ndimage import gaussian_filter

    y, x = np.mgrid[1 - size : size : 2, 1 - size : size : 2] / size
    z = np.asarray(depths)[:, None, None]
    turn, (right, down) = variation * TURN * chance.standard_normal(), variation * PLACE * chance.standard_normal(2)
    wide, high = np.exp(-variation * SIZE * chance.standard_normal(2))
    cosine, sine = np.cos(turn), np.sin(turn)
    u = wide * (cosine * (x - right) + sine * (y - down)) + 0 * z
    v = high * (cosine * (y - down) - sine * (x - right)) + 0 * z
    bends = [variation * BEND * _waves(u, v, z, chance) for _ in range(2)]
    body = np.hypot(u / BODY[0], v / BODY[1]) < np.sqrt(1 - 0.3 * z**2)
    tone = np.where(body, 0.5 + 0.05 * _waves(u, v, z, chance, 5), 0.02)
    u, v = u + bends[0], v + bends[1]
    mask = np.zeros(u.shape, "int32")
    own = chance.standard_normal((len(anatomy), 8))
    phases = chance.uniform(0, 2 * np.pi, (len(anatomy), 2))
    # Large ones first.
    for number in sorted(range(len(anatomy)), key=lambda number: -np.prod(anatomy[number].half[:2])):
        one = anatomy[number]
        inside = body & (_distance(one, u, v, z, variation * own[number, :6]) < 1)
        waves, strength = one.pattern
        texture = np.prod(
            [np.sin(np.pi * (a * u + b * v) + p) for (a, b), p in zip(waves, phases[number], strict=True)], 0
        )
        mask[inside] = number + 1
        tone[inside] = (one.tone + OWN_TONE * own[number, 6] + strength * (1 + 0.2 * own[number, 7]) * texture)[inside]
    image = np.clip(tone, 0, 1) ** np.exp(CONTRAST * chance.standard_normal())
    image *= np.exp(bias * _waves(x, y, z, chance, 1))
    image = np.stack([gaussian_filter(each, size / 110) for each in image])
    image += noise * chance.standard_normal(image.shape)
    low, high = np.percentile(image, [1, 99])
    return np.clip((image - low) / (high - low), 0, 1), mask


def _distance(one, u, v, z, own):
    """How far out each point is: below 1 inside."""
    x, y = u - one.middle[0] - OWN_PLACE * own[0], v - one.middle[1] - OWN_PLACE * own[1]
    turn = one.turn + OWN_TURN * own[2]
    a, b = one.half[:2] * np.exp(OWN_SIZE * own[3:5])
    x, y = (np.cos(turn) * x + np.sin(turn) * y) / a, (np.cos(turn) * y - np.sin(turn) * x) / b
    angle, outline = np.arctan2(y, x), 1.0
    for order, (cosine, sine) in enumerate(one.bumps, start=2):
        outline = outline + cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    through = (z - one.middle[2] - OWN_PLACE * own[5]) / one.half[2]
    return np.sqrt((x**2 + y**2) / outline**2 + through**2)


def _waves(x, y, z, chance, fastest=2):
    """A smooth field of about unit spread: a sum of waves in random directions, at most so many half ones a unit."""
    field = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    for _ in range(WAVES):
        across, down, through = chance.normal(0, fastest / 2, 3)
        field += np.sin(np.pi * (across * x + down * y + through * z / 2) + chance.uniform(0, 2 * np.pi))
    return field * np.sqrt(2 / WAVES)
