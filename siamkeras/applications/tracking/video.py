"""Videos with one annotated object: frames and bounding boxes, in memory or as image files in a folder.

A bounding box is x, y, width, height in pixels, where (x, y) is its top left corner and the first pixel extends from 0
to 1.
"""

import io
import itertools
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.data._images import decoding, list_images, open_image, warn_skipped

# Largest width and height of a box relative to its frame; a larger crop would need too much memory.
LARGEST_BOX = 3


@dataclass(frozen=True, eq=False, repr=False)
class Video:
    """Frames of a video and the bounding box of one object in each.

    Iteration yields the frames as `(height, width, 3)` float32 in [0, 1]; `video[:3]` is a `Video` of the first three.

    Attributes:
        frames: Array `(n, height, width, 3)`, or a list of arrays `(height, width, 3)`: uint8, or floats in [0, 1]. Or
            a list of paths of image files, which are read when needed.
        boxes: `(n, 4)` float32; a row of NaN where the object is not annotated. None if there are no annotations.
        name: Name of the video.
        source: Origin of the video, one sentence.
    """

    frames: object
    boxes: np.ndarray | None = None
    name: str = "video"
    source: str = "given by the caller"

    def __post_init__(self):
        if isinstance(self.frames, (str, os.PathLike)) or not len(self.frames):
            raise ValueError(
                "`frames` must be a non-empty list of arrays or of paths; `tracking.video_folder` reads a folder. "
                f"Received: {self.frames!r}."
            )
        boxes = np.full((len(self.frames), 4), np.nan) if self.boxes is None else self.boxes
        object.__setattr__(self, "boxes", check_boxes(boxes, len(self.frames)))

    def __len__(self):
        return len(self.frames)

    def __iter__(self):
        return (self.frame(index) for index in range(len(self)))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return replace(self, frames=self.frames[index], boxes=self.boxes[index])
        return self.frame(index)

    def __repr__(self):
        height, width = self.size
        annotated = int(np.sum(~np.isnan(self.boxes[:, 0])))
        return f"{self.name}: {len(self)} frames of {width}x{height}, {annotated} annotated, source: {self.source}"

    @property
    def size(self):
        """Height and width of the first frame in pixels."""
        return self.frame(0).shape[:2]

    def frame(self, index):
        """Frame number `index`, counted from 0, as `(height, width, 3)` float32 in [0, 1]."""
        frame = self.frames[range(len(self))[index]]
        return read_image(frame) if isinstance(frame, (str, os.PathLike)) else check_frame(frame)

    def starts(self, count=10):
        """Parts with equally spaced first frames, for an evaluation with several starts, as in VOT.

        A part reaches from its first frame to the farther end of the video: parts that start in the second half run
        backwards. The result of one start depends on chance; with several starts, a tracker that fails early is still
        measured on later parts of the video. (In VOT the starts are about 50 frames apart.)

        Args:
            count: Number of starts, at most the number of frames; the first is the first frame.

        Returns:
            A list of `Video`, from half to all frames long.

        Reference: Kristan et al. (2020), https://doi.org/10.1007/978-3-030-68238-5_39, section 4.1
        """
        check_integer("count", count, 1, len(self))
        firsts = np.arange(count) * len(self) // count
        return [self[first:] if 2 * first <= len(self) - 1 else self[first::-1] for first in firsts.tolist()]


def video_folder(folder, frames=None, annotation="groundtruth_rect.txt"):
    """Reads a video in the folder layout of OTB or VOT.

    `img/` has the frames, numbered consecutively from any number: `0001.jpg`, `0002.jpg`, ... Each line of the
    annotation is the bounding box of a frame, separated by commas, tabs or spaces: x, y, width, height (OTB); or the
    corners x1, y1, ..., x4, y4 of a rotated box, of which the enclosing upright box is used (VOT). Pixels are counted
    from 1 in the file, and from 0 in the boxes of the video. A line of NaN, or with a width or height of 0, marks a
    frame without annotation.

    Args:
        folder: Path of the folder.
        frames: Number of frames to use, from the first; None uses all.
        annotation: Name of the file with the boxes. A video with two targets has two: "groundtruth_rect.1.txt" and
            "groundtruth_rect.2.txt".

    Returns:
        `Video` whose frames are paths.

    Raises:
        FileNotFoundError: a missing file or frame number.
        ValueError: different numbers of frames and boxes.
    """
    folder = Path(folder)
    paths, boxes = _numbered_images(folder / "img")[:frames], _read_boxes(folder / annotation)[:frames]
    if len(paths) != len(boxes):
        raise ValueError(
            f"Every frame needs a box. Received: {len(paths)} frames and {len(boxes)} boxes in {folder}. "
            f"`frames={min(len(paths), len(boxes))}` uses the first ones only."
        )
    return Video(paths, boxes, folder.name, f"frames of the folder {folder.name}")


def _numbered_images(folder):
    """Paths of the images whose names end in a number, in the order of these numbers."""
    skipped = []
    numbers = {path: re.search(r"\d+$", path.stem) for path in list_images(folder, skipped)}
    warn_skipped(folder, skipped + [path for path, number in numbers.items() if not number])
    numbered = sorted((int(number[0]), str(path)) for path, number in numbers.items() if number)
    if not numbered:
        raise FileNotFoundError(f"Expected frames such as 0001.jpg in {folder}. Received: no image with a number.")
    for (previous, _), (number, path) in itertools.pairwise(numbered):
        if number != previous + 1:
            raise FileNotFoundError(
                f"Frames must be numbered consecutively. Expected number {previous + 1} before {path}."
            )
    return [path for _, path in numbered]


def _read_boxes(file):
    """Boxes `(n, 4)` of a text file, with pixels counted from 0."""
    text = file.read_text(encoding="utf-8-sig").replace(",", " ")
    try:
        boxes = np.loadtxt(io.StringIO(text), ndmin=2)
        if boxes.shape[1] == 8:
            corners = boxes.reshape(-1, 4, 2)
            # The middle of the first pixel is 1 in VOT, and 0.5 here; the corner of a box of OTB is a whole pixel.
            low = corners.min(axis=1) + 0.5
            boxes = np.concatenate([low, np.ptp(corners, axis=1)], axis=1)
        boxes[(boxes[:, 2:] == 0).any(axis=1)] = np.nan
        boxes[:, :2] -= 1
        return check_boxes(boxes)
    except ValueError as error:
        raise ValueError(
            f"Expected one box per line: x, y, width, height, or four corners. Received: {file} ({error})."
        ) from error


def read_image(path):
    """An image file as `(height, width, 3)` float32 in [0, 1]."""
    with decoding(path):
        return np.asarray(open_image(path).convert("RGB"), "float32") / np.float32(255)


def check_boxes(boxes, count=None, name="boxes"):
    """`boxes` as `(n, 4)` float32, one for each of `count` frames; rows of NaN are allowed."""
    boxes = np.array(boxes, "float32")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"`{name}` must be (n, 4): x, y, width, height. Received: shape {boxes.shape}.")
    if count is not None and len(boxes) != count:
        raise ValueError(f"`{name}` must have one row per frame. Received: {len(boxes)} rows for {count} frames.")
    is_valid = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    is_valid |= np.isnan(boxes).all(axis=1)
    if not is_valid.all():
        row = int(is_valid.argmin())
        raise ValueError(
            "A box must be x, y, width, height, finite, with width and height above 0, or four NaN without annotation. "
            f"Received: {boxes[row].tolist()} in row {row} of `{name}`."
        )
    return boxes


def check_boxes_in_frame(boxes, count, frame_size, name="boxes"):
    """As `check_boxes`, if each box overlaps the frame and is not much larger; rows of NaN are not allowed."""
    boxes, (height, width) = check_boxes(boxes, count, name), frame_size
    size = np.array([width, height])
    overlaps = (boxes[:, :2] < size).all(axis=1) & (boxes[:, :2] + boxes[:, 2:] > 0).all(axis=1)
    is_valid = overlaps & (boxes[:, 2:] <= LARGEST_BOX * size).all(axis=1)
    if not is_valid.all():
        row = int(is_valid.argmin())
        raise ValueError(
            f"A box must overlap its frame of {width}x{height} pixels and be at most {LARGEST_BOX} times as large. "
            f"Received: {boxes[row].tolist()} in row {row} of `{name}`."
        )
    return boxes


def check_frame(frame, size=None):
    """`frame` as `(height, width, 3)` float32 in [0, 1]; `size` is the required height and width."""
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 3 or not (frame.dtype == np.uint8 or frame.dtype.kind == "f"):
        raise ValueError(
            "A frame must be (height, width, 3), uint8 or floats in [0, 1]. "
            f"Received: {frame.dtype}, shape {frame.shape}."
        )
    if size is not None and frame.shape[:2] != tuple(size):
        raise ValueError(f"All frames must be {tuple(size)} (height, width). Received: {frame.shape[:2]}.")
    if frame.dtype == np.uint8:
        return frame.astype("float32") / np.float32(255)
    low, high = frame.min(), frame.max()
    if not (low >= -0.01 and high <= 1.01):  # also False for NaN
        raise ValueError(f"A frame of floats must lie in [0, 1]. Received: values from {low:.4g} to {high:.4g}.")
    return frame.astype("float32").clip(0, 1)
