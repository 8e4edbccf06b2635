"""Synthetic stand-ins for Omniglot and Snacks, rendered from a seed."""

from siamkeras.synthetic.glyphs import glyphs
from siamkeras.synthetic.snacks import snacks

__all__ = ["glyphs", "snacks"]
