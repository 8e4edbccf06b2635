"""Signatures, genuine and forged: from a folder on this machine, or drawn in their place."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from siamkeras._validation import check_choice, check_sizes
from siamkeras.applications.signatures import synthetic
from siamkeras.applications.signatures.examples import Signatures
from siamkeras.applications.signatures.ink import inked
from siamkeras.data import _images, _sources

# Name here: (words for it, folder below SIAMKERAS_DATA, where it is asked for, its writers and those of its stand-in).
SETS = {
    "sigcomp2009": (
        "SigComp2009",
        "signatures_sigcomp2009",
        "https://tc11.cvc.uab.es/datasets/SigComp2009_1",
        30,
    ),
    "cedar": ("CEDAR", "signatures_cedar", "https://cedar.buffalo.edu/NIJ/data/signatures.rar", 55),
}
LEAST = 16
LAYOUTS = (
    "`<writer>/genuine/*.png` and `<writer>/forged/*.png`, or as CEDAR comes, `full_org/original_<writer>_<n>.png` and "
    "`full_forg/forgeries_<writer>_<n>.png`"
)
CEDAR = {"full_org": (True, r"original_(\d+)_(\d+)"), "full_forg": (False, r"forgeries_(\d+)_(\d+)")}
KINDS = {"genuine": True, "forged": False}
# Of the files of SigComp2009: who held the pen, which sample, in whose name.
PENNED = re.compile(r"(\d{3})\d{2}(\d{3})")


def signatures(name="sigcomp2009", size=(64, 128), source="auto", skip_broken=False):
    """Signatures of writers and skilled forgeries of them, one of the sets that are given out on request.

    | name | writers | genuine, forged of each | |
    |---|---|---|---|
    | `"sigcomp2009"` | 30 | 5, 5 | a part of ICDAR's competition of 2009 (Blankers et al.), two collections |
    | `"cedar"` | 55 | 24, 24 | Kalera, Srihari and Xu (2004) |

    No loader can fetch these. Where you have one, its folder is looked for under `SIAMKERAS_DATA` and in
    `~/.cache/siamkeras`: `signatures_sigcomp2009/<writer>/{genuine,forged}/*.png`;
    `signatures_cedar/{full_org,full_forg}/*.png`. For a folder anywhere, of any such set, there is `signature_folder`.

    Args:
        name: A name from the table.
        size: `(height, width)` in pixels, at least 16 each. Only the ink is kept, cut out and centred, as large as
            fits in the proportions in which it was written, whatever the size of the scan.
        source: `"auto"`: the folder; where there is none, synthetic signatures of as many writers, 5 genuine and 5
            forged of each, and a `StandInWarning`. `"real"`: an error instead. `"synthetic"`: these, at once.
        skip_broken: As for `signature_folder`.

    Returns:
        `Signatures`: `images` `(n, height, width, 1)`, ink 1 on 0; `labels` the writers in whose name they are;
        `genuine`; `groups`: writers that share a hand.

    Raises:
        ValueError: an argument is not one of those above; and as `signature_folder`.
        ConnectionError: `source="real"`, and the set is not on this machine.
        OSError: the copy on this machine has not all writers, whatever the `source`; except `"synthetic"`.
    """
    check_choice("name", name, SETS)
    size = _checked_size(size)
    title, folder, address, writers = SETS[name]

    def drawn():
        found = synthetic.signatures(writers, size=size)
        return found._replace(source=f"synthetic signatures standing in for {title} ({writers} writers)")

    def real():
        path = _sources.find(folder)
        if path is None:
            raise _sources.manual_download_error(title, address, folder)
        found = signature_folder(path, size, skip_broken)
        if len(found.class_names) != writers:
            raise OSError(
                f"The copy of {title} in {path} is not complete: expected {writers} writers, found "
                f"{len(found.class_names)}. Complete it, or read what is there with signature_folder."
            )
        return found._replace(source=f"{title} ({len(found.class_names)} writers)")

    return _sources.real_or_stand_in(source, real, drawn, "synthetic signatures")


def signature_folder(folder, size=(64, 128), skip_broken=False):
    """Signatures of your own, genuine and forged, from files of any size.

    Args:
        folder: Holds for each writer `<writer>/genuine/` and `<writer>/forged/` with image files; or two folders as
            CEDAR comes: `full_org/original_<writer>_<n>.png`, `full_forg/forgeries_<writer>_<n>.png`.
        size: As for `signatures`.
        skip_broken: Leave out files that cannot be decoded or show no ink, and name them in a `SkippedFilesWarning`.

    Returns:
        `Signatures`, in order of writer, genuine ones first, then of file. Where files are named as in SigComp2009,
        `FFFSSWWW.png`, FFF is the hand that wrote it, and writers that share one are a group; else each writer is one.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: folders or files that are arranged otherwise; a writer with fewer than two genuine signatures or
            without a forgery; fewer than two writers; files that cannot be decoded or show no ink.
    """
    size = _checked_size(size)
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"There is no folder {root}{': that is a file' if root.exists() else ''}.")
    found = _found(root)
    names = list(dict.fromkeys(writer for writer, _, _ in found))
    labels = np.array([names.index(writer) for writer, _, _ in found])
    genuine = np.array([is_genuine for _, is_genuine, _ in found])
    paths = [path for _, _, path in found]
    groups = _sharing_a_hand(names, found)
    _check_counts(names, labels, genuine)
    images, broken = _images.decode_files(paths, (*size, 1), lambda path: _read(path, size))
    signatures = Signatures(
        images=images,
        labels=labels,
        genuine=genuine,
        groups=groups[labels],
        class_names=dict(enumerate(names)),
        group_names={
            group: " + ".join(names[writer] for writer in np.flatnonzero(groups == group))
            for group in np.unique(groups).tolist()
        },
        source=f"signatures of the folder {root.name}",
    )
    if not broken:
        return signatures
    told = _images.describe_broken(paths, broken)
    if not skip_broken:
        raise ValueError(f"{told} Remove them, or leave them out with skip_broken=True.")
    rest = signatures.take(np.setdiff1d(np.arange(len(paths)), list(broken)))
    _check_counts(names, rest.labels, rest.genuine, f" {told} Without them")
    _sources.warn_once(f"{told} They are skipped.", _sources.SkippedFilesWarning)
    return rest


def _found(root):
    """`(writer, whether genuine, file)` of every signature, in order."""
    inside = [child.name for child in _images.list_folder(root) if child.is_dir()]
    if not set(inside) & set(CEDAR):
        return _by_writer(root)
    others = [name for name in inside if name not in CEDAR]
    if others and set(CEDAR) <= set(inside):
        raise ValueError(f"Expected {LAYOUTS}. Found both in {root}: {', '.join(CEDAR)} and {_images.shorten(others)}.")
    return _as_cedar(root)


def _as_cedar(root):
    found, taken = [], {}
    for name, (is_genuine, pattern) in CEDAR.items():
        if not (root / name).is_dir():
            raise ValueError(f"Expected {LAYOUTS}. Found no folder {name} in {root}.")
        files = _images.list_images(root / name)
        if not files:
            raise ValueError(f"Expected image files in {root / name}. Found none.")
        for file in files:
            named = re.fullmatch(pattern, file.stem, re.IGNORECASE)
            if named is None:
                raise ValueError(f"Expected {LAYOUTS}. Found {name}/{file.name}.")
            writer, number = map(int, named.groups())
            twin = taken.setdefault((writer, is_genuine, number), file)
            if twin is not file:
                raise ValueError(f"One number is one signature. Found {name}/{twin.name} and {name}/{file.name}.")
            found.append((writer, not is_genuine, number, file))
    return [(f"{writer:02d}", not is_forged, file) for writer, is_forged, _, file in sorted(found)]


def _by_writer(root):
    writers, found = [child for child in _images.list_folder(root) if child.is_dir()], []
    for writer in writers:
        kinds = {child.name for child in writer.iterdir() if child.is_dir()}
        if not kinds & set(KINDS):
            raise ValueError(f"Expected {LAYOUTS}. Found {writer.name} without a folder genuine or forged.")
        own = []
        for kind, is_genuine in KINDS.items():
            files = _images.list_images(writer / kind) if kind in kinds else []
            own += [(writer.name, is_genuine, file) for file in files]
        if not own:
            raise ValueError(f"Every writer needs image files, genuine and forged. Found none in {writer}.")
        found += own
    if not found:
        raise ValueError(f"Expected {LAYOUTS}. Found no such folders in {root}.")
    return found


def _check_counts(names, labels, genuine, where=" "):
    if len(names) < 2:
        raise ValueError(f"At least two writers are needed, or no pair is of two. Received: only {names[0]!r}.")
    for kind, least, wanted in ((True, 2, "two genuine signatures"), (False, 1, "a forgery")):
        counts = np.bincount(labels[genuine == kind], minlength=len(names))
        few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if count < least]
        if few:
            raise ValueError(f"Every writer needs at least {wanted}.{where.rstrip()} Too few: {_images.shorten(few)}.")


def _sharing_a_hand(names, found):
    """The number of the group of each writer: whoever shares a hand with another, directly or by a third."""
    group = np.arange(len(names))
    of_hand = {}
    for writer, _, path in found:
        named = PENNED.fullmatch(path.stem)
        if named and writer.endswith(named[2]):
            # A hand has its number within a collection, `nfi_002`.
            hand = writer[: -len(named[2])], named[1]
            number = names.index(writer)
            other = of_hand.setdefault(hand, number)
            group[group == group[number]] = group[other]
    return np.unique(group, return_inverse=True)[1]


def _read(path, size):
    with Image.open(path) as image:
        return inked(image, size)


def _checked_size(size):
    height, width = check_sizes("size", size, 2)
    if min(height, width) < LEAST:
        raise ValueError(f"A signature needs at least {LEAST} pixels a side. Received: size={size!r}.")
    return height, width
