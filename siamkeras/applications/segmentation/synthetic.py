"""Phantoms: synthetic scans of subjects that share one anatomy, with the mask of each structure."""

from typing import NamedTuple

import numpy as np

from siamkeras._random import generator
from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.slices import Slices

# Lengths are in half slice widths: a slice extends from -1 to 1.
BODY = 0.9, 0.8  # semi-axes of the body
WIDTH = 200.0  # mm, the width of a slice and the depth of the body; for distances in mm
# Standard deviations over subjects: position, log size, rotation and bending of the body,
POSITION, SIZE, ROTATION, BENDING = 0.04, 0.07, 0.1, 0.05
# and position, log size, rotation and intensity of each structure in it.
STRUCTURE_POSITION, STRUCTURE_SIZE, STRUCTURE_ROTATION, STRUCTURE_INTENSITY = 0.035, 0.1, 0.15, 0.05
CONTRAST, BIAS, NOISE = 0.15, 0.25, 0.04  # of the scanner: log contrast, log bias field, noise
WAVES = 6  # sine waves per random field


class _Structure(NamedTuple):
    center: np.ndarray  # (3,): right, down, across the slices
    axes: np.ndarray  # (3,) semi-axes
    rotation: float  # radians
    outline: np.ndarray  # (3, 2): second to fourth harmonic, cosine and sine
    intensity: float
    waves: np.ndarray  # (2, 2): two waves of the texture
    texture: float  # its amplitude


def synthetic_phantoms(subjects=40, structures=12, size=64, slices=8, seed=0):
    """Renders scans of synthetic subjects with the same structures in each subject.

    A random anatomy (structures of different position, size, outline, intensity and texture in an elliptic body) is
    deformed for each subject: the body is shifted, rotated, scaled and bent, and so is each structure in it. A scanner
    adds contrast, a bias field, blur and noise. All subjects have all structures, but not in every slice.

    Args:
        subjects: Number of subjects.
        structures: Number of structures.
        size: Height and width of a slice in pixels, at least 16.
        slices: Slices per subject, evenly spaced from 10 % to 90 % of the body; a single one is the middle slice.
        seed: Seed of the anatomy and of the subjects. Subject i does not depend on the number of subjects.

    Returns:
        `Slices`, `subjects * slices` of them, ordered by subject and position.

    >>> from siamkeras.applications import segmentation
    >>> segmentation.synthetic_phantoms(subjects=3, structures=5, size=32, slices=2)
    slices: 6 (32x32), subjects: 3, structures: 5, source: phantoms (seed 0)
    """
    subjects, slices = check_integer("subjects", subjects, 1), check_integer("slices", slices, 1)
    structures, size = check_integer("structures", structures, 1), check_integer("size", size, 16)
    anatomy = _anatomy(structures, check_integer("seed", seed))
    positions = np.linspace(0.1, 0.9, slices) if slices > 1 else np.array([0.5])
    rngs = [generator(seed, 1, subject) for subject in range(subjects)]
    images, masks = zip(*(_scan(anatomy, 2 * positions - 1, size, rng) for rng in rngs), strict=True)
    return Slices(
        images=np.concatenate(images)[..., None].astype("float32"),
        masks=np.concatenate(masks),
        subjects=np.repeat(np.arange(subjects), slices),
        positions=np.tile(positions, subjects),
        names={number + 1: f"structure {number + 1:02d}" for number in range(structures)},
        source=f"phantoms (seed {seed})",
        spacing=(np.ptp(positions) * WIDTH / (slices - 1) if slices > 1 else WIDTH, WIDTH / size, WIDTH / size),
    )


def _anatomy(structures, seed):
    """Random structures; the first ones are the same for any number of structures."""
    anatomy = []
    for number in range(structures):
        rng = generator(seed, 0, number)
        axes = np.exp(rng.uniform(np.log(0.1), np.log(0.26), 2)) * (1 if structures > 4 else 1.3)
        # Of several positions the one farthest from other structures, of several intensities the most distinct one.
        angle, radius = rng.uniform(0, 2 * np.pi, 30), np.sqrt(rng.uniform(0, 0.5, 30))
        positions = np.stack([BODY[0] * radius * np.cos(angle), BODY[1] * radius * np.sin(angle)], axis=1)
        distances = [min((np.hypot(*(xy - other.center[:2])) for other in anatomy), default=1.0) for xy in positions]
        intensities, used = rng.uniform(0.1, 0.95, 6), [0.5, *(other.intensity for other in anatomy[-6:])]
        contrasts = [min(abs(value - other) for other in used) for value in intensities]
        waves = rng.normal(0, 1, (2, 2))
        waves *= rng.uniform(2, 7) / np.hypot(*waves.T)[:, None]
        anatomy.append(
            _Structure(
                center=np.append(positions[np.argmax(distances)], rng.uniform(-0.3, 0.3)),
                axes=np.append(axes, rng.uniform(0.6, 1.0)),
                rotation=rng.uniform(0, np.pi),
                outline=rng.normal(0, 1, (3, 2)) * np.array([[0.1], [0.07], [0.05]]),
                intensity=intensities[np.argmax(contrasts)],
                waves=waves,
                texture=rng.choice([0.0, 0.05, 0.1, 0.15]),
            )
        )
    return anatomy


def _scan(anatomy, depths, size, rng):
    """Images and masks `(slices, size, size)` of one subject."""
    y, x = np.mgrid[1 - size : size : 2, 1 - size : size : 2] / size
    z = depths[:, None, None]
    u, v = _body_coordinates(x, y, z, rng)
    bends = [BENDING * _random_field(u, v, z, rng) for _ in range(2)]
    body = np.hypot(u / BODY[0], v / BODY[1]) < np.sqrt(1 - 0.3 * z**2)
    intensity = np.where(body, 0.5 + 0.05 * _random_field(u, v, z, rng, 5), 0.02)
    u, v = u + bends[0], v + bends[1]
    mask = np.zeros(u.shape, "int32")
    changes, phases = rng.standard_normal((len(anatomy), 8)), rng.uniform(0, 2 * np.pi, (len(anatomy), 2))
    # Large structures first: small ones lie on top of them.
    for number in sorted(range(len(anatomy)), key=lambda number: -np.prod(anatomy[number].axes[:2])):
        structure, change = anatomy[number], changes[number]
        inside = body & (_relative_radius(structure, u, v, z, change[:6]) < 1)
        first, second = (np.pi * (a * u + b * v) for a, b in structure.waves)
        texture = np.sin(first + phases[number, 0]) * np.sin(second + phases[number, 1])
        values = structure.intensity + STRUCTURE_INTENSITY * change[6]
        values = values + structure.texture * (1 + 0.2 * change[7]) * texture
        mask[inside], intensity[inside] = number + 1, values[inside]
    return _acquire(intensity, x, y, z, rng), mask


def _body_coordinates(x, y, z, rng):
    """Coordinates `(slices, size, size)` in the body of one subject: shifted, rotated and scaled."""
    rotation = ROTATION * rng.standard_normal()
    right, down = POSITION * rng.standard_normal(2)
    width, height = np.exp(-SIZE * rng.standard_normal(2))
    x, y, cosine, sine = x - right, y - down, np.cos(rotation), np.sin(rotation)
    return width * (cosine * x + sine * y) + 0 * z, height * (cosine * y - sine * x) + 0 * z


def _relative_radius(structure, u, v, z, change):
    """Radius of each point relative to the surface of a structure: below 1 inside."""
    x = u - structure.center[0] - STRUCTURE_POSITION * change[0]
    y = v - structure.center[1] - STRUCTURE_POSITION * change[1]
    rotation = structure.rotation + STRUCTURE_ROTATION * change[2]
    a, b = structure.axes[:2] * np.exp(STRUCTURE_SIZE * change[3:5])
    x, y = (np.cos(rotation) * x + np.sin(rotation) * y) / a, (np.cos(rotation) * y - np.sin(rotation) * x) / b
    angle, outline = np.arctan2(y, x), 1.0
    for order, (cosine, sine) in enumerate(structure.outline, start=2):
        outline = outline + cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    depth = (z - structure.center[2] - STRUCTURE_POSITION * change[5]) / structure.axes[2]
    return np.sqrt((x**2 + y**2) / outline**2 + depth**2)


def _acquire(intensity, x, y, z, rng):
    """The image that a scanner makes: contrast, bias field, blur, noise, and intensities scaled to [0, 1]."""
    from scipy.ndimage import gaussian_filter

    image = np.clip(intensity, 0, 1) ** np.exp(CONTRAST * rng.standard_normal())
    image *= np.exp(BIAS * _random_field(x, y, z, rng, 1))
    image = gaussian_filter(image, (0, image.shape[1] / 110, image.shape[1] / 110))
    image += NOISE * rng.standard_normal(image.shape)
    low, high = np.percentile(image, [1, 99])
    return np.clip((image - low) / (high - low), 0, 1)


def _random_field(x, y, z, rng, frequency=2):
    """A smooth random field with a standard deviation of about 1: a sum of sine waves in random directions."""
    field = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    for _ in range(WAVES):
        across, down, through = rng.normal(0, frequency / 2, 3)
        field += np.sin(np.pi * (across * x + down * y + through * z / 2) + rng.uniform(0, 2 * np.pi))
    return field * np.sqrt(2 / WAVES)
