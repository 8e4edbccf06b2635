"""Face verification: the AT&T and LFW data sets, and synthetic portraits."""

from siamkeras.applications.faces import synthetic
from siamkeras.applications.faces.data import FacePairs, faces, lfw_pairs

__all__ = ["FacePairs", "faces", "lfw_pairs", "synthetic"]
