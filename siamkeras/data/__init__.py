"""Image data sets as `Examples`: the real data set if available, otherwise a synthetic stand-in."""

from siamkeras.data._sources import StandInWarning
from siamkeras.data.datasets import from_dataset
from siamkeras.data.digits import digits
from siamkeras.data.examples import Examples, concat_examples, folds_by_class, split_by_class
from siamkeras.data.folders import image_folder, image_paths, load_image
from siamkeras.data.mnist import mnist
from siamkeras.data.omniglot import omniglot
from siamkeras.data.omniglot_runs import omniglot_runs
from siamkeras.data.snacks import snacks

__all__ = [
    "Examples",
    "StandInWarning",
    "concat_examples",
    "digits",
    "folds_by_class",
    "from_dataset",
    "image_folder",
    "image_paths",
    "load_image",
    "mnist",
    "omniglot",
    "omniglot_runs",
    "snacks",
    "split_by_class",
]
