"""Tests of the preprocessing of scanned signatures."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from siamkeras.applications.signatures import preprocess
from siamkeras.applications.signatures.preprocessing import _otsu_threshold

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
