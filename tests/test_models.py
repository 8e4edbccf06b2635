"""Siblings share one tower: by construction, by symmetry, in training and from a file."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import distances, layers, losses, metrics, models, towers

RNG = np.random.default_rng(4)


def images(n, shape=(6,)):
    return RNG.normal(size=(n, *shape)).astype("float32")


@pytest.fixture
def tower():
    return towers.dense(6, embedding_dim=3, units=(8,))


@pytest.mark.parametrize("name", sorted(distances.DISTANCES))
def test_siamese_is_the_distance_of_two_embeddings(tower, name):
    left, right = images(5), images(5)
    expected = [
        oracles.distance(name, a, b)
        for a, b in zip(ops.convert_to_numpy(tower(left)), ops.convert_to_numpy(tower(right)), strict=True)
    ]
    found = models.siamese(tower, name)({"left": left, "right": right})
    assert tuple(found.shape) == (5,)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-6)


def test_the_siblings_are_one_tower(tower):
    siamese = models.siamese(tower)
    assert siamese.get_layer("tower") is tower
    assert siamese.count_params() == tower.count_params()
    assert sorted(siamese.input) == ["left", "right"]


def test_left_and_right_can_be_exchanged(tower):
    siamese = models.siamese(tower)
    a, b = images(4), images(4)
    one, other = siamese({"left": a, "right": b}), siamese({"left": b, "right": a})
    np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-6)


def test_three_siblings_are_compared_with_the_first(tower):
    siamese = models.siamese(tower, roles=("reference", "first", "second"))
    batch = {role: images(4) for role in ("reference", "first", "second")}
    found = ops.convert_to_numpy(siamese(batch))
    pair = models.siamese(tower)
    assert found.shape == (4, 2)
    for column, role in enumerate(("first", "second")):
        expected = pair({"left": batch["reference"], "right": batch[role]})
        np.testing.assert_allclose(found[:, column], ops.convert_to_numpy(expected), rtol=1e-5)


def test_without_a_distance_siblings_give_their_embeddings(tower):
    x = images(2)
    found = models.siamese(tower, distance=None, roles=("a", "b", "c", "d"))({role: x for role in "abcd"})
    assert sorted(found) == ["a", "b", "c", "d"]
    np.testing.assert_allclose(ops.convert_to_numpy(found["c"]), ops.convert_to_numpy(tower(x)), rtol=1e-6)


def test_any_kind_of_tower_can_have_siblings():
    """A recurrent tower over whole numbers: the Inputs take its shape and its dtype."""
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.GRU(4)(keras.layers.Embedding(10, 3)(inputs))
    siamese = models.siamese(keras.Model(inputs, x))
    assert siamese.input["left"].dtype == "int32"
    words = RNG.integers(0, 10, (3, 5)).astype("int32")
    np.testing.assert_allclose(ops.convert_to_numpy(siamese({"left": words, "right": words})), 0, atol=1e-5)


def learnable(n=64):
    """Pairs of points of two clouds, around (3, 0, ...) and (-3, 0, ...); one cloud is the same, two are different."""
    side = RNG.choice([-3.0, 3.0], (2, n))
    left, right = images(n), images(n)
    left[:, 0] += side[0]
    right[:, 0] += side[1]
    return {"left": left, "right": right}, (side[0] == side[1]).astype("float32")


def test_training_the_model_trains_the_tower(tower):
    pairs, same = learnable()
    siamese = models.siamese(tower)
    siamese.compile(keras.optimizers.Adam(0.01), losses.ContrastiveLoss(), metrics=[metrics.PairAccuracy()])
    before = ops.convert_to_numpy(tower(pairs["left"]))
    history = siamese.fit(pairs, same, epochs=30, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["pair_accuracy"][-1] > 0.9
    assert np.abs(ops.convert_to_numpy(tower(pairs["left"])) - before).max() > 0.1


def test_contrastive_endpoint_trains_as_the_loss_does():
    """The same weights, the same batches: three ways to write one loss end at the same weights."""
    pairs, same = learnable()

    def fresh():
        keras.utils.set_random_seed(1)
        return towers.dense(6, embedding_dim=3, units=(8,))

    by_loss, by_endpoint = fresh(), fresh()
    siamese, endpoint = models.siamese(by_loss), models.contrastive(by_endpoint, margin=0.9)
    siamese.compile(keras.optimizers.SGD(0.5), losses.ContrastiveLoss(margin=0.9))
    endpoint.compile(keras.optimizers.SGD(0.5))
    start = by_loss.get_weights()
    one = siamese.fit(pairs, same, batch_size=16, epochs=2, shuffle=False, verbose=0)
    other = endpoint.fit({**pairs, "same": same}, batch_size=16, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(one.history["loss"], other.history["loss"], rtol=1e-4)
    assert np.abs(start[0] - by_loss.get_weights()[0]).max() > 0.01
    for a, b in zip(by_loss.get_weights(), by_endpoint.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(
        siamese.predict(pairs, verbose=0), endpoint.predict({**pairs, "same": same}, verbose=0), atol=1e-5
    )
    assert endpoint.evaluate({**pairs, "same": same}, verbose=0) == pytest.approx(
        siamese.evaluate(pairs, same, verbose=0), rel=1e-4
    )


@pytest.mark.parametrize("kind", ["siamese", "siamese_of_three", "contrastive"])
def test_models_come_back_from_a_file(tower, kind, tmp_path):
    roles = ("left", "right", "other") if kind == "siamese_of_three" else ("left", "right")
    batch = {role: images(3) for role in roles}
    if kind == "contrastive":
        model, batch["same"] = models.contrastive(tower), np.float32([1, 0, 1])
    else:
        model = models.siamese(tower, "cosine", roles)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(again(batch)), ops.convert_to_numpy(model(batch)), rtol=1e-6)
    assert models.tower_of(again).count_params() == tower.count_params()


def test_tower_is_found_in_every_model_and_in_itself(tower):
    for model in (tower, models.siamese(tower), models.contrastive(tower)):
        assert models.tower_of(model) is tower


def test_a_tower_of_another_name_is_found_too():
    inputs = keras.Input((4,))
    mine = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="mine")
    assert models.tower_of(models.siamese(mine)) is mine


def test_a_tower_of_the_user_is_given_back_whole():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    mine = keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)], name="mine")
    assert models.tower_of(mine) is mine


def test_a_model_without_a_tower_is_refused():
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layers.UnitLength()(inputs), name="lonely")
    with pytest.raises(ValueError, match="Received: a model named 'lonely'"):
        models.tower_of(model)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda t: models.siamese(t, "hamming"), "Received: 'hamming'"),
        (lambda t: models.siamese(t, roles=("left",)), r"two different names, .* Received: roles=\('left',\)"),
        (lambda t: models.siamese(t, roles=("left", "left")), "two different names"),
        (lambda t: models.siamese(t, roles=3), r"two different names, .* Received: roles=\(3,\)"),
        (lambda t: models.siamese(t, roles="left"), r"two different names, .* Received: roles=\('left',\)"),
        (lambda t: models.siamese(t, roles=("left", "my right")), "of letters, digits and _, and not 'tower' or 'dist"),
        (lambda t: models.siamese(t, roles=("left", "distance")), r"Received: roles=\('left', 'distance'\)"),
        (lambda t: models.siamese({"tower": t, "right": t}), r"not 'tower' or 'distance'. Received: \['tower', 'r"),
        (lambda t: models.siamese("tower"), "built keras.Model with one input .* Received: 'tower'"),
        (lambda t: models.siamese(keras.Sequential([keras.layers.Dense(3)])), "built keras.Model"),
        (lambda t: models.siamese(models.siamese(t)), "built keras.Model with one input"),
        (lambda t: models.contrastive(t, margin=-1), "Received: margin=-1"),
    ],
)
def test_what_cannot_be_siblings_is_refused(tower, build, message):
    with pytest.raises(ValueError, match=message):
        build(tower)


def test_a_tower_that_gives_maps_is_refused():
    inputs = keras.Input((8, 8, 1))
    maps = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    with pytest.raises(ValueError, match=r"one output \(batch, dim\). Received: outputs \[\(None, 6, 6, 2\)\]"):
        models.siamese(maps)


def test_triplet_gives_both_distances_and_trains_by_its_own_loss(tower, tmp_path):
    batch = {role: images(32) for role in ("anchor", "positive", "negative")}
    model = models.triplet(tower, margin=0.3)
    anchor, *others = (ops.convert_to_numpy(tower(batch[role])) for role in batch)
    expected = [[oracles.distance("euclidean", a, b) for a, b in zip(anchor, other, strict=True)] for other in others]
    np.testing.assert_allclose(ops.convert_to_numpy(model(batch)), np.transpose(expected), rtol=1e-4, atol=1e-6)
    loss = np.mean([max(d_pos - d_neg + 0.3, 0) for d_pos, d_neg in zip(*expected, strict=True)])
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.evaluate(batch, batch_size=32, return_dict=True, verbose=0)
    assert logs["loss"] == pytest.approx(loss, rel=1e-4)
    active = np.mean(np.subtract(*expected) + 0.3 > 0)
    assert logs.get("active", active) == pytest.approx(active)  # JAX drops what a layer counts
    model.save(tmp_path / "triplet.keras")
    again = keras.saving.load_model(tmp_path / "triplet.keras")
    assert again.evaluate(batch, batch_size=32, verbose=0, return_dict=True)["loss"] == pytest.approx(loss, rel=1e-4)
    before = tower.get_weights()[0]
    model.compile(keras.optimizers.SGD(0.5))
    model.fit(batch, verbose=0)
    assert np.abs(tower.get_weights()[0] - before).max() > 1e-3


def test_in_batch_softmax_trains_by_its_own_loss(tower):
    batch = {"left": images(8), "right": images(8)}
    model = models.in_batch_softmax(tower, temperature=0.2)
    left, right = (ops.convert_to_numpy(tower(batch[role])) for role in ("left", "right"))
    expected = [oracles.distance("cosine", a, b) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(ops.convert_to_numpy(model(batch)), expected, rtol=1e-4, atol=1e-6)
    model.compile(keras.optimizers.SGD(0.5))
    loss = ops.convert_to_numpy(losses.info_nce(left, right, 0.2)).mean()
    assert model.evaluate(batch, verbose=0) == pytest.approx(loss, rel=1e-4)
    assert model.fit(batch, epochs=10, verbose=0).history["loss"][-1] < loss


def test_a_classifier_trains_the_tower_below_it(tower, tmp_path):
    y = np.arange(60) % 3
    x = (np.random.default_rng(0).normal(size=(60, 6)) + 4.0 * np.eye(6)[y]).astype("float32")
    model = models.classifier(tower, classes=3, scale=10.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss, metrics=["accuracy"])
    before = tower.get_weights()[0]
    assert model.fit(x, y, epochs=20, verbose=0).history["accuracy"][-1] > 0.8
    assert np.abs(tower.get_weights()[0] - before).max() > 1e-3
    assert models.tower_of(model) is tower
    model.save(tmp_path / "classifier.keras")
    again = keras.saving.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(model(x)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda tower: models.triplet(tower, margin=0), "Received: margin=0"),
        (lambda tower: models.triplet(tower, distance="taxi"), "Received: 'taxi'"),
        (lambda tower: models.triplet("tower"), "`tower` must be a built keras.Model"),
        (lambda tower: models.in_batch_softmax(tower, 0), "Received: temperature=0"),
        (lambda tower: models.classifier(tower, 1), "Received: classes=1"),
        (lambda tower: models.classifier(keras.Sequential(), 3), "`tower` must be a built keras.Model"),
    ],
)
def test_bad_arguments_of_ways_to_train_are_refused(tower, make, message):
    with pytest.raises(ValueError, match=message):
        make(tower)


@pytest.mark.parametrize("mining", losses.MINING)
def test_a_tower_trains_on_labelled_batches_and_comes_back_with_its_loss(tower, tmp_path, mining):
    x, y = images(64), np.arange(64) % 4 * 10 - 7
    x[:, 0] += 0.3 * y
    tower.compile(keras.optimizers.Adam(0.01), losses.TripletLoss(0.2, mining), metrics=[metrics.ActiveTriplets(0.2)])
    tower.fit(x, y, epochs=2, batch_size=32, verbose=0)
    tower.save(tmp_path / "tower.keras")
    again = keras.saving.load_model(tmp_path / "tower.keras")
    assert again.loss.mining == mining
    expected = tower.evaluate(x, y, batch_size=64, verbose=0)
    np.testing.assert_allclose(again.evaluate(x, y, batch_size=64, verbose=0), expected, rtol=1e-4)


def test_the_tower_of_a_classifier_is_found_whatever_its_name():
    tower = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)], name="mine")
    assert models.tower_of(models.classifier(tower, classes=5)) is tower


def test_a_verifier_is_symmetric_learns_and_comes_back(tmp_path):
    """Two clusters on a line, each of a class: after some steps pairs of one are probably the same."""
    rng = np.random.default_rng(3)
    tower = towers.dense(2, embedding_dim=4, units=(16,), normalize=False)
    verifier = models.verifier(tower, kernel_regularizer=keras.regularizers.L2(1e-4))
    classes = rng.integers(0, 2, (2, 400))
    left, right = (rng.normal(size=(400, 2)) * 0.1 + np.array([[1.0, 0.0]]) * c[:, None] for c in classes)
    pairs = {"left": left.astype("float32"), "right": right.astype("float32")}
    same = (classes[0] == classes[1]).astype("float32")
    verifier.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    verifier.fit(pairs, same, batch_size=40, epochs=8, verbose=0)
    found = ops.convert_to_numpy(verifier(pairs))
    assert found.shape == (400, 1)
    assert np.mean((found[:, 0] > 0.5) == same) > 0.95
    swapped = ops.convert_to_numpy(verifier({"left": pairs["right"], "right": pairs["left"]}))
    np.testing.assert_allclose(found, swapped, rtol=1e-5)
    assert models.tower_of(verifier) is tower
    verifier.save(tmp_path / "verifier.keras")
    again = keras.saving.load_model(tmp_path / "verifier.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(again(pairs)), found, rtol=1e-5)


def test_a_prototypical_network_is_its_formula_learns_and_comes_back(tmp_path):
    """Query 0 is nearest to the mean of rows 2 and 3 of the support, class 1."""
    tower = towers.dense(2, embedding_dim=3, units=(8,))
    model = models.prototypical(tower, way=2, scale=4.0)
    support, query = images(4, (2,)), images(3, (2,))
    x, q = ops.convert_to_numpy(tower(support)), ops.convert_to_numpy(tower(query))
    expected = [[-4 * np.sum((row - x[at : at + 2].mean(axis=0)) ** 2) for at in (0, 2)] for row in q]
    inputs = {"support": support, "query": query}
    np.testing.assert_allclose(ops.convert_to_numpy(model(inputs)), expected, rtol=1e-4, atol=1e-5)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    labels = np.array([0, 1, 1])
    losses_seen = [float(model.train_on_batch(inputs, labels)) for _ in range(80)]
    assert losses_seen[-1] < losses_seen[0] / 2
    found = ops.convert_to_numpy(model(inputs))
    model.save(tmp_path / "prototypical.keras")
    again = keras.saving.load_model(tmp_path / "prototypical.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(again(inputs)), found, rtol=1e-5)


def test_a_classifier_begins_with_the_proxies_that_it_is_given(tower):
    proxies = images(4, (3,))
    model = models.classifier(tower, classes=4, scale=2.0, proxies=proxies)
    x = images(5)
    expected = [[2 * (1 - oracles.distance("cosine", a, b)) for b in proxies] for a in ops.convert_to_numpy(tower(x))]
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"one finite vector for each class, \(4, 3\). Received: \(3, 3\), all finite"):
        models.classifier(tower, classes=4, proxies=proxies[:3])
    with pytest.raises(ValueError, match=r"Received: \(4, 3\), not all finite"):
        models.classifier(tower, classes=4, proxies=(proxies * np.nan).tolist())


def test_siblings_of_two_kinds_are_known_by_their_names_and_not_by_their_order():
    """Two towers of the support and of the query, given the wrong way round, are the same model."""
    keras.utils.set_random_seed(0)
    first, second = (towers.dense((6,), embedding_dim=4) for _ in range(2))
    inputs = {"support": images(4), "query": images(6)}
    wanted = models.prototypical({"support": first, "query": second}, way=2)(inputs)
    found = models.prototypical({"query": second, "support": first}, way=2)(inputs)
    assert tuple(found.shape) == (6, 2)
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(wanted), atol=1e-6)


@pytest.mark.parametrize(
    "build, roles",
    [
        (models.contrastive, "left, right"),
        (models.verifier, "left, right"),
        (models.in_batch_softmax, "left, right"),
        (models.triplet, "anchor, positive, negative"),
        (lambda towers: models.prototypical(towers, way=2), "support, query"),
    ],
)
def test_roles_that_a_model_does_not_have_are_refused(tower, build, roles):
    with pytest.raises(ValueError, match=f"are to be {roles} here. Received: .'photo', 'sketch'."):
        build({"photo": tower, "sketch": tower})
