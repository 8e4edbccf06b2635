"""Omniglot: handwritten characters of 50 alphabets."""

import numpy as np

from siamkeras._validation import check_choice, check_integer
from siamkeras.data import _sources
from siamkeras.data._images import decode_png
from siamkeras.data._synthetic_glyphs import synthetic_glyphs
from siamkeras.data.examples import Examples

URL = "https://github.com/brendenlake/omniglot/raw/master/python/images_background_small1.zip"
FULL_SIZE = 105
# For each subset: split in TensorFlow Datasets, title, alphabets of the stand-in.
SUBSETS = {
    "background": ("train", "background set", range(20)),
    "evaluation": ("test", "evaluation set", range(20, 30)),
    "all": ("train+test", "background and evaluation sets", range(30)),
    "small1": ("small1", "small background set 1", range(5)),
    "small2": ("small2", "small background set 2", range(5, 10)),
}
# Per alphabet of the stand-in. Omniglot has 14 to 55 characters by 20 writers.
SYNTHETIC_CHARACTERS, SYNTHETIC_WRITERS = 20, 20


def omniglot(subset="background", size=35, source="auto"):
    """Omniglot: 1,623 characters of 50 alphabets by 20 writers each (Lake et al., Science 350, 2015).

    Networks are trained on the background set and tested on the evaluation set; no alphabet is in both. The
    small sets are parts of the background set; both contain Greek and Latin.

    | subset | images | characters | alphabets |
    |---|---|---|---|
    | `"background"` | 19,280 | 964 | 30 |
    | `"evaluation"` | 13,180 | 659 | 20 |
    | `"all"` | 32,460 | 1,623 | 50 |
    | `"small1"` | 2,720 | 136 | 5 |
    | `"small2"` | 3,120 | 156 | 5 |

    Args:
        subset: A name from the table.
        size: Height and width in pixels; 105 is the original size. Images are reduced by area averaging. All images at
            105 pixels need 1.4 GB.
        source: `"auto"`: the data set in `TFDS_DATA_DIR` or `~/tensorflow_datasets`, downloaded if missing (19 MB); if
            that fails, synthetic glyphs with a `StandInWarning`. `"real"`: an error instead. `"synthetic"`: always
            glyphs, of 20 alphabets with 20 characters by 20 writers for `"background"`, 10 others for `"evaluation"`,
            and 5 of the background for each small set.

    Returns:
        `Examples`: `images` `(n, size, size, 1)`, float32 in [0, 1], ink is 1; `labels` are numbers of characters and
        `groups` numbers of alphabets; a character has the same number in every subset.

    Raises:
        ValueError: unknown `subset` or `source`; `size` below 1.
        ConnectionError: `source="real"` and the data set is not on this machine and cannot be downloaded.
        ImportError: `source="real"` and TensorFlow Datasets is not installed: `pip install "siamkeras[data]"`.
        OSError: the copy on this machine is damaged.

    Reference: https://doi.org/10.1126/science.aab3050
    """
    split, title, alphabets = SUBSETS[check_choice("subset", subset, SUBSETS)]
    size = check_integer("size", size, 1)
    return _sources.real_or_stand_in(
        source, lambda: _real(split, title, size), lambda: _stand_in(alphabets, title, size), "synthetic glyphs"
    )


def _real(split, title, size):
    def read(dataset, info):
        images, columns = decode_png(dataset, FULL_SIZE, size, ["label", "alphabet"], invert=True)
        labels, groups = columns["label"], columns["alphabet"]
        character, alphabet = info.features["label"].int2str, info.features["alphabet"].int2str
        group_names = {group: alphabet(group).replace("_", " ") for group in np.unique(groups).tolist()}
        return Examples(
            images=images,
            labels=labels,
            groups=groups,
            class_names={label: _character_name(character(label)) for label in np.unique(labels).tolist()},
            group_names=group_names,
            source=f"Omniglot, {title} ({len(group_names)} alphabets), TensorFlow Datasets {info.version}",
        )

    return _sources.load_tfds("omniglot", split, read, "Omniglot", 19, URL)


def _character_name(name):
    # TensorFlow Datasets counts from 0, Omniglot from 1: "Greek_4" is character05 of Greek.
    alphabet, _, number = name.rpartition("_")
    return f"{alphabet.replace('_', ' ')}, character {int(number) + 1:02d}"


def _stand_in(alphabets, title, size):
    # All alphabets up to the last one, so that an alphabet has the same number and shapes in all subsets.
    glyphs = synthetic_glyphs(alphabets.stop, SYNTHETIC_CHARACTERS, SYNTHETIC_WRITERS, size, seed=0)
    source = f"synthetic glyphs standing in for Omniglot, {title} ({len(alphabets)} alphabets)"
    return glyphs.take(glyphs.groups >= alphabets.start)._replace(source=source)
