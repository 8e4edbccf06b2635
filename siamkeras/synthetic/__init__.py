"""Embedded stand-ins: data drawn from a seed, for when the real set cannot be had."""

from siamkeras.synthetic.faces import faces
from siamkeras.synthetic.glyphs import glyphs
from siamkeras.synthetic.phantoms import phantoms
from siamkeras.synthetic.photographs import photographs
from siamkeras.synthetic.sentences import sentence_pairs
from siamkeras.synthetic.signatures import signatures
from siamkeras.synthetic.snacks import snacks
from siamkeras.synthetic.videos import videos

__all__ = ["faces", "glyphs", "phantoms", "photographs", "sentence_pairs", "signatures", "snacks", "videos"]
