"""Correlation of distances with graded labels, against SciPy and by hand."""

import keras
import numpy as np
import pytest
from scipy import stats

from siamkeras import evaluation, generators, models, towers
from siamkeras.evaluation._bootstrap import resample_counts

LINEAR = np.linspace(0, 1, 20)


def evaluate(*arguments, resamples=0, **options):
    return evaluation.correlation_from_distances(*arguments, resamples=resamples, **options)


def tied_pairs():
    rng = np.random.default_rng(0)
    return rng.integers(0, 9, 60) / 8, rng.integers(0, 6, 60) / 5


def test_correlations_agree_with_scipy_also_with_ties():
    distances, same = tied_pairs()
    report = evaluate(distances, same)
    assert report.spearman == pytest.approx(stats.spearmanr(-distances, same)[0])
    assert report.pearson == pytest.approx(stats.pearsonr(-distances, same)[0])
    assert report.interval == {}


def test_correlations_by_hand():
    """Ranks of the scores 3, 1, 2 and of the labels 3, 2, 1 differ by 0, 1, 1: 1 - 6 * 2 / (3 * 8) = 0.5. Scores
    -1, -3, -2 and labels 1, 0.5, 0 have deviations 1, -1, 0 and 0.5, 0, -0.5: 0.5 / sqrt(2 * 0.5) = 0.5."""
    report = evaluate([1, 3, 2], [1, 0.5, 0])
    assert str(evaluation.table({"tower": report})).split() == "Spearman Pearson pairs tower 0.500 0.500 3".split()
    assert (report.spearman, report.pearson) == (pytest.approx(0.5), pytest.approx(0.5))


def test_equal_distances_have_correlation_0():
    report = evaluate(np.full(20, 0.1), LINEAR, resamples=20)
    assert (report.pearson, report.spearman, report.interval["spearman"]) == (0, 0, (0, 0))


def test_correlations_do_not_depend_on_the_scale_of_distances():
    same = np.random.default_rng(0).random(50)
    report = evaluate((1 - same) * 1e-11, same)
    assert (report.pearson, report.spearman) == (pytest.approx(1), pytest.approx(1))


def test_the_interval_is_that_of_the_resamples():
    distances, same = tied_pairs()
    report, values = evaluate(distances, same, resamples=30, seed=4), []
    for counts in np.concatenate(list(resample_counts(60, 30, seed=4))).astype(int):
        sample = np.repeat(-distances, counts), np.repeat(same, counts)
        values.append([stats.spearmanr(*sample)[0], stats.pearsonr(*sample)[0]])
    expected = np.percentile(values, [2.5, 97.5], axis=0).T
    np.testing.assert_allclose([report.interval["spearman"], report.interval["pearson"]], expected)


def test_resamples_without_different_labels_are_left_out_or_rejected():
    """One of ten clusters has the label 1: (9/10)^10 = 35 % of the resamples lack it. With five of ten it is
    2 * 0.5^10, and these must not enter as a correlation of 0."""
    cluster, noise = np.repeat(np.arange(10), 10), np.random.default_rng(0).normal(0, 0.01, 100)
    with pytest.raises(ValueError, match="3.% of the bootstrap resamples have no two different labels"):
        evaluate(1 - (cluster == 0) + noise, (cluster == 0) * 1.0, clusters=cluster, resamples=1000)
    report = evaluate(1 - (cluster < 5) + noise, (cluster < 5) * 1.0, clusters=cluster, resamples=1000)
    assert report.interval["pearson"][0] > 0.99


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs string tensors")
def test_a_text_model_is_evaluated_on_a_stream():
    """More shared words give a smaller distance: the order of the labels."""
    siamese = models.siamese(towers.bag_of_ngrams(embedding_dim=None, buckets=2000), "cosine")
    left, right = ["a cat sleeps"] * 3, ["a cat sleeps", "a cat runs", "planes fly high"]
    stream = generators.from_pairs(left, right, [1.0, 0.5, 0.0], shuffle=False, text=True)
    report = evaluation.correlation(siamese, stream, resamples=0)
    assert report.spearman == pytest.approx(1)
    comparison = evaluation.compare(siamese, left[1], right[1])
    np.testing.assert_allclose(comparison.distance, report.distances[1:2], atol=1e-5)


def test_equal_labels_have_no_correlation():
    with pytest.raises(ValueError, match=r"Labels must differ. Received: 2 pairs with \[1.0\]"):
        evaluate([0.1, 0.2], [1, 1])
