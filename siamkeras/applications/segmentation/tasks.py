"""Tasks made of tasks: structures that nobody has drawn, so that a network does not learn one structure by heart.

A network that has seen one structure alone can leave the references unread: it knows what is wanted. Here other things
are wanted, and only the references say which.
"""

from siamkeras.augmentation.checks import checked_share


def invented(cut=0.5, superpixel=0.25, mirror=0.5, invert=0.5):
    """A function for `episodes(..., tasks=)`: of each episode, with the chances given, another task is made.

    - *superpixel*: query and references all become the query's image (so give `move` and `shade`, which change each in
      its own way), and the structure is a patch about a random place, of about its intensity; as SSL-ALPNet does.
    - *cut*: otherwise, the structure is cut along a line of random direction near its middle, in each image its own
      middle, and one side is kept: a part that anatomy defines and intensity does not.
    - *mirror*: all images and masks are exchanged left and right; and, on its own, up and down.
    - *invert*: all images become their negatives.

    Args:
        cut: Chance of a cut, for episodes that are not of a superpixel.
        superpixel: Chance of a superpixel.
        mirror: Chance of each of the two mirrorings.
        invert: Chance of negatives.

    Returns:
        A function `(images, masks, seed) -> (images, masks)` of one episode, `(1 + references, height, width, 1)` and
        `(1 + references, height, width)`, all of it drawn from the seed.

    Raises:
        ValueError: a chance outside [0, 1].

    Ouyang et al. (2020), Self-supervision with superpixels, https://arxiv.org/abs/2007.09886; augmentation of whole
    tasks: Butoi et al. (2023), UniverSeg, https://arxiv.org/abs/2304.06131
    """
    cut, superpixel = checked_share("cut", cut), checked_share("superpixel", superpixel)
    mirror, invert = checked_share("mirror", mirror), checked_share("invert", invert)

    def change(images, masks, seed):
        import tensorflow as tf

        chances, patch, line = tf.unstack(tf.random.split(seed, 3))
        u = tf.random.stateless_uniform((5,), chances)
        count = images.shape[0]

        def of_patch():
            mask = superpixel_of(images[0], patch)
            return tf.repeat(images[:1], count, axis=0), tf.repeat(mask[None], count, axis=0)

        def of_part():
            return images, tf.where(u[1] < cut, part_of(masks, line), masks)

        images, masks = tf.cond(u[0] < superpixel, of_patch, of_part)
        images, masks = tf.cond(u[2] < mirror, lambda: (images[:, :, ::-1], masks[:, :, ::-1]), lambda: (images, masks))
        images, masks = tf.cond(u[3] < mirror, lambda: (images[:, ::-1], masks[:, ::-1]), lambda: (images, masks))
        return tf.where(u[4] < invert, 1.0 - images, images), masks

    return change


def superpixel_of(image, seed, reach=(0.12, 0.35), contrast=(0.05, 0.3)):
    """A patch of an image about a random place: the pixels that are near to it in place and in intensity.

    Pixel x belongs to the patch about p where `|x - p|^2 / reach^2 + (image[x] - image[p])^2 / contrast^2 < 1`, by the
    distance of SLIC (Achanta et al., 2012), in an image smoothed over 3 x 3 pixels.

    Args:
        image: `(height, width, 1)`, in [0, 1].
        seed: `(2,)` integers.
        reach: Range of the radius, in widths of the image.
        contrast: Range of the difference of intensity.

    Returns:
        `(height, width)` float32, 1 inside; at least the place itself.
    """
    import tensorflow as tf

    height, width, _ = image.shape
    u = tf.random.stateless_uniform((4,), seed)
    row, column = tf.cast(u[0] * height, tf.int32), tf.cast(u[1] * width, tf.int32)
    radius = width * (reach[0] + u[2] * (reach[1] - reach[0]))
    allowed = contrast[0] + u[3] * (contrast[1] - contrast[0])
    smooth = tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0, :, :, 0]
    rows, columns = tf.range(height)[:, None] - row, tf.range(width)[None] - column
    far = tf.cast(rows**2 + columns**2, tf.float32) / radius**2
    return tf.cast(far + tf.square((smooth - smooth[row, column]) / allowed) < 1.0, tf.float32)


def part_of(masks, seed, off=0.5):
    """One side of each mask, cut along a line of random direction near its middle.

    Args:
        masks: `(n, height, width)` float32, 1 inside; all are cut in the same direction.
        seed: `(2,)` integers.
        off: How far from the middle at most, in standard deviations of the mask across the line.

    Returns:
        Masks of the same shape; an empty one stays empty.
    """
    import tensorflow as tf

    _, height, width = masks.shape
    u = tf.random.stateless_uniform((2,), seed)
    angle = 2 * 3.14159265 * u[0]
    across = (
        tf.cos(angle) * tf.range(width, dtype=tf.float32) + tf.sin(angle) * tf.range(height, dtype=tf.float32)[:, None]
    )
    size = tf.maximum(tf.reduce_sum(masks, axis=(1, 2)), 1.0)
    middle = tf.reduce_sum(masks * across, axis=(1, 2)) / size
    spread = tf.sqrt(tf.reduce_sum(masks * tf.square(across - middle[:, None, None]), axis=(1, 2)) / size)
    return masks * tf.cast(across >= (middle + off * (2 * u[1] - 1) * spread)[:, None, None], tf.float32)
