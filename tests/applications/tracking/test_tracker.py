"""The tracker on a moving, growing, rotating and disappearing square, with a model whose weights are set by hand."""

from pathlib import Path

import keras
import numpy as np
import pytest

from siamkeras.applications import tracking

FRAME = np.full((60, 80, 3), 0.4, "float32")
BOX = [30, 20, 8, 8]


@pytest.fixture(scope="module")
def brightness_model():
    """Embeds the mean brightness of 3x3 pixels, centred at 0.6: bright parts of the template match bright parts."""
    tower = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(1, 3, 2)])
    model = tracking.siamfc(tower, template_size=16, search_size=32)
    kernel, bias = np.full((3, 3, 3, 1), 1 / 27, "float32"), np.float32([-0.6])
    model.set_weights([kernel, bias, np.full((7, 7, 1), 8.0), np.float32(-0.35)])
    return model


@pytest.fixture
def make_tracker(brightness_model):
    return lambda **kwargs: tracking.Tracker(brightness_model, **{"context": 0.5, **kwargs})


def square_video(corners, sides=None):
    """Frames with a white square at each (x, y) corner, 8 pixels wide by default, and its boxes."""
    frames, boxes = [], []
    for (x, y), side in zip(corners, sides or [8] * len(corners), strict=True):
        frame = FRAME.copy()
        frame[y : y + side, x : x + side] = 1.0
        frames.append(frame)
        boxes.append([x, y, side, side])
    return tracking.Video(np.stack(frames), boxes)


def centers(boxes):
    return boxes[:, :2] + boxes[:, 2:] / 2


def test_tracker_follows_a_square_with_less_than_a_cell_of_error(make_tracker):
    """A cell is 2 pixels of the search image, which shows 32 pixels of the frame."""
    video = square_video([(30 + 2 * step, 20 + step) for step in range(12)])
    result = tracking.track(make_tracker(window=0.1), video)
    np.testing.assert_allclose(centers(result.boxes), centers(video.boxes), atol=1.2)
    assert result.boxes.shape == (12, 4) and result.boxes.dtype == np.float32 and result.confidence.min() > 0.5
    assert result.frames_per_second > 0


def test_box_keeps_its_size_with_one_scale(make_tracker):
    video = square_video([(30, 20)] * 4, sides=[8, 9, 10, 11])
    result = tracking.track(make_tracker(scale_step=1), video)
    np.testing.assert_allclose(result.boxes[:, 2:], 8, rtol=1e-5)


def test_size_changes_by_the_damped_scale_step(make_tracker):
    """Half of a step of 1.1 is a factor of 1 - 0.5 * (1 - 1 / 1.1), 1 or 1.05, the same for width and height."""
    video = square_video([(30, 20)] * 6, sides=[8, 10, 12, 14, 16, 18])
    tracker = make_tracker(scale_step=1.1)
    tracker.scale_rate, tracker.scale_penalty = 0.5, 1
    sizes = tracking.track(tracker, video).boxes[:, 2:]
    np.testing.assert_allclose(sizes[:, 0], sizes[:, 1], rtol=1e-5)
    allowed = np.array([1 - 0.5 * (1 - 1 / 1.1), 1, 1.05])
    assert np.abs((sizes[1:] / sizes[:-1])[..., None] - allowed).min(axis=-1).max() < 1e-5
    assert sizes[-1, 0] > sizes[0, 0]


def test_angle_follows_a_rotating_bar(make_tracker):
    """A bar of 16 x 4 pixels rotates by 8 degrees per frame, 40 degrees in all. At 32 degrees, the bounding box of an
    ellipse of this size is 13.7 x 9.1."""
    rows, columns = np.mgrid[:60, :80] + 0.5
    frames = []
    for angle in np.radians(8.0 * np.arange(6)):
        x, y = columns - 40, rows - 30
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        frames.append(np.where((abs(along) < 8) & (abs(across) < 2), 1.0, 0.4)[..., None].repeat(3, axis=-1))
    tracker = make_tracker(rotation_step=8, scale_step=1, lost_below=0)
    tracker.scale_penalty = 1
    boxes = tracking.track(tracker, frames, [32, 28, 16, 4]).boxes
    assert boxes[0].tolist() == [32, 28, 16, 4] and boxes[-1, 3] > 6 and boxes[-1, 2] < 16
    np.testing.assert_allclose(centers(boxes), [[40, 30]] * 6, atol=1.5)


def test_a_target_that_disappears_is_lost_until_it_returns(make_tracker):
    """Without the square, the mean product is (0.4 / 4 - 0.2 * 3 / 4) * -0.2 = 0.01: sigmoid(80 * 0.01 - 3.5) is 0.06.
    With it, the mean is 0.16 / 4 + 0.04 * 3 / 4 = 0.07 at the best position: sigmoid(2.1) is 0.89."""
    video = square_video([(30, 20)] * 5)
    video.frames[2:4] = 0.4
    tracker, lost, confidence = make_tracker(lost_below=0.5), [], []
    tracker.start(video.frame(0), BOX)
    for frame in list(video)[1:]:
        assert np.isfinite(tracker.update(frame)).all()
        lost.append(tracker.lost)
        confidence.append(tracker.confidence)
    assert lost == [False, True, True, False]
    assert max(confidence[1:3]) < 0.1 and min(confidence[0], confidence[3]) > 0.5


def test_cosine_window_prefers_the_nearer_of_two_equal_squares(make_tracker):
    """The squares are 3 pixels to the right and 9 to the left of the last position."""
    video = square_video([(30, 20), (33, 20)])
    video.frames[1, 20:28, 21:29] = 1.0
    tracker = make_tracker(window=0.4, scale_step=1)
    tracker.start(video.frame(0), BOX)
    assert tracker.update(video.frame(1))[0] > 30


def test_best_position_lies_between_cells_of_the_map_with_the_highest_peak(make_tracker):
    """The parabola through 0.25, 1 and 0.75 has its vertex 0.25 cells after the middle. Other scales than the current
    one count 0.99: 1.005 becomes less than 1, 1.02 more."""
    tracker, maps = make_tracker(window=0), np.zeros((3, 9, 9))
    maps[0, 4, 3:6] = 0.25, 1, 0.75
    maps[1, 2, 6] = 1.005
    assert tracker._best(maps) == (0, (4, 4.25))
    maps[1, 2, 6] = 1.02
    assert tracker._best(maps) == (1, (2, 6))


def test_size_is_kept_while_the_target_is_not_visible(make_tracker):
    """The third map is that of the larger scale, 1.1; a rate of 0.6 gives a factor of 1.06."""
    tracker, maps = make_tracker(scale_step=1.1), np.full((3, 9, 9), -5.0)
    tracker.start(FRAME, BOX)
    tracker._score_maps = lambda *args: maps
    for peak, size in ((-1, 8), (1, 8.48)):
        maps[2, 4, 4] = peak
        np.testing.assert_allclose(tracker.update(FRAME), [34 - size / 2, 24 - size / 2, size, size], rtol=1e-5)


def test_size_is_limited_by_the_first_box_and_the_frame(make_tracker):
    """From a fifth to five times the first box of 8 pixels; at most the height of the frame, 60 pixels."""
    tracker = make_tracker()
    for box, factors, sizes in ((BOX, (9, 0.01), (40, 1.6)), ([30, 20, 20, 20], (4,), (60,))):
        tracker.start(FRAME, box)
        for factor, size in zip(factors, sizes, strict=True):
            tracker._target.resize(factor)
            np.testing.assert_allclose(tracker._target.extent, size)


def test_boxes_are_clipped_to_the_frame(make_tracker):
    video = square_video([(6, 20), (3, 20), (0, 20), (0, 20), (0, 20)])
    boxes = tracking.track(make_tracker(), video).boxes
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 0] + boxes[:, 2] <= 80).all() and (boxes[:, 2:] > 0).all()
    tracker = make_tracker()
    tracker.start(video.frame(0), [-4, 20, 10, 8])
    assert tracker.box.tolist() == [0, 20, 6, 8]
    maps = np.full((3, 9, 9), -5.0)
    maps[0, 0, 0] = -1  # 4 cells of 2 pixels to the left of and above the centre, (4, 4): the corner of the frame
    tracker.start(FRAME, [0, 0, 8, 8])
    tracker._score_maps = lambda *args: maps
    assert tracker.update(FRAME).tolist() == [0, 0, 4, 4]


def test_videos_arrays_bytes_iterators_and_datasets_give_the_same_track(make_tracker):
    """With one tracker, which `start` resets."""
    import tensorflow as tf

    video, tracker = square_video([(30, 20), (33, 22), (36, 24)]), make_tracker()
    expected = tracking.track(tracker, video).boxes
    signature = tf.TensorSpec((60, 80, 3))
    dataset = tf.data.Dataset.from_generator(lambda: iter(video.frames), output_signature=signature)
    np.testing.assert_array_equal(tracking.track(tracker, video.frames, BOX).boxes, expected)
    for frames in (list((video.frames * 255).astype("uint8")), iter(video.frames), dataset):
        boxes = tracking.track(tracker, frames, [BOX]).boxes
        np.testing.assert_allclose(boxes, expected, atol=0.05)


@pytest.mark.parametrize("box", [[100, 20, 8, 8], [-20, 20, 8, 8], [30, 20, 8], [np.nan] * 4, [20, 10, 1e5, 1e5]])
def test_invalid_first_boxes_are_rejected(make_tracker, box):
    """A crop around a box of 100,000 pixels would need terabytes."""
    with pytest.raises(ValueError, match="box"):
        make_tracker().start(FRAME, box)


def test_invalid_frames_scores_and_options_are_rejected(make_tracker, brightness_model):
    with pytest.raises(ValueError, match="`window` must be a number"):
        make_tracker(window=1)
    tracker = make_tracker()
    with pytest.raises(ValueError, match=r"Call `start\(frame, box\)` before `update\(frame\)`"):
        tracker.update(FRAME)
    tracker.start(FRAME, BOX)
    with pytest.raises(ValueError, match=r"\(60, 79\)"):
        tracker.update(FRAME[:, :79])
    with pytest.raises(ValueError, match="at least one frame"):
        tracking.track(tracker, iter(()), BOX)
    for folder in ("OTB/Crossing", Path("OTB/Crossing")):
        with pytest.raises(ValueError, match=r"use `tracking.video_folder\('OTB/Crossing'\)`"):
            tracking.track(tracker, folder)
    for frames in (FRAME[None], tracking.Video(FRAME[None])):
        with pytest.raises(ValueError, match="`box` must be the bounding box of the target in the first frame"):
            tracking.track(tracker, frames)
    model = keras.models.clone_model(brightness_model)
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    tracker = tracking.Tracker(model)
    tracker.start(FRAME, BOX)
    with pytest.raises(ValueError, match="NaN or infinite scores"):
        tracker.update(FRAME)


def test_pretrained_tracker_beats_no_motion():
    video = tracking.synthetic_videos(1, 12, seed=5)[0]
    trackers = tracking.Tracker(tracking.pretrained_siamfc()), tracking.NoMotion()
    ours, baseline = (tracking.evaluate(tracking.track(tracker, video).boxes, video.boxes) for tracker in trackers)
    assert ours.auc > baseline.auc + 0.1
