"""Exported towers and networks give the outputs of the model: SavedModel, LiteRT without Flex operations, ONNX."""

import keras
import numpy as np
import pytest
from project import ROOT

from siamkeras import models, tokenizers, towers
from siamkeras.applications import segmentation, tracking

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports from TensorFlow"),
    pytest.mark.filterwarnings("ignore:(?s).*tf.lite.Interpreter is deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning"),
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),  # Keras' export to ONNX
]

SENTENCES = np.array(["A cat sleeps.", "A dog runs in the park.", "No bird sings."], object)
CASES = {
    "dense": lambda: towers.dense((6, 6, 1), embedding_dim=5),
    "conv": lambda: towers.conv((16, 16, 3), filters=(4, 8), embedding_dim=5),
    "koch": lambda: towers.koch_small(),
    "pixels": lambda: towers.pixels((6, 6, 1)),
    "histogram": lambda: towers.histogram((6, 6, 3)),
    "rotated views": lambda: towers.rotated_views(towers.dense((6, 6, 1))),
    "pretrained": lambda: towers.pretrained("omniglot"),
    "siamese network": lambda: models.siamese(towers.conv((16, 16, 1), filters=(4,)), distance="cosine"),
    "weighted L1 head": lambda: models.verifier(towers.dense((6, 6, 1))),
    "n-grams": lambda: towers.bag_of_ngrams(6, embedding_dim=5, sizes=(3,), buckets=64),
    "segmenter": lambda: segmentation.few_shot_segmenter(segmentation.encoder((16, 16, 1), filters=(4, 8))),
    "tracker": lambda: tracking.siamfc(tracking.tower((4, 4, 4, 4))),
}


@pytest.fixture
def serving(monkeypatch):
    """benchmarks/serving.py, which exports and runs the same formats."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import serving

    return serving


@pytest.mark.parametrize("case", CASES)
def test_saved_model_and_litert_equal_the_model(case, tmp_path, serving):
    """LiteRT with its built-in operations only, without kernels of TensorFlow (Flex)."""
    model = CASES[case]()
    batch = serving.batch_for(model, 2)
    expected = np.asarray(model(batch, training=False))
    model.export(tmp_path / "model", verbose=False)
    np.testing.assert_allclose(serving.saved_model(tmp_path / "model", batch), expected, atol=1e-5)
    np.testing.assert_allclose(serving.lite(tmp_path / "model", batch)[0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*CASES, "recurrent"])
def test_onnx_equals_the_model(case, tmp_path, serving):
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package)
    model = (CASES | {"recurrent": lambda: towers.recurrent(40)})[case]()
    batch = serving.batch_for(model, 2)
    expected = np.asarray(model(batch, training=False))
    np.testing.assert_allclose(serving.onnx(model, tmp_path / "model.onnx", batch), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["recurrent", "n-grams"])
def test_a_tower_of_sentences_is_exported_with_strings_or_as_a_tower_of_numbers(kind, tmp_path, serving):
    """Only TensorFlow has a tokenizer; other runtimes get the tower behind it, as in the docstrings of the towers."""
    import tensorflow as tf

    tokenizer = tokenizers.words(SENTENCES) if kind == "recurrent" else tokenizers.characters()
    tower = towers.recurrent(tokenizer) if kind == "recurrent" else towers.bag_of_ngrams(tokenizer, sizes=(3,))
    expected = tower(tf.constant(SENTENCES)).numpy()
    tower.export(tmp_path / "strings", verbose=False)
    np.testing.assert_allclose(serving.saved_model(tmp_path / "strings", tf.constant(SENTENCES)), expected, atol=1e-5)
    first = tower.get_layer("word_vectors" if kind == "recurrent" else "n_grams")
    numbers = keras.Model(first.input, tower.output)
    numbers.export(tmp_path / "numbers", verbose=False)
    ids = tokenizer(tf.constant(SENTENCES)).numpy()
    np.testing.assert_allclose(serving.saved_model(tmp_path / "numbers", ids), expected, atol=1e-5)
    signature = [keras.InputSpec(shape=(1, ids.shape[1]), dtype="int64")]  # the LSTM in LiteRT needs fixed sizes
    numbers.export(tmp_path / "fixed", input_signature=signature, verbose=False)
    np.testing.assert_allclose(serving.lite(tmp_path / "fixed", ids[:1])[0], expected[:1], atol=1e-5)


@pytest.mark.parametrize("make", [lambda: towers.dense((12, 12, 1)), lambda: towers.recurrent(40, units=8)])
def test_int8_changes_the_embeddings_little(make, serving):
    """`quantize` stores the kernels of dense layers and word vectors in a byte for each weight."""
    tower = make()
    batch = serving.batch_for(tower, 20)
    before = np.asarray(tower(batch))
    tower.quantize("int8")
    assert 0.99 < serving.smallest_cosine(before, np.asarray(tower(batch))) < 1 - 1e-7
    assert any(weight.dtype == "int8" for weight in tower.weights)
