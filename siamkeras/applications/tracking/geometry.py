"""Sizes of template and search images, and the position of score-map cells in a search image."""

from dataclasses import dataclass

import numpy as np

from siamkeras._validation import check_integer, check_number


@dataclass(frozen=True)
class Geometry:
    """Image sizes, stride and label radius shared by the model, the generators and the tracker.

    Args:
        template_size: Side of a template image in pixels.
        search_size: Side of a search image in pixels, larger than the template by an even number of strides.
        stride: Pixels of the search image from one cell of the score map to the next: the stride of the tower.
        radius: Cells at most this many pixels from the centre of the target have label 1.
        context: Margin around the bounding box on each side, as a fraction of the mean of its width and height.
    """

    template_size: int = 64
    search_size: int = 128
    stride: int = 4
    radius: float = 8.0
    context: float = 0.25

    def __post_init__(self):
        for name in ("template_size", "search_size", "stride"):
            check_integer(name, getattr(self, name), 1)
        _check_center(self.template_size, self.search_size, (self.search_size - self.template_size) / self.stride + 1)
        # With a smaller radius, a target between four cells would have no cell with label 1.
        check_number("radius", self.radius, minimum=self.stride / 2**0.5)
        check_number("context", self.context, minimum=0)

    @classmethod
    def from_model(cls, model, **options):
        """The geometry of a model from `tracking.siamfc`; `options` are `radius` and `context`."""
        sizes = {tensor.name: tensor.shape[1] for tensor in model.inputs}
        if set(sizes) != {"template", "search"}:
            raise ValueError(f"Expected a model of `tracking.siamfc`. Received: a model with inputs {sorted(sizes)}.")
        template, search, cells = sizes["template"], sizes["search"], model.output_shape[1]
        _check_center(template, search, cells)
        return cls(template, search, (search - template) // (cells - 1), **options)

    @property
    def cells(self):
        """Cells on each side of the score map."""
        return (self.search_size - self.template_size) // self.stride + 1

    def cell_positions(self):
        """Position of each cell along one axis, in pixels from the centre of the search image, `(cells,)` float32."""
        return ((np.arange(self.cells) - (self.cells - 1) / 2) * self.stride).astype("float32")

    def target_cells(self, offset):
        """Booleans `(cells, cells)`, see `label_map`; `offset` is a NumPy array or a TensorFlow tensor `(2,)`."""
        positions = self.cell_positions()
        right, down = positions[None, :] - offset[0], positions[:, None] - offset[1]
        return right**2 + down**2 <= self.radius**2

    def label_map(self, offset=(0.0, 0.0)):
        """Labels of the cells of a score map: 1 within `radius` of the target's centre, 0 elsewhere.

        Args:
            offset: Position (x, y) of the target's centre, in pixels to the right of and below that of the search
                image.

        Returns:
            `(cells, cells)` float32.

        >>> from siamkeras.applications import tracking
        >>> geometry = tracking.Geometry(search_size=80, stride=4, radius=4)
        >>> print(geometry.label_map(offset=(4, 0)))  # one cell to the right
        [[0. 0. 0. 0. 0.]
         [0. 0. 0. 1. 0.]
         [0. 0. 1. 1. 1.]
         [0. 0. 0. 1. 0.]
         [0. 0. 0. 0. 0.]]

        Reference: Bertinetto et al. (2016), equation 4, https://arxiv.org/abs/1606.09549
        """
        return np.asarray(self.target_cells(np.asarray(offset, "float32")), "float32")

    def crop_side(self, box_size):
        """Side of the square that shows a box and its margin as a template image, in pixels of the frame."""
        return crop_side(box_size, self.context)


def crop_side(box_size, context):
    """Side of a square with a box and its margin: `sqrt((w + m) * (h + m))` with `m = context * (w + h)`.

    `box_size` is (w, h), `(..., 2)`, NumPy or TensorFlow. Bertinetto et al. (2016), section 3.1, use a context of 0.5.
    """
    width, height = box_size[..., 0], box_size[..., 1]
    margin = context * (width + height)
    return ((width + margin) * (height + margin)) ** 0.5


def _check_center(template, search, cells):
    if search <= template or cells < 3 or cells % 2 != 1 or (search - template) % (cells - 1):
        raise ValueError(
            "`search_size` must exceed `template_size` by an even number of strides, so that the score map has a "
            f"centre cell. Received: template_size={template}, search_size={search}, {cells:g} cells."
        )
