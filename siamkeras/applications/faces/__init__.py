"""Face verification: the AT&T faces, Labeled Faces in the Wild and synthetic portraits."""

from siamkeras.applications.faces.att_faces import att_faces
from siamkeras.applications.faces.lfw import lfw_pairs
from siamkeras.applications.faces.synthetic import synthetic_faces

__all__ = ["att_faces", "lfw_pairs", "synthetic_faces"]
