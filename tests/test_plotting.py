"""The figures: what is drawn is what was given, and every wrong input is refused by name."""

from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.offsetbox import AnnotationBbox

from siamkeras import plotting

RANDOM = np.random.default_rng(5)
GREY = RANDOM.random((5, 60, 60)).astype("float32")  # 60 pixels wide: drawn pixel by pixel, lines of one pixel between
COLOUR = RANDOM.random((5, 60, 60, 3)).astype("float32")
# A threshold of 0.5 rejects one of four same pairs (0.7) and accepts two of five different ones (0.3, 0.4).
DISTANCE = np.array([0.1, 0.2, 0.45, 0.7, 0.3, 0.4, 0.5, 0.9, 1.1])
SAME = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0])
REPORT = SimpleNamespace(
    distances=DISTANCE,
    same=SAME.astype(bool),
    threshold=0.5,
    false_accept_rate=np.array([0.0, 0.0, 0.2, 1.0]),
    true_accept_rate=np.array([0.0, 0.6, 0.8, 1.0]),
    auc=0.86,
    eer=0.2,
)
LABELS = np.array([7, 3, 11, 7, 3, 11, 7, 3])
EMBEDDINGS = RANDOM.normal(size=(8, 4))


@pytest.fixture(autouse=True)
def no_figure_is_shown_and_none_left(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("a figure was shown"))
    yield
    plt.close("all")


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def patch(ax, label):
    return next(patch for patch in ax.patches if patch.get_label().startswith(label))


def line(ax, label):
    return next(line for line in ax.lines if line.get_label().startswith(label))


def frames(ax):
    """The one colour and style of the four sides of a frame."""
    (look,) = {(to_hex(side.get_edgecolor()).upper(), side.get_linestyle()) for side in ax.spines.values()}
    return look


DEGREES = SimpleNamespace(distances=np.array([0.1, 0.3, 0.9, 0.7]), same=np.array([1.0, 0.9, 0.1, 0.15]))

# Every function, called in the smallest way, with `ax` or `title` where it has them.
CALLS = {
    "images": lambda **more: plotting.images(GREY, **more),
    "pairs": lambda **more: plotting.pairs(GREY, COLOUR, **more),
    "history": lambda **more: plotting.history({"loss": [3.0, 1.0], "val_loss": [4.0, 2.0]}, **more),
    "distances": lambda **more: plotting.distances(REPORT, **more),
    "roc": lambda **more: plotting.roc(REPORT, **more),
    "embedding": lambda **more: plotting.embedding(EMBEDDINGS, LABELS, **more),
    "neighbours": lambda **more: plotting.neighbours(GREY[:1], GREY[None, 1:], **more),
    "degrees": lambda **more: plotting.correlation({"trained": DEGREES}, **more),
    "curves": lambda **more: plotting.curves([0, 1], {"loss": [2, 3]}, "distance", "loss", **more),
    "bars": lambda **more: plotting.bars({"pixels": 0.4}, xlabel="accuracy", **more),
    "trials": lambda **more: plotting.one_shot_trials(GREY[:1], GREY[1:], **more),
    "score_maps": lambda **more: plotting.score_maps(
        np.zeros((2, 8, 8, 3)), np.ones((2, 16, 16, 3)), np.full((2, 3, 3), 0.5), **more
    ),
    "unit_balls": lambda **more: plotting.unit_balls({"Manhattan": manhattan}, **more),
}
ONE_AXES = ("images", "distances", "roc", "embedding", "curves", "bars")
# What plays is no figure.
PLAYED = {"animation"}


def manhattan(x, y):
    return np.abs(x - y).sum(axis=1)


def test_every_figure_is_tested_here():
    assert set(CALLS) | PLAYED == {name for name in plotting.__all__ if name.islower()}


@pytest.mark.parametrize("name", CALLS)
def test_figure_is_new_fits_a_notebook_page_and_draws_without_a_warning(name):
    result = CALLS[name]()
    (number,) = plt.get_fignums()
    figure = plt.figure(number)
    assert figure.get_figwidth() <= 10
    assert figure.get_layout_engine() is not None
    assert all(isinstance(ax, Axes) and ax.figure is figure for ax in np.ravel(result))
    figure.canvas.draw()
    page = figure.bbox.padded(1)
    for ax in figure.axes:  # nothing that is drawn is cut off at the rim of the figure
        box = ax.get_tightbbox()
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1


@pytest.mark.parametrize("name", CALLS)
def test_title_states_what_is_given_and_something_neutral_otherwise(name):
    for title in ("The finding", None):
        ax = np.ravel(CALLS[name](title=title))[0]
        text = ax.get_title() if name in ONE_AXES else ax.figure.get_suptitle()
        assert text == title or (title is None and len(text) > 5)


@pytest.mark.parametrize("name", ONE_AXES)
def test_given_axes_are_drawn_on_and_no_figure_is_made(name):
    figure, axes = plt.subplots(1, 2, sharex=True, sharey=True)
    assert CALLS[name](ax=axes[1]) is axes[1]
    assert plt.get_fignums() == [figure.number]
    assert axes[1].has_data() and not axes[0].has_data()
    figure.canvas.draw()


def test_long_title_is_broken_into_lines_that_fit():
    ax = plotting.distances(REPORT, title="word " * 30)
    ax.figure.canvas.draw()
    assert ax.title.get_window_extent().width < ax.figure.bbox.width
    assert ax.get_title().count("\n") >= 1


# --- images ---


def test_contact_sheet_shows_each_image_in_its_place_as_dark_ink_on_white():
    """Two columns, lines of one pixel: image 3 is in row 1, column 1, so at pixel 1 + 60 + 1 = 62, and inverted."""
    sheet = plotting.images(GREY, columns=2).images[0].get_array()
    assert sheet.shape == (3 * 61 + 1, 2 * 61 + 1, 3)
    np.testing.assert_allclose(sheet[62:122, 62:122, 0], 1 - GREY[3], atol=1e-6)
    np.testing.assert_allclose(sheet[123:, 62:], 1)  # five images: the sixth place is empty
    for line_between in (sheet[0], sheet[61], sheet[:, 0]):
        np.testing.assert_allclose(line_between, 0.8, atol=1e-6)


@pytest.mark.parametrize("given", [GREY[..., None], GREY.tolist()])
def test_one_channel_is_the_same_as_no_channel(given):
    sheets = [plotting.images(images).images[0].get_array() for images in (GREY, given)]
    np.testing.assert_array_equal(*sheets)


def test_photographs_are_not_inverted():
    np.testing.assert_allclose(plotting.images(COLOUR).images[0].get_array()[1:61, 1:61], COLOUR[0], atol=1e-6)
    light = plotting.images(GREY, ink=False).images[0].get_array()
    np.testing.assert_allclose(light[1:61, 1:61, 2], GREY[0], atol=1e-6)


def test_small_images_are_magnified_and_not_mixed():
    """8 pixels wide: eight times as large (60 / 8 = 7.5, rounded to even), one pixel of line."""
    small = GREY[:1, :8, :8]
    sheet = plotting.images(small).images[0].get_array()
    np.testing.assert_allclose(sheet[1:65:8, 1:65:8, 0], 1 - small[0], atol=1e-6)
    np.testing.assert_array_equal(sheet[1:9, 1:9], np.broadcast_to(sheet[1, 1], (8, 8, 3)))


def test_captions_stand_over_their_images_and_do_not_meet():
    names = ["a name that is far too long for one line", "7", "3", "11", "7"]
    ax = plotting.images(GREY, names, columns=3)
    assert [text.get_text().replace("\n", " ") for text in ax.texts] == names
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    for box in boxes:  # below it is white paper and no image
        (x0, y1), (x1, y0) = np.round(box.transformed(ax.transData.inverted()).get_points()).astype(int)
        assert np.all(ax.images[0].get_array()[max(y0, 0) : y1, x0:x1] == 1)
    centres = [text.get_position()[0] for text in ax.texts]
    np.testing.assert_allclose(centres[:3], [31, 92, 153])  # 1 + 30, and 61 more for each column
    assert centres[3:] == centres[:2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (GREY[0], "must be"),
        (GREY[:0], "must be"),
        (np.zeros((2, 4, 4, 2)), r"Received: shape \(2, 4, 4, 2\)"),
        (np.array(["a.png", "b.png"]), "must be"),
        (GREY * 255, "Divide images of bytes by 255"),
        (GREY - 0.5, r"values in \[0, 1\]"),
        (np.where(GREY > 0.5, np.nan, GREY), r"values in \[0, 1\]"),
    ],
)
def test_what_is_no_image_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plotting.images(given)
    with pytest.raises(ValueError, match=message):
        plotting.pairs(given, given)
    assert not plt.get_fignums()


def test_labels_and_columns_must_fit():
    with pytest.raises(ValueError, match="`labels` must hold 5 values"):
        plotting.images(GREY, [7, 3])
    with pytest.raises(ValueError, match="`columns` must be at least 1"):
        plotting.images(GREY, columns=0)


# --- pairs ---


def test_pairs_are_stacked_and_say_what_is_known():
    """Column labels `(n, 1)`, as a generator yields them; 0.738 is shown as 0.74; half same is a number of its own."""
    same = np.array([[1.0], [0.0], [0.5], [1.0], [0.0]])
    axes = plotting.pairs(GREY, COLOUR, same, distance=[0.738, 1, 0.2, 0.1, 0.3])
    assert axes.shape == (5,)
    captions = [ax.get_xlabel() for ax in axes[:3]]
    assert captions == ["same\ndistance 0.74", "different\ndistance 1.00", "same 0.50\ndistance 0.20"]
    assert [frames(ax) for ax in axes[:2]] == [(plotting.SAME, "-"), (plotting.DIFFERENT, "--")]
    assert frames(axes[2])[0] not in (plotting.SAME, plotting.DIFFERENT)
    assert [ax.xaxis.label.get_color() for ax in axes[:2]] == [plotting.SAME, plotting.DIFFERENT]
    picture = axes[4].images[0].get_array()
    np.testing.assert_allclose(picture[1:61, 1:61, 0], 1 - GREY[4], atol=1e-6)
    np.testing.assert_allclose(picture[62:122, 1:61], COLOUR[4], atol=1e-6)


def test_only_the_first_pairs_of_a_large_batch_are_drawn():
    many = np.tile(GREY, (4, 1, 1))
    axes = plotting.pairs(many, many)
    assert len(axes) == len(axes[0].figure.axes) == 16
    assert axes[0].figure.get_suptitle().startswith("16 of 20 pairs")
    np.testing.assert_allclose(axes[6].images[0].get_array()[1:61, 1:61, 0], 1 - GREY[1], atol=1e-6)
    assert len(plotting.pairs(many, many, limit=3)) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"right": GREY[:3]}, "equally many images of one size"),
        ({"right": GREY[:, :50]}, "equally many images of one size"),
        ({"same": [1, 0]}, "`same` must hold 5 values"),
        ({"distance": np.zeros((5, 2))}, "`distance` must hold one value per example"),
        ({"limit": 0}, "at least 1"),
    ],
)
def test_pairs_that_do_not_belong_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.pairs(**{"left": GREY, "right": GREY, **arguments})


# --- neighbours ---


def test_neighbours_are_framed_by_whether_they_are_right():
    found = np.stack([GREY[:3], GREY[2:]])
    right = np.array([[True, False, True], [False, False, True]])
    distance = np.array([[0.1, 0.256, 0.3], [0.4, 0.5, 0.6]])
    grid = plotting.neighbours(GREY[3:], found, distance, right)
    assert grid.shape == (2, 4)
    assert grid[0, 0].get_title() == "query"
    for row in range(2):
        np.testing.assert_allclose(grid[row, 0].images[0].get_array()[..., 0], 1 - GREY[3 + row], atol=1e-6)
        for rank in range(3):
            ax = grid[row, rank + 1]
            np.testing.assert_allclose(ax.images[0].get_array()[..., 0], 1 - found[row, rank], atol=1e-6)
            look = (plotting.SAME, "-") if right[row, rank] else (plotting.DIFFERENT, "--")
            assert frames(ax) == look
            assert ax.get_xlabel()[0] == "✗✓"[int(right[row, rank])]
    assert grid[0, 2].get_xlabel() == "✗ 0.26"


def test_neighbours_take_colours_and_need_no_distances():
    grid = plotting.neighbours(COLOUR[:1], COLOUR[None, 1:])
    assert [ax.get_xlabel() for ax in grid[0]] == [""] * 5
    assert len({frames(ax) for ax in grid[0, 1:]}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"neighbours": GREY[:2]}, "`neighbours` must be"),
        ({"neighbours": GREY[None]}, "with q = 2"),
        ({"neighbours": np.zeros((2, 0, 60, 60))}, "k at least 1"),
        ({"distance": [0.1, 0.2]}, r"`distance` must be \(q, k\) = \(2, 3\)"),
        ({"right": np.ones((3, 2))}, r"`right` must be \(q, k\) = \(2, 3\)"),
    ],
)
def test_neighbours_that_do_not_belong_to_the_queries_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.neighbours(**{"queries": GREY[:2], "neighbours": np.stack([GREY[:3], GREY[2:]]), **arguments})


# --- trials ---


def test_trials_mark_the_answer_and_what_was_told_instead():
    """Of four, the first query is told rightly to be number 2; the second is told to be 0 and is 3."""
    axes = plotting.one_shot_trials(GREY[:2], GREY[1:], answers=[2, 3], told=[2, 0], columns=3)
    assert axes.shape == (2, 5)
    same, different = (plotting.SAME, "-"), (plotting.DIFFERENT, "--")
    assert [axes[row, 0].get_xlabel() for row in (0, 1)] == ["right", "wrong"]
    assert [frames(axes[row, 0]) for row in (0, 1)] == [same, different]
    marked = [[place for place in range(4) if frames(axes[row, place + 1]) == same] for row in (0, 1)]
    assert marked == [[2], [3]]
    assert [place for place in range(4) if frames(axes[1, place + 1]) == different] == [0]
    for row in (0, 1):
        np.testing.assert_allclose(axes[row, 0].images[0].get_array()[..., 0], 1 - GREY[row], atol=1e-6)
        for place in range(4):
            np.testing.assert_allclose(
                axes[row, place + 1].images[0].get_array()[..., 0], 1 - GREY[1 + place], atol=1e-6
            )
    axes[0, 0].figure.canvas.draw()
    left, first, fourth = (axes[0, place].get_window_extent() for place in (0, 1, 4))
    assert left.x1 < first.x0 and fourth.y1 < first.y0 and fourth.x0 == pytest.approx(first.x0)
    assert left.width > 1.5 * first.width


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"answers": [0, 4]}, r"`answers` must be numbers of the support, from 0 to 3. Received: \[0 4\]"),
        ({"told": [0.5, 1.0]}, "`told` must be numbers of the support"),
        ({"told": [-1, 0]}, "`told` must be numbers of the support"),
        ({"columns": 2.5}, "`columns` must be a whole number of at least 1. Received: columns=2.5"),
        ({"told": [1]}, "told"),
        ({"columns": 0}, "`columns` must be a whole number of at least 1. Received: columns=0"),
    ],
)
def test_trials_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.one_shot_trials(GREY[:2], GREY[1:], **arguments)


# --- history ---


def test_history_draws_training_solid_and_validation_dashed_from_epoch_one():
    values = {"loss": [3.0, 2.0, 1.5], "pair_accuracy": [0.5, 0.6, 0.7], "val_loss": [3.5, 2.5, 2.25]}
    axes = plotting.history(values)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "pair accuracy"]
    training, validation = axes[0].lines
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert training.get_ydata().tolist() == values["loss"]
    assert validation.get_ydata().tolist() == values["val_loss"]
    assert [legend(ax) for ax in axes] == [["training", "validation"], ["training"]]
    axes[0].figure.canvas.draw()
    assert all(tick == round(tick) for tick in axes[0].get_xticks())


def test_history_takes_what_fit_returns():
    returned = keras.callbacks.History()
    returned.history = {"loss": [3.0, 2.0], "val_loss": [3.5, 2.5], "val_eer": [0.4, 0.3]}
    assert [ax.get_ylabel() for ax in plotting.history(returned)] == ["loss", "eer"]
    assert [ax.get_ylabel() for ax in plotting.history(returned, "eer")] == ["eer"]


def test_spare_panels_are_taken_away():
    """Five quantities in rows of three: five panels, not six."""
    axes = plotting.history({name: [1.0, 2.0] for name in "abcde"})
    assert len(axes) == len(axes[0].figure.axes) == 5


@pytest.mark.parametrize(
    ("given", "metrics", "message"),
    [
        ({}, None, "at least one entry"),
        ([1.0, 2.0], None, "must be a dict"),
        ({"loss": []}, None, "`loss` must hold one value"),
        ({"loss": [3.0, 2.0], "val_loss": [3.0]}, None, "`val_loss` must hold 2 values"),
        ({"loss": [3.0]}, ["accuracy"], r"`metrics` must be among \['loss'\]"),
        ({"loss": [3.0]}, [], "`metrics` must be among"),
    ],
)
def test_what_is_no_history_is_refused(given, metrics, message):
    with pytest.raises(ValueError, match=message):
        plotting.history(given, metrics)


# --- distances ---


def test_histograms_are_shares_of_their_kind_and_the_legend_counts_by_hand():
    """One of 4 same pairs is at 0.5 or beyond: 25.0 %; two of 5 different pairs are below: 40.0 %.

    The different pair at exactly 0.5 is not below the threshold, and so not a false accept.
    """
    ax = plotting.distances(DISTANCE, SAME, threshold=0.5, margin=1)
    assert legend(ax) == [
        "4 same",
        "false rejects 25.0 %",
        "5 different",
        "false accepts 40.0 %",
        "threshold 0.5",
        "margin 1",
    ]
    for label in ("4 same", "5 different"):
        assert patch(ax, label).get_data().values.sum() == pytest.approx(1)
    assert patch(ax, "false rejects").get_data().values.sum() == pytest.approx(0.25)
    assert patch(ax, "false accepts").get_data().values.sum() == pytest.approx(0.4)
    assert line(ax, "threshold").get_xdata() == [0.5, 0.5]
    assert line(ax, "margin").get_xdata() == [1, 1]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance", "share of pairs")


def test_same_and_different_look_different_also_in_grey():
    ax = plotting.distances(DISTANCE, SAME, threshold=0.5)
    same, different = patch(ax, "4 same"), patch(ax, "5 different")
    assert same.get_edgecolor() == to_rgba(plotting.SAME)
    assert different.get_edgecolor() == to_rgba(plotting.DIFFERENT)
    assert (same.get_hatch(), different.get_hatch()) == (None, "///")
    assert (same.get_linestyle(), different.get_linestyle()) == ("solid", "--")


@pytest.mark.parametrize("threshold", [-1.0, 0.1, 0.2, 0.45, 0.5, 1.1, 3.0])
@pytest.mark.parametrize("bins", [1, 3, 50])
def test_shaded_area_is_the_error_rate_wherever_the_threshold_lies(threshold, bins):
    """Also at the nearest (0.1), at the farthest (1.1) and beyond both, however wide the bins; no bin below 0.1."""
    ax = plotting.distances(DISTANCE, SAME, threshold, bins=bins)
    rejects = np.mean([d >= threshold for d, s in zip(DISTANCE, SAME, strict=True) if s])
    accepts = np.mean([d < threshold for d, s in zip(DISTANCE, SAME, strict=True) if not s])
    assert patch(ax, "false rejects").get_data().values.sum() == pytest.approx(rejects)
    assert patch(ax, "false accepts").get_data().values.sum() == pytest.approx(accepts)
    assert f"false rejects {100 * rejects:.1f} %" in legend(ax)
    assert patch(ax, "4 same").get_data().edges[0] == 0.1


def test_report_brings_its_own_pairs_and_threshold():
    by_report, by_hand = plotting.distances(REPORT), plotting.distances(DISTANCE[:, None], SAME, 0.5)
    assert legend(by_report) == legend(by_hand)
    for one, other in zip(by_report.patches, by_hand.patches, strict=True):
        np.testing.assert_array_equal(one.get_data().values, other.get_data().values)
    assert "threshold 0.8" in legend(plotting.distances(REPORT, threshold=0.8))


def test_collapsed_network_still_gives_a_figure():
    ax = plotting.distances(np.zeros(9), SAME, threshold=0.0)
    assert patch(ax, "4 same").get_data().values.sum() == pytest.approx(1)
    assert "false rejects 100.0 %" in legend(ax)
    assert legend(plotting.distances(np.zeros(9), SAME)) == ["4 same", "5 different"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"same": None}, "`same` is missing"),
        ({"same": SAME[:3]}, "`same` must hold 9 values"),
        ({"same": np.ones(9)}, "both must occur"),
        ({"same": SAME * 0.7}, "Cut grades in two first"),
        ({"distance": DISTANCE * np.nan}, "`distance` must be finite"),
        ({"distance": []}, "`distance` must hold one value"),
        ({"distance": REPORT}, "Leave `same` out"),
        ({"distance": SimpleNamespace(distances=DISTANCE), "same": None}, "without .same, .threshold"),
        ({"bins": 0}, "`bins` must be at least 1"),
    ],
)
def test_distances_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.distances(**{"distance": DISTANCE, "same": SAME, **arguments})


# --- roc ---


def test_roc_draws_the_rates_and_marks_the_equal_error():
    """EER 0.2: on the line of equal errors at (0.2, 1 - 0.2)."""
    ax = plotting.roc(REPORT)
    curve = line(ax, "AUC 0.860, EER 20.0 %")
    assert curve.get_xdata().tolist() == [0.0, 0.0, 0.2, 1.0]
    assert curve.get_ydata().tolist() == [0.0, 0.6, 0.8, 1.0]
    (mark,) = [drawn for drawn in ax.lines if drawn.get_marker() == "o"]
    np.testing.assert_allclose(mark.get_xydata(), [[0.2, 0.8]])
    equal, chance = line(ax, "false accepts = false rejects"), line(ax, "chance")
    np.testing.assert_allclose(equal.get_ydata(), 1 - equal.get_xdata())
    np.testing.assert_allclose(chance.get_ydata(), chance.get_xdata())
    assert ax.get_xlabel() == "false accept rate (different pairs called same)"
    assert ax.get_ylabel() == "true accept rate (same pairs called same)"


def test_several_reports_have_names_colours_and_line_styles():
    ax = plotting.roc({"trained": REPORT, "untrained": REPORT})
    first, second = line(ax, "trained"), line(ax, "untrained")
    assert legend(ax)[:2] == ["trained: AUC 0.860, EER 20.0 %", "untrained: AUC 0.860, EER 20.0 %"]
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()


def test_logarithmic_axis_reaches_the_smallest_rate():
    """The smallest rate above 0 is 0.2: the axis begins at 0.1, the power of ten below it; and at 0.001 for 0.003."""
    ax = plotting.roc(REPORT, log=True)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == pytest.approx((0.1, 1))
    fine = SimpleNamespace(**{**vars(REPORT), "false_accept_rate": np.array([0.0, 0.003, 0.2, 1.0])})
    ax = plotting.roc({"coarse": REPORT, "fine": fine}, log=True)
    assert ax.get_xlim() == pytest.approx((0.001, 1))
    perfect = SimpleNamespace(**{**vars(REPORT), "false_accept_rate": np.array([0.0, 0.0, 0.0, 1.0])})
    assert plotting.roc(perfect, log=True).get_xlim() == pytest.approx((0.1, 1))  # never an axis of no length
    np.testing.assert_allclose(line(ax, "chance").get_ydata(), line(ax, "chance").get_xdata())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "at least one entry"),
        ([REPORT], "Received: list without"),
        ({"mine": SimpleNamespace(auc=1.0)}, "without .false_accept_rate, .true_accept_rate, .eer"),
        (SimpleNamespace(**{**vars(REPORT), "true_accept_rate": [0, 1]}), "`true_accept_rate` must hold 4 values"),
        (SimpleNamespace(**{**vars(REPORT), "true_accept_rate": [0, 60, 80, 100]}), r"must lie in \[0, 1\]"),
    ],
)
def test_what_is_no_report_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plotting.roc(given)


# --- embedding ---


def drawn_points(ax, count):
    """All points of the scatter plots, by label; one plot per class."""
    assert len(ax.collections) == count
    return {collection.get_label(): np.asarray(collection.get_offsets()) for collection in ax.collections}


def test_two_dimensions_are_drawn_as_they_are():
    ax = plotting.embedding(EMBEDDINGS[:, :2], LABELS, names={7: "seven", 3: "three"})
    found = drawn_points(ax, 3)
    assert legend(ax) == ["three", "seven", "11"]
    np.testing.assert_array_equal(found["seven"], EMBEDDINGS[LABELS == 7, :2])
    np.testing.assert_array_equal(found["11"], EMBEDDINGS[LABELS == 11, :2])
    assert ax.get_xlabel() == "dimension 1"


def test_principal_components_agree_with_the_covariance_and_repeat():
    """Eigenvectors of the covariance, found another way; a direction has no sign, so compare up to it."""
    centred = EMBEDDINGS - EMBEDDINGS.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    expected = centred @ directions[:, [-1, -2]]
    ax = plotting.embedding(EMBEDDINGS, LABELS)
    again = drawn_points(plotting.embedding(EMBEDDINGS, LABELS), 3)
    for label, found in drawn_points(ax, 3).items():
        np.testing.assert_allclose(np.abs(found), np.abs(expected[LABELS == int(label)]), atol=1e-9)
        np.testing.assert_array_equal(found, again[label])
    share = 100 * variances[-1] / variances.sum()
    assert ax.get_xlabel() == f"principal component 1 ({share:.0f} % of variance)"


def test_principal_components_do_not_depend_on_the_sign_of_the_solver(monkeypatch):
    solve = np.linalg.svd

    def flipped(*args, **kwargs):
        left, singular, directions = solve(*args, **kwargs)
        return -left, singular, -directions

    before = drawn_points(plotting.embedding(EMBEDDINGS, LABELS), 3)["7"]
    monkeypatch.setattr(np.linalg, "svd", flipped)
    np.testing.assert_allclose(drawn_points(plotting.embedding(EMBEDDINGS, LABELS), 3)["7"], before)


def test_tsne_of_few_embeddings_repeats_and_has_no_unit():
    first, second = (plotting.embedding(EMBEDDINGS, LABELS, "tsne", seed=3) for _ in range(2))
    assert first.get_xlabel() == "t-SNE 1 (no unit)"
    found = drawn_points(first, 3)
    for label, points in drawn_points(second, 3).items():
        np.testing.assert_array_equal(points, found[label])


def test_one_unit_is_as_long_in_both_directions():
    assert plotting.embedding(EMBEDDINGS, LABELS).get_aspect() == 1


def test_classes_differ_by_marker_and_colour_and_the_rest_is_grey():
    """Fourteen classes: ten of their own look, the four highest labels together."""
    labels = np.arange(14) * 3 + 2
    ax = plotting.embedding(RANDOM.normal(size=(14, 2)), labels)
    assert legend(ax) == [str(label) for label in labels[:10]] + ["4 other classes"]
    colours = {tuple(collection.get_facecolor()[0]) for collection in ax.collections}
    shapes = {collection.get_paths()[0].vertices.tobytes() for collection in ax.collections[:10]}
    assert (len(colours), len(shapes)) == (11, 10)
    assert not colours & {to_rgba(plotting.SAME), to_rgba(plotting.DIFFERENT)}
    assert len(ax.collections[-1].get_offsets()) == 4


def test_thumbnails_replace_the_markers_in_frames_of_their_class():
    ax = plotting.embedding(EMBEDDINGS[:5, :2], LABELS[:5], images=GREY)
    boxes = [artist for artist in ax.artists if isinstance(artist, AnnotationBbox)]
    assert len(boxes) == 5
    looks = {int(collection.get_label()): tuple(collection.get_edgecolor()[0]) for collection in ax.collections}
    for box, point, label, image in zip(boxes, EMBEDDINGS, LABELS, GREY, strict=False):
        np.testing.assert_array_equal(box.xy, point[:2])
        assert box.patch.get_edgecolor() == looks[label]
        np.testing.assert_allclose(box.offsetbox.get_data()[..., 0], 1 - image, atol=1e-6)


def test_collapsed_embeddings_are_one_point():
    ax = plotting.embedding(np.ones((8, 4)), LABELS)
    assert ax.get_xlabel() == "principal component 1 (0 % of variance)"
    with pytest.raises(ValueError, match="all equal"):
        plotting.embedding(np.ones((8, 4)), LABELS, "tsne")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embeddings": EMBEDDINGS[0]}, r"`embeddings` must be \(n, dim\)"),
        ({"embeddings": EMBEDDINGS[:, :1]}, "dim of at least 2"),
        ({"embeddings": EMBEDDINGS * np.inf}, "`embeddings` must be finite"),
        ({"embeddings": EMBEDDINGS[:2], "labels": [7, 3]}, "at least 3 embeddings"),
        ({"labels": [7, 3]}, "`labels` must hold 8 values"),
        ({"method": "umap"}, r"one of \['pca', 'tsne'\]"),
        ({"images": GREY}, "`images` must hold 8 images"),
    ],
)
def test_embeddings_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.embedding(**{"embeddings": EMBEDDINGS, "labels": LABELS, **arguments})
    assert not plt.get_fignums()


# --- curves ---


def test_curves_draw_what_is_given_and_keep_the_colours_of_same_and_different():
    x = np.linspace(0, 2, 5)
    ys = {"same pairs": x**2 / 2, "different pairs": np.maximum(1 - x, 0) ** 2 / 2, "sum": x}
    ax = plotting.curves(x, ys, "distance", "loss", marks={"threshold": 0.5, "margin": 1.0, "else": 1.5})
    for name, values in ys.items():
        np.testing.assert_array_equal(line(ax, name).get_xydata(), np.stack([x, values], axis=1))
    look = {name: (line(ax, name).get_color(), line(ax, name).get_linestyle()) for name in legend(ax)}
    assert look["same pairs"] == (plotting.SAME, "-")
    assert look["different pairs"] == (plotting.DIFFERENT, "--")
    assert look["threshold"] == (plotting.THRESHOLD, "-")
    assert look["margin"] == (plotting.MARGIN, ":")
    assert look["sum"][0] in plotting.PALETTE
    assert line(ax, "else").get_xdata() == [1.5, 1.5]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance", "loss")


def test_curves_differ_without_their_colours():
    ax = plotting.curves([0, 1], {name: [0, 1] for name in "abcd"}, "x", "y")
    assert len({drawn.get_linestyle() for drawn in ax.lines}) == 4


def test_intervals_are_shades_around_their_curve():
    ends = [(0.1, 0.4), (0.5, 0.6), (0.6, 0.9)]
    ax = plotting.curves([1, 5, 9], {"a": [0.2, 0.5, 0.8], "b": [0, 0, 0]}, "x", "y", intervals={"a": ends})
    (shade,) = ax.collections
    (path,) = shade.get_paths()
    drawn = {tuple(point) for point in path.vertices.round(6).tolist()}
    assert {(x, end) for x, pair in zip([1, 5, 9], ends, strict=True) for end in pair} <= drawn
    assert shade.get_facecolor()[0][:3] == pytest.approx(to_rgba(line(ax, "a").get_color())[:3])
    assert (line(ax, "a").get_marker(), line(ax, "b").get_marker()) == ("o", "None")
    for wrong in ({"c": ends}, {"a": ends[:2]}, {"a": [end[::-1] for end in ends]}, {"a": np.full((3, 2), np.nan)}):
        with pytest.raises(ValueError, match=r"one \(low, high\) for each point of a curve, \['a', 'b'\]"):
            plotting.curves([1, 5, 9], {"a": [0, 0, 0], "b": [0, 0, 0]}, "x", "y", intervals=wrong)


def test_the_axis_of_y_may_be_logarithmic():
    scales = [plotting.curves([0, 1], {"a": [1, 1000]}, "x", "y", log=log).get_yscale() for log in (False, True)]
    assert scales == ["linear", "log"]


def test_each_curve_may_have_its_own_x():
    ax = plotting.curves({"a": [0, 1], "b": [0, 1, 2]}, {"a": [5, 6], "b": [7, 8, 9]}, "x", "y")
    assert line(ax, "b").get_xydata().tolist() == [[0, 7], [1, 8], [2, 9]]


@pytest.mark.parametrize(
    ("x", "ys", "message"),
    [
        ([0, 1], {}, "at least one entry"),
        ([0, 1], {"a": [1, 2, 3]}, "`a` must hold 2 values"),
        ({"a": [0, 1]}, {"b": [0, 1]}, "must have the names of `ys`"),
        ([], {"a": []}, "`x` must hold"),
    ],
)
def test_curves_that_do_not_fit_are_refused(x, ys, message):
    with pytest.raises(ValueError, match=message):
        plotting.curves(x, ys, "x", "y")


# --- bars ---


def test_bars_stand_in_order_with_their_values_and_intervals():
    values = {"pixels": 0.42, "trained": 0.873}
    references = {"chance": 0.05}
    ax = plotting.bars(values, {"trained": (0.85, 0.9)}, xlabel="accuracy", references=references, number=".1%")
    assert [bar.get_width() for bar in ax.patches] == [0.42, 0.873]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["pixels", "trained"]
    assert ax.yaxis_inverted()  # the first is on top
    assert [text.get_text() for text in ax.texts] == ["42.0%", "87.3%"]
    (bar,) = ax.containers[1:]
    np.testing.assert_allclose(bar.lines[2][0].get_segments()[0], [[0.85, 1], [0.9, 1]])
    assert line(ax, "chance").get_xdata() == [0.05, 0.05]
    assert legend(ax) == ["chance"]


def test_values_are_written_where_neither_bar_nor_interval_is():
    """Right of a bar to the right, left of a bar to the left, beyond the interval."""
    ax = plotting.bars({"up": 2.0, "down": -1.0}, {"up": (1.0, 3.0), "down": (-2.0, 0.0)}, xlabel="difference")
    assert [text.xy[0] for text in ax.texts] == [3.0, -2.0]
    assert [text.get_ha() for text in ax.texts] == ["left", "right"]


@pytest.mark.parametrize(
    ("values", "intervals", "message"),
    [
        ({}, None, "at least one entry"),
        ({"a": np.nan}, None, "`values` must be finite"),
        ({"a": 0.5}, {"a": (0.6, 0.7)}, "around the value of its name"),
        ({"a": 0.5}, {"a": 0.1}, "around the value of its name"),
        ({"a": 0.5}, {"b": (0, 1)}, "around the value of its name"),
    ],
)
def test_bars_that_do_not_fit_are_refused(values, intervals, message):
    with pytest.raises(ValueError, match=message):
        plotting.bars(values, intervals, xlabel="accuracy")


# --- unit balls ---


def test_unit_ball_of_the_manhattan_distance_is_a_diamond_and_thick():
    """Every vertex of the line of level 1 is at distance 1 from the point, by the sum of absolute differences."""
    (ax,) = plotting.unit_balls({"Manhattan": manhattan}, point=(0.5, -0.5))
    lines = ax.collections[-1]
    assert lines.levels.tolist() == [0.25, 0.5, 1.0, 1.5, 2.0]
    assert lines.get_linewidths().tolist() == [0.8, 0.8, 3, 0.8, 0.8]
    vertices = lines.get_paths()[2].vertices
    np.testing.assert_allclose(np.abs(vertices - [0.5, -0.5]).sum(axis=1), 1, atol=0.02)
    assert ax.get_aspect() == 1
    assert ax.get_title() == "Manhattan"


def test_distances_beyond_the_levels_leave_an_empty_panel_and_no_warning():
    axes = plotting.unit_balls({"near": lambda x, y: manhattan(x, y) / 100, "far": lambda x, y: 10 + manhattan(x, y)})
    axes[0].figure.canvas.draw()
    assert len(axes) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"distances": {}}, "at least one entry"),
        ({"distances": {"all": lambda x, y: np.abs(x - y)}}, r"must be \(n,\). Received: \(90000, 2\) from 'all'"),
        ({"point": (1, 2, 3)}, r"`point` must be \(x, y\)"),
        ({"levels": (1, 0.5)}, "`levels` must be above 0 and increase"),
    ],
)
def test_what_is_no_distance_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.unit_balls(**{"distances": {"Manhattan": manhattan}, **arguments})


def test_degrees_join_the_means_of_pairs_of_about_one_degree():
    """Of five parts the first holds 0.9 and 0.7, the last 0.1 and 0.3: means 0.8 at 0.1 and 0.2 at 0.9."""
    (ax,) = plotting.correlation({"trained": DEGREES})
    points, means = ax.lines
    np.testing.assert_allclose(points.get_xydata(), np.stack([DEGREES.same, DEGREES.distances], axis=1))
    np.testing.assert_allclose(means.get_xydata(), [[0.1, 0.8], [0.9, 0.2]])
    assert ax.get_title() == "trained" and ax.get_ylabel() == "distance"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (({},), "`reports` must be a dict"),
        (({"a": REPORT.auc},), "report with .distances, .same was expected"),
        (({"a": DEGREES}, 1), "`bins` must be a whole number of at least 2. Received: bins=1"),
        (({"a": SimpleNamespace(distances=[0.1], same=[1, 0])},), "`distances` must hold 2 values"),
        (({"a": SimpleNamespace(distances=[np.nan], same=[1])},), "`distances` must be finite"),
        (({"a": SimpleNamespace(distances=[0.1], same=[5])},), "`same` must lie in"),
    ],
)
def test_degrees_that_cannot_be_drawn_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.correlation(*arguments)
