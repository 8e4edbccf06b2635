"""The tower for signatures and its fixed layer."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras.applications import signatures
from siamkeras.applications.signatures.model import NOISE, SHARPNESS, StrokeDirections

RNG = np.random.default_rng(5)


def test_stroke_directions_agree_with_a_loop_over_pixels_and_cells():
    image = RNG.random((8, 12), dtype="float32")
    votes = np.zeros((8, 12, 6))
    for row in range(1, 7):
        for column in range(1, 11):
            across = image[row, column + 1] - image[row, column - 1]
            down = image[row + 1, column] - image[row - 1, column]
            squared = across**2 + down**2 + NOISE
            for direction in range(6):
                angle = np.pi * direction / 6
                cosine_squared = (across * np.cos(angle) + down * np.sin(angle)) ** 2 / squared
                votes[row, column, direction] = np.sqrt(squared) * cosine_squared**SHARPNESS
    cells = votes.reshape(2, 4, 3, 4, 6).mean(axis=(1, 3))
    total = (cells**2).sum(axis=-1)
    expected = np.zeros_like(cells)
    for row in range(2):
        for column in range(3):
            around = total[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            expected[row, column] = cells[row, column] / np.sqrt(around.mean() + NOISE)
    found = StrokeDirections(directions=6, cell=4)(image[None, ..., None])
    np.testing.assert_allclose(ops.convert_to_numpy(found)[0], expected, atol=1e-4)


def test_a_vertical_and_a_horizontal_stroke_have_perpendicular_directions():
    """The gradient of a vertical stroke is horizontal, direction 0 of 4; that of a horizontal one is direction 2."""
    images = np.zeros((2, 16, 16, 1), "float32")
    images[0, :, 7], images[1, 7] = 1, 1
    shares = ops.convert_to_numpy(ops.mean(StrokeDirections(directions=4)(images), axis=(1, 2)))
    assert shares.argmax(axis=1).tolist() == [0, 2]


def test_the_tower_gives_unit_length_and_is_saved_and_loaded(tmp_path):
    tower = signatures.stroke_tower((32, 64, 1), embedding_dim=8, filters=(3, 4))
    images = RNG.random((2, 32, 64, 1), dtype="float32")
    embeddings = ops.convert_to_numpy(tower(images))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-4)
    tower.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(images)), embeddings, atol=1e-5)


@pytest.mark.parametrize(
    "shape, message", [((64, 128, 3), "one channel"), ((8, 64, 1), "at least 16 pixels"), ((64, 128), "input_shape")]
)
def test_unsuitable_image_shapes_raise(shape, message):
    with pytest.raises(ValueError, match=message):
        signatures.stroke_tower(shape)
