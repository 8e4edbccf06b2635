"""Dice of masks, its mean over subjects with an interval, and paired differences."""

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.applications.segmentation import dice_by_subject, dice_score

RNG = np.random.default_rng(3)
SUBJECTS = np.array(["eva", "ada", "eva", "ida", "eva"])
SCORES = np.array([0.9, 0.2, 0.6, 0.4, 0.6])


def squares(*corners):
    """Masks `(n, 6, 6)` with a square of 2x2 pixels each, from its upper left corner."""
    masks = np.zeros((len(corners), 6, 6), bool)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 2, column : column + 2] = True
    return masks


def test_dice_of_squares_that_share_4_2_1_and_0_of_4_pixels():
    truth, predicted = squares(*4 * [(0, 0)]), squares((0, 0), (0, 1), (1, 1), (4, 4))
    assert dice_score(truth, predicted).tolist() == [1.0, 0.5, 0.25, 0.0]
    assert dice_score(truth, np.where(predicted, 0.5, 0.49)).tolist() == [1.0, 0.5, 0.25, 0.0]


def test_two_empty_masks_have_dice_1():
    empty, full = np.zeros((1, 3, 3)), np.ones((1, 3, 3))
    assert dice_score(empty, empty).tolist() == [1.0]
    assert dice_score(empty, full).tolist() == dice_score(full, empty).tolist() == [0.0]


MASKS = np.zeros((1, 3, 3))


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (MASKS, np.zeros((1, 3, 4)), r"the same shape .*Received: \(1, 3, 3\) and \(1, 3, 4\)"),
        (MASKS[0], MASKS[0], r"\(n, height, width\). Received: \(3, 3\)"),
        (np.full((1, 3, 3), 2), MASKS, "only 0 and 1. Received: values from 2 to 2. Select one of several structures"),
        (MASKS, np.full((1, 3, 3), -4.0), "values from -4 to -4. Apply a sigmoid to logits"),
        (MASKS, np.full((1, 3, 3), np.nan), "values from nan to nan"),
    ],
)
def test_invalid_masks(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        dice_score(truth, predicted)


def test_each_subject_has_the_same_weight():
    """eva has a mean of 0.7 over three images, ada 0.2, ida 0.4: their mean is 1.3 / 3, that of the images 0.54."""
    report = dice_by_subject(SCORES, SUBJECTS)
    assert report.subjects.tolist() == ["ada", "eva", "ida"]
    assert report.by_subject == pytest.approx([0.2, 0.7, 0.4])
    assert report.dice == pytest.approx(1.3 / 3)
    low, high = report.interval["dice"]
    assert 0.199 < low < report.dice < high < 0.701
    assert dice_by_subject(SCORES, SUBJECTS, resamples=0).interval == {}
    assert f"Dice 0.433 [{low:.3f}, {high:.3f}]  worst subject 0.200" in repr(report)
    assert "worst subject" in evaluation.table({"first": report, "second": report})


def test_the_interval_is_that_of_a_mean_over_subjects():
    """For 400 subjects the bootstrap interval is the mean +- 1.96 standard errors, whatever the number of images."""
    means = RNG.uniform(0.3, 0.9, 400)
    report = dice_by_subject(np.repeat(means, 5), np.repeat(np.arange(400), 5), resamples=4000, seed=1)
    expected = means.mean() + 1.96 * means.std() / 20 * np.array([-1, 1])
    assert report.interval["dice"] == pytest.approx(expected, abs=0.002)


def test_a_paired_difference_is_significant_where_the_intervals_overlap():
    """The first method is 0.02 better for every subject; the spread between subjects is ten times as large."""
    difficulty, subjects = RNG.uniform(0.3, 0.8, 30), np.arange(30)
    first = dice_by_subject(difficulty + 0.02 + RNG.normal(0, 0.005, 30), subjects)
    second = dice_by_subject(difficulty, subjects)
    assert first.interval["dice"][0] < second.interval["dice"][1]
    difference, (low, high) = first.minus(second)
    assert difference == pytest.approx(first.dice - second.dice)
    assert 0.015 < low < difference < high < 0.025
    assert second.minus(first)[1] == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("scores", "subjects", "message"),
    [
        ([0.5, 0.6], [1], "`subjects` must have one entry for each of the 2 examples"),
        ([0.5, 1.2], [1, 2], r"must be in \[0, 1\]. Received: values from 0.5 to 1.2"),
        ([0.5, 0.6], ["eva", "eva"], "at least two subjects. Received: 1. Use `resamples=0`"),
        ([0.5, 0.6], [3, np.nan], "`subjects` must be integers or strings. Received: float64"),
    ],
)
def test_invalid_scores(scores, subjects, message):
    with pytest.raises(ValueError, match=message):
        dice_by_subject(scores, subjects)


def test_reports_of_different_images_cannot_be_compared():
    report = dice_by_subject(SCORES, SUBJECTS)
    with pytest.raises(ValueError, match="same images in the same order"):
        report.minus(dice_by_subject(SCORES, SUBJECTS[::-1]))
