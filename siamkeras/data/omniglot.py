"""Written characters: Omniglot, MNIST, and the small digits of scikit-learn."""

import numpy as np

from siamkeras import synthetic
from siamkeras.data import _hub as hub
from siamkeras.data.examples import Examples

OMNIGLOT = hub.HubSet(
    name="omniglot",
    title="Omniglot",
    size=105,
    megabytes=19,
    url="https://github.com/brendenlake/omniglot/raw/master/python/images_background_small1.zip",
    stand_in="synthetic glyphs",
)
MNIST = hub.HubSet(
    name="mnist",
    title="MNIST",
    size=28,
    megabytes=12,
    url="https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
    stand_in="scikit-learn's 8x8 digits, enlarged,",
)
# Name here: (split in TensorFlow Datasets, words for it, alphabets of its stand-in).
OMNIGLOT_SUBSETS = {
    "background": ("train", "background set", range(20)),
    "evaluation": ("test", "evaluation set", range(20, 30)),
    "all": ("train+test", "background and evaluation sets", range(30)),
    "small1": ("small1", "small background set 1", range(5)),
    "small2": ("small2", "small background set 2", range(5, 10)),
}
# Name here: (words for it, the part of its stand-in).
MNIST_SUBSETS = {"train": ("training set", slice(0, 1437)), "test": ("test set", slice(1437, None))}
# Of a stand-in alphabet; Omniglot has 14 to 55 characters in each, drawn by 20 people.
CHARACTERS, HANDS = 20, 20


def omniglot(subset="background", size=35, source="auto"):
    """Omniglot: 1,623 characters of 50 alphabets, each drawn once by 20 people (Lake et al., Science 350, 2015).

    Networks are trained on the background set and tested on the evaluation set; no alphabet is in both.

    | subset | images | characters | alphabets |
    |---|---|---|---|
    | `"background"` | 19,280 | 964 | 30 |
    | `"evaluation"` | 13,180 | 659 | 20 |
    | `"all"`: the two | 32,460 | 1,623 | 50 |
    | `"small1"`, `"small2"`: from the background set, sharing Greek and Latin | 2,720, 3,120 | 136, 156 | 5, 5 |

    Args:
        subset: A name from the table.
        size: Height and width in pixels, at least 8, by area averaging; 105 gives the originals.
        source: `"auto"`: the set as TensorFlow Datasets prepared it on this machine, or a download of 19 MB; where
            neither can be had, synthetic glyphs and a `StandInWarning`. `"real"`: the same, but an error instead of
            glyphs. `"synthetic"`: the glyphs, at once: 20 alphabets of 20 characters by 20 hands for `"background"`,
            10 others for `"evaluation"`, 5 and 5 of the background for the small sets.

    Returns:
        `Examples`: `images` `(n, size, size, 1)`, float32, ink 1 on 0; `labels` are characters and `groups` alphabets,
        with the same number in every subset.

    Raises:
        ValueError: an argument is not one of those above.
        ConnectionError, ImportError: `source="real"`, and the set cannot be had.
        OSError: the copy on this machine is damaged, whatever the `source`; except `"synthetic"`.
    """
    check_name("subset", subset, OMNIGLOT_SUBSETS)
    check_name("source", source, hub.SOURCES)
    check_size(size)
    split, words, alphabets = OMNIGLOT_SUBSETS[subset]
    return hub.real_or_stand_in(
        OMNIGLOT,
        source,
        real=lambda: _omniglot(split, words, size),
        stand_in=lambda: _glyphs(alphabets, words, size),
    )


def _omniglot(split, words, size):
    images, columns, info = hub.read(OMNIGLOT, split, size, columns=("label", "alphabet"), dark_ink=True)
    labels, groups = columns["label"], columns["alphabet"]
    character, alphabet = info.features["label"].int2str, info.features["alphabet"].int2str
    group_names = {group: alphabet(group).replace("_", " ") for group in np.unique(groups).tolist()}
    return Examples(
        images=images,
        labels=labels,
        groups=groups,
        class_names={label: _character_name(character(label)) for label in np.unique(labels).tolist()},
        group_names=group_names,
        source=f"Omniglot, {words} ({len(group_names)} alphabets), TensorFlow Datasets {info.version}",
    )


def _character_name(name):
    # "Greek_4" in TensorFlow Datasets, which counts from 0, is character05 of Greek in Omniglot.
    alphabet, _, number = name.rpartition("_")
    return f"{alphabet.replace('_', ' ')}, character {int(number) + 1:02d}"


def _glyphs(alphabets, words, size):
    # All alphabets up to the last one wanted, so that an alphabet has its number and its shapes in every subset.
    glyphs = synthetic.glyphs(alphabets=alphabets.stop, characters=CHARACTERS, hands=HANDS, size=size, seed=0)
    source = f"synthetic glyphs standing in for Omniglot, {words} ({len(alphabets)} alphabets)"
    return glyphs.take(glyphs.groups >= alphabets.start)._replace(source=source)


def mnist(subset="train", source="auto"):
    """MNIST: 70,000 handwritten digits (LeCun et al., Proc. IEEE 86, 1998).

    Args:
        subset: `"train"` (60,000 images) or `"test"` (10,000).
        source: As for `omniglot`; the download has 12 MB. What stands in is not synthetic but small: the 1,797 real
            digits of `digits()`, enlarged; 1,437 for `"train"` and the other 360 for `"test"`.

    Returns:
        `Examples`: `images` `(n, 28, 28, 1)`, float32, ink 1 on 0; `labels` 0 to 9; no groups.

    Raises:
        ValueError, ConnectionError, ImportError, OSError: as `omniglot`.
    """
    check_name("subset", subset, MNIST_SUBSETS)
    check_name("source", source, hub.SOURCES)
    words, part = MNIST_SUBSETS[subset]
    return hub.real_or_stand_in(
        MNIST, source, real=lambda: _mnist(subset, words), stand_in=lambda: _enlarged_digits(part, words)
    )


def _mnist(split, words):
    images, columns, info = hub.read(MNIST, split, MNIST.size, columns=("label",))
    return Examples(
        images=images,
        labels=columns["label"],
        class_names=_digit_names(),
        source=f"MNIST, {words}, TensorFlow Datasets {info.version}",
    )


def _enlarged_digits(part, words):
    small = digits()
    # Each pixel of 8x8 becomes 3x3, by linear interpolation between pixel centres, with MNIST's empty border around.
    centres = (np.arange(24) + 0.5) / 3 - 0.5
    enlarge = np.stack([np.interp(centres, np.arange(8), pixel) for pixel in np.eye(8)], axis=1)
    images = np.pad(enlarge @ small.images[part, :, :, 0] @ enlarge.T, ((0, 0), (2, 2), (2, 2)))
    source = f"scikit-learn's 8x8 digits, enlarged, standing in for MNIST, {words}"
    return small._replace(images=images[..., None].astype("float32"), labels=small.labels[part], source=source)


def digits():
    """The handwritten digits that come with scikit-learn: small, real, and always there.

    Returns:
        `Examples`: `images` `(1797, 8, 8, 1)`, float32 in [0, 1] in 16 steps, ink 1 on 0; `labels` 0 to 9; no groups.

    Example:

    >>> digits()
    1797 images (8x8x1), 10 classes, source: scikit-learn's digits
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return Examples(
        images=(loaded.images[..., None] / 16).astype("float32"),
        labels=loaded.target.astype("int64"),
        class_names=_digit_names(),
        source="scikit-learn's digits",
    )


def _digit_names():
    return {digit: str(digit) for digit in range(10)}


def check_name(argument, name, known):
    """Raises `ValueError` for a name that is not known."""
    if name not in tuple(known):
        raise ValueError(f"`{argument}` must be one of {', '.join(map(repr, known))}. Received: {argument}={name!r}.")


def check_size(size):
    """Raises `ValueError` for a height and width in pixels at which characters cannot be read."""
    if not isinstance(size, (int, np.integer)) or size < 8:
        raise ValueError(f"`size` must be an integer of at least 8 pixels. Received: size={size!r}.")
