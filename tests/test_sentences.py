"""Pairs of sentences: read from files, from the hub, or made up; streamed in bounded memory; their correlation."""

import numpy as np
import pytest
from scipy import stats

from siamkeras import evaluation, generators
from siamkeras.data.examples import checked_sentences

# --- Streams

LEFT, RIGHT = np.array(["a b", "c", "d e f"]), np.array(["x", "y z", "w"])


def test_sentences_are_streamed_as_they_are():
    stream = generators.from_pairs(LEFT, RIGHT, [0, 0.5, 1], batch_size=2, shuffle=False, text=True)
    found = [(inputs["left"].numpy().tolist(), same.numpy().tolist()) for inputs, same in stream]
    assert found == [([b"a b", b"c"], [0.0, 0.5]), ([b"d e f"], [1.0])]
    shuffled = generators.from_pairs(LEFT.tolist(), RIGHT.tolist(), [0, 0.5, 1], text=True)
    (inputs, same), *_ = shuffled
    told = {
        row for row in zip(*(each.numpy().tolist() for each in (inputs["left"], inputs["right"], same)), strict=True)
    }
    assert told == {(b"a b", b"x", 0.0), (b"c", b"y z", 0.5), (b"d e f", b"w", 1.0)}


def test_numbers_of_words_are_streamed_as_they_are():
    ids = np.array([[1, 2], [3, 0], [300, 5]])
    stream = generators.from_pairs(ids, ids[::-1], [0, 0.5, 1], shuffle=False, text=True)
    inputs, _ = next(iter(stream))
    assert inputs["left"].numpy().tolist() == ids.tolist() and inputs["left"].dtype == "int32"


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"left": ["a", "", "b"]}, "Every sentence needs at least one word. Received: '' at position 1 of `left`"),
        ({"right": [1.0, 2.0, 3.0]}, "`right` must be sentences, \\(n,\\) strings.* Received: float64"),
        ({"left": ["a", "b"]}, "Received: 2 left, 3 right, 3 labels"),
        ({"same": [0, 1.5, 1]}, "`same` must lie in \\[0, 1\\].* Received: 1.5 at position 1. Scale other scores"),
        ({"left": np.array([[-1], [0], [1]])}, "whole and at least 0. Received: `left`"),
        ({"load": len}, "`load` reads files; sentences are there already"),
        ({"text": False}, "`left` holds file paths"),
    ],
)
def test_sentences_that_make_no_pairs_are_refused(changed, message):
    given = {"left": LEFT, "right": RIGHT, "same": [0, 0.5, 1], "text": True} | changed
    with pytest.raises(ValueError, match=message):
        generators.from_pairs(**given)


def test_one_long_sentence_does_not_widen_the_others():
    """As an array of fixed width, 20,000 sentences beside one of 100,000 letters would be 8 GB."""
    found = checked_sentences(["a"] * 20_000 + ["b" * 100_000])
    assert found.dtype == object and found.nbytes == 20_001 * 8
    assert len(found[-1]) == 100_000


@pytest.mark.parametrize("missing", [float("nan"), None, 3])
def test_a_missing_sentence_is_not_made_a_word(missing):
    with pytest.raises(ValueError, match="`left` must be sentences"):
        generators.from_pairs(["a", missing], ["b", "c"], [1, 0], text=True)


def test_bytes_of_another_encoding_are_named_with_their_place():
    with pytest.raises(ValueError, match="bytes in UTF-8. Received: .* at position 1 of `right`"):
        generators.from_pairs(["a", "b"], [b"c", b"\xff\xfe"], [1, 0], text=True)
