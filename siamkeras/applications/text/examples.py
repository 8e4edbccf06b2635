"""Sentence pairs with graded similarity."""

from typing import NamedTuple

import numpy as np


class SentencePairs(NamedTuple):
    """Sentence pairs with a degree of similarity each.

    Attributes:
        left: `(n,)` strings.
        right: `(n,)` strings; `right[i]` belongs to `left[i]`.
        same: `(n,)` float32 in [0, 1]: 1 = equivalent, 0 = unrelated.
        source: The origin of the pairs.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    source: str = "given by the caller"

    def __repr__(self):
        return f"{len(self.same):,} sentence pairs, mean similarity {np.mean(self.same):.2f}, source: {self.source}"

    @property
    def sentences(self):
        """All left sentences followed by all right sentences, `(2 n,)`."""
        return np.concatenate([self.left, self.right])
