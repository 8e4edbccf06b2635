"""The SiamFC tracker, which updates a bounding box frame by frame, and `track`, which runs any tracker on a video."""

import math
import os
import time
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from siamkeras._validation import check_number
from siamkeras.applications.tracking.crops import crop_images, to_frame
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.applications.tracking.target import Target
from siamkeras.applications.tracking.video import Video, check_boxes_in_frame, check_frame


class Tracker:
    """Tracks one object: `start(frame, box)`, then `update(frame)` for each following frame.

    In each frame, a region around the last position is searched at three scales and, with `rotation_step`, at two more
    angles. The score map with the highest peak gives scale and angle; a cosine window prefers positions near the last
    one; a parabola through the best cell and its neighbours gives the position between cells.

    Args:
        model: A trained model of `tracking.siamfc`.
        window: Weight of the cosine window, from 0 to below 1.
        scale_step: Ratio of neighbouring scales, from 1 (one scale) to 2.
        rotation_step: Degrees between neighbouring angles; 0 for objects that do not rotate. The box is then the
            bounding box of a rotated ellipse which fits the box of the first frame.
        lost_below: Confidence below which the target counts as lost, from 0 to 1. With `pretrained_siamfc()` on
            synthetic validation videos, 90 % of the boxes with an IoU above 0.5 are above the default, and two thirds
            of those with an IoU of at most 0.1 are below it.
        context: Margin around the box, as in training; see `tracking.Geometry`.

    Attributes:
        box: Current bounding box, `(4,)` float32, clipped to the frame; None before `start`.
        confidence: Sigmoid of the highest score, without the window; 1 after `start`.
        lost: Whether `confidence` is below `lost_below`. The box is then a guess.

    Reference: Bertinetto et al. (2016), https://arxiv.org/abs/1606.09549
    """

    scale_penalty = 0.99  # factor on the scores of other scales and angles than the last ones
    scale_rate = 0.6  # fraction of a change of scale that is applied

    def __init__(self, model, window=0.2, scale_step=1.04, rotation_step=0.0, lost_below=0.85, context=0.25):
        self.geometry = Geometry.from_model(model, context=context)
        self._tower, self._search_model = _split(model)
        self.window = check_number("window", window, minimum=0, below=1)
        self.scale_step = check_number("scale_step", scale_step, minimum=1, maximum=2)
        self.rotation_step = check_number("rotation_step", rotation_step, minimum=0, maximum=90)
        self.lost_below = check_number("lost_below", lost_below, minimum=0, maximum=1)
        cosine = np.hanning(self.geometry.cells + 2)[1:-1]  # without its ends, which are 0
        self._cosine_window = np.outer(cosine, cosine)
        # The current scale and angle come first: argmax prefers them among equal scores.
        scales = sorted({self.scale_step, 1 / self.scale_step} - {1.0})
        angles = sorted({math.radians(self.rotation_step), -math.radians(self.rotation_step)} - {0.0})
        candidates = [(1.0, 0.0), *((scale, 0.0) for scale in scales), *((1.0, angle) for angle in angles)]
        self._scales, self._angles = np.array(candidates).T
        self.box, self.confidence = None, 1.0

    @property
    def lost(self):
        return self.confidence < self.lost_below

    def start(self, frame, box):
        """Takes the target from the first frame, `(height, width, 3)` in [0, 1] or uint8, and its box x, y, w, h."""
        frame, box = check_start(frame, box)
        self._target = Target(box, frame.shape[1::-1])
        side = self.geometry.crop_side(self._target.extent)
        template = crop_images(frame, self._target.center[None], [side], self.geometry.template_size, [0.0])
        self._template = ops.convert_to_numpy(self._tower.predict_on_batch(template))
        self.confidence = 1.0
        self.box = self._target.box()

    def update(self, frame):
        """The bounding box in the next frame, `(4,)` float32."""
        if self.box is None:
            raise ValueError("Call `start(frame, box)` before `update(frame)`.")
        target = self._target
        frame = check_frame(frame, target.frame_size[::-1].astype(int))
        side = self.geometry.crop_side(target.extent) * self.geometry.search_size / self.geometry.template_size
        sides, angles = side * self._scales, target.angle + self._angles
        maps = self._score_maps(frame, sides, angles)
        chosen, (row, column) = self._best(maps)
        self.confidence = float(np.exp(-np.logaddexp(0, -maps[chosen].max())))
        offset = (np.array([column, row]) - (self.geometry.cells - 1) / 2) * self.geometry.stride
        target.move(to_frame(offset, target.center, sides[chosen], self.geometry.search_size, angles[chosen]))
        if self.confidence >= min(self.lost_below, 0.5):  # keeps the size while the target is not visible
            target.angle = angles[chosen]
            target.resize(1 + self.scale_rate * (self._scales[chosen] - 1))
        self.box = target.box()
        return self.box.copy()

    def _score_maps(self, frame, sides, angles):
        """Score maps of all candidate scales and angles, `(candidates, cells, cells)` float64."""
        centers = np.repeat(self._target.center[None], len(sides), axis=0)
        searches = crop_images(frame, centers, sides, self.geometry.search_size, angles)
        template = np.repeat(self._template, len(sides), axis=0)
        maps = np.asarray(ops.convert_to_numpy(self._search_model.predict_on_batch([template, searches])), "float64")
        if not np.isfinite(maps).all():
            raise ValueError("The model returns NaN or infinite scores. Check its weights.")
        return maps

    def _best(self, maps):
        """Index of the best map, and the (row, column) of its best position, between cells."""
        scores = maps - maps.min()  # positive, so that a factor below 1 is a penalty
        scores[1:] *= self.scale_penalty
        chosen = int(scores.max(axis=(1, 2)).argmax())
        scores = scores[chosen] / max(scores[chosen].max(), 1e-9)
        scores = (1 - self.window) * scores + self.window * self._cosine_window
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        return chosen, (row + parabola_vertex(scores[:, column], row), column + parabola_vertex(scores[row], column))


class Track(NamedTuple):
    """Result of `track`.

    Attributes:
        boxes: Bounding box in each frame, `(n, 4)` float32; the first is the given one.
        confidence: Confidence of the tracker in each frame, `(n,)` float32.
        frames_per_second: Speed of the tracker, without reading the frames.
    """

    boxes: np.ndarray
    confidence: np.ndarray
    frames_per_second: float


def track(tracker, frames, box=None):
    """Tracks an object through all frames of a video.

    Args:
        tracker: An object with `start(frame, box)`, `update(frame)` and `confidence`: a `Tracker` or a baseline.
        frames: A `tracking.Video`, or any iterable of frames `(height, width, 3)`, such as a camera stream.
        box: Bounding box x, y, width, height in the first frame; None for the first box of a `Video`.

    Returns:
        `Track`.
    """
    if isinstance(frames, (str, os.PathLike)):
        raise ValueError(f"`frames` must be a video. Received: a path; use `tracking.video_folder({str(frames)!r})`.")
    if box is None and isinstance(frames, Video):
        box = frames.boxes[0]
    if box is None or np.isnan(np.asarray(box, float)).all():
        raise ValueError("`box` must be the bounding box of the target in the first frame. Received: no box.")
    boxes, confidence, seconds = [], [], []
    for index, frame in enumerate(frames):
        if index == 0:
            tracker.start(frame, box)
            boxes.append(np.reshape(box, 4))
        else:
            begin = time.perf_counter()
            boxes.append(tracker.update(frame))
            seconds.append(time.perf_counter() - begin)
        confidence.append(tracker.confidence)
    if not boxes:
        raise ValueError("`frames` must contain at least one frame.")
    timed = seconds[1:] or seconds  # the first update also traces and compiles
    rate = len(timed) / sum(timed) if timed else float("nan")
    return Track(np.array(boxes, "float32"), np.array(confidence, "float32"), rate)


def check_start(frame, box):
    """The first frame as `(height, width, 3)` float32, and its box as `(4,)` float64."""
    frame = check_frame(frame)
    return frame, check_boxes_in_frame(np.atleast_2d(box), 1, frame.shape[:2], "box")[0].astype("float64")


def _split(model):
    """The tower, and a model from `[template embeddings, search images]` to score maps: one embeds a template once."""
    (tower,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    template, search = model.input["template"].shape[1:], model.input["search"].shape[1:]
    inputs = [keras.Input(tower.compute_output_shape((1, *template))[1:]), keras.Input(search)]
    return tower, keras.Model(inputs, model.get_layer("score_map")([inputs[0], tower(inputs[1])]))


def parabola_vertex(values, peak):
    """Offset of the vertex of the parabola through a maximum and its two neighbours, from -0.5 to 0.5."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, center, after = values[peak - 1 : peak + 2]
    curvature = before - 2 * center + after
    return 0.0 if curvature >= 0 else float(np.clip((before - after) / (2 * curvature), -0.5, 0.5))
