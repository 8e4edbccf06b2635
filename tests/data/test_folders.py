"""Folders of images: layout, decoding, cropping and broken files."""

import io
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from siamkeras import data


def gradient(height=60, width=80):
    """A smooth image with a sharp-edged patch, which reveals swapped channels or axes and wrong resizing."""
    down, across = np.mgrid[0:height, 0:width]
    image = np.stack([255 * down / height, 255 * across / width, 120 + 0 * down], axis=-1)
    image[height // 4 : height // 2, width // 4 : width // 2] = (30, 200, 90)
    return Image.fromarray(image.astype(np.uint8))


def stream(paths, *arguments, **options):
    return tf.data.Dataset.from_tensor_slices([str(path) for path in paths]).map(data.load_image(*arguments, **options))


@pytest.fixture
def photos(tmp_path):
    """photos/{apple, quince} with other files beside the images."""
    folder = tmp_path / "photos"
    for name, file, colour in (
        ("quince", "1.PNG", (255, 0, 0)),
        ("apple", "b.jpg", (0, 255, 0)),
        ("apple", "a.png", (0, 0, 255)),
        ("apple", "c.bmp", (255, 255, 255)),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), colour).save(folder / name / file)
    for other in ("README.txt", "apple/.hidden.png", "apple/Thumbs.db"):
        (folder / other).write_text("not an image")
    (folder / ".ipynb_checkpoints").mkdir()
    return folder


def test_folders_are_classes_in_alphabetical_order(photos):
    """apple: a.png blue, b.jpg green, c.bmp white; quince: 1.PNG red."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        examples = data.image_folder(photos, size=(8, 6), skip_broken=True)
    assert examples.images.shape == (4, 8, 6, 3) and examples.images.dtype == np.float32
    np.testing.assert_allclose(examples.images[:, 4, 3], [(0, 0, 1), (0, 1, 0), (1, 1, 1), (1, 0, 0)], atol=0.02)
    files = data.image_paths(str(photos))
    names = ("apple/a.png", "apple/b.jpg", "apple/c.bmp", "quince/1.PNG")
    assert files.images.tolist() == [str(photos / name) for name in names]
    for part in (examples, files):
        assert part.labels.tolist() == [0, 0, 0, 1] and part.class_names == {0: "apple", 1: "quince"}
        assert part.groups is None and part.group_names == {}


def test_grey_images_weight_the_colours_as_itu_r_601(photos):
    """0.299 red + 0.587 green + 0.114 blue."""
    images = data.image_folder(photos, size=(8, 6), channels=1).images
    np.testing.assert_allclose(images[:, 4, 3, 0], [0.114, 0.587, 1, 0.299], atol=0.02)


def test_classes_with_the_same_name_in_two_groups_are_different_classes(tmp_path):
    for place, count in (("w9/genuine", 2), ("w9/forged", 1), ("w2/forged", 2), ("w2/genuine", 1)):
        (tmp_path / place).mkdir(parents=True)
        for index in range(count):
            gradient().save(tmp_path / place / f"{index}.png")
    examples = data.image_folder(tmp_path, size=(12, 16), groups=True)
    assert examples.class_names == {0: "w2/forged", 1: "w2/genuine", 2: "w9/forged", 3: "w9/genuine"}
    assert examples.labels.tolist() == [0, 0, 1, 2, 3, 3] and examples.groups.tolist() == [0, 0, 0, 1, 1, 1]
    assert examples.group_names == {0: "w2", 1: "w9"}


def test_files_and_folders_that_are_skipped_are_counted_and_named_in_a_warning(photos):
    """The text file beside the class folders and the hidden files of the fixture are not listed."""
    for name in ("apple/list.csv", "apple/b.heic", "quince/more/1.png", "stray.png"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).touch()
    (photos / "apple" / "link.png").symlink_to(photos / "gone.png")
    (photos / "pear").symlink_to(photos / "gone")
    with pytest.warns(UserWarning) as caught:
        assert len(data.image_paths(photos).images) == 4
    assert str(caught[0].message) == (
        f"Skipped in the folder {photos}: broken links (2): pear, apple/link.png; images in an unexpected place (1): "
        "stray.png; files without an expected extension (2): apple/b.heic, apple/list.csv; "
        "unexpected folders (1): quince/more."
    )


# --- Decoding

FORMATS = {
    "colour.png": "RGB",
    "transparent.png": "RGBA",
    "grey.png": "L",
    "grey_transparent.png": "LA",
    "palette.png": "P",
    "bits.png": "1",
    "colour.bmp": "RGB",
    "grey.bmp": "L",
    "bits.bmp": "1",
    "grey.gif": "L",
    "colour.ppm": "RGB",
    "bits.pbm": "1",
    "colour.tiff": "RGB",
    "print.TIF": "CMYK",
    "colour.webp": "RGB",
    "grey.jpg": "L",
    "colour.JPEG": "RGB",
    "colour.jfif": "RGB",
}


BEST = {"quality": 95, "subsampling": 0, "lossless": True}  # for JPEG and WebP


@pytest.fixture
def formats(tmp_path):
    """`{file name: colour image that the file shows}` of files in folder/übung, and the folder."""
    (tmp_path / "übung").mkdir()
    images = {name: gradient().convert(mode) for name, mode in FORMATS.items()}
    for name, image in images.items():
        options = {"format": "JPEG"} if name.endswith("jfif") else {}
        image.save(tmp_path / "übung" / name, **BEST, **options)
    images |= {"sixteen.png": images["grey.png"], "sixteen.tif": images["grey.png"], "glass.png": images["palette.png"]}
    for name in ("sixteen.png", "sixteen.tif"):
        Image.fromarray(np.asarray(images[name]).astype(np.uint16) * 257).save(tmp_path / "übung" / name)
    # A palette with transparency, for which Pillow warns.
    images["glass.png"].save(tmp_path / "übung" / "glass.png", transparency=bytes(range(256)))
    return {name: image.convert("RGB") for name, image in images.items()}, tmp_path


def test_every_format_is_read_with_its_own_pixels(formats):
    images, folder = formats
    examples = data.image_folder(folder, (60, 80))
    for image, name in zip(examples.images, sorted(images), strict=True):
        tolerance = 16 if name.endswith(("jpg", "JPEG", "jfif")) else 1e-3
        np.testing.assert_allclose(image * 255, np.asarray(images[name]), atol=tolerance, err_msg=name)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(24, 30), (60, 80), (90, 100)])
def test_image_folder_and_load_image_agree(formats, size, channels):
    """Reduced, unchanged and enlarged."""
    examples = data.image_folder(formats[1], size, channels)
    images = stream(data.image_paths(formats[1]).images, size, channels)
    assert images.element_spec == tf.TensorSpec((*size, channels), tf.float32)
    np.testing.assert_array_equal(list(images.as_numpy_iterator()), examples.images)
    first = data.load_image(size, channels)(tf.constant(data.image_paths(formats[1]).images[0]))
    np.testing.assert_array_equal(first, examples.images[0])
    assert examples.images.std(axis=(1, 2, 3)).min() > 0.1


# How a camera stores the upright image `u` with each EXIF orientation: 6 means that the first row of the file is the
# right side of the image, and the first column its top.
ORIENTATIONS = {
    1: lambda u: u,
    2: lambda u: u[:, ::-1],
    3: lambda u: u[::-1, ::-1],
    4: lambda u: u[::-1],
    5: lambda u: u.swapaxes(0, 1),
    6: lambda u: u.swapaxes(0, 1)[::-1],
    7: lambda u: u.swapaxes(0, 1)[::-1, ::-1],
    8: lambda u: u.swapaxes(0, 1)[:, ::-1],
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_images_are_rotated_by_their_exif_orientation(tmp_path, suffix):
    (tmp_path / "photos").mkdir()
    upright = np.asarray(gradient())
    for orientation, turn in ORIENTATIONS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(turn(upright)).save(tmp_path / "photos" / f"{orientation}.{suffix}", exif=exif, **BEST)
    examples = data.image_folder(tmp_path, (60, 80))
    for image in (*examples.images, *stream(data.image_paths(tmp_path).images, (60, 80)).as_numpy_iterator()):
        np.testing.assert_allclose(image * 255, upright, atol=16 if suffix == "jpg" else 1e-3)


def test_a_photo_with_damaged_exif_data_is_not_rotated(tmp_path):
    (tmp_path / "photos").mkdir()
    gradient().save(tmp_path / "photos" / "1.jpg", exif=b"Exif\0\0XX*\0" + bytes(range(40)), **BEST)
    (image,) = data.image_folder(tmp_path, (60, 80)).images
    np.testing.assert_allclose(image * 255, np.asarray(gradient()), atol=16)


def test_a_large_jpeg_differs_little_from_its_full_decoding(tmp_path):
    """It is decoded at half its size: 960 / 2 is at least 256 and 1.5 * 60."""
    (tmp_path / "photos").mkdir()
    file = tmp_path / "photos" / "1.jpg"
    gradient(960, 1280).save(file)
    (image,) = data.image_folder(tmp_path, (45, 60)).images
    with Image.open(file) as full:
        expected = np.asarray(full.resize((60, 45), Image.Resampling.BILINEAR)) / 255
    assert 0 < np.abs(image - expected).mean() < 0.01 and np.abs(image - expected).max() < 0.06


@pytest.mark.parametrize(
    ("size", "part"),
    [
        ((60, 60), np.s_[:, 10:70]),  # 20 of 80 columns are cut off, half on each side
        ((30, 80), np.s_[15:45]),
        ((30, 60), np.s_[10:50]),  # 60 columns to 30 rows are 80 to 40
        ((7, 60), np.s_[25:35]),  # 7 / 60 * 80 = 9.3 rows, rounded up
        ((60, 80), np.s_[:]),
    ],
)
def test_crop_uses_the_largest_central_part_with_the_aspect_ratio(tmp_path, size, part):
    (tmp_path / "crops").mkdir()
    file = tmp_path / "crops" / "a.png"
    gradient().save(file)
    centre = Image.fromarray(np.asarray(gradient())[part])
    expected = np.asarray(centre.resize(size[::-1], Image.Resampling.BILINEAR)) / 255
    for channels in (1, 3):
        (image,) = data.image_folder(tmp_path, size, channels, crop=True).images
        (streamed,) = stream([file], size, channels, crop=True).as_numpy_iterator()
        np.testing.assert_array_equal(streamed, image)
    np.testing.assert_allclose(image, expected, atol=0.01)


@pytest.mark.parametrize(
    ("size", "crop", "part"),
    [
        ((30, 40), False, np.s_[15:45, 20:60]),
        ((30, 30), True, np.s_[15:45, 25:55]),  # the largest square of the middle half
    ],
)
def test_a_central_fraction_of_each_side_is_used(tmp_path, size, crop, part):
    (tmp_path / "faces").mkdir()
    file = tmp_path / "faces" / "a.png"
    gradient().save(file)
    for channels, mode in ((1, "L"), (3, "RGB")):
        options = {"channels": channels, "crop": crop, "central_fraction": 0.5}
        (image,) = data.image_folder(tmp_path, size, **options).images
        expected = np.asarray(gradient().convert(mode)).reshape(60, 80, channels)[part]
        np.testing.assert_array_equal(image, np.float32(expected) / 255)
        (streamed,) = stream([file], size, **options).as_numpy_iterator()
        np.testing.assert_array_equal(streamed, image)


def test_a_large_jpeg_is_decoded_large_enough_for_its_central_fraction(tmp_path):
    """A quarter of 960 x 1280 is 240 x 320; decoded at half size, it would be only 120 x 160."""
    (tmp_path / "faces").mkdir()
    gradient(960, 1280).save(tmp_path / "faces" / "1.jpg", **BEST)
    (image,) = data.image_folder(tmp_path, (240, 320), central_fraction=0.25).images
    np.testing.assert_allclose(image * 255, np.asarray(gradient(960, 1280))[360:600, 480:800], atol=16)


def test_pgm_files_of_8_and_16_bits_have_the_same_range(tmp_path):
    """257 * 100 of 65535 is 100 / 255."""
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "b.pgm").write_bytes(b"P5 8 8 255\n" + bytes([100] * 64))
    (tmp_path / "faces" / "c.pgm").write_bytes(b"P5 8 8 65535\n" + (25700).to_bytes(2, "big") * 64)
    np.testing.assert_allclose(data.image_folder(tmp_path, size=(60, 80)).images, 100 / 255, atol=1e-6)


# --- Files that cannot be decoded


def encoded(image, format, **options):
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def shorten_by_half(content):
    return content[: len(content) // 2]


NOT_AN_IMAGE = "not a BMP, GIF, JPEG, PNG, PPM, TIFF or WEBP image"
BROKEN = {
    "empty": (b"", NOT_AN_IMAGE),
    "text": (b"<html>404</html>", NOT_AN_IMAGE),
    "another format": (encoded(gradient(), "EPS"), NOT_AN_IMAGE),
    "half a PNG": (shorten_by_half(encoded(gradient(), "PNG")), "[Tt]runcated"),
    "half a JPEG": (shorten_by_half(encoded(gradient(), "JPEG")), "[Tt]runcated"),
    "floats": (encoded(gradient().convert("F"), "TIFF"), "32 bits per value"),
    "integers of 32 bits": (encoded(gradient().convert("I"), "TIFF"), "32 bits per value"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_decoded_is_named_with_the_reason(tmp_path, name, monkeypatch):
    """No program is started for EPS."""
    content, reason = BROKEN[name]
    monkeypatch.setattr("subprocess.Popen", None)
    (tmp_path / "photos").mkdir()
    file = tmp_path / "photos" / "broken.png"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"1 of 1 images cannot be decoded: .*broken\.png \([^()]*{reason}"):
        data.image_folder(tmp_path, (8, 8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"The image .*broken\.png cannot be decoded: .*{reason}"):
        next(iter(stream([file], (8, 8))))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("limit, message", [(4700, "4,800 pixels exceed the limit .*= 4,700"), (1000, "4800 pixels")])
def test_images_with_too_many_pixels_are_not_decoded(tmp_path, limit, message, monkeypatch):
    """60 * 80 = 4,800. Pillow itself refuses twice the limit."""
    (tmp_path / "photos").mkdir()
    file = tmp_path / "photos" / "1.png"
    gradient().save(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=message):
        data.image_folder(tmp_path, (8, 8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"1\.png cannot be decoded: .*{message}"):
        next(iter(stream([file], (8, 8))))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert len(data.image_folder(tmp_path, (8, 8)).images) == 1


def test_broken_files_are_an_error_or_are_skipped_with_a_warning(photos):
    """b.jpg is a web page, d.png is truncated."""
    (photos / "apple" / "b.jpg").write_text("<html>404</html>")
    gradient().save(photos / "apple" / "d.png")
    (photos / "apple" / "d.png").write_bytes((photos / "apple" / "d.png").read_bytes()[:200])
    message = r"^2 of 5 images cannot be decoded: .*b\.jpg \(not a BMP, [^()]*\), .*d\.png \(.*skip_broken=True\.$"
    with pytest.raises(ValueError, match=message):
        data.image_folder(photos, size=(8, 8))
    with pytest.warns(UserWarning, match=r"^2 of 5 images .*b\.jpg.*d\.png.* They are skipped\.$"):
        examples = data.image_folder(photos, size=(8, 8), skip_broken=True)
    assert examples.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(examples.images[:, 4, 4], [(0, 0, 1), (1, 1, 1), (1, 0, 0)], atol=0.01)


def test_a_class_that_loses_all_its_images_is_an_error(photos):
    (photos / "quince" / "1.PNG").write_bytes(b"")
    with pytest.raises(ValueError, match="Without these files, no image is left of: quince"):
        data.image_folder(photos, size=(8, 8), skip_broken=True)


def test_an_error_lists_at_most_five_files(photos):
    for index in range(8):
        (photos / "quince" / f"x{index}.png").write_text("no")
    with pytest.raises(ValueError, match=r"^8 of 12 images .*x4\.png \(not a BMP, [^()]*\) and 3 more\. Remove"):
        data.image_folder(photos, size=(8, 8))


# --- Errors


def test_a_wrong_layout_is_an_error_that_describes_it(photos, tmp_path):
    (tmp_path / "more" / "empty").mkdir(parents=True)
    (tmp_path / "more" / "pear").mkdir()
    (tmp_path / "more" / "pear" / "list.txt").write_text("no image")
    expected = [
        (tmp_path / "nowhere", False, FileNotFoundError, r"^There is no folder .*nowhere\.$"),
        (photos / "apple", False, ValueError, r"Expected one folder per class in .*apple\. Received"),
        (photos, True, ValueError, r"Expected one folder per class in .*apple\. Received"),
        (tmp_path, False, ValueError, r"Every class needs an image .*: for folder/group/class use groups=True\.$"),
        (tmp_path / "more", False, ValueError, r"^Every class needs an image .*Without one: .*empty, .*pear\.$"),
    ]
    for folder, groups, error, message in expected:
        with pytest.raises(error, match=message):
            data.image_paths(folder, groups=groups)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 64}, "`size` must be 2 positive integers. Received: size=64"),
        ({"size": (8, 8), "channels": 4}, r"`channels` must be 1 \(grey\) or 3 \(RGB\). Received: channels=4"),
        (
            {"size": (8, 8), "central_fraction": 2},
            "`central_fraction` must be a number above 0 and at most 1. Received",
        ),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    for call in (lambda: data.image_folder("nowhere", **arguments), lambda: data.load_image(**arguments)):
        with pytest.raises(ValueError, match=message):
            call()
