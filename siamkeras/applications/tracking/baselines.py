"""What a tracker has to beat: a box that never moves, and a patch that is looked for as it is."""

import numpy as np

from siamkeras.applications.tracking.video import checked_frame, checked_start

# Correlations that differ by less are the same but for rounding.
ALIKE = 1e-5


class Still:
    """The box never moves: what is worth nothing scores as much as this.

    >>> import numpy as np
    >>> from siamkeras import tracking
    >>> still, frame = tracking.Still(), np.zeros((48, 64, 3))
    >>> still.start(frame, [8, 4, 16, 16])
    >>> still.update(frame).tolist()
    [8.0, 4.0, 16.0, 16.0]
    """

    confidence = 1.0
    box = None

    def start(self, frame, box):
        """Takes the box of the first frame.

        Raises:
            ValueError: a frame that is none; a box that is none, or beside the frame.
        """
        frame, self.box = checked_start(frame, box)
        self.size = frame.shape[:2]

    def update(self, frame):
        """The box in the next frame, `(4,)`: the same as in the first."""
        _check_started(self)
        checked_frame(frame, self.size)
        return self.box.copy()


class TemplateMatching:
    """Normalised cross-correlation: where round the last place does a patch of the first frame fit best?

    The score of a place is the correlation of the two patches, pixel by pixel, from -1 to 1 (Lewis, Fast Normalized
    Cross-Correlation, 1995; `skimage.feature.match_template`). The box keeps its size, and its place where no other
    fits better, as in a frame of one colour.

    Of 26 choices none does better than the defaults on `synthetic.videos(16, seed=100)` by more than 0.001 of success
    AUC: colour before grey, two boxes before all of the frame, a patch that is renewed by a tenth before one that never
    is.

    Args:
        search: How wide the part is that is searched, in boxes, at least 1; None for all of the frame.
        colour: Whether the three colours are correlated, or grey.
        update: Share of the patch that each frame renews, from 0 (it is that of the first frame for ever) to 1 (it is
            always that of the last frame).

    Attributes:
        confidence: The correlation at the place that was told last, from -1 to 1.

    Raises:
        ValueError: an argument outside its range.
        ImportError: scikit-image cannot be imported.
    """

    box = None

    def __init__(self, search=2.0, colour=True, update=0.1):
        if search is not None and not (_is_number(search) and 1 <= search < np.inf):
            raise ValueError(f"`search` is a number of boxes, at least 1, or None. Received: search={search!r}.")
        if not (_is_number(update) and 0 <= update <= 1):
            raise ValueError(f"`update` is a share, from 0 to 1. Received: update={update!r}.")
        if not isinstance(colour, (bool, np.bool_)):
            raise ValueError(f"`colour` is a choice, True or False. Received: colour={colour!r}.")
        try:
            from skimage.feature import match_template
        except ImportError as error:
            raise ImportError('Template matching needs scikit-image: pip install "siamkeras[course]"') from error
        self.correlated = match_template
        self.search, self.colour, self.update_share = search, colour, update
        self.confidence = 1.0

    def start(self, frame, box):
        """Takes the patch under the box of the first frame, as far as it lies in the frame.

        Raises:
            ValueError: a frame that is none; a box that is none, or beside the frame; a patch of one colour, with which
                nothing correlates.
        """
        frame, box = checked_start(frame, box)
        self.size, self.confidence = frame.shape[:2], 1.0
        low = np.clip(np.rint(box[:2]), 0, np.array(self.size[::-1]) - 1).astype(int)
        high = np.clip(np.rint(box[:2] + box[2:]), low + 1, self.size[::-1]).astype(int)
        self.place, self.extent = low, high - low
        # The box may lie between pixels, and beyond the rim; the patch does not.
        self.box, self.beyond = box.copy(), box[:2] - low
        self.patch = self._cut(self._pixels(frame), self.place)
        if np.ptp(self.patch) == 0:
            raise ValueError(f"A patch of one colour correlates with nothing. Received: box {box.tolist()}.")

    def update(self, frame):
        """The box in the next frame, `(4,)`."""
        _check_started(self)
        frame = self._pixels(checked_frame(frame, self.size))
        whole = np.array(self.size[::-1])
        first, last = np.zeros(2, int), whole
        if self.search is not None:
            room = np.rint((self.search - 1) * self.extent / 2).astype(int)
            first, last = np.maximum(self.place - room, 0), np.minimum(self.place + self.extent + room, whole)
        window = frame[first[1] : last[1], first[0] : last[0]]
        # Colours side by side are an image three times as wide, in which every third place is one: the same numbers as
        # with an axis for colours, in a third of the time. Where a window is all of one colour, the correlation is 0.
        # Sums of squares in float32 would leave nothing of a window that is nearly flat, and scores far above 1.
        flat = [pixels.reshape(len(pixels), -1).astype("float64") for pixels in (window, self.patch)]
        scores = self.correlated(*flat)[:, :: window.shape[2]]
        column, row = self.place - first
        if scores[row, column] < scores.max() - ALIKE:
            row, column = np.unravel_index(scores.argmax(), scores.shape)
        self.confidence = float(np.clip(scores[row, column], -1, 1))
        self.place = first + [column, row]
        self.patch += np.float32(self.update_share) * (self._cut(frame, self.place) - self.patch)
        return np.concatenate([self.place + self.beyond, self.box[2:]])

    def _pixels(self, frame):
        return frame if self.colour else frame @ np.float32([[0.2125], [0.7154], [0.0721]])

    def _cut(self, pixels, place):
        (x, y), (width, height) = place, self.extent
        return pixels[y : y + height, x : x + width].copy()


def _check_started(tracker):
    if tracker.box is None:
        raise ValueError("A tracker is started before it is updated: `start(frame, box)`. Received: no start.")


def _is_number(value):
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
