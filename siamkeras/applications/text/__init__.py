"""Text similarity: the STS Benchmark, GloVe word vectors."""

from siamkeras.applications.text.glove import glove, glove_words
from siamkeras.applications.text.stsbenchmark import sts_benchmark

__all__ = ["glove", "glove_words", "sts_benchmark"]
