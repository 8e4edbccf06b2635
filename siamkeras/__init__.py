"""siamkeras: Siamese networks and metric learning in Keras.

Shared-weight towers, contrastive and triplet losses, `tf.data` generators of pairs, triplets and episodes, retrieval
and evaluation. `import siamkeras` loads what a saved model needs (layers, losses, metrics); the other modules load on
first use, and so do `siamkeras.applications.*`.
"""

import importlib

from siamkeras import distances, layers, losses, metrics, towers

__version__ = "0.1.0"

_LAZY = (
    "applications",
    "augmentation",
    "callbacks",
    "data",
    "environment",
    "evaluation",
    "generators",
    "models",
    "plotting",
    "prototypes",
    "retrieval",
    "tokenizers",
)

__all__ = ["distances", "layers", "losses", "metrics", "towers", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"siamkeras.{name}")
    raise AttributeError(f"module 'siamkeras' has no attribute {name!r}. It has: {', '.join(sorted(__all__))}.")


def __dir__():
    return sorted({*globals(), *__all__})
