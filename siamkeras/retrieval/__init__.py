"""Nearest neighbours among embeddings: what is most like this, and is it like enough?"""

from siamkeras.retrieval.embedding import embed
from siamkeras.retrieval.index import Index, Neighbours

__all__ = ["Index", "Neighbours", "embed"]
