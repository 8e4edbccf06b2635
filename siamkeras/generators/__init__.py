"""`tf.data` generators of pairs, triplets, balanced batches and episodes.

Batches are dicts keyed by role ("left", "right", "anchor", ...), and Inputs have the same names. Every batch is a
function of `(seed, step)`. Images are looked up when they are needed; an array is not copied, and files are read on
the way.
"""

from siamkeras.generators._sampling import all_pairs
from siamkeras.generators.balanced import balanced, triplets
from siamkeras.generators.episodes import episodes
from siamkeras.generators.mixed import mixed
from siamkeras.generators.pairs import from_pairs, pairs

__all__ = ["all_pairs", "balanced", "episodes", "from_pairs", "mixed", "pairs", "triplets"]
