"""Streams of triplets."""

from siamkeras._validation import check_integer
from siamkeras.generators import _sampling
from siamkeras.generators._batching import check_labelled, sampled_batches


def triplets(images, labels, batch_size=64, steps=None, seed=0, start=0, groups=None, load=None, augment=None):
    """Batches of triplets: an anchor, another image of its class (positive) and an image of another class (negative).

    A batch has inputs and no y, for models that contain their loss, see `models.triplet`. All classes have the same
    probability.

    Args:
        images, labels: As for `generators.pairs`.
        batch_size: Triplets in a batch.
        steps, seed, start: As for `generators.pairs`.
        groups: As for `generators.pairs`; the negative belongs to the group of the anchor.
        load, augment: As for `generators.pairs`.

    Returns:
        A `tf.data.Dataset` of `{"anchor", "positive", "negative"}`, float32 `(batch_size, ...)` each.

    Raises:
        ValueError, FileNotFoundError: as `generators.pairs`.

    >>> import numpy as np
    >>> from siamkeras import generators
    >>> images = np.arange(6, dtype="float32").reshape(6, 1)  # image i contains the number i
    >>> batch = next(iter(generators.triplets(images, [10, 10, 10, 20, 20, 20], batch_size=4, seed=1)))
    >>> [(batch[role][:, 0] // 3).numpy().tolist() for role in batch]
    [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment)
    batch_size = check_integer("batch_size", batch_size, 1)
    table = _sampling.ClassTable.from_labels(labels, groups)

    def sample(step):
        return _sampling.triplet_indices(table, batch_size, options.seed, step), ()

    def to_batch(images, _):
        return dict(zip(("anchor", "positive", "negative"), images, strict=True))

    return sampled_batches(sample, images, to_batch, batch_size, options)
