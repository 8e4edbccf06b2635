"""Object tracking with Siamese networks (SiamFC) and online ridge regression: data, trackers, baselines, evaluation."""

from siamkeras.applications.tracking import plotting
from siamkeras.applications.tracking.baselines import NoMotion, TemplateMatching
from siamkeras.applications.tracking.correlation import cross_correlation
from siamkeras.applications.tracking.evaluation import evaluate, iou
from siamkeras.applications.tracking.generators import Motion, pairs_from_images, pairs_from_videos
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.applications.tracking.losses import ScoreMapLoss, score_map_loss
from siamkeras.applications.tracking.model import pretrained_siamfc, pretrained_tower, siamfc, tower
from siamkeras.applications.tracking.ridge import RidgeTemplate, RidgeTracker
from siamkeras.applications.tracking.sequences import sequences
from siamkeras.applications.tracking.synthetic import photographs, synthetic_videos
from siamkeras.applications.tracking.tracker import Tracker, track
from siamkeras.applications.tracking.video import Video, video_folder

__all__ = [
    "Geometry",
    "Motion",
    "NoMotion",
    "RidgeTemplate",
    "RidgeTracker",
    "ScoreMapLoss",
    "TemplateMatching",
    "Tracker",
    "Video",
    "cross_correlation",
    "evaluate",
    "iou",
    "pairs_from_images",
    "pairs_from_videos",
    "photographs",
    "plotting",
    "pretrained_siamfc",
    "pretrained_tower",
    "score_map_loss",
    "sequences",
    "siamfc",
    "synthetic_videos",
    "tower",
    "track",
    "video_folder",
]
