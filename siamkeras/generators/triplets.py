"""Streams of triplets."""

from siamkeras._validation import check_integer
from siamkeras.generators import _sampling
from siamkeras.generators._batching import StreamOptions, by_role, check_labelled, given_batches, sampled_batches


def triplets(
    images,
    labels,
    batch_size=64,
    steps=None,
    seed=0,
    start=0,
    groups=None,
    load=None,
    augment=None,
    scale=True,
    text=False,
    shard=None,
):
    """Batches of triplets: an anchor, another image of its class (positive) and an image of another class (negative).

    A batch has inputs and no y, for models that contain their loss, see `models.triplet`. All classes have the same
    probability.

    Args:
        images, labels, steps, seed, start, load, augment, scale, text, shard: As for `generators.pairs`.
        batch_size: Triplets in a batch.
        groups: As for `generators.pairs`; the negative belongs to the group of the anchor.

    Returns:
        A `tf.data.Dataset` of `{"anchor", "positive", "negative"}`, float32 or text `(batch_size, ...)` each.
    """
    images, labels, options = check_labelled(images, labels, steps, seed, start, load, augment, scale, text, shard)
    batch_size = check_integer("batch_size", batch_size, 1)
    table = _sampling.ClassTable.from_labels(labels, groups)

    def sample(step):
        return _sampling.triplet_indices(table, batch_size, options.seed, step), ()

    return sampled_batches(sample, images, by_role("anchor", "positive", "negative"), batch_size, options)


def from_triplets(
    anchor,
    positive,
    negative,
    batch_size=64,
    shuffle=True,
    seed=0,
    load=None,
    augment=None,
    text=False,
    scale=True,
    shard=None,
    remainder=True,
):
    """Batches of ready-made triplets. One pass yields each triplet once.

    For `models.triplet`, or as hard negatives for `models.in_batch_softmax(tower, negatives=True)`. Anchors and
    positives without negatives are trained with `models.in_batch_softmax` on `from_pairs(anchor, positive, None)`: the
    positives of the other pairs in a batch are the negatives.

    Args:
        anchor: `(n, ...)` float32 or uint8 images; or file paths `(n,)`, with `load`; or text (see `text`).
        positive, negative: As `anchor`; `positive[i]` and `negative[i]` are compared with `anchor[i]`.
        batch_size, shuffle, seed, load, augment, text, scale, shard, remainder: As for `generators.from_pairs`.

    Returns:
        A `tf.data.Dataset` of `{"anchor", "positive", "negative"}`, float32 or text `(batch, ...)` each.

    >>> from siamkeras import generators
    >>> stream = generators.from_triplets(["big", "hot"], ["large", "warm"], ["small", "cold"], text=True, batch_size=1)
    >>> sorted(batch["negative"].numpy().tolist() for batch in stream)
    [[b'cold'], [b'small']]
    """
    inputs = {"anchor": anchor, "positive": positive, "negative": negative}
    options = StreamOptions(None, seed, load=load, augment=augment, scale=scale, shard=shard)
    return given_batches(inputs, None, batch_size, shuffle, options, text, remainder=remainder)
