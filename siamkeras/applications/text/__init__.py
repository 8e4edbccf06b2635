"""Text similarity: the STS Benchmark and synthetic sentence pairs."""

from siamkeras.applications.text.stsbenchmark import sts_benchmark
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs

__all__ = ["sts_benchmark", "synthetic_sentence_pairs"]
