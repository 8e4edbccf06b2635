"""Real data sets as `Examples`, and as `Video`: the real set first, and otherwise a stand-in that says so."""

from siamkeras.data.characters import digits, mnist, omniglot
from siamkeras.data.folders import image_folder, image_paths, load_image
from siamkeras.data.footage import otb, video_folder
from siamkeras.data.notices import SkippedFilesNotice, StandInNotice
from siamkeras.data.people import FacePairs, faces, lfw_pairs
from siamkeras.data.photos import snacks
from siamkeras.data.runs import OneShotRuns, omniglot_runs
from siamkeras.data.scans import Volume, hippocampus, volume, volume_folder
from siamkeras.data.sentences import sentence_pairs
from siamkeras.data.signing import signature_folder, signatures
from siamkeras.examples import Examples, SentencePairs, Signatures, folds_by_class, split_by_class
from siamkeras.slices import Slices, split_by_subject
from siamkeras.videos import Video

__all__ = [
    "Examples",
    "FacePairs",
    "OneShotRuns",
    "SentencePairs",
    "Signatures",
    "SkippedFilesNotice",
    "Slices",
    "StandInNotice",
    "Video",
    "Volume",
    "digits",
    "faces",
    "folds_by_class",
    "hippocampus",
    "image_folder",
    "image_paths",
    "lfw_pairs",
    "load_image",
    "mnist",
    "omniglot",
    "omniglot_runs",
    "otb",
    "sentence_pairs",
    "signature_folder",
    "signatures",
    "snacks",
    "split_by_class",
    "split_by_subject",
    "video_folder",
    "volume",
    "volume_folder",
]
