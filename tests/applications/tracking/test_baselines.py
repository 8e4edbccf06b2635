"""Baselines: a box that does not move, and template matching against correlations of NumPy."""

import sys

import numpy as np
import pytest

from siamkeras.applications import tracking

RNG = np.random.default_rng(4)
SCENE = RNG.random((48, 64, 3)).astype("float32")
BOX = [20, 15, 12, 10]


def shifted(right, down):
    """The scene shifted by whole pixels, with wrap-around."""
    return np.roll(SCENE, (down, right), axis=(0, 1))


def test_no_motion_returns_the_first_box():
    tracker = tracking.NoMotion()
    tracker.start(SCENE, [8.5, 4, 16, 16])
    np.testing.assert_array_equal(tracker.update(shifted(3, 1)), [8.5, 4, 16, 16])


@pytest.mark.parametrize("search", [2.0, None])
def test_template_matching_finds_a_shifted_patch(search):
    """A box between pixels keeps its offset from the patch."""
    tracker = tracking.TemplateMatching(search=search)
    tracker.start(SCENE, [20.25, 15.5, 12, 10])
    for right, down in ((4, -3), (9, -6), (5, -2)):
        np.testing.assert_allclose(tracker.update(shifted(right, down)), [20.25 + right, 15.5 + down, 12, 10])
        assert tracker.confidence == pytest.approx(1, abs=1e-4)


def test_a_patch_outside_the_searched_region_has_a_low_confidence():
    """A box 12 wide is searched in 24 columns, 6 on each side; the patch moves by 20."""
    near, whole_frame = tracking.TemplateMatching(search=2.0), tracking.TemplateMatching(search=None)
    for tracker in (near, whole_frame):
        tracker.start(SCENE, BOX)
    assert near.update(shifted(20, 0))[0] != 40 and near.confidence < 0.5
    assert whole_frame.update(shifted(20, 0))[0] == 40 and whole_frame.confidence > 0.99


def test_confidence_is_the_correlation_coefficient_of_the_two_patches():
    """The searched region has only one position."""
    frame = np.clip(0.5 * SCENE + 0.5 * RNG.random(SCENE.shape), 0, 1).astype("float32")
    tracker = tracking.TemplateMatching(search=1.0)
    tracker.start(SCENE, BOX)
    assert tracker.update(frame).tolist() == BOX
    patches = [image[15:25, 20:32].ravel() for image in (SCENE, frame)]
    assert tracker.confidence == pytest.approx(np.corrcoef(patches)[0, 1], abs=1e-4)


def test_template_update_follows_slow_changes():
    """In each of ten frames, another tenth of the pixels is replaced."""
    new, group = RNG.random((10, *SCENE.shape)).astype("float32"), RNG.integers(10, size=(48, 64, 1))
    frames = [np.where(group < step, new[0], SCENE) for step in range(11)]
    confidence = []
    for rate in (0.0, 1.0):
        tracker = tracking.TemplateMatching(search=1.0, template_update=rate)
        tracker.start(SCENE, BOX)
        for frame in frames[1:]:
            tracker.update(frame)
        confidence.append(tracker.confidence)
    assert confidence[0] < 0.3 and confidence[1] > 0.8


def test_a_box_across_the_border_is_tracked_by_its_visible_part():
    tracker = tracking.TemplateMatching()
    tracker.start(SCENE, [-4, 40, 16, 16])
    np.testing.assert_allclose(tracker.update(shifted(3, -2)), [-1, 38, 16, 16])


def test_start_resets_the_tracker():
    tracker = tracking.TemplateMatching(template_update=0.5)
    tracker.start(SCENE, BOX)
    tracker.update(shifted(4, 2))
    tracker.start(SCENE, [8, 8, 12, 10])
    np.testing.assert_allclose(tracker.update(shifted(2, 2)), [10, 10, 12, 10])


@pytest.mark.parametrize("rate", [0, 1])
def test_the_box_stays_where_no_position_correlates(rate):
    """In a black frame, all positions score 0; the first of them is the corner of the searched region."""
    tracker = tracking.TemplateMatching(template_update=rate)
    tracker.start(SCENE, BOX)
    for _ in range(2):
        assert tracker.update(np.zeros_like(SCENE)).tolist() == BOX
        assert tracker.confidence == 0


def test_a_nearly_flat_patch_is_tracked():
    """Values that differ by 0.0001: correlation does not depend on the contrast."""
    flat = (0.8 + 1e-4 * RNG.standard_normal((48, 64, 3))).astype("float32")
    tracker = tracking.TemplateMatching(template_update=0)
    tracker.start(flat, BOX)
    assert tracker.update(np.roll(flat, (2, 3), (0, 1))).tolist() == [23, 17, 12, 10]
    assert tracker.confidence == pytest.approx(1, abs=1e-6)


def test_template_matching_beats_no_motion_on_objects_that_only_move():
    videos = tracking.synthetic_videos(
        5, frames=20, size=(96, 128), seed=9, rotation=False, scaling=False, occlusion=False
    )
    auc = []
    for tracker in (tracking.NoMotion(), tracking.TemplateMatching()):
        boxes = {video.name: tracking.track(tracker, video, progress=False).boxes for video in videos}
        auc.append(tracking.evaluate(boxes, {video.name: video.boxes for video in videos}).auc)
    assert auc[1] > auc[0] + 0.3


@pytest.mark.parametrize(
    "wrong", [{"search": 0.9}, {"search": np.inf}, {"search": "all"}, {"template_update": 1.1}, {"template_update": -1}]
)
def test_options_out_of_range_are_rejected(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be a number"):
        tracking.TemplateMatching(**wrong)


@pytest.mark.parametrize("tracker", [tracking.NoMotion(), tracking.TemplateMatching()])
@pytest.mark.parametrize("box", [[64, 0, 5, 5], [0, 0, 5, 0], [np.nan] * 4, [0, 0, 5], [BOX, BOX]])
def test_invalid_first_boxes_are_rejected(tracker, box):
    with pytest.raises(ValueError, match="box"):
        tracker.start(SCENE, box)


def test_template_matching_rejects_flat_patches_and_frames_of_another_size():
    tracker = tracking.TemplateMatching()
    with pytest.raises(ValueError, match="patch of one colour is undefined"):
        tracker.start(np.zeros((48, 64, 3)), BOX)
    tracker.start(SCENE, BOX)
    with pytest.raises(ValueError, match=r"Received: \(40, 64\)"):
        tracker.update(SCENE[:40])


def test_missing_scikit_image_is_reported_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(ImportError, match=r"scikit-image: pip install .siamkeras\[course\]"):
        tracking.TemplateMatching()
