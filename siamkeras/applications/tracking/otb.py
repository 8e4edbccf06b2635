"""Videos with the box of one object in each frame: the folders of the tracking benchmark OTB, or one's own."""

import itertools
import re
from pathlib import Path

import numpy as np

from siamkeras.applications.tracking import synthetic
from siamkeras.applications.tracking.video import Video
from siamkeras.data import _images, _sources

URL = "http://cvlab.hanyang.ac.kr/tracker_benchmark"
# What the benchmark takes of a sequence that has more frames than boxes.
FIRST = {"Diving": 215}
TRUTH = "groundtruth_rect.txt"


def otb(names=("Crossing", "Diving"), source="auto"):
    """Sequences of the tracking benchmark OTB (Wu, Lim and Yang, 2013 and 2015), frames as paths of files.

    No loader can fetch these. Where you have one, its folder is looked for under `SIAMKERAS_DATA` and in
    `~/.cache/siamkeras`: `tracking/OTB/<name>/`, as `video_folder` reads it. Of Diving the first 215 frames are used,
    which are those that have boxes.

    Args:
        names: Names of sequences, a list.
        source: `"auto"`: the folders; where one of them is missing, as many synthetic videos under these names, and a
            `StandInWarning`. `"real"`: an error instead. `"synthetic"`: these, at once.

    Returns:
        A list of `Video`, in the order of the names.

    Raises:
        ValueError: an argument is not one of those above; and as `video_folder`.
        ConnectionError: `source="real"`, and a sequence is not on this machine.
        OSError: the copy on this machine lacks a file or has one that is no image, whatever the `source`; except
            `"synthetic"`.

    Reference: https://doi.org/10.1109/TPAMI.2014.2388226
    """
    asked = [] if isinstance(names, str) or not hasattr(names, "__iter__") else list(names)
    if not asked or not all(isinstance(name, str) and name and "/" not in name for name in asked):
        raise ValueError(f"`names` must be a list of names of sequences, such as ['Crossing']. Received: {names!r}.")

    def real():
        found = []
        for name in asked:
            place = _sources.find("tracking", "OTB", name)
            if place is None:
                raise _sources.manual_download_error(f"The OTB sequence {name}", URL, "tracking", "OTB", name)
            found.append((name, place))
        return [
            Video(*_read(place, FIRST.get(name)), name, f"OTB (Wu et al.), sequence {name}") for name, place in found
        ]

    def drawn():
        return [
            Video(video.frames, video.boxes, name, f"synthetic video standing in for {name} of OTB")
            for name, video in zip(asked, synthetic.videos(len(asked)), strict=True)
        ]

    return _sources.real_or_stand_in(source, real, drawn, "synthetic videos")


def video_folder(folder, frames=None):
    """A video of your own, in files as those of OTB.

    `img/` holds the frames, named by their number: `0001.jpg`, `0002.jpg` and so on, from any number. A line of
    `groundtruth_rect.txt` is the box of a frame: x, y, width, height, separated by commas, tabs or blanks. There the
    first column and row of pixels are number 1; the boxes that are returned count from 0. A line of four NaN, or of
    width and height 0, says that the object is not annotated in that frame.

    Args:
        folder: Holds both.
        frames: Use the first so many frames and boxes only, where there are more frames than boxes; None for all.

    Returns:
        `Video`, whose frames are paths.

    Raises:
        FileNotFoundError: no such folder, no frames in it, no boxes; a frame is missing between others.
        ValueError: files that are not named by a number, or two by one; frames of several sizes; another number of
            frames than of boxes; a line that is no box.
        OSError: a frame that is no image.
    """
    root = Path(folder)
    return Video(*_read(root, frames), root.name, f"frames of the folder {root.name}")


def _read(root, count):
    """Paths of the frames and boxes `(n, 4)` of a folder."""
    for place, is_there in ((root, root.is_dir()), (root / "img", (root / "img").is_dir())):
        if not is_there:
            raise FileNotFoundError(f"There is no folder {place}{': that is a file' if place.exists() else ''}.")
    truth = root / TRUTH
    if not truth.is_file():
        raise FileNotFoundError(f"There is no file {truth}, which holds the box of each frame.")
    if count is not None and (isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1):
        raise ValueError(f"`frames` must be a whole number of at least 1, or None. Received: frames={count!r}.")
    paths, boxes = _numbered(root / "img"), _boxes(truth)
    if count is not None and (count > len(paths) or count > len(boxes)):
        raise ValueError(f"`frames` is {count}. Found only {len(paths)} frames and {len(boxes)} boxes in {root}.")
    paths, boxes = paths[:count], boxes[:count]
    if len(paths) != len(boxes):
        most = min(len(paths), len(boxes))
        raise ValueError(
            f"Every frame needs a box. Found {len(paths)} frames in {root / 'img'}, and {len(boxes)} boxes in {TRUTH}. "
            f"Complete them, or use the first ones only: frames={most}."
        )
    return paths, boxes


def _numbered(folder):
    """Paths of the frames, in the order of their numbers, none of which is left out."""
    files = _images.list_images(folder)
    if not files:
        raise FileNotFoundError(f"Expected frames, such as 0001.jpg, in {folder}. Found none.")
    numbered = {}
    for file in files:
        number = re.search(r"(\d+)$", file.stem)
        if number is None:
            raise ValueError(f"Frames are named by their number, such as 0001.jpg. Found {file.name} in {folder}.")
        twin = numbered.setdefault(int(number[1]), file)
        if twin is not file:
            raise ValueError(f"One number is one frame. Found {twin.name} and {file.name} in {folder}.")
    numbers = sorted(numbered)
    first, last = numbers[0], numbers[-1]
    # A number may be far off, such as the date and time of a photograph: no list of all between.
    gaps = [range(one + 1, other) for one, other in itertools.pairwise(numbers) if other > one + 1]
    if gaps:
        count, few = last + 1 - first - len(numbers), itertools.chain(*gaps)
        named = _images.shorten(list(itertools.islice(few, 5)))
        raise FileNotFoundError(
            f"{'Frames are' if count > 1 else 'A frame is'} missing in {folder}, between number {first} and "
            f"{last}: {named}{f', {count} in all' if count > 5 else ''}."
        )
    return [str(numbered[number]) for number in numbers]


def _boxes(file):
    """Boxes `(n, 4)`, from pixels that are counted from 1 to such that are counted from 0."""
    try:
        lines = file.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"Boxes are written in a text file, in UTF-8. Received: {file}, which is none.") from error
    if not lines:
        raise ValueError(f"Expected the box of each frame in {file}. Found an empty file.")
    boxes = np.empty((len(lines), 4))
    for place, line in enumerate(lines):
        try:
            x, y, width, height = map(float, re.split(r"\s*,\s*|\s+", line.strip()))
        except ValueError as error:
            raise ValueError(
                "A line is x, y, width, height, four numbers with commas, tabs or blanks between. Received: "
                f"{line!r} in line {place + 1} of {file}."
            ) from error
        boxes[place] = x, y, width, height
    broken = ~(np.isnan(boxes).all(axis=1) | (np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)))
    if broken.any():
        place = int(broken.argmax())
        raise ValueError(
            "A box is x, y, width, height, and has no negative extent; four NaN say that there is none. Received: "
            f"{lines[place]!r} in line {place + 1} of {file}."
        )
    boxes[(boxes[:, 2:] == 0).any(axis=1)] = np.nan
    boxes[:, :2] -= 1
    return boxes
