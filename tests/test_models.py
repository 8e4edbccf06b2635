"""Models that train a tower: shared weights, outputs by hand, training, and how the tower is recovered."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import layers, losses, metrics, models, towers

RNG = np.random.default_rng(4)


def vectors(n, dim=6):
    return RNG.normal(size=(n, dim)).astype("float32")


def predict(model, inputs):
    return ops.convert_to_numpy(model(inputs))


def small_tower(seed=0, normalize=True):
    keras.utils.set_random_seed(seed)
    return towers.dense(6, embedding_dim=3, units=(8,), normalize=normalize)


@pytest.fixture
def tower():
    return small_tower()


BUILDERS = {
    "siamese": models.siamese,
    "contrastive": models.contrastive,
    "triplet": models.triplet,
    "in_batch_softmax": models.in_batch_softmax,
    "in_batch_softmax of triplets": lambda tower: models.in_batch_softmax(tower, negatives=True),
    "verifier": models.verifier,
    "prototypical": lambda tower: models.prototypical(tower, way=2),
    "classifier": lambda tower: models.classifier(tower, classes=2),
    "siamese of three": lambda tower: models.siamese(tower, roles=("a", "b", "c")),
    "embeddings": lambda tower: models.siamese(tower, distance=None),
}
each_builder = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)


# --- Outputs


def distances_of(tower, left, right, name="euclidean"):
    """Distances of the embeddings of two batches, by a loop."""
    pairs = zip(predict(tower, left), predict(tower, right), strict=True)
    return [oracles.distance(name, *pair) for pair in pairs]


@pytest.mark.parametrize("name", ["euclidean", "cosine", "exponential_manhattan"])
def test_siamese_returns_the_distance_of_the_two_embeddings(tower, name):
    left, right = vectors(5), vectors(5)
    found = predict(models.siamese(tower, name), {"left": left, "right": right})
    assert found.shape == (5,)
    np.testing.assert_allclose(found, distances_of(tower, left, right, name), rtol=1e-4, atol=1e-6)


def test_three_roles_compare_the_first_with_each_other_role(tower):
    batch = {role: vectors(4) for role in ("reference", "first", "second")}
    found = predict(models.siamese(tower, roles=tuple(batch)), batch)
    expected = [distances_of(tower, batch["reference"], batch[role]) for role in ("first", "second")]
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-4)


def test_without_a_distance_siamese_returns_the_embeddings(tower):
    batch = {role: vectors(2) for role in "abcd"}
    found = models.siamese(tower, distance=None, roles=("a", "b", "c", "d"))(batch)
    assert sorted(found) == ["a", "b", "c", "d"]
    for role in batch:
        np.testing.assert_allclose(ops.convert_to_numpy(found[role]), predict(tower, batch[role]), rtol=1e-6)


@each_builder
def test_the_model_has_the_name_of_its_function_and_the_weights_of_one_tower(tower, build):
    model = build(tower)
    head = [layer for layer in model.layers if isinstance(layer, (layers.WeightedDistance, layers.CosineClassifier))]
    assert model.count_params() == tower.count_params() + sum(layer.count_params() for layer in head)
    assert model.name in models.__all__


def test_triplet_returns_both_distances_and_computes_its_loss(tower):
    batch = {role: vectors(32) for role in ("anchor", "positive", "negative")}
    model = models.triplet(tower, margin=0.3)
    d_pos, d_neg = (distances_of(tower, batch["anchor"], batch[role]) for role in ("positive", "negative"))
    np.testing.assert_allclose(predict(model, batch), np.transpose([d_pos, d_neg]), rtol=1e-4, atol=1e-6)
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.evaluate(batch, batch_size=32, return_dict=True, verbose=0)
    terms = np.maximum(np.subtract(d_pos, d_neg) + 0.3, 0)
    assert logs["loss"] == pytest.approx(terms.mean(), rel=1e-4)
    assert logs.get("active", np.mean(terms > 0)) == pytest.approx(np.mean(terms > 0))  # not available on JAX


@pytest.mark.parametrize("roles", [("left", "right"), ("anchor", "positive", "negative")])
def test_in_batch_softmax_returns_the_cosine_distance_and_computes_info_nce(tower, roles, tmp_path):
    batch = {role: vectors(8) for role in roles}
    model = models.in_batch_softmax(tower, temperature=0.2, negatives=len(roles) == 3)
    left, right = (batch[role] for role in roles[:2])
    np.testing.assert_allclose(predict(model, batch), distances_of(tower, left, right, "cosine"), atol=1e-5)
    left, right, *negatives = (predict(tower, batch[role]) for role in roles)
    expected = ops.convert_to_numpy(losses.info_nce(left, right, 0.2, *negatives)).mean()
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        each.compile(keras.optimizers.SGD(0.0))
        assert each.evaluate(batch, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_a_prototypical_network_returns_scaled_distances_to_the_class_means(tower):
    """Rows 0 and 1 of the support are class 0, rows 2 and 3 class 1."""
    inputs = {"support": vectors(4), "query": vectors(3)}
    support, query = (predict(tower, inputs[role]) for role in inputs)
    expected = [
        [-4 * np.sum((row - support[start : start + 2].mean(axis=0)) ** 2) for start in (0, 2)] for row in query
    ]
    found = predict(models.prototypical(tower, way=2, scale=4.0), inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_classifier_starts_with_the_given_proxies(tower):
    proxies, x = vectors(4, 3), vectors(5)
    model = models.classifier(tower, classes=4, scale=2.0, proxies=proxies)
    expected = [[2 * (1 - oracles.distance("cosine", row, proxy)) for proxy in proxies] for row in predict(tower, x)]
    np.testing.assert_allclose(predict(model, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize(
    "roles, message",
    [
        (("left", "right"), "takes same pairs only, without y. Received: data with y. .*positive_pairs"),
        (("anchor", "positive", "negative"), "takes triplets, without y. Received: data with y. .*from_triplets"),
    ],
)
def test_in_batch_softmax_rejects_data_with_y(tower, method, roles, message):
    """Keras ignores y if `compile` gets no loss, so that different pairs would be trained as same pairs."""
    model = models.in_batch_softmax(tower, negatives=len(roles) == 3)
    model.compile(keras.optimizers.SGD(0.1))
    with pytest.raises(ValueError, match=message):
        getattr(model, method)({role: vectors(8) for role in roles}, np.ones(8), verbose=0)


def test_a_verifier_is_symmetric_and_its_regularizer_adds_a_loss(tower):
    model = models.verifier(tower, kernel_regularizer=keras.regularizers.L2(0.5))
    pairs = {"left": vectors(4), "right": vectors(4)}
    found = predict(model, pairs)
    assert found.shape == (4, 1)
    np.testing.assert_allclose(found, predict(model, {"left": pairs["right"], "right": pairs["left"]}), rtol=1e-5)
    kernel = ops.convert_to_numpy(model.get_layer("weighted_distance").kernel)
    assert [float(ops.convert_to_numpy(loss)) for loss in model.losses] == pytest.approx(
        [0.5 * np.sum(kernel**2)], rel=1e-5
    )
    assert models.verifier(tower).losses == []


@pytest.mark.parametrize("dtype", ["int32", "uint8", "string", "float32"])
def test_the_inputs_have_the_shape_and_dtype_of_the_tower(dtype):
    inputs = keras.Input((5,), dtype=dtype)
    x = inputs
    if dtype == "string":
        if keras.backend.backend() != "tensorflow":
            pytest.skip("strings in a model need the TensorFlow backend")
        x = keras.layers.Hashing(num_bins=10)(inputs)
    tower = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Embedding(10, 2)(x)))
    for each in (*models.siamese(tower).inputs, *models.classifier(tower, 3).inputs):
        assert each.dtype == dtype and tuple(each.shape) == (None, 5)


STRUCTURES = {"list": lambda x: [x], "dict": lambda x: {"embedding": x}}


@each_builder
@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=STRUCTURES)
def test_the_output_of_the_tower_may_be_in_a_list_or_dict(tower, build, structure):
    other = keras.Model(tower.inputs, structure(tower.outputs[0]))
    model, expected = build(other), build(tower)
    expected.set_weights(model.get_weights())
    inputs = {role: vectors(4) for role in model.input} if isinstance(model.input, dict) else vectors(4)
    if "same" in inputs:
        inputs["same"] = np.ones(4, "float32")
    for found, value in zip(keras.tree.flatten(model(inputs)), keras.tree.flatten(expected(inputs)), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(value), atol=1e-6)


NAMES = ["left", "same", "positive", "query", "inputs", "a", *models._HEADS]


@each_builder
def test_the_tower_may_have_the_name_of_another_layer(tower, build):
    x = vectors(2)
    for name in NAMES:
        found = models.tower_of(build(keras.Model(tower.input, tower.output, name=name)))
        np.testing.assert_array_equal(predict(found, x), predict(tower, x))
        assert found.weights[0] is tower.weights[0]


def test_a_role_may_have_the_name_of_the_tower(tower):
    siamese = models.siamese(tower, roles=("tower", "other"))
    assert predict(siamese, {"tower": vectors(2), "other": vectors(2)}).shape == (2,)


# --- Training


def two_clusters(n=32):
    """Pairs of points from clusters around (3, 0, ...) and (-3, 0, ...), and whether both are from the same."""
    centers = RNG.choice([-3.0, 3.0], (2, n))
    pairs = {"left": vectors(n), "right": vectors(n)}
    pairs["left"][:, 0] += centers[0]
    pairs["right"][:, 0] += centers[1]
    return pairs, (centers[0] == centers[1]).astype("float32")


def test_training_a_siamese_model_trains_the_tower(tower):
    pairs, same = two_clusters()
    siamese = models.siamese(tower)
    siamese.compile(keras.optimizers.Adam(0.01), losses.ContrastiveLoss(), metrics=[metrics.PairAccuracy()])
    before = predict(tower, pairs["left"])
    history = siamese.fit(pairs, same, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["pair_accuracy"][-1] > 0.9
    assert np.abs(predict(tower, pairs["left"]) - before).max() > 0.1


def test_the_contrastive_model_trains_as_siamese_with_the_contrastive_loss():
    pairs, same = two_clusters()
    siamese, endpoint = models.siamese(small_tower()), models.contrastive(small_tower(), margin=0.9)
    start = siamese.get_weights()[0]
    siamese.compile(keras.optimizers.SGD(0.5), losses.ContrastiveLoss(margin=0.9))
    endpoint.compile(keras.optimizers.SGD(0.5))
    first = siamese.fit(pairs, same, batch_size=16, shuffle=False, verbose=0).history["loss"]
    second = endpoint.fit({**pairs, "same": same}, batch_size=16, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(first, second, rtol=1e-4)
    assert np.abs(start - siamese.get_weights()[0]).max() > 0.01
    for expected, found in zip(siamese.get_weights(), endpoint.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(predict(endpoint, {**pairs, "same": same}), predict(siamese, pairs), atol=1e-5)


def test_the_contrastive_loss_trains_the_manhattan_lstm_as_the_mean_squared_error_of_its_similarity():
    """With d = 1 - similarity and margin 1, `s d^2 + (1 - s) (1 - d)^2 = (d - (1 - s))^2 + s (1 - s)`."""
    pairs, degrees = {"left": vectors(16), "right": vectors(16)}, RNG.uniform(size=16).astype("float32")
    squared, contrastive = (models.siamese(small_tower(), "exponential_manhattan") for _ in range(2))
    start = squared.get_weights()[0]
    squared.compile(keras.optimizers.SGD(0.1), "mse")
    squared.train_on_batch(pairs, 1 - degrees)
    contrastive.compile(keras.optimizers.SGD(0.2), losses.ContrastiveLoss(margin=1.0))
    contrastive.train_on_batch(pairs, degrees)
    assert np.abs(start - squared.get_weights()[0]).max() > 1e-3
    for expected, found in zip(squared.get_weights(), contrastive.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_prototypical_network_and_classifier_train_the_tower(tower):
    y = np.arange(60) % 3
    x = (vectors(60) + 4.0 * np.eye(6)[y]).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier, prototypical = models.classifier(tower, 3, scale=10.0), models.prototypical(tower, way=3)
    for model, inputs, labels in (
        (classifier, x, y),
        (prototypical, {"support": x[np.argsort(y[:30])], "query": x[30:]}, y[30:]),
    ):
        before = tower.get_weights()[0]
        model.compile(keras.optimizers.Adam(0.05), loss)
        first = float(loss(labels, predict(model, inputs)))
        for _ in range(15):
            model.train_on_batch(inputs, labels)  # the loss that it returns is a mean over all steps in Keras 3.13
        assert float(loss(labels, predict(model, inputs))) < first / 2
        assert np.abs(tower.get_weights()[0] - before).max() > 1e-3


# --- Different towers


def test_different_towers_embed_into_one_space_and_are_both_trained():
    tower = {"sketch": towers.dense(4, embedding_dim=3, units=()), "photo": small_tower()}
    siamese = models.siamese(tower, "squared_euclidean")
    batch = {"sketch": vectors(2, 4), "photo": vectors(2)}
    first, second = (predict(tower[role], batch[role]) for role in tower)
    np.testing.assert_allclose(predict(siamese, batch), np.square(first - second).sum(axis=1), atol=1e-5)
    before = [each.get_weights() for each in tower.values()]
    siamese.compile("adam", losses.ContrastiveLoss())
    siamese.train_on_batch(batch, np.array([1.0, 0.0]))
    for old, each in zip(before, tower.values(), strict=True):
        assert any(np.any(a != b) for a, b in zip(old, each.get_weights(), strict=True))


def test_roles_of_different_towers_are_matched_by_name_not_by_order():
    support, query = small_tower(1), small_tower(2)
    inputs = {"support": vectors(4), "query": vectors(6)}
    expected = predict(models.prototypical({"support": support, "query": query}, way=2), inputs)
    found = predict(models.prototypical({"query": query, "support": support}, way=2), inputs)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    swapped = predict(models.prototypical({"support": query, "query": support}, way=2), inputs)
    assert np.abs(swapped - expected).max() > 1e-3


# --- The tower of a model


@each_builder
def test_tower_of_returns_the_tower_of_every_model_also_after_loading(tower, build, tmp_path):
    model, x = build(tower), vectors(3)
    assert models.tower_of(model) is tower
    model.save(tmp_path / "model.keras")
    loaded = models.tower_of(keras.saving.load_model(tmp_path / "model.keras"))
    np.testing.assert_allclose(predict(loaded, x), predict(tower, x), atol=1e-6)


def test_tower_of_returns_a_tower_unchanged_also_with_nested_models(tower):
    nested = keras.Sequential([keras.Input((6,)), tower, keras.layers.Dense(2)], name="mine")
    for each in (tower, nested, towers.rotated_views(towers.conv((8, 8, 1), 3, (4,)))):
        assert models.tower_of(each) is each
    assert models.tower_of(models.siamese(nested)) is nested
    assert models.tower_of(models.classifier(nested, classes=5)) is nested


def test_tower_of_returns_one_of_several_towers_by_its_role(tower):
    siamese = models.siamese({"left": tower, "right": small_tower(1)})
    x = vectors(2)
    np.testing.assert_array_equal(predict(models.tower_of(siamese, "left"), x), predict(tower, x))
    assert np.abs(predict(models.tower_of(siamese, "right"), x) - predict(tower, x)).max() > 1e-3
    with pytest.raises(ValueError, match=r"several towers; `role` must be one of \['left', 'right'\]. Received: None"):
        models.tower_of(siamese)


def with_another_head(tower):
    """A model with two inputs that was not built by `siamkeras.models`."""
    siamese = models.siamese(tower, distance=None)
    difference = keras.layers.Subtract()(list(siamese.outputs))
    return keras.Model(siamese.inputs, keras.layers.Dense(1)(difference))


def without_tower():
    inputs = keras.Input((4, 3))
    return keras.Model(inputs, layers.UnitLength()(inputs))


@pytest.mark.parametrize("build", [with_another_head, lambda tower: without_tower(), lambda tower: "tower"])
def test_tower_of_raises_for_other_models(tower, build):
    with pytest.raises(ValueError, match="must be a tower or a model from `siamkeras.models`. Received: "):
        models.tower_of(build(tower))


def test_a_verifier_with_a_layer_after_its_head_is_reported(tower):
    verifier = models.verifier(tower)
    assert models._verifier_head(verifier) is verifier.layers[-1]
    assert models._verifier_head(models.siamese(tower)) is None
    longer = keras.Model(verifier.inputs, keras.layers.Dense(1)(verifier.outputs[0]))
    with pytest.raises(ValueError, match="must be its last layer. Received: <Dense"):
        models._verifier_head(longer)


# --- Errors

MAPS = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)]


def two_inputs():
    inputs = [keras.Input((6,)), keras.Input((2,))]
    return keras.Model(inputs, keras.layers.Concatenate()(inputs))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda t: models.siamese(t, roles=("left",)), r"two different names. Received: \('left',\)"),
        (lambda t: models.siamese(t, roles=("left", "left")), "two different names"),
        (lambda t: models.siamese(t, roles="left"), "two different names. Received: 'left'"),
        (lambda t: models.siamese({"left": t, "right": towers.dense(6)}), "Received: {'left': 3, 'right': 64}"),
        (lambda t: models.siamese("tower"), "built keras.Model with one input .* Received: 'tower'"),
        (lambda t: models.siamese(keras.Sequential([keras.layers.Dense(3)])), "built keras.Model"),
        (lambda t: models.siamese(keras.Sequential(MAPS)), r"and outputs \[\(None, 6, 6, 2\)\]"),
        (lambda t: models.siamese(models.siamese(t)), r"with inputs \[\(None, 6\), \(None, 6\)\] and outputs"),
        (lambda t: models.siamese(two_inputs()), r"with inputs \[\(None, 6\), \(None, 2\)\] and outputs \[.*8\)\]"),
        (lambda t: models.siamese(t, small_tower()), "`distance` must be one of .* Received: <Functional name=tower"),
        (lambda t: models.verifier(t, small_tower()), "Pass different towers as a dict"),
        (lambda t: models.contrastive({"photo": t, "sketch": t}), "keys left, right. Received: photo, sketch"),
    ],
)
def test_invalid_arguments_raise(tower, call, message):
    with pytest.raises(ValueError, match=message):
        call(tower)
