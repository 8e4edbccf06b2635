"""A tracker whose template is learned online: ridge regression on the embeddings of the frames seen so far."""

import math

import numpy as np
import scipy.linalg
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view

from siamkeras._validation import check_number
from siamkeras.applications.tracking.crops import crop_images, to_frame
from siamkeras.applications.tracking.geometry import crop_side
from siamkeras.applications.tracking.target import Target
from siamkeras.applications.tracking.tracker import check_start, parabola_vertex
from siamkeras.applications.tracking.video import check_frame

# Views of the first frame, which is all that the first template is fitted to: offset of the target in cells, rotation
# in degrees, scale.
VIEWS = (
    (0, 0, 0, 1), (0, 0, 0, 1), (0, 0, 10, 1), (0, 0, -10, 1), (1.5, 0, 0, 1), (-1.5, 0, 0, 1), (0, 1.5, 0, 1),
    (0, -1.5, 0, 1), (1, 1, 5, 1.05), (-1, -1, -5, 0.95),
)  # fmt: skip


class RidgeTemplate:
    """A discriminative correlation filter on maps of embeddings: fitted to score 1 at the target and 0 elsewhere.

    `minimise over f: sum over positions i of w_i (x_i . f - y_i)^2 + ridge * mean(x^2) * |f|^2`

    x_i are the embeddings of `size x size` neighbouring cells, and `y_i = exp(-d_i^2 / (2 width^2))` for a position
    that is d_i cells from the target. The template of SiamFC, the embedding of the target, scores high on everything
    that resembles the target; this filter also learns low scores for the surroundings of the target. The solution needs
    only the sums of `w x x'` and `w x y`; the filter keeps a moving average of them.

    Args:
        size: Width and height in cells.
        width: Standard deviation of y in cells.
        ridge: Weight of the penalty.
        target_weight: w is `1 + target_weight * y`, since few positions are close to the target.
        first: Weight of the first frame, whose box is given, from 0 to 1; the moving average has the remaining weight.

    Reference: Valmadre et al. (2017), https://arxiv.org/abs/1704.06036, who use Fourier transforms
    """

    def __init__(self, size=5, width=0.8, ridge=0.01, target_weight=20.0, first=0.3):
        self.size, self.width, self.ridge = size, width, ridge
        self.target_weight, self.first = target_weight, first

    def start(self, maps, offsets):
        """Fits the filter to maps of the first frame.

        Args:
            maps: Embeddings `(n, cells, cells, channels)`.
            offsets: Position (x, y) of the target from the centre of each map in cells, `(n, 2)`.
        """
        sums = [self._sums(*each) for each in zip(self._windows(maps), offsets, strict=True)]
        self._first = self._moving = tuple(np.mean(each, axis=0) for each in zip(*sums, strict=True))
        self._solve()
        self.first_filter = self.filter

    def scores(self, maps, first=False):
        """Scores of all positions in maps `(n, cells, cells, channels)`, `(n, positions, positions)`.

        With `first`, the scores are those of the filter of the first frame.
        """
        windows = self._windows(maps)
        side = math.isqrt(windows.shape[1])
        return (windows @ (self.first_filter if first else self.filter)).reshape(-1, side, side)

    def update(self, single_map, offset, rate):
        """Moves the average towards one map `(cells, cells, channels)` by `rate`, and fits the filter again."""
        sums = self._sums(self._windows(single_map[None])[0], offset)
        self._moving = tuple(old + rate * (new - old) for old, new in zip(self._moving, sums, strict=True))
        self._solve()

    def _windows(self, maps):
        """Embeddings of the cells at each position, `(n, positions^2, channels * size^2)`."""
        windows = sliding_window_view(maps, (self.size, self.size), axis=(1, 2))
        return windows.reshape(len(windows), windows.shape[1] ** 2, -1)

    def _sums(self, windows, offset):
        """Weighted means of `x x'` and `x y` over the positions of one map."""
        side = math.isqrt(len(windows))
        place = np.arange(side) - (side - 1) / 2
        squares = (place[None, :] - offset[0]) ** 2 + (place[:, None] - offset[1]) ** 2
        y = np.exp(-squares / (2 * self.width**2)).astype("float32").ravel()
        weights = 1 + np.float32(self.target_weight) * y
        weighted = windows * (weights / weights.sum())[:, None]
        return windows.T @ weighted, weighted.T @ y

    def _solve(self):
        products, targets = (
            self.first * first + (1 - self.first) * moving
            for first, moving in zip(self._first, self._moving, strict=True)
        )
        diagonal = np.diag_indices(len(products))
        products[diagonal] += self.ridge * products[diagonal].mean()
        self.filter = scipy.linalg.solve(products, targets, assume_a="pos", overwrite_a=True, check_finite=False)


class RidgeTracker:
    """Tracks one object with a `RidgeTemplate`; box and template are updated while the confidence is above a limit.

    The methods are those of `Tracker`: `start(frame, box)`, then `update(frame)` for each following frame. A square
    around the last position is searched, in every second frame at three scales. Another scale than the last one is
    chosen only if its score is clearly higher; a cosine window prefers positions near the last one.

    Args:
        tower: A fully-convolutional tower, `(batch, height, width, 3)` -> maps of embeddings of unit length.
        template: `RidgeTemplate`; None for its defaults.
        window: Weight of the cosine window, from 0 to below 1.
        scale_step: Ratio of neighbouring scales, from 1 (one scale) to 2.
        rate: Update of the template per frame, from 0 (never) to 1.
        update_above: Confidence above which box and template are updated. Otherwise both stay as they are, so
            that a target that reappears near the place where it was hidden can be found again.
        lost_below: Confidence below which the target counts as lost. On synthetic validation videos, 95 % of the boxes
            with an IoU above 0.5 are above the default.

    Attributes:
        box: Current bounding box, `(4,)` float32, clipped to the frame; None before `start`.
        confidence: Geometric mean of the scores of the current filter and of that of the first frame: about 1 for the
            target as in the first frame, 0 elsewhere; 1 after `start`. The first filter is never updated and cannot
            drift.
        lost: Whether `confidence` is below `lost_below`. The box is then a guess.
    """

    search_size = 192  # pixels
    search_ratio, context = 3.0, 0.25  # side of the search image relative to the box with this margin; see `Geometry`
    other_scales = 0.97  # factor on the scores of other scales than the last one
    scale_rate = 0.6  # fraction of a change of scale that is applied
    frames_per_scale, frames_per_update = 2, 3

    def __init__(self, tower, template=None, window=0.2, scale_step=1.04, rate=0.02, update_above=0.25, lost_below=0.3):
        self.template = RidgeTemplate() if template is None else template
        self.window = check_number("window", window, minimum=0, below=1)
        self.rate = check_number("rate", rate, minimum=0, maximum=1)
        self.update_above = check_number("update_above", update_above)
        self.lost_below = check_number("lost_below", lost_below, minimum=0, maximum=1)
        step = check_number("scale_step", scale_step, minimum=1, maximum=2)
        self._scales = [1.0, *sorted({step, 1 / step} - {1.0})]
        self._tower = tower
        cells = [tower.compute_output_shape((1, side, side, 3))[1] for side in (self.search_size, 2 * self.search_size)]
        self._stride = self.search_size / (cells[1] - cells[0])
        self.box, self.confidence = None, 1.0

    @property
    def lost(self):
        return self.confidence < self.lost_below

    def start(self, frame, box):
        """Takes the target from the first frame, `(height, width, 3)` in [0, 1] or uint8, and its box x, y, w, h."""
        frame, box = check_start(frame, box)
        self._target, self._frames = Target(box, frame.shape[1::-1]), 0
        views = np.array(VIEWS)
        offsets, angles, sides = views[:, :2], np.radians(views[:, 2]), views[:, 3] * self._side()
        centers = [
            to_frame(-offset * self._stride, self._target.center, side, self.search_size, angle)
            for offset, side, angle in zip(offsets, sides, angles, strict=True)
        ]
        self.template.start(self._embed(frame, centers, sides, angles), offsets)
        self.confidence, self.box = 1.0, self._target.box()

    def update(self, frame):
        """The bounding box in the next frame, `(4,)` float32."""
        if self.box is None:
            raise ValueError("Call `start(frame, box)` before `update(frame)`.")
        target, self._frames = self._target, self._frames + 1
        frame = check_frame(frame, target.frame_size[::-1].astype(int))
        scales = np.array(self._scales if self._frames % self.frames_per_scale == 0 else self._scales[:1])
        sides = self._side() * scales
        maps = self._embed(frame, [target.center] * len(sides), sides, np.zeros(len(sides)))
        scores = self.template.scores(maps)
        chosen = int((scores.max(axis=(1, 2)) * np.where(scales == 1, 1, self.other_scales)).argmax())
        (row, column), offset = self._best(scores[chosen])
        first = self.template.scores(maps[chosen][None], first=True)[0]
        self.confidence = math.sqrt(max(scores[chosen, row, column], 0) * max(first[row, column], 0))
        if self.confidence > self.update_above:
            target.move(to_frame(offset * self._stride, target.center, sides[chosen], self.search_size))
            target.resize(1 + self.scale_rate * (scales[chosen] - 1))
            if self.rate and self._frames % self.frames_per_update == 0:
                self.template.update(maps[chosen], offset, 1 - (1 - self.rate) ** self.frames_per_update)
        self.box = target.box()
        return self.box.copy()

    def _best(self, scores):
        """Row and column of the best position, and its offset (x, y) from the centre in cells, between cells."""
        side = len(scores)
        cosine = np.hanning(side + 2)[1:-1]  # without its ends, which are 0
        weighted = (1 - self.window) * scores / max(scores.max(), 1e-6) + self.window * np.outer(cosine, cosine)
        row, column = np.unravel_index(weighted.argmax(), weighted.shape)
        place = column + parabola_vertex(weighted[row], column), row + parabola_vertex(weighted[:, column], row)
        return (row, column), np.array(place) - (side - 1) / 2

    def _side(self):
        """Side of the search square in pixels of the frame."""
        return self.search_ratio * crop_side(self._target.extent, self.context)

    def _embed(self, frame, centers, sides, angles):
        """Maps of embeddings of squares of the frame, `(n, cells, cells, channels)`."""
        crops = crop_images(frame, centers, sides, self.search_size, angles)
        maps = ops.convert_to_numpy(self._tower.predict_on_batch(crops))
        if not np.isfinite(maps).all():
            raise ValueError("The tower returns NaN or infinite embeddings. Check its weights.")
        return maps
