"""Rotated and flipped views of an image, embedded by one tower."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import losses, models, retrieval, towers
from siamkeras.towers.ensembles import RotateFlip

RNG = np.random.default_rng(5)
ALL_VIEWS = [(turns, flip) for flip in (False, True) for turns in range(4)]


def embed(model, images):
    return ops.convert_to_numpy(model(np.float32(images)))


def view(images, quarter_turns, flip):
    return np.rot90(images[:, :, ::-1] if flip else images, quarter_turns, axes=(1, 2)).copy()


def small_tower(shape=(6, 6, 1)):
    return towers.dense(shape, 3, ())


@pytest.mark.parametrize("quarter_turns, flip", ALL_VIEWS)
def test_rotation_and_flip_agree_with_numpy(quarter_turns, flip):
    images = RNG.random((2, 3, 5, 2), "float32")
    layer = RotateFlip(quarter_turns, flip)
    expected = view(images, quarter_turns, flip)
    np.testing.assert_array_equal(embed(layer, images), expected)
    assert layer.compute_output_shape((2, 3, 5, 2)) == expected.shape


@pytest.mark.parametrize(
    "rotations, flips, views",
    [
        (1, False, [(0, 0)]),
        (2, False, [(0, 0), (2, 0)]),
        (4, False, [(0, 0), (1, 0), (2, 0), (3, 0)]),
        (1, True, [(0, 0), (0, 1)]),
        (4, True, ALL_VIEWS),
    ],
)
def test_the_unit_length_embeddings_of_all_views_are_concatenated(rotations, flips, views):
    """The cosine similarity of two images is therefore the mean over the views."""
    tower, images = towers.dense((6, 6, 1), 3, (9,), normalize=False), RNG.random((5, 6, 6, 1), "float32")
    ensemble = towers.rotated_views(tower, rotations, flips)
    parts = [embed(tower, view(images, *each)) for each in views]
    parts = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    assert ensemble.output_shape == (None, 3 * len(views))
    expected = np.concatenate(parts, axis=1) / np.sqrt(len(views))
    np.testing.assert_allclose(embed(ensemble, images), expected, rtol=1e-4, atol=1e-6)


def test_rotating_both_images_preserves_their_similarity_and_rotating_one_does_not():
    ensemble, images = towers.rotated_views(small_tower()), RNG.random((2, 6, 6, 1), "float32")
    left, right = embed(ensemble, images)
    for each in ALL_VIEWS:
        other_left, other_right = embed(ensemble, view(images, *each))
        np.testing.assert_allclose(other_left @ other_right, left @ right, rtol=1e-5)
    assert abs(other_left @ left - 1) > 1e-3


def test_weights_are_shared_and_trained():
    tower = small_tower()
    ensemble = towers.rotated_views(tower, rotations=2)
    assert ensemble.count_params() == tower.count_params()
    before = tower.get_weights()
    ensemble.compile("sgd", losses.InBatchSoftmaxLoss(), run_eagerly=keras.backend.backend() == "tensorflow")
    ensemble.train_on_batch(RNG.random((8, 6, 6, 1), "float32"), np.repeat(np.arange(4), 2))
    assert any((old != new).any() for old, new in zip(before, tower.get_weights(), strict=True))


def test_the_ensemble_is_saved_and_used_as_a_tower(tmp_path):
    ensemble, images = towers.rotated_views(small_tower()), RNG.random((6, 6, 6, 1), "float32")
    siamese = models.siamese(ensemble, distance="cosine")
    assert models.tower_of(siamese) is ensemble
    assert retrieval.embed(ensemble, images).shape == (6, 24)
    siamese.save(tmp_path / "siamese.keras")
    pairs = {"left": images[:3], "right": images[3:]}
    loaded = keras.saving.load_model(tmp_path / "siamese.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(pairs)), ops.convert_to_numpy(siamese(pairs)))


def test_rectangular_images_are_rotated_by_180_degrees_only():
    tower, images = small_tower((8, 12, 3)), RNG.random((2, 8, 12, 3), "float32")
    with pytest.raises(ValueError, match=r"needs square images. Received: .* \(8, 12, 3\). Use `rotations=2`"):
        towers.rotated_views(tower)
    found = embed(towers.rotated_views(tower, rotations=2, flips=False), images)
    expected = np.concatenate([embed(tower, images), embed(tower, images[:, ::-1, ::-1])], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("structure", [lambda x: [x], lambda x: {"embedding": x}])
def test_the_output_of_the_tower_may_be_in_a_list_or_dict(structure):
    inputs = keras.Input((2, 2, 1))
    tower = keras.Model(inputs, structure(keras.layers.Flatten()(inputs)))
    images = RNG.random((3, 2, 2, 1), "float32")
    expected = embed(towers.rotated_views(towers.pixels((2, 2, 1))), images)
    np.testing.assert_array_equal(embed(towers.rotated_views(tower), images), expected)


@pytest.mark.parametrize("name", ["inputs", "concatenate", "rotate_0", "unit_length_90_flip", "unit_length"])
def test_the_tower_may_have_the_name_of_a_layer(name):
    tower, images = towers.pixels((2, 2, 1)), RNG.random((3, 2, 2, 1), "float32")
    other = keras.Model(tower.input, tower.output, name=name)
    expected = embed(towers.rotated_views(tower), images)
    np.testing.assert_array_equal(embed(towers.rotated_views(other), images), expected)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.rotated_views(small_tower(), 3), "`rotations` must be 1, 2 or 4. Received: rotations=3"),
        (lambda: towers.rotated_views(towers.dense(9)), "expected ndim=4, found ndim=2"),
        (lambda: towers.rotated_views(models.siamese(small_tower())), "one input and one output .batch, dim."),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
