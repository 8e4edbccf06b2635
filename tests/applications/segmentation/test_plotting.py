"""The figure of episodes: images, outlines of true and predicted masks, Dice."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from siamkeras.applications import segmentation
from siamkeras.plotting._style import DIFFERENT, SAME

RNG = np.random.default_rng(5)
IMAGES = RNG.random((5, 60, 60)).astype("float32")
# Image i has a square of 10 + i pixels in its upper left corner, where the outline must be closed at the border.
MASKS = np.stack([np.pad(np.ones((10 + i, 10 + i), bool), (0, 50 - i)) for i in range(5)])
INPUTS = {"query": IMAGES[:1, ..., None], "references": IMAGES[None, 1:3, ..., None], "masks": MASKS[None, 1:3]}


def outlines(ax):
    """Colour, style and right edge of each outline."""
    rows = []
    for lines in ax.collections:
        (path,) = [path for path in lines.get_paths() if len(path.vertices)]
        style = "-" if lines.get_linestyle()[0][1] is None else "--"
        rows.append((to_hex(lines.get_edgecolor()[0]).upper(), style, path.get_extents().x1))
    return rows


def test_true_masks_are_solid_and_predicted_masks_dashed():
    """A square of 12 pixels in the corner extends from -0.5 to 11.5 in data coordinates: its contour ends at 11.5."""
    predictions = {"majority": MASKS[2:3], "network": MASKS[4:]}
    grid = segmentation.plotting.episodes(INPUTS, MASKS[:1], predictions, title="An episode")
    assert grid.shape == (1, 6)
    headings = ["reference 1", "reference 2", "query", "truth", "majority", "network"]
    assert [ax.get_title() for ax in grid[0]] == headings
    assert grid[0, 0].figure.get_suptitle() == "An episode"
    for ax, image in zip(grid[0], IMAGES[[1, 2, 0, 0, 0, 0]], strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
        assert ax.get_xlim() == (-0.5, 59.5) and ax.get_ylim() == (59.5, -0.5)
    true, predicted = (SAME, "-"), (DIFFERENT, "--")
    assert [outlines(ax) for ax in grid[0, :4]] == [[(*true, 10.5)], [(*true, 11.5)], [], [(*true, 9.5)]]
    assert outlines(grid[0, 4]) == [(*true, 9.5), (*predicted, 11.5)]
    assert outlines(grid[0, 5]) == [(*true, 9.5), (*predicted, 13.5)]
    dice = 2 * 100 / (100 + 144), 2 * 100 / (100 + 196)
    assert [ax.get_xlabel() for ax in grid[0, 4:]] == [f"Dice {value:.2f}" for value in dice]
    plt.close("all")


def test_an_empty_prediction_has_no_outline():
    grid = segmentation.plotting.episodes(INPUTS, MASKS[:1], {"network": 0 * MASKS[:1]})
    assert len(outlines(grid[0, 4])) == 1 and grid[0, 4].get_xlabel() == "Dice 0.00"
    plt.close("all")


def test_masks_of_another_size_are_rejected():
    with pytest.raises(ValueError, match=r"`truth` must be masks \(1, 60, 60\). Received: shape \(2, 60, 60\)"):
        segmentation.plotting.episodes(INPUTS, MASKS[:2])
    with pytest.raises(ValueError, match="the same shape"):
        segmentation.plotting.episodes(INPUTS, MASKS[:1], {"network": MASKS[:1, :50]})
