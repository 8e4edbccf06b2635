"""Compiled inference: equal to a call of the model, compiled once, freed with the model, and without side effects."""

import gc
import weakref

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import models, retrieval, towers
from siamkeras._inference import infer

RNG = np.random.default_rng(4)
IMAGES = RNG.random((10, 4, 4, 1), "float32")
on_tensorflow = keras.backend.backend() == "tensorflow"


def called(model, batch):
    outputs = model(keras.tree.map_structure(ops.convert_to_tensor, batch), training=False)
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


def check(model, batch, atol=1e-6):
    outputs, expected = infer(model, batch), called(model, batch)
    keras.tree.assert_same_structure(outputs, expected)
    for output, values in zip(keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True):
        assert isinstance(output, np.ndarray) and output.dtype == values.dtype
        np.testing.assert_allclose(output, values, atol=atol)


@keras.saving.register_keras_serializable("siamkeras tests")
class Subclassed(keras.Model):
    """A functional model with a class of its own, and a call of its own."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training) + 1.0


@keras.saving.register_keras_serializable("siamkeras tests")
class Block(keras.Model):
    """A subclassed model without Inputs, used as a layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense, self.dropout = keras.layers.Dense(3), keras.layers.Dropout(0.5)

    def call(self, inputs, training=None):
        return self.dropout(self.dense(inputs), training=training)


def make(kind):
    """A model of a kind, and a batch for it."""
    inputs = keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()
    tower = towers.dense((4, 4, 1), embedding_dim=3, units=())
    pair = {"left": IMAGES, "right": IMAGES[::-1].copy()}
    kinds = {
        "functional": lambda: (tower, IMAGES),
        "sequential": lambda: (keras.Sequential([inputs, flat, keras.layers.Dense(2)]), IMAGES),
        "subclassed": lambda: (Subclassed(inputs, keras.layers.Dense(2)(flat(inputs))), IMAGES),
        "nested subclassed": lambda: (keras.Model(inputs, Block()(flat(inputs))), IMAGES),
        "list of outputs": lambda: (keras.Model(inputs, [flat(inputs), tower(inputs)]), IMAGES),
        "dict of outputs": lambda: (models.siamese(tower, distance=None), pair),
        "dict of inputs": lambda: (models.siamese(tower), pair),
        "more inputs than needed": lambda: (models.siamese(tower), pair | {"same": np.ones(10, "float32")}),
        "list of inputs": lambda: (
            keras.Model(
                sides := [keras.Input((4, 4, 1), name=name) for name in pair],
                keras.layers.Subtract()([flat(side) for side in sides]),
            ),
            pair,
        ),
        "another rank": lambda: (tower, IMAGES[..., 0]),  # Keras appends a dimension
        "double": lambda: (tower, IMAGES.astype("float64")),
        "token ids": lambda: (
            keras.Model(ids := keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 2)(ids)),
            np.arange(6, dtype="int32").reshape(2, 3),
        ),
    }
    return kinds[kind]()


KINDS = ["functional", "sequential", "subclassed", "nested subclassed", "list of outputs", "dict of outputs"]
KINDS += ["dict of inputs", "more inputs than needed", "list of inputs", "another rank", "double", "token ids"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match")  # of Keras, for a dict to a list
def test_outputs_equal_those_of_a_call(kind):
    check(*make(kind))


@pytest.mark.skipif(not on_tensorflow, reason="strings")
def test_strings_are_passed_on():
    tower = towers.bag_of_ngrams(embedding_dim=4, buckets=64)
    sentences = np.array(["A cat sleeps.", "Ein Hund schläft."], object)
    check(tower, sentences)
    check(models.siamese(tower), {"left": sentences, "right": sentences[::-1].copy()})


def test_changed_weights_are_used():
    """By assignment, by training, and with layers that are made trainable or frozen."""
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(3, name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="last")(hidden))
    points = RNG.normal(size=(5, 3)).astype("float32")
    check(model, points)
    for frozen, trained in (("hidden", "last"), ("last", "hidden")):
        model.get_layer(frozen).trainable, model.get_layer(trained).trainable = False, True
        check(model, points)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(points, points, verbose=0)
        check(model, points)
        model.set_weights([weight * 2 for weight in model.get_weights()])
        check(model, points)


def test_a_changed_structure_is_compiled_again():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    points = RNG.normal(size=(5, 3)).astype("float32")
    check(model, points)
    model.add(keras.layers.ReLU())
    check(model, points)
    model.layers[0].quantize("int8")
    check(model, points)


def test_batch_statistics_and_training_are_unaffected():
    """`fit` and `predict` compile their own functions and give the same results as without `infer`."""
    histories = []
    for use in (False, True):
        keras.utils.set_random_seed(3) if on_tensorflow else np.random.seed(3)
        inputs = keras.Input((3,))
        x = keras.layers.BatchNormalization()(keras.layers.Dropout(0.5, seed=2)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(x))
        model.compile("sgd", "mse")
        points = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
        if use:
            infer(model, points)
        history = model.fit(points, points[:, :1], shuffle=False, epochs=2, verbose=0).history["loss"]
        if use:
            np.testing.assert_allclose(infer(model, points), model.predict(points, verbose=0), atol=1e-6)
        histories.append(history)
    np.testing.assert_array_equal(*histories)


def test_few_functions_are_compiled_for_many_batch_sizes(monkeypatch):
    """TensorFlow compiles one; JAX one for each size of four significant bits: 1 to 16, 18, 20 and so on."""
    model, calls = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]), []
    monkeypatch.setattr("siamkeras._inference._call", _counting(calls))
    points = RNG.normal(size=(100, 2)).astype("float32")
    for n in (*range(17, 33), 100, 97, 100):
        np.testing.assert_allclose(infer(model, points[:n]), points[:n] @ model.get_weights()[0], rtol=1e-4, atol=1e-5)
    expected = {"tensorflow": 1, "jax": len({18, 20, 22, 24, 26, 28, 30, 32, 104})}
    assert len(calls) == expected.get(keras.backend.backend(), 19)


def _counting(calls):
    from siamkeras._inference import _call

    def counting(model, batch):
        calls.append(batch.shape)
        return _call(model, batch)

    return counting


def test_six_towers_are_compiled_once_each(monkeypatch):
    """TensorFlow would log a warning of retracing if they shared a function, as `predict` of a fifth tower does."""
    calls = []
    monkeypatch.setattr("siamkeras._inference._call", _counting(calls))
    for _ in range(6):
        tower = towers.dense((4, 4, 1), embedding_dim=3, units=())
        for n in (4, 8):
            retrieval.embed(tower, IMAGES[:n], batch_size=4)
    if keras.backend.backend() in ("tensorflow", "jax"):
        assert len(calls) == 6


def test_a_model_is_freed():
    """Also the tower of a Siamese network, and their weights."""
    siamese = models.siamese(towers.dense((4, 4, 1), embedding_dim=3))
    infer(siamese, {"left": IMAGES, "right": IMAGES})
    infer(models.tower_of(siamese), IMAGES)
    references = [weakref.ref(thing) for thing in (siamese, models.tower_of(siamese), siamese.weights[0])]
    del siamese
    for _ in range(3):  # the model, then the tower to which its compiled function refers, then the layers of the tower
        gc.collect()
    assert [reference() is None for reference in references] == [True] * 3


def test_a_used_model_can_be_saved_cloned_and_exported(tmp_path):
    tower = towers.dense((4, 4, 1), embedding_dim=3)
    before = set(vars(tower))
    expected = infer(tower, IMAGES)
    assert set(vars(tower)) == before
    tower.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    cloned = keras.models.clone_model(tower)
    cloned.set_weights(tower.get_weights())
    for copy in (loaded, cloned):
        np.testing.assert_allclose(infer(copy, IMAGES), expected, atol=1e-6)


def test_mixed_precision_towers():
    """The last layers of a tower are float32; another model may return float16."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        tower = towers.conv((8, 8, 1), embedding_dim=3, filters=(4,))
        half = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    finally:
        keras.config.set_dtype_policy("float32")
    check(tower, RNG.random((3, 8, 8, 1), "float32"), atol=1e-2)
    check(half, RNG.random((3, 3), "float32"), atol=1e-2)
    assert infer(half, np.ones((1, 3), "float32")).dtype == "float16"


def test_a_batch_that_does_not_fit_raises_the_error_of_keras():
    tower = towers.dense((4, 4, 1), embedding_dim=3)
    with pytest.raises(ValueError, match=r"expected shape=\(None, 4, 4, 1\), found"):
        infer(tower, IMAGES[:, :3])
