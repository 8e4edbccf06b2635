"""Training history, curves, bars and lines of equal distance."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import GRADED, legend, line
from matplotlib.colors import to_rgba

from siamkeras import plotting
from siamkeras.plotting._style import DIFFERENT, MARGIN, PALETTE, SAME, THRESHOLD


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_history_plots_training_solid_and_validation_dashed_from_epoch_one():
    returned = keras.callbacks.History()
    returned.history = {"loss": [3.0, 2.0, 1.5], "pair_accuracy": [0.5, 0.6, 0.7], "val_loss": [3.5, 2.5, 2.25]}
    axes = plotting.history(returned)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "pair accuracy"]
    training, validation = axes[0].lines
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert validation.get_ydata().tolist() == [3.5, 2.5, 2.25]
    assert [legend(ax) for ax in axes] == [["training", "validation"], ["training"]]
    assert [ax.get_ylabel() for ax in plotting.history(returned, "pair_accuracy")] == ["pair accuracy"]


def test_five_quantities_have_five_panels():
    axes = plotting.history({name: [1.0, 2.0] for name in "abcde"})
    assert len(axes) == len(axes[0].figure.axes) == 5


def test_curves_keep_the_styles_of_same_different_threshold_and_margin():
    x = np.linspace(0, 2, 5)
    ys = {"same pairs": x**2 / 2, "different pairs": np.maximum(1 - x, 0) ** 2 / 2, "sum": x}
    ax = plotting.curves(x, ys, "distance", "loss", marks={"threshold": 0.5, "margin": 1.0, "other": 1.5})
    for name, values in ys.items():
        np.testing.assert_array_equal(line(ax, name).get_xydata(), np.stack([x, values], axis=1))
    style = {name: (line(ax, name).get_color(), line(ax, name).get_linestyle()) for name in legend(ax)}
    assert style["same pairs"] == (SAME, "-")
    assert style["different pairs"] == (DIFFERENT, "--")
    assert style["threshold"] == (THRESHOLD, "-")
    assert style["margin"] == (MARGIN, ":")
    assert style["sum"][0] in PALETTE
    assert line(ax, "other").get_xdata() == [1.5, 1.5]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("distance", "loss", "linear")


def test_curves_differ_by_line_style_may_have_their_own_x_and_a_logarithmic_axis():
    ax = plotting.curves([0, 1], {name: [1, 1000] for name in "abcd"}, "x", "y", log=True)
    assert len({curve.get_linestyle() for curve in ax.lines}) == 4 and ax.get_yscale() == "log"
    ax = plotting.curves({"a": [0, 1], "b": [0, 1, 2]}, {"a": [5, 6], "b": [7, 8, 9]}, "x", "y")
    assert line(ax, "b").get_xydata().tolist() == [[0, 7], [1, 8], [2, 9]]


def test_intervals_are_shaded_around_their_curve():
    ends = [(0.1, 0.4), (0.5, 0.6), (0.6, 0.9)]
    ax = plotting.curves([1, 5, 9], {"a": [0.2, 0.5, 0.8], "b": [0, 0, 0]}, "x", "y", intervals={"a": ends})
    (band,) = ax.collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices.round(6).tolist()}
    assert {(x, end) for x, pair in zip([1, 5, 9], ends, strict=True) for end in pair} <= corners
    assert band.get_facecolor()[0][:3] == pytest.approx(to_rgba(line(ax, "a").get_color())[:3])
    assert (line(ax, "a").get_marker(), line(ax, "b").get_marker()) == ("o", "None")


def test_bars_are_in_order_with_values_and_intervals():
    """Values are written beyond the bar and its interval: right of a positive bar, left of a negative one."""
    values = {"pixels": 0.42, "trained": 0.873, "loss": -1.0}
    intervals = {"trained": (0.85, 0.9), "loss": (-2.0, 0.0)}
    ax = plotting.bars(values, intervals, xlabel="accuracy", references={"chance": 0.05}, number=".1%")
    assert [bar.get_width() for bar in ax.patches] == [0.42, 0.873, -1.0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["pixels", "trained", "loss"]
    assert ax.yaxis_inverted()  # the first is on top
    assert [text.get_text() for text in ax.texts] == ["42.0%", "87.3%", "-100.0%"]
    assert [text.xy[0] for text in ax.texts] == [0.42, 0.9, -2.0]
    assert [text.get_ha() for text in ax.texts] == ["left", "left", "right"]
    bar = ax.containers[1]
    np.testing.assert_allclose(bar.lines[2][0].get_segments()[0], [[0.85, 1], [0.9, 1]])
    assert line(ax, "chance").get_xdata() == [0.05, 0.05] and legend(ax) == ["chance"]


def test_points_have_one_row_per_name_in_its_color_with_the_mean():
    ax = plotting.points({"pixels": [0.1], "tower": [0.5, 0.6, 0.85]}, xlabel="accuracy", number=".1%")
    rows = [line for line in ax.lines if line.get_marker() == "o"]
    assert [row.get_xdata().tolist() for row in rows] == [[0.1], [0.5, 0.6, 0.85]]
    assert [set(row.get_ydata()) for row in rows] == [{0}, {1}] and ax.yaxis_inverted()
    assert [text.get_text() for text in ax.texts] == ["mean 10.0%", "mean 65.0%"]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(means, [0.1, 0.65])
    again = plotting.curves([0, 1], {"tower": [1, 2]}, "x", "y")
    assert again.lines[0].get_color() == rows[1].get_color() != rows[0].get_color()


def test_the_unit_ball_of_the_manhattan_distance_is_a_diamond_in_bold():
    """Every vertex of the line of level 1 is at distance 1 from the point, by the sum of absolute differences."""
    (ax,) = plotting.unit_balls({"Manhattan": lambda x, y: np.abs(x - y).sum(axis=1)}, point=(0.5, -0.5))
    lines = ax.collections[-1]
    assert lines.levels.tolist() == [0.25, 0.5, 1.0, 1.5, 2.0]
    assert lines.get_linewidths().tolist() == [0.8, 0.8, 3, 0.8, 0.8]
    np.testing.assert_allclose(np.abs(lines.get_paths()[2].vertices - [0.5, -0.5]).sum(axis=1), 1, atol=0.02)
    assert ax.get_aspect() == 1 and ax.get_title() == "Manhattan"


def test_correlation_joins_the_mean_distance_of_each_bin():
    """Of five bins the first holds the distances 0.9 and 0.7, the last 0.1 and 0.3: means 0.8 at 0.1, 0.2 at 0.9."""
    (ax,) = plotting.correlation({"trained": GRADED})
    points, means = ax.lines
    np.testing.assert_allclose(points.get_xydata(), np.stack([GRADED.same, GRADED.distances], axis=1))
    np.testing.assert_allclose(means.get_xydata(), [[0.1, 0.8], [0.9, 0.2]])


INTERVALS = {"a": [(0, 1)] * 2}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.history({"loss": []}), "`loss` must have shape"),
        (lambda: plotting.history({"loss": [3.0]}, ["accuracy"]), r"`metrics` must be among \['loss'\]"),
        (lambda: plotting.history({"loss": [3.0]}, [np.str_("mae")]), r"Received: \['mae'\]"),
        (
            lambda: plotting.curves({"a": [0, 1]}, {np.str_("b"): [0, 1]}, "x", "y"),
            r"of `ys`, \['b'\]. Received: \['a'\]",
        ),
        (lambda: plotting.curves([0, 1], {"a": [1, 2, 3]}, "x", "y"), r"`a` must have shape \(2,\)"),
        (lambda: plotting.curves({"a": [0, 1]}, {"b": [0, 1]}, "x", "y"), "must have the names of `ys`"),
        (lambda: plotting.curves([0, 1, 2], {"a": [0, 0, 0]}, "x", "y", intervals=INTERVALS), "for each point"),
        (lambda: plotting.bars({"a": np.nan}, xlabel="x"), "`values` must be finite"),
        (lambda: plotting.points({"a": [0.5, np.nan]}, xlabel="x"), "`a` must be finite"),
        (lambda: plotting.points({"a": []}, xlabel="x"), r"`a` must have shape \(n,\)"),
        (lambda: plotting.points({}, xlabel="x"), "at least one name"),
        (lambda: plotting.bars({"a": 0.5}, {"a": (0.6, 0.7)}, xlabel="x"), "around the value of its name"),
        (lambda: plotting.bars({"a": 0.5}, {np.str_("b"): (0, 1)}, xlabel="x"), r"\(0, 1\) for 'b' with"),
        (lambda: plotting.bars({"a": 0.5}, {"b": (0, 1)}, xlabel="x"), "around the value of its name"),
        (lambda: plotting.correlation({"a": type("R", (), {"distances": [0.1], "same": [5]})}), "must be in"),
    ],
)
def test_arguments_that_do_not_fit_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
