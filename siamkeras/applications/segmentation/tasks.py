"""Augmentation of whole episodes: synthetic tasks, and random changes of each image with its mask."""

import math

from siamkeras import augmentation
from siamkeras._validation import check_number

SUPERPIXEL_RADIUS = (0.12, 0.35)  # in image widths
SUPERPIXEL_CONTRAST = (0.05, 0.3)  # largest difference of intensity
CUT_OFFSET = 0.5  # largest distance of a cut from the centroid, in standard deviations of the mask


DEFAULT = "default"


def episode_augmentation(tasks=DEFAULT, geometric=DEFAULT, photometric=DEFAULT):
    """Combines three kinds of augmentation into a function for `training_episodes(augment=)`.

    Args:
        tasks: Function `(images, masks, seed) -> (images, masks)` of a whole episode; by default `synthetic_tasks()`,
            None for none.
        geometric: Function `(image, seed) -> image` that moves pixels; each image of the episode and its mask are
            transformed together. Pixels from beyond the border are background. By default `augmentation.affine` and
            `augmentation.elastic` of strengths that depend on the size of the images; None for none.
        photometric: Function `(image, seed) -> image` that changes intensities, applied to each image of the episode;
            by default `augmentation.color_jitter` of brightness and contrast, None for none.
    """
    tasks = synthetic_tasks() if tasks is DEFAULT else tasks
    if photometric is DEFAULT:
        photometric = augmentation.color_jitter(0.1, contrast=(0.7, 1.4), saturation=(1, 1))

    def augment(images, masks, seed):
        import tensorflow as tf

        task_seed, geometric_seed, photometric_seed = tf.unstack(tf.random.split(seed, 3))
        if tasks is not None:
            images, masks = tasks(images, masks, task_seed)
        if geometric is not None:
            # Beyond the border, the mask and its complement get the same fill value: such pixels count as background.
            channels = tf.concat([images, masks[..., None], 1.0 - masks[..., None]], axis=-1)
            move = _default_geometric(images.shape[1]) if geometric is DEFAULT else geometric
            channels = _map_images(move, channels, geometric_seed)
            images, inside, outside = channels[..., :-2], channels[..., -2], channels[..., -1]
            masks = tf.cast((inside > 0.5) & (inside > outside), tf.float32)
        if photometric is not None:
            images = _map_images(photometric, images, photometric_seed)
        return images, masks

    augment.makes_tasks = getattr(tasks, "makes_tasks", tasks is not None)
    return augment


def _default_geometric(height):
    """Rotation, shear, scale, shift and elastic deformation; lengths are relative to the height of the images."""
    pixel = height / 48
    affine = augmentation.affine(15, 0.1, (0.85, 1.18), shift=3 * pixel, probability=0.7)
    return augmentation.compose(affine, augmentation.elastic(1.5 * pixel, max(6 * pixel, 1)))


def _map_images(function, images, seed):
    """`function(image, seed)` of each image, each with a seed of its own."""
    import tensorflow as tf

    seeds = tf.random.split(seed, images.shape[0])
    changed = [function(image, key) for image, key in zip(tf.unstack(images), tf.unstack(seeds), strict=True)]
    return tf.ensure_shape(tf.stack(changed), images.shape)


def synthetic_tasks(cut=0.5, superpixel=0.25, flip=0.5, invert=0.2):
    """Augmentation that turns an episode into a new task, so that a network must use the references.

    A network trained on few structures can memorise them and ignore the references. Each change applies to query and
    references together:

    - superpixel: query and references become copies of the query (combine it with geometric augmentation), and the
      structure becomes a patch of similar intensity around a random pixel; the idea is that of SSL-ALPNet;
    - cut (episodes without a superpixel): the structure is cut along a line near its centroid, of random direction,
      and only one side is kept;
    - flip: all images and masks are flipped left-right and, independently, up-down;
    - invert: all images become negatives.

    Args:
        cut, superpixel, flip, invert: Probability of each change, in [0, 1].

    Returns:
        A function `(images, masks, seed) -> (images, masks)` of one episode for `training_episodes(augment=)`.

    References: Ouyang et al. (2020), Self-supervision with superpixels, https://arxiv.org/abs/2007.09886; Butoi et al.
    (2023), UniverSeg, https://arxiv.org/abs/2304.06131
    """
    for name, value in (("cut", cut), ("superpixel", superpixel), ("flip", flip), ("invert", invert)):
        check_number(name, value, minimum=0, maximum=1)

    def change(images, masks, seed):
        import tensorflow as tf

        seed, superpixel_seed, cut_seed = tf.unstack(tf.random.split(seed, 3))
        u = tf.random.stateless_uniform((5,), seed)

        def make_superpixel():
            mask = _superpixel(images[0], superpixel_seed)
            return tf.repeat(images[:1], len(images), axis=0), tf.repeat(mask[None], len(images), axis=0)

        def make_part():
            return images, tf.where(u[1] < cut, _cut_masks(masks, cut_seed), masks)

        images, masks = tf.cond(u[0] < superpixel, make_superpixel, make_part)
        for probability, axis in ((u[2], 2), (u[3], 1)):
            images, masks = tf.cond(
                probability < flip,
                lambda i=images, m=masks, a=axis: (tf.reverse(i, [a]), tf.reverse(m, [a])),
                lambda i=images, m=masks: (i, m),
            )
        return tf.where(u[4] < invert, 1.0 - images, images), masks

    change.makes_tasks = cut > 0 or superpixel > 0
    return change


def _superpixel(image, seed):
    """Mask `(height, width)` of the pixels near a random pixel p in position and intensity.

    Pixel x is inside if `|x - p|^2 / radius^2 + (image[x] - image[p])^2 / contrast^2 < 1`, the distance of SLIC
    (Achanta et al., 2012), in an image smoothed over 3x3 pixels.
    """
    import tensorflow as tf

    height, width, _ = image.shape
    u = tf.random.stateless_uniform((4,), seed)
    row, column = tf.cast(u[0] * height, tf.int32), tf.cast(u[1] * width, tf.int32)
    radius = width * (SUPERPIXEL_RADIUS[0] + u[2] * (SUPERPIXEL_RADIUS[1] - SUPERPIXEL_RADIUS[0]))
    contrast = SUPERPIXEL_CONTRAST[0] + u[3] * (SUPERPIXEL_CONTRAST[1] - SUPERPIXEL_CONTRAST[0])
    smooth = tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0, :, :, 0]
    rows, columns = tf.range(height)[:, None] - row, tf.range(width)[None] - column
    distance = tf.cast(rows**2 + columns**2, tf.float32) / radius**2
    return tf.cast(distance + tf.square((smooth - smooth[row, column]) / contrast) < 1.0, tf.float32)


def _cut_masks(masks, seed):
    """One side of each mask `(n, height, width)`, cut in the same random direction near its own centroid."""
    import tensorflow as tf

    _, height, width = masks.shape
    u = tf.random.stateless_uniform((2,), seed)
    angle = 2 * math.pi * u[0]
    rows, columns = tf.range(height, dtype=tf.float32)[:, None], tf.range(width, dtype=tf.float32)
    projection = tf.cos(angle) * columns + tf.sin(angle) * rows
    size = tf.maximum(tf.reduce_sum(masks, axis=(1, 2)), 1.0)
    center = tf.reduce_sum(masks * projection, axis=(1, 2)) / size
    variance = tf.reduce_sum(masks * tf.square(projection - center[:, None, None]), axis=(1, 2)) / size
    line = center + CUT_OFFSET * (2 * u[1] - 1) * tf.sqrt(variance)
    return masks * tf.cast(projection >= line[:, None, None], tf.float32)
