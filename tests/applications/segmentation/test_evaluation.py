"""Dice of masks, its interval over subjects, and the difference of two methods on the same subjects."""

import numpy as np
import pytest

from siamkeras import evaluation

RANDOM = np.random.default_rng(3)


def squares(*corners, size=6):
    """Masks `(n, size, size)`, each a square of 2x2 pixels with its first corner there."""
    masks = np.zeros((len(corners), size, size), bool)
    for mask, (row, column) in zip(masks, corners, strict=True):
        mask[row : row + 2, column : column + 2] = True
    return masks


def test_dice_of_squares():
    """The same; one column of two in common, 2 * 2 / (4 + 4); one pixel, 2 * 1 / 8; nothing in common."""
    truth = squares((0, 0), (0, 0), (0, 0), (0, 0))
    found = squares((0, 0), (0, 1), (1, 1), (4, 4))
    assert evaluation.dice(found, truth).tolist() == [1.0, 0.5, 0.25, 0.0]
    assert evaluation.dice(truth[..., None], found.astype("int32")).tolist() == [1.0, 0.5, 0.25, 0.0]


def test_dice_agrees_with_a_plain_loop():
    found, truth = RANDOM.random((7, 5, 4)), RANDOM.random((7, 5, 4)) > 0.7
    for score, one, other in zip(evaluation.dice(found, truth), found, truth, strict=True):
        inside = {(y, x) for y in range(5) for x in range(4) if one[y, x] >= 0.5}
        true = {(y, x) for y in range(5) for x in range(4) if other[y, x]}
        assert score == pytest.approx(2 * len(inside & true) / (len(inside) + len(true)))


def test_nothing_found_where_nothing_is_is_right():
    nothing, something = np.zeros((1, 3, 3)), np.ones((1, 3, 3))
    assert evaluation.dice(nothing, nothing).tolist() == [1.0]
    assert evaluation.dice(something, nothing).tolist() == evaluation.dice(nothing, something).tolist() == [0.0]


def test_the_threshold_decides_what_is_inside():
    """Of 0.2, 0.5, 0.8 and 0.9 three are at least 0.5 and two at least 0.6; two are true: 4 / 5 and 1."""
    found, truth = np.array([[[0.2, 0.5], [0.8, 0.9]]]), np.array([[[0, 0], [1, 1]]])
    assert evaluation.dice(found, truth).tolist() == [0.8]
    assert evaluation.dice(found, truth, threshold=0.6).tolist() == [1.0]


@pytest.mark.parametrize(
    ("found", "truth", "more", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), {}, r"of the same images. Received: \(2, 3, 3\) and \(2, 3, 4\)."),
        (np.zeros((3, 3)), np.zeros((3, 3)), {}, r"`predicted` must be masks \(n, height, width\), .* shape \(3, 3\)"),
        (np.zeros((1, 3, 3)), np.zeros((0, 3, 3)), {}, r"`truth` must be masks .* shape \(0, 3, 3\)"),
        (np.zeros((1, 3, 3)), np.full((1, 3, 3), 2), {}, "`truth` must be 0 or 1. Received: 2. Of several structures"),
        (np.full((1, 3, 3), -4.0), np.zeros((1, 3, 3)), {}, "values from -4 to -4. Logits become that by a sigmoid"),
        (np.full((1, 3, 3), np.nan), np.zeros((1, 3, 3)), {}, "values from nan to nan"),
        (np.zeros((1, 3, 3)), np.full((1, 3, 3), np.nan), {}, "`truth` must be 0 or 1. Received: nan"),
        (np.zeros((1, 3, 3)), np.zeros((1, 3, 3)), {"threshold": 0}, r"must lie in \(0, 1\]. Received: threshold=0"),
        (np.array([[["a"]]]), np.zeros((1, 1, 1)), {}, "Received: <U1"),
    ],
)
def test_what_are_no_masks_of_the_same_images_is_refused(found, truth, more, message):
    with pytest.raises(ValueError, match=message):
        evaluation.dice(found, truth, **more)


# --- By subject

SUBJECTS = np.array(["eva", "ada", "eva", "ida", "eva"])
SCORES = np.array([0.9, 0.2, 0.6, 0.4, 0.6])


def test_every_subject_counts_once():
    """eva 0.7 of three images, ada 0.2, ida 0.4: 1.3 / 3, where the mean of images is 0.54."""
    report = evaluation.dice_by_subject(SCORES, SUBJECTS)
    assert report.subjects.tolist() == ["ada", "eva", "ida"]
    assert report.by_subject == pytest.approx([0.2, 0.7, 0.4])
    assert report.dice == pytest.approx(1.3 / 3)
    low, high = report.interval["dice"]
    assert 0.199 < low < report.dice < high < 0.701
    assert "Dice" in repr(report) and f"0.433 [{low:.3f}, {high:.3f}]" in repr(report)
    assert evaluation.dice_by_subject(SCORES, SUBJECTS, resamples=0).interval == {}
    assert "worst subject" in evaluation.table({"one": report, "other": report})


def test_the_interval_is_that_of_a_mean_over_subjects():
    """Of 400 subjects the bootstrap's ends are 1.96 standard errors of their mean away, whatever their images."""
    means = RANDOM.uniform(0.3, 0.9, 400)
    scores, subjects = np.repeat(means, 5), np.repeat(np.arange(400), 5)
    report = evaluation.dice_by_subject(scores, subjects, resamples=4000, seed=1)
    expected = means.mean() + 1.96 * means.std() / 20 * np.array([-1, 1])
    assert report.interval["dice"] == pytest.approx(expected, abs=0.002)
    again = evaluation.dice_by_subject(scores, subjects, resamples=4000, seed=1)
    assert again.interval == report.interval


def test_a_small_difference_on_the_same_subjects_is_seen():
    """One is 0.02 better on every subject, whose own spread is ten times that: both intervals overlap."""
    hard = RANDOM.uniform(0.3, 0.8, 30)
    subjects = np.arange(30)
    one = evaluation.dice_by_subject(hard + 0.02 + RANDOM.normal(0, 0.005, 30), subjects)
    other = evaluation.dice_by_subject(hard, subjects)
    assert one.interval["dice"][0] < other.interval["dice"][1]
    found = evaluation.dice_difference(one, other)
    assert found.dice == pytest.approx(one.dice - other.dice)
    assert 0.015 < found.interval[0] < found.dice < found.interval[1] < 0.025
    assert repr(found) == f"Dice {found.dice:+.3f} [{found.interval[0]:+.3f}, {found.interval[1]:+.3f}]"
    backwards = evaluation.dice_difference(other, one)
    assert backwards.interval == pytest.approx((-found.interval[1], -found.interval[0]))


def test_scores_without_subjects_are_not_compared():
    with pytest.raises(ValueError, match="reports of `dice_by_subject` are compared. Received: ndarray and list."):
        evaluation.dice_difference(np.array([0.5, 0.6]), [0.5, 0.6])


def test_a_difference_over_one_subject_has_no_interval():
    report = evaluation.dice_by_subject([0.5, 0.6], ["eva", "eva"], resamples=0)
    with pytest.raises(ValueError, match=r"at least two of them. Received: \['eva'\].$"):
        evaluation.dice_difference(report, report)


def test_methods_on_other_images_are_not_compared():
    one = evaluation.dice_by_subject(SCORES, SUBJECTS)
    with pytest.raises(ValueError, match="same images .* Received: 5 images of 3 subjects and 4 images of 3 subjects"):
        evaluation.dice_difference(one, evaluation.dice_by_subject(SCORES[:4], SUBJECTS[:4]))
    with pytest.raises(ValueError, match="in the same order"):
        evaluation.dice_difference(one, evaluation.dice_by_subject(SCORES, SUBJECTS[::-1]))


@pytest.mark.parametrize(
    ("scores", "subjects", "message"),
    [
        ([], [], r"\(n,\). Received: \(0,\) and \(0,\)."),
        ([0.5, 0.6], [1], r"Received: \(2,\) and \(1,\)."),
        ([[0.5, 0.6]], [[1, 2]], r"Received: \(1, 2\) and \(1, 2\)."),
        ([0.5, 1.2], [1, 2], r"lies in \[0, 1\]. Received: 1.2."),
        ([0.5, np.nan], [1, 2], r"lies in \[0, 1\]. Received: nan."),
        ([0.5, 0.6], ["eva", "eva"], r"needs at least two of them. Received: \['eva'\]. Use resamples=0"),
        ([0.5, 0.6], [3, None], "some subject, an integer or a string. Received: None or NaN."),
        ([0.5, 0.6], [3, np.nan], "some subject"),
    ],
)
def test_scores_that_cannot_be_are_refused(scores, subjects, message):
    with pytest.raises(ValueError, match=message):
        evaluation.dice_by_subject(scores, subjects)


def test_a_seed_below_0_is_refused():
    with pytest.raises(ValueError, match="`seed` must be a whole number, at least 0. Received: -1"):
        evaluation.dice_by_subject([0.5, 0.7], [1, 2], seed=-1)
