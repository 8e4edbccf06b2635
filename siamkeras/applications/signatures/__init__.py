"""Signature verification: data sets with forgeries, enrolment trials, synthetic signatures."""

from siamkeras.applications.signatures import synthetic
from siamkeras.applications.signatures.data import signature_folder, signatures
from siamkeras.applications.signatures.evaluation import (
    Difference,
    Trials,
    eer_difference,
    enrolled,
    joined,
    signature_pairs,
)
from siamkeras.applications.signatures.examples import Signatures

__all__ = [
    "Difference",
    "Signatures",
    "Trials",
    "eer_difference",
    "enrolled",
    "joined",
    "signature_folder",
    "signature_pairs",
    "signatures",
    "synthetic",
]
