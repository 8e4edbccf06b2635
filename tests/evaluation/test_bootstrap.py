"""Bootstrap resampling of pairs and clusters, and percentile intervals."""

import numpy as np
import pytest

from siamkeras.evaluation import _bootstrap
from siamkeras.evaluation._bootstrap import mean_intervals, percentile_intervals, resample_counts


def all_counts(*arguments, **options):
    return np.concatenate(list(resample_counts(*arguments, **options)))


def test_strata_keep_their_sizes():
    same = np.arange(50) % 5 < 2
    counts = all_counts(50, 40, seed=0, strata=same)
    assert counts.shape == (40, 50)
    assert (counts[:, same].sum(axis=1) == 20).all() and (counts[:, ~same].sum(axis=1) == 30).all()
    assert len(np.unique(counts, axis=0)) == 40


def test_blocks_bound_the_memory(monkeypatch):
    monkeypatch.setattr(_bootstrap, "BLOCK", 500)
    assert [len(block) for block in resample_counts(50, 33, seed=0)] == [10, 10, 10, 3]
    assert [len(block) for block in resample_counts(501, 2, seed=0)] == [1, 1]


def test_a_pair_of_two_clusters_counts_as_often_as_their_product():
    """By loops over the resampled people: pairs within one person, and pairs of two people."""
    people = np.array([[7, 7], [3, 3], [7, 3], [3, 9], [9, 9], [9, 7], [3, 7]])
    counts = all_counts(7, 50, seed=0, clusters=people)
    resampled = np.random.default_rng(0).multinomial(3, np.full(3, 1 / 3), 50)
    for row, times in zip(counts, resampled, strict=True):
        sample = np.repeat([3, 7, 9], times)
        expected = np.zeros(7)
        for index, person in enumerate(sample):
            expected += (people == person).all(axis=1)
            for other in sample[:index]:
                if person != other:
                    expected += (np.sort(people, axis=1) == sorted((person, other))).all(axis=1)
        assert row.tolist() == expected.tolist()
    one_per_pair = all_counts(7, 50, seed=0, clusters=people[:, 0])
    np.testing.assert_array_equal(one_per_pair, all_counts(7, 50, seed=0, clusters=people[:, [0, 0]]))


def test_clusters_must_be_at_least_two_and_one_or_two_per_example():
    with pytest.raises(ValueError, match=r"`clusters` must be \(4,\) or \(4, 2\). Received: shape \(3,\)"):
        all_counts(4, 5, seed=0, clusters=[1, 2, 3])
    with pytest.raises(ValueError, match=r"at least two clusters. Received: \[5\]"):
        all_counts(4, 5, seed=0, clusters=[5, 5, 5, 5])


def test_percentile_intervals_leave_out_at_most_5_percent_of_the_resamples():
    """Percentiles 2.5 and 97.5 of 0 to 200 are 5 and 195."""
    values = np.arange(201.0)
    assert percentile_intervals([values[None, :100], values[None, 100:]]) == [(5.0, 195.0)]
    assert percentile_intervals([]) == []
    values[:10] = np.nan
    assert percentile_intervals([values[None]])[0][0] == pytest.approx(10 + 0.025 * 190)
    values[10] = np.nan
    with pytest.raises(ValueError, match="5% of the bootstrap resamples have no pairs. Intervals need at most 5%"):
        percentile_intervals([values[None]], "pairs")


def test_the_interval_of_a_mean_has_the_width_of_its_standard_error():
    """Of 400 zeros and ones with fraction p: 2 * 1.96 * sqrt(p (1 - p) / 400)."""
    values = np.repeat([0.0, 1.0], [280, 120])[:, None]
    ((low, high),) = mean_intervals(values, 2000, seed=1)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 400), rel=0.1)
    assert mean_intervals(values, 2000, seed=1) == [(low, high)] != mean_intervals(values, 2000, seed=2)
