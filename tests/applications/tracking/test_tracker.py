"""Trackers at work: squares cut out of frames, streams of templates and searches, whole videos followed."""

import keras
import numpy as np
import pytest
from PIL import Image

from siamkeras import evaluation, synthetic
from siamkeras.applications import tracking
from siamkeras.applications.tracking import crops
from siamkeras.applications.tracking.video import Video

RNG = np.random.default_rng(3)


def ramp(height=40, width=60):
    """A frame whose red is the place to the right and whose green the place down, in pixels, divided by 100."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.stack([columns, rows, 0 * rows], axis=-1).astype("float32") / 100


# --- crops


def test_the_centre_of_a_crop_is_the_centre_of_the_box():
    """At the middle of an even number of pixels the mean of the middle four is the place itself, between pixels too."""
    boxes = np.array([[20.0, 10.0, 8.0, 6.0], [20.3, 11.7, 8.0, 6.0]])
    found = np.asarray(crops.cut(ramp(), crops.centres_of(boxes), [12.0, 12.0], 24))
    middle = found[:, 11:13, 11:13, :2].mean(axis=(1, 2)) * 100
    np.testing.assert_allclose(middle, [[24.0, 13.0], [24.3, 14.7]], atol=1e-3)


@pytest.mark.parametrize("side, size", [(16.0, 16), (8.0, 16), (24.0, 8)])
def test_each_pixel_of_a_crop_shows_the_mean_of_its_place(side, size):
    """Enlarged, as it is, and made three times smaller: on a slope the mean of a pixel is the place of its middle."""
    found = np.asarray(crops.cut(ramp(), [[30.0, 20.0]], [side], size))[0] * 100
    expected = (np.arange(size) + 0.5) * side / size - side / 2
    np.testing.assert_allclose(found[:, :, 0], np.broadcast_to(30 + expected, (size, size)), atol=2e-3)
    np.testing.assert_allclose(found[:, :, 1], np.broadcast_to(20 + expected[:, None], (size, size)), atol=2e-3)


def test_a_crop_as_large_as_its_square_is_the_frame_itself():
    frame = RNG.random((20, 30, 3), dtype="float32")
    found = np.asarray(crops.cut(frame, [[13.0, 9.0]], [10.0], 10))[0]
    np.testing.assert_allclose(found, frame[4:14, 8:18], atol=1e-5)


def test_beyond_the_frame_is_its_mean_colour():
    frame = RNG.random((20, 30, 3), dtype="float32")
    found = np.asarray(crops.cut(frame, [[0.0, 10.0], [-50.0, -50.0]], [20.0, 20.0], 20))
    np.testing.assert_allclose(found[0, :, :9], np.broadcast_to(frame.mean(axis=(0, 1)), (20, 9, 3)), atol=1e-5)
    np.testing.assert_allclose(found[0, :, 11:], frame[:, 1:10], atol=1e-5)
    np.testing.assert_allclose(found[1], np.broadcast_to(frame.mean(axis=(0, 1)), (20, 20, 3)), atol=1e-5)


def test_a_square_turned_by_a_right_angle_shows_the_frame_turned_the_other_way():
    frame = RNG.random((20, 20, 3), dtype="float32")
    found = np.asarray(crops.cut(frame, [[10.0, 10.0]], [20.0], 20, [np.pi / 2]))[0]
    np.testing.assert_allclose(found, np.rot90(frame), atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_places_of_a_square_are_in_the_frame_where_the_crop_shows_them(angle):
    """A frame whose colours are its places: every pixel of the crop says where in the frame it is from."""
    square = {"centre": (30.3, 19.1), "side": 14.0, "size": 28, "angle": angle}
    shown = np.asarray(crops.cut(ramp(), [square["centre"]], [14.0], 28, [angle]))[0, :, :, :2] * 100
    rows, columns = np.mgrid[:28, :28] + 0.5 - 14
    np.testing.assert_allclose(crops.to_frame(np.stack([columns, rows], axis=-1), **square), shown, atol=2e-3)


def test_the_margin_of_the_paper():
    """A quarter of width and height on each side: (17 + 33.5) * (50 + 33.5) is the area of the square."""
    assert crops.side_of([0, 0, 17, 50], context=0.5) == pytest.approx((50.5 * 83.5) ** 0.5)


# --- streams


def dots(count=3, frames=6, height=48, width=64):
    """Videos of a white square of 8x8 on grey noise; each has its own noise."""
    films = []
    for number in range(count):
        rng = np.random.default_rng(number)
        places = rng.integers(4, 36, (frames, 2))
        made = rng.uniform(0.3, 0.5, (frames, height, width, 3)).astype("float32")
        for frame, (x, y) in zip(made, places, strict=True):
            frame[y : y + 8, x : x + 8] = 1.0
        films.append(Video(made, np.concatenate([places, np.full((frames, 2), 8)], axis=1).astype("float32")))
    return films


def brightest(images):
    """The middle of the white square in each image, in pixels from its centre, `(x, y)`."""
    found = []
    for image in np.asarray(images):
        rows, columns = np.nonzero(image.mean(axis=-1) > 0.75)
        found.append([columns.mean() + 0.5 - image.shape[1] / 2, rows.mean() + 0.5 - image.shape[0] / 2])
    return np.array(found)


def middle_of(labels, stride=4):
    """The middle of the cells that are 1, in pixels from the centre of the map, `(x, y)`."""
    found = []
    for cells in np.asarray(labels):
        rows, columns = np.nonzero(cells == 1)
        found.append((np.array([columns.mean(), rows.mean()]) - (len(cells) - 1) / 2) * stride)
    return np.array(found)


@pytest.mark.parametrize("turn", [0.0, 180.0])
def test_the_object_is_in_the_centre_of_the_template_and_where_the_labels_say_in_the_search(turn):
    """The middle of the cells of one kind is known to half a cell, that of the square to half a pixel of the frame."""
    inputs, labels = next(iter(tracking.from_videos(dots(), batch_size=40, shift=20, turn=turn, seed=4)))
    assert inputs["template"].shape == (40, 64, 64, 3) and inputs["search"].shape == (40, 128, 128, 3)
    assert labels.shape == (40, 17, 17)
    np.testing.assert_allclose(brightest(inputs["template"]), 0, atol=2)
    away = brightest(inputs["search"])
    assert np.abs(away).max() > 12
    np.testing.assert_allclose(middle_of(labels), away, atol=4)


def test_labels_of_a_stream_are_those_of_label_map():
    _, labels = next(iter(tracking.from_stills(RNG.random((2, 32, 32, 3), "float32"), shift=0, neutral=4, steps=1)))
    for cells in labels.numpy():
        np.testing.assert_array_equal(cells, tracking.label_map(17, radius=8, stride=4, neutral=4))


def test_stills_move_as_the_labels_say():
    film = dots(1, 8)[0]
    stream = tracking.from_stills(film.frames, film.boxes, batch_size=30, shift=20, turn=40, scale=(0.7, 1.4), seed=2)
    inputs, labels = next(iter(stream))
    np.testing.assert_allclose(brightest(inputs["template"]), 0, atol=2)
    np.testing.assert_allclose(middle_of(labels), brightest(inputs["search"]), atol=4)


def test_scale_is_how_much_larger_the_search_shows_the_object():
    """At a factor of 2 the square has four times the area; the box is told to a pixel of the frame, an eighth of it."""
    film = dots(1, 4)[0]
    inputs, _ = next(iter(tracking.from_stills(film.frames, film.boxes, 8, shift=0, turn=0, scale=(2, 2))))
    area = [(np.asarray(inputs[role]).mean(axis=-1) > 0.75).sum(axis=(1, 2)) for role in ("template", "search")]
    np.testing.assert_allclose(area[1] / area[0], 4, rtol=0.15)


def test_drawn_boxes_show_parts_of_the_photo():
    """Red and green are places: the centre of the template is the centre of the search, and lies within the photo."""
    photo = ramp(60, 80)[None]
    inputs, _ = next(iter(tracking.from_stills(photo, batch_size=30, shift=0, turn=0, scale=(1, 1), seed=5)))
    template, search = (np.asarray(inputs[role])[..., :2] * 100 for role in ("template", "search"))
    centres = template[:, 31:33, 31:33].mean(axis=(1, 2))
    np.testing.assert_allclose(centres, search[:, 63:65, 63:65].mean(axis=(1, 2)), atol=0.01)
    assert (centres > 2).all() and (centres < [78, 58]).all() and np.ptp(centres, axis=0).min() > 20


def test_template_and_search_are_of_one_video_within_the_gap_and_never_of_one_frame():
    """Each frame is of one colour, which is its number: video 0 has 0 to 9, video 1 has 20 to 29."""
    films = []
    for first in (0, 20):
        frames = np.zeros((10, 48, 48, 3), "float32") + (first + np.arange(10, dtype="float32"))[:, None, None, None]
        films.append(Video(frames / 100, np.tile([16.0, 16, 16, 16], (10, 1))))
    films[0].boxes[4] = np.nan
    inputs, _ = next(iter(tracking.from_videos(films, batch_size=400, gap=2, seed=1)))
    one, other = (np.rint(np.asarray(inputs[role])[:, 32, 32, 0] * 100).astype(int) for role in ("template", "search"))
    apart = np.abs(one - other)
    assert set(apart.tolist()) == {1, 2} and 4 not in {*one.tolist(), *other.tolist()}
    assert {*one.tolist()} == {*range(4), *range(5, 10), *range(20, 30)}


def test_absent_objects_are_searched_in_another_video():
    frames = [np.full((4, 48, 48, 3), value, "float32") for value in (0.2, 0.4, 0.8)]
    films = [Video(each, np.tile([16.0, 16, 16, 16], (4, 1))) for each in frames]
    inputs, labels = next(iter(tracking.from_videos(films, batch_size=400, absent=0.25, seed=1)))
    elsewhere = np.abs(np.asarray(inputs["template"])[:, 32, 32, 0] - np.asarray(inputs["search"])[:, 64, 64, 0]) > 0.1
    np.testing.assert_array_equal(labels.numpy().max(axis=(1, 2)) == 0, elsewhere)
    assert elsewhere.mean() == pytest.approx(0.25, abs=0.08)  # deviation 0.02


def test_a_batch_depends_on_its_seed_and_number_alone():
    def second(**change):
        stream = tracking.from_videos(dots(), **{"batch_size": 3, "seed": 5, "turn": 30, "absent": 0.2, **change})
        return [batch for batch in stream.take(2)][-1]

    one, again, resumed, other = second(), second(steps=2), second(start=0, steps=4), second(seed=6)
    later = next(iter(tracking.from_videos(dots(), batch_size=3, seed=5, turn=30, absent=0.2, start=1)))
    for batch in (again, resumed, later):
        np.testing.assert_array_equal(batch[0]["search"], one[0]["search"])
        np.testing.assert_array_equal(batch[1], one[1])
    assert not np.array_equal(other[0]["search"], one[0]["search"])


def test_augment_meets_both_each_in_its_own_way_and_only_them():
    import tensorflow as tf

    def paint(image, seed):
        return tf.zeros_like(image) + tf.random.stateless_uniform((), seed)

    inputs, labels = next(iter(tracking.from_videos(dots(), batch_size=4, augment=paint)))
    colours = np.concatenate([np.asarray(inputs[role])[:, 0, 0, 0] for role in ("template", "search")])
    assert len(np.unique(colours)) == 8 and labels.numpy().max() == 1


def test_bytes_are_divided_by_255():
    photos = np.full((1, 32, 32, 3), 51, "uint8")
    inputs, _ = next(iter(tracking.from_stills(photos, batch_size=2)))
    np.testing.assert_allclose(inputs["template"], 0.2, atol=1e-5)


FILM = dots(1)[0]
ALONE = Video(FILM.frames, np.where(np.arange(6)[:, None] == 2, FILM.boxes, np.nan))
APART = Video(FILM.frames, np.where(np.arange(6)[:, None] % 5 == 0, FILM.boxes, np.nan))


@pytest.mark.parametrize(
    "change, told",
    [
        ({"videos": []}, "`videos` must be a list of `videos.Video`, at least one"),
        ({"videos": [FILM.frames]}, "`videos` must be a list of `videos.Video`"),
        ({"videos": [ALONE]}, "at least two frames in which its object is annotated. Received: 1"),
        ({"videos": [APART], "gap": 2}, "another within gap=2 frames. Received: none near frame 0"),
        ({"absent": 0.5}, "With `absent` the search is sometimes of another video: give two. Received: 1"),
        ({"absent": 2}, "`absent` must be a number from 0 to 1"),
        ({"gap": 0}, "`gap`.*at least 1"),
        ({"shift": 33}, "reaches 32 pixels from the centre of the search. Received: shift=33"),
        ({"search": 126}, "by an even number of strides"),
        ({"search": 68}, "by an even number of strides"),
        ({"scale": (1.2, 0.9)}, "`scale` must be a range"),
        ({"turn": "much"}, "`turn` must be a number"),
        ({"radius": 0}, "`radius` must be a number above 0"),
        ({"steps": 0}, "`steps`.*at least 1"),
        ({"batch_size": 0}, "`batch_size`.*at least 1"),
    ],
)
def test_streams_of_nothing_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        tracking.from_videos(**{"videos": [FILM], **change})


@pytest.mark.parametrize(
    "images, boxes, told",
    [
        (np.zeros((2, 8, 8, 1), "float32"), None, r"\(n, height, width, 3\). Received: shape \(2, 8, 8, 1\)"),
        (np.zeros((2, 8, 8, 3), "float32"), [[0, 0, 4, 4]], "2 frames, 1 boxes"),
        (np.zeros((1, 8, 8, 3), "float32"), [[9, 0, 4, 4]], "whose centre is in it, 8x8 pixels. Received: .*row 0"),
        (np.zeros((1, 8, 8, 3), "float32"), [[0, 0, 0, 4]], "width and height above 0"),
    ],
)
def test_stills_that_are_none_are_refused(images, boxes, told):
    with pytest.raises(ValueError, match=told):
        tracking.from_stills(images, boxes)


# --- trackers


@pytest.fixture(scope="module")
def bright():
    """A model without training: its tower gives the mean light of 3x3 pixels, centred at 0.6, and what is lighter than
    that in the template is looked for in the search."""
    model = tracking.siamese(tracking.tower((1,), (3,), (2,), normalize=False), template=16, search=32)
    kernel = np.full((3, 3, 3, 1), 1 / 27, "float32")
    # Kernel; gamma, beta, moving mean and variance of the normalisation; scale and bias of the map.
    numbers = [np.float32(each) for each in ([1.0], [0.0], [0.6], [1.0], np.full((7, 7, 1), 8.0), -0.35)]
    model.set_weights([kernel, *numbers])
    return model


def of_brightness(model, **options):
    return tracking.Tracker(model, **{"context": 0.5, **options})


def moving(places, size=8, height=60, width=80, sides=None):
    """A white square on dark ground at each of the places; its boxes."""
    frames, sides = np.full((len(places), height, width, 3), 0.4, "float32"), sides or [size] * len(places)
    boxes = []
    for frame, (x, y), side in zip(frames, places, sides, strict=True):
        frame[int(y) : int(y) + side, int(x) : int(x) + side] = 1.0
        boxes.append([x, y, side, side])
    return frames, np.float32(boxes)


def test_tracker_follows_a_square_between_cells(bright):
    """A cell is 2 pixels of a search of 32 that shows 32 pixels of the frame; the parabola finds more than cells."""
    places = [(30 + 2.0 * step, 20 + step) for step in range(12)]
    frames, boxes = moving(places)
    found = tracking.follow(of_brightness(bright, window=0.1), frames, boxes[0], progress=False)
    np.testing.assert_allclose(crops.centres_of(found.boxes), crops.centres_of(boxes), atol=1.2)
    assert found.boxes.shape == (12, 4) and found.boxes.dtype == np.float32 and found.confidence.min() > 0.5
    assert found.frames_per_second > 0 and "12 boxes" in repr(found)


def test_a_tracker_without_scales_keeps_the_size_of_its_box(bright):
    frames, boxes = moving([(30, 20)] * 4, sides=[8, 9, 10, 11])
    tracker = of_brightness(bright, scale_step=1)
    found = tracking.follow(tracker, frames, boxes[0], progress=False)
    np.testing.assert_allclose(found.boxes[:, 2:], 8, rtol=1e-5)


def test_the_size_changes_by_a_damped_step_at_most(bright):
    """Half of a step of 1.1: between 1 - 0.5 * (1 - 1 / 1.1) and 1.05 from one frame to the next, width as height."""
    frames, boxes = moving([(30, 20)] * 6, sides=[8, 10, 12, 14, 16, 18])
    tracker = of_brightness(bright, scale_step=1.1, scale_rate=0.5, penalty=1)
    found = tracking.follow(tracker, frames, boxes[0], progress=False).boxes[:, 2:]
    step = found[1:] / found[:-1]
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-5)
    allowed = np.array([1 - 0.5 * (1 - 1 / 1.1), 1, 1.05])
    assert np.abs(step[..., None] - allowed).min(axis=-1).max() < 1e-5


def test_the_direction_follows_a_bar_that_turns(bright):
    """A bar of 16 x 4, turned by 8 degrees a frame: after five frames by 40, of which steps of 8 make at least 24; the
    box of an ellipse of 16 x 4 that is turned by 32 degrees is 13.7 x 9.1."""
    rows, columns = np.mgrid[:60, :80] + 0.5
    frames = []
    for angle in np.radians(8.0 * np.arange(6)):
        x, y = columns - 40, rows - 30
        along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        frames.append(np.where((abs(along) < 8) & (abs(across) < 2), 1.0, 0.4)[..., None].repeat(3, axis=-1))
    tracker = of_brightness(bright, turn_step=8, penalty=1, scale_step=1, lost_below=0)
    found = tracking.follow(tracker, frames, [32, 28, 16, 4], progress=False).boxes
    assert 24 <= np.degrees(tracker._angle) <= 48
    assert found[0].tolist() == [32, 28, 16, 4] and found[-1, 3] > 6 and found[-1, 2] < 16
    np.testing.assert_allclose(crops.centres_of(found), [[40, 30]] * 6, atol=1.5)


def test_a_lost_object_is_told_and_comes_back(bright):
    """Without the square the mean of the products is (0.4 / 4 - 0.2 * 3 / 4) * -0.2 = 0.01: sigmoid(80 * 0.01 - 3.5) is
    0.06. With it they are 0.16 / 4 + 0.04 * 3 / 4 = 0.07 at the best place, sigmoid(2.1) = 0.89 where cells fit."""
    frames, boxes = moving([(30, 20)] * 5)
    frames[2:4] = 0.4
    tracker = of_brightness(bright, lost_below=0.5)
    tracker.start(frames[0], boxes[0])
    lost, confidence = [], []
    for frame in frames[1:]:
        box = tracker.update(frame)
        lost.append(tracker.lost)
        confidence.append(tracker.confidence)
        assert np.isfinite(box).all()
    assert lost == [False, True, True, False]
    assert max(confidence[1:3]) < 0.1 < 0.5 < min(confidence[0], confidence[3])
    assert tracker.scores.shape == (9, 9)


def test_the_window_prefers_the_nearer_of_two(bright):
    """Two equal squares, 3 and 9 pixels from the last place: without a window the farther is as good."""
    frames, boxes = moving([(30, 20), (33, 20)])
    frames[1, 20:28, 21:29] = 1.0  # 9 to the left
    tracker = of_brightness(bright, window=0.4, scale_step=1)
    tracker.start(frames[0], boxes[0])
    assert tracker.update(frames[1])[0] > 30


def test_boxes_stay_in_the_frame(bright):
    """The square leaves to the left; what is told of it is the part that can be seen, and the centre stays inside."""
    frames, boxes = moving([(6, 20), (3, 20), (0, 20), (0, 20), (0, 20)])
    found = tracking.follow(of_brightness(bright), frames, boxes[0], progress=False).boxes
    assert (found[:, :2] >= 0).all() and (found[:, 0] + found[:, 2] <= 80).all() and (found[:, 2:] > 0).all()
    partly = of_brightness(bright)
    partly.start(frames[0], [-4, 20, 10, 8])
    assert partly.box.tolist() == [0, 20, 6, 8]


def test_one_tracker_starts_again(bright):
    frames, boxes = moving([(30, 20), (32, 20), (34, 20)])
    tracker = of_brightness(bright)
    first, second = (tracking.follow(tracker, frames, boxes[0], progress=False) for _ in range(2))
    np.testing.assert_array_equal(first.boxes, second.boxes)


def test_arrays_bytes_folders_iterators_and_videos_are_all_followed(bright, tmp_path):
    frames, boxes = moving([(30, 20), (33, 22), (36, 24)])
    bytes_ = (frames * 255).astype("uint8")
    for number, frame in enumerate(bytes_):
        Image.fromarray(frame).save(tmp_path / f"{number:03d}.png")
    (tmp_path / "notes.txt").write_text("no frame")
    tracker = of_brightness(bright)
    expected = tracking.follow(tracker, Video(frames, boxes), progress=False).boxes
    for given in (frames, list(bytes_), tmp_path, str(tmp_path), iter(frames), (frame for frame in frames)):
        found = tracking.follow(tracker, given, boxes[0], progress=False).boxes
        np.testing.assert_allclose(found, expected, atol=0.05)


def test_progress_is_shown_where_it_is_wanted(bright, capsys):
    frames, boxes = moving([(30, 20), (33, 22), (36, 24)])
    tracking.follow(tracking.Still(), frames, boxes[0], progress=False)
    assert capsys.readouterr().out == ""
    tracking.follow(tracking.Still(), frames, boxes[0])
    assert "3/3" in capsys.readouterr().out


def test_update_before_start_is_refused(bright):
    with pytest.raises(ValueError, match=r"started before it is updated: `start\(frame, box\)`"):
        of_brightness(bright).update(np.zeros((8, 8, 3)))


@pytest.mark.parametrize(
    "box", [[100, 20, 8, 8], [-20, 20, 8, 8], [30, 20, 0, 8], [30, 20, 8, -1], [30, 20, 8], [np.nan] * 4, "here"]
)
def test_boxes_that_are_none_are_refused(bright, box):
    frame = np.zeros((60, 80, 3), "float32")
    with pytest.raises(ValueError, match="[Bb]ox"):
        of_brightness(bright).start(frame, box)


def test_frames_of_changing_size_or_kind_are_refused(bright):
    tracker = of_brightness(bright)
    tracker.start(np.zeros((60, 80, 3)), [30, 20, 8, 8])
    with pytest.raises(ValueError, match="one size. Received: 81x60 after 80x60"):
        tracker.update(np.zeros((60, 81, 3)))
    with pytest.raises(ValueError, match=r"A frame is \(height, width, 3\)"):
        tracker.update(np.zeros((60, 80)))
    with pytest.raises(ValueError, match="values in"):
        tracker.update(np.full((60, 80, 3), 200.0))


@pytest.mark.parametrize(
    "change, told",
    [
        ({"window": 1}, "`window` must be a number from 0 and below 1. Received: window=1"),
        ({"scale_step": 0.9}, "`scale_step` must be a number from 1 to 2"),
        ({"penalty": 0}, "`penalty` must be a number above 0 to 1"),
        ({"turn_step": -1}, "`turn_step` must be a number from 0 to 90"),
        ({"scale_rate": True}, "`scale_rate` must be a number from 0 to 1"),
        ({"lost_below": "0.5"}, "`lost_below` must be a number"),
        ({"context": -1}, "`context` must be a number from 0"),
    ],
)
def test_trackers_out_of_range_are_refused(bright, change, told):
    with pytest.raises(ValueError, match=told):
        of_brightness(bright, **change)


def test_a_model_that_compares_otherwise_is_refused():
    with pytest.raises(ValueError, match="Expected a model of `tracking.siamese`"):
        tracking.Tracker(tracking.tower((4,), (3,), (1,)))


def test_nothing_to_follow_is_refused(bright, tmp_path):
    tracker, (frames, boxes) = of_brightness(bright), moving([(30, 20), (33, 22)])
    with pytest.raises(ValueError, match="its box in the first frame must be known. Received: None for these frames"):
        tracking.follow(tracker, frames)
    with pytest.raises(ValueError, match="nothing to follow without frames"):
        tracking.follow(tracker, iter(()), boxes[0], progress=False)
    with pytest.raises(FileNotFoundError, match="no folder .*missing of frames"):
        tracking.follow(tracker, tmp_path / "missing", boxes[0])
    with pytest.raises(ValueError, match="Found none in"):
        tracking.follow(tracker, tmp_path, boxes[0])
    hidden = Video(frames, np.stack([[np.nan] * 4, boxes[1]]))
    with pytest.raises(ValueError, match="must be known"):
        tracking.follow(tracker, hidden)


def test_a_tracker_learns_to_follow():
    """Some seconds of training beat a box that never moves on videos that were not trained on."""
    keras.utils.set_random_seed(0)
    model = tracking.siamese(tracking.tower((8, 12), (5, 3), (2, 2)), template=32, search=64)
    model.compile(keras.optimizers.Adam(0.005), tracking.ScoreMapLoss())
    size = {"template": 32, "search": 64, "shift": 12, "radius": 4}
    stream = tracking.from_videos(synthetic.videos(6, 20, (96, 128), seed=1), seed=1, **size)
    history = model.fit(stream, steps_per_epoch=30, epochs=2, verbose=0, shuffle=False).history["loss"]
    assert history[-1] < history[0] < 0.75
    video = synthetic.videos(1, 20, (96, 128), seed=2)[0]

    found = [tracking.follow(each, video, progress=False).boxes for each in (tracking.Tracker(model), tracking.Still())]
    scores = [evaluation.tracking(boxes, video.boxes, resamples=0).auc for boxes in found]
    assert scores[0] > scores[1]


# --- what makes no sense


def tiny(channels=3):
    return tracking.siamese(tracking.tower((4, 4), (3, 3), (2, 2), channels=channels), template=31, search=63)


HUGE = [20, 10, 1e5, 1e5]


def test_a_box_of_another_scale_is_refused_before_it_takes_all_memory():
    frames = RNG.random((3, 40, 60, 3), dtype="float32")
    message = r"at most 3 times as wide and as high as its frame, 60x40 pixels. Received: \[20.0, 10.0, 100000.0"
    for start in (tracking.Tracker(tiny()).start, tracking.baselines.TemplateMatching().start):
        with pytest.raises(ValueError, match=message):
            start(frames[0], HUGE)
    with pytest.raises(ValueError, match=message):
        tracking.from_videos(Video(frames, [[1, 1, 9, 9], [1, 1, 9, 9], HUGE]))
    with pytest.raises(ValueError, match=r"at most 3 times as wide"):
        tracking.from_stills(frames, [[1, 1, 9, 9], [1, 1, 9, 9], [-4e4, -4e4, 8e4, 8e4]])


def test_a_tracker_takes_models_of_three_colours_whose_scores_are_numbers():
    with pytest.raises(ValueError, match="frames of three colours. Received: a model for 1 channels"):
        tracking.Tracker(tiny(channels=1))
    model = tiny()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    tracker = tracking.Tracker(model)
    tracker.start(ramp(), [10, 10, 9, 9])
    with pytest.raises(ValueError, match="The scores of the model are no numbers"):
        tracker.update(ramp())


def test_what_cannot_be_followed_is_told_in_one_sentence():
    tracker, frames = tracking.Tracker(tiny()), RNG.random((2, 40, 60, 3), dtype="float32")
    with pytest.raises(ValueError, match="must have `start`, `update` and `confidence`.*Received: Functional"):
        tracking.follow(tiny(), frames, [1, 2, 9, 9])
    for nothing in (None, 5, np.array(3.0)):
        with pytest.raises(ValueError, match="`frames` must be a `Video`, a folder, or any iterable of frames"):
            tracking.follow(tracker, nothing, [1, 2, 9, 9])
    for box in ("abc", ["a", 1, 2, 3], {"x": 1}, 5, [1, 2, 3]):
        with pytest.raises(ValueError, match="`box` must be"):
            tracking.follow(tracker, frames, box)
    with pytest.raises(ValueError, match="One box is x, y, width, height"):
        tracking.follow(tracker, frames, [[1, 2, 9, 9]] * 2)


def test_a_box_in_a_row_and_a_stream_that_does_not_know_its_length_are_followed():
    import tensorflow as tf

    frames = RNG.random((3, 40, 60, 3), dtype="float32")
    stream = tf.data.Dataset.from_generator(lambda: iter(frames), output_signature=tf.TensorSpec((40, 60, 3)))
    found = tracking.follow(tracking.Tracker(tiny()), stream, [[1, 2, 9, 9]], progress=False)
    expected = tracking.follow(tracking.Tracker(tiny()), list(frames), [1, 2, 9, 9], progress=False)
    assert found.boxes.shape == expected.boxes.shape == (3, 4)
    assert found.boxes[0].tolist() == [1, 2, 9, 9]


def test_streams_refuse_what_is_no_video_no_image_and_no_function():
    images = RNG.random((2, 40, 60, 3), dtype="float32")
    for videos in (None, 5, [], images):
        with pytest.raises(ValueError, match="`videos` must be a list of `videos.Video`, at least one. Received: "):
            tracking.from_videos(videos)
    with pytest.raises(ValueError, match=r"`images` must lie in \[0, 1\], or be bytes. Received: values from"):
        tracking.from_stills(images * 255)
    with pytest.raises(ValueError, match="`augment` must be a function"):
        tracking.from_stills(images, augment=5)


def test_a_radius_that_leaves_label_maps_without_the_object_is_refused():
    """Between four cells, 4 pixels apart, the next one is 2 * sqrt(2) = 2.83 pixels away."""
    images = RNG.random((2, 40, 60, 3), dtype="float32")
    with pytest.raises(ValueError, match="`radius` must be at least 2.83 for a stride of 4.*Received: radius=2.8"):
        tracking.from_stills(images, radius=2.8)
    _, labels = next(iter(tracking.from_stills(images, radius=2.83, batch_size=16)))
    assert (labels.numpy().max(axis=(1, 2)) == 1).all()


def test_the_tracker_of_the_package_follows_what_it_has_never_seen():
    """On a synthetic video, made of photographs that were not in its training, it is above a box that never moves."""

    video = synthetic.videos(1, 12, seed=5)[0]
    trackers = tracking.Tracker(tracking.pretrained()), tracking.Still()
    found = (tracking.follow(each, video, progress=False).boxes for each in trackers)
    ours, still = (evaluation.tracking(boxes, video.boxes) for boxes in found)
    assert ours.auc > still.auc + 0.1
