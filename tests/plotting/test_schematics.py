"""Schematics: legible, without overlaps, and true where they show numbers or distances."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle

from siamkeras import plotting
from siamkeras.plotting._style import DIFFERENT, PALETTE, SAME
from siamkeras.plotting.schematics import SCHEMATICS


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text for text in ax.texts if text.get_text()]


def points(ax, marker, color):
    """Places of the dots with this marker and colour, `(n, 2)`, in the order of plotting."""
    lines = [line for line in ax.lines if line.get_marker() == marker and to_hex(line.get_color()) == color.lower()]
    return np.concatenate([line.get_xydata() for line in lines])


def distances(ax, marker, color):
    """Distances of such dots from the star, which is the anchor or the query."""
    return np.linalg.norm(points(ax, marker, color) - points(ax, "*", "#000000"), axis=1)


@pytest.mark.parametrize("name", SCHEMATICS)
def test_a_schematic_is_legible_and_fits_a_notebook_page(name):
    """Ten points or more, no text over another one, nothing cut off at the edge, no axes."""
    ax = plotting.schematic(name)
    ax.figure.canvas.draw()
    assert ax.figure.get_figwidth() <= 10 and len(ax.get_title()) > 5 and not ax.axison
    assert min(text.get_fontsize() for text in texts(ax)) >= 10
    boxes = {text.get_text(): text.get_window_extent() for text in texts(ax)}
    for (one, box), (other, another) in itertools.combinations(boxes.items(), 2):
        assert not box.padded(-1).overlaps(another.padded(-1)), (one, other)
    for text, box in boxes.items():
        assert ax.figure.bbox.x0 <= box.x0 and box.x1 <= ax.figure.bbox.x1, text
        assert ax.figure.bbox.y0 <= box.y0 and box.y1 <= ax.title.get_window_extent().y0, text


@pytest.mark.parametrize("name", SCHEMATICS)
def test_a_schematic_takes_axes_and_a_title(name):
    figure, (_, ax) = plt.subplots(1, 2)
    assert plotting.schematic(name, title="The idea", ax=ax) is ax
    assert plt.get_fignums() == [figure.number] and ax.get_title() == "The idea"


def test_one_negative_is_inside_the_margin_and_one_beyond():
    ax = plotting.schematic("pull_and_push")
    (margin,) = (patch.radius for patch in ax.patches if isinstance(patch, Circle))
    inside, beyond = distances(ax, "s", DIFFERENT)
    assert inside < margin < beyond


def test_the_negatives_are_hard_semi_hard_and_easy():
    ax = plotting.schematic("triplet_zones")
    with_margin, positive = (patch.radius for patch in ax.patches if isinstance(patch, Circle))
    np.testing.assert_allclose(distances(ax, "o", SAME), [positive])
    hard, semi_hard, easy = distances(ax, "s", DIFFERENT)
    assert hard < positive < semi_hard < with_margin < easy


def test_the_softmax_of_the_row_is_computed_with_its_temperature():
    """exp(s / 0.2) of 0.3, 0.1, 0.7, 0.4, 0.2 is 4.482, 1.649, 33.115, 7.389, 2.718; the sum is 49.353."""
    found = [text.get_text() for text in texts(plotting.schematic("similarity_matrix"))]
    assert {"0.09", "0.03", "0.67", "0.15", "0.06"} <= set(found)
    assert any(text.endswith("0.67 = 0.40") for text in found)


def test_the_ranking_is_by_distance():
    """Two images of the class of the query, then one of another class; the others are farther."""
    ax = plotting.schematic("retrieval")
    correct, wrong = distances(ax, "o", SAME), distances(ax, "s", DIFFERENT)
    assert correct[0] < correct[1] < wrong[0] < min(*correct[2:], *wrong[1:])
    assert [text.get_text() for text in texts(ax)][-3:] == ["3", "\u03bb", "wrong"]


def test_the_solid_line_joins_the_query_and_the_nearest_mean():
    ax = plotting.schematic("prototypes")
    query = points(ax, "*", "#000000")[0]
    means = []
    for color, marker in zip(PALETTE, "osD", strict=False):
        means.append(points(ax, marker, color)[:3].mean(axis=0))  # the fourth is in the legend
        np.testing.assert_allclose(points(ax, "X", color)[0], means[-1])
    black = [line for line in ax.lines if to_hex(line.get_color()) == "#000000" and len(line.get_xdata()) == 2]
    (end,) = (line.get_xydata()[1] for line in black if line.get_linestyle() == "-" and query in line.get_xydata())
    np.testing.assert_allclose(end, means[np.argmin(np.linalg.norm(means - query, axis=1))])
