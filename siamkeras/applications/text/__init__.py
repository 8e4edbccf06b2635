"""Text similarity: the STS Benchmark and synthetic sentence pairs."""

from siamkeras.applications.text import synthetic
from siamkeras.applications.text.data import sentence_pairs
from siamkeras.applications.text.examples import SentencePairs

__all__ = ["SentencePairs", "sentence_pairs", "synthetic"]
