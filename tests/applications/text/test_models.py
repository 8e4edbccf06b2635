"""Tests of models of sentences, from the stream of pairs to the evaluation."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from project import ROOT

from siamkeras import evaluation, generators, models, retrieval, towers
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="strings need TensorFlow")


def test_an_untrained_bag_of_ngrams_orders_synthetic_pairs():
    pairs = synthetic_sentence_pairs(300)
    tower = towers.bag_of_ngrams(embedding_dim=None, buckets=2000)
    siamese = models.siamese(tower, "cosine")
    stream = generators.from_pairs(pairs.left, pairs.right, pairs.same, shuffle=False, text=True)
    report = evaluation.correlation(siamese, stream, resamples=200)
    assert report.interval["spearman"][0] > 0.4
    comparison = evaluation.compare(siamese, pairs.left[:3], pairs.right[:3], threshold=0.5)
    np.testing.assert_allclose(comparison.distance, report.distances[:3], atol=1e-5)
    index = retrieval.Index(retrieval.embed(tower, pairs.left), labels=pairs.left)
    neighbour = index.nearest(retrieval.embed(tower, str(pairs.left[7])), k=1)
    assert neighbour.label[0, 0] == pairs.left[7]


def test_sentences_are_compared_one_or_many_and_missing_ones_are_named():
    siamese = models.siamese(towers.bag_of_ngrams(embedding_dim=None, buckets=2000), "cosine")
    assert evaluation.compare(siamese, "ein Café", "EIN CAFE\u0301").distance == pytest.approx([0], abs=1e-6)
    assert evaluation.compare(siamese, ["one", "two"], ["one", "ten"]).distance[1] > 0.1
    for wrong in (["a", np.nan], ["a", None], ["a", ""]):
        with pytest.raises(ValueError, match="`right` must be non-empty strings. .* at position 1"):
            evaluation.compare(siamese, ["a", "b"], wrong)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_passes():
    """100,000 pairs tokenised at once would take 100,000 * 2 * 128 * 8 bytes = 205 MB."""
    code = """
import resource
import numpy as np
from siamkeras import generators, tokenizers
sentences = np.array([f"sentence number {n}" for n in range(10_000)])
tokenize = tokenizers.characters()
stream = generators.from_pairs(sentences, sentences[::-1].copy(), np.ones(10_000), batch_size=500, text=True)
def passes(count):
    for _ in range(count):
        for inputs, _ in stream:
            tokenize(inputs["left"]), tokenize(inputs["right"])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = passes(1)
print(passes(10) - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 60
