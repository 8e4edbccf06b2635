"""Applications of Siamese networks, one package each, imported on first use.

They are built on the core (`siamkeras.*`), never the other way round, and not on each other.
"""

import importlib

__all__ = ["faces", "segmentation", "signatures", "text", "tracking"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"siamkeras.applications.{name}")
    raise AttributeError(f"module 'siamkeras.applications' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__():
    return sorted({*globals(), *__all__})
