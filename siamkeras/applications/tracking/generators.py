"""`tf.data` generators of template and search images with label maps."""

import math
from dataclasses import dataclass

import numpy as np

from siamkeras._validation import check_images, check_integer, check_number, check_range
from siamkeras.applications.tracking.crops import crop
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.applications.tracking.losses import target_cells
from siamkeras.applications.tracking.video import check_boxes_in_frame, check_frame

# Random boxes: side relative to the shorter side of the image, and aspect ratio.
BOX_SIDE, ASPECT_RATIO = (0.12, 0.4), (1 / 3, 3.0)


@dataclass(frozen=True)
class Motion:
    """Random change of the target from the template to the search image.

    Args:
        shift: Largest offset of the target from the centre of the search image, along x and along y, in pixels of the
            search image.
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
        check_number("rotation", self.rotation, minimum=0)
        check_number("absent", self.absent, minimum=0, maximum=1)


GEOMETRY, VIDEO_MOTION, IMAGE_MOTION = Geometry(), Motion(), Motion(scale=(0.8, 1.25), rotation=15.0)


def pairs_from_videos(
    videos, batch_size=16, steps=None, seed=0, start=0, max_gap=30, geometry=GEOMETRY, motion=VIDEO_MOTION, augment=None
):
    """Batches of template and search images from two annotated frames of one video.

    The video and the frame of the template are sampled at random; the search image comes from another annotated frame,
    at most `max_gap` frames away. It is cropped as by a tracker, with a random motion added.

    Args:
        videos: A list of `tracking.Video`.
        batch_size: Examples per batch.
        steps: Batches per epoch, the same in each; None for an endless stream.
        seed: Integer; the seed and the number of a batch determine all random values of the batch.
        start: Number of the first batch, to resume an interrupted stream.
        max_gap: Largest distance of the two frames.
        geometry: `tracking.Geometry`; `Geometry.from_model(model)` for another model than the default.
        motion: `tracking.Motion`; by default of 15 degrees and a factor of 1.25 for images.
        augment: Function `(image, seed)` to an image of the same shape, as in `generators.pairs`, applied to template
            and search image independently.

    Returns:
        A `tf.data.Dataset` of `({"template": (batch, template_size, template_size, 3), "search": (batch, search_size,
        search_size, 3)}, labels (batch, cells, cells))`, float32.

    Raises:
        ValueError: an annotated frame without another one within `max_gap`; `absent` with one video; boxes or numbers
            out of range; a shift beyond the score map.
    """
    videos = list(videos)
    _check_sources(len(videos), "video", geometry, motion)
    rows = _AnnotatedFrames(videos, max_gap)

    def read(row):
        return videos[rows.video[row]].frame(int(rows.frame[row]))

    pair = _pair_function(read, _lookup(rows.boxes), rows.sample, geometry, motion, augment)
    return _stream(pair, batch_size, steps, seed, start)


def pairs_from_images(
    images, boxes=None, batch_size=16, steps=None, seed=0, start=0, geometry=GEOMETRY, motion=IMAGE_MOTION, augment=None
):
    """Batches of template and search images from one image each, with a simulated motion of the target.

    Needs no video. The network learns to find an object again, but not that its background and appearance change.

    Args:
        images: `(n, height, width, 3)`, uint8 or float32 in [0, 1].
        boxes: Bounding box of an object in each image, `(n, 4)`. None samples boxes at random: a side of 12 to 40 % of
            the shorter side of the image, an aspect ratio from 1:3 to 3:1.
        batch_size, steps, seed, start, geometry, motion, augment: As in `pairs_from_videos`.

    Returns:
        As `pairs_from_videos`.
    """
    images = check_images(images)
    count, height, width, _ = images.shape
    _check_sources(count, "image", geometry, motion)
    check_frame(images[0])
    if boxes is None:
        box_of = _random_boxes(height, width)
    else:
        box_of = _lookup(check_boxes_in_frame(boxes, count, (height, width)))

    def sample_rows(u):
        row = _random_index(count, u[0])
        return row, row, _other_index(count, row, u[1])

    pair = _pair_function(lambda row: check_frame(images[row]), box_of, sample_rows, geometry, motion, augment)
    return _stream(pair, batch_size, steps, seed, start)


def _check_sources(count, kind, geometry, motion):
    if motion.absent and count < 2:
        raise ValueError(f"`absent` needs a second {kind}, for search images without the target. Received: {count}.")
    reach = geometry.cell_positions()[-1]
    if motion.shift > reach:
        raise ValueError(f"`shift` must be at most {reach:g}, the reach of the score map. Received: {motion.shift:g}.")


class _AnnotatedFrames:
    """All annotated frames of some videos, one per row (`video`, `frame`, `boxes`), and how to sample two of them."""

    def __init__(self, videos, max_gap):
        max_gap = check_integer("max_gap", max_gap, 1)
        frames = [np.flatnonzero(~np.isnan(video.boxes[:, 0])) for video in videos]
        self.counts = np.array([len(each) for each in frames])
        self.begin = np.cumsum(self.counts) - self.counts
        self.video = np.repeat(np.arange(len(videos)), self.counts)
        self.frame = np.concatenate(frames)
        boxes = [video.boxes[each] for video, each in zip(videos, frames, strict=True)]
        for video, each in zip(videos, boxes, strict=True):
            check_boxes_in_frame(each, len(each), video.size)
        self.boxes = np.concatenate(boxes)
        # Rows of the same video within `max_gap`: from `first` to `last`, without `last`.
        first = [np.searchsorted(each, each - max_gap) for each in frames]
        last = [np.searchsorted(each, each + max_gap, "right") for each in frames]
        self.first = self.begin[self.video] + np.concatenate(first)
        self.last = self.begin[self.video] + np.concatenate(last)
        isolated = self.last - self.first < 2
        if isolated.any() or not self.counts.all():
            video = videos[self.video[isolated.argmax()] if isolated.any() else self.counts.argmin()]
            raise ValueError(
                f"Every annotated frame needs another one within max_gap={max_gap} frames. Received: {video!r}, which "
                "has fewer."
            )

    def sample(self, u):
        """Rows of the template, of the search image, and of a search image without the target."""
        import tensorflow as tf

        video = _random_index(len(self.counts), u[0])
        template = tf.gather(self.begin, video) + _random_index(tf.gather(self.counts, video), u[1])
        first, last = tf.gather(self.first, template), tf.gather(self.last, template)
        search = first + _random_index(last - first - 1, u[2])
        search = tf.where(search < template, search, search + 1)  # skips the row of the template
        other = _other_index(len(self.counts), video, u[3])
        return template, search, tf.gather(self.begin, other) + _random_index(tf.gather(self.counts, other), u[4])


def _random_index(count, u):
    """An index below `count` for a uniform random number in [0, 1)."""
    import tensorflow as tf

    count = tf.cast(count, tf.int64)
    return tf.minimum(tf.cast(u * tf.cast(count, tf.float32), tf.int64), count - 1)


def _other_index(count, index, u):
    """A random index below `count` other than `index`, if there is another one."""
    return index if count < 2 else (index + 1 + _random_index(count - 1, u)) % count


def _lookup(boxes):
    """A function from a row to the centre and size of its box."""
    import tensorflow as tf

    boxes = boxes.astype("float64")
    centers = tf.constant(boxes[:, :2] + boxes[:, 2:] / 2, tf.float32)
    sizes = tf.constant(boxes[:, 2:], tf.float32)
    return lambda row, u: (tf.gather(centers, row), tf.gather(sizes, row))


def _random_boxes(height, width):
    """A function from four uniform random numbers to the centre and size of a box within an image."""
    import tensorflow as tf

    def box_of(row, u):
        side = min(height, width) * BOX_SIDE[0] * (BOX_SIDE[1] / BOX_SIDE[0]) ** u[0]
        low, high = math.log(ASPECT_RATIO[0]), math.log(ASPECT_RATIO[1])
        root = tf.exp(low / 2 + u[1] * (high - low) / 2)  # of the aspect ratio
        size = tf.minimum(tf.stack([side / root, side * root]), [0.9 * width, 0.9 * height])
        room = tf.constant([width, height], tf.float32) - size
        return size / 2 + u[2:4] * room, size

    return box_of


def _pair_function(read, box_of, sample_rows, geometry, motion, augment):
    """A function from random numbers to one example; `read` and `box_of` give the frame and the box of a row."""
    import tensorflow as tf

    def frame_of(row):
        return tf.ensure_shape(tf.numpy_function(read, [row], tf.float32, stateful=False), (None, None, 3))

    def pair(u, seeds):
        template_row, search_row, other_row = sample_rows(u[:5])
        is_absent = u[9] < motion.absent
        search_row = tf.where(is_absent, other_row, search_row)
        center, size = box_of(template_row, u[5:9])
        template = crop(frame_of(template_row), center[None], geometry.crop_side(size)[None], geometry.template_size)[0]
        box = box_of(search_row, u[5:9])
        search, labels = _search_and_labels(frame_of(search_row), box, u[10:14], geometry, motion)
        labels = tf.where(is_absent, 0.0, labels)
        if augment is not None:
            template = tf.ensure_shape(augment(template, seeds[0]), template.shape)
            search = tf.ensure_shape(augment(search, seeds[1]), search.shape)
        return {"template": template, "search": search}, labels

    return pair


def _search_and_labels(frame, box, u, geometry, motion):
    """A search image with a random motion of the target at `box`, and its label map."""
    import tensorflow as tf

    center, size = box
    low, high = np.log(motion.scale)
    scale = tf.exp(low + u[0] * (high - low))
    angle = math.radians(motion.rotation) * (2 * u[1] - 1)
    offset = motion.shift * (2 * u[2:4] - 1)
    side = geometry.crop_side(size) * (geometry.search_size / geometry.template_size) / scale
    cosine, sine = tf.cos(angle), tf.sin(angle)
    rotated = tf.stack([cosine * offset[0] - sine * offset[1], sine * offset[0] + cosine * offset[1]])
    center = center - rotated * side / geometry.search_size
    search = crop(frame, center[None], side[None], geometry.search_size, angle[None])[0]
    return search, tf.cast(target_cells(geometry, offset), tf.float32)


def _stream(pair, batch_size, steps, seed, start):
    """Batches of `pair`, whose random numbers are a function of the seed and the number of the batch."""
    import tensorflow as tf

    check_integer("batch_size", batch_size, 1)
    check_integer("seed", seed)

    def random_numbers(step):
        u = tf.random.stateless_uniform((batch_size, 16), [seed, step])
        return u, tf.random.stateless_uniform((batch_size, 2, 2), [seed + 1, step], None, None, tf.int32)

    numbers = tf.data.Dataset.counter(check_integer("start", start))
    if steps is not None:
        numbers = numbers.take(check_integer("steps", steps, 1))
    examples = numbers.map(random_numbers, tf.data.AUTOTUNE).unbatch().map(pair, tf.data.AUTOTUNE)
    length = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY if steps is None else steps)
    return examples.batch(batch_size, drop_remainder=True).apply(length).prefetch(2)
