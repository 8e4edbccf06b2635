"""`tf.data` streams of pairs, triplets, balanced batches and episodes.

A batch is a dict keyed by role ("left", "right", "anchor", ...), and the inputs of the models have the same names.
Every batch is a function of `(seed, step)`. Arrays are not copied; files are read when they are needed.
"""

from siamkeras.generators.balanced import balanced
from siamkeras.generators.concat import concat_batches
from siamkeras.generators.episodes import episodes
from siamkeras.generators.pairs import all_pairs, from_pairs, pairs, same_as_input
from siamkeras.generators.triplets import triplets

__all__ = ["all_pairs", "balanced", "concat_batches", "episodes", "from_pairs", "pairs", "same_as_input", "triplets"]
