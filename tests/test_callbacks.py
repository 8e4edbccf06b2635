"""The collapse monitor, and the measurement of held-out classes for early stopping and checkpoints."""

import keras
import numpy as np
import pytest
from PIL import Image

from siamkeras import callbacks, data, evaluation, losses, models, towers

IMAGES = np.random.default_rng(6).normal(size=(20, 5)).astype("float32")
PAIRS = {"left": IMAGES, "right": IMAGES[::-1].copy()}


def fit(tower, monitor, epochs=2):
    """The history of `fit` with learning rate 0."""
    siamese = models.siamese(tower)
    siamese.compile(keras.optimizers.SGD(0.0), losses.ContrastiveLoss())
    return siamese.fit(PAIRS, np.zeros(20, "float32"), epochs=epochs, verbose=0, callbacks=[monitor])


def constant_tower():
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="zeros", bias_initializer="ones")(inputs))


@pytest.mark.parametrize("structure", [lambda x: x, lambda x: [x]])
def test_the_spread_is_half_the_mean_squared_distance_of_unit_embeddings(structure):
    dense = towers.dense(5)
    embedding = keras.layers.Dropout(0.5)(dense.output)  # the identity in inference mode
    tower = keras.Model(dense.input, structure(embedding))
    history = fit(tower, callbacks.CollapseMonitor(IMAGES)).history
    (x,) = keras.tree.flatten(tower.predict(IMAGES, verbose=0))
    expected = np.mean([np.sum((a - b) ** 2) for a in x for b in x]) / 2
    assert history["embedding_spread"] == pytest.approx([expected] * 2, rel=1e-4)


@pytest.mark.parametrize(
    "embeddings, spread",
    [([[1, 0], [-1, 0]], 1.0), ([[1, 0], [0, 1]], 0.5), ([[1, 2], [1, 2]], 0.0), ([[0, 0]] * 2, 0.0)],
)
def test_the_spread_agrees_with_values_by_hand(embeddings, spread):
    """Opposite: mean 0. Right angle: mean (1/2, 1/2). Equal: 1 - 1. All zero: 0 by definition."""
    assert callbacks._spread(embeddings) == pytest.approx(spread, abs=1e-12)


def test_a_collapse_warns_once_and_stops_training_with_stop():
    with pytest.warns(UserWarning, match="collapsed: after epoch 1 their spread is 0.0000") as warned:
        history = fit(constant_tower(), callbacks.CollapseMonitor(IMAGES), epochs=3)
    assert sum("collapsed" in str(warning.message) for warning in warned) == 1
    assert len(history.epoch) == 3
    with pytest.warns(UserWarning, match="collapsed"):
        history = fit(constant_tower(), callbacks.CollapseMonitor(IMAGES, stop=True), epochs=5)
    assert len(history.epoch) == 1


@pytest.mark.parametrize("scale, expected", [(True, 1 / 255), (False, 1.0)])
def test_uint8_images_are_scaled_as_by_the_generators(scale, expected):
    images = np.arange(20, dtype="uint8").reshape(4, 5)
    for monitor in (
        callbacks.CollapseMonitor(images, scale=scale),
        callbacks.RetrievalMonitor(images, [7, 7, 3, 3], scale=scale),
        callbacks.VerificationMonitor(images, [7, 7, 3, 3], scale=scale),
    ):
        monitor.set_model(towers.pixels((5,)))
        np.testing.assert_allclose(monitor._embed(images), images * expected, rtol=1e-6)


def test_a_single_image_raises():
    with pytest.raises(ValueError, match="at least two images. Received: 1"):
        callbacks.CollapseMonitor(IMAGES[:1])


HELD_OUT = np.repeat([7, 3, 11, 5], 5)
# The first feature separates the classes, the second is noise.
EXAMPLES = np.stack([HELD_OUT / 4, np.random.default_rng(2).normal(size=20)], axis=1).astype("float32")
# The weight of the first feature in each epoch: held-out classes are separated best in the third.
SEPARATION = [0.1, 0.5, 2.0, 0.4, 0.3, 0.2, 5.0]


def scripted(model=None):
    """A model, and a `fit` that sets the weights of its tower to `SEPARATION` after each epoch."""
    inputs = keras.Input((2,))
    tower = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(inputs), name="tower")
    model = models.siamese(tower, "manhattan") if model is None else model(tower)
    model.compile(keras.optimizers.SGD(0.0), losses.ContrastiveLoss())

    def set_weights(epoch, logs=None):
        tower.set_weights([np.diag([SEPARATION[epoch], 1.0])])

    def fit(*monitors, epochs=7, **options):
        script = keras.callbacks.LambdaCallback(on_epoch_end=set_weights)
        pairs = {"left": EXAMPLES, "right": EXAMPLES[::-1].copy()}
        options = {"epochs": epochs, "verbose": 0, "callbacks": [script, *monitors]} | options
        return model.fit(pairs, np.zeros(20, "float32"), **options).history

    return model, fit


def embeddings(epoch):
    return EXAMPLES * [SEPARATION[epoch], 1.0]


def test_retrieval_of_held_out_classes_stops_training_and_selects_the_checkpoint(tmp_path):
    model, fit = scripted()
    monitor = callbacks.RetrievalMonitor(EXAMPLES, HELD_OUT, k=(1, 3))
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_map_at_r", mode="max", save_best_only=True
    )
    stopping = keras.callbacks.EarlyStopping("val_map_at_r", mode="max", patience=2)
    history = fit(monitor, best, stopping)
    reports = [evaluation.retrieval(embeddings(epoch), HELD_OUT, k=(1, 3), resamples=0) for epoch in range(5)]
    assert history["val_map_at_r"] == pytest.approx([report.map_at_r for report in reports])
    for k in (1, 3):
        assert history[f"val_recall_at_{k}"] == pytest.approx([report.recall_at_k[k] for report in reports])
    assert np.argmax(history["val_map_at_r"]) == 2 and len(history["loss"]) == 5  # the best epoch and two more
    loaded = models.tower_of(keras.saving.load_model(tmp_path / "best.keras"))
    np.testing.assert_allclose(loaded.get_weights()[0], np.diag([2.0, 1.0]))


def test_a_monitor_listed_after_early_stopping_is_too_late():
    _, fit = scripted()
    stopping = keras.callbacks.EarlyStopping("val_map_at_r", mode="max", patience=0)
    with pytest.warns(UserWarning, match="conditioned on metric `val_map_at_r` which is not available"):
        assert len(fit(stopping, callbacks.RetrievalMonitor(EXAMPLES, HELD_OUT))["loss"]) == 7


@pytest.mark.parametrize("distance", [None, "euclidean"])
def test_verification_of_held_out_classes_uses_the_distance_of_the_model(distance):
    _, fit = scripted()
    stopping = keras.callbacks.EarlyStopping("val_eer", mode="min", patience=1)
    history = fit(callbacks.VerificationMonitor(EXAMPLES, HELD_OUT, distance), stopping)
    for epoch in range(4):
        report = evaluation.verification_from_embeddings(
            embeddings(epoch), HELD_OUT, distance=distance or "manhattan", resamples=0
        )
        assert history["val_auc"][epoch] == pytest.approx(report.auc)
        assert history["val_eer"][epoch] == pytest.approx(report.eer)
    assert len(history["val_eer"]) == 4


def test_the_learned_distance_of_a_verifier_is_measured():
    model, fit = scripted(models.verifier)
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    model.get_layer("weighted_distance").set_weights([np.float32([[-1], [-0.5]]), np.float32([1])])
    history = fit(callbacks.VerificationMonitor(EXAMPLES, HELD_OUT), epochs=1)
    report = evaluation.verification_from_embeddings(
        embeddings(0) * [1.0, 0.5], HELD_OUT, distance="manhattan", resamples=0
    )
    assert history["val_auc"] == pytest.approx([report.auc])


def test_epochs_between_measurements_log_the_last_results():
    _, fit = scripted()
    monitor = callbacks.RetrievalMonitor(EXAMPLES, HELD_OUT, every=3)
    history = fit(monitor)["val_map_at_r"]
    expected = [evaluation.retrieval(embeddings(each), HELD_OUT, k=1, resamples=0).map_at_r for each in (0, 3, 6)]
    assert history == pytest.approx(np.repeat(expected, 3)[:7].tolist())
    last = evaluation.retrieval(embeddings(4), HELD_OUT, k=1, resamples=0).map_at_r  # the last epoch is measured
    assert fit(monitor, epochs=5)["val_map_at_r"] == pytest.approx([*history[:4], last])
    assert fit(monitor, initial_epoch=5)["val_map_at_r"] != history[5:]  # measured anew by each `fit`


def test_sentences_and_files_are_measured(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("reads strings and files")
    sentences = ["A cat sleeps.", "A cat slept.", "Two dogs bark.", "Two dogs barked."]
    text = models.siamese(towers.bag_of_ngrams(embedding_dim=None, buckets=512))
    assert logs_of(callbacks.RetrievalMonitor(sentences, [7, 7, 3, 3]), text) == {
        "val_recall_at_1": 1.0,
        "val_map_at_r": 1.0,
    }
    assert logs_of(callbacks.CollapseMonitor(sentences), text)["embedding_spread"] > 0.1
    paths = [tmp_path / f"{value}.png" for value in (0, 10, 200, 210)]
    for path in paths:
        Image.fromarray(np.full((2, 2), int(path.stem), "uint8")).save(path)
    monitor = callbacks.VerificationMonitor(paths, [7, 7, 3, 3], "euclidean", data.load_image((2, 2), channels=1))
    assert logs_of(monitor, towers.pixels((2, 2, 1))) == {"val_auc": 1.0, "val_eer": 0.0}


def logs_of(monitor, model):
    """The logs of one epoch."""
    logs = {}
    monitor.set_model(model)
    monitor.on_train_begin()
    monitor.on_epoch_end(0, logs)
    return logs


@pytest.mark.parametrize(
    "kind, arguments, options, message",
    [
        (callbacks.RetrievalMonitor, (HELD_OUT[1:],), {}, "`labels` must have one entry for each of the 20"),
        (callbacks.RetrievalMonitor, (HELD_OUT,), {"every": 0}, "`every` must be an integer of at least 1"),
        (callbacks.RetrievalMonitor, (range(20),), {}, "No query has an example of its class"),
        (callbacks.RetrievalMonitor, (HELD_OUT, 20), {}, "`k` must be .* at most 19. Received: k=20"),
        (callbacks.RetrievalMonitor, (HELD_OUT, 1, len), {}, "`distance` must be one of"),
        (callbacks.VerificationMonitor, ([7] * 20,), {}, "Both same and different pairs are needed"),
        (callbacks.VerificationMonitor, (HELD_OUT, "hamming"), {}, "`distance` must be one of"),
    ],
)
def test_errors_are_raised_before_training(kind, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        scripted()[1](kind(EXAMPLES, *arguments, **options), epochs=0)


def test_two_monitors_need_different_prefixes():
    _, fit = scripted()
    first, second = (callbacks.RetrievalMonitor(EXAMPLES, labels) for labels in (HELD_OUT, HELD_OUT[::-1]))
    with pytest.raises(ValueError, match="`logs` already has 'val_map_at_r'. Give RetrievalMonitor another `prefix`"):
        fit(first, second, epochs=1)
    second.prefix = "new_"
    assert {"val_map_at_r", "new_map_at_r"} <= fit(first, second, epochs=1).keys()


def test_nan_is_not_a_collapse():
    model, fit = scripted()
    model.set_weights([np.full((2, 2), np.nan)])
    assert np.isnan(logs_of(callbacks.CollapseMonitor(EXAMPLES), model)["embedding_spread"])


def test_examples_must_fit_the_tower():
    _, fit = scripted()
    with pytest.raises(ValueError, match="NaN or infinity in 7"):
        fit(callbacks.CollapseMonitor(np.where(np.arange(20)[:, None] == 7, np.float32("nan"), EXAMPLES)), epochs=0)
    for monitor in (callbacks.RetrievalMonitor(HELD_OUT, HELD_OUT), callbacks.CollapseMonitor(HELD_OUT)):
        with pytest.raises(ValueError, match="float32 in .* or uint8 in 0-255. Received: int64"):
            fit(monitor, epochs=0)
