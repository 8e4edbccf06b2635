"""Text similarity: the STS Benchmark, synthetic sentence pairs, GloVe word vectors."""

from siamkeras.applications.text.glove import glove
from siamkeras.applications.text.stsbenchmark import sts_benchmark
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs

__all__ = ["glove", "sts_benchmark", "synthetic_sentence_pairs"]
