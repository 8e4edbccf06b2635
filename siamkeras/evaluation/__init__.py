"""Metrics of embeddings on classes outside the training set, with 95 % confidence intervals.

All functions work on distances (small = similar); scores are negative distances.
"""

from siamkeras.evaluation._tables import table
from siamkeras.evaluation.correlation import correlation, correlation_from_distances
from siamkeras.evaluation.few_shot import few_shot, few_shot_from_embeddings
from siamkeras.evaluation.one_shot import one_shot
from siamkeras.evaluation.retrieval import retrieval
from siamkeras.evaluation.verification import (
    best_threshold,
    compare,
    pair_distances,
    threshold_at,
    verification,
    verification_from_distances,
    verification_from_embeddings,
)

__all__ = [
    "best_threshold",
    "compare",
    "correlation",
    "correlation_from_distances",
    "few_shot",
    "few_shot_from_embeddings",
    "one_shot",
    "pair_distances",
    "retrieval",
    "table",
    "threshold_at",
    "verification",
    "verification_from_distances",
    "verification_from_embeddings",
]
