"""Synthetic videos: boxes that bound the object, reproducible motion, occlusion and distractors."""

import importlib.util

import numpy as np
import pytest

from siamkeras.applications import tracking

WHITE, BLACK = np.full((64, 64, 3), 255, "uint8"), np.zeros((64, 64, 3), "uint8")
SMALL = {"frames": 20, "size": (64, 96), "photos": [WHITE, BLACK]}


def test_boxes_bound_the_pixels_of_the_object_and_lie_in_the_frame():
    """A white object on black or the other way round; a pixel counts if more than half of it is covered."""
    for video in tracking.synthetic_videos(4, occlusion=False, **SMALL):
        for index in range(0, 20, 3):
            grey = video.frame(index).mean(axis=2)
            rows, columns = np.nonzero(grey < 0.5 if grey[0, 0] > 0.5 else grey > 0.5)
            x, y, width, height = video.boxes[index]
            bounds = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(bounds, [x, y, x + width, y + height], atol=1.1)
        assert (video.boxes[:, :2] >= 0).all()
        assert (video.boxes[:, :2] + video.boxes[:, 2:] <= [96, 64]).all()


def test_a_video_depends_on_seed_and_index_but_not_on_count_or_length():
    video = tracking.synthetic_videos(2, seed=5, **SMALL)[1]
    longer = tracking.synthetic_videos(3, seed=5, **{**SMALL, "frames": 30})[1]
    np.testing.assert_array_equal(video.frames, longer.frames[:20])
    np.testing.assert_array_equal(video.boxes, longer.boxes[:20])
    for seed, index in ((6, 1), (5, 0)):
        other = tracking.synthetic_videos(2, seed=seed, **SMALL)[index]
        assert not np.array_equal(video.boxes, other.boxes)


def test_object_rotates_and_changes_its_size():
    """Its area changes by less than the square of 2.7, its aspect ratio by rotation only."""
    sizes = tracking.synthetic_videos(1, **{**SMALL, "frames": 60})[0].boxes[:, 2:]
    area, aspect_ratio = sizes.prod(axis=1), sizes[:, 0] / sizes[:, 1]
    assert 1.5 < area.max() / area.min() < 2.75**2
    assert 1.05 < aspect_ratio.max() / aspect_ratio.min()


def test_motion_limits_rotation_scaling_and_stretch():
    """Without scaling and rotation, the sides of the box have a constant product, and their ratio at most doubles."""
    for video in tracking.synthetic_videos(3, **{**SMALL, "frames": 60}, motion=(0, 1, 2)):
        width, height = video.boxes[:, 2:].T.astype("float64")
        np.testing.assert_allclose(width * height, (width * height)[0], rtol=1e-4)
        assert 1.3 < (width / height).max() / (width / height).min() <= 4
    still = tracking.synthetic_videos(1, **SMALL, motion=(0, 1, 1))[0]
    np.testing.assert_allclose(still.boxes[:, 2:], np.tile(still.boxes[0, 2:], (20, 1)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"`motion\[2\]` must be"):
        tracking.synthetic_videos(1, **SMALL, motion=(0, 1, 0.5))


def test_occlusion_hides_part_of_the_object_after_the_first_frame_and_keeps_the_boxes():
    kwargs, occluded_frames = {**SMALL, "frames": 60}, 0
    occluded, free = (tracking.synthetic_videos(6, occlusion=occlusion, **kwargs) for occlusion in (True, False))
    for behind, visible in zip(occluded, free, strict=True):
        np.testing.assert_array_equal(behind.boxes, visible.boxes)
        for index in range(60):
            x, y, width, height = np.rint(visible.boxes[index]).astype(int)
            box = index, slice(y, y + height), slice(x, x + width)
            hidden = np.abs(behind.frames[box].astype(int) - visible.frames[box]).max(axis=2) > 60
            occluded_frames += hidden.mean() > 0.15
            assert hidden.mean() < (0.85 if index else 1e-9)
    assert occluded_frames > 30


def test_distractors_are_visible_behind_the_target_and_change_no_box():
    """The noise of a frame does not depend on the distractors: where they are hidden, pixels are equal."""
    photos = list(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), "uint8"))
    kwargs = {"frames": 60, "size": (64, 96), "occlusion": False, "photos": photos}
    alone, among = (tracking.synthetic_videos(1, distractors=count, **kwargs)[0] for count in (0, 6))
    np.testing.assert_array_equal(alone.boxes, among.boxes)
    changed = (alone.frames[0] != among.frames[0]).any(axis=2)
    assert changed.sum() > 0.5 * alone.boxes[0, 2:].prod()
    columns, rows = (alone.boxes[:, :2] + alone.boxes[:, 2:] / 2).astype(int).T
    np.testing.assert_array_equal(alone.frames[range(60), rows, columns], among.frames[range(60), rows, columns])


def test_photographs_are_those_of_the_installed_packages(monkeypatch):
    photos = tracking.photographs()
    assert {"china", "flower"} <= set(photos)
    assert all(image.dtype == np.float32 and 0 <= image.min() and image.max() <= 1 for image in photos.values())
    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "skimage" else find_spec(name))
    assert set(tracking.photographs()) == {"china", "flower"}
    assert "2 photographs" in tracking.synthetic_videos(1, frames=2, size=(48, 48))[0].source


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"size": (48, 47)}, "`size` must be an integer of at least 48"),
        ({"photos": [WHITE]}, "At least two photographs are needed"),
        ({"photos": [WHITE, WHITE * 2.0]}, "must lie in"),
    ],
)
def test_invalid_arguments_are_rejected(wrong, match):
    with pytest.raises(ValueError, match=match):
        tracking.synthetic_videos(**{"count": 1, **wrong})
