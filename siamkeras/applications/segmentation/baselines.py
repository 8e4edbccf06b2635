"""Baselines without training: transferred masks, registration, and prototypes of pixel features.

Every baseline takes `EvaluationEpisodes.inputs`, as a `few_shot_segmenter` does, and returns masks.
"""

import numpy as np

from siamkeras.applications.segmentation._episodes import check_episodes

# Chosen on validation subjects of the hippocampus data set, for both structures. Lengths are fractions of the height.
MAX_SHIFT, MARGIN = 1 / 16, 1 / 12  # of the registration; the margin is the context around a mask
BLURS = (0.0, 1 / 48, 1 / 24, 1 / 12)  # standard deviations of the Gaussian filters behind the pixel features
POSITION_WEIGHT = 2.0  # distance across the whole image, relative to the range of intensities
GRID = 12  # cells of a reference along each side, each with its own prototypes


def majority_mask(inputs):
    """The pixels that are inside at least half of the reference masks.

    Args:
        inputs: As in `EvaluationEpisodes.inputs`, with values in [0, 1]; mask values of at least 0.5 are inside.

    Returns:
        `(n, height, width)` booleans.
    """
    _, _, masks = check_episodes(inputs)
    return masks.mean(axis=1) >= 0.5


def registered_nearest(inputs):
    """The mask of the most similar reference, shifted by registration.

    Each reference is registered to the query by whole-pixel shifts of at most 1/16 of the height, which maximise the
    correlation of intensities in and around its mask. The mask of the reference with the highest correlation is used;
    references with an empty mask are ignored. Arguments and result are those of `majority_mask`.
    """
    from scipy.ndimage import shift

    queries, references, masks = check_episodes(inputs)
    predictions = np.zeros(queries.shape, bool)
    for index, query in enumerate(queries):
        best = -np.inf
        for reference, mask in zip(references[index], masks[index], strict=True):
            if not mask.any():
                continue
            correlation, offset = _register(reference, mask, query)
            if correlation > best:
                best = correlation
                predictions[index] = shift(mask.astype("float32"), offset, order=0) > 0.5
    return predictions


def _register(reference, mask, query):
    """The highest correlation of the region around a mask with the shifted query, and its shift `(down, right)`."""
    from scipy.ndimage import binary_dilation

    height = len(query)
    region = binary_dilation(mask, iterations=max(round(MARGIN * height), 1))
    steps = round(MAX_SHIFT * height)
    padded = np.pad(query.astype("float64"), steps, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, query.shape)[:, :, region]  # (down, right, pixels)
    windows = windows - windows.mean(axis=-1, keepdims=True)
    template = reference[region].astype("float64")
    template = template - template.mean()
    norms = np.sqrt((windows**2).sum(axis=-1) * (template**2).sum())
    correlation = np.where(norms > 1e-4, windows @ template / np.maximum(norms, 1e-4), 0.0)
    offsets = np.arange(-steps, steps + 1)
    penalty = 1e-9 * np.hypot(offsets[:, None], offsets)  # the smallest of equally good shifts
    down, right = np.unravel_index((correlation - penalty).argmax(), correlation.shape)
    return correlation[down, right], (offsets[down], offsets[right])


def prototype_matching(inputs):
    """Labels every pixel of the query like its nearest prototype, without a trained network.

    Each reference is divided into a grid of cells. The mean of the pixels of a cell inside the mask is a prototype of
    the structure, the mean of the other pixels a prototype of the background, as in ALPNet: one global prototype of
    the background would resemble nothing in the image. Pixels are described by smoothed intensities and position.
    Arguments and result are those of `majority_mask`.

    Reference: Ouyang et al. (2020), Self-supervision with superpixels, https://arxiv.org/abs/2007.09886
    """
    from scipy.spatial import cKDTree

    queries, references, masks = check_episodes(inputs)
    predictions = np.zeros(queries.shape, bool)
    for index, query in enumerate(queries):
        used = masks[index].any(axis=(1, 2))
        mask = masks[index][used]
        if mask.all():
            raise ValueError(f"References must have background pixels. Received: only full masks in episode {index}.")
        features, cells = _pixel_features(references[index][used]), _grid_cells(mask.shape)
        inside = _cell_means(features[mask], cells[mask])
        outside = _cell_means(features[~mask], cells[~mask])
        pixels = _pixel_features(query[None]).reshape(query.size, -1)
        _, nearest = cKDTree(np.concatenate([inside, outside])).query(pixels)
        predictions[index] = (nearest < len(inside)).reshape(query.shape)
    return predictions


def _pixel_features(images):
    """Smoothed intensities and the position of each pixel, `(k, height, width, features)`."""
    from scipy.ndimage import gaussian_filter

    height, width = images.shape[1:]
    rows, columns = POSITION_WEIGHT * np.mgrid[:height, :width] / max(height, width)
    features = [gaussian_filter(images.astype("float32"), (0, sigma * height, sigma * height)) for sigma in BLURS]
    features += [np.broadcast_to(position, images.shape) for position in (rows, columns)]
    return np.stack(features, axis=-1).astype("float32")


def _grid_cells(shape):
    """The grid cell of each pixel, integers of `shape` `(references, height, width)`."""
    count, height, width = shape
    rows, columns = np.arange(height) * GRID // height, np.arange(width) * GRID // width
    return np.arange(count)[:, None, None] * GRID**2 + rows[:, None] * GRID + columns


def _cell_means(features, cells):
    """The mean feature vector of each cell that has pixels, `(cells, features)`."""
    _, index = np.unique(cells, return_inverse=True)
    sums = np.stack([np.bincount(index, column) for column in features.T], axis=1)
    return sums / np.bincount(index)[:, None]
