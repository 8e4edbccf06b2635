"""`tf.data` generators of template and search images with label maps."""

from dataclasses import dataclass

import numpy as np

from siamkeras._validation import check_images, check_integer, check_number, check_range
from siamkeras.applications.tracking.crops import crop
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.applications.tracking.video import check_boxes_in_frame, check_frame

# Of random boxes: side relative to the shorter side of the image, and aspect ratio.
BOX_SIDE, ASPECT_RATIO = (0.12, 0.4), (1 / 3, 3.0)


@dataclass(frozen=True)
class Motion:
    """Random change of the target from the template to the search image.

    Args:
        shift: Largest offset of the target from the centre of the search image along each axis, in pixels.
        scale: Range (low, high) of the size of the target in the search image relative to the template.
        rotation: Largest rotation of the search image in degrees, in both directions.
        absent: Probability that the search image is from another video or image, without the target; its labels are 0.
    """

    shift: float = 24.0
    scale: tuple = (0.9, 1.1)
    rotation: float = 0.0
    absent: float = 0.0

    def __post_init__(self):
        check_number("shift", self.shift, minimum=0)
        check_range("scale", self.scale, above=0)
        check_number("absent", self.absent, minimum=0, maximum=1)


GEOMETRY, VIDEO_MOTION, IMAGE_MOTION = Geometry(), Motion(), Motion(scale=(0.8, 1.25), rotation=15.0)


def pairs_from_videos(
    videos, batch_size=16, seed=0, start=0, max_gap=30, geometry=GEOMETRY, motion=VIDEO_MOTION, augment=None
):
    """Endless batches of template and search images from two annotated frames of one video.

    The video and the frame of the template are sampled at random; the search image comes from another annotated frame,
    at most `max_gap` frames away. It is cropped as by a tracker, with a random motion added.

    Args:
        videos: A list of `tracking.Video`.
        batch_size: Examples per batch.
        seed: Integer; the seed and the number of a batch determine all random values of the batch.
        start: Number of the first batch, to resume an interrupted stream.
        max_gap: Largest distance of the two frames.
        geometry: `tracking.Geometry`; `Geometry.from_model(model)` for another model than the default.
        motion: `tracking.Motion`.
        augment: Function `(image, seed)` to an image of the same shape, as in `generators.pairs`, applied to template
            and search image independently.

    Returns:
        A `tf.data.Dataset` of `({"template": (batch, template_size, template_size, 3), "search": (batch, search_size,
        search_size, 3)}, labels (batch, cells, cells))`, float32.

    Raises:
        ValueError: an annotated frame without another one within `max_gap`; `absent` with one video; boxes or numbers
            out of range; a shift beyond the score map.
    """
    sample = _VideoSampler(list(videos), max_gap)
    return _stream(sample, len(sample.videos), batch_size, seed, start, geometry, motion, augment)


def pairs_from_images(
    images, boxes=None, batch_size=16, seed=0, start=0, geometry=GEOMETRY, motion=IMAGE_MOTION, augment=None
):
    """Endless batches of template and search images from one image each, with a simulated motion of the target.

    Needs no video. The network learns to find an object again, but not to ignore changes of its appearance and
    background, which a single image cannot show.

    Args:
        images: `(n, height, width, 3)`, uint8 or float32 in [0, 1].
        boxes: Bounding box of an object in each image, `(n, 4)`. None samples boxes at random: a side of 12 to 40 % of
            the shorter side of the image, an aspect ratio from 1:3 to 3:1.
        motion: `tracking.Motion`; by default with rotations of 15 degrees and scales of 0.8 to 1.25.
        batch_size, seed, start, geometry, augment: As in `pairs_from_videos`.

    Returns:
        As `pairs_from_videos`.
    """
    images = check_images(images, scale=False)
    count, height, width, _ = images.shape
    check_frame(images[0])
    if boxes is not None:
        boxes = check_boxes_in_frame(boxes, count, (height, width))

    def sample(u, is_absent):
        template = _random_index(count, u[0])
        search = _other_index(count, template, u[1]) if is_absent else template
        rows = [template, search]
        pair_boxes = [_random_box(height, width, u[5:9])] * 2 if boxes is None else boxes[rows]
        return *(check_frame(images[row]) for row in rows), *pair_boxes

    return _stream(sample, count, batch_size, seed, start, geometry, motion, augment)


class _VideoSampler:
    """Samples two annotated frames of one video, at most `max_gap` apart."""

    def __init__(self, videos, max_gap):
        self.videos, self.max_gap = videos, check_integer("max_gap", max_gap, 1)
        self.annotated = [np.flatnonzero(~np.isnan(video.boxes[:, 0])) for video in videos]
        for video, frames in zip(videos, self.annotated, strict=True):
            gaps = np.concatenate([[np.inf], np.diff(frames), [np.inf]])
            if not len(frames) or np.minimum(gaps[:-1], gaps[1:]).max() > max_gap:
                raise ValueError(
                    f"Every annotated frame needs another one within max_gap={max_gap} frames. Received: {video!r}."
                )
            check_boxes_in_frame(video.boxes[frames], len(frames), video.size)

    def __call__(self, u, is_absent):
        """Frames of the template and the search image, and their boxes, for uniform random numbers in [0, 1)."""
        index = _random_index(len(self.videos), u[0])
        frames = self.annotated[index]
        template = frames[_random_index(len(frames), u[1])]
        near = frames[(np.abs(frames - template) <= self.max_gap) & (frames != template)]
        search, search_index = near[_random_index(len(near), u[2])], index
        if is_absent:
            search_index = _other_index(len(self.videos), index, u[3])
            frames = self.annotated[search_index]
            search = frames[_random_index(len(frames), u[4])]
        videos = self.videos[index], self.videos[search_index]
        return videos[0].frame(template), videos[1].frame(search), videos[0].boxes[template], videos[1].boxes[search]


def _random_index(count, u):
    """An index below `count` for a uniform random number in [0, 1)."""
    return min(int(u * np.float32(count)), count - 1)  # a product in float32 may be rounded up to `count`


def _other_index(count, index, u):
    """A random index below `count` other than `index`."""
    return (index + 1 + _random_index(count - 1, u)) % count


def _random_box(height, width, u):
    """A random box x, y, width, height within an image, `(4,)` float32."""
    side = min(height, width) * BOX_SIDE[0] * (BOX_SIDE[1] / BOX_SIDE[0]) ** u[0]
    low, high = np.log(ASPECT_RATIO)
    root = np.exp((low + u[1] * (high - low)) / 2)  # of the aspect ratio
    size = np.minimum([side / root, side * root], [0.9 * width, 0.9 * height])
    return np.concatenate([u[2:4] * ([width, height] - size), size]).astype("float32")


def _stream(sample, count, batch_size, seed, start, geometry, motion, augment):
    """Batches of examples; all random numbers are a function of the seed and the number of the batch.

    `sample(u, is_absent)` gives the frame of the template, that of the search image, and their boxes, in NumPy, from
    `count` videos or images.
    """
    import tensorflow as tf

    check_integer("batch_size", batch_size, 1)
    check_integer("seed", seed)
    if motion.absent and count < 2:
        raise ValueError(f"`absent` needs at least two videos or images. Received: {count}.")
    reach = geometry.cell_positions()[-1]
    if motion.shift > reach:
        raise ValueError(f"`shift` must be at most {reach:g}, the reach of the score map. Received: {motion.shift:g}.")

    def random_numbers(step):
        u = tf.random.stateless_uniform((batch_size, 16), [seed, step])
        return u, tf.random.stateless_uniform((batch_size, 2, 2), [seed + 1, step], None, None, tf.int32)

    def example(u, seeds):
        is_absent = u[9] < motion.absent
        arrays = tf.numpy_function(sample, [u, is_absent], [tf.float32] * 4, stateful=False)
        shapes = (None, None, 3), (None, None, 3), (4,), (4,)
        frame, search_frame, box, search_box = map(tf.ensure_shape, arrays, shapes)
        side = geometry.crop_side(box[2:])
        template = crop(frame, _center(box)[None], side[None], geometry.template_size)[0]
        search, labels = _search_and_labels(search_frame, search_box, u[10:14], geometry, motion)
        labels = tf.where(is_absent, 0.0, labels)
        if augment is not None:
            template = tf.ensure_shape(augment(template, seeds[0]), template.shape)
            search = tf.ensure_shape(augment(search, seeds[1]), search.shape)
        return {"template": template, "search": search}, labels

    numbers = tf.data.Dataset.counter(check_integer("start", start))
    examples = numbers.map(random_numbers, tf.data.AUTOTUNE).unbatch().map(example, tf.data.AUTOTUNE)
    infinite = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return examples.batch(batch_size, drop_remainder=True).apply(infinite).prefetch(2)


def _search_and_labels(frame, box, u, geometry, motion):
    """A search image with a random motion of the target at `box`, and its label map."""
    import tensorflow as tf

    low, high = np.log(motion.scale)
    scale = tf.exp(low + u[0] * (high - low))
    angle = np.radians(motion.rotation) * (2 * u[1] - 1)
    offset = motion.shift * (2 * u[2:4] - 1)
    side = geometry.crop_side(box[2:]) * (geometry.search_size / geometry.template_size) / scale
    cosine, sine = tf.cos(angle), tf.sin(angle)
    rotated = tf.stack([cosine * offset[0] - sine * offset[1], sine * offset[0] + cosine * offset[1]])
    center = _center(box) - rotated * side / geometry.search_size
    search = crop(frame, center[None], side[None], geometry.search_size, angle[None])[0]
    return search, tf.cast(geometry.target_cells(offset), tf.float32)


def _center(box):
    return box[:2] + box[2:] / 2
