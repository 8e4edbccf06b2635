"""How good a comparison is, on classes that the network has never seen, and how sure of that we can be.

Distances come in, small meaning alike. A score, large meaning alike, is a distance with its sign changed, and exists
only here: `score = -distance`.
"""

from siamkeras.evaluation.correlating import Correlation, correlation, correlation_of
from siamkeras.evaluation.enrolling import Difference, Trials, eer_difference, enrolled, joined, signature_pairs
from siamkeras.evaluation.episodes import FewShot, OneShot, few_shot, few_shot_of, one_shot_runs
from siamkeras.evaluation.following import Tracking, overlap, tracking
from siamkeras.evaluation.retrieving import Retrieval, map_at_r, precision_at_k, recall_at_k, retrieval
from siamkeras.evaluation.segmenting import DiceDifference, Segmentation, dice, dice_by_subject, dice_difference
from siamkeras.evaluation.tables import Table, table
from siamkeras.evaluation.verifying import (
    FALSE_ACCEPT_RATES,
    Comparison,
    Verification,
    compare,
    distances_of,
    verification,
    verification_among,
    verification_of,
)

__all__ = [
    "FALSE_ACCEPT_RATES",
    "Comparison",
    "Correlation",
    "DiceDifference",
    "Difference",
    "FewShot",
    "OneShot",
    "Retrieval",
    "Segmentation",
    "Table",
    "Tracking",
    "Trials",
    "Verification",
    "compare",
    "correlation",
    "correlation_of",
    "dice",
    "dice_by_subject",
    "dice_difference",
    "distances_of",
    "eer_difference",
    "enrolled",
    "few_shot",
    "few_shot_of",
    "joined",
    "map_at_r",
    "one_shot_runs",
    "overlap",
    "precision_at_k",
    "recall_at_k",
    "retrieval",
    "signature_pairs",
    "table",
    "tracking",
    "verification",
    "verification_among",
    "verification_of",
]
