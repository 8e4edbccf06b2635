"""The argument checks shared by the whole package."""

import numpy as np
import pytest

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
        ("check_seed", (-1,), "`seed` must be an integer of at least 0"),
        ("check_labels", ([[1], [2]],), r"one-dimensional.*labels.reshape\(-1\)"),
        ("check_labels", (np.eye(3, dtype=int),), r"one-dimensional.*labels.argmax\(axis=1\)"),
        ("check_labels", ([],), "`labels` is empty"),
        ("check_labels", ([0.5],), "`labels` must be integers or strings. Received: float64"),
        ("check_labels", ([1, 2], "labels", 3), "one entry for each of the 3 examples. Received: 2"),
        ("check_embeddings", (np.zeros(3),), r"a numeric array \(n, dim\)"),
        ("check_embeddings", ([[1.0, np.nan]],), "must be finite and below 1e.15. Received: nan in row 0"),
        ("check_embeddings", ([[1.0, 2.0]], "embeddings", 3), "must have 3 columns"),
        ("check_images", (np.zeros((0, 4, 4, 1)),), "non-empty array"),
        ("check_images", (np.zeros((2, 4), int),), "float32 in .* or uint8 in 0-255. Received: int64"),
        ("check_images", (NAN_FAR_DOWN,), "NaN or infinity in 2345"),
        ("check_images", (["a.png"],), "holds file paths; pass `load=data.load_image"),
        ("check_images", ([["a", "b"]], len), r"one-dimensional, \(n,\). Received: `images` of shape \(1, 2\)"),
        ("check_images", (np.zeros((2, 2), "float32"), len), "`load` reads file paths, but"),
        ("check_sentences", ([],), "non-empty list of strings"),
        ("check_sentences", (["a", float("nan")],), "list of strings, .*Received: nan"),
        ("check_sentences", (["a", " "],), "must not contain empty strings. Received: 1 of them, the first at index 1"),
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


def test_valid_values_are_returned_in_a_plain_form():
    assert type(validation.check_integer("k", np.int8(3))) is int
    assert type(validation.check_number("margin", np.float32(0.5))) is float
    assert validation.check_sizes("size", np.int64(8)) == (8,) and validation.check_sizes("size", [8, 9], 2) == (8, 9)
    assert validation.check_labels(np.array(["a", "b"], object)).dtype.kind == "U"
    assert validation.check_sentences(["one", b"two"]).tolist() == ["one", "two"]
    assert validation.check_text(np.array([[1, 2]], "int64")).dtype == np.int32
    assert validation.check_embeddings([[1, 2]]).dtype == np.float32


def test_sentences_are_stored_as_objects():
    """A fixed width would multiply the memory of all sentences by the length of the longest."""
    sentences = validation.check_sentences(["a"] * 1000 + ["b" * 100_000])
    assert sentences.dtype == object and sentences.nbytes == 1001 * 8
