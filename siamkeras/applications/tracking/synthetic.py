"""Synthetic tracking videos: a piece of one photograph moves over another one, with known bounding boxes."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from siamkeras._random import generator
from siamkeras._validation import check_integer, check_number
from siamkeras.applications.tracking.video import Video, check_frame, read_image

# Packages with photographs: {package: (folder, file names)}. Other images of scikit-image are drawings or very dark.
PHOTOGRAPHS = {
    "sklearn": ("datasets/images", ("china.jpg", "flower.jpg")),
    "skimage": (
        "data",
        ("astronaut.png", "brick.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png", "hubble_deep_field.jpg",
         "ihc.png", "motorcycle_left.png", "rocket.jpg"),
    ),
}  # fmt: skip
SMALLEST_FRAME = 48  # pixels
PERIOD = 60  # frames; motion is defined in cycles per period
SWAY = 0.05  # amplitude of the background, relative to the shorter side of the frame
TEXTURE_RADIUS = 1.6  # half side of an object's texture, in radii of the object
ANGLES = np.linspace(0, 2 * np.pi, 256, endpoint=False)


def photographs():
    """Photographs contained in scikit-learn and, if installed, scikit-image.

    Returns:
        `{name: image}`, 2 or 12 images `(height, width, 3)` float32 in [0, 1].
    """
    images = {}
    for package, (folder, names) in PHOTOGRAPHS.items():
        spec = importlib.util.find_spec(package)
        if spec is None:
            continue
        for file in (Path(spec.origin).parent / folder / name for name in names):
            if file.is_file():
                images[file.stem] = read_image(file)
    return images


def synthetic_videos(
    count,
    frames=60,
    size=(240, 320),
    seed=0,
    occlusion=True,
    distractors=0,
    photos=None,
    motion=(126.0, 1.65, 1.0),
):
    """Renders videos of one object that moves over a textured background: the stand-in for OTB.

    The object is a piece of a photograph with a smooth random outline. It stays inside the frame; by default it rotates
    by up to 11 degrees per frame, and changes its size by a factor of up to 2.7. The background is part of another
    photograph and sways slightly. A box bounds the whole outline, also under occlusion. A video depends on `seed`, its
    index, the photographs and `motion` only; its first frames do not depend on `frames`.

    Args:
        count: Number of videos.
        frames: Frames per video.
        size: `(height, width)` in pixels, at least 48 each.
        seed: Integer.
        occlusion: Whether a bar in the scene occludes up to two thirds of the object when it passes behind; never in
            the first frame.
        distractors: Number of other objects with the same outline, from the same photograph.
        photos: At least two images `(height, width, 3)`, uint8 or floats in [0, 1]; None uses `photographs()`.
        motion: Three limits of the changes of the object around its middle appearance: rotation in degrees; factor of
            its size, 1 to 2; factor of its aspect ratio, 1 to 3. Rotation is in both directions, and the smallest
            factors are the inverses of the largest.

    Returns:
        A list of `Video` with uint8 frames.
    """
    for side in size:
        check_integer("size", side, SMALLEST_FRAME)
    rotation, scaling, stretch = motion
    check_number("motion[0]", rotation, minimum=0)
    check_number("motion[1]", scaling, minimum=1, maximum=2)
    check_number("motion[2]", stretch, minimum=1, maximum=3)
    photos = list(photographs().values() if photos is None else photos)
    if len(photos) < 2:
        raise ValueError(f"At least two photographs are needed, for object and background. Received: {len(photos)}.")
    photos = [Image.fromarray(np.rint(check_frame(photo) * 255).astype("uint8")) for photo in photos]
    source = f"synthetic videos (seed {seed}, {len(photos)} photographs): not comparable with published results"
    videos = []
    for index in range(count):
        scene = _Scene(seed, index, size, photos, distractors, motion)
        if occlusion:
            scene.add_occluder()
        rendered = np.stack([scene.render(time) for time in range(frames)])
        boxes = [scene.objects[0].box(time) for time in range(frames)]
        videos.append(Video(rendered, boxes, f"synthetic {index + 1:02d}", source))
    return videos


class _Scene:
    """Background, objects (the target first) and an optional occluder of one video."""

    def __init__(self, seed, index, size, photos, distractors, motion):
        self.seed, self.index, self.size = seed, index, size
        rng = generator(seed, 0, index)
        order = rng.permutation(len(photos))
        self.front_photo = photos[order[2 if len(photos) > 2 else 0]]
        self.margin = int(np.ceil(SWAY * min(size)))
        self.background = _random_crop(photos[order[0]], (size[0] + 2 * self.margin, size[1] + 2 * self.margin), rng)
        self.sway, self.brightness = _wave(rng, 2, (0.3, 1.0)), _wave(rng, 1, (0.2, 1.0))
        radius, outline = rng.uniform(0.06, 0.1) * min(size), _random_outline(rng)
        self.objects = []
        for number in range(distractors + 1):
            rng = generator(seed, 1, index, number)
            texture = _random_texture(photos[order[1]], radius, rng)
            path = _random_motion(radius * outline.max(), size, motion, rng)
            self.objects.append(_Object(radius, outline, texture, path))
        self.occluder = None

    def corner(self, time):
        """Top left corner (x, y) of the visible part of the background."""
        return np.rint(self.margin + 0.8 * self.margin * self.sway(time)).astype(int)

    def add_occluder(self):
        """Adds a vertical or horizontal bar in the path of the target that does not cover its first box."""
        rng, shape = generator(self.seed, 2, self.index), self.background.shape[:2]
        texture, mask = _random_crop(self.front_photo, shape, rng), np.zeros(shape, bool)
        self.occluder = texture, mask
        target, corner = self.objects[0], self.corner(0)
        is_vertical_first = rng.permutation([True, False])
        for time in rng.uniform(0.3, 0.8, 12) * PERIOD:
            for is_vertical in is_vertical_first:
                axis = 0 if is_vertical else 1
                *center, _, scale = target.path(time)
                half = rng.uniform(0.55, 0.65) * target.radius * np.sqrt(scale.prod())
                first, last = np.rint(corner[axis] + center[axis] + np.array([-half, half])).astype(int)
                box = target.box(0)
                begin, end = corner[axis] + box[axis], corner[axis] + box[axis] + box[axis + 2]
                if first > end + 1 or last < begin - 1:
                    bar = slice(max(first, 0), last)
                    mask[(slice(None), bar) if is_vertical else bar] = True
                    return

    def render(self, time):
        """The frame at this time, `(height, width, 3)` uint8."""
        (x, y), (height, width) = self.corner(time), self.size
        view = slice(y, y + height), slice(x, x + width)
        frame = self.background[view] * np.float32(1 + 0.08 * self.brightness(time)[0])
        for each in self.objects[::-1]:  # the target last, in front of the distractors
            each.paint(frame, time)
        if self.occluder is not None:
            texture, mask = self.occluder
            frame = np.where(mask[view][..., None], texture[view], frame)
        noise = generator(self.seed, 3, self.index, time).standard_normal(frame.shape, "float32")
        return np.rint((frame + np.float32(0.012) * noise) * 255).clip(0, 255).astype("uint8")


@dataclass
class _Object:
    """A textured object; `outline` is its radius at each of `ANGLES`, in units of `radius` (pixels)."""

    radius: float
    outline: np.ndarray
    texture: np.ndarray
    path: object  # function from time to x, y, angle, scale along the two axes of the object

    def box(self, time):
        """Bounding box x, y, width, height of the outline."""
        x, y, angle, scale = self.path(time)
        ends = self.radius * scale[:, None] * self.outline * np.stack([np.cos(ANGLES), np.sin(ANGLES)])
        cosine, sine = np.cos(angle), np.sin(angle)
        ends = np.array([[cosine, -sine], [sine, cosine]]) @ ends
        low, high = ends.min(axis=1), ends.max(axis=1)
        return np.array([x + low[0], y + low[1], *(high - low)])

    def paint(self, frame, time):
        """Paints the object on a frame, with a soft edge of one pixel."""
        x, y, angle, scale = self.path(time)
        box = self.box(time)
        left, top = np.maximum(np.floor(box[:2]).astype(int) - 1, 0)
        right, bottom = np.ceil(box[:2] + box[2:]).astype(int) + 1
        region = frame[top:bottom, left:right]
        down, over = np.mgrid[top : top + region.shape[0], left : left + region.shape[1]] + 0.5
        over, down = over - x, down - y
        radii, cosine, sine = self.radius * scale, np.cos(angle), np.sin(angle)
        u, v = (cosine * over + sine * down) / radii[0], (cosine * down - sine * over) / radii[1]
        direction = np.arctan2(v, u) % (2 * np.pi)
        edge = np.interp(direction, np.append(ANGLES, 2 * np.pi), np.append(self.outline, self.outline[0]))
        pixels = np.sqrt(radii.prod())  # per unit of the outline
        opacity = (pixels * (edge - np.hypot(u, v)) + 0.5).clip(0, 1)[..., None].astype("float32")
        region += opacity * (_sample_texture(self.texture, u, v) - region)


def _sample_texture(texture, u, v):
    """Bilinear samples of a square texture that extends from -TEXTURE_RADIUS to TEXTURE_RADIUS."""
    last = len(texture) - 1
    column, row = (((axis / TEXTURE_RADIUS + 1) / 2 * len(texture) - 0.5).clip(0, last - 1e-6) for axis in (u, v))
    right, down = (np.float32(axis % 1)[..., None] for axis in (column, row))
    column, row = column.astype(int), row.astype(int)
    above = texture[row, column] * (1 - right) + texture[row, column + 1] * right
    below = texture[row + 1, column] * (1 - right) + texture[row + 1, column + 1] * right
    return above * (1 - down) + below * down


def _random_crop(photo, size, rng):
    """A random part of a photograph, resized to `size`, `(height, width, 3)` float32."""
    height, width = size
    factor = min(photo.size[0] / width, photo.size[1] / height) * rng.uniform(0.6, 1)
    room = np.array(photo.size) - factor * np.array([width, height])
    left, top = room * rng.uniform(0, 1, 2)
    return _resized(photo, (left, top, left + factor * width, top + factor * height), size)


def _random_texture(photo, radius, rng):
    """The square with the most contrast among six random squares of a photograph."""
    side, parts = int(np.ceil(2 * TEXTURE_RADIUS * radius)), []
    for _ in range(6):
        extent = min(photo.size) * rng.uniform(0.25, 0.5)
        left, top = (np.array(photo.size) - extent) * rng.uniform(0, 1, 2)
        parts.append(_resized(photo, (left, top, left + extent, top + extent), (side, side)))
    return max(parts, key=lambda part: part.std(axis=(0, 1)).sum())


def _resized(photo, box, size):
    resized = photo.resize(size[::-1], Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized, "float32") / np.float32(255)


def _random_outline(rng):
    """Radius of a smooth closed curve at each of `ANGLES`, around 1."""
    amplitude, phase = rng.normal(0, [0.16, 0.1, 0.07, 0.05]), rng.uniform(0, 2 * np.pi, 4)
    waves = amplitude * np.cos(ANGLES[:, None] * np.arange(2, 6) + phase)
    return (1 + waves.sum(axis=1)).clip(0.5, TEXTURE_RADIUS - 0.1)


def _wave(rng, dimensions, cycles):
    """A sine of time in [-1, 1], `(dimensions,)`, with random frequencies (cycles per period) and phases."""
    cycle, phase = rng.uniform(*cycles, dimensions), rng.uniform(0, 2 * np.pi, dimensions)
    return lambda time: np.sin(2 * np.pi * cycle * np.asarray(time)[..., None] / PERIOD + phase)


def _random_motion(radius, size, motion, rng):
    """A function from time to the centre x, y, the angle in radians, and the scale along each axis of an object."""
    rotation, scaling, stretch = motion
    slow, fast = _wave(rng, 2, (0.3, 0.8)), _wave(rng, 2, (0.8, 1.4))
    angle_wave, scale_wave = _wave(rng, 1, (0.3, 0.8)), _wave(rng, 1, (0.3, 0.8))
    largest_angle = rng.choice([-1, 1]) * rng.uniform(0.36, 1) * np.radians(rotation)
    largest_scale = rng.uniform(0.5, 1) * np.log(scaling)
    middle = np.array(size[::-1]) / 2
    largest_stretch = np.log(stretch) / 2
    room = middle - radius * np.exp(largest_scale + largest_stretch) - 1
    amplitude = room * rng.uniform(0.5, 1, 2)
    stretch_wave = _wave(rng, 1, (0.3, 0.8))

    def path(time):
        x, y = middle + amplitude * (0.7 * slow(time) + 0.3 * fast(time))
        stretched = largest_stretch * stretch_wave(time)[0]
        scale = np.exp(largest_scale * scale_wave(time)[0] + np.array([stretched, -stretched]))
        return x, y, largest_angle * angle_wave(time)[0], scale

    return path
