"""Signature verification: data sets with forgeries, streams of pairs, enrolment trials, synthetic signatures."""

from siamkeras.applications.signatures.data import cedar, sigcomp2009, sigcomp2011, signature_folder
from siamkeras.applications.signatures.evaluation import Trials, eer_difference, pair_trials, reference_trials
from siamkeras.applications.signatures.examples import Signatures
from siamkeras.applications.signatures.generators import forgery_batches
from siamkeras.applications.signatures.model import stroke_tower
from siamkeras.applications.signatures.preprocessing import preprocess
from siamkeras.applications.signatures.synthetic import synthetic_signatures

__all__ = [
    "Signatures",
    "Trials",
    "cedar",
    "eer_difference",
    "forgery_batches",
    "pair_trials",
    "preprocess",
    "reference_trials",
    "sigcomp2009",
    "sigcomp2011",
    "signature_folder",
    "stroke_tower",
    "synthetic_signatures",
]
