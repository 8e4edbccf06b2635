"""Checks shared by all losses, layers, metrics, towers and models: files, dtypes, degenerate batches, inference.

A new loss, layer, metric, tower or model is tested here by adding it to the dictionary of its kind.
"""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import layers, losses, metrics, models, towers

RNG = np.random.default_rng(7)
N, DIM = 8, 4
X, Y = RNG.normal(size=(2, N, DIM)).astype("float32")
SAME, DISTANCE = np.float32([1, 0, 1, 0, 1, 0, 0.5, 1]), RNG.uniform(0.1, 1.5, N).astype("float32")
LABELS = np.array([7, 3, 257, 7, 258, 3, 7, 257])  # 257 and 258 are equal in bfloat16


@keras.saving.register_keras_serializable("tests")
def half_manhattan(x, y):
    return ops.sum(ops.abs(x - y), axis=-1) / 2


# Each loss with its y_true and y_pred.
LOSSES = {
    "contrastive": (losses.ContrastiveLoss(0.7), SAME, DISTANCE),
    "triplet all": (losses.TripletLoss(0.4), LABELS, X),
    "triplet soft": (losses.TripletLoss("soft", "semi_hard", "cosine", "all"), LABELS, X),
    "triplet hard": (losses.TripletLoss(0.4, "hard", half_manhattan), LABELS, X),
    "in-batch softmax": (losses.InBatchSoftmaxLoss(0.3), LABELS, X),
    "supervised contrastive": (losses.SupervisedContrastiveLoss(0.3), LABELS, X),
    "multi-similarity": (losses.MultiSimilarityLoss(3.0, 20.0, 0.4), LABELS, X),
    "fine-tuning": (losses.FineTuningLoss(0.3), np.array([0, 3, -1, 1, 2, -1, 0, 1]), X),
    "arcface": (losses.ArcFaceLoss(0.4, 5.0), np.array([0, 3, 3, 1, 2, 2, 0, 1]), X),
    "cosface": (losses.CosFaceLoss(0.2, 5.0), np.array([0, 3, 3, 1, 2, 2, 0, 1]), X),
}
BATCH_LOSSES = {name: each for name, each in LOSSES.items() if each[1] is LABELS}
# Each layer with its inputs.
LAYERS = {
    "unit length": (lambda: layers.UnitLength(), X),
    "invert dark ink": (lambda: layers.InvertDarkInk(), X),
    "distance": (lambda: layers.Distance("manhattan"), [X, Y]),
    "distance function": (lambda: layers.Distance(half_manhattan), [X, Y]),
    "contrastive": (lambda: layers.ContrastiveLossLayer(0.7), [SAME, DISTANCE]),
    "triplet": (lambda: layers.TripletLossLayer("soft"), [DISTANCE, DISTANCE[::-1].copy()]),
    "in-batch softmax": (lambda: layers.InBatchSoftmaxLossLayer(0.3), [X, Y]),
    "in-batch softmax with negatives": (lambda: layers.InBatchSoftmaxLossLayer(0.3), [X, Y, Y - X]),
    "weighted distance": (lambda: layers.WeightedDistance(kernel_regularizer=keras.regularizers.L2(0.1)), [X, Y]),
    "prototype logits": (lambda: layers.PrototypeLogits(2, "cosine", 3.0), [X, Y]),
    "cosine classifier": (lambda: layers.CosineClassifier(5, 20.0), X),
}
METRICS = {
    "pair accuracy": (metrics.PairAccuracy(0.7), SAME, DISTANCE),
    "pair AUC": (metrics.PairAUC(300), SAME, DISTANCE),
    "active triplets": (metrics.ActiveTriplets("soft", "hard", "cosine"), LABELS, X),
    "active triplets function": (metrics.ActiveTriplets(0.4, "all", half_manhattan), LABELS, X),
}
IMAGES = RNG.uniform(size=(6, 16, 16, 1)).astype("float32")
WORDS = RNG.integers(2, 9, (6, 5)).astype("int32")
# Each tower with inputs.
TOWERS = {
    "pixels": (lambda: towers.pixels((16, 16, 1)), IMAGES),
    "dense": (lambda: towers.dense((16, 16, 1), embedding_dim=4, units=(6,)), IMAGES),
    "conv": (lambda: towers.conv((16, 16, 1), embedding_dim=4, filters=(3, 3)), IMAGES),
    "conv without normalisation": (lambda: towers.conv((16, 16, 1), 4, filters=(3, 3), normalize=False), IMAGES),
    "koch_small": (lambda: towers.koch_small((16, 16, 1), filters=(3, 3, 3, 3), units=4), IMAGES),
    "recurrent": (lambda: towers.recurrent(10, 4, word_vectors=3, units=3), WORDS),
    "weighted": (lambda: towers.recurrent(10, 4, 3, 3, "mean", word_weights=np.full(10, 0.5), skip=True), WORDS),
    "bag_of_ngrams": (lambda: towers.bag_of_ngrams(5, 4, sizes=(2,), buckets=64), WORDS),
}
ROLES = {
    "siamese": ("left", "right"),
    "siamese of three": ("reference", "first", "second"),
    "contrastive": ("left", "right"),
    "verifier": ("left", "right"),
    "in_batch_softmax": ("left", "right"),
    "triplet": ("anchor", "positive", "negative"),
    "prototypical": ("support", "query"),
    "classifier": (),
}

each_loss = pytest.mark.parametrize("loss, y_true, y_pred", LOSSES.values(), ids=LOSSES)
each_batch_loss = pytest.mark.parametrize("loss, labels, x", BATCH_LOSSES.values(), ids=BATCH_LOSSES)
each_layer = pytest.mark.parametrize("make, inputs", LAYERS.values(), ids=LAYERS)
each_tower = pytest.mark.parametrize("make, inputs", TOWERS.values(), ids=TOWERS)
each_model = pytest.mark.parametrize("kind", ROLES)


@pytest.fixture
def mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


def numpy(x):
    return keras.tree.map_structure(ops.convert_to_numpy, x)


def dtype_of(x):
    return keras.backend.standardize_dtype(x.dtype)


def model_and_inputs(kind):
    """A model with a convolutional tower, and inputs for it."""
    tower = towers.conv((16, 16, 1), embedding_dim=4, filters=(3, 3))
    if kind == "classifier":
        return models.classifier(tower, classes=3), IMAGES
    make = getattr(models, kind, lambda tower: models.siamese(tower, roles=ROLES[kind]))
    inputs = {role: RNG.uniform(size=IMAGES.shape).astype("float32") for role in ROLES[kind]}
    if kind == "contrastive":
        inputs["same"] = SAME[:6]
    return make(tower, way=3) if kind == "prototypical" else make(tower), inputs


def reload(model, directory, suffix="keras"):
    model.save(directory / f"model.{suffix}")
    return keras.saving.load_model(directory / f"model.{suffix}")


def assert_equal(one, other, **tolerance):
    keras.tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), numpy(one), numpy(other))


@each_loss
def test_a_loss_is_restored_from_its_config(loss, y_true, y_pred):
    config = {**loss.get_config(), "name": "mine", "reduction": "sum"}
    restored = keras.losses.deserialize(keras.losses.serialize(type(loss).from_config(config)))
    assert type(restored) is type(loss)
    assert restored.get_config() == config
    assert float(restored(y_true, y_pred)) == pytest.approx(N * float(loss(y_true, y_pred)), rel=1e-5)


@each_loss
def test_a_loss_has_one_value_per_example_to_which_sample_weights_apply_and_accepts_columns(loss, y_true, y_pred):
    values = numpy(loss.call(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)))
    assert values.shape == (N,)
    weights = np.arange(N, dtype="float32")
    weighted = float(loss(y_true, y_pred, sample_weight=weights))
    assert weighted == pytest.approx(np.mean(values * weights), rel=1e-5)
    assert float(loss(y_true[:, None], y_pred)) == float(loss(y_true, y_pred))


@each_loss
def test_a_loss_of_half_precision_is_computed_in_float32(loss, y_true, y_pred):
    half = ops.cast(ops.convert_to_tensor(y_pred), "bfloat16")
    value = loss(y_true, half)
    assert dtype_of(value) == "float32"
    assert float(value) == pytest.approx(float(loss(y_true, ops.cast(half, "float32"))), rel=1e-6)


@each_loss
def test_a_loss_is_float32_whatever_the_default_dtype(loss, y_true, y_pred, request):
    request.addfinalizer(lambda: keras.config.set_floatx("float32"))
    keras.config.set_floatx("float16")
    assert type(loss).from_config(loss.get_config()).dtype == "float32"


@each_loss
def test_a_loss_of_equal_predictions_has_a_finite_gradient(loss, y_true, y_pred):
    for constant in (0.0, 1.0):
        gradient = oracles.gradient(lambda x: loss(y_true, x), np.full_like(y_pred, constant))
        assert np.isfinite(gradient).all()


@each_loss
def test_a_loss_of_an_empty_batch_is_empty(loss, y_true, y_pred):
    assert tuple(loss(y_true[:0], y_pred[:0]).shape) == (0,)


@each_loss
@pytest.mark.parametrize("size", [1, N])
def test_a_batch_of_one_class_has_a_finite_loss_and_gradient(loss, y_true, y_pred, size):
    label = np.full_like(y_true[:size], 1)
    assert np.isfinite(float(loss(label, y_pred[:size])))
    assert np.isfinite(oracles.gradient(lambda x: loss(label, x), y_pred[:size])).all()


def evaluate(loss, y_true, y_pred, sample_weight=None):
    """The loss as `fit` and `evaluate` compute it, in a compiled graph on TensorFlow and JAX."""
    model = keras.Sequential([keras.Input((DIM,)), keras.layers.Identity()])
    model.compile(loss=loss)
    return model.evaluate(y_pred, y_true, sample_weight=sample_weight, verbose=0)


@each_batch_loss
@pytest.mark.parametrize("first_id", [2**24, 9_999_999_000, -(2**31)])
def test_a_batch_loss_distinguishes_class_ids_that_float32_cannot(loss, labels, x, first_id):
    """2^24 and 2^24 + 1 are equal in float32."""
    ids, weights = np.unique(labels, return_inverse=True)[1] + first_id, np.arange(N, dtype="float32")
    for column, sample_weight in ((ids, None), (ids[:, None], weights)):
        expected = pytest.approx(float(loss(labels, x, sample_weight)), rel=1e-5)
        assert float(loss(ids, x, sample_weight)) == expected
        assert evaluate(loss, column, x, sample_weight) == expected


@each_batch_loss
@pytest.mark.parametrize("label", [2.0**24, -3e9, 0.5, np.nan])
def test_a_batch_loss_rejects_floats_that_are_not_class_ids(loss, labels, x, label):
    ids = np.where(labels == 257, label, labels)
    with pytest.raises(ValueError, match="Labels must be integers, or integer-valued floats below 2.24. Received"):
        loss(ids, x)
    if keras.backend.backend() != "torch":
        assert np.isnan(evaluate(loss, ids, x))


@each_batch_loss
def test_a_batch_loss_accepts_class_ids_that_are_floats(loss, labels, x):
    assert evaluate(loss, labels.astype("float64"), x) == pytest.approx(float(loss(labels, x)), rel=1e-5)


@each_layer
def test_a_layer_is_restored_from_its_config_and_from_a_file(make, inputs, tmp_path):
    layer = make()
    output = numpy(layer(inputs))
    added = [float(ops.convert_to_numpy(loss)) for loss in layer.losses]
    restored = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(restored) is type(layer)
    assert restored.get_config() == layer.get_config()
    restored(inputs)
    restored.set_weights(layer.get_weights())
    assert_equal(restored(inputs), output, rtol=1e-6)
    symbols = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:]), inputs)
    model = keras.Model(symbols, layer(symbols))
    loaded = reload(model, tmp_path)
    assert_equal(loaded(inputs), output, rtol=1e-6)
    assert [float(ops.convert_to_numpy(loss)) for loss in loaded.losses] == pytest.approx(added, rel=1e-5)


@each_layer
def test_a_layer_of_an_empty_batch_is_empty_and_adds_no_loss(make, inputs):
    """A replica gets an empty batch if the last batch has fewer examples than there are replicas."""
    layer = make()
    if isinstance(layer, layers.PrototypeLogits):  # whose support is not a batch
        output = layer([inputs[0], inputs[1][:0]])
    else:
        output = layer(keras.tree.map_structure(lambda x: x[:0], inputs))
    assert output.shape[0] == 0
    assert all(np.isfinite(numpy(loss)).all() for loss in layer.losses)


@each_layer
def test_a_layer_computes_in_float32_under_mixed_precision(make, inputs, mixed_precision):
    layer = make()
    half = keras.tree.map_structure(lambda x: ops.cast(ops.convert_to_tensor(x), "float16"), inputs)
    output = layer(half)
    assert dtype_of(output) == "float32"
    full = keras.tree.map_structure(lambda x: ops.cast(x, "float32"), half)
    assert_equal(layer(full), output, rtol=1e-5)


@each_layer
def test_a_layer_of_equal_inputs_has_a_finite_gradient(make, inputs):
    layer = make()
    is_list = isinstance(inputs, list)
    shape = inputs[0].shape if is_list else inputs.shape
    for constant in (0.0, 1.0):
        gradient = oracles.gradient(lambda x: layer([x, x] if is_list else x), np.full(shape, constant, "float32"))
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("metric, y_true, y_pred", METRICS.values(), ids=METRICS)
def test_a_metric_is_restored_from_its_config_and_accepts_columns_and_half_precision(metric, y_true, y_pred):
    restored = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(restored) is type(metric)
    assert restored.get_config() == metric.get_config()
    metric.update_state(y_true, np.float32(np.float16(y_pred)))
    restored.update_state(y_true[:, None], ops.cast(ops.convert_to_tensor(y_pred), "float16"))
    assert 0 < float(metric.result()) < 1.001
    assert float(restored.result()) == pytest.approx(float(metric.result()))


@each_tower
def test_a_tower_is_a_model_named_tower_that_is_restored_from_a_file(make, inputs, tmp_path):
    tower = make()
    assert tower.name == "tower"
    assert_equal(reload(tower, tmp_path)(inputs), tower(inputs), rtol=1e-5, atol=1e-6)


@each_tower
def test_a_tower_at_inference_embeds_each_example_alone(make, inputs):
    tower = make()
    whole = numpy(tower(inputs, training=False))
    assert whole.shape == (len(inputs), tower.output.shape[1])
    assert_equal(tower(inputs[2:3], training=False), whole[2:3], rtol=1e-4, atol=1e-5)


@each_tower
def test_embeddings_are_float32_under_mixed_precision(make, inputs, mixed_precision):
    embeddings = make()(inputs)
    assert dtype_of(embeddings) == "float32"
    assert np.isfinite(numpy(embeddings)).all()


@each_model
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_is_restored_from_a_file_with_its_tower(kind, suffix, tmp_path):
    model, inputs = model_and_inputs(kind)
    loaded = reload(model, tmp_path, suffix)
    assert_equal(loaded(inputs), model(inputs), rtol=1e-4, atol=1e-5)
    assert models.tower_of(loaded).count_params() == models.tower_of(model).count_params()


@each_model
def test_a_model_outputs_float32_under_mixed_precision(kind, mixed_precision):
    model, inputs = model_and_inputs(kind)
    assert dtype_of(model(inputs)) == "float32"


@each_model
def test_prediction_uses_inference_mode_and_changes_no_weight(kind):
    model, inputs = model_and_inputs(kind)
    before = model.get_weights()
    assert_equal(model.predict(inputs, verbose=0), model(inputs, training=False), rtol=1e-4, atol=1e-5)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
