"""Real data sets as `Examples`: the real set first, and otherwise a stand-in that says so."""

from siamkeras.data.characters import digits, mnist, omniglot
from siamkeras.data.folders import image_folder, image_paths, load_image
from siamkeras.data.notices import SkippedFilesNotice, StandInNotice
from siamkeras.data.photos import snacks
from siamkeras.examples import Examples, split_by_class

__all__ = [
    "Examples",
    "SkippedFilesNotice",
    "StandInNotice",
    "digits",
    "image_folder",
    "image_paths",
    "load_image",
    "mnist",
    "omniglot",
    "snacks",
    "split_by_class",
]
