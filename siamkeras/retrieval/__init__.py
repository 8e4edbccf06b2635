"""Embeddings of images or sentences, and search for nearest neighbours among them."""

from siamkeras.retrieval.embedding import embed
from siamkeras.retrieval.index import Index

__all__ = ["Index", "embed"]
