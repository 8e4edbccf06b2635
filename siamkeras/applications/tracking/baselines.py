"""Baseline trackers: a box that does not move, and template matching by normalised cross-correlation."""

import numpy as np

from siamkeras._validation import check_number
from siamkeras.applications.tracking.tracker import check_start
from siamkeras.applications.tracking.video import check_frame

TOLERANCE = 1e-5  # smaller differences of correlations are rounding errors


class NoMotion:
    """Returns the box of the first frame in every frame; has the methods of `tracking.Tracker`."""

    confidence = 1.0

    def start(self, frame, box):
        _, self.box = check_start(frame, box)

    def update(self, frame):
        return self.box.copy()


class TemplateMatching:
    """Normalised cross-correlation of a colour patch with the frame, pixel by pixel.

    The box keeps its size; it moves only if another position correlates better. Needs scikit-image. The success AUC of
    the defaults is within 0.001 of the best of 26 settings on `synthetic_videos(16, seed=100)`.

    Args:
        search: Width and height of the searched region relative to the box, at least 1; None searches the whole frame.
        template_update: Rate at which the patch is replaced by that of the current frame, from 0 to 1.

    Attributes:
        confidence: Correlation at the current position, from -1 to 1.

    Reference: Lewis (1995), Fast Normalized Cross-Correlation; `skimage.feature.match_template`.
    """

    def __init__(self, search=2.0, template_update=0.1):
        self.search = None if search is None else check_number("search", search, minimum=1)
        self.template_update = check_number("template_update", template_update, minimum=0, maximum=1)

    def start(self, frame, box):
        """Takes the patch in the box of the first frame."""
        frame, box = check_start(frame, box)
        self.confidence = 1.0
        self._frame_size = np.array(frame.shape[1::-1])  # width, height
        low = np.clip(np.rint(box[:2]), 0, self._frame_size - 1).astype(int)
        high = np.clip(np.rint(box[:2] + box[2:]), low + 1, self._frame_size).astype(int)
        self._corner, self._extent = low, high - low
        # The box may lie between pixels and extend beyond the frame; the patch does not.
        self._box_size, self._offset = box[2:], box[:2] - low
        self._patch = self._patch_at(frame, low)
        if np.ptp(self._patch) == 0:
            raise ValueError(f"The correlation with a patch of one colour is undefined. Received: box {box.tolist()}.")

    def update(self, frame):
        """The box in the next frame, `(4,)`."""
        frame = check_frame(frame, self._frame_size[::-1])
        first, last = np.zeros(2, int), self._frame_size
        if self.search is not None:
            room = np.rint((self.search - 1) * self._extent / 2).astype(int)
            first = np.maximum(self._corner - room, 0)
            last = np.minimum(self._corner + self._extent + room, self._frame_size)
        scores = self._correlate(frame[first[1] : last[1], first[0] : last[0]])
        column, row = self._corner - first
        if scores[row, column] < scores.max() - TOLERANCE:
            row, column = np.unravel_index(scores.argmax(), scores.shape)
        self.confidence = float(np.clip(scores[row, column], -1, 1))
        self._corner = first + [column, row]
        self._patch += np.float32(self.template_update) * (self._patch_at(frame, self._corner) - self._patch)
        return np.concatenate([self._corner + self._offset, self._box_size])

    def _correlate(self, region):
        """Correlation at each position of the patch in a region."""
        from skimage.feature import match_template

        # Interleaved colours form a grey image three times as wide, of which every third column is a position: the same
        # correlations in a third of the time. In float32, sums of squares of a nearly flat region would round to 0.
        grey = [pixels.reshape(len(pixels), -1).astype("float64") for pixels in (region, self._patch)]
        return match_template(*grey)[:, ::3]

    def _patch_at(self, frame, corner):
        (x, y), (width, height) = corner, self._extent
        return frame[y : y + height, x : x + width].copy()
