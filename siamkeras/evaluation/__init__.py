"""Metrics of embeddings on classes outside the training set, with 95 % confidence intervals.

All functions work on distances (small = similar); scores are negative distances.
"""

from siamkeras.evaluation._tables import Table, table
from siamkeras.evaluation.correlation import Correlation, correlation, correlation_from_distances
from siamkeras.evaluation.few_shot import FewShot, few_shot, few_shot_from_embeddings
from siamkeras.evaluation.one_shot import OneShot, one_shot
from siamkeras.evaluation.retrieval import Retrieval, retrieval
from siamkeras.evaluation.verification import (
    Comparison,
    Verification,
    compare,
    pair_distances,
    verification,
    verification_from_distances,
    verification_from_embeddings,
)

__all__ = [
    "Comparison",
    "Correlation",
    "FewShot",
    "OneShot",
    "Retrieval",
    "Table",
    "Verification",
    "compare",
    "correlation",
    "correlation_from_distances",
    "few_shot",
    "few_shot_from_embeddings",
    "one_shot",
    "pair_distances",
    "retrieval",
    "table",
    "verification",
    "verification_from_distances",
    "verification_from_embeddings",
]
