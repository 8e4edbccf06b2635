"""Template matching against correlations of NumPy, and a box that does not move."""

import numpy as np
import pytest

from siamkeras.applications import tracking

RNG = np.random.default_rng(4)
SCENE = RNG.random((48, 64, 3)).astype("float32")
BOX = [20, 15, 12, 10]


def shifted(right, down):
    """The scene shifted by whole pixels, with wrap-around."""
    return np.roll(SCENE, (down, right), axis=(0, 1))


@pytest.mark.parametrize("search", [2.0, None])
def test_template_matching_finds_a_shifted_patch(search):
    """A box between pixels keeps its offset from the patch. `start` forgets the box before."""
    tracker = tracking.TemplateMatching(search=search)
    tracker.start(shifted(1, 1), [8, 8, 6, 6])
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


@pytest.mark.parametrize("rate", [0, 1])
def test_the_box_stays_where_no_position_correlates(rate):
    """In a black frame, all positions score 0, also the corner of the searched region, which comes first."""
    tracker = tracking.TemplateMatching(template_update=rate)
    tracker.start(SCENE, BOX)
    for _ in range(2):
        assert tracker.update(np.zeros_like(SCENE)).tolist() == BOX
        assert tracker.confidence == 0


def test_the_box_stays_where_other_positions_correlate_as_well():
    """The scene repeats itself every 16 columns."""
    scene = np.tile(SCENE[:, :16], (1, 4, 1))
    for x in (8, 24, 40):
        tracker = tracking.TemplateMatching(search=None)
        tracker.start(scene, [x, 15, 12, 10])
        assert tracker.update(scene).tolist() == [x, 15, 12, 10]


def test_a_nearly_flat_patch_is_tracked():
    """Values that differ by 0.0001: correlation does not depend on the contrast."""
    flat = (0.8 + 1e-4 * RNG.standard_normal((48, 64, 3))).astype("float32")
    tracker = tracking.TemplateMatching(template_update=0)
    tracker.start(flat, BOX)
    assert tracker.update(np.roll(flat, (2, 3), (0, 1))).tolist() == [23, 17, 12, 10]
    assert tracker.confidence == pytest.approx(1, abs=1e-6)


def test_template_matching_beats_no_motion():
    videos = tracking.synthetic_videos(5, frames=20, size=(96, 128), seed=9, occlusion=False)
    auc = []
    for tracker in (tracking.NoMotion(), tracking.TemplateMatching()):
        boxes = {video.name: tracking.track(tracker, video).boxes for video in videos}
        auc.append(tracking.evaluate(boxes, {video.name: video.boxes for video in videos}).auc)
    np.testing.assert_array_equal(boxes[videos[0].name][0], videos[0].boxes[0])
    assert auc[1] > auc[0] + 0.1


@pytest.mark.parametrize(
    "options, frame, box, match",
    [
        ({"search": 0.9}, SCENE, BOX, "`search` must be a number of at least 1"),
        ({"template_update": 1.1}, SCENE, BOX, "`template_update` must be a number of at least 0 and at most 1"),
        ({}, np.zeros((48, 64, 3)), BOX, "patch of one colour is undefined"),
        ({}, SCENE, [64, 0, 5, 5], "must overlap its frame"),
        ({}, SCENE[:40], BOX, r"Received: \(48, 64\)"),
    ],
)
def test_invalid_options_frames_and_boxes_are_rejected(options, frame, box, match):
    with pytest.raises(ValueError, match=match):
        tracker = tracking.TemplateMatching(**options)
        tracker.start(frame, box)
        tracker.update(SCENE)
