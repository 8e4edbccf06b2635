"""What a video is here: frames, and where one object is in each of them."""

import os
from dataclasses import dataclass

import numpy as np

BEYOND = 3


@dataclass(frozen=True, eq=False, repr=False)
class Video:
    """The frames of a video, and the box of one object in each.

    A box is x, y, width, height: its top left corner, and its extent, in pixels. Pixels are counted from 0, and the
    first column lies between x = 0 and x = 1: a box at x = 0 of width 1 is the first column, all of it.

    Attributes:
        frames: A list of paths of image files, decoded when they are asked for; or of arrays `(height, width, 3)`,
            bytes or floats in [0, 1]; or one array `(n, height, width, 3)`.
        boxes: `(n, 4)` float32; a row of NaN where the object is not annotated or not to be seen.
        name: What the video is called.
        source: Where it comes from, in one sentence.

    Raises:
        FileNotFoundError: a file that is not there.
        OSError: a file that is no image.
        ValueError: no list of frames, or none; frames of several sizes; not one box for each frame; a box that is none.

    >>> import numpy as np
    >>> from siamkeras.videos import Video
    >>> Video(np.zeros((2, 48, 64, 3)), [[0, 0, 8, 8], [np.nan] * 4], "nothing")
    nothing: 2 frames of 64x48, 1 of them annotated, source: given by the caller
    """

    frames: object
    boxes: np.ndarray
    name: str = "video"
    source: str = "given by the caller"

    def __post_init__(self):
        is_list = all(hasattr(self.frames, name) for name in ("__len__", "__getitem__"))
        if _is_path(self.frames) or not is_list or getattr(self.frames, "ndim", 1) == 0:
            raise ValueError(
                f"`frames` must be a list of paths or arrays, or one array. Received: {type(self.frames).__name__}. "
                "A folder is read by `data.video_folder`."
            )
        if not len(self.frames):
            raise ValueError(f"A video needs at least one frame. Received: none in {self.name!r}.")
        sizes = [_size(frame, number) for number, frame in enumerate(self.frames)]
        other = next((number for number, size in enumerate(sizes) if size != sizes[0]), None)
        if other is not None:
            raise ValueError(
                f"All frames of a video have one size. Received: {_told(sizes[0])} in frame 0, {_told(sizes[other])} "
                f"in frame {other} of {self.name!r}."
            )
        object.__setattr__(self, "boxes", checked_boxes(self.boxes, len(sizes)))
        object.__setattr__(self, "size", sizes[0])  # (height, width)

    def __len__(self):
        return len(self.frames)

    def __iter__(self):
        return (self.frame(number) for number in range(len(self)))

    def __repr__(self):
        known = int(np.sum(~np.isnan(self.boxes[:, 0])))
        annotated = "" if known == len(self) else f", {known} of them annotated"
        return f"{self.name}: {len(self)} frames of {_told(self.size)}{annotated}, source: {self.source}"

    def frame(self, number):
        """The frame of that number, from 0, as `(height, width, 3)` float32 in [0, 1].

        Raises:
            IndexError: there is no such frame.
            OSError: its file cannot be decoded.
            ValueError: values outside [0, 1] by more than 0.01.
        """
        frame = self.frames[range(len(self))[number]]
        if _is_path(frame):
            return _decoded(frame)
        return checked_frame(frame)


def checked_boxes(boxes, count=None, name="boxes"):
    """`boxes` as `(n, 4)` float32.

    Raises:
        ValueError: not numbers `(n, 4)`; not `count`; a row that is NaN in part; a box without area, or infinite.
    """
    try:
        found = np.asarray(boxes)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be (n, 4): x, y, width, height; four NaN where there is none. Received: rows of several "
            "lengths."
        ) from error
    if found.ndim != 2 or found.shape[1:] != (4,) or found.dtype.kind not in "iuf":
        raise ValueError(f"`{name}` must be (n, 4): x, y, width, height. Received: {found.dtype}, shape {found.shape}.")
    if count is not None and len(found) != count:
        raise ValueError(f"Every frame needs a box (or a row of NaN). Received: {count} frames, {len(found)} boxes.")
    with np.errstate(over="ignore"):
        found = np.array(found, "float32")
    missing = np.isnan(found).all(axis=1)
    fine = missing | (np.isfinite(found).all(axis=1) & (found[:, 2:] > 0).all(axis=1))
    if not fine.all():
        row = int(fine.argmin())
        raise ValueError(
            "A box is x, y, width, height: finite numbers, width and height above 0; a whole row of NaN says that "
            f"there is none. Received: {found[row].tolist()} in row {row} of `{name}`."
        )
    return found


def checked_box(box):
    """One box as `(4,)` float32, however nested; None for four NaN.

    Raises:
        ValueError: as `checked_boxes`; several boxes.
    """
    row = _as_row(box)
    if len(row) != 1:
        raise ValueError(f"One box is x, y, width, height. Received: {row.tolist()}.")
    return None if np.isnan(row).any() else row[0]


def _as_row(box):
    return checked_boxes(box if np.ndim(np.asarray(box, object)) == 2 else [box], name="box")


def checked_start(frame, box):
    """The first frame of a tracker as `(height, width, 3)` float32, its box as `(4,)` float64.

    Raises:
        ValueError: a frame of another shape or outside [0, 1]; a box that is none, without area, or beside the frame.
    """
    frame = checked_frame(frame)
    box = _as_row(box)
    height, width = frame.shape[:2]
    x, y, wide, high = box[0].tolist() if len(box) == 1 else [np.nan] * 4
    if np.isnan(x) or x >= width or y >= height or x + wide <= 0 or y + high <= 0:
        raise ValueError(
            f"A tracker starts with one box, x, y, width, height, inside a frame of {width}x{height} pixels (width x "
            f"height). Received: {box.tolist()}."
        )
    check_sides(box, height, width)
    return frame, np.array([x, y, wide, high])


def check_sides(boxes, height, width):
    """Nothing, or an error; rows of NaN pass. A square round a box of another scale would take all memory.

    Raises:
        ValueError: a box more than `BEYOND` times as wide or as high as its frame.
    """
    large = (np.asarray(boxes)[:, 2:] > np.multiply((width, height), BEYOND)).any(axis=1)
    if large.any():
        raise ValueError(
            f"A box is at most {BEYOND} times as wide and as high as its frame, {width}x{height} pixels. "
            f"Received: {np.asarray(boxes)[large.argmax()].tolist()}. Is it in pixels of this frame?"
        )


def checked_frame(frame, size=None):
    """`frame` as `(height, width, 3)` float32 in [0, 1]; bytes are divided by 255.

    Args:
        frame: One frame.
        size: `(height, width)` that it must have, that of the frames before it.

    Raises:
        ValueError: another shape, kind or size; values outside [0, 1] by more than 0.01, or NaN.
    """
    found = np.asarray(frame)
    is_kind = found.dtype == np.uint8 or found.dtype.kind == "f"
    if found.ndim != 3 or found.shape[2] != 3 or not found.size or not is_kind:
        raise ValueError(
            f"A frame is (height, width, 3), of bytes or floats. Received: {found.dtype}, shape {found.shape}."
        )
    if size is not None and found.shape[:2] != tuple(size):
        raise ValueError(
            f"All frames of a video have one size. Received: {_told(found.shape)} after {_told(size)} (width x height)."
        )
    if found.dtype == np.uint8:
        return found.astype("float32") / np.float32(255)
    low, high = found.min(), found.max()
    if not (low >= -0.01 and high <= 1.01):  # also catches NaN
        raise ValueError(
            f"A frame has values in [0, 1], or is of bytes. Received: values from {low:.4g} to {high:.4g}."
        )
    return found.astype("float32").clip(0, 1)


def in_colours(image):
    """An image of Pillow in RGB: of 16 bits of grey the upper 8, transparency dropped.

    Raises:
        ValueError: an image of floats, whose range no file tells.
    """
    if image.mode == "F":
        raise ValueError("an image of floats has no range")
    if image.mode.startswith("I"):  # which `convert` would clip at 255
        from PIL import Image

        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype("uint8"))
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _is_path(frame):
    return isinstance(frame, (str, os.PathLike))


def _size(frame, number):
    """Height and width of a frame; of a file, by its head alone."""
    if _is_path(frame):
        from PIL import Image

        if not os.path.isfile(frame):
            raise FileNotFoundError(f"There is no file {os.fspath(frame)}, which is to be frame {number}.")
        try:
            with Image.open(frame) as image:
                return image.size[::-1]
        except Exception as error:  # Pillow meets broken files with a dozen different ones
            raise OSError(f"{os.fspath(frame)} is no image, and is to be frame {number}.") from error
    shape, kind = np.shape(frame), getattr(frame, "dtype", np.dtype(object))
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or not (kind == np.uint8 or kind.kind == "f"):
        raise ValueError(
            "A frame is a path, or an array (height, width, 3) of bytes or of floats in [0, 1]. Received: "
            f"{type(frame).__name__} of {kind}, shape {shape}, as frame {number}."
        )
    return shape[:2]


def _decoded(path):
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(in_colours(image), "float32") / np.float32(255)
    except Exception as error:
        raise OSError(f"{os.fspath(path)} cannot be decoded: {error}.") from error


def _told(size):
    return f"{size[1]}x{size[0]}"
