"""Real data sets as `Examples`: the real set first, and otherwise a stand-in that says so."""

from siamkeras.data.characters import digits, mnist, omniglot
from siamkeras.data.folders import image_folder, image_paths, load_image
from siamkeras.data.notices import SkippedFilesNotice, StandInNotice
from siamkeras.data.photos import snacks
from siamkeras.data.runs import OneShotRuns, omniglot_runs
from siamkeras.data.signing import signature_folder, signatures
from siamkeras.examples import Examples, Signatures, folds_by_class, split_by_class

__all__ = [
    "Examples",
    "OneShotRuns",
    "Signatures",
    "SkippedFilesNotice",
    "StandInNotice",
    "digits",
    "folds_by_class",
    "image_folder",
    "image_paths",
    "load_image",
    "mnist",
    "omniglot",
    "omniglot_runs",
    "signature_folder",
    "signatures",
    "snacks",
    "split_by_class",
]
