"""Properties that all figures of `siamkeras.plotting` share."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import EMBEDDINGS, GRADED, GREY, LABELS, REPORT, RGB
from matplotlib.axes import Axes

from siamkeras import plotting


def manhattan(x, y):
    return np.abs(x - y).sum(axis=1)


CALLS = {
    "images": lambda **more: plotting.images(GREY, **more),
    "pairs": lambda **more: plotting.pairs(GREY, RGB, **more),
    "history": lambda **more: plotting.history({"loss": [3.0, 1.0], "val_loss": [4.0, 2.0]}, **more),
    "distances": lambda **more: plotting.distances(REPORT, **more),
    "roc": lambda **more: plotting.roc(REPORT, **more),
    "embedding": lambda **more: plotting.embedding(EMBEDDINGS, LABELS, **more),
    "neighbours": lambda **more: plotting.neighbours(GREY[:1], GREY[None, 1:], **more),
    "correlation": lambda **more: plotting.correlation({"trained": GRADED}, **more),
    "curves": lambda **more: plotting.curves([0, 1], {"loss": [2, 3]}, "distance", "loss", **more),
    "bars": lambda **more: plotting.bars({"pixels": 0.4}, xlabel="accuracy", **more),
    "points": lambda **more: plotting.points({"pixels": [0.4, 0.5]}, xlabel="accuracy", **more),
    "one_shot_trials": lambda **more: plotting.one_shot_trials(GREY[:1], GREY[1:], **more),
    "schematic": lambda **more: plotting.schematic("siamese_network", **more),
    "unit_balls": lambda **more: plotting.unit_balls({"Manhattan": manhattan}, **more),
}
WITH_AX = ("images", "distances", "roc", "embedding", "curves", "bars", "points", "schematic")


@pytest.fixture(autouse=True)
def no_figure_is_shown_or_left_open(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("a figure was shown"))
    yield
    plt.close("all")


def test_every_public_figure_is_in_this_file():
    assert set(CALLS) == {name for name in plotting.__all__ if callable(getattr(plotting, name))}


@pytest.mark.parametrize("name", CALLS)
def test_a_new_figure_fits_a_notebook_page_and_has_a_title(name):
    result = CALLS[name]()
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    assert figure.get_figwidth() <= 10
    assert all(isinstance(ax, Axes) and ax.figure is figure for ax in np.ravel(result))
    figure.canvas.draw()
    page = figure.bbox.padded(1)
    for ax in figure.axes:  # nothing is cut off at the edge of the figure
        box = ax.get_tightbbox()
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
    for title in ("The finding", None):
        ax = np.ravel(CALLS[name](title=title))[0]
        text = ax.get_title() if name in WITH_AX else ax.figure.get_suptitle()
        assert text == title or (title is None and len(text) > 5)


@pytest.mark.parametrize("name", WITH_AX)
def test_given_axes_are_used_and_no_figure_is_made(name):
    figure, axes = plt.subplots(1, 2, sharex=True, sharey=True)
    assert CALLS[name](ax=axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]
    assert axes[1].has_data() and not axes[0].has_data()


def test_a_long_title_is_wrapped():
    ax = plotting.distances(REPORT, title="word " * 30)
    ax.figure.canvas.draw()
    assert ax.title.get_window_extent().width < ax.figure.bbox.width
    assert ax.get_title().count("\n") >= 1
