"""A tracker: the object's place, size and confidence from one frame to the next, and how a whole video is followed."""

import math
import numbers
import os
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from siamkeras.applications.tracking.crops import CONTEXT, centres_of, cut, side_of, to_frame
from siamkeras.applications.tracking.model import comparison, parts_of
from siamkeras.applications.tracking.video import Video, checked_box, checked_frame, checked_start

# The object may become so many times smaller or larger than it was in the first frame.
SMALLEST, LARGEST = 0.2, 5.0


class Tracker:
    """Follows one object: `start(frame, box)` says which, `update(frame)` where it is in the next frame.

    A part of the frame round the last place is searched at three sizes and, where the object may turn, in two more
    directions. The score maps say where and how the object is most likely; a cosine window prefers places near the last
    one; a parabola through the best cell and its neighbours finds the place between cells.

    ```python
    tracker = tracking.Tracker(tracking.pretrained())
    tracker.start(frames[0], box=[205, 151, 17, 50])  # x, y, width, height, from the top left pixel, 0-based
    for frame in frames[1:]:
        box = tracker.update(frame)
    ```

    Args:
        model: A model of `tracking.siamese`, trained.
        window: Weight of the cosine window, from 0 (none) to below 1.
        scale_step: Factor from one of the three sizes to the next, above 1; 1 for one size.
        turn_step: Degrees from the last direction to the two that are searched beside it; 0 for what does not turn.
            The box is then that of an ellipse that turns, which fits the box of the first frame.
        penalty: What scores of another size or direction than the last one are multiplied by, above 0, up to 1.
        scale_rate: Share of a change of size that is believed in each frame, from 0 to 1.
        renew: Share of the template that each frame renews, while the object is not lost: from 0 (what is looked for is
            what the first frame showed) to 1. Half of what is looked for stays as it was in the first frame, so that a
            tracker that has slipped can come back.
        lost_below: Confidence below which the object counts as lost, from 0 to 1. By default what nine of ten right
            boxes of the validation videos exceed with `pretrained()`; a third of the wrong ones do not.
        context: How much of what is round the box is seen, as in training; see `crops.side_of`.

    Attributes:
        box: Where the object is, `(4,)` float32, as far as it lies in the frame; None before `start`.
        confidence: How sure the score map is of its best place, from 0 to 1, whatever the window says; 1 after `start`.
        lost: Whether `confidence` is below `lost_below`. The box is then the best guess, and nothing more.
        scores: The score map of the size that was chosen last, logits, for a look at it; None before `update`.

    Raises:
        ValueError: a model of another kind, or for other images than those of three colours; a number out of range.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """

    def __init__(
        self,
        model,
        window=0.2,
        scale_step=1.04,
        turn_step=0.0,
        penalty=0.99,
        scale_rate=0.6,
        renew=0.0,
        lost_below=0.85,
        context=CONTEXT,
    ):
        tower, _, self._template, self._search, self._cells = parts_of(model)
        if model.inputs[0].shape[3] != 3:
            raise ValueError(
                f"A tracker sees frames of three colours. Received: a model for {model.inputs[0].shape[3]} channels."
            )
        self.model = model
        self.window = _between("window", window, 0, 1, high=False)
        self.scale_step = _between("scale_step", scale_step, 1, 2)
        self.turn_step = _between("turn_step", turn_step, 0, 90)
        self.penalty = _between("penalty", penalty, 0, 1, low=False)
        self.scale_rate = _between("scale_rate", scale_rate, 0, 1)
        self.renew = _between("renew", renew, 0, 1)
        self.lost_below = _between("lost_below", lost_below, 0, 1)
        self.context = _between("context", context, 0, math.inf, high=False)
        self._tower, self._compare = tower, comparison(model)
        self._stride = (self._search - self._template) // (self._cells - 1)
        slope = np.hanning(self._cells + 2)[1:-1]  # without its two ends, which are 0
        self._cosine = np.outer(slope, slope)
        sizes = {1.0, self.scale_step, 1 / self.scale_step}
        turns = {0.0, math.radians(self.turn_step), -math.radians(self.turn_step)}
        # As it was comes first: of equal scores it is chosen.
        tried = [(1.0, 0.0), *((size, 0.0) for size in sizes - {1.0}), *((1.0, turn) for turn in turns - {0.0})]
        self._factors, self._turns = np.array(sorted(tried, key=lambda each: each != (1.0, 0.0))).T
        self.box = self.scores = None
        self.confidence = 1.0

    @property
    def lost(self):
        """Whether the score map is not sure of any place."""
        return self.confidence < self.lost_below

    def start(self, frame, box):
        """Takes the object of the first frame.

        Args:
            frame: `(height, width, 3)`, floats in [0, 1] or bytes.
            box: x, y, width, height in pixels, within the frame at least in part.

        Raises:
            ValueError: a frame that is none; a box that is none, of no area, outside the frame, or more than three
                times as wide or as high.
        """
        frame, box = checked_start(frame, box)
        self._size = frame.shape[:2]
        self._centre, self._extent, self._first, self._angle = centres_of(box), box[2:].copy(), box[2:].copy(), 0.0
        self._as_first = self._as_last = self._embedded(frame)
        self.confidence, self.scores = 1.0, None
        self.box = self._in_frame()

    def update(self, frame):
        """The box in the next frame, `(4,)` float32, as far as it lies in the frame.

        Raises:
            ValueError: before `start`; a frame that is none, or of another size than the first; a model whose scores
                are not finite.
        """
        if self.box is None:
            raise ValueError("A tracker is started before it is updated: `start(frame, box)`. Received: no start.")
        frame = checked_frame(frame, self._size)
        whole = np.concatenate([self._centre - self._extent / 2, self._extent])
        sides = side_of(whole, self.context) * self._search / self._template * self._factors
        angles = self._angle + self._turns
        searches = np.asarray(
            cut(frame, np.repeat(self._centre[None], len(sides), axis=0), sides, self._search, angles)
        )
        template = np.repeat((self._as_first + self._as_last) / 2, len(sides), axis=0)
        maps = np.asarray(ops.convert_to_numpy(self._compare.predict_on_batch([template, searches])), "float64")
        if not np.isfinite(maps).all():
            raise ValueError("The scores of the model are no numbers: were its weights NaN after training?")
        chosen, place = self._best(maps)
        self.scores = maps[chosen].astype("float32")
        self.confidence = float(np.exp(-np.logaddexp(0, -maps[chosen].max())))
        away = (np.array(place[::-1]) - (self._cells - 1) / 2) * self._stride
        centre = to_frame(away, self._centre, sides[chosen], self._search, angles[chosen])
        self._centre = np.clip(centre, 0, np.array(self._size[::-1], "float64"))
        if self.confidence >= min(self.lost_below, 0.5):  # the size of what is not there is no news
            self._angle = angles[chosen]
            factor = 1 + self.scale_rate * (self._factors[chosen] - 1)
            limits = np.minimum(self._first * LARGEST, np.array(self._size[::-1], "float64"))
            bound = np.clip(factor, (self._first * SMALLEST / self._extent).max(), (limits / self._extent).min())
            self._extent = self._extent * min(bound, max(factor, 1.0))
            if self.renew:
                self._as_last = (1 - self.renew) * self._as_last + self.renew * self._embedded(frame)
        self.box = self._in_frame()
        return self.box.copy()

    def _embedded(self, frame):
        """The embeddings of a template at the place where the object is now, `(1, h, w, channels)`."""
        side = side_of(np.concatenate([self._centre, self._extent]), self.context)
        template = np.asarray(cut(frame, self._centre[None], side[None], self._template, [self._angle]))
        return np.asarray(ops.convert_to_numpy(self._tower.predict_on_batch(template)))

    def _best(self, maps):
        """Which of the sizes and directions, and the place in its map as `(row, column)`, between cells."""
        # Logits may be below 0, where a factor would reward what it is to punish.
        above = maps - maps.min()
        above[1:] *= self.penalty
        chosen = int(above.max(axis=(1, 2)).argmax())
        found = above[chosen] / max(above[chosen].max(), 1e-9)
        found = (1 - self.window) * found + self.window * self._cosine
        row, column = np.unravel_index(found.argmax(), found.shape)
        return chosen, (row + _vertex(found[:, column], row), column + _vertex(found[row], column))

    def _in_frame(self):
        size = np.array(self._size[::-1], "float64")
        # The box round an ellipse that has been turned.
        turn = np.array(
            [[math.cos(self._angle), math.sin(self._angle)], [math.sin(self._angle), math.cos(self._angle)]]
        )
        extent = np.sqrt(np.square(turn) @ np.square(self._extent))
        low = np.clip(self._centre - extent / 2, 0, size - 1)
        high = np.clip(self._centre + extent / 2, low + 1, size)
        return np.concatenate([low, high - low]).astype("float32")


class Followed(NamedTuple):
    """What `follow` found.

    Attributes:
        boxes: x, y, width, height in each frame, `(n, 4)` float32; the first is the box that was given.
        frames_per_second: How many frames the tracker took in a second, without the time to read them.
        confidence: What the tracker said of its own box in each frame, `(n,)`; the first is 1.
    """

    boxes: np.ndarray
    frames_per_second: float
    confidence: np.ndarray

    def __repr__(self):
        rate = f"{self.frames_per_second:.0f} frames per second"
        return f"{len(self.boxes)} boxes, {rate}, lowest confidence {self.confidence.min():.2f}"


def follow(tracker, frames, box=None, progress=True):
    """Follows the object through all frames.

    Args:
        tracker: Anything with `start(frame, box)`, `update(frame)` and `confidence`: a `Tracker` or a baseline.
        frames: A `videos.Video`; a folder of image files, in the order of their names; or any iterable of frames
            `(height, width, 3)`, such as a camera gives them: it is read as it comes.
        box: Where the object is in the first frame: x, y, width, height; None for the first box of a `Video`.
        progress: Whether a progress bar is shown.

    Returns:
        `Followed`.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: a file that cannot be decoded.
        ValueError: no tracker; no frames; no box; frames of changing size.
    """
    if not all(hasattr(tracker, name) for name in ("start", "update", "confidence")):
        raise ValueError(
            f"`tracker` must have `start`, `update` and `confidence`, as `tracking.Tracker(model)` has. Received: "
            f"{type(tracker).__name__}."
        )
    if isinstance(frames, Video):
        box = frames.boxes[0] if box is None else box
        count, name = len(frames), frames.name
    elif isinstance(frames, (str, os.PathLike)):
        frames, name = _files(frames), os.fspath(frames)
        count, frames = len(frames), _decoded(frames)
    else:
        if not np.iterable(frames):
            raise ValueError(f"`frames` must be a `Video`, a folder, or any iterable of frames. Received: {frames!r}.")
        count, name = _length(frames), "these frames"
    if box is None or checked_box(box) is None:
        raise ValueError(f"To follow an object, its box in the first frame must be known. Received: {box} for {name}.")
    box = checked_box(box)
    bar = keras.utils.Progbar(count, unit_name="frame") if progress else None
    boxes, confidence, seconds = [], [], 0.0
    for number, frame in enumerate(frames):
        if number == 0:
            tracker.start(frame, box)
            boxes.append(box)
        else:
            begin = time.perf_counter()
            boxes.append(tracker.update(frame))
            spent = time.perf_counter() - begin
            # The first step also traces and compiles; where there are others, it says nothing.
            seconds = spent if number == 1 else seconds * (number > 2) + spent
        confidence.append(tracker.confidence)
        if bar:
            bar.update(number + 1, [("confidence", tracker.confidence)], finalize=number + 1 == count)
    if not boxes:
        raise ValueError(f"There is nothing to follow without frames. Received: none in {name}.")
    timed = max(len(boxes) - (2 if len(boxes) > 2 else 1), 0)
    rate = timed / seconds if seconds else float("nan")
    return Followed(np.array(boxes, "float32"), rate, np.array(confidence, "float32"))


def _length(frames):
    try:
        return len(frames)
    except TypeError:  # an iterator, or a stream that does not know
        return None


def _files(folder):
    from siamkeras.data import _images

    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder} of frames.")
    files = _images.list_images(folder)
    if not files:
        kinds = ", ".join(extension[1:] for extension in _images.EXTENSIONS)
        raise ValueError(f"A folder of frames holds image files ({kinds}). Found none in {folder}.")
    return files


def _decoded(files):
    video = Video(files, np.full((len(files), 4), np.nan))
    return iter(video)


def _vertex(values, at):
    """Where the parabola through a maximum and its two neighbours is highest, from the maximum: from -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _between(name, value, least, most, low=True, high=True):
    """`value` as a float from `least` to `most`, or ValueError; `low`, `high`: whether the ends are allowed."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not (least <= value <= most) or (value == least and not low) or (value == most and not high):
        words = f"{'from' if low else 'above'} {least} {'to' if high else 'and below'} {most}"
        raise ValueError(f"`{name}` must be a number {words}. Received: {name}={value!r}.")
    return float(value)
