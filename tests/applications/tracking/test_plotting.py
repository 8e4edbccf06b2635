"""Figures of tracking show the given frames, boxes, curves and maps."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image, ImageSequence

from siamkeras.applications import tracking

NAN = [np.nan] * 4
BOXES = [[2, 3, 10, 6], [6, 3, 10, 6], NAN]
PIXELS = np.zeros((3, 30, 40, 3), "float32") + np.arange(3, dtype="float32")[:, None, None, None] / 4
VIDEO = tracking.Video(PIXELS, BOXES)
FIRST_BOX = [[2, 3, 10, 6]] * 3


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def plotted_boxes(ax):
    return {
        patch.get_label(): (*patch.get_xy(), patch.get_width(), patch.get_height(), patch.get_linestyle())
        for patch in ax.patches
    }


def test_frames_shows_chosen_frames_with_boxes_at_their_position():
    """Frame 2 has no true box."""
    axes = tracking.plotting.frames(VIDEO, {"baseline": FIRST_BOX}, shown=[1, 2])
    assert [ax.get_xlabel() for ax in axes] == ["frame 1", "frame 2"]
    assert plotted_boxes(axes[0]) == {"truth": (6, 3, 10, 6, "-"), "baseline": (2, 3, 10, 6, "--")}
    assert set(plotted_boxes(axes[1])) == {"baseline"}
    np.testing.assert_array_equal(axes[0].images[0].get_array(), VIDEO.frame(1))
    assert axes[0].images[0].get_extent() == [0, 40, 30, 0]  # the first pixel is from 0 to 1, as for boxes
    (legend,) = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "baseline"]


def test_frames_are_spread_evenly_from_the_first_to_the_last():
    video = tracking.Video(np.zeros((5, 30, 40, 3), "uint8"))
    axes = tracking.plotting.frames(video, shown=3)
    assert [ax.get_xlabel() for ax in axes] == ["frame 0", "frame 2", "frame 4"]
    assert not axes[0].figure.legends
    assert len(tracking.plotting.frames(video, shown=50)) == 5


def test_animation_shows_every_nth_frame_and_can_be_saved(tmp_path):
    animation = tracking.plotting.animation(VIDEO, {"tracker": FIRST_BOX}, every=2, fps=10, width=200)
    animation.save(tmp_path / "video.gif", writer="pillow", dpi=100)
    with Image.open(tmp_path / "video.gif") as image:
        frames = [np.asarray(frame.convert("RGB"), int) for frame in ImageSequence.Iterator(image)]
    assert len(frames) == 2 and frames[0].shape[1] == 200
    yellow = 255 * np.array(to_rgb(tracking.plotting.BOX_COLORS[0]))
    assert all((np.abs(frame - yellow).max(axis=2) < 40).any() for frame in frames)
    assert "<img" in animation.to_jshtml() and not plt.get_fignums()


def test_boxes_that_do_not_fit_the_video_are_rejected():
    with pytest.raises(ValueError, match="`boxes of tracker` must have one row per frame"):
        tracking.plotting.frames(VIDEO, {"tracker": FIRST_BOX[:2]})


def test_success_plots_have_the_curves_of_the_reports():
    """IoUs 1 and 1/3."""
    report = tracking.evaluate([[0, 0, 10, 10], [5, 0, 10, 10]], [[0, 0, 10, 10]] * 2)
    (line,) = tracking.plotting.success({"ours": report}).lines
    assert line.get_label() == "ours: AUC 0.643"
    np.testing.assert_array_equal(line.get_xydata(), np.stack([np.arange(21) / 20, report.success], axis=1))


def test_score_maps_mark_the_maximum_in_map_and_search_image():
    """Cells are 4 pixels apart and begin at (128 - 64) / 2 = 32: row 2, column 5 is x = 52, y = 40."""
    templates, searches, maps = np.zeros((2, 64, 64, 3)), np.ones((2, 128, 128, 3)), np.zeros((2, 17, 17))
    maps[0, 2, 5] = 0.75
    axes = tracking.plotting.score_maps(templates, searches, maps)
    assert axes.shape == (3, 2) and axes[2, 0].get_xlabel() == "0.75"
    for ax in axes[1:, 0]:
        assert [float(value[0]) for value in ax.lines[0].get_data()] == [52.0, 40.0]
    assert not axes[1, 1].lines  # a constant map has no maximum
    assert axes[2, 0].images[0].get_extent() == [30.0, 98.0, 98.0, 30.0]
    assert axes[0, 0].images[0].get_extent() == [32.0, 96.0, 96.0, 32.0]


@pytest.mark.parametrize(
    "templates, maps, match",
    [
        (np.zeros((2, 8, 8, 3)), np.zeros((1, 3, 3)), "Received: 2, 1 and 1"),
        (np.zeros((1, 8, 8, 3)), np.full((1, 3, 3), 4.0), "Apply a sigmoid"),
        (np.zeros((1, 8, 8, 3)), np.full((1, 3, 3), np.nan), "must lie in"),
    ],
)
def test_score_maps_that_do_not_fit_are_rejected(templates, maps, match):
    with pytest.raises(ValueError, match=match):
        tracking.plotting.score_maps(templates, np.zeros((1, 16, 16, 3)), maps)
