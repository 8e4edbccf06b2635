"""Endless tf.data streams of what a Siamese network learns from: batches of named inputs.

`sampling` decides which examples, here they are looked up and named by their role. Nothing is drawn in Python, no
list of pairs is held, and images are never copied as a whole: an array stays where it is (also a `numpy.memmap`), and
files are read as they are needed.
"""

from siamkeras.generators.batching import balanced, triplets
from siamkeras.generators.few_shot import episodes
from siamkeras.generators.mixing import mixed
from siamkeras.generators.pairing import from_pairs, pairs

__all__ = ["balanced", "episodes", "from_pairs", "mixed", "pairs", "triplets"]
