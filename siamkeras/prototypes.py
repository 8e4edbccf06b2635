"""Few-shot on embeddings: the middle of each class of the support, and how near each query is to it."""

from keras import ops

from siamkeras import distances, losses


def from_support(embeddings, labels, way):
    """The mean embedding of each class (Snell, Swersky and Zemel, 2017).

    Args:
        embeddings: Of the support, `(n, dim)`; classes may have different numbers of examples.
        labels: Class of each, whole numbers from 0 to way - 1, `(n,)`.
        way: How many classes there are.

    Returns:
        `(way, dim)`, in float32 at least; a class without examples is at 0.

    Raises:
        ValueError: labels and embeddings that do not belong together; way below 1; labels, where they are known and not
            part of a graph, that are not whole numbers from 0 to way - 1.

    >>> from siamkeras.prototypes import prototypes
    >>> print(prototypes([[0.0, 0.0], [2.0, 4.0], [5.0, 1.0]], [1, 1, 0], way=2).numpy().tolist())
    [[5.0, 1.0], [1.0, 2.0]]

    Reference: https://arxiv.org/abs/1703.05175
    """
    way = losses.check_whole("way", way, 1)
    losses.check_known_labels(labels, 0, way - 1)
    labels, embeddings = losses.labelled(labels, embeddings)
    belongs = ops.one_hot(ops.cast(labels, "int32"), way, dtype=embeddings.dtype)  # (n, way)
    counts = ops.sum(belongs, axis=0)[:, None]
    return ops.matmul(ops.transpose(belongs), embeddings) / ops.maximum(counts, 1.0)


def logits(queries, prototypes, distance="squared_euclidean", scale=1.0):
    """Logits of each query for each class: `-scale * distance`, whose softmax is the probability of the class.

    Args:
        queries: Embeddings, `(n, dim)`.
        prototypes: `(way, dim)`.
        distance: A name in `distances.DISTANCES`, or a function of the same kind. With `"cosine"` this is the softmax
            over cosine similarities, of which each logit is larger by the same `scale`.
        scale: What distances are multiplied by. Embeddings of length 1 are at most 2 apart: a softmax over these
            alone could never be sure.

    Returns:
        `(n, way)`.

    Raises:
        ValueError: as `distances.pairwise`.
    """
    return -scale * distances.pairwise(queries, prototypes, distance)
