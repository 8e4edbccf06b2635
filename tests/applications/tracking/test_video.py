"""Videos: what a frame and a box are, folders as those of OTB, and the videos that were never filmed."""

import numpy as np
import pytest
from PIL import Image

from siamkeras import data, synthetic
from siamkeras.applications.tracking import otb as footage
from siamkeras.applications.tracking.video import Video, checked_boxes, checked_frame, checked_start

BOX = [4.0, 3.0, 10.0, 8.0]
RANDOM = np.random.default_rng(2)


def film(count=3, height=24, width=32):
    return RANDOM.integers(0, 256, (count, height, width, 3), "uint8")


def written(root, frames=None, truth=None, kind="png", first=1):
    """A folder as of OTB; 3 frames of 32x24 unless told."""
    frames = film() if frames is None else frames
    (root / "img").mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, first):
        Image.fromarray(frame).save(root / "img" / f"{number:04d}.{kind}")
    truth = "5,4,10,8\n" * len(frames) if truth is None else truth
    (root / "groundtruth_rect.txt").write_text(truth)
    return root


# --- Video ---


@pytest.mark.parametrize("form", ["array", "list", "floats", "paths"])
def test_frame_is_float_in_0_to_1_whatever_it_is_kept_as(form, tmp_path):
    frames = film()
    kept = {
        "array": frames,
        "list": list(frames),
        "floats": frames.astype("float32") / 255,
        "paths": sorted((written(tmp_path, frames) / "img").iterdir()),
    }[form]
    video = Video(kept, [BOX] * 3)
    assert len(video) == 3 and video.size == (24, 32)
    for number, frame in enumerate(video):
        assert frame.dtype == np.float32 and frame.shape == (24, 32, 3)
        np.testing.assert_allclose(frame, frames[number] / 255, atol=1e-6)
    np.testing.assert_array_equal(video.frame(-1), video.frame(2))
    with pytest.raises(IndexError):
        video.frame(3)


def test_grey_and_transparent_files_become_three_channels(tmp_path):
    grey, clear = tmp_path / "1.png", tmp_path / "2.png"
    Image.new("L", (32, 24), 51).save(grey)
    Image.new("RGBA", (32, 24), (51, 51, 51, 255)).save(clear)
    video = Video([str(grey), clear], [BOX] * 2)
    for frame in video:
        np.testing.assert_allclose(frame, 0.2, atol=1e-6)
        assert frame.shape == (24, 32, 3)


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path):
    """A fifth of 65535; cut off at 255, it would be white."""
    Image.fromarray(np.full((40, 48), 65535 // 5, "uint16")).save(tmp_path / "1.png")
    np.testing.assert_allclose(Video([tmp_path / "1.png"], [BOX]).frame(0), 0.2, atol=0.005)
    film = synthetic.videos(1, frames=2, size=(48, 48), photos=[tmp_path / "1.png"] * 2, hidden=False)[0]
    assert film.frames.mean() < 80


def test_transparency_of_a_palette_is_dropped(tmp_path):
    image = Image.new("P", (32, 24))
    image.putpalette([51, 51, 51] * 256)
    image.save(tmp_path / "1.png", transparency=b"\x00\x80")
    np.testing.assert_allclose(Video([tmp_path / "1.png"], [BOX]).frame(0), 0.2, atol=1e-6)


def test_floats_a_little_outside_0_to_1_are_cut_off():
    """As the sharpening of an image leaves them; as bytes, -0.005 would be white."""
    frames = np.stack([np.full((24, 32, 3), -0.005), np.full((24, 32, 3), 1.005)])
    dark, bright = Video(frames, [BOX] * 2)
    assert dark.max() == 0 and bright.min() == 1


def test_boxes_are_float32_and_a_row_of_nan_is_no_box():
    video = Video(film(), [BOX, [np.nan] * 4, BOX], "walk", "a test")
    assert video.boxes.dtype == np.float32
    assert repr(video) == "walk: 3 frames of 32x24, 2 of them annotated, source: a test"
    assert "annotated" not in repr(Video(film(), [BOX] * 3))


@pytest.mark.parametrize(
    "frames, boxes, match",
    [
        ([], np.empty((0, 4)), "at least one frame"),
        (None, [BOX], "`frames` must be a list .* Received: NoneType"),
        ("film", [BOX] * 4, "Received: str. A folder is read by `data.video_folder`"),
        (iter(film()), [BOX] * 3, "Received: array_iterator|Received: iterator"),
        (np.array(3), [BOX], "Received: ndarray"),
        (film(), [BOX, None, BOX], "four NaN where there is none. Received: rows of several lengths"),
        ([*film(2), film(1, 24, 33)[0]], [BOX] * 3, "32x24 in frame 0, 33x24 in frame 2"),
        (film(), [BOX] * 2, "3 frames, 2 boxes"),
        (film()[..., :1], [BOX] * 3, "shape .24, 32, 1., as frame 0"),
        (film().astype("int64"), [BOX] * 3, "Received: .* of int64"),
        ([None], [BOX], "NoneType"),
        (film(), BOX, r"must be \(n, 4\)"),
        (film(), [["a"] * 4] * 3, "<U1"),
        (film(), [BOX, [4, 3, 0, 8], BOX], "row 1"),
        (film(), [BOX, BOX, [4, 3, -2, 8]], "row 2"),
        (film(), [[np.nan, 3, 10, 8], BOX, BOX], "whole row of NaN"),
        (film(), [[np.inf, 3, 10, 8], BOX, BOX], "row 0"),
        (film(), [[1e39, 3, 10, 8], BOX, BOX], "row 0"),
    ],
)
def test_what_is_no_video_is_refused(frames, boxes, match):
    with pytest.raises(ValueError, match=match):
        Video(frames, boxes)


def test_float_frames_outside_0_to_1_are_refused_when_they_are_read():
    with pytest.raises(ValueError, match="values from 0 to 255"):
        Video([np.linspace(0, 255, 24 * 32 * 3).reshape(24, 32, 3)], [BOX]).frame(0)


def test_files_that_are_not_there_or_no_images_are_named(tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(FileNotFoundError, match="no file .*none.jpg, which is to be frame 0"):
        Video([tmp_path / "none.jpg"], [BOX])
    with pytest.raises(OSError, match="text.jpg is no image"):
        Video([tmp_path / "text.jpg"], [BOX])
    (tmp_path / "broken.ppm").write_bytes(b"P6 abc")  # a ValueError of Pillow
    with pytest.raises(OSError, match="broken.ppm is no image"):
        Video([tmp_path / "broken.ppm"], [BOX])
    Image.fromarray(np.full((24, 32), 0.5, "float32")).save(tmp_path / "floats.tif")  # all 0 as bytes
    with pytest.raises(OSError, match="floats.tif cannot be decoded: an image of floats"):
        Video([tmp_path / "floats.tif"], [BOX]).frame(0)
    with pytest.raises(OSError, match="text.jpg cannot be decoded"):
        synthetic.videos(1, photos=[tmp_path / "text.jpg"] * 2)


def test_file_that_breaks_off_is_named_when_it_is_read(tmp_path):
    file = written(tmp_path) / "img" / "0002.png"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(OSError, match="0002.png cannot be decoded"):
        data.video_folder(tmp_path).frame(1)


def test_start_is_a_frame_and_a_box_that_touches_it():
    frame, box = checked_start(film(1)[0], BOX)
    assert frame.dtype == np.float32 and frame.max() <= 1
    assert box.dtype == np.float64 and box.tolist() == BOX
    checked_start(frame, [-9.0, 23.0, 10, 10])  # one pixel of it is inside


@pytest.mark.parametrize(
    "box",
    [[32, 0, 5, 5], [0, 24, 5, 5], [-5, 0, 5, 5], [0, -5, 5, 5], [np.nan] * 4, [0, 0, 0, 5], [0, 0, 5], [BOX, BOX]]
    + [None, "4,3,10,8", np.empty((0, 4)), [[0, 0], [5]]],
)
def test_box_beside_the_frame_or_without_area_is_no_start(box):
    with pytest.raises(ValueError, match="Received"):
        checked_start(film(1)[0], box)


def test_frames_after_the_first_keep_their_size():
    assert checked_frame(film(1)[0], (24, 32)).dtype == np.float32
    with pytest.raises(ValueError, match="32x24 after 32x25"):
        checked_frame(film(1)[0], (25, 32))
    with pytest.raises(ValueError, match="height, width, 3"):
        checked_frame(film(1)[0, ..., 0])
    with pytest.raises(ValueError, match="of bytes or floats. Received: uint16"):
        checked_frame(np.zeros((4, 4, 3), "uint16"))
    with pytest.raises(ValueError, match="values from nan to nan"):
        checked_frame(np.full((4, 4, 3), np.nan))


def test_checked_boxes_are_a_copy():
    boxes = np.array([BOX], "float32")
    checked_boxes(boxes)[0, 0] = 99
    assert boxes[0, 0] == 4


# --- folders ---


@pytest.mark.parametrize(
    "truth", ["5,4,10,8\n", "5\t4\t10\t8\r\n", "5 4  10 8\n", " 5, 4,\t10 , 8 \n", "5.0,4e0,10,8\n"]
)
def test_boxes_are_read_with_any_separator_and_count_from_0(truth, tmp_path):
    """The pixel that the file calls 5 is the fifth, number 4."""
    video = data.video_folder(written(tmp_path / "walk", truth=truth * 3))
    np.testing.assert_array_equal(video.boxes, [BOX] * 3)
    assert video.name == "walk" and len(video) == 3


def test_lines_of_nan_and_of_no_area_are_not_annotated(tmp_path):
    video = data.video_folder(written(tmp_path, truth="5,4,10,8\nNaN,NaN,NaN,NaN\n0,0,0,0\n\n"))
    assert np.isnan(video.boxes).all(axis=1).tolist() == [False, True, True]


def test_frames_are_in_order_of_number_from_any_number(tmp_path):
    """As text 10 would be before 9."""
    frames = film(4)
    root = written(tmp_path, frames, first=8)
    for file in (root / "img").iterdir():
        file.rename(file.with_name(f"frame{int(file.stem)}.png"))
    (root / "img" / "notes.txt").write_text("passed over")
    video = data.video_folder(root)
    for number in range(4):
        np.testing.assert_allclose(video.frame(number), frames[number] / 255, atol=1e-6)


def test_first_frames_alone(tmp_path):
    root = written(tmp_path, truth="5,4,10,8\n" * 2)
    assert len(data.video_folder(root, frames=2)) == 2
    with pytest.raises(ValueError, match="3 frames in .*, and 2 boxes in groundtruth_rect.txt. .*frames=2"):
        data.video_folder(root)
    with pytest.raises(ValueError, match="`frames` is 3. Found only 3 frames and 2 boxes"):
        data.video_folder(root, frames=3)
    for wrong in (0, True, 1.5):
        with pytest.raises(ValueError, match="`frames` must be a whole number"):
            data.video_folder(root, frames=wrong)


def test_missing_frame_is_named(tmp_path):
    root = written(tmp_path, film(5), truth="5,4,10,8\n" * 4)
    (root / "img" / "0003.png").unlink()
    with pytest.raises(FileNotFoundError, match="A frame is missing in .*, between number 1 and 5: 3."):
        data.video_folder(root)


def test_number_that_is_far_off_is_told_at_once(tmp_path):
    """A photograph named by date and time among the frames: 20 million million numbers are missing before it."""
    root = written(tmp_path)
    (root / "img" / "0003.png").rename(root / "img" / "IMG_20261125231512.png")
    with pytest.raises(
        FileNotFoundError, match="between number 1 and 20261125231512: 3, 4, 5, 6, 7, 20261125231509 in"
    ):
        data.video_folder(root)


def test_boxes_that_are_no_text_are_refused(tmp_path):
    root = written(tmp_path)
    (root / "groundtruth_rect.txt").write_bytes("5,4,10,8\n".encode("utf-16") * 3)
    with pytest.raises(ValueError, match="in UTF-8. Received: .*groundtruth_rect.txt, which is none"):
        data.video_folder(root)


def test_frames_of_changing_size_are_refused(tmp_path):
    root = written(tmp_path)
    Image.new("RGB", (30, 24)).save(root / "img" / "0002.png")
    with pytest.raises(ValueError, match="32x24 in frame 0, 30x24 in frame 1"):
        data.video_folder(root)


@pytest.mark.parametrize(
    "line, match",
    [
        ("5,4,10", "'5,4,10' in line 2"),
        ("7", "'7' in line 2"),
        ("5,4,10,8,1", "line 2"),
        ("5;4;10;8", "line 2"),
        ("", "'' in line 2"),
        ("5,4,-10,8", "no negative extent.* in line 2"),
        ("5,4,inf,8", "line 2"),
        ("5,NaN,10,8", "line 2"),
    ],
)
def test_line_that_is_no_box_is_named(line, match, tmp_path):
    root = written(tmp_path, truth=f"5,4,10,8\n{line}\n5,4,10,8\n")
    with pytest.raises(ValueError, match=match):
        data.video_folder(root)


def test_what_is_no_such_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*none"):
        data.video_folder(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no folder .*img"):
        data.video_folder(tmp_path)
    root = written(tmp_path / "a")
    (root / "groundtruth_rect.txt").write_text("\n")
    with pytest.raises(ValueError, match="empty file"):
        data.video_folder(root)
    (root / "groundtruth_rect.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no file .*groundtruth_rect.txt"):
        data.video_folder(root)
    (tmp_path / "b" / "img").mkdir(parents=True)
    (tmp_path / "b" / "groundtruth_rect.txt").write_text("5,4,10,8\n")
    with pytest.raises(FileNotFoundError, match="Expected frames"):
        data.video_folder(tmp_path / "b")


def test_frames_without_a_number_or_with_the_same_are_refused(tmp_path):
    root = written(tmp_path)
    (root / "img" / "0003.png").rename(root / "img" / "last.png")
    with pytest.raises(ValueError, match="Found last.png"):
        data.video_folder(root)
    (root / "img" / "last.png").rename(root / "img" / "2.png")
    with pytest.raises(ValueError, match="One number is one frame. Found 0002.png and 2.png"):
        data.video_folder(root)


# --- OTB ---


@pytest.fixture
def nothing_here(monkeypatch, tmp_path):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data" / "tracking" / "OTB"


def test_sequences_are_read_in_the_order_of_their_names(nothing_here, monkeypatch):
    """Diving has frames without boxes at its end, which the benchmark does not use."""
    monkeypatch.setitem(footage.FIRST, "Diving", 2)
    written(nothing_here / "Diving", truth="5\t4\t10\t8\n" * 2)
    written(nothing_here / "Crossing")
    diving, crossing = data.otb(["Diving", "Crossing"])
    assert (diving.name, len(diving), len(crossing)) == ("Diving", 2, 3)
    assert crossing.source == "OTB (Wu et al.), sequence Crossing"


def test_215_frames_of_diving_are_used():
    assert footage.FIRST == {"Diving": 215}


def test_missing_sequence_is_stood_in_for_with_a_notice(nothing_here):
    written(nothing_here / "Crossing")
    with pytest.raises(ConnectionError, match="Diving of OTB is not in .*tracking/OTB/Diving"):
        data.otb(source="real")
    with pytest.warns(data.StandInWarning, match="synthetic videos stand in"):
        videos = data.otb()
    assert [video.name for video in videos] == ["Crossing", "Diving"]
    assert videos[1].source == "synthetic video standing in for Diving of OTB"
    again = data.otb(source="synthetic")
    np.testing.assert_array_equal(videos[0].boxes, again[0].boxes)


def test_damaged_copy_is_no_reason_for_a_stand_in(nothing_here):
    (written(nothing_here / "Crossing") / "img" / "0002.png").unlink()
    with pytest.raises(FileNotFoundError, match="A frame is missing"):
        data.otb(["Crossing"])


@pytest.mark.parametrize("names", ["Crossing", [], [3], [""], ["../Crossing"], None])
def test_names_are_a_list_of_names(names):
    with pytest.raises(ValueError, match="must be a list of names"):
        data.otb(names, source="synthetic")


def test_unknown_source_is_refused():
    with pytest.raises(ValueError, match="`source` must be one of"):
        data.otb(source="cache")


# --- synthetic ---

WHITE, BLACK = np.full((64, 64, 3), 255, "uint8"), np.zeros((64, 64, 3), "uint8")
SMALL = {"frames": 20, "size": (64, 96), "photos": [WHITE, BLACK]}


def test_box_is_that_of_the_pixels_of_the_object():
    """A white object on black, or the other way round; more than half of a pixel counts, so within one pixel."""
    for video in synthetic.videos(4, hidden=False, **SMALL):
        for number in range(0, 20, 3):
            grey = video.frame(number).mean(axis=2)
            rows, columns = np.nonzero(grey < 0.5 if grey[0, 0] > 0.5 else grey > 0.5)
            x, y, width, height = video.boxes[number]
            found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(found, [x, y, x + width, y + height], atol=1.1)
        assert (video.boxes[:, :2] >= 0).all()
        assert (video.boxes[:, :2] + video.boxes[:, 2:] <= [96, 64]).all()


def test_same_seed_same_videos_and_no_count_changes_another():
    video = synthetic.videos(2, seed=5, **SMALL)[1]
    longer = synthetic.videos(3, seed=5, **{**SMALL, "frames": 30})[1]
    np.testing.assert_array_equal(video.frames, longer.frames[:20])
    np.testing.assert_array_equal(video.boxes, longer.boxes[:20])
    for seed, number in ((6, 1), (5, 0)):
        other = synthetic.videos(2, seed=seed, **SMALL)[number]
        assert not np.array_equal(video.boxes, other.boxes)


def test_without_turning_and_scaling_the_box_keeps_its_size():
    def extents(**how):
        return synthetic.videos(1, **how, **SMALL)[0].boxes[:, 2:]

    assert np.ptp(extents(turning=False, scaling=False), axis=0).max() < 1e-4
    ratio = extents(turning=False)
    np.testing.assert_allclose(ratio[:, 0] / ratio[:, 1], ratio[0, 0] / ratio[0, 1], rtol=1e-5)  # only larger
    assert np.ptp(ratio, axis=0).min() > 1
    turned = extents(scaling=False)
    assert np.ptp(turned[:, 0] / turned[:, 1]) > 0.02


def test_post_hides_a_part_of_the_object_later_and_leaves_its_box():
    options = {**SMALL, "frames": 60}
    times = 0
    for behind, free in zip(synthetic.videos(6, **options), synthetic.videos(6, hidden=False, **options), strict=True):
        np.testing.assert_array_equal(behind.boxes, free.boxes)
        x, y, width, height = np.rint(free.boxes[0]).astype(int)
        first = np.s_[0, y : y + height, x : x + width]
        np.testing.assert_array_equal(behind.frames[first], free.frames[first])
        for number in range(60):
            x, y, width, height = np.rint(free.boxes[number]).astype(int)
            part = np.s_[number, y : y + height, x : x + width]
            hidden = np.abs(behind.frames[part].astype(int) - free.frames[part]).max(axis=2) > 60
            times += hidden.mean() > 0.15
            assert hidden.mean() < 0.85
    assert times > 30


def test_distractors_are_more_of_the_same_and_change_no_box():
    alone = synthetic.videos(1, hidden=False, **SMALL)[0]
    among = synthetic.videos(1, hidden=False, distractors=2, **SMALL)[0]
    np.testing.assert_array_equal(alone.boxes, among.boxes)
    changed = np.abs(alone.frames[0].astype(int) - among.frames[0]).max(axis=2) > 60
    x, y, width, height = np.rint(alone.boxes[0]).astype(int)
    assert changed.sum() > 0.5 * width * height  # one of them at least is seen


def test_photographs_are_those_of_the_packages(monkeypatch):
    photos = synthetic.photographs()
    assert {"china", "flower"} <= set(photos)
    assert all(image.dtype == np.float32 and 0 <= image.min() and image.max() <= 1 for image in photos.values())
    found = synthetic.photographs.__globals__["importlib"].util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "skimage" else found(name))
    assert set(synthetic.photographs()) == {"china", "flower"}
    assert "2 photographs" in synthetic.videos(1, frames=2, size=(48, 48))[0].source


def test_photographs_of_ones_own_are_arrays_or_paths(tmp_path):
    Image.fromarray(WHITE).save(tmp_path / "white.png")
    given = synthetic.videos(1, frames=2, size=(48, 48), photos=[tmp_path / "white.png", BLACK / np.float32(255)])[0]
    same = synthetic.videos(1, frames=2, size=(48, 48), photos=[WHITE, BLACK])[0]
    np.testing.assert_array_equal(given.frames, same.frames)


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"count": 0}, "`count`"),
        ({"frames": 1}, "`frames`"),
        ({"size": (48, 47)}, "`width`"),
        ({"size": 64}, r"`size` must be \(height, width\). Received: size=64"),
        ({"size": (48, 48, 3)}, "`size` must be"),
        ({"photos": {"white": WHITE, "black": BLACK}}, "a list of arrays or paths. Received: dict. .*values"),
        ({"photos": "white.png"}, "Received: str"),
        ({"photos": 3}, "Received: int"),
        ({"seed": -1}, "`seed`"),
        ({"distractors": 0.5}, "`distractors`"),
        ({"turning": 1}, "`turning` is True or False"),
        ({"photos": [WHITE]}, "two photographs"),
        ({"photos": [WHITE, WHITE[..., 0]]}, "as number 1"),
        ({"photos": [WHITE, WHITE[:20]]}, "64x20 as number 1"),
        ({"photos": [WHITE, WHITE * 2.0]}, "float64"),
    ],
)
def test_wrong_arguments_are_named(wrong, match):
    with pytest.raises(ValueError, match=match):
        synthetic.videos(**{"count": 1, **wrong})
