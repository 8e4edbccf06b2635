"""Object tracking: a fully convolutional Siamese tracker, its data, baselines, metrics and figures."""

from siamkeras.applications.tracking import plotting, synthetic
from siamkeras.applications.tracking._kept import keep, pretrained
from siamkeras.applications.tracking.baselines import Still, TemplateMatching
from siamkeras.applications.tracking.correlation import CrossCorrelation, cross_correlation
from siamkeras.applications.tracking.evaluation import Tracking, overlap, tracking
from siamkeras.applications.tracking.generators import from_stills, from_videos
from siamkeras.applications.tracking.losses import ScoreMapLoss, label_map, score_map
from siamkeras.applications.tracking.model import siamese, stride_of, tower
from siamkeras.applications.tracking.otb import otb, video_folder
from siamkeras.applications.tracking.photographs import photographs
from siamkeras.applications.tracking.tracker import Followed, Tracker, follow
from siamkeras.applications.tracking.video import Video

__all__ = [
    "CrossCorrelation",
    "Followed",
    "ScoreMapLoss",
    "Still",
    "TemplateMatching",
    "Tracker",
    "Tracking",
    "Video",
    "cross_correlation",
    "follow",
    "from_stills",
    "from_videos",
    "keep",
    "label_map",
    "otb",
    "overlap",
    "photographs",
    "plotting",
    "pretrained",
    "score_map",
    "siamese",
    "stride_of",
    "synthetic",
    "tower",
    "tracking",
    "video_folder",
]
