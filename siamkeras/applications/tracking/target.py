"""Position, size and rotation of a tracked target, and its bounding box."""

import math

import numpy as np


class Target:
    """A target as a rotated ellipse that fits the box of the first frame.

    Args:
        box: Bounding box x, y, width, height in the first frame.
        frame_size: Width and height of the frames.

    Attributes:
        center: (x, y) in pixels of the frame, `(2,)`.
        extent: Width and height without rotation, `(2,)`.
        angle: Rotation in radians since the first frame.
    """

    size_limits = 0.2, 5.0  # relative to the first box

    def __init__(self, box, frame_size):
        self.frame_size = np.array(frame_size, "float64")
        self.center, self.extent, self.angle = box[:2] + box[2:] / 2, box[2:].copy(), 0.0
        self._first_extent = box[2:].copy()

    def move(self, center):
        """Moves the centre, within the frame."""
        self.center = np.clip(center, 0, self.frame_size)

    def resize(self, factor):
        """Scales the size, within `size_limits` and the frame."""
        smallest, largest = (limit * self._first_extent for limit in self.size_limits)
        low, high = (smallest / self.extent).max(), (np.minimum(largest, self.frame_size) / self.extent).min()
        bound = np.clip(factor, low, high)
        self.extent = self.extent * min(bound, max(factor, 1.0))

    def box(self):
        """Bounding box of the rotated ellipse, clipped to the frame, `(4,)` float32."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        extent = np.sqrt(np.square([[cosine, sine], [sine, cosine]]) @ np.square(self.extent))
        low = np.clip(self.center - extent / 2, 0, self.frame_size - 1)
        high = np.clip(self.center + extent / 2, low + 1, self.frame_size)
        return np.concatenate([low, high - low]).astype("float32")
