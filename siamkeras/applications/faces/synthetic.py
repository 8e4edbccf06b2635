"""Portraits of people who do not exist."""

from types import SimpleNamespace

import numpy as np

from siamkeras._arrays import aligned_empty
from siamkeras.data.examples import Examples
from siamkeras.synthetic._random import check_whole, stream

# In half heights of the head: x to the right, y down from its middle, z towards the camera.
WIDTH, DEPTH = 0.74, 0.8
# What differs from photo to photo, as standard deviations: turn of the head to the side and up (radians), tilt, size,
# place (x, y), smile, mouth, and light: from the side, from above, its strength, its contrast.
POSE = np.array([0.16, 0.09, 0.04, 0.03, 0.03, 0.025])
MOOD = np.array([0.5, 0.5])
LIGHT = np.array([0.09, 0.06, 0.05, 0.06])


def faces(people=40, per_person=10, size=(56, 46), seed=0):
    """Portraits of people who do not exist: the stand-in for the AT&T faces.

    A person is the shape of a head, the tone of skin and hair, hair and its line, brows, eyes, nose, mouth, perhaps a
    beard, perhaps glasses that are not always worn. A photo turns the head a little, moves it, gives it a mood, and
    lights it from some side. It is about as hard as the real set for whoever compares pixels: their distance tells
    the same person from another with an AUC of 0.94 (40 people x 10; AT&T: 0.95).

    All chance is a function of the seed and of which person and photo it is: a photo stays as it is when the number of
    people or of photos changes. Another seed gives other people.

    Args:
        people: How many people.
        per_person: How many photos of each.
        size: `(height, width)` in pixels, each at least 8.
        seed: The same seed gives the same photos.

    Returns:
        `Examples`: images `(people * per_person, height, width, 1)`, float32 in [0, 1], light on dark; labels are the
        people, in order; no groups.

    Raises:
        ValueError: a count below 1, a size below 8, a negative seed, or one of them not an integer.

    >>> from siamkeras.applications.faces import synthetic
    >>> synthetic.faces(people=3, per_person=2).images.shape
    (6, 56, 46, 1)
    """
    height, width = size if isinstance(size, (tuple, list)) and len(size) == 2 else (size, size)
    for side in (height, width):
        check_whole(8, size=side)
    check_whole(1, people=people, per_person=per_person)
    check_whole(0, seed=seed)
    images = aligned_empty((people, per_person, height, width, 1), "float32")
    for person in range(people):
        traits = _person(stream(seed, person))
        for number in range(per_person):
            images[person, number, ..., 0] = _photograph(height, width, traits, stream(seed, person, number))
    return Examples(
        images=images.reshape(-1, height, width, 1),
        labels=np.repeat(np.arange(people), per_person),
        class_names={person: f"person {person + 1:02d}" for person in range(people)},
        source=f"synthetic faces (seed {seed}): numbers do not compare with published ones",
    )


def _person(chance):
    """What stays the same from photo to photo."""
    normal = iter(chance.standard_normal(24))

    def about(middle, spread):
        return middle + spread * next(normal)

    return SimpleNamespace(
        skin=about(0.62, 0.07),
        hair=chance.choice([0.08, 0.15, 0.25, 0.45, 0.7]) + about(0, 0.02),
        width=about(1.0, 0.07),
        jaw=about(0.75, 0.12),
        hairline=about(-0.62, 0.1),
        volume=about(1.1, 0.05),
        sides=chance.choice([-0.3, 0.05, 0.3, 0.9]),
        parting=about(0.0, 0.25),
        eyes=about(-0.12, 0.05),
        apart=about(0.31, 0.03),
        eye=about(0.11, 0.015),
        lid=about(0.45, 0.08),
        brows=about(0.16, 0.025),
        bushy=about(0.035, 0.012),
        frown=about(0.0, 0.12),
        nose=about(0.27, 0.04),
        nostrils=about(0.11, 0.02),
        bridge=about(0.12, 0.05),
        mouth=about(0.52, 0.04),
        lips=about(0.25, 0.04),
        full=about(0.06, 0.015),
        cheeks=about(0.05, 0.04),
        beard=chance.choice([0.0, 0.0, 0.0, 0.25, 0.6]),
        moustache=chance.choice([0.0, 0.0, 0.5]),
        glasses=chance.choice([0.0, 0.0, 0.0, 0.7, 1.0]),
        rim=about(0.17, 0.02),
        background=chance.uniform(0.3, 0.6),
    )


def _photograph(height, width, person, chance):
    side, up, tilt, grow, *place = POSE * chance.standard_normal(len(POSE))
    smile, opened = MOOD * chance.standard_normal(len(MOOD))
    light = LIGHT * chance.standard_normal(len(LIGHT))
    worn = chance.random() < person.glasses
    y, x = np.ogrid[1 / height - 1 : 1 : 2 / height, 1 / width - 1 : 1 : 2 / width]
    x, y = (x * width / height - place[0]) / 0.88, (y - place[1]) / 0.88
    cosine, sine = np.cos(tilt) * np.exp(-grow), np.sin(tilt) * np.exp(-grow)
    x, y = np.float32(cosine * x + sine * y), np.float32(cosine * y - sine * x)
    soft = 2.6 / height  # about a pixel: how wide an edge is

    def inside(out):
        """From 1 where `out` is below 0 to 0 where it is above, over the width of an edge."""
        return np.clip(0.5 - out / soft, 0, 1)

    def spot(across, down, wide, high, front=None):
        """A soft ellipse at a place of the face, carried along when the head turns."""
        if front is None:
            front = DEPTH * np.sqrt(max(0.05, 1 - (across / WIDTH) ** 2 - down**2))
        right = across * np.cos(side) + front * np.sin(side)
        below = down * np.cos(up) + front * np.sin(up)
        wide = wide * max(0.3, np.cos(side) - np.sin(side) * across / WIDTH)
        return inside((np.hypot((x - right) / wide, (y - below) / high) - 1) * min(wide, high))

    narrow = np.where(y > 0, 1 - (1 - person.jaw) * np.clip(y, 0, 1) ** 2, 1.0)
    half = WIDTH * person.width
    out = np.hypot(x / (half * narrow), y) - 1
    image = np.full((height, width), person.background, "float32")

    def paint(mask, tone):
        image[:] += mask * (tone - image)

    # Shoulders, hair behind the head, neck, head.
    paint(inside(1.25 - 0.12 * np.cos(2 * x) - y), 0.25 + person.background / 3)
    behind = np.hypot((x + 0.1 * np.sin(side)) / (half * person.volume), (y + 0.06) / person.volume) - 1
    long = np.maximum(np.abs(x) - half * person.volume, np.maximum(y - person.sides, -y))
    paint(np.maximum(inside(behind) * (y < max(person.sides, -0.1)), inside(long)), person.hair)
    paint(inside(np.maximum(np.abs(x) - 0.42, np.abs(y - 0.9) - 0.45)), 0.85 * person.skin)
    # A ball is darker where it turns away from the camera, and lighter where it faces the light.
    ball = np.sqrt(np.clip(1 - (x / half) ** 2 - (0.9 * y) ** 2, 0, 1))
    head = inside(out)
    paint(head, person.skin * (0.72 + 0.32 * ball))
    for right in (-1, 1):
        paint(head * spot(right * 0.42, 0.25, 0.16, 0.1) * 0.5, person.skin * (1 + person.cheeks))
    jaw = head * inside(0.28 - y + 0.6 * (x / half) ** 2)
    paint(jaw * person.beard, person.hair)
    line = person.hairline + 0.35 * ((x - 0.5 * person.parting * half - 0.3 * np.sin(side)) / half) ** 2 + 0.3 * up
    paint(head * inside(y - line), person.hair)

    # Brows, eyes, nose, mouth.
    for right in (-1, 1):
        at = right * person.apart
        for step in (-1, 0, 1):
            down = person.eyes - person.brows - 0.02 * (step == 0) + right * step * person.frown * 0.3
            paint(spot(at + 0.09 * step, down, 0.08, person.bushy) * 0.8, person.hair * 0.8)
        paint(spot(at, person.eyes, person.eye * 1.35, person.eye * 0.9) * 0.35, 0.5 * person.skin)
        open_eye = person.eye * person.lid * np.exp(0.3 * opened - 0.25 * max(smile, 0))
        paint(spot(at, person.eyes, person.eye, open_eye), 0.8)
        paint(spot(at + 0.03 * np.sin(side), person.eyes, 0.6 * person.eye, open_eye), 0.08)
        if worn:
            lens, hole = (spot(at, person.eyes, part * person.rim, 0.8 * part * person.rim) for part in (1.0, 0.85))
            paint((lens - hole) * 0.8, 0.1)
    tip = person.eyes + person.nose + 0.06
    shade = -np.sign(light[0]) or 1.0
    paint(spot(0.05 * shade, (person.eyes + tip) / 2, 0.06, person.nose / 2, 0.95) * (0.2 + person.bridge), 0.0)
    paint(spot(0.0, tip - 0.03, person.nostrils, 0.07, 1.02) * 0.5, person.skin * 1.12)
    for right in (-1, 1):
        paint(spot(right * person.nostrils * 0.6, tip + 0.04, 0.045, 0.025, 0.95) * 0.8, 0.15)
    paint(spot(0.0, (tip + person.mouth) / 2 + 0.03, person.lips, 0.05) * person.moustache, person.hair)
    for step in np.linspace(-1, 1, 5):
        corner = step * person.lips * (1 + 0.12 * smile)
        down = person.mouth - 0.05 * smile * step**2
        paint(spot(corner, down, 0.09, person.full * (1.2 - 0.5 * step**2)) * 0.7, 0.55 * person.skin)
        if opened > 0.4:
            paint(spot(corner, down, 0.08, 0.4 * person.full * opened), 0.75 if smile > 0 else 0.12)
    across, above, gain, contrast = light
    image *= 1 + across * x - above * y
    image = 0.5 + np.exp(contrast) * (image - 0.5) + gain / 2
    return np.clip(image + 0.02 * chance.standard_normal(image.shape, "float32"), 0, 1)
