"""Photographs: twenty snacks, from a folder on this machine, from the Hugging Face hub, or drawn in their place."""

import io
import os

import numpy as np
from PIL import Image

import siamkeras
from siamkeras import synthetic
from siamkeras.data import _cache as cache
from siamkeras.data import _hub as hub
from siamkeras.data import _hugging_face as hugging_face
from siamkeras.data import folders
from siamkeras.data.examples import Examples
from siamkeras.synthetic.snacks import class_names

SNACKS = hub.HubSet(
    name="Matthijs/snacks",
    title="Snacks",
    megabytes=105,
    url="https://huggingface.co/datasets/Matthijs/snacks/resolve/main/README.md",
    stand_in="synthetic snacks",
)
REVISION = "refs/convert/parquet"
# Split here and on the hub: (its folder, photos of each snack in its stand-in).
SPLITS = {"train": ("train", 100), "validation": ("val", 50), "test": ("test", 50)}
# Height and width of a stand-in's files.
DRAWN = 96


def snacks(split="train", classes=None, size=(96, 96), source="auto"):
    """Photos of twenty snacks, for retrieval: the set Matthijs/snacks of the Hugging Face hub, from Open Images.

    | split | photos | of each snack |
    |---|---|---|
    | `"train"` | 4,838 | 249 to 260, but 180 of popcorn and 154 of pretzels |
    | `"validation"` | 955 | 50, but 40 of pineapples and popcorn, 25 of pretzels |
    | `"test"` | 952 | as in validation, but 48 of muffins and 49 of strawberries |

    apple, banana, cake, candy, carrot, cookie, doughnut, grape, hot dog, ice cream, juice, muffin, orange, pineapple,
    popcorn, pretzel, salad, strawberry, waffle, watermelon: photos as people take them, with several things and people
    in them, smallest side 256 pixels. Licence CC BY 2.0.

    ```python
    photos = data.snacks("train", classes=["apple", "banana"], size=96)
    files = data.snacks("train", size=None)                             # paths, decoded on the way
    generators.triplets(files.images, files.labels, load=data.load_image(size=(96, 96), crop=True))
    ```

    Args:
        split: A name from the table.
        classes: A list of names, for a part of the snacks; None for all.
        size: `(height, width)` in pixels, or one integer for both: the middle of each photo that has these
            proportions, resized. None gives paths of files instead, of whole photos.
        source: `"auto"`: the folder `snacks/{train,val,test}/<class>/` under `SIAMKERAS_DATA` or `~/.cache/siamkeras`;
            if there is none, a download of 105 MB by the library `datasets` (or what is in its cache), which is
            unpacked in `~/.cache/siamkeras`; where that cannot be had either, synthetic snacks and a `StandInWarning`.
            `"real"`: the same, but an error instead of drawings. `"synthetic"`: the drawings, at once: 100 of each
            snack for `"train"`, 50 others for `"validation"`, 50 others for `"test"`; as files 96x96.

    Returns:
        `Examples`: `images` `(n, height, width, 3)`, float32 in [0, 1], or `(n,)` paths; `labels` 0 to 19 in the order
        above, the same in every split and for any `classes`; no groups. In order of label and file.

    Raises:
        ValueError: an argument is not one of those above.
        ConnectionError, ImportError: `source="real"`, and the set cannot be had.
        OSError: the copy on this machine lacks some of the classes or has damaged files, whatever the `source`; except
            `"synthetic"`.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(map(repr, SPLITS))}. Received: split={split!r}.")
    if source not in hub.SOURCES:
        raise ValueError(f"`source` must be one of {', '.join(map(repr, hub.SOURCES))}. Received: source={source!r}.")
    if size is not None:
        size = folders.checked_size((size, size) if isinstance(size, (int, np.integer)) else size)
    names = class_names(classes)
    examples = hub.real_or_stand_in(
        SNACKS,
        source,
        real=lambda: _from_folder(_folder(split), names, size, SNACKS.name),
        stand_in=lambda: _drawn(split, names, size),
    )
    of = "" if classes is None else f" of {folders.some(list(names.values()))}"
    return examples._replace(source=f"{examples.source}, {split} split ({len(examples.labels)} photos{of})")


def _folder(split):
    """The folder of a split: one that is there, or one that is filled from the hub."""
    folder, _ = SPLITS[split]
    places = cache.places("snacks", folder)
    for place in places:
        if place.is_dir():
            return place
    dataset = hugging_face.load(
        SNACKS,
        REVISION,
        split,
        absent=f"{SNACKS.title} is not in {' or '.join(map(str, places))},",
        remedy=f'Where there is a network, `load_dataset("{SNACKS.name}", revision="{REVISION}")` fetches it; the '
        "environment variable SIAMKERAS_DATA says where a folder snacks is looked for.",
    )
    cache.unpack(places[-1], _files(dataset))
    return places[-1]


def _files(dataset):
    import datasets

    names = dataset.features["label"].names
    # As they are on the hub: decoded here, they would be compressed twice.
    for number, row in enumerate(dataset.cast_column("image", datasets.Image(decode=False))):
        name = os.path.basename(row["image"]["path"] or f"{number:04d}.jpg")
        yield os.path.join(names[row["label"]], name), row["image"]["bytes"]


def _from_folder(folder, names, size, source):
    files = folders.image_paths(folder)
    missing = set(names.values()) - set(files.class_names.values())
    if missing:
        raise FileNotFoundError(_incomplete(folder, names, sorted(missing)))
    label = {name: label for label, name in names.items()}
    labels = np.array([label.get(name, -1) for name in files.class_names.values()])[files.labels]
    files = Examples(files.images, labels, class_names=names, source=source).take(labels >= 0)
    if size is None:
        return files
    images, broken = folders.decode(files.images, size, crop=True)
    if broken:
        raise OSError(
            f"The copy of {SNACKS.title} in {folder} is damaged: {folders.broken_files(files.images, broken)} "
            "Delete that folder and load the set again."
        )
    return files._replace(images=images)


def _incomplete(folder, names, missing):
    there = [name for name in names.values() if name not in missing]
    hints = [f"classes={there}"] if there else []
    for split, (name, _) in SPLITS.items():
        if all(folder.with_name(name).joinpath(kind).is_dir() for kind in names.values()):
            hints.append(f"the split {split!r}, which has all")
    hint = f" Ask for {', or for '.join(hints)}." if hints else ""
    return f"{folder} has no photos of: {', '.join(missing)}.{hint}"


def _drawn(split, names, size):
    folder, per_class = SPLITS[split]
    seed = list(SPLITS).index(split)
    source = f"synthetic snacks standing in for {SNACKS.name}"
    if size is not None:
        return synthetic.snacks(list(names.values()), per_class, size, seed)._replace(source=source)
    # Drawn by this version: another may draw otherwise.
    place = cache.own(f"synthetic_snacks-{siamkeras.__version__}", folder)
    if not place.is_dir():
        cache.unpack(place, _drawn_files(per_class, seed))
    return _from_folder(place, names, None, source)


def _drawn_files(per_class, seed):
    for name in class_names().values():
        for number, image in enumerate(synthetic.snacks([name], per_class, DRAWN, seed).images):
            content = io.BytesIO()
            Image.fromarray((image * 255).round().astype("uint8")).save(content, "JPEG", quality=90)
            yield os.path.join(name, f"{number:04d}.jpg"), content.getvalue()
