"""Few-shot segmentation: layers against loops and hand-derived numbers, a model that is saved, trained, and refused."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses
from siamkeras.applications import segmentation

RNG = np.random.default_rng(3)


def numpy(x):
    return ops.convert_to_numpy(x)


def masks(*shape):
    return (RNG.random(shape) > 0.5).astype("float32")


def episode(batch=2, references=3, size=8):
    inputs = {
        "query": RNG.random((batch, size, size, 1)).astype("float32"),
        "references": RNG.random((batch, references, size, size, 1)).astype("float32"),
        "masks": masks(batch, references, size, size),
    }
    return inputs, masks(batch, size, size)


def small(**arguments):
    keras.utils.set_random_seed(0)
    return segmentation.few_shot_segmenter(segmentation.maps_tower((8, 8, 1), filters=(3, 4)), **arguments)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_prototype_is_the_mean_over_the_mask_as_the_loop_says(factor):
    features, inside = RNG.normal(size=(2, 3, 2, 3, 5)), masks(2, 3, 2 * factor, 3 * factor)
    found = numpy(segmentation.MaskedAveragePooling()([features.astype("float32"), inside]))
    expected = [oracles.masked_average(f.tolist(), m.tolist(), factor) for f, m in zip(features, inside, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_background_is_what_the_masks_leave_out():
    features, inside = RNG.normal(size=(2, 3, 4, 4, 5)).astype("float32"), masks(2, 3, 8, 8)
    found = segmentation.MaskedAveragePooling(outside=True)([features, inside])
    np.testing.assert_allclose(
        numpy(found), numpy(segmentation.MaskedAveragePooling()([features, 1 - inside])), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("outside", [False, True])
def test_a_reference_with_an_empty_mask_counts_for_nothing(outside):
    """Two references and a third that is all zeros: the prototype of the two."""
    features, inside = RNG.normal(size=(2, 3, 4, 4, 5)).astype("float32"), masks(2, 3, 8, 8)
    inside[:, 2] = 0
    pool = segmentation.MaskedAveragePooling(outside=outside)
    np.testing.assert_allclose(
        numpy(pool([features, inside])), numpy(pool([features[:, :2], inside[:, :2]])), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("outside", [False, True])
def test_no_mask_at_all_gives_a_zero_prototype_and_finite_gradients(outside):
    empty = np.zeros((1, 2, 4, 4), "float32")
    pool, alike = segmentation.MaskedAveragePooling(outside=outside), segmentation.CosineMap()

    def maps(features):
        return alike([features[:, 0], pool([features, empty])])

    features = RNG.normal(size=(1, 2, 2, 2, 3)).astype("float32")
    assert (numpy(pool([features, empty])) == 0).all()
    assert (numpy(maps(ops.convert_to_tensor(features))) == 0).all()
    assert np.isfinite(oracles.gradient(maps, features)).all()
    assert np.isfinite(oracles.gradient(maps, np.zeros_like(features))).all()


def test_cosine_maps_by_hand():
    """Prototype (3, 4): with itself 1, with (4, -3) 0, with (-3, -4) -1, with nothing 0."""
    features = np.float32([[3, 4], [4, -3], [-6, -8], [0, 0]]).reshape(1, 2, 2, 2)
    found = segmentation.CosineMap()([features, np.float32([[3, 4]])])
    np.testing.assert_allclose(numpy(found).ravel(), [1, 0, -1, 0], atol=1e-6)


def test_dense_comparison_by_hand():
    """A row of two places; inside is what is like (1, 0), outside what is like (0, 1), in the reference at the same
    places. `alike` is 1 for the same direction and 0.5 for a right angle: the left place matches inside with 1 and
    outside with 0.5, the right one the other way round. The vote of the left place, with sharpness 10 and a reach of
    1/4, i.e. exp(2.1) = 8.17 for half a width squared: 1 / (1 + exp(-(9.97 + 8.17 / 4)))."""
    features = np.float32([[1, 0], [0, 1]]).reshape(1, 1, 2, 2)
    found = segmentation.DenseComparison()([features, features[:, None], np.float32([[[[1, 0]]]])])
    left = 1 / (1 + np.exp(-(np.exp(2.3) + np.exp(2.1) / 4)))
    expected = [[1, 0.5, left], [0.5, 1, 1 - left]]
    np.testing.assert_allclose(numpy(found)[0, 0], expected, atol=1e-5)


def test_dense_comparison_agrees_with_the_loop():
    query, references, inside = RNG.normal(size=(2, 2, 3, 4)), RNG.normal(size=(2, 3, 2, 3, 4)), masks(2, 3, 4, 6)
    inside[1, 1] = 0
    found = segmentation.DenseComparison()([query.astype("float32"), references.astype("float32"), inside])
    expected = [
        oracles.dense_comparison(q, r, m, np.exp(2.3), np.exp(2.1))
        for q, r, m in zip(query, references, inside, strict=True)
    ]
    np.testing.assert_allclose(numpy(found), expected, rtol=1e-4, atol=1e-5)


def test_dense_comparison_of_nothing_is_0_with_a_finite_gradient():
    empty, layer = np.zeros((1, 2, 4, 4), "float32"), segmentation.DenseComparison()
    features = RNG.normal(size=(1, 2, 2, 2, 3)).astype("float32")
    assert (numpy(layer([features[:, 0], features, empty])) == 0).all()
    gradient = oracles.gradient(lambda f: layer([f[:, 0], f, empty]), np.zeros_like(features))
    assert np.isfinite(gradient).all()


def test_where_the_masks_lie_is_their_mean_without_the_empty_ones():
    """Blocks of 2 x 2: the first mask fills the left one, the second a quarter of the right; the third is empty."""
    inside = np.zeros((1, 3, 2, 4), "float32")
    inside[0, 0, :, :2], inside[0, 1, 0, 3] = 1, 1
    found = numpy(segmentation.MeanMask(factor=2)(inside))
    np.testing.assert_allclose(found[0, 0, :, 0], [0.5, 0.125])
    assert (numpy(segmentation.MeanMask()(0 * inside)) == 0).all()


def test_references_go_through_the_tower_one_by_one_and_come_back():
    images = RNG.random((2, 3, 4, 4, 1)).astype("float32")
    flat = segmentation.OneByOne()(images)
    assert tuple(flat.shape) == (6, 4, 4, 1)
    np.testing.assert_array_equal(numpy(segmentation.ByEpisode()([flat, images])), images)


@pytest.mark.parametrize("references", [None, 3])
@pytest.mark.parametrize("dense", [0, 1, 2])
def test_a_segmenter_gives_a_probability_for_each_pixel(references, dense):
    inputs, _ = episode()
    found = numpy(small(references=references, dense=dense)(inputs))
    assert found.shape == (2, 8, 8)
    assert ((found >= 0) & (found <= 1)).all()


def test_one_model_takes_any_number_of_references_in_any_order():
    model = small()
    for count in (1, 2, 5):
        inputs, _ = episode(references=count)
        turned = {**inputs, "references": inputs["references"][:, ::-1], "masks": inputs["masks"][:, ::-1]}
        np.testing.assert_allclose(numpy(model(inputs)), numpy(model(turned)), atol=1e-5)


def test_empty_references_that_fill_up_an_episode_change_nothing():
    inputs, _ = episode(references=2)
    more = {name: np.concatenate([inputs[name], 0 * inputs[name]], axis=1) for name in ("references", "masks")}
    np.testing.assert_allclose(numpy(small()(inputs)), numpy(small()({**inputs, **more})), atol=1e-5)


def test_an_episode_without_any_mask_gives_finite_probabilities():
    inputs, _ = episode()
    assert np.isfinite(numpy(small()({**inputs, "masks": 0 * inputs["masks"]}))).all()


def test_the_tower_is_one_for_query_and_references_and_can_be_the_users_own():
    tower = segmentation.maps_tower((8, 8, 1), filters=(3, 4))
    model = segmentation.few_shot_segmenter(tower)
    assert [layer for layer in model.layers if isinstance(layer, keras.Model)] == [tower]


def test_a_segmenter_is_trained_saved_and_loaded(tmp_path):
    model = small()
    inputs, truth = episode(batch=4)
    model.compile(keras.optimizers.Adam(0.02), losses.DiceCrossEntropyLoss())
    history = model.fit(inputs, truth, epochs=12, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]
    model.save(tmp_path / "mine.keras")
    again = keras.saving.load_model(tmp_path / "mine.keras")
    np.testing.assert_allclose(numpy(again(inputs)), numpy(model(inputs)), atol=1e-6)


def test_what_is_learned_of_the_vote_moves_with_the_gradient():
    model = small()
    layer = model.get_layer("dense_2")
    before = [float(ops.convert_to_numpy(weight)) for weight in (layer.sharpness, layer.nearness)]
    inputs, truth = episode(batch=4)
    model.compile(keras.optimizers.SGD(1.0), losses.DiceLoss())
    model.fit(inputs, truth, epochs=2, batch_size=4, verbose=0)
    after = [float(ops.convert_to_numpy(weight)) for weight in (layer.sharpness, layer.nearness)]
    assert all(end != start for end, start in zip(after, before, strict=True))


def test_mixed_precision_compares_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        found = small()(episode()[0])
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert np.isfinite(numpy(found)).all()


@pytest.mark.parametrize(
    "shape, filters, told",
    [
        ((8, 8), (3, 4), "must be .height, width, channels."),
        ((9, 8, 1), (3, 4), r"2 scales need sides that are multiples of 2.*Received: input_shape=\(9, 8, 1\)"),
        ((8, 8, 1), (3,), "at least two scales"),
        ((8, 8, 1), (3, 0), "`filters` must be made of positive whole numbers"),
    ],
)
def test_a_tower_that_cannot_be_is_refused(shape, filters, told):
    with pytest.raises(ValueError, match=told):
        segmentation.maps_tower(shape, filters)


def test_a_tower_of_one_embedding_is_refused():
    from siamkeras import towers

    for tower in (towers.dense((8, 8, 1)), "tower", None):
        with pytest.raises(ValueError, match="`tower` must be a keras.Model from one image .* Received: "):
            segmentation.few_shot_segmenter(tower)


@pytest.mark.parametrize("arguments", [{"references": 0}, {"references": 1.5}, {"dense": 3}, {"dense": -1}])
def test_counts_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match="positive whole numbers|`dense` is a number of scales, from 0 to 2"):
        small(**arguments)


def test_a_reference_of_another_size_than_the_query_is_refused():
    inputs, _ = episode()
    larger = RNG.random((2, 3, 16, 16, 1)).astype("float32")
    with pytest.raises(ValueError, match="shape"):
        small()({**inputs, "references": larger})
    with pytest.raises(ValueError, match=r"A query and its references have feature maps of one shape"):
        segmentation.DenseComparison()([np.zeros((1, 4, 4, 2)), np.zeros((1, 1, 2, 2, 2)), np.zeros((1, 1, 4, 4))])


@pytest.mark.parametrize("size", [(3, 4), (4, 6), (2, 4)])
def test_masks_that_do_not_fit_the_maps_are_refused(size):
    with pytest.raises(ValueError, match="`MaskedAveragePooling` takes feature maps .* whole multiple of theirs"):
        segmentation.MaskedAveragePooling()([np.zeros((1, 1, 2, 2, 3)), np.zeros((1, 1, *size))])


# --- what makes no sense, and what may be given in another kind


@pytest.mark.parametrize("kind", [bool, "uint8", "int32", "float64"])
def test_masks_of_any_kind_are_masks(kind):
    features, inside = RNG.normal(size=(2, 3, 4, 4, 5)).astype("float32"), masks(2, 3, 4, 4)
    dense = segmentation.DenseComparison()
    for layer, inputs in (
        (segmentation.MaskedAveragePooling(), lambda m: [features, m]),
        (segmentation.MaskedAveragePooling(outside=True), lambda m: [features, m]),
        (segmentation.MeanMask(2), lambda m: m),
        (dense, lambda m: [features[:, 0], features, m]),
    ):
        np.testing.assert_allclose(numpy(layer(inputs(inside.astype(kind)))), numpy(layer(inputs(inside))), rtol=1e-5)


def test_layers_refuse_references_batches_and_channels_that_do_not_fit():
    """All of these would broadcast: one mask for two references, one prototype channel for three."""
    features, ones = np.ones((2, 3, 4, 4, 5), "float32"), np.ones
    for wrong in ((2, 1, 4, 4), (1, 3, 4, 4)):
        with pytest.raises(ValueError, match="`MaskedAveragePooling` takes feature maps"):
            segmentation.MaskedAveragePooling()([features, ones(wrong)])
        with pytest.raises(ValueError, match="`DenseComparison` takes feature maps"):
            segmentation.DenseComparison()([features[:, 0], features, ones(wrong)])
    with pytest.raises(ValueError, match="A query and its references have feature maps of one shape"):
        segmentation.DenseComparison()([features[:1, 0], features, ones((2, 3, 4, 4))])
    for wrong in ((2, 1), (1, 5), (2, 3, 5)):
        with pytest.raises(ValueError, match="`CosineMap` takes feature maps .* and prototypes"):
            segmentation.CosineMap()([features[:, 0], ones(wrong)])
    for shape in ((2, 3, 5, 4), (2, 4, 4)):
        with pytest.raises(ValueError, match="Masks are .batch, references, height, width., with sides that are multi"):
            segmentation.MeanMask(2)(ones(shape))
    for layer in (segmentation.MaskedAveragePooling(), segmentation.CosineMap(), segmentation.DenseComparison()):
        with pytest.raises(ValueError, match=f"`{type(layer).__name__}` takes a list: "):
            layer(features)
    for factor in (0, 2.0, True, None):
        with pytest.raises(ValueError, match="`factor` must be a whole number, at least 1"):
            segmentation.MeanMask(factor)
    with pytest.raises(ValueError, match="`outside` must be True or False. Received: outside='no'"):
        segmentation.MaskedAveragePooling(outside="no")


def test_a_tower_with_named_maps_is_refused():
    inputs = keras.Input((8, 8, 1))
    fine = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    named = keras.Model(inputs, {"fine": fine, "large": keras.layers.MaxPooling2D()(fine)})
    with pytest.raises(ValueError, match="`tower` must be a keras.Model from one image"):
        segmentation.few_shot_segmenter(named)
