"""Tracking: overlap and curves against numbers derived by hand and plain loops; the two baselines."""

import sys

import numpy as np
import pytest

from siamkeras import evaluation, synthetic
from siamkeras.applications import tracking
from siamkeras.applications.tracking import evaluation as following

RANDOM = np.random.default_rng(4)
NAN = [np.nan] * 4


def boxes(count):
    return np.concatenate([RANDOM.uniform(0, 40, (count, 2)), RANDOM.uniform(1, 30, (count, 2))], axis=1)


# --- overlap ---


@pytest.mark.parametrize(
    "other, expected",
    [
        ([0, 0, 4, 2], 1.0),
        ([2, 0, 4, 2], 4 / 12),  # half of each
        ([1, 0, 2, 2], 4 / 8),  # inside
        ([4, 0, 4, 2], 0.0),  # side by side
        ([9, 9, 1, 1], 0.0),
        ([3, 1, 2, 2], 1 / 11),  # a corner
    ],
)
def test_overlap_is_what_both_cover_over_what_either_covers(other, expected):
    for pair in (([[0, 0, 4, 2]], [other]), ([other], [[0, 0, 4, 2]])):
        np.testing.assert_allclose(evaluation.overlap(*pair), [expected], atol=1e-12)


def test_overlap_agrees_with_counting_pixels():
    left, right = (np.rint(boxes(50)).astype(int) for _ in range(2))
    left[:, 2:] += 1
    right[:, 2:] += 1

    def pixels(box):
        x, y, width, height = box
        return {(column, row) for column in range(x, x + width) for row in range(y, y + height)}

    counted = [len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b)) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(evaluation.overlap(left, right), counted, atol=1e-6)


def test_overlap_of_nothing_is_nan_and_lengths_must_agree():
    assert np.isnan(evaluation.overlap([NAN, [0, 0, 1, 1]], [[0, 0, 1, 1], NAN])).all()
    with pytest.raises(ValueError, match="1 on the left, 2 on the right"):
        evaluation.overlap([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2)


# --- success and precision ---


def test_curves_agree_with_a_plain_loop():
    found, true = boxes(40), boxes(40)
    found[3], true[[5, 6]] = NAN, NAN
    report = evaluation.tracking(found, true)
    over, errors = [], []
    for a, b in zip(found, true, strict=True):
        if np.isnan(b).any():
            continue
        if np.isnan(a).any():
            over, errors = [*over, 0.0], [*errors, np.inf]
            continue
        wide = max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
        high = max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
        over.append(wide * high / (a[2] * a[3] + b[2] * b[3] - wide * high))
        errors.append(np.hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[3] / 2 - b[1] - b[3] / 2))
    success = [sum(each > step / 20 for each in over) / 38 for step in range(21)]
    precise = [sum(each <= pixel for each in errors) / 38 for pixel in range(51)]
    np.testing.assert_allclose(report.success, success)
    np.testing.assert_allclose(report.precisions, precise)
    np.testing.assert_allclose([report.auc, report.precision], [np.mean(success), precise[20]])
    np.testing.assert_allclose(report.thresholds, np.linspace(0, 1, 21))
    assert report.pixels.tolist() == list(range(51))
    assert np.flatnonzero(np.isnan(report.overlaps[0])).tolist() == [5, 6]
    assert report.overlaps[0][3] == 0 and report.errors[0][3] == np.inf


def test_no_error_is_20_of_21_since_no_overlap_is_above_1():
    report = evaluation.tracking(boxes(9), boxes(9) * 0 + [5, 5, 10, 10])
    assert report.auc < 0.9
    true = np.rint(boxes(9)) + [0, 0, 1, 1]
    report = evaluation.tracking(true, true)
    assert report.auc == pytest.approx(20 / 21) and report.precision == 1
    assert report.interval == {}


def test_middle_20_pixels_off_is_still_precise():
    """3-4-5: (12, 16) is 20 pixels away."""
    true = [[0, 0, 10, 10]] * 2
    report = evaluation.tracking([[12, 16, 10, 10], [12, 17, 10, 10]], true)
    assert report.precision == 0.5
    assert report.precisions[[19, 20, 21]].tolist() == [0.0, 0.5, 1.0]


def test_every_video_counts_as_much_whatever_its_length():
    """One of 10 frames without an error, one of 90 in which nothing was found: half of 20 / 21, not a tenth."""
    right, wrong = [[0, 0, 8, 8]] * 10, [NAN] * 90
    report = evaluation.tracking({"a": right, "b": wrong}, {"b": [[0, 0, 8, 8]] * 90, "a": right})
    assert report.auc == pytest.approx(10 / 21) and report.precision == 0.5
    assert report.names == ("a", "b") and report.interval == {}
    np.testing.assert_allclose(report.per_video["auc"], [20 / 21, 0])
    assert "2       100" in repr(report)


def test_interval_is_over_videos_and_repeats_with_the_seed():
    """Of 12 videos 6 are right and 6 wrong: the mean of 12 draws has a deviation of 0.5 / sqrt(12) = 0.144, and 1.96
    of these are 0.28."""
    true = [[[0, 0, 8, 8]] * 4] * 12
    found = [true[0]] * 6 + [[NAN] * 4] * 6
    report = evaluation.tracking(found, true)
    low, high = report.interval["precision"]
    assert low == pytest.approx(0.5 - 0.28, abs=0.06) and high == pytest.approx(0.5 + 0.28, abs=0.06)
    np.testing.assert_allclose(np.array(report.interval["auc"]), np.array([low, high]) * 20 / 21)
    assert evaluation.tracking(found, true).interval == report.interval
    assert evaluation.tracking(found, true, resamples=0).interval == {}
    assert evaluation.tracking(found[:4], true[:4]).interval == {}  # too few to be drawn again


def test_reports_stand_in_one_table():
    report = evaluation.tracking([[0, 0, 8, 8]] * 2, [[0, 0, 8, 8]] * 2)
    text = evaluation.table({"ours": report, "still": report})
    assert text.splitlines()[0].split() == ["success", "AUC", "precision", "20", "px", "videos", "frames"]
    assert text.splitlines()[1].split() == ["ours", "0.952", "100.0%", "1", "2"]


@pytest.mark.parametrize(
    "found, true, match",
    [
        ([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2, "2 frames, 1 boxes"),
        ([[0, 0, 1, 1]], [[[0, 0, 1, 1]]], "one video, 1 frames and 1 videos"),
        ([[[0, 0, 1, 1]]] * 2, [[[0, 0, 1, 1]]], "2 videos and 1 videos"),
        ({"a": [[0, 0, 1, 1]]}, {"b": [[0, 0, 1, 1]]}, r"\['a'\] and \['b'\]"),
        ({"a": [[0, 0, 1, 1]]}, [[0, 0, 1, 1]], "same videos"),
        ({}, {}, "same videos"),
        (None, [[0, 0, 1, 1]], "`found` must be boxes .* Received: NoneType"),
        ([[0, 0, 1, 1]], iter([[0, 0, 1, 1]]), "`true` must be boxes .* Received: list_iterator"),
        ([[0, 0, 1, 1], None], [[0, 0, 1, 1]] * 2, "`found of the video` .* four NaN where there is none"),
        ([], [], r"must be \(n, 4\)"),
        ([[0, 0, 1, 1]], [NAN], "at least one true box"),
        ([[0, 0, 0, 1]], [[0, 0, 1, 1]], "found of the video"),
        ([[0, 0, 1, 1]], [[0, 0, 1, -1]], "true of the video"),
        ([[[0, 0, 1, 1]], [[0, 0, 1]]], [[[0, 0, 1, 1]], [[0, 0, 1, 1]]], "found of video 1"),
    ],
)
def test_what_does_not_belong_together_is_refused(found, true, match):
    with pytest.raises(ValueError, match=match):
        evaluation.tracking(found, true)


def test_resamples_are_a_whole_number():
    with pytest.raises(ValueError, match="`resamples`"):
        evaluation.tracking([[0, 0, 1, 1]], [[0, 0, 1, 1]], resamples=-1)


def test_thresholds_are_those_of_the_benchmark():
    assert len(following.OVERLAPS) == 21 and following.OVERLAPS[1] == 0.05
    assert len(following.PIXELS) == 51 and following.PIXELS[-1] == 50


# --- baselines ---

SCENE = RANDOM.random((48, 64, 3)).astype("float32")


def moved(right, down):
    """The scene, all of it moved by whole pixels; what comes in at the rim is what has gone out."""
    return np.roll(SCENE, (down, right), axis=(0, 1))


def test_still_box_stays_whatever_comes():
    still = tracking.Still()
    still.start(SCENE, [8.5, 4, 16, 16])
    for frame in (moved(3, 1), moved(9, 9)):
        np.testing.assert_array_equal(still.update(frame), [8.5, 4, 16, 16])
    assert still.confidence == 1
    with pytest.raises(ValueError, match="64x40 after 64x48"):
        still.update(SCENE[:40])


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("search", [2.0, None])
def test_template_is_found_where_it_went_to(search, colour):
    """A box between pixels keeps its place on the patch."""
    tracker = tracking.TemplateMatching(search=search, colour=colour)
    tracker.start(SCENE, [20.25, 15.5, 12, 10])
    for right, down in ((4, -3), (9, -6), (5, -2)):
        np.testing.assert_allclose(tracker.update(moved(right, down)), [20.25 + right, 15.5 + down, 12, 10])
        assert tracker.confidence == pytest.approx(1, abs=1e-4)


def test_template_beyond_the_searched_part_is_not_found_and_confidence_says_so():
    """A box 12 wide is searched for in 24 columns: 6 to either side. 20 to the right it is out of sight."""
    near, far = tracking.TemplateMatching(search=2.0), tracking.TemplateMatching(search=None)
    for tracker in (near, far):
        tracker.start(SCENE, [20, 15, 12, 10])
    assert near.update(moved(20, 0))[0] != 40 and near.confidence < 0.5
    assert far.update(moved(20, 0))[0] == 40 and far.confidence > 0.99


def test_score_is_the_correlation_of_two_patches():
    """On the only place of a window as large as the patch; the other frame is noise half of the same kind."""
    other = np.clip(0.5 * SCENE + 0.5 * RANDOM.random(SCENE.shape), 0, 1).astype("float32")
    tracker = tracking.TemplateMatching(search=1.0)
    tracker.start(SCENE, [20, 15, 12, 10])
    assert tracker.update(other).tolist() == [20, 15, 12, 10]
    patches = [frame[15:25, 20:32].ravel() for frame in (SCENE, other)]
    assert tracker.confidence == pytest.approx(np.corrcoef(patches)[0, 1], abs=1e-4)


def test_colour_tells_what_grey_does_not():
    """Two patches, equally light, red and green by turns, and the other way round; in grey both are the same."""
    red, green = np.float32([0.7154, 0.0, 0.0]), np.float32([0.0, 0.2125, 0.0])
    board = (np.add.outer(np.arange(8), np.arange(8)) % 3 == 0)[..., None]
    frame = np.zeros((32, 48, 3), "float32")
    frame[12:20, 8:16], frame[12:20, 24:32] = np.where(board, red, 0), np.where(board, green, 0)
    gone = frame.copy()
    gone[12:20, 8:16] = 0
    confidence = {}
    for colour in (True, False):
        tracker = tracking.TemplateMatching(search=None, colour=colour)
        tracker.start(frame, [8, 12, 8, 8])
        tracker.update(gone)
        confidence[colour] = tracker.confidence
    assert confidence[False] > 0.99 and confidence[True] < 0.7


def test_updated_template_follows_what_changes_slowly():
    """Pixels that are replaced, a tenth of them in each frame: after ten frames nothing is left of the first patch."""
    frames, new = [SCENE], RANDOM.random((10, *SCENE.shape)).astype("float32")
    order = RANDOM.permutation(48 * 64).reshape(48, 64)
    for step in range(10):
        chosen = (order % 10 == step)[..., None]
        frames.append(np.where(chosen, new[step], frames[-1]))
    confidence = {}
    for update in (0.0, 1.0):
        tracker = tracking.TemplateMatching(search=1.0, update=update)
        tracker.start(frames[0], [20, 15, 12, 10])
        for frame in frames[1:]:
            tracker.update(frame)
        confidence[update] = tracker.confidence
    assert confidence[1.0] > 0.8 and confidence[0.0] < 0.3


def test_box_across_the_rim_is_followed_by_what_lies_inside():
    tracker = tracking.TemplateMatching()
    tracker.start(SCENE, [-4, 40, 16, 16])
    np.testing.assert_allclose(tracker.update(moved(3, -2)), [-1, 38, 16, 16])


def test_started_again_it_has_forgotten():
    tracker = tracking.TemplateMatching(update=0.5)
    tracker.start(SCENE, [20, 15, 12, 10])
    tracker.update(moved(4, 2))
    tracker.start(SCENE, [8, 8, 12, 10])
    np.testing.assert_allclose(tracker.update(moved(2, 2)), [10, 10, 12, 10])


def test_template_matching_beats_the_still_box_where_nothing_turns():
    videos = synthetic.videos(5, frames=20, size=(96, 128), seed=9, turning=False, scaling=False, hidden=False)
    reports = {}
    for name, tracker in (("still", tracking.Still()), ("template", tracking.TemplateMatching())):
        found = {}
        for video in videos:
            tracker.start(video.frame(0), video.boxes[0])
            found[video.name] = [video.boxes[0], *(tracker.update(video.frame(number)) for number in range(1, 20))]
        reports[name] = evaluation.tracking(found, {video.name: video.boxes for video in videos})
    assert reports["template"].auc > reports["still"].auc + 0.3


@pytest.mark.parametrize(
    "wrong",
    [{"search": 0.9}, {"search": "all"}, {"search": np.inf}, {"search": True}, {"update": 1.1}, {"update": -1}]
    + [{"search": [2]}, {"update": None}, {"update": np.nan}, {"colour": "grey"}, {"colour": None}],
)
def test_arguments_outside_their_range_are_named(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` is a"):
        tracking.TemplateMatching(**wrong)


@pytest.mark.parametrize("tracker", [tracking.Still(), tracking.TemplateMatching()])
def test_start_beside_the_frame_is_refused(tracker):
    for box in ([64, 0, 5, 5], [0, 0, 5, 0], [np.nan] * 4):
        with pytest.raises(ValueError, match="box"):
            tracker.start(SCENE, box)
    with pytest.raises(ValueError, match="A frame is"):
        tracker.start(SCENE[..., 0], [20, 15, 12, 10])


@pytest.mark.parametrize("tracker", [tracking.Still(), tracking.TemplateMatching()])
def test_update_without_a_start_is_refused(tracker):
    with pytest.raises(ValueError, match="started before it is updated"):
        tracker.update(SCENE)


@pytest.mark.parametrize("update", [0, 1])
def test_box_stays_where_nothing_correlates(update):
    """In a black frame every place scores 0; the first of them would be the corner of what is searched."""
    tracker = tracking.TemplateMatching(update=update)
    tracker.start(SCENE, [20, 15, 12, 10])
    for _ in range(2):
        assert tracker.update(np.zeros_like(SCENE)).tolist() == [20, 15, 12, 10]
        assert tracker.confidence == 0


@pytest.mark.parametrize("search", [2.0, None])
def test_nearly_flat_patch_is_followed_as_any_other(search):
    """Shades that differ by 0.0001: the same picture with more contrast has the same correlations."""
    flat = (0.8 + 1e-4 * np.random.default_rng(4).standard_normal((48, 64, 3))).astype("float32")
    tracker = tracking.TemplateMatching(search=search, update=0)
    tracker.start(flat, [20, 15, 12, 10])
    assert tracker.update(np.roll(flat, (2, 3), (0, 1))).tolist() == [23, 17, 12, 10]
    assert tracker.confidence == pytest.approx(1, abs=1e-6)


def test_patch_of_one_colour_is_refused():
    with pytest.raises(ValueError, match="one colour"):
        tracking.TemplateMatching().start(np.zeros((48, 64, 3)), [8, 8, 9, 9])


def test_without_scikit_image_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(ImportError, match=r"scikit-image: pip install .siamkeras\[course\]"):
        tracking.TemplateMatching()


def test_a_seed_below_0_is_refused():
    with pytest.raises(ValueError, match="`seed` must be a whole number, at least 0. Received: -1"):
        evaluation.tracking([[[0, 0, 9, 9]]] * 5, [[[0, 0, 9, 9]]] * 5, seed=-1)
