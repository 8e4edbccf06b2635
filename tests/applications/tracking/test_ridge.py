"""Ridge templates against explicit least squares, and a tracker with one on a moving, growing, disappearing patch."""

import keras
import numpy as np
import pytest

from siamkeras.applications import tracking
from siamkeras.layers import UnitLength

RNG = np.random.default_rng(5)
BOX = [60, 40, 32, 32]


def weighted_ridge(template, maps, offsets):
    """The minimum over f of the penalised weighted squares, by least squares on the rows of all positions."""
    rows, targets, weights = [], [], []
    for one, (right, down) in zip(maps, offsets, strict=True):
        positions = len(one) - template.size + 1
        middle = (positions - 1) / 2
        y = np.array(
            [
                np.exp(-((column - middle - right) ** 2 + (row - middle - down) ** 2) / (2 * template.width**2))
                for row in range(positions)
                for column in range(positions)
            ]
        )
        w = 1 + template.target_weight * y
        weights.append(w / w.sum() / len(maps))
        targets.append(y)
        rows += [
            np.moveaxis(one[row : row + template.size, column : column + template.size], -1, 0).ravel()
            for row in range(positions)
            for column in range(positions)
        ]
    x, y, w = np.array(rows), np.concatenate(targets), np.sqrt(np.concatenate(weights))[:, None]
    penalty = np.sqrt(template.ridge * np.sum((w * x) ** 2) / x.shape[1]) * np.eye(x.shape[1])
    return np.linalg.lstsq(np.concatenate([w * x, penalty]), np.append(w[:, 0] * y, np.zeros(x.shape[1])))[0]


def test_the_filter_is_the_solution_of_weighted_ridge_regression():
    template = tracking.RidgeTemplate(size=2, width=1.0, ridge=0.1, target_weight=3.0)
    maps, offsets = RNG.normal(size=(2, 6, 6, 3)), [(0, 0), (1, -2)]
    template.start(maps, offsets)
    expected = weighted_ridge(template, maps, offsets)
    np.testing.assert_allclose(template.filter, expected, rtol=1e-4)
    scores = template.scores(maps)
    assert scores.shape == (2, 5, 5)
    corner = np.moveaxis(maps[1, 3:5, 1:3], -1, 0).ravel()
    np.testing.assert_allclose(scores[1, 3, 1], corner @ expected, rtol=1e-4)


def test_an_update_is_a_moving_average_beside_the_first_frame():
    """Rate 1 replaces the average: with weight 0 for the first frame, only the new map counts; with 1, nothing does."""
    first, new = RNG.normal(size=(2, 7, 7, 2))
    for weight in (0.0, 1.0):
        template = tracking.RidgeTemplate(size=3, first=weight)
        template.start(first[None], [(0, 0)])
        template.update(new, (1, 1), rate=1.0)
        shown = (first, (0, 0)) if weight else (new, (1, 1))
        np.testing.assert_allclose(template.filter, weighted_ridge(template, [shown[0]], [shown[1]]), rtol=1e-3)


@pytest.fixture(scope="module")
def tower():
    """Random filters of 8x8 pixels."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(12, 8, 8, padding="same", bias_initializer="random_normal")(inputs)
    return keras.Model(inputs, UnitLength()(keras.layers.ReLU()(x)))


def patch_video(corners):
    """A patch of coloured noise on grey noise, 32 pixels wide, at each (x, y) corner; None leaves it out."""
    rng = np.random.default_rng(5)  # the same images whichever tests ran before
    background = rng.uniform(0.4, 0.6, (120, 160, 3))
    pattern = rng.uniform(0, 1, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
    frames, boxes = [], []
    for corner in corners:
        frame = background.copy()
        if corner is not None:
            x, y = corner
            frame[y : y + 32, x : x + 32] = pattern
        frames.append(frame)
        boxes.append([np.nan] * 4 if corner is None else [*corner, 32, 32])
    return tracking.Video(np.array(frames, "float32"), boxes)


def test_the_tracker_follows_a_moving_patch(tower):
    video = patch_video([(60 - 3 * number, 40 + 2 * number) for number in range(15)])
    track = tracking.track(tracking.RidgeTracker(tower), video)
    assert tracking.iou(track.boxes, video.boxes).min() > 0.7 and track.confidence.min() > 0.4


def test_a_vanished_patch_is_lost_and_found_again_and_changes_neither_template_nor_box(tower):
    video = patch_video([(60, 40)] * 5 + [None] * 6 + [(64, 40)] * 3)
    tracker = tracking.RidgeTracker(tower)
    tracker.start(video.frame(0), video.boxes[0])
    state = {}
    for number in range(1, 14):
        tracker.update(video.frame(number))
        state[number] = tracker.lost, tracker.template.filter.copy(), tracker.box.copy()
    assert [state[number][0] for number in (4, 10, 13)] == [False, True, False]
    for number in range(5, 11):
        np.testing.assert_array_equal(state[number][1], state[4][1])
        np.testing.assert_array_equal(state[number][2], state[4][2])
    assert tracking.iou([tracker.box], video.boxes[13:])[0] > 0.7


def test_another_scale_is_chosen_only_if_its_score_is_clearly_higher(tower):
    """Every second frame has three scales: 1, 0.8 and 1.25. The size changes by 0.6 of the difference to 1."""
    frame = patch_video([(60, 40)]).frame(0)
    for largest, expected in ((0.92, 1.0), (0.95, 1 + 0.6 * 0.25)):
        tracker = tracking.RidgeTracker(tower, scale_step=1.25)
        tracker.start(frame, BOX)
        peaks = np.zeros((3, 5, 5))
        peaks[:, 2, 2] = 0.9, 0.1, largest
        tracker.template.scores = lambda maps, first=False, peaks=peaks: peaks[: len(maps)]
        sizes = [tracker.update(frame)[2:] for _ in range(2)]
        np.testing.assert_allclose(sizes, [[32, 32], [32 * expected] * 2], rtol=1e-5)


def test_update_needs_start_and_embeddings_must_be_finite(tower):
    frame = patch_video([(60, 40)]).frame(0)
    with pytest.raises(ValueError, match="Call `start"):
        tracking.RidgeTracker(tower).update(frame)
    broken = keras.Sequential([tower, keras.layers.Rescaling(float("nan"))])
    with pytest.raises(ValueError, match="NaN or infinite"):
        tracking.RidgeTracker(broken).start(frame, BOX)
    for wrong in ({"window": 1.0}, {"rate": 2.0}, {"scale_step": 0.9}, {"update_above": "0.2"}, {"lost_below": 30}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
            tracking.RidgeTracker(tower, **wrong)
