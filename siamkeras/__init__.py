"""siamkeras: Siamese networks in Keras, and a course on them.

Shared-weight towers, contrastive and triplet losses, tf.data streams of pairs, triplets, balanced batches and
episodes, and what measures and searches embeddings. What a saved model needs is imported at once; what needs
TensorFlow, matplotlib or scikit-learn, when it is first used.
"""

import importlib

from siamkeras import (
    callbacks,
    distances,
    layers,
    losses,
    masks,
    metrics,
    miners,
    models,
    prototypes,
    segmentation,
    tokens,
    towers,
    tracking,
)

__version__ = "0.1.0"

_LAZY = (
    "augmentation",
    "data",
    "downloads",
    "environment",
    "evaluation",
    "examples",
    "generators",
    "plotting",
    "retrieval",
    "sampling",
    "slices",
    "synthetic",
    "videos",
)

__all__ = [
    "callbacks",
    "distances",
    "layers",
    "losses",
    "masks",
    "metrics",
    "miners",
    "models",
    "prototypes",
    "segmentation",
    "tokens",
    "towers",
    "tracking",
    *_LAZY,
]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"siamkeras.{name}")
    raise AttributeError(f"module 'siamkeras' has no attribute {name!r}. It has: {', '.join(sorted(__all__))}.")


def __dir__():
    return sorted({*globals(), *__all__})
