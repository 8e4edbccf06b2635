"""Prototypes of a support set and the logits of queries (Snell, Swersky and Zemel, 2017)."""

from keras import ops

from siamkeras import distances
from siamkeras._validation import check_integer
from siamkeras.losses._inputs import flat_indices

__all__ = ["from_support", "logits"]


def from_support(embeddings, labels, way):
    """The prototype of each class: the mean of its support embeddings.

    Args:
        embeddings: Support embeddings, `(n, dim)`; classes may have different numbers of examples.
        labels: Class index of each embedding, 0 to way - 1, `(n,)`.
        way: Number of classes, at least 1.

    Returns:
        Prototypes, `(way, dim)`; zero for a class without examples. In a compiled graph, which cannot raise an error,
        all are NaN if a label is not a class index.

    Raises:
        ValueError: different numbers of labels and embeddings; a label that is not a class index.

    >>> from siamkeras import prototypes
    >>> print(prototypes.from_support([[0.0, 0.0], [2.0, 4.0], [5.0, 1.0]], [1, 1, 0], way=2).numpy().tolist())
    [[5.0, 1.0], [1.0, 2.0]]

    Reference: https://arxiv.org/abs/1703.05175
    """
    way = check_integer("way", way, 1)
    labels, embeddings, valid = flat_indices(labels, embeddings, way)
    is_member = ops.one_hot(labels, way, dtype=embeddings.dtype)  # (n, way)
    is_member = ops.where(valid[:, None], is_member, float("nan"))
    counts = ops.sum(is_member, axis=0)[:, None]
    return ops.matmul(ops.transpose(is_member), embeddings) / ops.maximum(counts, 1.0)


def logits(queries, prototypes, distance="squared_euclidean", scale=1.0):
    """Logits of each query for each class, `-scale * distance`; their softmax is the class probability.

    Args:
        queries: Embeddings, `(n, dim)`.
        prototypes: `(way, dim)`.
        distance: A name in `distances.DISTANCES`, or a function.
        scale: Factor of the distances. Unit-length embeddings need a scale above 1: their squared Euclidean distances
            are at most 4, so that the largest probability would stay small.

    Returns:
        `(n, way)`.
    """
    return -scale * distances.pairwise(queries, prototypes, distance)
