"""Histograms of distances and ROC curves."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import DISTANCES, LABELS_OF_PAIRS, REPORT, legend, line
from matplotlib.colors import to_rgba

from siamkeras import plotting
from siamkeras.plotting._style import DIFFERENT, SAME


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def patch(ax, label):
    return next(patch for patch in ax.patches if patch.get_label().startswith(label))


def test_histograms_sum_to_one_and_the_legend_gives_the_error_rates():
    """One of 4 same pairs is at 0.5 or beyond: 25.0 %; two of 5 different pairs are below: 40.0 %.

    The different pair at exactly 0.5 is not below the threshold, so it is not a false accept.
    """
    ax = plotting.distances(DISTANCES, LABELS_OF_PAIRS, threshold=0.5, margin=1)
    expected = ["4 same", "false rejects 25.0 %", "5 different", "false accepts 40.0 %", "threshold 0.5", "margin 1"]
    assert legend(ax) == expected
    for label in ("4 same", "5 different"):
        assert patch(ax, label).get_data().values.sum() == pytest.approx(1)
    assert line(ax, "threshold").get_xdata() == [0.5, 0.5]
    same, different = patch(ax, "4 same"), patch(ax, "5 different")
    assert same.get_edgecolor() == to_rgba(SAME)
    assert different.get_edgecolor() == to_rgba(DIFFERENT)
    assert (same.get_hatch(), different.get_hatch()) == (None, "///")  # distinct in grey as well


@pytest.mark.parametrize("threshold", [-1.0, 0.1, 0.2, 0.45, 0.5, 1.1, 3.0])
@pytest.mark.parametrize("bins", [1, 3, 50])
def test_the_filled_area_is_the_error_rate_for_every_threshold(threshold, bins):
    """Also at the smallest distance (0.1), at the largest (1.1) and beyond both; no bin begins below 0.1."""
    ax = plotting.distances(DISTANCES, LABELS_OF_PAIRS, threshold, bins=bins)
    rejects = np.mean([d >= threshold for d, s in zip(DISTANCES, LABELS_OF_PAIRS, strict=True) if s])
    accepts = np.mean([d < threshold for d, s in zip(DISTANCES, LABELS_OF_PAIRS, strict=True) if not s])
    assert patch(ax, "false rejects").get_data().values.sum() == pytest.approx(rejects)
    assert patch(ax, "false accepts").get_data().values.sum() == pytest.approx(accepts)
    assert f"false rejects {100 * rejects:.1f} %" in legend(ax)
    assert patch(ax, "4 same").get_data().edges[0] == 0.1


def test_a_report_brings_its_pairs_and_its_threshold():
    assert legend(plotting.distances(REPORT)) == legend(plotting.distances(DISTANCES[:, None], LABELS_OF_PAIRS, 0.5))
    assert "threshold 0.8" in legend(plotting.distances(REPORT, threshold=0.8))


def test_equal_distances_still_give_a_figure():
    ax = plotting.distances(np.zeros(9), LABELS_OF_PAIRS, threshold=0.0)
    assert patch(ax, "4 same").get_data().values.sum() == pytest.approx(1)
    assert "false rejects 100.0 %" in legend(ax)


def test_roc_plots_the_rates_and_marks_the_equal_error_rate():
    """EER 0.2: on the line of equal errors at (0.2, 1 - 0.2)."""
    ax = plotting.roc({"trained": REPORT, "untrained": REPORT})
    assert legend(ax)[:2] == ["trained: AUC 0.860, EER 20.0 %", "untrained: AUC 0.860, EER 20.0 %"]
    first, second = line(ax, "trained"), line(ax, "untrained")
    assert first.get_xdata().tolist() == [0.0, 0.0, 0.2, 1.0]
    assert first.get_ydata().tolist() == [0.0, 0.6, 0.8, 1.0]
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()
    mark = next(marker for marker in ax.lines if marker.get_marker() == "o")
    np.testing.assert_allclose(mark.get_xydata(), [[0.2, 0.8]])
    equal, chance = line(ax, "false accepts = false rejects"), line(ax, "chance")
    np.testing.assert_allclose(equal.get_ydata(), 1 - equal.get_xdata())
    np.testing.assert_allclose(chance.get_ydata(), chance.get_xdata())


def test_the_logarithmic_axis_begins_at_the_power_of_ten_below_the_smallest_rate():
    """0.2 gives 0.1, 0.003 gives 0.001; a perfect curve without rates between 0 and 1 gives 0.1."""
    for rates, start in (([0.0, 0.0, 0.2, 1.0], 0.1), ([0.0, 0.003, 0.2, 1.0], 0.001), ([0.0, 0.0, 0.0, 1.0], 0.1)):
        report = SimpleNamespace(**{**vars(REPORT), "false_accept_rate": np.array(rates)})
        assert plotting.roc({"coarse": REPORT, "fine": report}, log=True).get_xlim() == pytest.approx((start, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"same": None}, "`same` is missing"),
        ({"same": LABELS_OF_PAIRS[:3]}, r"`same` must have shape \(9,\)"),
        ({"same": np.ones(9)}, "must contain 0 and 1"),
        ({"same": LABELS_OF_PAIRS * 0.7}, "Binarise degrees"),
        ({"distance": DISTANCES * np.nan}, "`distance` must be finite"),
        ({"distance": REPORT}, "Omit `same`"),
    ],
)
def test_arguments_that_do_not_fit_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.distances(**{"distance": DISTANCES, "same": LABELS_OF_PAIRS, **arguments})
