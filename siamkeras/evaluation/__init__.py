"""Metrics of embeddings on classes that the network has not been trained on, with 95 % confidence intervals.

All functions take distances, small for similar. Scores are negative distances.
"""

from siamkeras.evaluation._tables import Table, table
from siamkeras.evaluation.correlation import Correlation, correlation, correlation_from_distances
from siamkeras.evaluation.few_shot import FewShot, OneShot, few_shot, few_shot_from_embeddings, one_shot
from siamkeras.evaluation.retrieval import Retrieval, map_at_r, precision_at_k, recall_at_k, retrieval
from siamkeras.evaluation.verification import (
    FALSE_ACCEPT_RATES,
    Comparison,
    Verification,
    compare,
    pair_distances,
    verification,
    verification_from_distances,
    verification_from_embeddings,
)

__all__ = [
    "FALSE_ACCEPT_RATES",
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
    "pair_distances",
    "few_shot",
    "few_shot_from_embeddings",
    "map_at_r",
    "one_shot",
    "precision_at_k",
    "recall_at_k",
    "retrieval",
    "table",
    "verification",
    "verification_from_embeddings",
    "verification_from_distances",
]
