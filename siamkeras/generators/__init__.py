"""`tf.data` streams of pairs, triplets, balanced batches and episodes.

A batch is a dict keyed by role ("left", "right", "anchor", ...), and the inputs of the models have the same names.
Batches sampled from labelled examples are functions of `(seed, step)`; `from_pairs`, `from_triplets` and `two_views`
shuffle anew in each pass. Arrays are not copied; files are read when they are needed.
"""

from siamkeras.generators.balanced import balanced
from siamkeras.generators.concat import concat_batches
from siamkeras.generators.episodes import episodes
from siamkeras.generators.pairs import all_pairs, from_pairs, pairs, positive_pairs, same_as_input, two_views
from siamkeras.generators.triplets import from_triplets, triplets

__all__ = [
    "all_pairs",
    "balanced",
    "concat_batches",
    "episodes",
    "from_pairs",
    "from_triplets",
    "pairs",
    "positive_pairs",
    "same_as_input",
    "triplets",
    "two_views",
]
