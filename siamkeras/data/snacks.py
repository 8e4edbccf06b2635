"""Snacks: photos of twenty kinds of food, for retrieval."""

from pathlib import Path

import numpy as np

from siamkeras._validation import check_choice, check_sizes, plain
from siamkeras.data import _sources
from siamkeras.data._images import decode_files, describe_broken, read_image, shorten
from siamkeras.data._synthetic_snacks import SNACKS, synthetic_snacks
from siamkeras.data.examples import Examples
from siamkeras.data.folders import image_paths

NAME = "Matthijs/snacks"
# For each split: its folder, and the number of photos per class in the stand-in.
SPLITS = {"train": ("train", 100), "validation": ("val", 50), "test": ("test", 50)}


def snacks(split="train", classes=None, size=(96, 96), source="auto"):
    """Photos of twenty snacks from Open Images: the data set Matthijs/snacks of the Hugging Face hub.

    | split | photos | per class |
    |---|---|---|
    | `"train"` | 4,838 | 249 to 260, but 180 of popcorn and 154 of pretzel |
    | `"validation"` | 955 | 50, but 40 of pineapple and popcorn, 25 of pretzel |
    | `"test"` | 952 | as validation, but 48 of muffin and 49 of strawberry |

    Classes: apple, banana, cake, candy, carrot, cookie, doughnut, grape, hot dog, ice cream, juice, muffin, orange,
    pineapple, popcorn, pretzel, salad, strawberry, waffle, watermelon. Licence: CC BY 2.0.

    Args:
        split: A name from the table.
        classes: A list of class names; None for all.
        size: `(height, width)` in pixels, or one integer for both: the largest central part of each photo with this
            aspect ratio is resized.
        source: `"auto"`: the folder `snacks/{train,val,test}/<class>/` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`,
            or a download of 105 MB with the library `datasets`; otherwise synthetic photos with a `StandInWarning`.
            `"real"`: an error instead of synthetic photos. `"synthetic"`: synthetic photos, 100 per class for
            `"train"` and 50 for each other split.

    Returns:
        `Examples`: `images` `(n, height, width, 3)`, float32 in [0, 1]; `labels` 0 to 19 in alphabetical
        order, independent of `classes`.

    Raises:
        ConnectionError, ImportError: `source="real"` and the data set is not available.
        OSError: the copy on this machine is incomplete or damaged.
    """
    check_choice("split", split, SPLITS)
    names = _select_classes(classes)
    size = check_sizes("size", [size, size] if np.ndim(size) == 0 else size, 2)
    examples = _sources.real_or_stand_in(
        source,
        lambda: _read_folder(_find_folder(split), names, size),
        lambda: _stand_in(split, names, size),
        "synthetic snacks",
    )
    of_classes = "" if classes is None else f" of {shorten(list(names.values()))}"
    return examples._replace(source=f"{examples.source}, {split} split ({len(examples.labels)} photos{of_classes})")


def _select_classes(classes):
    """`{label: name}` of the snacks in the list `classes`, or of all."""
    selected = list(SNACKS) if classes is None else classes
    if isinstance(selected, str) or len(selected) == 0 or not set(selected) <= set(SNACKS):
        raise ValueError(f"`classes` must be a list of names from: {', '.join(SNACKS)}. Received: {plain(classes)!r}.")
    return {label: name for label, name in enumerate(SNACKS) if name in selected}


def _find_folder(split):
    parts = "snacks", SPLITS[split][0]
    folder = _sources.find(*parts)
    if folder is None:
        missing, hint = _sources.not_found("Snacks", *parts), _sources.advice(*parts)
        # `datasets` 4 and later do not run the loading script of the main branch.
        dataset = _sources.load_hugging_face(NAME, split, "Snacks", 105, missing, hint, "refs/convert/parquet")
        folder = _sources.cache_path(*parts)
        _write_folder(dataset, folder)
    return folder


def _write_folder(dataset, folder):
    """Writes the original bytes of the photos to `folder/<class>/`: all of them, or none if interrupted."""
    import datasets

    names = dataset.features["label"].names
    unknown = sorted(set(names) - set(SNACKS))
    if unknown:  # such as "../.."
        raise OSError(f"The download of {NAME} has unexpected classes: {shorten(unknown)}. Use source='synthetic'.")
    with _sources.unfinished_folder(folder.parent) as unfinished:
        for index, row in enumerate(dataset.cast_column("image", datasets.Image(decode=False))):
            name = Path(row["image"]["path"] or f"{index:04d}.jpg").name
            path = unfinished / folder.name / names[row["label"]] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # "x": an error if two photos have the same name
                file.write(row["image"]["bytes"])
        (unfinished / folder.name).rename(folder)


def _read_folder(folder, names, size):
    with _sources.reading("Snacks", folder):
        files = image_paths(folder)
        missing = sorted(set(names.values()) - set(files.class_names.values()))
        if missing:
            raise ValueError(f"there are no photos of {shorten(missing)}")
        label_of = {name: label for label, name in names.items()}
        labels = np.array([label_of.get(name, -1) for name in files.class_names.values()])[files.labels]
        files = Examples(files.images, labels, class_names=names, source=NAME).take(labels >= 0)
        images, broken = decode_files(files.images, (*size, 3), lambda path: read_image(path, *size, crop=True))
        if broken:
            raise ValueError(describe_broken(files.images, broken))
        return files._replace(images=images)


def _stand_in(split, names, size):
    seed, per_class = list(SPLITS).index(split), SPLITS[split][1]
    examples = synthetic_snacks(names, per_class, size, seed)
    return examples._replace(source=f"synthetic snacks standing in for {NAME}")
