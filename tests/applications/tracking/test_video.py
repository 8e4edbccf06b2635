"""Videos in memory and in folders: frames in [0, 1], valid boxes, and errors for incomplete folders."""

import numpy as np
import pytest
from PIL import Image

from siamkeras.applications import tracking

BOX = [4.0, 3.0, 10.0, 8.0]
NAN = [np.nan] * 4
RNG = np.random.default_rng(2)


def random_frames(count=3, height=24, width=32):
    return RNG.integers(0, 256, (count, height, width, 3), "uint8")


def write_folder(folder, frames=None, lines="5,4,10,8\n" * 3, first=1):
    """Writes frames and boxes in the layout of OTB, where pixels are counted from 1."""
    (folder / "img").mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(random_frames() if frames is None else frames, first):
        Image.fromarray(frame).save(folder / "img" / f"{number:04d}.png")
    (folder / "groundtruth_rect.txt").write_text(lines)
    return folder


@pytest.mark.parametrize("form", ["array", "list", "floats", "paths"])
def test_frames_are_float32_in_0_to_1(form, tmp_path):
    frames = random_frames()
    given = {
        "array": frames,
        "list": list(frames),
        "floats": frames.astype("float64") / 255,
        "paths": sorted((write_folder(tmp_path, frames) / "img").iterdir()),
    }[form]
    video = tracking.Video(given, [BOX] * 3)
    assert len(video) == 3 and video.size == (24, 32)
    for index, frame in enumerate(video):
        assert frame.dtype == np.float32
        np.testing.assert_allclose(frame, frames[index] / 255, atol=1e-6)
    with pytest.raises(IndexError):
        video.frame(3)
    np.testing.assert_array_equal(video[-1], video.frame(2))
    part = tracking.Video(given, [BOX, NAN, BOX], "walk")[1:]
    assert repr(part).startswith("walk: 2 frames of 32x24, 1 annotated")
    np.testing.assert_array_equal(list(part), list(video)[1:])


def test_a_damaged_frame_is_named(tmp_path):
    video = tracking.video_folder(write_folder(tmp_path))
    file = tmp_path / "img" / "0002.png"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match="The image .*0002.png cannot be decoded: .*truncated"):
        list(video)
    file.unlink()
    with pytest.raises(ValueError, match="The image .*0002.png cannot be decoded: .*No such file"):
        list(video)


def test_grey_16_bit_and_transparent_files_become_rgb(tmp_path):
    """The shade 51 of 255; clipped at 255, a 16-bit image would be white."""
    Image.new("L", (32, 24), 51).save(tmp_path / "1.png")
    Image.new("RGBA", (32, 24), (51, 51, 51, 255)).save(tmp_path / "2.png")
    Image.fromarray(np.full((24, 32), 65535 // 5, "uint16")).save(tmp_path / "3.png")
    for frame in tracking.Video(sorted(tmp_path.iterdir())):
        np.testing.assert_allclose(frame, np.full((24, 32, 3), 0.2), atol=0.005)


def test_floats_slightly_outside_0_to_1_are_clipped_and_others_rejected():
    dark, bright = tracking.Video(np.stack([np.full((24, 32, 3), -0.005), np.full((24, 32, 3), 1.005)]))
    assert dark.max() == 0 and bright.min() == 1
    with pytest.raises(ValueError, match="values from 0 to 255"):
        tracking.Video(np.linspace(0, 255, 24 * 32 * 3).reshape(1, 24, 32, 3)).frame(0)


def test_boxes_are_a_float32_copy_and_nan_without_annotation():
    given = np.array([BOX, NAN, BOX])
    video = tracking.Video(random_frames(), given, "walk", "a test")
    given[0] = 0
    np.testing.assert_array_equal(video.boxes, np.float32([BOX, NAN, BOX]))
    assert repr(video) == "walk: 3 frames of 32x24, 2 annotated, source: a test"
    assert np.isnan(tracking.Video(random_frames()).boxes).all()


@pytest.mark.parametrize(
    "frames, boxes, match",
    [
        ([], np.empty((0, 4)), "non-empty list"),
        ("video", [BOX] * 5, "`tracking.video_folder` reads a folder. Received: 'video'"),
        (random_frames(), [BOX] * 2, "2 rows for 3 frames"),
        (random_frames(), BOX, r"must be \(n, 4\)"),
        (random_frames(), [BOX, [4, 3, 0, 8], BOX], "width and height above 0.* in row 1"),
        (random_frames(), [BOX, BOX, [4, 3, 10, -2]], "in row 2"),
        (random_frames(), [[np.nan, 3, 10, 8], BOX, BOX], "four NaN without annotation.* in row 0"),
        (random_frames(), [[np.inf, 3, 10, 8], BOX, BOX], "in row 0"),
    ],
)
def test_invalid_videos_are_rejected(frames, boxes, match):
    with pytest.raises(ValueError, match=match):
        tracking.Video(frames, boxes)


@pytest.mark.parametrize("frame", [np.zeros((24, 32)), np.zeros((24, 32, 1)), np.zeros((24, 32, 3), "int64")])
def test_arrays_that_are_not_rgb_frames_are_rejected_when_read(frame):
    with pytest.raises(ValueError, match=r"A frame must be \(height, width, 3\)"):
        tracking.Video([frame]).frame(0)


@pytest.mark.parametrize(
    "line", ["5,4,10,8\n", "5\t4\t10\t8\r\n", "5 4  10 8\n", " 5, 4,\t10 , 8 \n", "5.0,4e0,10,8\n"]
)
def test_boxes_have_any_separator_and_are_counted_from_0(line, tmp_path):
    """Pixel 5 of the file is the fifth one, number 4."""
    video = tracking.video_folder(write_folder(tmp_path / "walk", lines=line * 3))
    np.testing.assert_array_equal(video.boxes, [BOX] * 3)
    assert video.name == "walk" and len(video) == 3


def test_lines_of_nan_and_of_zero_size_are_not_annotated(tmp_path):
    video = tracking.video_folder(write_folder(tmp_path, lines="5,4,10,8\nNaN,NaN,NaN,NaN\n0,0,0,0\n\n"))
    assert np.isnan(video.boxes).all(axis=1).tolist() == [False, True, True]


def test_frames_are_sorted_by_number_from_any_first_number(tmp_path):
    """In alphabetical order, frame10 would precede frame8."""
    frames = random_frames(4)
    folder = write_folder(tmp_path, frames, "5,4,10,8\n" * 4, first=8)
    for file in (folder / "img").iterdir():
        file.rename(file.with_name(f"frame{int(file.stem)}.png"))
    for frame, expected in zip(tracking.video_folder(folder), frames, strict=True):
        np.testing.assert_allclose(frame, expected / 255, atol=1e-6)


def test_files_that_are_not_frames_are_named_in_a_warning(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "img" / "notes.txt").touch()
    (folder / "img" / "0001.png").rename(folder / "img" / "cover.png")
    (folder / "groundtruth_rect.txt").write_text("5,4,10,8\n" * 2)
    with pytest.warns(UserWarning, match=r"extension \(1\): notes.txt; images in an unexpected place \(1\): cover.png"):
        assert len(tracking.video_folder(folder)) == 2
    for number in (2, 3):
        (folder / "img" / f"{number:04d}.png").unlink()
    with pytest.warns(UserWarning), pytest.raises(FileNotFoundError, match="Expected frames such as 0001.jpg in .*img"):
        tracking.video_folder(folder)


def test_first_frames_are_used_if_there_are_fewer_boxes(tmp_path):
    folder = write_folder(tmp_path, lines="5,4,10,8\n" * 2)
    assert len(tracking.video_folder(folder, frames=2)) == 2
    with pytest.raises(ValueError, match="3 frames and 2 boxes in .* `frames=2` uses the first ones"):
        tracking.video_folder(folder)
    (folder / "img" / "0002.png").unlink()
    with pytest.raises(FileNotFoundError, match="Expected number 2 before .*0003.png"):
        tracking.video_folder(folder)


@pytest.mark.parametrize("line", ["5,4,10", "5,4,-10,8", "5,NaN,10,8"])
def test_lines_that_are_not_a_box_are_rejected_with_the_name_of_the_file(line, tmp_path):
    folder = write_folder(tmp_path, lines=f"5,4,10,8\n{line}\n5,4,10,8\n")
    with pytest.raises(ValueError, match="one box per line.*groundtruth_rect.txt"):
        tracking.video_folder(folder)


def test_starts_are_equally_spaced_and_run_to_the_farther_end():
    """Ten frames, five starts: 0, 2, 4 forwards to frame 9; 6 and 8 backwards to frame 0."""
    frames = np.arange(10, dtype="uint8")[:, None, None, None] * np.ones((1, 4, 4, 3), "uint8")
    video = tracking.Video(frames, [[number, 0, 2, 2] for number in range(10)])
    expected = [[*range(first, 10)] for first in (0, 2, 4)] + [[*range(first, -1, -1)] for first in (6, 8)]
    parts = video.starts(5)
    assert [part.boxes[:, 0].tolist() for part in parts] == expected
    assert [part.frames[:, 0, 0, 0].tolist() for part in parts] == expected
    with pytest.raises(ValueError, match="`count` must be an integer of at least 1 and at most 10"):
        video.starts(11)
