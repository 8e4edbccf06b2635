"""Tracking: how well do the boxes that were found lie on the true ones, frame by frame?"""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.applications.tracking.video import checked_boxes
from siamkeras.evaluation import _tables as tables
from siamkeras.evaluation._bootstrap import mean_intervals

# As in the benchmark: overlaps 0, 0.05 ... 1, distances 0, 1 ... 50 pixels, and the one that is quoted.
OVERLAPS = np.arange(21) / 20
PIXELS = np.arange(51)
QUOTED = 20
# An interval over fewer videos would rest on hardly more than its ends.
FEWEST_VIDEOS = 5


class Tracking(NamedTuple):
    """How well an object was followed, as OTB measures it: one pass, started with the true box of the first frame.

    Attributes:
        auc: Mean of the success curve, the area under it. A tracker that makes no error has 20 / 21 = 0.952, since no
            overlap is above the last threshold, 1.
        precision: Share of the frames in which the middle of the box is at most 20 pixels from the true one.
        interval: `{"auc": (low, high), "precision": (low, high)}`, bootstrap 95 % intervals over videos; empty for
            fewer than five videos.
        thresholds: Of overlap, `(21,)`, from 0 to 1.
        success: Share of the frames whose overlap is above each threshold, `(21,)`, mean over videos.
        pixels: Distances, `(51,)`, from 0 to 50 pixels.
        precisions: Share of the frames whose middle is at most so far off, `(51,)`, mean over videos.
        per_video: `{"auc": (v,), "precision": (v,)}`, of which `auc` and `precision` are the means.
        names: Names of the videos, `(v,)`; numbers where none were given.
        overlaps: A list: the overlap in each frame, `(n,)`; NaN where there is no true box.
        errors: A list: the distance of the middles in pixels, `(n,)`; infinite where no box was found, NaN where there
            is no true one.
    """

    auc: float
    precision: float
    interval: dict
    thresholds: np.ndarray
    success: np.ndarray
    pixels: np.ndarray
    precisions: np.ndarray
    per_video: dict
    names: tuple
    overlaps: list
    errors: list

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        frames = sum(int(np.sum(~np.isnan(each))) for each in self.overlaps)
        return {
            "success AUC": f"{self.auc:.3f}{tables.interval(self, 'auc', 1, 3)}",
            f"precision {QUOTED} px": f"{self.precision:.1%}{tables.interval(self, 'precision', 100, 1)}",
            "videos": f"{len(self.overlaps)}",
            "frames": f"{frames:,}",
        }


def tracking(found, true, resamples=1000, seed=0):
    """Measures how well boxes that were found lie on the true ones, as OTB does in one pass.

    Two numbers for each frame: the overlap of both boxes, and the distance of their middles. Success is the share of
    frames whose overlap is above a threshold, a curve over thresholds; precision the share whose middle is at most so
    many pixels off. The first frame, whose box was given, counts, as in the benchmark. Frames without a true box are
    left out; a frame in which no box was found, a row of NaN, is a failure at any threshold.

    ```python
    evaluation.tracking(tracking.follow(tracker, video).boxes, video.boxes)
    evaluation.tracking({video.name: tracking.follow(tracker, video).boxes for video in videos},
                        {video.name: video.boxes for video in videos})
    ```

    Args:
        found: Boxes x, y, width, height, `(n, 4)`; of several videos a list of these, or `{name: boxes}`.
        true: The true boxes, in the same form.
        resamples: How many times videos are drawn again; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Returns:
        `Tracking`; of several videos the mean, in which each video counts as much as any other.

    Raises:
        ValueError: lengths or names that differ; what are no boxes; a video without any true box.

    >>> from siamkeras import evaluation
    >>> report = evaluation.tracking([[0, 0, 10, 10], [5, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 10, 10]])
    >>> round(report.auc, 3), report.precision
    (0.643, 1.0)

    Overlaps of 1 and 1/3: the first is above 20 of 21 thresholds, the second above 7 (0 to 0.3); 27 / 42 = 0.643.

    Reference: Wu, Lim and Yang, Object Tracking Benchmark, https://doi.org/10.1109/TPAMI.2014.2388226
    """
    check_integer("resamples", resamples, 0)
    names, pairs = _paired(found, true)
    overlaps, errors, success, precisions = [], [], [], []
    for name, of_found, of_true in pairs:
        of_true = checked_boxes(of_true, name=f"true of {name}")
        of_found = checked_boxes(of_found, len(of_true), name=f"found of {name}")
        known = ~np.isnan(of_true[:, 0])
        if not known.any():
            raise ValueError(f"A video needs at least one true box. Received: {len(known)} rows of NaN for {name}.")
        overlaps.append(np.where(known, np.nan_to_num(overlap(of_found, of_true)), np.nan))
        errors.append(np.where(known, np.nan_to_num(_apart(of_found, of_true), nan=np.inf), np.nan))
        success.append(np.mean(overlaps[-1][known, None] > OVERLAPS, axis=0))
        precisions.append(np.mean(errors[-1][known, None] <= PIXELS, axis=0))
    success, precisions = np.array(success), np.array(precisions)
    per_video = {"auc": success.mean(axis=1), "precision": precisions[:, QUOTED]}
    return Tracking(
        auc=float(per_video["auc"].mean()),
        precision=float(per_video["precision"].mean()),
        interval=_intervals(per_video, resamples, seed),
        thresholds=OVERLAPS.copy(),
        success=success.mean(axis=0),
        pixels=PIXELS.copy(),
        precisions=precisions.mean(axis=0),
        per_video=per_video,
        names=names,
        overlaps=overlaps,
        errors=errors,
    )


def overlap(left, right):
    """Overlap of boxes, the area that both cover over the area that either covers: 0 apart, 1 the same.

    Args:
        left: Boxes x, y, width, height, `(n, 4)`.
        right: Boxes, `(n, 4)`; `right[i]` is compared with `left[i]`.

    Returns:
        `(n,)` in [0, 1]; NaN where one of the two boxes is a row of NaN.

    Raises:
        ValueError: what are no boxes; lengths that differ.

    >>> from siamkeras import evaluation
    >>> evaluation.overlap([[0, 0, 4, 4]], [[2, 0, 4, 4]]).round(3).tolist()  # 8 of 24 pixels
    [0.333]
    """
    left, right = checked_boxes(left, name="left"), checked_boxes(right, name="right")
    if len(left) != len(right):
        raise ValueError(f"Every box needs another. Received: {len(left)} on the left, {len(right)} on the right.")
    left, right = left.astype("float64"), right.astype("float64")
    low = np.maximum(left[:, :2], right[:, :2])
    high = np.minimum(left[:, :2] + left[:, 2:], right[:, :2] + right[:, 2:])
    both = np.maximum(high - low, 0).prod(axis=1)
    return both / (left[:, 2:].prod(axis=1) + right[:, 2:].prod(axis=1) - both)


def _apart(left, right):
    """Distance of the middles in pixels, `(n,)`."""
    left, right = (boxes[:, :2].astype("float64") + boxes[:, 2:] / 2 for boxes in (left, right))
    return np.hypot(*(left - right).T)


def _paired(found, true):
    """Names, and `(name, found, true)` of each video."""
    if isinstance(found, dict) or isinstance(true, dict):
        if not isinstance(found, dict) or not isinstance(true, dict) or set(found) != set(true) or not found:
            raise ValueError(
                "`found` and `true` must name the same videos, at least one. Received: "
                f"{_told(found)} and {_told(true)}."
            )
        return tuple(found), [(repr(name), found[name], true[name]) for name in found]
    for name, boxes in (("found", found), ("true", true)):
        if not all(hasattr(boxes, attribute) for attribute in ("__len__", "__getitem__")) or isinstance(boxes, str):
            raise ValueError(
                f"`{name}` must be boxes (n, 4), a list of such, or {{name: boxes}}. Received: {type(boxes).__name__}."
            )
    single = [np.ndim(boxes[0]) == 1 if len(boxes) else True for boxes in (found, true)]
    if all(single):
        return (0,), [("the video", found, true)]
    if any(single) or len(found) != len(true):
        raise ValueError(
            "`found` and `true` must both be the boxes of one video, or lists of the boxes of equally many. Received: "
            f"{_told(found)} and {_told(true)}."
        )
    return tuple(range(len(true))), [
        (f"video {place}", *both) for place, both in enumerate(zip(found, true, strict=True))
    ]


def _told(boxes):
    if isinstance(boxes, dict):
        return f"{sorted(map(str, boxes))}"
    return f"one video, {len(boxes)} frames" if np.ndim(boxes[0]) == 1 else f"{len(boxes)} videos"


def _intervals(per_video, resamples, seed):
    """`{name: (low, high)}`; videos are drawn again, as a whole."""
    values = np.stack(list(per_video.values()), axis=1)
    if len(values) < FEWEST_VIDEOS:
        return {}
    return dict(zip(per_video, mean_intervals(values, resamples, seed), strict=False))
