"""The tracker on a moving, growing, rotating and disappearing square, with a model whose weights are set by hand."""

import keras
import numpy as np
import pytest

from siamkeras.applications import tracking

FRAME = np.full((60, 80, 3), 0.4, "float32")
BOX = [30, 20, 8, 8]


@pytest.fixture(scope="module")
def brightness_model():
    """Embeds the mean brightness of 3x3 pixels, centred at 0.6: bright parts of the template match bright parts."""
    tower = tracking.tower((1,), (3,), (2,), normalize=False)
    model = tracking.siamfc(tower, template_size=16, search_size=32)
    kernel = np.full((3, 3, 3, 1), 1 / 27, "float32")
    batch_norm = [1.0], [0.0], [0.6], [1.0]  # gamma, beta, moving mean and variance
    model.set_weights([kernel, *map(np.float32, batch_norm), np.full((7, 7, 1), 8.0), np.float32(-0.35)])
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
    result = tracking.track(make_tracker(window=0.1), video, progress=False)
    np.testing.assert_allclose(centers(result.boxes), centers(video.boxes), atol=1.2)
    assert result.boxes.shape == (12, 4) and result.boxes.dtype == np.float32 and result.confidence.min() > 0.5
    assert result.frames_per_second > 0 and "12 boxes" in repr(result)


def test_box_keeps_its_size_with_one_scale(make_tracker):
    video = square_video([(30, 20)] * 4, sides=[8, 9, 10, 11])
    result = tracking.track(make_tracker(scale_step=1), video, progress=False)
    np.testing.assert_allclose(result.boxes[:, 2:], 8, rtol=1e-5)


def test_size_changes_by_the_damped_scale_step(make_tracker):
    """Half of a step of 1.1 is a factor of 1 - 0.5 * (1 - 1 / 1.1), 1 or 1.05, the same for width and height."""
    video = square_video([(30, 20)] * 6, sides=[8, 10, 12, 14, 16, 18])
    tracker = make_tracker(scale_step=1.1)
    tracker.scale_rate, tracker.scale_penalty = 0.5, 1
    sizes = tracking.track(tracker, video, progress=False).boxes[:, 2:]
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
    boxes = tracking.track(tracker, frames, [32, 28, 16, 4], progress=False).boxes
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
    assert tracker.scores.shape == (9, 9)


def test_cosine_window_prefers_the_nearer_of_two_equal_squares(make_tracker):
    """The squares are 3 pixels to the right and 9 to the left of the last position."""
    video = square_video([(30, 20), (33, 20)])
    video.frames[1, 20:28, 21:29] = 1.0
    tracker = make_tracker(window=0.4, scale_step=1)
    tracker.start(video.frame(0), BOX)
    assert tracker.update(video.frame(1))[0] > 30


def test_template_update_adapts_to_a_target_that_fades(make_tracker):
    """The square fades from 1 to 0.7."""
    frames = [np.where(FRAME + (square_video([(30, 20)]).frame(0) > 0.9) > 1.0, 1 - 0.03 * n, 0.4) for n in range(11)]
    confidence = [
        tracking.track(make_tracker(template_update=rate), frames, BOX, progress=False).confidence for rate in (0, 0.5)
    ]
    assert confidence[0][1] == confidence[1][1] and abs(confidence[0][-1] - confidence[1][-1]) > 1e-3


def test_boxes_are_clipped_to_the_frame(make_tracker):
    video = square_video([(6, 20), (3, 20), (0, 20), (0, 20), (0, 20)])
    boxes = tracking.track(make_tracker(), video, progress=False).boxes
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 0] + boxes[:, 2] <= 80).all() and (boxes[:, 2:] > 0).all()
    tracker = make_tracker()
    tracker.start(video.frame(0), [-4, 20, 10, 8])
    assert tracker.box.tolist() == [0, 20, 6, 8]


def test_start_resets_the_tracker(make_tracker):
    video, tracker = square_video([(30, 20), (32, 20), (34, 20)]), make_tracker()
    first, second = (tracking.track(tracker, video, progress=False).boxes for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_videos_arrays_bytes_iterators_and_datasets_give_the_same_track(make_tracker):
    import tensorflow as tf

    video, tracker = square_video([(30, 20), (33, 22), (36, 24)]), make_tracker()
    expected = tracking.track(tracker, video, progress=False).boxes
    signature = tf.TensorSpec((60, 80, 3))
    dataset = tf.data.Dataset.from_generator(lambda: iter(video.frames), output_signature=signature)
    for frames in (video.frames, list((video.frames * 255).astype("uint8")), iter(video.frames), dataset):
        boxes = tracking.track(tracker, frames, [BOX], progress=False).boxes
        np.testing.assert_allclose(boxes, expected, atol=0.05)


def test_progress_bar_is_optional(capsys):
    video = square_video([(30, 20), (33, 22), (36, 24)])
    tracking.track(tracking.NoMotion(), video, progress=False)
    assert capsys.readouterr().out == ""
    tracking.track(tracking.NoMotion(), video)
    assert "3/3" in capsys.readouterr().out


@pytest.mark.parametrize(
    "box", [[100, 20, 8, 8], [-20, 20, 8, 8], [30, 20, 0, 8], [30, 20, 8], [np.nan] * 4, [20, 10, 1e5, 1e5]]
)
def test_invalid_first_boxes_are_rejected(make_tracker, box):
    """A crop around a box of 100,000 pixels would need terabytes."""
    with pytest.raises(ValueError, match="box"):
        make_tracker().start(FRAME, box)


def test_invalid_frames_are_rejected(make_tracker):
    tracker = make_tracker()
    with pytest.raises(ValueError, match=r"Call `start\(frame, box\)` before `update\(frame\)`"):
        tracker.update(FRAME)
    tracker.start(FRAME, BOX)
    for frame, match in (
        (FRAME[:, :79], r"\(60, 79\)"),
        (FRAME[..., 0], "A frame must be"),
        (FRAME * 200, "must lie in"),
    ):
        with pytest.raises(ValueError, match=match):
            tracker.update(frame)


def test_track_needs_frames_and_a_first_box():
    with pytest.raises(ValueError, match="`box`, the bounding box in the first frame, is required"):
        tracking.track(tracking.NoMotion(), [FRAME])
    with pytest.raises(ValueError, match="at least one frame"):
        tracking.track(tracking.NoMotion(), iter(()), BOX, progress=False)
    with pytest.raises(ValueError, match="box"):
        tracking.track(tracking.NoMotion(), tracking.Video(FRAME[None]), progress=False)


def test_scores_that_are_not_finite_are_rejected(brightness_model):
    model = keras.models.clone_model(brightness_model)
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    tracker = tracking.Tracker(model)
    tracker.start(FRAME, BOX)
    with pytest.raises(ValueError, match="NaN or infinite scores"):
        tracker.update(FRAME)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 1},
        {"scale_step": 0.9},
        {"rotation_step": -1},
        {"template_update": 2},
        {"lost_below": "0.5"},
        {"context": -1},
    ],
)
def test_options_out_of_range_are_rejected(make_tracker, wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be a number"):
        make_tracker(**wrong)


def test_pretrained_tracker_beats_no_motion():
    video = tracking.synthetic_videos(1, 12, seed=5)[0]
    trackers = tracking.Tracker(tracking.pretrained_siamfc()), tracking.NoMotion()
    ours, baseline = (
        tracking.evaluate(tracking.track(tracker, video, progress=False).boxes, video.boxes) for tracker in trackers
    )
    assert ours.auc > baseline.auc + 0.1


@pytest.mark.slow
def test_a_short_training_run_beats_no_motion():
    keras.utils.set_random_seed(0)
    model = tracking.siamfc(tracking.tower((8, 12), (5, 3), (2, 2)), template_size=32, search_size=64)
    model.compile(keras.optimizers.Adam(0.005), tracking.ScoreMapLoss())
    geometry = tracking.Geometry.from_model(model, radius=4)
    videos = tracking.synthetic_videos(6, 20, (96, 128), seed=1)
    stream = tracking.pairs_from_videos(videos, seed=1, geometry=geometry, motion=tracking.Motion(shift=12))
    losses = model.fit(stream, steps_per_epoch=30, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < losses[0] < 0.75
    video = tracking.synthetic_videos(1, 20, (96, 128), seed=2)[0]
    auc = [
        tracking.evaluate(tracking.track(tracker, video, progress=False).boxes, video.boxes).auc
        for tracker in (tracking.Tracker(model), tracking.NoMotion())
    ]
    assert auc[0] > auc[1]
