"""Cutting squares out of frames: round an object, with some of what surrounds it, scaled to one size, and turned.

A place is `(x, y)` in pixels of the frame, as `videos.Video` counts them: the first pixel lies between 0 and 1, and its
centre is at 0.5. Training and tracking cut by the same function.
"""

import numpy as np

CONTEXT = 0.25


def centres_of(boxes):
    """The centre `(x, y)` of each box, `(..., 4)` -> `(..., 2)`."""
    boxes = np.asarray(boxes, "float64")
    return boxes[..., :2] + boxes[..., 2:] / 2


def side_of(boxes, context=CONTEXT):
    """Side of the square that shows a box and a margin round it, `(..., 4)` -> `(...)`, in pixels of the frame.

    The margin is `context * (width + height) / 2` on each side, and the square has the area of box and margin: a narrow
    box gives a square that is wider than it is, and less high than box and margin (Bertinetto et al., 2016, with a
    context of 0.5). A wide margin helps to tell the object's edge, and looks for its background too.

    >>> from siamkeras.tracking import crops
    >>> print(crops.side_of([0, 0, 20, 20], context=0.5), crops.side_of([0, 0, 20, 20], context=0))
    40.0 20.0
    """
    wide, high = (np.asarray(boxes, "float64")[..., axis] for axis in (2, 3))
    margin = context * (wide + high)
    return np.sqrt((wide + margin) * (high + margin))


def cut(frame, centres, sides, size, angles=None):
    """Squares of a frame, scaled to `size` pixels a side, from places between pixels too.

    What lies beyond the frame has its mean colour. Where a square is made smaller, as many samples are averaged for
    each of its pixels as it has pixels in the frame, so that fine texture does not flicker.

    Args:
        frame: `(height, width, channels)` float, a tensor or an array.
        centres: `(n, 2)`: where in the frame the centre of each square is.
        sides: `(n,)`: how long its side is, in pixels of the frame.
        size: Pixels a side of what comes out.
        angles: `(n,)` radians: how far the square is turned; what it shows then turns the other way. None for 0.

    Returns:
        A tensor `(n, size, size, channels)` float32.
    """
    import tensorflow as tf

    frame, centres = tf.cast(frame, tf.float32), tf.cast(centres, tf.float32)
    sides = tf.cast(sides, tf.float32)
    count = tf.shape(centres)[0]
    angles = tf.zeros(count) if angles is None else tf.cast(angles, tf.float32)
    finer = tf.maximum(1, tf.cast(tf.round(tf.reduce_max(sides) / size), tf.int32))
    samples = size * finer
    # Without its mean colour, what is beyond the frame is 0.
    mean = tf.reduce_mean(frame, axis=(0, 1))
    part, corner = _part(frame - mean, centres, sides)
    step = sides / tf.cast(samples, tf.float32)
    cosine, sine = step * tf.cos(angles), step * tf.sin(angles)
    # Pixel j of a square has its centre j + 0.5 steps from its edge; the operation counts from centres of pixels.
    middle, nothing = (tf.cast(samples, tf.float32) - 1) / 2, tf.zeros(count)
    place = centres - corner - 0.5
    x = place[:, 0] - middle * (cosine - sine)
    y = place[:, 1] - middle * (sine + cosine)
    transforms = tf.stack([cosine, -sine, x, sine, cosine, y, nothing, nothing], axis=1)
    found = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.repeat(part[None], count, axis=0),
        transforms=transforms,
        output_shape=tf.stack([samples, samples]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    found = tf.reshape(found, (count, size, finer, size, finer, frame.shape[-1]))
    return tf.reduce_mean(found, axis=(2, 4)) + mean


def _part(frame, centres, sides):
    """The part of the frame in which all squares lie, and its corner `(x, y)`: not all of a large frame is copied."""
    import tensorflow as tf

    reach = sides[:, None] * 0.75 + 2.0  # half a diagonal
    extent = tf.shape(frame)[1::-1]
    low = tf.cast(tf.floor(tf.reduce_min(centres - reach, axis=0)), tf.int32)
    high = tf.cast(tf.math.ceil(tf.reduce_max(centres + reach, axis=0)), tf.int32)
    low = tf.clip_by_value(low, 0, extent - 1)
    high = tf.clip_by_value(high, low + 1, extent)
    return frame[low[1] : high[1], low[0] : high[0]], tf.cast(low, tf.float32)


def to_frame(places, centre, side, size, angle=0.0):
    """Places in a square, `(..., 2)` from its centre in its pixels, as places in the frame.

    Args:
        places: `(x, y)` from the centre of the square, to the right and down.
        centre, side, size, angle: As for `cut`, of one square.
    """
    x, y = np.moveaxis(np.asarray(places, "float64") * side / size, -1, 0)
    turned = np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y], axis=-1)
    return np.asarray(centre, "float64") + turned
