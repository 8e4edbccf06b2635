"""Contact sheets, pairs, neighbours and one-shot trials."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import GREY, RGB, frame_style

from siamkeras import plotting
from siamkeras.plotting._style import DIFFERENT, SAME

SAME_STYLE, DIFFERENT_STYLE = (SAME, "-"), (DIFFERENT, "--")
SUPPORT = GREY[1:]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_contact_sheet_shows_each_image_in_its_place_as_dark_ink_on_white():
    """Two columns, lines of one pixel: image 3 is in row 1, column 1, so at pixel 1 + 60 + 1 = 62, and inverted."""
    sheet = plotting.images(GREY, columns=2).images[0].get_array()
    assert sheet.shape == (3 * 61 + 1, 2 * 61 + 1, 3)
    np.testing.assert_allclose(sheet[62:122, 62:122, 0], 1 - GREY[3], atol=1e-6)
    np.testing.assert_allclose(sheet[123:, 62:], 1)  # the sixth place is empty
    np.testing.assert_array_equal(sheet, plotting.images(GREY[..., None], columns=2).images[0].get_array())


def test_photographs_are_not_inverted():
    np.testing.assert_allclose(plotting.images(RGB).images[0].get_array()[1:61, 1:61], RGB[0], atol=1e-6)
    light = plotting.images(GREY, ink=False).images[0].get_array()
    np.testing.assert_allclose(light[1:61, 1:61, 2], GREY[0], atol=1e-6)


def test_small_images_are_magnified_by_a_whole_factor():
    """8 pixels wide: eight times as large (60 / 8 = 7.5, rounded to even), one pixel of line."""
    small = GREY[:1, :8, :8]
    sheet = plotting.images(small).images[0].get_array()
    np.testing.assert_allclose(sheet[1:65:8, 1:65:8, 0], 1 - small[0], atol=1e-6)
    np.testing.assert_array_equal(sheet[1:9, 1:9], np.broadcast_to(sheet[1, 1], (8, 8, 3)))


def test_captions_are_above_their_images_and_do_not_overlap():
    names = ["a name that is far too long for one line", "7", "3", "11", "7"]
    ax = plotting.images(GREY, names, columns=3)
    assert [text.get_text().replace("\n", " ") for text in ax.texts] == names
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
    np.testing.assert_allclose([text.get_position()[0] for text in ax.texts[:3]], [31, 92, 153])  # 30 + 1, plus 61


def test_pairs_are_stacked_with_label_and_distance_below():
    """Labels `(n, 1)`, as a generator yields them; 0.738 is shown as 0.74."""
    same = np.array([[1.0], [0.0], [0.5], [1.0], [0.0]])
    axes = plotting.pairs(GREY, RGB, same, distance=[0.738, 1, 0.2, 0.1, 0.3])
    captions = [ax.get_xlabel() for ax in axes[:3]]
    assert captions == ["same\ndistance 0.74", "different\ndistance 1.00", "same 0.50\ndistance 0.20"]
    assert [frame_style(ax) for ax in axes[:2]] == [SAME_STYLE, DIFFERENT_STYLE]
    assert frame_style(axes[2])[0] not in (SAME, DIFFERENT)
    picture = axes[4].images[0].get_array()
    np.testing.assert_allclose(picture[1:61, 1:61, 0], 1 - GREY[4], atol=1e-6)
    np.testing.assert_allclose(picture[62:122, 1:61], RGB[4], atol=1e-6)


def test_only_the_first_pairs_of_a_large_batch_are_plotted():
    many = np.tile(GREY, (4, 1, 1))
    axes = plotting.pairs(many, many)
    assert len(axes) == len(axes[0].figure.axes) == 16
    assert axes[0].figure.get_suptitle().startswith("16 of 20 pairs")
    assert len(plotting.pairs(many, many, limit=3)) == 3


def test_neighbours_have_a_frame_and_a_mark_by_correctness():
    pictures = np.stack([GREY[:3], GREY[2:]])
    correct = np.array([[True, False, True], [False, False, True]])
    distance = np.array([[0.1, 0.256, 0.3], [0.4, 0.5, 0.6]])
    axes = plotting.neighbours(GREY[3:], pictures, distance, correct)
    assert axes.shape == (2, 4) and axes[0, 0].get_title() == "query"
    assert axes[0, 2].get_xlabel() == "✗ 0.26"
    for row in range(2):
        np.testing.assert_allclose(axes[row, 0].images[0].get_array()[..., 0], 1 - GREY[3 + row], atol=1e-6)
        for rank in range(3):
            ax = axes[row, rank + 1]
            np.testing.assert_allclose(ax.images[0].get_array()[..., 0], 1 - pictures[row, rank], atol=1e-6)
            assert frame_style(ax) == (SAME_STYLE if correct[row, rank] else DIFFERENT_STYLE)
            assert ax.get_xlabel()[0] == "✗✓"[int(correct[row, rank])]


def test_one_shot_trials_mark_the_true_and_the_predicted_class():
    """Support of four: query 0 is predicted correctly as class 2; query 1 of class 3 is predicted as class 0."""
    axes = plotting.one_shot_trials(GREY[:2], SUPPORT, truth=[2, 3], predicted=[2, 0], columns=3)
    assert [axes[row, 0].get_xlabel() for row in (0, 1)] == ["correct", "wrong"]
    assert [frame_style(axes[row, 0]) for row in (0, 1)] == [SAME_STYLE, DIFFERENT_STYLE]
    marked = [[index for index in range(4) if frame_style(axes[row, index + 1]) == SAME_STYLE] for row in (0, 1)]
    assert marked == [[2], [3]]
    assert [index for index in range(4) if frame_style(axes[1, index + 1]) == DIFFERENT_STYLE] == [0]
    for index in range(4):
        np.testing.assert_allclose(axes[1, index + 1].images[0].get_array()[..., 0], 1 - SUPPORT[index], atol=1e-6)
    axes[0, 0].figure.canvas.draw()
    left, first, fourth = (axes[0, place].get_window_extent() for place in (0, 1, 4))
    assert left.x1 < first.x0 and fourth.y1 < first.y0 and fourth.x0 == pytest.approx(first.x0)


def test_a_prediction_without_truth_has_a_black_frame():
    axes = plotting.one_shot_trials(GREY[:1], SUPPORT, predicted=[1])
    assert frame_style(axes[0, 2]) == ("#000000", "-") and axes[0, 0].get_xlabel() == ""


NEIGHBOURS = np.stack([GREY[:3], GREY[2:]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.images(GREY[0]), "must have shape"),
        (lambda: plotting.images(GREY[:0]), "must have shape"),
        (lambda: plotting.images(np.zeros((2, 4, 4, 2))), r"Received: shape \(2, 4, 4, 2\)"),
        (lambda: plotting.images(GREY * 255), "Divide uint8 images by 255"),
        (lambda: plotting.images(np.where(GREY > 0.5, np.nan, GREY)), r"values in \[0, 1\]"),
        (lambda: plotting.images(GREY, [7, 3]), r"`labels` must have shape \(5,\)"),
        (lambda: plotting.pairs(GREY, GREY[:3]), "must have one shape"),
        (lambda: plotting.pairs(GREY, GREY, [1, 0]), r"`same` must have shape \(5,\)"),
        (lambda: plotting.pairs(GREY, GREY, distance=np.zeros((5, 2))), "`distance` must have shape"),
        (lambda: plotting.neighbours(GREY[:2], GREY[None]), "with q = 2"),
        (lambda: plotting.neighbours(GREY[:2], NEIGHBOURS, [0.1, 0.2]), r"`distance` must have shape \(q, k\)"),
        (lambda: plotting.neighbours(GREY[:2], NEIGHBOURS, correct=np.ones((3, 2))), "`correct` must have shape"),
        (lambda: plotting.one_shot_trials(GREY[:2], SUPPORT, [0, 4]), r"0 to 3. Received: \[0 4\]"),
        (lambda: plotting.one_shot_trials(GREY[:2], SUPPORT, predicted=[-1, 0]), "`predicted` must be indices"),
        (lambda: plotting.one_shot_trials(GREY[:2], SUPPORT, predicted=[1]), r"`predicted` must have shape \(2,\)"),
    ],
)
def test_arguments_that_do_not_fit_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
