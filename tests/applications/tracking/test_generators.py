"""Template and search images: positions match the labels, frames the sampling rules, batches the seed."""

import numpy as np
import pytest

from siamkeras.applications import tracking


def square_videos(count=3, frames=6, height=48, width=64):
    """Videos of a white square of 8x8 pixels on grey noise."""
    videos = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        corners = rng.integers(4, 36, (frames, 2))
        pixels = rng.uniform(0.3, 0.5, (frames, height, width, 3)).astype("float32")
        for frame, (x, y) in zip(pixels, corners, strict=True):
            frame[y : y + 8, x : x + 8] = 1.0
        videos.append(tracking.Video(pixels, np.concatenate([corners, np.full((frames, 2), 8)], axis=1)))
    return videos


def square_centers(images):
    """Centre of the white square in each image, in pixels from the centre of the image, `(n, 2)` x and y."""
    centers = []
    for image in np.asarray(images):
        rows, columns = np.nonzero(image.mean(axis=-1) > 0.75)
        centers.append([columns.mean() + 0.5 - image.shape[1] / 2, rows.mean() + 0.5 - image.shape[0] / 2])
    return np.array(centers)


def label_centers(labels, stride=4):
    """Mean position of the cells with label 1, in pixels from the centre of the map, `(n, 2)` x and y."""
    centers = []
    for cells in np.asarray(labels):
        rows, columns = np.nonzero(cells == 1)
        centers.append((np.array([columns.mean(), rows.mean()]) - (len(cells) - 1) / 2) * stride)
    return np.array(centers)


def first_batch(stream):
    inputs, labels = next(iter(stream))
    return np.asarray(inputs["template"]), np.asarray(inputs["search"]), np.asarray(labels)


@pytest.mark.parametrize("rotation", [0.0, 180.0])
def test_target_is_in_the_centre_of_the_template_and_at_the_labels_in_the_search_image(rotation):
    """Label positions are exact to half a cell, that of the square to half a pixel of the frame."""
    motion = tracking.Motion(shift=20, rotation=rotation)
    stream = tracking.pairs_from_videos(square_videos(), batch_size=40, motion=motion, seed=4)
    template, search, labels = first_batch(stream)
    assert template.shape == (40, 64, 64, 3) and search.shape == (40, 128, 128, 3) and labels.shape == (40, 17, 17)
    np.testing.assert_allclose(square_centers(template), 0, atol=2)
    offset = square_centers(search)
    assert np.abs(offset).max() > 12
    np.testing.assert_allclose(label_centers(labels), offset, atol=4)


def test_target_of_an_image_moves_as_the_labels_do():
    video = square_videos(1, 8)[0]
    motion = tracking.Motion(shift=20, rotation=40, scale=(0.7, 1.4))
    stream = tracking.pairs_from_images(video.frames, video.boxes, batch_size=30, motion=motion, seed=2)
    template, search, labels = first_batch(stream)
    np.testing.assert_allclose(square_centers(template), 0, atol=2)
    np.testing.assert_allclose(label_centers(labels), square_centers(search), atol=4)


def test_labels_are_those_of_label_map():
    geometry = tracking.Geometry(48, 80, stride=2, radius=5)
    images = np.full((2, 32, 32, 3), 51, "uint8")
    stream = tracking.pairs_from_images(images, geometry=geometry, motion=tracking.Motion(shift=0))
    template, _, labels = first_batch(stream)
    np.testing.assert_allclose(template, 0.2, atol=1e-5)  # bytes are divided by 255
    for cells in labels:
        np.testing.assert_array_equal(cells, geometry.label_map())


def test_scale_is_the_size_in_the_search_image_relative_to_the_template():
    """A factor of 2 is four times the area; the edge of the square is exact to a pixel, an eighth of its side."""
    video = square_videos(1, 4)[0]
    motion = tracking.Motion(shift=0, scale=(2, 2))
    batch = first_batch(tracking.pairs_from_images(video.frames, video.boxes, 8, motion=motion))
    template_area, search_area = ((images.mean(axis=-1) > 0.75).sum(axis=(1, 2)) for images in batch[:2])
    np.testing.assert_allclose(search_area / template_area, 4, rtol=0.15)


def test_random_boxes_lie_in_the_image_and_both_crops_have_the_same_centre():
    """The red and green channels are the x and y position."""
    rows, columns = np.mgrid[:60, :80] + 0.5
    photo = np.stack([columns, rows, 0 * rows], axis=-1)[None].astype("float32") / 100
    motion = tracking.Motion(shift=0, scale=(1, 1))
    template, search, _ = first_batch(tracking.pairs_from_images(photo, batch_size=30, motion=motion, seed=5))
    centers = template[:, 31:33, 31:33, :2].mean(axis=(1, 2)) * 100
    np.testing.assert_allclose(centers, search[:, 63:65, 63:65, :2].mean(axis=(1, 2)) * 100, atol=0.01)
    assert (centers > 2).all() and (centers < [78, 58]).all() and np.ptp(centers, axis=0).min() > 20


def test_both_frames_are_annotated_frames_of_one_video_within_the_gap_and_never_the_same():
    """Each frame has one colour, its number: 0 to 9 in the first video, 20 to 29 in the second."""
    videos = []
    for first in (0, 20):
        colours = (first + np.arange(10, dtype="float32")) / 100
        frames = np.zeros((10, 48, 48, 3), "float32") + colours[:, None, None, None]
        videos.append(tracking.Video(frames, np.tile([16.0, 16, 16, 16], (10, 1))))
    videos[0].boxes[4] = np.nan
    template, search, _ = first_batch(tracking.pairs_from_videos(videos, batch_size=400, max_gap=2, seed=1))
    template, search = (np.rint(each * 100).astype(int) for each in (template[:, 32, 32, 0], search[:, 64, 64, 0]))
    assert set(np.abs(template - search)) == {1, 2} and 4 not in {*template, *search}
    assert {*template} == {*range(4), *range(5, 10), *range(20, 30)}


def test_absent_targets_are_searched_in_another_video_with_labels_of_0():
    frames = [np.full((4, 48, 48, 3), value, "float32") for value in (0.2, 0.4, 0.8)]
    videos = [tracking.Video(each, np.tile([16.0, 16, 16, 16], (4, 1))) for each in frames]
    motion = tracking.Motion(absent=0.25)
    template, search, labels = first_batch(tracking.pairs_from_videos(videos, batch_size=400, motion=motion, seed=1))
    is_absent = np.abs(template[:, 32, 32, 0] - search[:, 64, 64, 0]) > 0.1
    np.testing.assert_array_equal(labels.max(axis=(1, 2)) == 0, is_absent)
    assert is_absent.mean() == pytest.approx(0.25, abs=0.08)  # standard error 0.02


def test_a_batch_depends_on_seed_and_number_only():
    def pairs(seed=5, start=0):
        motion = tracking.Motion(rotation=30, absent=0.2)
        return tracking.pairs_from_videos(square_videos(), batch_size=3, seed=seed, start=start, motion=motion)

    batch, other = (first_batch(pairs(seed).skip(1)) for seed in (5, 6))
    resumed = first_batch(pairs(start=1))
    for array, again, different in zip(batch, resumed, other, strict=True):
        np.testing.assert_array_equal(array, again)
        assert not np.array_equal(array, different)


def test_augment_is_applied_to_template_and_search_image_independently():
    import tensorflow as tf

    def paint(image, seed):
        return tf.zeros_like(image) + tf.random.stateless_uniform((), seed)

    template, search, labels = first_batch(tracking.pairs_from_videos(square_videos(), batch_size=4, augment=paint))
    assert len({*template[:, 0, 0, 0], *search[:, 0, 0, 0]}) == 8 and labels.max() == 1


VIDEO = square_videos(1)[0]
ISOLATED = tracking.Video(VIDEO.frames, np.where(np.arange(6)[:, None] % 5 == 0, VIDEO.boxes, np.nan))
HUGE = tracking.Video(VIDEO.frames, [*VIDEO.boxes[:5], [20, 10, 1e5, 1e5]])


@pytest.mark.parametrize(
    "change, match",
    [
        ({"videos": [ISOLATED], "max_gap": 2}, "needs another one within max_gap=2 frames"),
        ({"videos": [tracking.Video(VIDEO.frames)]}, "needs another one"),
        ({"videos": [HUGE]}, "at most 3 times as large. Received: .20.0, 10.0, 100000.0"),
        ({"motion": tracking.Motion(absent=0.5)}, "`absent` needs at least two videos or images"),
        ({"motion": tracking.Motion(shift=33)}, "`shift` must be at most 32"),
    ],
)
def test_invalid_videos_and_numbers_are_rejected(change, match):
    with pytest.raises(ValueError, match=match):
        tracking.pairs_from_videos(**{"videos": [VIDEO], **change})


def test_invalid_images_boxes_and_motions_are_rejected():
    black = np.zeros((1, 8, 8, 3), "float32")
    with pytest.raises(ValueError, match="must lie in"):
        tracking.pairs_from_images(black + 255)
    with pytest.raises(ValueError, match="must overlap its frame of 8x8 pixels"):
        tracking.pairs_from_images(black, [[9, 0, 4, 4]])
    with pytest.raises(ValueError, match="`scale` must be a range"):
        tracking.Motion(scale=(1.2, 0.9))
    with pytest.raises(ValueError, match="`absent` must be a number"):
        tracking.Motion(absent=2)
