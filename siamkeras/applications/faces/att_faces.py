"""The AT&T faces: 40 people with 10 photos each."""

import numpy as np

from siamkeras._validation import check_sizes
from siamkeras.applications.faces._scikit_learn import fetch, resize
from siamkeras.applications.faces.synthetic import synthetic_faces
from siamkeras.data._sources import advice, find, not_found, reading, real_or_stand_in
from siamkeras.data.examples import Examples
from siamkeras.data.folders import image_folder

TITLE, MEGABYTES, URL = "AT&T faces", 4, "https://ndownloader.figshare.com/files/5976027"
PEOPLE, PHOTOS = 40, 10
NAMES = {person: f"s{person + 1}" for person in range(PEOPLE)}


def att_faces(size=(56, 46), source="auto"):
    """The AT&T (formerly ORL) faces: 40 people, 10 grey photos each (Samaria and Harter, 1994).

    For your own photos, use `data.image_folder("photos", size, channels=1, crop=True)`.

    Args:
        size: `(height, width)` in pixels. The photos are cropped to these proportions and resized.
        source: "auto" reads the folder `att_faces/s1` to `s40` (112x92 pixels) under `SIAMKERAS_DATA` or
            `~/.cache/siamkeras`, else `sklearn.datasets.fetch_olivetti_faces` (4 MB, 64x64 pixels), else returns
            synthetic faces with a `StandInWarning`. "real" raises an error instead of returning them; "synthetic"
            always returns them.

    Returns:
        `Examples`: images `(400, height, width, 1)`, float32 in [0, 1]; labels 0 to 39 are the people.

    Raises:
        ConnectionError: `source="real"` and the data set is not available.
        OSError: the local copy is damaged.
    """
    size = check_sizes("size", size, 2)
    return real_or_stand_in(source, lambda: _real(size), lambda: _stand_in(size), "synthetic faces")


def _stand_in(size):
    examples = synthetic_faces(PEOPLE, PHOTOS, size)
    return examples._replace(source=f"synthetic faces standing in for the {TITLE}")


def _real(size):
    folder = find("att_faces")
    if folder is not None:
        return _read_folder(folder, size)
    from sklearn.datasets import fetch_olivetti_faces

    missing, hint = not_found(TITLE, "att_faces"), advice("att_faces")
    faces = fetch(fetch_olivetti_faces, TITLE, MEGABYTES, URL, missing, hint)
    labels = np.asarray(faces.target, "int64")
    return Examples(
        resize(faces.images, size), labels, class_names=NAMES, source=f"{TITLE} ({PEOPLE} people), Olivetti"
    )


def _read_folder(folder, size):
    with reading(TITLE, folder):
        examples = image_folder(folder, size, channels=1, crop=True)
        names = examples.class_names
        if set(names.values()) != set(NAMES.values()) or (np.bincount(examples.labels) != PHOTOS).any():
            raise ValueError(f"expected folders s1 to s{PEOPLE} with {PHOTOS} images each")
    # `image_folder` sorts names as strings, s10 before s2.
    person = np.array([int(names[label][1:]) - 1 for label in range(PEOPLE)])[examples.labels]
    examples = examples._replace(labels=person, class_names=NAMES, source=f"{TITLE} ({PEOPLE} people)")
    return examples.take(np.argsort(person, kind="stable"))
