"""Towers that look at an image from all its sides: what each side sees, what is shared, and clear refusals."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import layers, losses, models, retrieval, towers

RNG = np.random.default_rng(5)


def looked(model, images):
    return ops.convert_to_numpy(model(np.float32(images)))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3, 4])
def test_images_are_turned_as_numpy_does(quarters, mirrored):
    images = RNG.random((2, 3, 5, 2), "float32")
    layer = towers.RotateFlip(quarters, mirrored)
    found = looked(layer, images)
    np.testing.assert_array_equal(found, np.rot90(images[:, :, ::-1] if mirrored else images, quarters, axes=(1, 2)))
    assert layer.compute_output_shape((2, 3, 5, 2)) == found.shape
    again = towers.RotateFlip.from_config(layer.get_config())
    np.testing.assert_array_equal(looked(again, images), found)


@pytest.mark.parametrize("quarters", [1.5, True, "1", None, np.array(1.5), np.array([1, 2])])
def test_a_number_of_quarters_is_whole(quarters):
    with pytest.raises(ValueError, match="`quarters` must be a whole number. Received: "):
        towers.RotateFlip(quarters)


def test_only_images_are_turned():
    with pytest.raises(ValueError, match="Only images are turned"):
        towers.RotateFlip()(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("turns", "mirrored", "ways"),
    [
        (1, False, [(0, 0)]),
        (2, False, [(0, 0), (2, 0)]),
        (4, False, [(0, 0), (1, 0), (2, 0), (3, 0)]),
        (1, True, [(0, 0), (0, 1)]),
        (4, True, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (3, 1)]),
    ],
)
def test_the_embeddings_of_all_ways_stand_side_by_side(turns, mirrored, ways):
    tower, images = towers.conv((8, 8, 1), 3, (4,)), RNG.random((5, 8, 8, 1), "float32")
    several = towers.rotated_views(tower, turns, mirrored)
    expected = []
    for quarters, flip in ways:
        expected.append(looked(tower, np.rot90(images[:, :, ::-1] if flip else images, quarters, axes=(1, 2)).copy()))
    assert several.output_shape == (None, 3 * len(ways))
    np.testing.assert_allclose(
        looked(several, images), np.concatenate(expected, axis=1) / np.sqrt(len(ways)), rtol=1e-5, atol=1e-6
    )


def test_the_cosine_is_the_mean_of_the_cosines_of_all_ways():
    tower, images = towers.dense((6, 6, 1), 7, (9,), normalize=False), RNG.random((2, 6, 6, 1), "float32")
    cosines = []
    for flip in (False, True):
        for quarters in range(4):
            seen = np.rot90(images[:, :, ::-1] if flip else images, quarters, axes=(1, 2)).copy()
            left, right = looked(tower, seen)
            cosines.append(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
    left, right = looked(towers.rotated_views(tower), images)
    np.testing.assert_allclose(left @ right, np.mean(cosines), rtol=1e-5)
    assert np.ptp(cosines) > 0.01


def test_without_normalisation_squared_distances_add_up():
    images = np.float32([[[[1], [2]], [[3], [4]]], [[[0], [0]], [[0], [5]]]])
    several = towers.rotated_views(towers.pixels((2, 2, 1)), turns=4, mirrored=False, normalize=False)
    left, right = looked(several, images)
    np.testing.assert_array_equal(left, [1, 2, 3, 4, 2, 4, 1, 3, 4, 3, 2, 1, 3, 1, 4, 2])
    assert ((left - right) ** 2).sum() == 4 * (1 + 4 + 9 + 1)


def test_two_images_turned_alike_are_as_far_apart_as_before():
    several = towers.rotated_views(towers.conv((8, 8, 1), 4, (4,)))
    images = RNG.random((2, 8, 8, 1), "float32")
    left, right = looked(several, images)
    for flip in (False, True):
        for quarters in range(4):
            seen = np.rot90(images[:, :, ::-1] if flip else images, quarters, axes=(1, 2)).copy()
            other_left, other_right = looked(several, seen)
            np.testing.assert_allclose(other_left @ other_right, left @ right, rtol=1e-5)
    # And not because turned images would be the same to it.
    assert abs(other_left @ left - 1) > 1e-3


def test_weights_are_shared_and_can_learn():
    tower = towers.conv((8, 8, 1), 3, (4,))
    several = towers.rotated_views(tower)
    assert several.count_params() == tower.count_params()
    before = tower.get_weights()
    several.compile("sgd", losses.InBatchSoftmaxLoss())
    several.train_on_batch(RNG.random((8, 8, 8, 1), "float32"), np.repeat(np.arange(4), 2))
    assert any((old != new).any() for old, new in zip(before, tower.get_weights(), strict=True))


def test_it_is_a_tower_like_others(tmp_path):
    several = towers.rotated_views(towers.conv((8, 8, 1), 3, (4,)))
    assert several.name == "tower"
    assert models.tower_of(several) is several
    siamese = models.siamese(several, distance="cosine")
    assert models.tower_of(siamese) is several
    images = RNG.random((6, 8, 8, 1), "float32")
    several.save(tmp_path / "tower.keras")
    siamese.save(tmp_path / "siamese.keras")
    again = keras.saving.load_model(tmp_path / "tower.keras")
    np.testing.assert_array_equal(looked(again, images), looked(several, images))
    pairs = {"left": images[:3], "right": images[3:]}
    whole = keras.saving.load_model(tmp_path / "siamese.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(whole(pairs)), ops.convert_to_numpy(siamese(pairs)))
    assert retrieval.embed(several, images).shape == (6, 24)


def test_images_that_are_not_square_are_turned_upside_down_only():
    tower, images = towers.conv((8, 12, 3), 3, (4,)), RNG.random((2, 8, 12, 3), "float32")
    with pytest.raises(ValueError, match=r"Only square images .* a tower of images \(8, 12, 3\). Give `turns=2`"):
        towers.rotated_views(tower)
    found = looked(towers.rotated_views(tower, turns=2, mirrored=False, normalize=False), images)
    np.testing.assert_allclose(
        found, np.concatenate([looked(tower, images), looked(tower, images[:, ::-1, ::-1].copy())], 1), rtol=1e-5
    )


def test_embeddings_stay_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        several = towers.rotated_views(towers.conv((8, 8, 1), 3, (4,)))
    finally:
        keras.config.set_dtype_policy(before)
    assert several.get_layer("turned_90_mirrored").compute_dtype == "float32"
    assert keras.backend.standardize_dtype(several(np.ones((2, 8, 8, 1), "float32")).dtype) == "float32"


@pytest.mark.parametrize("turns", [0, 3, True, 8, "4", 2.0, None, np.array([2])])
def test_turns_are_one_two_or_four(turns):
    with pytest.raises(ValueError, match="`turns` must be 1, 2 or 4. Received: "):
        towers.rotated_views(towers.conv((8, 8, 1), 3, (4,)), turns)


@pytest.mark.parametrize(
    "tower",
    [
        lambda: towers.dense(9),
        lambda: models.siamese(towers.conv((8, 8, 1), 3, (4,))),
        lambda: keras.Sequential([keras.layers.Dense(3)]),
        lambda: layers.UnitLength(),
        lambda: None,
        lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)]),
    ],
)
def test_something_else_than_a_tower_of_images_is_refused(tower):
    with pytest.raises(ValueError, match="`tower` must be a built keras.Model from images, .* Received: "):
        towers.rotated_views(tower())


@pytest.mark.parametrize("wrong", ["no", None, 1, np.array([True, False])])
def test_what_is_yes_or_no_is_nothing_else(wrong):
    for name in ("mirrored", "normalize"):
        with pytest.raises(ValueError, match=f"`{name}` must be True or False. Received: "):
            towers.rotated_views(towers.pixels((2, 2, 1)), **{name: wrong})
    with pytest.raises(ValueError, match="`mirrored` must be True or False. Received: "):
        towers.RotateFlip(mirrored=wrong)


@pytest.mark.parametrize("structure", [lambda x: [x], lambda x: {"embedding": x}])
def test_the_one_output_may_be_in_a_list_or_dict(structure):
    inputs = keras.Input((2, 2, 1))
    tower = keras.Model(inputs, structure(keras.layers.Flatten()(inputs)))
    images = RNG.random((3, 2, 2, 1), "float32")
    for turns, mirrored in ((1, False), (4, True)):
        options = {"turns": turns, "mirrored": mirrored, "normalize": False}
        np.testing.assert_array_equal(
            looked(towers.rotated_views(tower, **options), images),
            looked(towers.rotated_views(towers.pixels((2, 2, 1)), **options), images),
        )


def test_one_way_of_looking_is_float32_too():
    inputs = keras.Input((2, 2, 1))
    tower = keras.Model(inputs, keras.layers.Flatten(dtype="float16")(inputs))
    found = towers.rotated_views(tower, turns=1, mirrored=False, normalize=False)(np.ones((3, 2, 2, 1), "float32"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
