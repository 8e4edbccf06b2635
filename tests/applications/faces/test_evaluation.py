"""Tests of the official protocol of Labeled Faces in the Wild, against plain loops."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from siamkeras.applications import faces


@pytest.fixture
def pairs():
    """Three folds of 40 pairs among 8 people each; distances of same pairs are smaller on average."""
    rng = np.random.default_rng(0)
    folds, same = np.repeat([1, 2, 3], 40), np.tile([1, 0], 60)
    people = np.stack([rng.integers(0, 8, 120), rng.integers(0, 8, 120)], axis=1) + 8 * folds[:, None]
    people[same == 1, 1] = people[same == 1, 0]
    return rng.normal(2 - same, 0.8), same, folds, people


def best_accuracy(distances, same):
    """The best threshold by trying the middle between any two neighbouring distances."""
    values = np.unique(distances)
    candidates = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    return candidates[np.argmax([balanced_accuracy_score(same, distances < each) for each in candidates])]


def test_each_fold_is_decided_with_the_threshold_of_the_other_folds(pairs):
    distances, same, folds, people = pairs
    report = faces.fold_verification(distances, same, folds, people, resamples=20)
    for place, fold in enumerate((1, 2, 3)):
        inside = folds == fold
        threshold = best_accuracy(distances[~inside], same[~inside])
        assert report.fold_thresholds[place] == pytest.approx(threshold)
        accepted = distances[inside] < threshold
        np.testing.assert_array_equal(report.accepted[inside], accepted)
        assert report.fold_accuracy[place] == pytest.approx(np.mean(accepted == same[inside]))
    assert report.accuracy == pytest.approx(np.mean(report.accepted == same))
    assert report.auc == pytest.approx(roc_auc_score(same, -distances))


def test_intervals_resample_people(pairs):
    """A pair counts as often as both people together; a same pair as often as its person."""
    distances, same, folds, people = pairs
    report = faces.fold_verification(distances, same, folds, people, resamples=300, seed=1)
    names, rng, accuracies = np.unique(people), np.random.default_rng(5), []
    for _ in range(300):
        count = dict(zip(names, rng.multinomial(len(names), np.full(len(names), 1 / len(names))), strict=True))
        weights = [count[a] if a == b else count[a] * count[b] for a, b in people]
        accuracies.append(balanced_accuracy_score(same, report.accepted, sample_weight=weights))
    np.testing.assert_allclose(report.interval["accuracy"], np.percentile(accuracies, [2.5, 97.5]), atol=0.03)
    assert set(report.interval) == {"auc", "eer", "accuracy"}
    assert not faces.fold_verification(distances, same, folds, people, resamples=0).interval


def test_the_row_of_a_table(pairs):
    report = faces.fold_verification(*pairs, resamples=20)
    row = report.columns()
    assert list(row) == ["accuracy", "EER", "AUC", "accuracy of each fold"]
    assert row["accuracy"].startswith(f"{report.accuracy:.1%} [") and row["accuracy of each fold"].count("%") == 3


def test_the_difference_of_a_report_to_itself_is_zero_and_to_a_better_one_negative(pairs):
    distances, same, folds, people = pairs
    report = faces.fold_verification(distances, same, folds, people, resamples=0)
    better = faces.fold_verification(distances - same, same, folds, people, resamples=0)
    assert report.minus(report, resamples=10) == (0, (0, 0))
    difference, (low, high) = report.minus(better)
    assert difference == report.accuracy - better.accuracy and low < difference < high < 0


@pytest.mark.parametrize("folds, received", [([1] * 120, r"folds \[1\]"), ([1, 2], r"shape \(2,\)")])
def test_folds_must_be_several_and_of_every_pair(pairs, folds, received):
    distances, same, _, people = pairs
    with pytest.raises(ValueError, match=f"`folds` must hold the fold of each of 120 pairs.* Received: .*{received}"):
        faces.fold_verification(distances, same, folds, people)


def test_reports_of_different_pairs_have_no_difference(pairs):
    distances, same, folds, people = pairs
    first = faces.fold_verification(distances, same, folds, people, resamples=0)
    second = faces.fold_verification(-distances, 1 - same, folds, people, resamples=0)
    with pytest.raises(ValueError, match="Both reports must be of the same pairs"):
        first.minus(second)
