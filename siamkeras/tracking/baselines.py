"""What a tracker has to beat: a box that never moves, and a patch that is looked for as it is."""

import numpy as np

from siamkeras.videos import checked_frame, checked_start


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

    def start(self, frame, box):
        """Takes the box of the first frame.

        Raises:
            ValueError: a frame that is none; a box that is none, or beside the frame.
        """
        frame, self.box = checked_start(frame, box)
        self.size = frame.shape[:2]

    def update(self, frame):
        """The box in the next frame, `(4,)`: the same as in the first."""
        checked_frame(frame, self.size)
        return self.box.copy()


class TemplateMatching:
    """Normalised cross-correlation: where round the last place does a patch of the first frame fit best?

    The score of a place is the correlation of the two patches, pixel by pixel, from -1 to 1 (Lewis, Fast Normalized
    Cross-Correlation, 1995; `skimage.feature.match_template`). The box keeps its size.

    Args:
        search: How wide the part is that is searched, in boxes, at least 1; None for all of the frame.
        colour: Whether the three colours are correlated, or grey.
        update: Share of the patch that each frame renews, from 0 (it is that of the first frame for ever) to 1 (it is
            always that of the last frame).

    Attributes:
        confidence: The correlation at the place that was told last, from -1 to 1.

    Raises:
        ValueError: an argument outside its range.
    """

    def __init__(self, search=2.0, colour=True, update=0.0):
        if search is not None and (isinstance(search, (bool, str)) or not 1 <= search < np.inf):
            raise ValueError(f"`search` is a number of boxes, at least 1, or None. Received: search={search!r}.")
        if isinstance(update, (bool, str)) or not 0 <= update <= 1:
            raise ValueError(f"`update` is a share, from 0 to 1. Received: update={update!r}.")
        self.search, self.colour, self.update_share = search, colour, update
        self.confidence = 1.0
