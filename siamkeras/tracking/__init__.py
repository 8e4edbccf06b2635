"""Following one object through a video, of which nothing is known but its box in the first frame.

A tower without edges embeds the object, the *template*, and a part of the next frame, the *search*. The two maps are
slid over each other, and the place where they agree best is where the object is (Bertinetto et al., 2016).
"""

from siamkeras.tracking.baselines import Still, TemplateMatching
from siamkeras.tracking.correlation import CrossCorrelation, cross_correlation
from siamkeras.tracking.following import Followed, Tracker, follow
from siamkeras.tracking.kept import keep, pretrained
from siamkeras.tracking.networks import siamese, stride_of, tower
from siamkeras.tracking.scoring import ScoreMapLoss, label_map, score_map
from siamkeras.tracking.streams import from_stills, from_videos

__all__ = [
    "CrossCorrelation",
    "Followed",
    "ScoreMapLoss",
    "Still",
    "TemplateMatching",
    "Tracker",
    "cross_correlation",
    "follow",
    "from_stills",
    "from_videos",
    "keep",
    "label_map",
    "pretrained",
    "score_map",
    "siamese",
    "stride_of",
    "tower",
]
