"""Balanced batches in which skilled forgeries are hard negatives."""

import numpy as np

from siamkeras import generators

MIRRORS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


def forgery_batches(signatures, classes=16, per_class=4, steps=None, seed=0, start=0, augment=None, mirror=True):
    """Balanced batches: the genuine signatures of a writer are a class, and the forgeries by each forger another.

    All classes of a writer are in the same batch, together with those of a few other writers. So every genuine
    signature is compared with skilled and with random forgeries. Classes with fewer than `per_class` signatures are
    left out.

    Args:
        signatures: `Signatures` with `authors`.
        classes, per_class, steps, seed, start, augment: As for `generators.balanced`.
        mirror: Whether horizontal, vertical and double reflections count as further writers: four times as many.

    Returns:
        A `tf.data.Dataset` of `(images, labels)`: float32 `(classes * per_class, height, width, 1)` and the number of
        the class, int64 `(classes * per_class,)`.

    Raises:
        ValueError: signatures without `authors`; as for `generators.balanced`.

    >>> from siamkeras.applications import signatures
    >>> few = signatures.synthetic_signatures(writers=2, genuine=3, forged=3, size=(16, 32))
    >>> images, labels = next(iter(signatures.forgery_batches(few, classes=4, per_class=2, mirror=False)))
    >>> sorted(labels.numpy().tolist())  # two writers, and the forgeries of each
    [0, 0, 1, 1, 2, 2, 3, 3]
    """
    if signatures.authors is None:
        raise ValueError("`signatures` must have `authors`. Received: None.")
    keys = np.stack([signatures.labels, signatures.authors], axis=1)
    names, numbers, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    numbers = numbers.reshape(-1)
    is_large = (counts >= per_class)[numbers]
    images, numbers, writers = signatures.images[is_large], numbers[is_large], keys[is_large, 0]
    writers = _joined(writers, numbers)
    mirrors = MIRRORS if mirror else MIRRORS[:1]
    return generators.balanced(
        np.concatenate([images[:, ::down, ::across] for down, across in mirrors]),
        np.concatenate([numbers + len(names) * place for place in range(len(mirrors))]),
        classes,
        per_class,
        steps=steps,
        seed=seed,
        start=start,
        groups=np.concatenate([writers + (writers.max() + 1) * place for place in range(len(mirrors))]),
        augment=augment,
    )


def _joined(writers, numbers):
    """The writers, those with a single class joined with the first writer that has several: groups need two."""
    single = {writer for writer in writers.tolist() if len(set(numbers[writers == writer].tolist())) == 1}
    others = [writer for writer in np.unique(writers).tolist() if writer not in single]
    return np.where(np.isin(writers, list(single)), others[0] if others else 0, writers)
