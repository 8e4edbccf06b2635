"""Prototypes of a support set and the logits of queries (Snell, Swersky and Zemel, 2017)."""

import numpy as np
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_integer
from siamkeras.losses._inputs import flat_labels

__all__ = ["from_support", "logits"]


def from_support(embeddings, labels, way):
    """The prototype of each class: the mean of its support embeddings.

    Args:
        embeddings: Support embeddings, `(n, dim)`; classes may have different numbers of examples.
        labels: Class index of each embedding, 0 to way - 1, `(n,)`.
        way: Number of classes, at least 1.

    Returns:
        Prototypes, `(way, dim)`; zero for a class without examples.

    >>> from siamkeras import prototypes
    >>> print(prototypes.from_support([[0.0, 0.0], [2.0, 4.0], [5.0, 1.0]], [1, 1, 0], way=2).numpy().tolist())
    [[5.0, 1.0], [1.0, 2.0]]

    Reference: https://arxiv.org/abs/1703.05175
    """
    way = check_integer("way", way, 1)
    if isinstance(labels, (list, tuple, np.ndarray)) and not np.isin(labels, np.arange(way)).all():
        raise ValueError(f"`labels` must be class indices from 0 to {way - 1}. Received: {np.unique(labels)}.")
    labels, embeddings = flat_labels(labels, embeddings)
    is_member = ops.one_hot(ops.cast(labels, "int32"), way, dtype=embeddings.dtype)  # (n, way)
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
