"""What a network that compares has to beat: masks carried over from the references, and prototypes with no decoder.

All take what a segmentation model takes, `{"query", "references", "masks"}`, and give masks:

```python
asked = segmentation.trials(slices, 2, references=5)
for baseline in (baselines.copied, baselines.nearest, baselines.prototypes):
    evaluation.dice(baseline(asked.inputs), asked.truth)
```
"""

import numpy as np

from siamkeras._validation import check_integer

# Chosen on validation subjects of the hippocampus set, for both structures. As shares of the height of an image: how
# far a mask is moved at most, and how far around it a reference is looked at.
FARTHEST, AROUND = 1 / 16, 1 / 12
# Of the features of a pixel: the standard deviations with which intensities are smoothed, as shares of the height; and
# what a step from one side of the image to the other is worth, as the range of intensities is worth 1.
SMOOTH, PLACE = (0.0, 1 / 48, 1 / 24, 1 / 12), 2.0
# And how many cells a reference has across, each with a prototype of its own.
CELLS = 12


def copied(inputs):
    """The references' masks as they are: inside is what is inside in at least half of them.

    Args:
        inputs: `{"query": (n, height, width, 1), "references": (n, references, height, width, 1), "masks": (n,
            references, height, width)}`; masks are booleans, or numbers from 0 to 1 of which at least 0.5 is inside.

    Returns:
        `(n, height, width)` booleans.

    Raises:
        ValueError: roles that are missing, shapes that do not belong together, images that are not finite, masks
            outside [0, 1], an episode whose masks are all empty.
    """
    _, _, masks = checked_episodes(inputs)
    return masks.mean(axis=1) >= 0.5


def nearest(inputs):
    """The mask of the reference that is most like the query, moved to where it fits best.

    Each reference is registered by whole pixels, at most a sixteenth of the image: what lies in its mask and close
    around it is laid where it correlates most with the query. Of several, the mask of the highest correlation is taken.

    Args, returns, raises: as for `copied`; a reference with an empty mask is passed over.
    """
    queries, references, masks = checked_episodes(inputs)
    found = np.zeros(queries.shape, bool)
    for place, query in enumerate(queries):
        best = -np.inf
        for reference, mask in zip(references[place], masks[place], strict=True):
            if mask.any():
                score, shift = registered(reference, mask, query)
                if score > best:
                    best, found[place] = score, moved(mask, shift)
    return found


def registered(reference, mask, query, farthest=FARTHEST, around=AROUND):
    """Where a part of a reference fits best on a query: by the correlation of all pixels in the part.

    Args:
        reference: `(height, width)`.
        mask: `(height, width)` booleans: what is looked for, together with what lies around it.
        query: `(height, width)`.
        farthest: How far it is moved at most, as a share of the height.
        around: How far around the mask a reference is looked at, as a share of the height.

    Returns:
        `(score, (down, right))`: the correlation there, -1 to 1, and the whole pixels by which the mask is to be moved.
    """
    from scipy.ndimage import binary_dilation

    height, width = query.shape
    reference, query = reference.astype("float64"), query.astype("float64")
    part = binary_dilation(mask, iterations=max(round(around * height), 1)).astype("float64")
    # Every shift at once, as products of spectra; twice the size, so that nothing comes in again at the other side.
    size = 2 * height, 2 * width

    def spectra(*images):
        return (np.fft.rfft2(image, size) for image in images)

    def summed(one, other):
        return np.fft.irfft2(np.conj(one) * other, size)

    looked, light, power = spectra(part, part * reference, part * reference**2)
    ones, there, squared = spectra(np.ones(query.shape), query, query**2)
    count = np.maximum(np.rint(summed(looked, ones)), 1.0)  # pixels of the part that are still in the image
    sums, sums_there = summed(light, ones), summed(looked, there)
    both = summed(light, there) - sums * sums_there / count
    spread = (summed(power, ones) - sums**2 / count) * (summed(looked, squared) - sums_there**2 / count)
    score = np.where(spread > 1e-8, both / np.sqrt(np.maximum(spread, 1e-8)), 0.0)
    down, right = (np.fft.fftfreq(side, 1 / side).round().astype(int) for side in size)
    far = round(farthest * height)
    score[(np.abs(down) > far)[:, None] | (np.abs(right) > far)] = -np.inf
    # Of shifts that fit alike, as where nothing is to be seen, the smallest.
    score = score - 1e-9 * np.hypot(down[:, None], right)
    at = np.unravel_index(score.argmax(), size)
    return float(score[at]), (int(down[at[0]]), int(right[at[1]]))


def moved(mask, shift):
    """The mask, moved down and to the right by whole pixels; what leaves the image is lost."""
    found = np.zeros_like(mask)
    (to_y, from_y), (to_x, from_x) = (
        (slice(max(step, 0), side + min(step, 0)), slice(max(-step, 0), side - max(step, 0)))
        for step, side in zip(shift, mask.shape, strict=True)
    )
    found[to_y, to_x] = mask[from_y, from_x]
    return found


def prototypes(inputs, features=None, cells=CELLS, place=PLACE):
    """Every pixel of the query goes the way of the prototype that it is nearest to, with no decoder behind.

    The references are cut into cells. The mean over what lies inside the mask in a cell is a prototype of the inside,
    the mean over the rest of the cell one of the outside, as in ALPNet: a single prototype of all that is outside would
    be like nothing in the image. How far a pixel is from a prototype is told by features, and by place.

    Args:
        inputs: As for `copied`.
        features: A function from images `(k, height, width, 1)` to features `(k, rows, columns, dim)`, such as a
            tower's `predict`; coarser maps are enlarged. None for `pixel_features`.
        cells: Cells across a reference, and down; 1 for one prototype of the inside and one of the outside of each.
        place: What a step from one side of the image to the other is worth, in units of the features; 0 for nothing.

    Returns:
        `(n, height, width)` booleans.

    Raises:
        ValueError: as `copied`; an episode whose masks are full; features of another shape; numbers out of range.

    Ouyang et al. (2020), Self-supervision with superpixels, https://arxiv.org/abs/2007.09886
    """
    from scipy.spatial import cKDTree

    queries, references, masks = checked_episodes(inputs)
    count, height, width = references.shape[1:]
    full = np.flatnonzero(masks.all(axis=(1, 2, 3)))
    if full.size:
        raise ValueError(f"References must show something beside what is looked for. Received: episode {full[0]}.")
    cells = check_integer("cells", cells, 1)
    if isinstance(place, bool) or not isinstance(place, (int, float)) or not 0 <= place < np.inf:
        raise ValueError(f"`place` is a number of at least 0. Received: place={place!r}.")
    features = pixel_features if features is None else features
    down, right = np.mgrid[:height, :width] / max(height, width)
    cell = (np.arange(height) * cells // height)[:, None] * cells + np.arange(width) * cells // width
    cell = cell + np.arange(count)[:, None, None] * cells**2
    found = np.zeros(queries.shape, bool)
    for at, (query, shown, inside) in enumerate(zip(queries, references, masks, strict=True)):
        described = _described(features, np.concatenate([shown, query[None]]), place * down, place * right)
        kinds = [_means(described[:-1][kind], cell[kind]) for kind in (inside, ~inside)]
        _, near = cKDTree(np.concatenate(kinds)).query(described[-1].reshape(height * width, -1))
        found[at] = (near < len(kinds[0])).reshape(height, width)
    return found


def pixel_features(images):
    """The intensity of each pixel, and that of ever larger surroundings, `(k, height, width, 4)`."""
    from scipy.ndimage import gaussian_filter

    images = np.asarray(images)[..., 0]
    return np.stack([gaussian_filter(images, (0, *2 * [share * images.shape[1]])) for share in SMOOTH], axis=-1)


def _described(features, images, *places):
    """Features and place of each pixel, `(k, height, width, dim + 2)`."""
    from scipy.ndimage import zoom

    maps = np.asarray(features(images[..., None]), "float32")
    if maps.ndim != 4 or len(maps) != len(images) or not maps.size or not np.isfinite(maps).all():
        raise ValueError(
            f"`features` must give finite ({len(images)}, rows, columns, dim) for as many images. Received: "
            f"{maps.dtype}, shape {maps.shape}."
        )
    if maps.shape[1:3] != images.shape[1:]:
        times = [want / have for want, have in zip(images.shape[1:], maps.shape[1:3], strict=True)]
        maps = zoom(maps, (1, *times, 1), order=1, mode="nearest", grid_mode=True)
    where = [np.broadcast_to(each, images.shape) for each in places]
    return np.concatenate([maps, np.stack(where, axis=-1).astype("float32")], axis=-1)


def _means(values, cells):
    """The mean of the values of each cell that has some, `(cells, dim)`."""
    _, cell = np.unique(cells, return_inverse=True)
    return np.stack([np.bincount(cell, column) for column in values.T], axis=1) / np.bincount(cell)[:, None]


def checked_episodes(inputs):
    """Queries `(n, height, width)`, references and masks `(n, references, height, width)`, masks as booleans.

    Raises:
        ValueError: as `copied`.
    """
    roles = ("query", "references", "masks")
    if not isinstance(inputs, dict) or not set(roles) <= set(inputs):
        came = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(f"Episodes are a dict of {', '.join(map(repr, roles))}. Received: {came}.")
    queries, references, masks = (np.asarray(inputs[role]) for role in roles)
    if masks.ndim == 5 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    fits = (
        queries.ndim == 4
        and references.ndim == 5
        and queries.size
        and references.size
        and queries.shape[-1] == 1
        and references.shape == (len(queries), references.shape[1], *queries.shape[1:])
        and masks.shape == references.shape[:-1]
    )
    if not fits:
        raise ValueError(
            "Queries are (n, height, width, 1), references (n, references, height, width, 1) of the same size, masks "
            f"(n, references, height, width). Received: {queries.shape}, {references.shape}, {masks.shape}."
        )
    for role, images in (("query", queries), ("references", references)):
        if images.dtype.kind not in "biuf" or not np.isfinite(images).all():
            raise ValueError(f"Images are finite numbers. Received: {images.dtype} that are none as {role!r}.")
    if masks.dtype.kind not in "biuf":
        raise ValueError(f"Masks are booleans, or numbers from 0 to 1. Received: {masks.dtype}.")
    if masks.dtype.kind != "b" and not ((masks >= 0) & (masks <= 1)).all():  # NaN is not
        raise ValueError(f"Masks lie in [0, 1]. Received: values from {masks.min():.4g} to {masks.max():.4g}.")
    masks = masks >= 0.5
    empty = np.flatnonzero(~masks.any(axis=(1, 2, 3)))
    if empty.size:
        raise ValueError(
            f"The references must show what is looked for. Received: empty masks alone in episode {empty[0]}, and in "
            f"{empty.size} of {len(queries)}."
        )
    return queries[..., 0], references[..., 0], masks
