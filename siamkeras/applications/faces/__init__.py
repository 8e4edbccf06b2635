"""Face verification: the AT&T faces and Labeled Faces in the Wild."""

from siamkeras.applications.faces.att_faces import att_faces
from siamkeras.applications.faces.evaluation import fold_verification
from siamkeras.applications.faces.lfw import lfw_pairs, lfw_people
from siamkeras.applications.faces.model import face_tower

__all__ = [
    "att_faces",
    "face_tower",
    "fold_verification",
    "lfw_pairs",
    "lfw_people",
]
