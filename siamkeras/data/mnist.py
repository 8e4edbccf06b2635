"""MNIST: handwritten digits."""

import numpy as np

from siamkeras._validation import check_choice
from siamkeras.data import _sources
from siamkeras.data._images import decode_png
from siamkeras.data.digits import DIGIT_NAMES, digits
from siamkeras.data.examples import Examples

URL = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz"
SIZE = 28
# For each subset: its title, and the rows of `digits` that are its stand-in.
SUBSETS = {"train": ("training set", slice(0, 1437)), "test": ("test set", slice(1437, None))}


def mnist(subset="train", source="auto"):
    """MNIST: 70,000 handwritten digits (LeCun et al., Proc. IEEE 86, 1998).

    Args:
        subset: `"train"` (60,000 images) or `"test"` (10,000).
        source: As for `omniglot`, with the same errors; the download has 12 MB. The stand-in is the data set `digits`,
            enlarged: 1,437 images for `"train"` and the other 360 for `"test"`.

    Returns:
        `Examples`: `images` `(n, 28, 28, 1)`, float32 in [0, 1], ink is 1; `labels` 0 to 9.
    """
    title, rows = SUBSETS[check_choice("subset", subset, SUBSETS)]
    stand_in = "scikit-learn's 8x8 digits, enlarged,"
    return _sources.real_or_stand_in(source, lambda: _real(subset, title), lambda: _stand_in(rows, title), stand_in)


def _real(subset, title):
    def read(dataset, info):
        images, columns = decode_png(dataset, SIZE, SIZE, ["label"])
        source = f"MNIST, {title}, TensorFlow Datasets {info.version}"
        return Examples(images, columns["label"], class_names=DIGIT_NAMES, source=source)

    return _sources.load_tfds("mnist", subset, read, "MNIST", 12, URL)


def _stand_in(rows, title):
    small = digits()
    # Each of the 8x8 pixels becomes 3x3, with linear interpolation, plus the empty border of MNIST.
    centres = (np.arange(24) + 0.5) / 3 - 0.5
    enlarge = np.stack([np.interp(centres, np.arange(8), pixel) for pixel in np.eye(8)], axis=1)
    images = np.pad(enlarge @ small.images[rows, :, :, 0] @ enlarge.T, ((0, 0), (2, 2), (2, 2)))
    return small._replace(
        images=images[..., None].astype("float32"),
        labels=small.labels[rows],
        source=f"scikit-learn's 8x8 digits, enlarged, standing in for MNIST, {title}",
    )
