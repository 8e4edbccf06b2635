"""One color for each method, in all charts of a Python session."""

import matplotlib.pyplot as plt
import pytest
from figures import GRADED, REPORT, line
from matplotlib.colors import to_hex

from siamkeras import plotting
from siamkeras.plotting import _style
from siamkeras.plotting._style import DIFFERENT, NEUTRAL, PALETTE, SAME


@pytest.fixture(autouse=True)
def new_session(monkeypatch):
    monkeypatch.setattr(_style, "_COLOR_OF_NAME", {})
    yield
    plt.close("all")


def color_of_bars(values):
    ax = plotting.bars(values, xlabel="accuracy")
    return {name: to_hex(bar.get_edgecolor()).upper() for name, bar in zip(values, ax.patches, strict=True)}


def test_a_method_has_one_color_in_all_charts():
    """The order in a figure does not matter: "tower" is second in the first figure and first in the others."""
    plotting.roc({"pixels": REPORT, "tower": REPORT})
    curves = plotting.curves([0, 1], {"tower": [2, 3], "validation": [1, 2], "pixels": [3, 4]}, "step", "recall")
    pixels, tower, validation = PALETTE[:3]
    assert [line(curves, name).get_color() for name in ("pixels", "tower", "validation")] == [pixels, tower, validation]
    assert color_of_bars({"tower": 0.9, "pixels": 0.5}) == {"tower": tower, "pixels": pixels}
    (history,) = plotting.history({"loss": [2.0], "val_loss": [3.0]})
    assert line(history, "validation").get_color() == validation
    (scatter,) = plotting.correlation({"tower": GRADED})
    assert scatter.lines[1].get_color() == tower
    roc = plotting.roc({"tower": REPORT})
    assert line(roc, "tower").get_color() == tower


def test_same_and_correct_are_blue_different_and_wrong_are_orange():
    kinds = {"same pairs": SAME, "correct": SAME, "different pairs": DIFFERENT, "wrong": DIFFERENT}
    assert color_of_bars(dict.fromkeys(kinds, 0.5)) == kinds


def test_names_of_one_figure_differ_even_when_the_palette_is_used_up():
    plotting.curves([0, 1], {f"series {number}": [0, 1] for number in range(10)}, "x", "y")
    colors = color_of_bars({"series 1": 0.5, "first": 0.5, "second": 0.5})
    assert colors["series 1"] == PALETTE[1]
    assert (colors["first"], colors["second"]) == (PALETTE[0], PALETTE[2])  # PALETTE[1] is in this figure
    ax = plotting.curves([0, 1], {"series 0": [0, 1], "first": [0, 1]}, "x", "y")  # both have PALETTE[0]
    assert line(ax, "series 0").get_linestyle() != line(ax, "first").get_linestyle()


def test_many_bars_have_one_color_and_leave_the_palette_to_the_methods():
    assert set(color_of_bars({f"alphabet {number}": 0.5 for number in range(9)}).values()) == {NEUTRAL.lower()}
    assert color_of_bars({"pixels": 0.5}) == {"pixels": PALETTE[0]}
