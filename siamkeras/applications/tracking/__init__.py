"""Object tracking with a fully-convolutional Siamese network (SiamFC): data, model, tracker, baselines, evaluation."""

from siamkeras.applications.tracking import plotting
from siamkeras.applications.tracking.baselines import NoMotion, TemplateMatching
from siamkeras.applications.tracking.correlation import cross_correlation
from siamkeras.applications.tracking.evaluation import evaluate, iou
from siamkeras.applications.tracking.generators import Motion, pairs_from_images, pairs_from_videos
from siamkeras.applications.tracking.geometry import Geometry
from siamkeras.applications.tracking.losses import ScoreMapLoss, label_map, score_map_loss
from siamkeras.applications.tracking.model import pretrained_siamfc, siamfc, tower
from siamkeras.applications.tracking.otb import otb
from siamkeras.applications.tracking.synthetic import photographs, synthetic_videos
from siamkeras.applications.tracking.tracker import Tracker, track
from siamkeras.applications.tracking.video import Video, video_folder

__all__ = [
    "Geometry",
    "Motion",
    "NoMotion",
    "ScoreMapLoss",
    "TemplateMatching",
    "Tracker",
    "Video",
    "cross_correlation",
    "evaluate",
    "iou",
    "label_map",
    "otb",
    "pairs_from_images",
    "pairs_from_videos",
    "photographs",
    "plotting",
    "pretrained_siamfc",
    "score_map_loss",
    "siamfc",
    "synthetic_videos",
    "tower",
    "track",
    "video_folder",
]
