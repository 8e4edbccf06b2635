"""IoU, success, precision and robustness against numbers derived by hand and plain loops."""

import numpy as np
import pytest

from siamkeras.applications import tracking

RNG = np.random.default_rng(4)
NAN = [np.nan] * 4
BOX = [0, 0, 8, 8]


def random_boxes(count):
    return np.concatenate([RNG.uniform(0, 40, (count, 2)), RNG.uniform(1, 30, (count, 2))], axis=1)


@pytest.mark.parametrize(
    "other, expected",
    [
        ([0, 0, 4, 2], 1.0),
        ([2, 0, 4, 2], 4 / 12),
        ([1, 0, 2, 2], 4 / 8),  # inside
        ([4, 0, 4, 2], 0.0),  # adjacent
        ([9, 9, 1, 1], 0.0),
        ([3, 1, 2, 2], 1 / 11),
    ],
)
def test_iou_is_intersection_over_union(other, expected):
    for pair in (([[0, 0, 4, 2]], [other]), ([other], [[0, 0, 4, 2]])):
        np.testing.assert_allclose(tracking.iou(*pair), [expected], atol=1e-12)


def test_iou_of_a_missing_box_is_nan():
    assert np.isnan(tracking.iou([NAN, BOX], [BOX, NAN])).all()


def test_curves_agree_with_loops():
    predicted, truth = random_boxes(40), random_boxes(40)
    predicted[3], truth[[5, 6]] = NAN, NAN
    report = tracking.evaluate(predicted, truth)
    ious, errors = [], []
    for a, b in zip(predicted, truth, strict=True):
        if np.isnan(b).any():
            continue
        if np.isnan(a).any():
            ious, errors = [*ious, 0.0], [*errors, np.inf]
            continue
        width = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
        ious.append(width * height / (a[2] * a[3] + b[2] * b[3] - width * height))
        errors.append(np.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2))
    success = [sum(iou > step / 20 for iou in ious) / 38 for step in range(21)]
    np.testing.assert_allclose(report.success, success)
    precision = sum(error <= 20 for error in errors) / 38
    np.testing.assert_allclose([report.auc, report.precision], [np.mean(success), precision])
    assert np.flatnonzero(np.isnan(report.ious[0])).tolist() == [5, 6]
    assert report.ious[0][3] == 0


def test_perfect_boxes_have_an_auc_of_20_of_21_since_no_iou_exceeds_1():
    truth = np.rint(random_boxes(9)) + [0, 0, 1, 1]
    report = tracking.evaluate(truth, truth)
    assert report.auc == pytest.approx(20 / 21) and report.precision == 1 and report.interval == {}
    assert repr(report).split()[-5:] == ["0.952", "100.0%", "100.0%", "1", "9"]


def test_a_centre_error_of_exactly_20_pixels_is_precise():
    """3-4-5: (12, 16) is 20 pixels away."""
    report = tracking.evaluate([[12, 16, 10, 10], [12, 17, 10, 10]], [[0, 0, 10, 10]] * 2)
    assert report.precision == 0.5


def test_videos_have_equal_weight_whatever_their_length():
    """10 perfect frames and 90 missing ones: half of 20 / 21, not a tenth."""
    report = tracking.evaluate({"a": [BOX] * 10, "b": [NAN] * 90}, {"b": [BOX] * 90, "a": [BOX] * 10})
    assert report.auc == pytest.approx(10 / 21) and report.precision == 0.5
    assert report.names == ("a", "b")
    np.testing.assert_allclose(report.per_video["auc"], [20 / 21, 0])


def test_interval_is_a_bootstrap_over_videos():
    """6 of 12 videos are perfect: the mean has a standard error of 0.5 / sqrt(12) = 0.144, 1.96 of these are 0.28."""
    truth = {number: [BOX] * 4 for number in range(12)}
    predicted = {number: [BOX if number < 6 else NAN] * 4 for number in range(12)}
    report = tracking.evaluate(predicted, truth)
    low, high = report.interval["precision"]
    assert low == pytest.approx(0.5 - 0.28, abs=0.06) and high == pytest.approx(0.5 + 0.28, abs=0.06)
    np.testing.assert_allclose(report.interval["auc"], np.array([low, high]) * 20 / 21)
    assert tracking.evaluate(predicted, truth).interval == report.interval


def test_the_interval_of_a_difference_is_paired():
    """The videos differ widely, the two trackers by a tenth of the frames in each: the interval has no width."""
    truth = {number: [BOX] * 10 for number in range(6)}
    better, worse = (
        tracking.evaluate({number: [BOX] * (number + more) + [NAN] * (10 - number - more) for number in truth}, truth)
        for more in (2, 1)
    )
    difference, (low, high) = better.minus(worse, "precision")
    np.testing.assert_allclose([difference, low, high], 0.1)
    assert better.minus(worse)[0] == pytest.approx(0.1 * 20 / 21)
    with pytest.raises(ValueError, match="same videos, at least 5"):
        better.minus(tracking.evaluate([BOX], [BOX]))


FAR = [100, 100, 8, 8]


@pytest.mark.parametrize(
    "boxes, expected",
    [
        ([BOX] * 15 + [FAR] * 15, 15 / 30),
        ([BOX] * 15 + [FAR] * 9 + [BOX] * 6, 1.0),  # found again after nine frames
        ([BOX] * 21 + [FAR] * 9, 1.0),  # nine frames are too few
        ([BOX] + [FAR] * 5 + [BOX] + [FAR] * 10 + [BOX] * 13, 7 / 30),
        ([NAN] * 30, 0.0),
    ],
)
def test_robustness_is_the_fraction_of_frames_before_ten_successive_misses(boxes, expected):
    assert tracking.evaluate(boxes, [BOX] * 30).robustness == pytest.approx(expected)


def test_frames_of_all_runs_on_a_video_have_equal_weight():
    """30 perfect frames, and one perfect frame before ten misses: 31 of 41, all of them before a failure."""
    predicted, truth = [np.array([BOX] * 30), np.array([BOX] + [FAR] * 10)], [[BOX] * 30, [BOX] * 11]
    report = tracking.evaluate({"a": predicted}, {"a": truth})
    assert report.precision == pytest.approx(31 / 41) and report.auc == pytest.approx(31 / 41 * 20 / 21)
    assert report.robustness == pytest.approx(31 / 41) and len(report.ious[0]) == 41
    with pytest.raises(ValueError, match="a with 2 runs and 1 truths"):
        tracking.evaluate({"a": predicted}, {"a": truth[:1]})


@pytest.mark.parametrize(
    "predicted, truth, match",
    [
        ([BOX], [BOX] * 2, "`predicted of video` must have one row per frame. Received: 1 rows for 2 frames"),
        ({"a": [BOX]}, {"b": [BOX]}, r"Received: \['a'\] and \['b'\]"),
        ([BOX], [NAN], "at least one true box. Received: none for video"),
        ([[0, 0, 0, 1]], [BOX], "width and height above 0.*`predicted of video`"),
    ],
)
def test_boxes_that_do_not_match_are_rejected(predicted, truth, match):
    with pytest.raises(ValueError, match=match):
        tracking.evaluate(predicted, truth)
