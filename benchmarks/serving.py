"""Differences between a network and its exports, and the size of the files.

Every tower of the package, a Siamese network, the segmenter and the tracker are exported to SavedModel, ONNX and LiteRT
(with its built-in operations only), and run there on random inputs: the table has the largest difference of any output.
Towers of sentences are exported as towers of numbers (token ids), since the tokenizer needs TensorFlow: n-grams of 64
characters, and a recurrent tower with 20,000 words, which has a fixed batch and length in LiteRT.

Two ways to 8-bit weights are compared by the smallest cosine similarity of an embedding to that of the float32 tower:

- LiteRT with `tf.lite.Optimize.DEFAULT`: also the kernels of convolutions;
- `tower.quantize("int8")` of Keras: only dense layers and word vectors, so only towers that mostly consist of them.

Target: every difference at most 1e-5.

    pip install onnx tf2onnx onnxruntime    # without them, the column is empty
    python benchmarks/serving.py
"""

import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

import measuring
import numpy as np

TARGET = 1e-5
HAS_ONNX = all(find_spec(name) for name in ("onnx", "tf2onnx", "onnxruntime"))


def networks(quick):
    """`{name: function that returns the network}`."""
    from siamkeras import models, towers
    from siamkeras.applications import segmentation, tracking

    few = {
        "towers.dense": lambda: towers.dense((28, 28, 1)),
        "towers.bag_of_ngrams": lambda: towers.bag_of_ngrams(64, sizes=(3,) if quick else (3, 4, 5)),
    }
    more = {
        "towers.conv": lambda: towers.conv((105, 105, 1)),
        "towers.koch_small": towers.koch_small,
        "towers.pixels": lambda: towers.pixels((105, 105, 1)),
        "towers.histogram": lambda: towers.histogram((96, 96, 3)),
        "towers.rotated_views": lambda: towers.rotated_views(towers.conv((35, 35, 1))),
        'towers.pretrained("omniglot")': lambda: towers.pretrained("omniglot"),
        'towers.pretrained("EfficientNetLite0")': lambda: towers.pretrained("EfficientNetLite0"),
        "towers.recurrent": lambda: towers.recurrent(20_000),
        "models.siamese": lambda: models.siamese(towers.conv((35, 35, 1))),
        "models.verifier": lambda: models.verifier(towers.koch_small()),
        "segmentation.few_shot_segmenter": lambda: segmentation.pretrained_segmenter("phantoms"),
        "tracking.siamfc": tracking.pretrained_siamfc,
    }
    return few if quick else more | few


def batch_for(model, count):
    """Random values of each input, `{name: array}`, or an array for a single input."""
    rng, batch = np.random.default_rng(0), {}
    for x in model.inputs:
        sizes = [24 if x.dtype == "int32" else 64] * len(x.shape)
        sizes[1] = 2 if x.name in ("references", "masks") else sizes[1]
        shape = (count, *(side or size for side, size in zip(x.shape[1:], sizes[1:], strict=True)))
        values = rng.integers(0, 100, shape) if x.dtype == "int32" else rng.random(shape)
        batch[x.name] = (values > 0.5 if x.name == "masks" else values).astype(x.dtype)
    return batch if len(batch) > 1 else batch.popitem()[1]


def is_recurrent(model):
    return any(layer.name == "word_vectors" for layer in model.layers)


def saved_model(folder, batch):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))  # `serve` alone does not keep the variables
    return loaded.serve(batch).numpy()


def lite(folder, batch, optimize=False):
    """Outputs in LiteRT, and the size of the file in bytes."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter.optimizations = [tf.lite.Optimize.DEFAULT] if optimize else []
    content = converter.convert()
    run = tf.lite.Interpreter(model_content=content).get_signature_runner()
    names = list(run.get_input_details())
    outputs = run(**(batch if isinstance(batch, dict) else {names[0]: batch}))
    return next(iter(outputs.values())), len(content)


def onnx(model, path, batch):
    import onnxruntime

    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    return session.run(None, batch if isinstance(batch, dict) else {names[0]: batch})[0]


def smallest_cosine(first, second):
    first, second = (
        x.reshape(len(x), -1) / np.linalg.norm(x.reshape(len(x), -1), axis=1)[:, None] for x in (first, second)
    )
    return float(np.sum(first * second, axis=1).min())


def exports(name, make):
    """The row of a network: largest differences, sizes of the LiteRT files, smallest cosine of its 8-bit embeddings."""
    import keras

    model = make()
    batch = batch_for(model, 1 if is_recurrent(model) else 4)
    expected = np.asarray(model(batch, training=False))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model.export(folder / "model", verbose=False)
        found = {"SavedModel": saved_model(folder / "model", batch)}
        if HAS_ONNX:
            found["ONNX"] = onnx(model, folder / "model.onnx", batch)
        if is_recurrent(model):
            signature = [keras.InputSpec(shape=batch.shape, dtype="int32")]
            model.export(folder / "model", input_signature=signature, verbose=False)
        found["LiteRT"], size = lite(folder / "model", batch)
        small, small_size = lite(folder / "model", batch, optimize=True)
    differences = {key: float(np.abs(values - expected).max()) for key, values in found.items()}
    cells = [f"{differences[key]:.0e}" if key in differences else "" for key in ("SavedModel", "ONNX", "LiteRT")]
    is_embedding = name.startswith("towers.")
    cosine = f"{smallest_cosine(small, expected):.4f}" if is_embedding else ""
    return [f"`{name}`", *cells, f"{size / 1e3:,.0f}", f"{small_size / 1e3:,.0f}", cosine], max(differences.values())


def quantized(name, make):
    """The row of a tower that Keras quantizes: size of its weights before and after, and the smallest cosine."""
    tower = make()
    batch = batch_for(tower, 32)
    before, size = np.asarray(tower(batch, training=False)), weight_bytes(tower)
    tower.quantize("int8")
    after = np.asarray(tower(batch, training=False))
    return [
        f"`{name}`",
        f"{size / 1e3:,.0f}",
        f"{weight_bytes(tower) / 1e3:,.0f}",
        f"{smallest_cosine(before, after):.4f}",
    ]


def weight_bytes(model):
    return sum(np.asarray(weight).nbytes for weight in model.weights)


def main():
    options = measuring.argument_parser(__doc__).parse_args()
    import tensorflow as tf

    from siamkeras import towers

    warnings.filterwarnings("ignore")  # of the converters and of layers that cannot be quantized
    tf.get_logger().setLevel("ERROR")
    measuring.print_heading("Serving", options.quick)
    rows, largest = zip(*(exports(name, make) for name, make in networks(options.quick).items()), strict=True)
    header = ["largest difference", "SavedModel", "ONNX", "LiteRT", "LiteRT, kB", "8 bits, kB", "8 bits, cosine"]
    measuring.print_table(header, rows)
    print(
        f"Largest difference of all {max(largest):.0e}, <= {TARGET:.0e}: {'yes' if max(largest) <= TARGET else 'NO'}.\n"
    )
    dense = {
        "towers.dense": lambda: towers.dense((28, 28, 1)),
        "towers.koch_small": towers.koch_small,
        "towers.recurrent": lambda: towers.recurrent(20_000),
        "towers.bag_of_ngrams": lambda: towers.bag_of_ngrams(64, sizes=(3,)),
    }
    dense = dict(list(dense.items())[:1]) if options.quick else dense
    rows = [quantized(name, make) for name, make in dense.items()]
    measuring.print_table(['quantize("int8") of Keras', "weights, kB", "quantized, kB", "smallest cosine"], rows)


if __name__ == "__main__":
    main()
