"""Evaluation of trackers: success and precision as in OTB, several starts and robustness as in VOT."""

from typing import NamedTuple

import numpy as np

from siamkeras.applications.tracking.video import check_boxes
from siamkeras.evaluation._bootstrap import mean_intervals
from siamkeras.evaluation._tables import as_table, interval

# The thresholds of the benchmark.
IOU_THRESHOLDS = np.arange(21) / 20
REPORTED_PIXELS = 20
# A failure in VOT: this IoU is not exceeded in so many successive frames.
FAILURE_IOU, FAILURE_FRAMES = 0.1, 10
MIN_VIDEOS, RESAMPLES = 5, 1000  # of an interval


@as_table
class TrackingReport(NamedTuple):
    """Success, precision and robustness of a tracker.

    Attributes:
        auc: Success AUC, the mean of the success plot; 20 / 21 = 0.952 for perfect boxes, since no IoU exceeds the last
            threshold, 1.
        precision: Fraction of frames with a centre error of at most 20 pixels.
        robustness: Fraction of frames before the first failure: an IoU of at most 0.1 in ten successive frames.
        interval: Bootstrap 95 % intervals over videos, `{"auc": (low, high), ...}` also for "precision" and
            "robustness"; empty for fewer than five videos.
        success: Fraction of frames with an IoU above each of the thresholds 0, 0.05, ..., 1, `(21,)`.
        per_video: `{"auc": (videos,), ...}`, also for "precision" and "robustness".
        names: Names of the videos.
        ious: IoU in each frame, one array per video, all its runs in sequence: 0 where a predicted box is missing, NaN
            without annotation.
    """

    auc: float
    precision: float
    robustness: float
    interval: dict
    success: np.ndarray
    per_video: dict
    names: tuple
    ious: list

    def minus(self, other, measure="auc"):
        """A measure minus that of another report of the same videos, with a paired interval over videos.

        Args:
            other: `TrackingReport` of another tracker.
            measure: "auc", "precision" or "robustness".

        Returns:
            `(difference, (low, high))`, with the ends of the 95 % bootstrap interval.
        """
        if self.names != other.names or len(self.names) < MIN_VIDEOS:
            raise ValueError(
                f"Both reports must be of the same videos, at least {MIN_VIDEOS}. "
                f"Received: {list(self.names)} and {list(other.names)}."
            )
        gains = self.per_video[measure] - other.per_video[measure]
        return float(gains.mean()), mean_intervals(gains[:, None], RESAMPLES, seed=0)[0]

    def columns(self):
        """One row for `evaluation.table`: `{heading: text}`."""
        frames = sum(int(np.sum(~np.isnan(ious))) for ious in self.ious)
        return {
            "success AUC": f"{self.auc:.3f}{interval(self, 'auc', 1, 3)}",
            f"precision {REPORTED_PIXELS} px": f"{self.precision:.1%}{interval(self, 'precision', 100, 1)}",
            "robustness": f"{self.robustness:.1%}{interval(self, 'robustness', 100, 1)}",
            "videos": f"{len(self.ious)}",
            "frames": f"{frames:,}",
        }


def evaluate(predicted, truth):
    """Success and precision of predicted boxes, as in OTB, and robustness, as in VOT.

    Success is the fraction of frames whose IoU with the true box exceeds a threshold; precision is the fraction whose
    centre error is at most a number of pixels; robustness the fraction of frames before the first failure. The first
    frame counts. Frames without a true box are skipped; a missing predicted box, a row of NaN, is wrong at every
    threshold.

    Args:
        predicted: Boxes x, y, width, height, `(n, 4)`; for several videos `{name: boxes}`; for several runs on a video
            a list of boxes, `{name: [boxes, ...]}`.
        truth: True boxes in the same form.

    Returns:
        `TrackingReport`; means over videos, which have equal weight. All frames of all runs on a video have equal
        weight.

    >>> from siamkeras.applications import tracking
    >>> report = tracking.evaluate([[0, 0, 10, 10], [5, 0, 10, 10]], [[0, 0, 10, 10], [0, 0, 10, 10]])
    >>> round(report.auc, 3), report.precision
    (0.643, 1.0)

    The IoUs are 1, above 20 of 21 thresholds, and 1/3, above 7 (0 to 0.3): 27 / 42 = 0.643.

    Reference: Wu, Lim and Yang, Object Tracking Benchmark, https://doi.org/10.1109/TPAMI.2014.2388226; Kristan et al.
    (2020), https://doi.org/10.1007/978-3-030-68238-5_39, section 4.2
    """
    if not isinstance(predicted, dict):
        predicted, truth = {"video": predicted}, {"video": truth}
    if set(predicted) != set(truth) or not predicted:
        raise ValueError(
            "`predicted` and `truth` must have the same names, at least one. "
            f"Received: {sorted(map(str, predicted))} and {sorted(map(str, truth))}."
        )
    ious, success, precision, robustness = [], [], [], []
    for name in predicted:
        runs = [_frame_measures(*boxes, name) for boxes in zip(*_runs(predicted[name], truth[name], name), strict=True)]
        overlap, errors = (np.concatenate(each) for each in zip(*runs, strict=True))
        known = ~np.isnan(overlap)
        ious.append(overlap)
        success.append(np.mean(overlap[known, None] > IOU_THRESHOLDS, axis=0))
        precision.append(np.mean(errors[known] <= REPORTED_PIXELS))
        robustness.append(sum(_frames_before_failure(overlap) for overlap, _ in runs) / len(overlap))
    success = np.array(success)
    per_video = {
        "auc": success.mean(axis=1),
        "precision": np.array(precision),
        "robustness": np.array(robustness),
    }
    intervals = []
    if len(success) >= MIN_VIDEOS:
        intervals = mean_intervals(np.stack(list(per_video.values()), axis=1), RESAMPLES, seed=0)
    return TrackingReport(
        auc=float(per_video["auc"].mean()),
        precision=float(per_video["precision"].mean()),
        robustness=float(per_video["robustness"].mean()),
        interval=dict(zip(per_video, intervals, strict=False)),  # empty without intervals
        success=success.mean(axis=0),
        per_video=per_video,
        names=tuple(predicted),
        ious=ious,
    )


def iou(left, right):
    """Intersection over union of boxes: 0 if disjoint, 1 if equal.

    Args:
        left: Boxes x, y, width, height, `(n, 4)`.
        right: Boxes, `(n, 4)`; `right[i]` is compared with `left[i]`.

    Returns:
        `(n,)` in [0, 1]; NaN where one of the boxes is a row of NaN.

    >>> from siamkeras.applications import tracking
    >>> tracking.iou([[0, 0, 4, 4]], [[2, 0, 4, 4]]).round(3).tolist()  # 8 of 24 pixels
    [0.333]
    """
    left = check_boxes(left, name="left").astype("float64")
    right = check_boxes(right, len(left), name="right").astype("float64")
    low = np.maximum(left[:, :2], right[:, :2])
    high = np.minimum(left[:, :2] + left[:, 2:], right[:, :2] + right[:, 2:])
    intersection = np.maximum(high - low, 0).prod(axis=1)
    return intersection / (left[:, 2:].prod(axis=1) + right[:, 2:].prod(axis=1) - intersection)


def _runs(predicted, truth, name):
    """Predicted and true boxes as lists with one `(n, 4)` per run."""
    if isinstance(predicted, list) and np.ndim(predicted[0]) == 2:
        if len(predicted) != len(truth):
            raise ValueError(
                f"Every run needs true boxes. Received: {name} with {len(predicted)} runs and {len(truth)} truths."
            )
        return predicted, truth
    return [predicted], [truth]


def _frames_before_failure(ious):
    """Frames before the first `FAILURE_FRAMES` successive ones with an IoU of at most `FAILURE_IOU`."""
    low = 0
    for index, value in enumerate(ious):
        low = low + 1 if value <= FAILURE_IOU else 0
        if low == FAILURE_FRAMES:
            return index + 1 - FAILURE_FRAMES
    return len(ious)


def _frame_measures(predicted, truth, name):
    """IoU and centre error in each frame, `(n,)`; NaN without a true box."""
    truth = check_boxes(truth, name=f"truth of {name}")
    predicted = check_boxes(predicted, len(truth), name=f"predicted of {name}")
    known = ~np.isnan(truth[:, 0])
    if not known.any():
        raise ValueError(f"A video needs at least one true box. Received: none for {name}.")
    left, right = (boxes[:, :2].astype("float64") + boxes[:, 2:] / 2 for boxes in (predicted, truth))
    errors = np.hypot(*(left - right).T)
    ious = np.where(known, np.nan_to_num(iou(predicted, truth)), np.nan)
    return ious, np.where(known, np.nan_to_num(errors, nan=np.inf), np.nan)
