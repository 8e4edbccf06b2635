"""Folders of images: layout, decoding, cropping and broken files."""

import warnings
from pathlib import Path

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
    for other in ("README.txt", "apple/.hidden.png", "apple/notes.csv"):
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
    "grey.gif": "L",
    "grey.jpg": "L",
    "colour.JPEG": "RGB",
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(24, 30), (60, 80), (90, 100)])
def test_image_folder_and_load_image_agree(tmp_path, size, channels):
    """Reduced, unchanged and enlarged. Pillow rounds to 1/255; JPEG decoders differ by more."""
    (tmp_path / "übung").mkdir()
    for name, mode in FORMATS.items():
        gradient().convert(mode).save(tmp_path / "übung" / name)
    sixteen_bits = np.asarray(gradient().convert("L")).astype(np.uint16) * 257
    Image.fromarray(sixteen_bits).save(tmp_path / "übung" / "sixteen.png")
    # A palette with transparency, for which Pillow warns.
    gradient().convert("P").save(tmp_path / "übung" / "glass.png", transparency=bytes(range(256)))
    examples = data.image_folder(tmp_path, size, channels)
    files = data.image_paths(tmp_path).images
    images = stream(files, size, channels)
    assert images.element_spec == tf.TensorSpec((*size, channels), tf.float32)
    for file, image, expected in zip(files, images.as_numpy_iterator(), examples.images, strict=True):
        tolerance = 0.04 if Path(file).suffix in (".jpg", ".JPEG") else 0.01
        assert np.abs(image - expected).max() < tolerance, file
        assert expected.std() > 0.1 and 0 <= image.min() and image.max() <= 1


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
        np.testing.assert_allclose(streamed, image, atol=0.01)
    np.testing.assert_allclose(image, expected, atol=0.01)


def test_pgm_and_ppm_are_decoded_in_memory_only(tmp_path):
    """Pillow decodes them, TensorFlow does not. 16-bit grey keeps its range: 257 * 100 of 65535 is 100 / 255."""
    (tmp_path / "faces").mkdir()
    gradient().save(tmp_path / "faces" / "a.ppm")
    (tmp_path / "faces" / "b.pgm").write_bytes(b"P5 8 8 255\n" + bytes([100] * 64))
    (tmp_path / "faces" / "c.pgm").write_bytes(b"P5 8 8 65535\n" + (25700).to_bytes(2, "big") * 64)
    images = data.image_folder(tmp_path, size=(60, 80)).images
    np.testing.assert_allclose(images[0] * 255, np.asarray(gradient()), atol=1e-4)
    np.testing.assert_allclose(images[1:], 100 / 255, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"convert PGM and PPM.*a\.ppm"):
        next(iter(stream([tmp_path / "faces" / "a.ppm"], (8, 8))))


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_pipeline_names_a_file_that_is_not_an_image(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a PNG, JPEG, GIF or BMP image.*broken.png"):
        next(iter(stream([tmp_path / "broken.png"], (8, 8))))


# --- Broken files


def test_broken_files_are_an_error_or_are_skipped_with_a_warning(photos):
    """b.jpg is a web page, d.png is truncated."""
    (photos / "apple" / "b.jpg").write_text("<html>404</html>")
    gradient().save(photos / "apple" / "d.png")
    (photos / "apple" / "d.png").write_bytes((photos / "apple" / "d.png").read_bytes()[:200])
    message = r"^2 of 5 images cannot be decoded: .*b\.jpg \(not an image\), .*d\.png \(.*skip_broken=True\.$"
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
    with pytest.raises(ValueError, match=r"^8 of 12 images .*x4\.png \(not an image\) and 3 more\. Remove"):
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
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    for call in (lambda: data.image_folder("nowhere", **arguments), lambda: data.load_image(**arguments)):
        with pytest.raises(ValueError, match=message):
            call()
