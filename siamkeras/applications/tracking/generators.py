"""Endless tf.data streams of what a tracker learns from: a template, a search, and where the one is in the other."""

import math

import numpy as np

from siamkeras._validation import check_images, check_integer, check_number, check_range, check_symmetric_range
from siamkeras.applications.tracking.crops import CONTEXT, centres_of, cut
from siamkeras.applications.tracking.losses import label_map
from siamkeras.applications.tracking.model import SEARCH, TEMPLATE
from siamkeras.applications.tracking.video import Video, check_sides, checked_boxes
from siamkeras.generators._batching import steps_dataset

# How large the boxes are that are drawn in photos without boxes: their side as a share of the shorter side of the
# photo, and how much higher than wide.
SHARE, PROPORTION = (0.12, 0.4), (1 / 3, 3.0)


def from_videos(
    videos,
    batch_size=16,
    steps=None,
    seed=0,
    start=0,
    gap=30,
    shift=24.0,
    scale=(0.9, 1.1),
    turn=0.0,
    absent=0.0,
    template=TEMPLATE,
    search=SEARCH,
    stride=4,
    radius=8.0,
    neutral=0.0,
    context=CONTEXT,
    augment=None,
):
    """Batches of templates and searches from two frames of one video, not far from each other in time.

    A video is drawn, then a frame in which its object is annotated: the template. The search comes from another
    annotated frame, at most `gap` before or after it. It is cut as a tracker would cut it, except that the object is
    not always in the centre, nor always of the size and in the direction in which the template has it.

    Args:
        videos: A list of `videos.Video`.
        batch_size: Examples in a batch.
        steps: Batches in one pass, the same in each; None for an endless stream.
        seed: Whole number; together with a batch's number it decides everything that is random in that batch.
        start: Number of the first batch, to go on with a stream that was interrupted.
        gap: How many frames apart the two are at most, at least 1.
        shift: How far from the centre of the search the object is at most, along x and along y, in pixels of the
            search.
        scale: Range of factors: how much larger the search shows the object than the template.
        turn: Degrees by which the search is turned: a number t for -t to t, or a range.
        absent: Share of the examples whose search is from another video, where the object is not: no cell of their
            label map is 1. They teach a score map to be low where nothing is found.
        template: Pixels a side of the template, as in `tracking.siamese`.
        search: Pixels a side of the search.
        stride: Pixels of the search from one cell of the score map to the next; `tracking.stride_of(model)`.
        radius: Cells up to so many pixels of the search from the object's centre have the label 1.
        neutral: Cells up to so many pixels beyond `radius` have the label 0.5, and do not count.
        context: How much of what is round the box is seen; see `crops.side_of`.
        augment: Function `(image, seed)` to an image of the same shape, as for `generators.pairs`; template and search
            are augmented each in its own way. `augmentation.color_jitter()` changes the light.

    Returns:
        A `tf.data.Dataset` of `({"template": (batch, template, template, 3), "search": (batch, search, search, 3)},
        labels (batch, cells, cells))`, float32; `cells` is `(search - template) / stride + 1`.

    Raises:
        ValueError: no video; one with fewer than two annotated frames, with `absent` fewer than two videos; numbers out
            of range; sizes that do not go together; a `shift` that leads out of the score map.
    """
    videos = _checked_videos(videos, absent)
    gap = check_integer("gap", gap, 1)
    known = [np.flatnonzero(~np.isnan(video.boxes[:, 0])) for video in videos]
    few = next((number for number, frames in enumerate(known) if len(frames) < 2), None)
    if few is not None:
        raise ValueError(
            "A video needs at least two frames in which its object is annotated. Received: "
            f"{len(known[few])} in {videos[few]!r}."
        )
    for video in videos:
        check_sides(video.boxes, *video.size)
    counts, frames = np.array([len(each) for each in known]), np.concatenate(known)
    boxes = np.concatenate([video.boxes[each] for video, each in zip(videos, known, strict=True)])
    owner = np.repeat(np.arange(len(videos)), counts)
    # For each annotated frame, which rows of the table are within the gap.
    first = np.array([np.searchsorted(known[v], f - gap) for v, f in zip(owner, frames, strict=True)])
    last = np.array([np.searchsorted(known[v], f + gap, "right") for v, f in zip(owner, frames, strict=True)])
    begin = np.cumsum(counts) - counts
    lonely = last - first < 2
    if lonely.any():
        raise ValueError(
            f"Every annotated frame needs another within gap={gap} frames. Received: none near frame "
            f"{frames[lonely.argmax()]} of {videos[owner[lonely.argmax()]]!r}. Raise `gap`."
        )
    first, last = first + begin[owner], last + begin[owner]

    def choose(u):
        import tensorflow as tf

        video = _below(len(videos), u[0])
        one = tf.gather(begin, video) + _below(tf.gather(counts, video), u[1])
        near, beyond = tf.gather(first, one), tf.gather(last, one)
        # Another than itself: among those within the gap without it, those after it are one on.
        other = near + _below(beyond - near - 1, u[2])
        other = tf.where(other < one, other, other + 1)
        elsewhere = _another(len(videos), video, u[3])
        away = tf.gather(begin, elsewhere) + _below(tf.gather(counts, elsewhere), u[4])
        return one, other, away

    def read(row):
        return videos[owner[row]].frame(int(frames[row]))

    cutting = {"shift": shift, "scale": scale, "turn": turn, "absent": absent, "template": template, "search": search}
    cutting |= {"stride": stride, "radius": radius, "neutral": neutral, "context": context, "augment": augment}
    return _stream(read, choose, centres_of(boxes), boxes[:, 2:], batch_size, steps, seed, start, **cutting)


def from_stills(
    images,
    boxes=None,
    batch_size=16,
    steps=None,
    seed=0,
    start=0,
    shift=24.0,
    scale=(0.8, 1.25),
    turn=15.0,
    absent=0.0,
    template=TEMPLATE,
    search=SEARCH,
    stride=4,
    radius=8.0,
    neutral=0.0,
    context=CONTEXT,
    augment=None,
):
    """Batches of templates and searches from one photo each: what moves is made up.

    A box of a photo is the object, given or drawn; the template shows it, and the search shows it again, shifted,
    scaled and turned. No video is needed. What is learned is to find a thing again; that its background changes, and
    the thing itself, is left to `from_videos`.

    Args:
        images: `(n, height, width, 3)` float32 in [0, 1] or uint8.
        boxes: `(n, 4)`: x, y, width, height of an object in each image. None for boxes that are drawn anew each time:
            of 12 to 40 % of the shorter side of the image, up to three times as high as wide or as wide as high,
            anywhere within the image.
        batch_size, steps, seed, start: As for `from_videos`.
        shift, scale, turn: As for `from_videos`.
        absent, template, search, stride, radius, neutral, context, augment: As for `from_videos`.

    Returns:
        As `from_videos`.

    Raises:
        ValueError: images that are empty, not finite or of another kind; not one box for each image, or one that is
            none or beside its image; otherwise as for `from_videos`.
    """
    images = check_images(images)
    if images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"`images` must be (n, height, width, 3). Received: shape {images.shape}.")
    count, height, width, _ = images.shape
    if boxes is not None:
        boxes = _checked_boxes(boxes, count, height, width)
    if check_number("absent", absent, minimum=0, maximum=1) and count < 2:
        raise ValueError(f"With `absent` the search is sometimes of another image: give two. Received: {count}.")
    low, high = images.min(), images.max()
    if images.dtype != np.uint8 and not (low >= -0.01 and high <= 1.01):
        raise ValueError(f"`images` must lie in [0, 1], or be bytes. Received: values from {low:.4g} to {high:.4g}.")
    factor = np.float32(1 / 255 if images.dtype == np.uint8 else 1)

    def choose(u):
        one = _below(count, u[0])
        return one, one, _another(count, one, u[1])

    def read(row):
        return images[row] * factor

    cutting = {"shift": shift, "scale": scale, "turn": turn, "absent": absent, "template": template, "search": search}
    cutting |= {"stride": stride, "radius": radius, "neutral": neutral, "context": context, "augment": augment}
    if boxes is None:
        centres, extents = None, (height, width)
    else:
        centres, extents = centres_of(boxes), boxes[:, 2:]
    return _stream(read, choose, centres, extents, batch_size, steps, seed, start, **cutting)


def _stream(
    read, choose, centres, extents, batch_size, steps, seed, start, *,
    shift, scale, turn, absent, template, search, stride, radius, neutral, context, augment,
):  # fmt: skip
    """The stream of both: `choose(uniforms)` gives the rows of template, search and another place, `read(row)` a frame.

    `centres` and `extents` are the boxes of all rows; with `centres=None` they are drawn, in images of `extents`.
    """
    import tensorflow as tf

    if augment is not None and not callable(augment):
        raise ValueError(f"`augment` must be a function (image, seed), or None. Received: {augment!r}.")
    batch_size, seed, start = (
        check_integer("batch_size", batch_size, 1),
        check_integer("seed", seed, 0),
        check_integer("start", start, 0),
    )
    steps = None if steps is None else check_integer("steps", steps, 1)
    cells = _checked_sizes(template, search, stride)
    shift, absent = check_number("shift", shift, minimum=0), check_number("absent", absent, minimum=0, maximum=1)
    if shift > (cells - 1) / 2 * stride:
        raise ValueError(
            f"A score map of {cells} cells reaches {(cells - 1) / 2 * stride:g} pixels from the centre of the search. "
            f"Received: shift={shift:g}. Lower it."
        )
    radius, context = check_number("radius", radius, above=0), check_number("context", context, minimum=0)
    neutral = check_number("neutral", neutral, minimum=0)
    if shift and radius < stride * math.sqrt(0.5):  # between four cells, where the object then is in none
        raise ValueError(
            f"`radius` must be at least {stride * math.sqrt(0.5):.3g} for a stride of {stride}, or some label maps "
            f"have no cell of the object. Received: radius={radius:g}."
        )
    (low, high), turn = np.log(check_range("scale", scale, above=0)), np.radians(check_symmetric_range("turn", turn))
    label_map(cells, radius, stride, neutral=neutral)  # its arguments, checked
    axis = ((np.arange(cells) - (cells - 1) / 2) * stride).astype("float32")

    def draw(step):
        return tf.random.stateless_uniform((batch_size, 16), [seed, step]), tf.random.stateless_uniform(
            (batch_size, 2, 2), [seed + 1, step], None, None, tf.int32
        )

    def box_of(row, u):
        if centres is not None:
            found = tf.gather(tf.constant(centres, tf.float32), row), tf.gather(tf.constant(extents, tf.float32), row)
            return found
        size = min(extents) * SHARE[0] * (SHARE[1] / SHARE[0]) ** u[0]
        longer = tf.exp(math.log(PROPORTION[0]) / 2 + u[1] * math.log(PROPORTION[1] / PROPORTION[0]) / 2)
        wide_high = tf.minimum(tf.stack([size / longer, size * longer]), [0.9 * extents[1], 0.9 * extents[0]])
        room = tf.constant(extents[::-1], tf.float32) - wide_high
        return wide_high / 2 + u[2:4] * room, wide_high

    def frame_of(row):
        frame = tf.numpy_function(read, [row], tf.float32, stateful=False)
        return tf.ensure_shape(frame, (None, None, 3))

    def side(wide_high):
        margin = context * tf.reduce_sum(wide_high)
        return tf.sqrt(tf.reduce_prod(wide_high + margin))

    def example(u, keys):
        one, other, away = choose(u[:5])
        centre, extent = box_of(one, u[5:9])
        is_absent = u[9] < absent
        second = tf.where(is_absent, away, other)
        there, extent_there = box_of(second, u[5:9]) if centres is not None else (centre, extent)
        shown = cut(frame_of(one), centre[None], side(extent)[None], template)[0]
        factor = tf.exp(low + u[10] * (high - low))
        angle = turn[0] + u[11] * (turn[1] - turn[0])
        offset = shift * (2 * u[12:14] - 1)  # of the object from the centre of the search, in its pixels
        reach = side(extent_there) * (search / template) / factor
        cosine, sine = tf.cos(angle), tf.sin(angle)
        turned = tf.stack([cosine * offset[0] - sine * offset[1], sine * offset[0] + cosine * offset[1]])
        place = there - turned * reach / search
        searched = cut(frame_of(second), place[None], reach[None], search, angle[None])[0]
        away_by = tf.sqrt(tf.square(axis[None, :] - offset[0]) + tf.square(axis[:, None] - offset[1]))
        labels = tf.where(away_by <= radius, 1.0, tf.where(away_by <= radius + neutral, 0.5, 0.0))
        labels = tf.where(is_absent, 0.0, labels)
        pair = [shown, searched]
        if augment is not None:
            pair = [
                tf.ensure_shape(augment(image, key), image.shape)
                for image, key in zip(pair, tf.unstack(keys), strict=True)
            ]
        return {"template": pair[0], "search": pair[1]}, labels

    examples = steps_dataset(draw, start, steps).unbatch().map(example, tf.data.AUTOTUNE)
    batches = examples.batch(batch_size, drop_remainder=True)
    length = tf.data.INFINITE_CARDINALITY if steps is None else steps
    return batches.apply(tf.data.experimental.assert_cardinality(length)).prefetch(2)


def _checked_sizes(template, search, stride):
    template, search, stride = (
        check_integer("template", template, 1),
        check_integer("search", search, 2),
        check_integer("stride", stride, 1),
    )
    cells, rest = divmod(search - template, stride)
    if search <= template or rest or cells % 2:
        raise ValueError(
            "`search` must be larger than `template` by an even number of strides, so that the score map has a middle. "
            f"Received: template={template}, search={search}, stride={stride}."
        )
    return cells + 1


def _checked_videos(videos, absent):
    videos = [videos] if isinstance(videos, Video) else list(videos) if np.iterable(videos) else videos
    kinds = [type(each).__name__ for each in videos if not isinstance(each, Video)] if isinstance(videos, list) else []
    if not isinstance(videos, list) or not videos or kinds:
        told = f"{kinds[0]} in it" if kinds else repr(videos)
        raise ValueError(f"`videos` must be a list of `videos.Video`, at least one. Received: {told}.")
    if check_number("absent", absent, minimum=0, maximum=1) and len(videos) < 2:
        raise ValueError(f"With `absent` the search is sometimes of another video: give two. Received: {len(videos)}.")
    return videos


def _checked_boxes(boxes, count, height, width):
    boxes = checked_boxes(boxes, count).astype("float64")
    centres = centres_of(boxes)
    fine = (centres >= 0).all(axis=1) & (centres[:, 0] <= width) & (centres[:, 1] <= height)  # NaN is not fine
    if not fine.all():
        raise ValueError(
            f"Every image needs a box whose centre is in it, {width}x{height} pixels. Received: "
            f"{boxes[fine.argmin()].tolist()} in row {fine.argmin()}."
        )
    check_sides(boxes, height, width)
    return boxes


def _below(limit, uniform):
    """A whole number from 0 to limit - 1 for a uniform one in [0, 1)."""
    import tensorflow as tf

    limit = tf.cast(limit, tf.int64)
    return tf.minimum(tf.cast(uniform * tf.cast(limit, tf.float32), tf.int64), limit - 1)


def _another(count, place, uniform):
    """Any of `count` except `place`; where there is only one, that."""
    return place if count < 2 else (place + 1 + _below(count - 1, uniform)) % count
