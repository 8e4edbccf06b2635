"""Embedded stand-ins: data drawn from a seed, for when the real set cannot be had."""

from siamkeras.synthetic.glyphs import glyphs
from siamkeras.synthetic.signatures import signatures
from siamkeras.synthetic.snacks import snacks

__all__ = ["glyphs", "signatures", "snacks"]
