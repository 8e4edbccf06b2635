"""Baselines without a training set: transferred masks, registration, a random forest, and prototypes.

Every baseline takes `EvaluationEpisodes.inputs`, as a `few_shot_segmenter` does, and returns masks.
"""

import numpy as np

from siamkeras.applications.segmentation._episodes import check_episodes

# Chosen on validation subjects: registration, fusion and forest for two organs of the CHAOS data set, the others
# for both structures of the hippocampus data set. Lengths are fractions of the height.
ATTACHMENT = 15  # weight of the intensities in the registration; a smaller value is a smoother flow
FUSION_BLUR, FUSION_SCALE = 1 / 12, 0.01  # of the squared differences in the label fusion
FOREST_TREES, FOREST_PIXELS = 50, 20_000
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


def registered_fusion(inputs):
    """Registration with label fusion: warped reference masks, weighted by the local similarity of the images.

    Each reference slice is registered to the query slice, in two dimensions, with the TV-L1 optical flow of
    scikit-image. It compares intensities directly, so scans must have a similar contrast. The warped masks are averaged
    with the weights `exp(-d / FUSION_SCALE)` of each pixel, where `d` is the squared difference between the query and
    the warped reference, smoothed with a Gaussian filter. References with an empty mask count as background.

    Args:
        inputs: As for `majority_mask`.

    Returns:
        Fraction of the weights that are inside, `(n, height, width)` float32; values of at least 0.5 are inside.

    Raises:
        ImportError: scikit-image is not installed.

    References: Zach, Pock and Bischof (2007), A duality based approach for realtime TV-L1 optical flow; Artaechevarria,
    Munoz-Barrutia and Ortiz-de-Solorzano (2009), Combination strategies in multi-atlas image segmentation.
    """
    from scipy.ndimage import gaussian_filter

    queries, references, masks = check_episodes(inputs)
    predictions, warped = np.zeros(queries.shape, "float32"), {}
    for index, query in enumerate(queries):
        differences, votes = np.zeros((2, *references[index].shape))
        for place, (reference, mask) in enumerate(zip(references[index], masks[index], strict=True)):
            pair = query.tobytes(), reference.tobytes()  # other episodes may compare the same two slices
            if pair not in warped:
                coordinates = _register(query, reference)
                difference = np.square(_warp(reference, coordinates) - query)
                warped[pair] = coordinates, gaussian_filter(difference, FUSION_BLUR * len(query))
            coordinates, differences[place] = warped[pair]
            votes[place] = _warp(mask, coordinates)
        weights = np.exp((differences.min(axis=0) - differences) / FUSION_SCALE)
        predictions[index] = (weights * votes).sum(axis=0) / weights.sum(axis=0)
    return predictions


def _register(query, reference):
    """For each pixel of the query, the coordinates of the same place in the reference, `(2, height, width)`."""
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError as error:
        raise ImportError("Registration needs scikit-image: `pip install scikit-image`.") from error
    return np.indices(query.shape) + optical_flow_tvl1(query, reference, attachment=ATTACHMENT)


def _warp(image, coordinates):
    from scipy.ndimage import map_coordinates

    return map_coordinates(image.astype("float32"), coordinates, order=1, mode="nearest")


def pixel_forest(inputs):
    """A random forest on the pixels of the references.

    Pixels are described by intensity, smoothed intensities, gradient magnitudes and position. One forest is trained for
    each set of references, so all queries of a part of a volume share a forest.

    Args:
        inputs: As for `majority_mask`.

    Returns:
        Mean over the trees of the probability that a pixel is inside, `(n, height, width)` float32; 0.5 and above is
        inside.

    Reference: Breiman (2001), Random forests, https://doi.org/10.1023/A:1010933404324
    """
    from sklearn.ensemble import RandomForestClassifier

    queries, references, masks = check_episodes(inputs)
    predictions, groups = np.zeros(queries.shape, "float32"), {}
    for index in range(len(queries)):
        groups.setdefault((references[index].tobytes(), masks[index].tobytes()), []).append(index)
    for group in groups.values():
        known, mask = references[group[0]], masks[group[0]]
        pixels, labels = _pixel_features(known, gradients=True).reshape(mask.size, -1), mask.ravel()
        chosen = np.random.default_rng(0).permutation(mask.size)[:FOREST_PIXELS]
        forest = RandomForestClassifier(FOREST_TREES, random_state=0, n_jobs=-1)
        forest.fit(pixels[chosen], labels[chosen])
        if forest.classes_[-1]:  # some of the chosen pixels are inside
            pixels = _pixel_features(queries[group], gradients=True)
            inside = forest.predict_proba(pixels.reshape(-1, pixels.shape[-1]))[:, -1]
            predictions[group] = inside.reshape(-1, *queries.shape[1:])
    return predictions


def prototype_matching(inputs):
    """Labels every pixel of the query like its nearest prototype, without a trained network.

    Each reference is divided into a grid of cells. The mean of the pixels of a cell inside the mask is a prototype of
    the structure, the mean of the other pixels a prototype of the background. ALPNet has local prototypes too, of
    trained features: one global prototype of the background would resemble little in the image. Pixels are described
    by smoothed intensities and position. Arguments and result are those of `majority_mask`.

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


def _pixel_features(images, gradients=False):
    """Smoothed intensities, gradient magnitudes (optional) and position of each pixel, `(k, h, w, features)`."""
    from scipy.ndimage import gaussian_filter, sobel

    height, width = images.shape[1:]
    rows, columns = POSITION_WEIGHT * np.mgrid[:height, :width] / max(height, width)
    features = [gaussian_filter(images.astype("float32"), (0, sigma * height, sigma * height)) for sigma in BLURS]
    if gradients:
        features += [np.hypot(sobel(smooth, axis=1), sobel(smooth, axis=2)) for smooth in features]
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
