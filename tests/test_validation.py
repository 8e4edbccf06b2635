"""The argument checks shared by the whole package."""

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import _validation as validation

NAN_FAR_DOWN = np.zeros((3000, 2), "float32")
NAN_FAR_DOWN[2345, 1] = np.nan


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        ("check_integer", ("k", 2.0, 1), "`k` must be an integer of at least 1. Received: k=2.0"),
        ("check_integer", ("k", True), "Received: k=True"),
        ("check_integer", ("k", 9, 1, 5), "of at least 1 and at most 5. Received: k=9"),
        ("check_number", ("margin", float("nan")), "`margin` must be a number that is finite"),
        ("check_number", ("margin", 0, None, None, 0), "`margin` must be a number above 0. Received: margin=0"),
        ("check_range", ("scale", (2, 1)), r"`scale` must be a range \(low, high\) with low <= high"),
        ("check_choice", ("mode", "c", ("a", "b")), "`mode` must be one of 'a', 'b'. Received: mode='c'"),
        ("check_sizes", ("size", (8, 8, 3), 2), "`size` must be 2 positive integers"),
        ("check_choice", ("mode", np.str_("c"), ("a", "b")), "Received: mode='c'"),
        ("check_integer", ("k", np.float64(2.5)), "Received: k=2.5"),
        ("check_sizes", ("size", [np.int64(8), np.int64(0)]), r"Received: size=\[8, 0\]"),
        ("check_range", ("scale", (np.float64(2), 1)), r"Received: scale=\(2.0, 1\)"),
        ("check_seed", (-1,), "`seed` must be an integer of at least 0"),
        ("check_labels", (np.zeros((2, 1, 1), int),), r"one-dimensional.*shape \(2, 1, 1\)"),
        ("check_labels", (np.eye(3, dtype=int),), r"one-dimensional.*labels.argmax\(axis=1\)"),
        ("check_labels", ([],), "`labels` is empty"),
        ("check_labels", ([0.5],), "`labels` must be integers or strings. Received: float64"),
        ("check_labels", (["a", float("nan")],), "`labels` must be integers or strings. Received: object"),
        ("check_labels", ([1, "1"],), "`labels` must be integers or strings. Received: object"),
        ("check_labels", ([1, 2], "labels", 3), "one entry for each of the 3 examples. Received: 2"),
        ("check_embeddings", (np.zeros(3),), r"a numeric array \(n, dim\)"),
        ("check_embeddings", ([[1.0, np.nan]],), "must be finite and below 1e.15. Received: nan in row 0"),
        ("check_embeddings", ([[1.0, 2.0]], "embeddings", 3), "must have 3 columns"),
        ("check_images", (np.zeros((0, 4, 4, 1)),), "non-empty array"),
        ("check_images", (np.zeros((2, 4), int),), "float32 in .* or uint8 in 0-255. Received: int64"),
        ("check_images", ([np.zeros((4, 4, 4)), np.zeros((4, 4, 3))],), r"same shape.*\[\(4, 4, 3\), \(4, 4, 4\)\]"),
        ("check_images", (NAN_FAR_DOWN,), "NaN or infinity in 2345"),
        ("check_images", (["a.png"],), "holds strings. .* pass `load=data.load_image.* pass `text=True`"),
        ("check_images", ([["a", "b"]], len), r"one-dimensional, \(n,\). Received: `images` of shape \(1, 2\)"),
        ("check_images", (np.zeros((2, 2), "float32"), len), "`load` reads file paths, but"),
        ("check_sentences", ([],), "non-empty list of strings"),
        ("check_sentences", (["a", float("nan")],), "non-empty strings. .* 1 of 2 .* first is nan at position 1"),
        ("check_sentences", (("a", None, "b", ""),), "Received: 2 of 4 are invalid; the first is None at position 1"),
        ("check_sentences", (["a", " \u2003"],), r"Received: 1 of 2 .* ' \\u2003' at position 1"),
        ("check_sentences", (np.array([b"a", b"\xff"]),), r"first is b'\\xff' at position 1"),
        ("check_sentences", (["\ud800"],), r"first is '\\ud800' at position 0"),
        ("check_text", ([[1, -1]],), "Token ids must be integers >= 0"),
    ],
)
def test_wrong_values_are_errors(check, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(validation, check)(*arguments)


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "here.png").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="No such file: '.*gone.png'"):
        validation.check_images([tmp_path / "here.png", tmp_path / "gone.png"], load=len)


def test_other_floats_become_float32_and_valid_images_are_not_copied():
    images = validation.check_images(np.full((2, 2), 0.5, "float64"))
    assert images.dtype == np.float32 and (images == 0.5).all()
    for dtype in ("float32", "uint8"):
        images = np.ones((5, 2), dtype)
        assert np.shares_memory(validation.check_images(images), images)


def test_images_outside_their_range_raise_a_warning():
    """Points `(n, 2)` may have large values, images `(n, height, width)` may not."""
    points, images = np.full((3, 2), 200.0), np.full((3, 2, 2), 200.0)
    validation.check_images(points)
    validation.check_images(images, scale=False)
    validation.check_images(images.astype("uint8"))
    validation.check_images(images / 150)
    for values in (images, -images):
        with pytest.warns(UserWarning, match=r"expected in \[0, 1\]. Received: `images` from .*200.*`scale=False`"):
            validation.check_images(values)


def test_the_first_file_is_loaded_and_checked(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    paths = [tmp_path / "a.png"]
    with pytest.warns(UserWarning, match=r"Received: `load\(path\)` from 200 to 200"):
        validation.check_images(paths, lambda path: tf.fill((2, 2, 1), 200.0))
    validation.check_images(paths, lambda path: tf.fill((2, 2, 1), 200.0), scale=False)
    with pytest.raises(ValueError, match=r"`load\(path\)` must be float32 in .* or uint8 in 0-255. Received: int32"):
        validation.check_images(paths, lambda path: tf.zeros((2, 2, 1), tf.int32))


def test_valid_values_are_returned_in_a_plain_form():
    assert type(validation.check_integer("k", np.int8(3))) is int
    assert type(validation.check_number("margin", np.float32(0.5))) is float
    assert validation.check_sizes("size", np.int64(8)) == (8,) and validation.check_sizes("size", [8, 9], 2) == (8, 9)
    assert validation.check_labels(np.array(["a", "b"], object)).dtype.kind == "U"
    for column in ([[3], [1]], [["a"], ["b"]], np.array([["a"], ["b"]], object)):
        assert validation.check_labels(column, count=2).tolist() == [label for row in column for label in row]
    assert validation.check_sentences(["one", b"two", "cafe\u0301"]).tolist() == ["one", "two", "caf\u00e9"]
    assert validation.check_text(np.array([[1, 2]], "int64")).dtype == np.int32
    assert validation.check_embeddings([[1, 2]]).dtype == np.float32


def test_missing_sentences_of_a_data_frame_are_named_by_position():
    pandas = pytest.importorskip("pandas")
    assert validation.check_text(pandas.Series(["a", "b"], index=[7, 8])).tolist() == ["a", "b"]
    for missing, dtype in ((None, object), (np.nan, object), (pandas.NA, "string"), (np.nan, "category")):
        series = pandas.Series(["a", "b", missing, missing], index=[7, 8, 9, 2], dtype=dtype)
        with pytest.raises(ValueError, match="`left` must be non-empty strings. Received: 2 of 4 .* at position 2"):
            validation.check_text(series, "left")


def test_a_hugging_face_data_set_is_not_an_array_of_images():
    datasets = pytest.importorskip("datasets")
    examples = datasets.Dataset.from_dict({"image": [[[0.5]], [[0.25]]], "label": [1, 2]})
    for data in (examples, datasets.DatasetDict({"train": examples})):
        with pytest.raises(ValueError, match="`images` must be images. Received: a data set. .* 'label'"):
            validation.check_images(data)
    assert validation.check_images(np.array(examples["image"])).shape == (2, 1, 1)


def test_sentences_are_stored_as_objects():
    """A fixed width would multiply the memory of all sentences by the length of the longest."""
    sentences = validation.check_sentences(["a"] * 1000 + ["b" * 100_000])
    assert sentences.dtype == object and sentences.nbytes == 1001 * 8
