"""Tests of the preprocessing of scanned signatures."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamkeras.applications.signatures import preprocess
from siamkeras.applications.signatures.preprocessing import OVERSAMPLING, _otsu_threshold, draw, redraw

SIZE = (16, 32)


def scan(line=(5, 5, 50, 25), size=(60, 30), paper=255, pen=20):
    """A sheet of `size` (width, height) with a line of ink, if any."""
    image = Image.new("L", size, paper)
    if line:
        ImageDraw.Draw(image).line(line, fill=pen, width=3)
    return image


def test_otsu_threshold_separates_two_groups_of_grey_values():
    """Every threshold from 13 to 200 separates them; the smallest is returned."""
    assert _otsu_threshold(np.array([[10, 12, 12, 200, 201, 250]], "uint8")) == 13


@pytest.mark.parametrize("paper, pen", [(255, 0), (240, 120), (200, 150)])
def test_the_grey_values_of_ink_and_paper_do_not_matter(paper, pen):
    image = preprocess(scan(paper=paper, pen=pen), SIZE)
    assert (image == preprocess(scan(), SIZE)).all()
    assert image.shape == (*SIZE, 1) and image.dtype == np.float32
    assert image.min() == 0 and image.max() == 1


def test_the_position_on_the_sheet_does_not_matter():
    near, far = scan((5, 5, 45, 25), (60, 40)), scan((105, 55, 145, 75), (400, 120))
    assert (preprocess(near, SIZE) == preprocess(far, SIZE)).all()


@pytest.mark.parametrize("box, rows, columns", [((40, 5, 44, 95), 14, 1), ((5, 40, 95, 42), 1, 30)])
def test_proportions_are_preserved_and_ink_is_centred(box, rows, columns):
    """A bar of 5 x 91 pixels fills the 14 rows inside the border and 5 * 14 / 91 = 0.8 columns, rounded to 1; a bar of
    91 x 3 fills the 30 columns and 3 * 30 / 91 = 1 row."""
    sheet = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(sheet).rectangle(box, fill=0)
    ink = preprocess(sheet, SIZE)[..., 0] > 0
    assert (ink.any(axis=1).sum(), ink.any(axis=0).sum()) == (rows, columns)
    centre = [np.flatnonzero(ink.any(axis=axis)).mean() for axis in (1, 0)]
    assert np.allclose(centre, [7.5, 15.5], atol=0.5)


def test_specks_do_not_change_the_crop():
    """One of 2,001 pixels of ink is less than a thousandth."""
    clean = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(clean).rectangle((10, 30, 109, 49), fill=0)
    dusty = clean.copy()
    dusty.putpixel((290, 95), 0)
    assert (preprocess(dusty, SIZE) == preprocess(clean, SIZE)).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "1", "P", "I;16"])
def test_all_image_modes_give_the_same_result(mode):
    grey = scan(pen=0)
    image = Image.fromarray(np.asarray(grey).astype("uint16") * 257) if mode == "I;16" else grey.convert(mode)
    assert (preprocess(image, SIZE) == preprocess(grey, SIZE)).all()


def test_transparent_pixels_are_paper():
    alpha = Image.fromarray(255 - np.asarray(scan(pen=0)))
    image = Image.merge("RGBA", [Image.new("L", alpha.size, 0)] * 3 + [alpha])
    assert (preprocess(image, SIZE) == preprocess(scan(pen=0), SIZE)).all()


@pytest.mark.parametrize("image", [scan(None), scan(None, paper=0), scan(paper=200, pen=190), scan(paper=0, pen=255)])
def test_a_scan_without_dark_ink_on_light_paper_raises(image):
    with pytest.raises(ValueError, match="no dark ink on light paper"):
        preprocess(image, SIZE)


def cross(width, pen=20, scale=1):
    """Two crossing lines of ink with this width, on a sheet of 200 x 100 times `scale` pixels."""
    image = Image.new("L", (200 * scale, 100 * scale), 255)
    for line in ((20, 20, 180, 80), (20, 80, 180, 20)):
        ImageDraw.Draw(image).line([end * scale for end in line], fill=pen, width=width)
    return image


def test_a_pen_removes_the_width_of_the_strokes():
    thin, thick = (preprocess(cross(width), (32, 64), pen_width=2.0) for width in (3, 11))
    as_scanned = [preprocess(cross(width), (32, 64)) for width in (3, 11)]
    assert thin.shape == (32, 64, 1) and thin.dtype == np.float32 and 0 <= thin.min() < thin.max() <= 1
    assert abs(thick.sum() / thin.sum() - 1) < 0.1
    assert as_scanned[1].sum() > 1.8 * as_scanned[0].sum()


def test_a_pen_has_the_same_width_at_every_resolution_of_the_scan():
    small, large = (preprocess(cross(5 * scale, scale=scale), (32, 64), pen_width=2.0) for scale in (1, 4))
    assert abs(small.sum() / large.sum() - 1) < 0.1


def test_lines_are_drawn_where_the_pen_passes():
    """Against a loop over the points of the canvas: the pen covers what is at most half its width from the line."""
    lines = np.zeros((5, 9), bool)
    lines[0, 0], lines[2, 4], lines[4, 8] = True, True, True
    size, pen_width = (12, 20), 2.0
    scale = min((12 - 2 - 2) / 4, (20 - 2 - 2) / 8)
    canvas = np.zeros((12 * OVERSAMPLING, 20 * OVERSAMPLING))
    for row in range(canvas.shape[0]):
        for column in range(canvas.shape[1]):
            for y, x in np.argwhere(lines):
                place = [int(((y - 2) * scale + 6) * OVERSAMPLING), int(((x - 4) * scale + 10) * OVERSAMPLING)]
                distance = np.hypot(row - place[0], column - place[1])
                covered = np.clip(pen_width * OVERSAMPLING / 2 + 0.5 - distance, 0, 1)
                canvas[row, column] = max(canvas[row, column], covered)
    expected = canvas.reshape(12, OVERSAMPLING, 20, OVERSAMPLING).mean(axis=(1, 3))
    assert np.allclose(draw(lines, size, pen_width)[..., 0], expected, atol=1e-6)


def test_the_measurements_are_the_darkest_pixel_and_the_stroke_width():
    """A bar of 101 x 5 pixels has a middle line of 97 to 101 pixels."""
    sheet = Image.new("L", (200, 60), 255)
    ImageDraw.Draw(sheet).rectangle((50, 30, 150, 34), fill=40)
    measures = redraw(sheet, SIZE, 1.0)[1]
    assert measures["darkest pixel"] == 40
    assert 505 / 101 <= measures["stroke width"] <= 505 / 97


def test_a_pen_that_does_not_fit_raises():
    with pytest.raises(ValueError, match="`pen_width` must be smaller than 14"):
        preprocess(scan(), SIZE, pen_width=14)
