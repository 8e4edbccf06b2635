"""Synthetic portraits, rendered from a seed."""

from types import SimpleNamespace

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras._random import generator
from siamkeras._validation import check_integer, check_sizes
from siamkeras.data.examples import Examples

# Face coordinates are in half heights of the head: x to the right, y down from the centre, z towards the camera.
HEAD_WIDTH, HEAD_DEPTH = 0.74, 0.8
# Mean and standard deviation over people: tones from 0 to 1, lengths in face coordinates.
TRAITS = {
    "skin": (0.62, 0.07), "hair": (0.0, 0.02), "width": (1.0, 0.07), "jaw": (0.75, 0.12), "hairline": (-0.62, 0.1),
    "volume": (1.1, 0.05), "parting": (0.0, 0.25), "eye_height": (-0.12, 0.05), "eye_distance": (0.31, 0.03),
    "eye_size": (0.11, 0.015), "eye_opening": (0.45, 0.08), "brow_height": (0.16, 0.025), "brow_width": (0.035, 0.012),
    "brow_slope": (0.0, 0.12), "nose": (0.27, 0.04), "nostrils": (0.11, 0.02), "bridge": (0.12, 0.05),
    "mouth_height": (0.52, 0.04), "mouth_width": (0.25, 0.04), "lips": (0.06, 0.015), "cheeks": (0.05, 0.04),
    "rim": (0.17, 0.02),
}  # fmt: skip
# Standard deviations over the photos of a person.
POSE = np.array([0.16, 0.09, 0.04, 0.03, 0.03, 0.025])  # yaw, pitch, roll (radians), log scale, shift x, shift y
EXPRESSION = np.array([0.5, 0.5])  # smile, open mouth
LIGHT = np.array([0.09, 0.06, 0.05, 0.06])  # gradient x, gradient y, brightness, log contrast


def synthetic_faces(people=40, per_person=10, size=(56, 46), seed=0):
    """Synthetic portraits: the stand-in for the AT&T faces.

    The traits of a person are fixed: shape of the head, tones of skin and hair, eyes, nose, mouth, sometimes a beard
    or glasses. The photos of a person differ in pose, expression and light. The pixel distance separates same from
    different people with an AUC of 0.94 (AT&T faces: 0.95).

    Args:
        people: Number of people.
        per_person: Number of photos of each person.
        size: `(height, width)` in pixels, each at least 8.
        seed: Random seed. A photo depends on the seed, the person and the index of the photo only.

    Returns:
        `Examples`: images `(people * per_person, height, width, 1)`, float32 in [0, 1]; labels are the people.
    """
    height, width = (check_integer("size", side, 8) for side in check_sizes("size", size, 2))
    images = aligned_empty((people, per_person, height, width, 1), "float32")
    for person in range(people):
        traits = _sample_person(generator(seed, person))
        for number in range(per_person):
            images[person, number, ..., 0] = _render(height, width, traits, generator(seed, person, number))
    return Examples(
        images=images.reshape(-1, height, width, 1),
        labels=np.repeat(np.arange(people), per_person),
        class_names={person: f"person {person + 1:02d}" for person in range(people)},
        source=f"synthetic faces (seed {seed}); results are not comparable to published ones",
    )


def _sample_person(rng):
    """The traits that all photos of a person share."""
    means, deviations = np.array(list(TRAITS.values())).T
    person = SimpleNamespace(**dict(zip(TRAITS, means + deviations * rng.standard_normal(24)[:-2], strict=True)))
    person.hair += rng.choice([0.08, 0.15, 0.25, 0.45, 0.7])
    person.hair_length = rng.choice([-0.3, 0.05, 0.3, 0.9])
    person.beard = rng.choice([0.0, 0.0, 0.0, 0.25, 0.6])
    person.moustache = rng.choice([0.0, 0.0, 0.5])
    person.glasses = rng.choice([0.0, 0.0, 0.0, 0.7, 1.0])
    person.background = rng.uniform(0.3, 0.6)
    return person


def _render(height, width, person, rng):
    yaw, pitch, roll, scale, *shift = POSE * rng.standard_normal(len(POSE))
    smile, opening = EXPRESSION * rng.standard_normal(len(EXPRESSION))
    light_x, light_y, brightness, contrast = LIGHT * rng.standard_normal(len(LIGHT))
    has_glasses = rng.random() < person.glasses
    canvas = _Canvas(height, width, yaw, pitch, roll, scale, shift, person.background)
    _paint_head(canvas, person)
    for side in (-1, 1):
        _paint_eye(canvas, person, side, smile, opening, has_glasses)
    _paint_nose(canvas, person, shaded_side=-np.sign(light_x) or 1.0)
    _paint_mouth(canvas, person, smile, opening)
    image = canvas.image
    image *= 1 + light_x * canvas.x - light_y * canvas.y
    image = 0.5 + np.exp(contrast) * (image - 0.5) + brightness / 2
    return np.clip(image + 0.02 * rng.standard_normal(image.shape, "float32"), 0, 1)


class _Canvas:
    """A grey image with the face coordinates `x`, `y` of its pixels."""

    def __init__(self, height, width, yaw, pitch, roll, scale, shift, background):
        y, x = np.ogrid[1 / height - 1 : 1 : 2 / height, 1 / width - 1 : 1 : 2 / width]
        x, y = (x * width / height - shift[0]) / 0.88, (y - shift[1]) / 0.88
        cosine, sine = np.cos(roll) * np.exp(-scale), np.sin(roll) * np.exp(-scale)
        self.x, self.y = np.float32(cosine * x + sine * y), np.float32(cosine * y - sine * x)
        self.yaw, self.pitch = yaw, pitch
        self.edge = 2.6 / height  # about one pixel
        self.image = np.full((height, width), background, "float32")

    def inside(self, distance):
        """A mask with a soft edge: 1 where the signed distance is negative, 0 where it is positive."""
        return np.clip(0.5 - distance / self.edge, 0, 1)

    def ellipse(self, x, y, width, height, z=None):
        """The mask of an ellipse at a point of the head's surface, or at depth `z`, rotated with the head."""
        if z is None:
            z = HEAD_DEPTH * np.sqrt(max(0.05, 1 - (x / HEAD_WIDTH) ** 2 - y**2))
        right = x * np.cos(self.yaw) + z * np.sin(self.yaw)
        below = y * np.cos(self.pitch) + z * np.sin(self.pitch)
        width = width * max(0.3, np.cos(self.yaw) - np.sin(self.yaw) * x / HEAD_WIDTH)
        radius = np.hypot((self.x - right) / width, (self.y - below) / height)
        return self.inside((radius - 1) * min(width, height))

    def paint(self, mask, tone):
        self.image += mask * (tone - self.image)


def _paint_head(canvas, person):
    """Shoulders, hair behind the head, neck, head, cheeks, beard and front hair."""
    x, y, turn = canvas.x, canvas.y, np.sin(canvas.yaw)
    half = HEAD_WIDTH * person.width
    canvas.paint(canvas.inside(1.25 - 0.12 * np.cos(2 * x) - y), 0.25 + person.background / 3)
    back = np.hypot((x + 0.1 * turn) / (half * person.volume), (y + 0.06) / person.volume) - 1
    sides = np.maximum(np.abs(x) - half * person.volume, np.maximum(y - person.hair_length, -y))
    hair = np.maximum(canvas.inside(back) * (y < max(person.hair_length, -0.1)), canvas.inside(sides))
    canvas.paint(hair, person.hair)
    canvas.paint(canvas.inside(np.maximum(np.abs(x) - 0.42, np.abs(y - 0.9) - 0.45)), 0.85 * person.skin)
    taper = np.where(y > 0, 1 - (1 - person.jaw) * np.clip(y, 0, 1) ** 2, 1.0)
    head = canvas.inside(np.hypot(x / (half * taper), y) - 1)
    # Shading of a sphere.
    sphere = np.sqrt(np.clip(1 - (x / half) ** 2 - (0.9 * y) ** 2, 0, 1))
    canvas.paint(head, person.skin * (0.72 + 0.32 * sphere))
    for side in (-1, 1):
        canvas.paint(head * canvas.ellipse(side * 0.42, 0.25, 0.16, 0.1) * 0.5, person.skin * (1 + person.cheeks))
    jaw = head * canvas.inside(0.28 - y + 0.6 * (x / half) ** 2)
    canvas.paint(jaw * person.beard, person.hair)
    curve = 0.35 * ((x - 0.5 * person.parting * half - 0.3 * turn) / half) ** 2
    canvas.paint(head * canvas.inside(y - (person.hairline + curve + 0.3 * canvas.pitch)), person.hair)


def _paint_eye(canvas, person, side, smile, opening, has_glasses):
    """Brow, eye and glasses on the left (`side` -1) or right (1)."""
    x, y, size = side * person.eye_distance, person.eye_height, person.eye_size
    for step in (-1, 0, 1):
        brow = y - person.brow_height - 0.02 * (step == 0) + side * step * person.brow_slope * 0.3
        canvas.paint(canvas.ellipse(x + 0.09 * step, brow, 0.08, person.brow_width) * 0.8, person.hair * 0.8)
    canvas.paint(canvas.ellipse(x, y, size * 1.35, size * 0.9) * 0.35, 0.5 * person.skin)
    height = size * person.eye_opening * np.exp(0.3 * opening - 0.25 * max(smile, 0))
    canvas.paint(canvas.ellipse(x, y, size, height), 0.8)
    canvas.paint(canvas.ellipse(x + 0.03 * np.sin(canvas.yaw), y, 0.6 * size, height), 0.08)
    if has_glasses:
        lens, hole = (canvas.ellipse(x, y, part * person.rim, 0.8 * part * person.rim) for part in (1.0, 0.85))
        canvas.paint((lens - hole) * 0.8, 0.1)


def _paint_nose(canvas, person, shaded_side):
    """Nose and moustache; `shaded_side` is left (-1) or right (1)."""
    tip = person.eye_height + person.nose + 0.06
    bridge = canvas.ellipse(0.05 * shaded_side, (person.eye_height + tip) / 2, 0.06, person.nose / 2, 0.95)
    canvas.paint(bridge * (0.2 + person.bridge), 0.0)
    canvas.paint(canvas.ellipse(0.0, tip - 0.03, person.nostrils, 0.07, 1.02) * 0.5, person.skin * 1.12)
    for side in (-1, 1):
        canvas.paint(canvas.ellipse(side * person.nostrils * 0.6, tip + 0.04, 0.045, 0.025, 0.95) * 0.8, 0.15)
    moustache = canvas.ellipse(0.0, (tip + person.mouth_height) / 2 + 0.03, person.mouth_width, 0.05)
    canvas.paint(moustache * person.moustache, person.hair)


def _paint_mouth(canvas, person, smile, opening):
    for step in np.linspace(-1, 1, 5):
        x = step * person.mouth_width * (1 + 0.12 * smile)
        y = person.mouth_height - 0.05 * smile * step**2
        lips = canvas.ellipse(x, y, 0.09, person.lips * (1.2 - 0.5 * step**2))
        canvas.paint(lips * 0.7, 0.55 * person.skin)
        if opening > 0.4:
            canvas.paint(canvas.ellipse(x, y, 0.08, 0.4 * person.lips * opening), 0.75 if smile > 0 else 0.12)
