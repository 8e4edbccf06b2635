"""Pairs of sentences with a degree of similarity."""

from typing import NamedTuple

import numpy as np


class SentencePairs(NamedTuple):
    """Pairs of sentences, and how alike the two of each are in meaning.

    Attributes:
        left: `(n,)` strings.
        right: `(n,)` strings; `right[i]` goes with `left[i]`.
        same: `(n,)` float32 in [0, 1]: 1 = they mean the same, 0 = they have nothing to do with each other.
        source: Where the pairs come from, in one sentence.
    """

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray
    source: str = "given by the caller"

    def __repr__(self):
        return f"{len(self.same):,} pairs of sentences, mean same {np.mean(self.same):.2f}, source: {self.source}"

    @property
    def sentences(self):
        """All sentences, `(2 n,)`: first those on the left, then those on the right."""
        return np.concatenate([self.left, self.right])
