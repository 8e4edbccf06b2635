"""Streams of triplets."""

from siamkeras._validation import check_integer
from siamkeras.generators import _sampling
from siamkeras.generators._batching import check_labelled, sampled_batches


def triplets(
    images, labels, batch_size=64, steps=None, seed=0, start=0, groups=None, load=None, augment=None, scale=True
):
    """Batches of triplets: an anchor, another image of its class (positive) and an image of another class (negative).

    A batch has inputs and no y, for models that contain their loss, see `models.triplet`. All classes have the same
    probability.

    Args:
        images, labels, steps, seed, start, load, augment, scale: As for `generators.pairs`.
        batch_size: Triplets in a batch.
        groups: As for `generators.pairs`; the negative belongs to the group of the anchor.

    Returns:
        A `tf.data.Dataset` of `{"anchor", "positive", "negative"}`, float32 `(batch_size, ...)` each.
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale)
    batch_size = check_integer("batch_size", batch_size, 1)
    table = _sampling.ClassTable.from_labels(labels, groups)

    def sample(step):
        return _sampling.triplet_indices(table, batch_size, options.seed, step), ()

    def to_batch(images, _):
        return dict(zip(("anchor", "positive", "negative"), images, strict=True))

    return sampled_batches(sample, images, to_batch, batch_size, options)
