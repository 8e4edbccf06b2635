"""Signature data sets: SigComp2009, CEDAR and your own folders of scans."""

import re
from pathlib import Path

import numpy as np

from siamkeras._validation import check_integer, check_sizes
from siamkeras.applications.signatures.examples import Signatures, check_signatures
from siamkeras.applications.signatures.preprocessing import preprocess
from siamkeras.applications.signatures.synthetic import synthetic_signatures
from siamkeras.data import _images
from siamkeras.data._sources import find, manual_download_error, reading, real_or_stand_in

KINDS = {"genuine": True, "forged": False}
# File names of the SigComp competitions: author, sample, imitated writer.
SIGCOMP_NAME = re.compile(r"(\d{3})\d{2}(\d{3})")
# Folders and file names (writer, sample) of CEDAR.
CEDAR = {"full_org": (True, r"original_(\d+)_(\d+)"), "full_forg": (False, r"forgeries_(\d+)_(\d+)")}


def sigcomp2009(size=(64, 128), source="auto"):
    """SigComp2009 (Blankers et al., 2009): 30 writers, 5 genuine signatures and 5 skilled forgeries of each.

    The data set is available on request only. Place it in `signatures_sigcomp2009/<writer>/{genuine,forged}/*.png`
    under `SIAMKERAS_DATA` or `~/.cache/siamkeras`.

    Args:
        size: `(height, width)` in pixels, each at least 16.
        source: "auto" reads the folder, else returns `synthetic_signatures` with a `StandInWarning`. "real" raises an
            error instead of returning them; "synthetic" always returns them.

    Returns:
        `Signatures`; writers with the same forger form a group.

    Raises:
        ConnectionError: `source="real"` and the folder does not exist.
        OSError: the folder is incomplete or damaged.
    """
    url = "https://tc11.cvc.uab.es/datasets/SigComp2009_1"
    return _load("SigComp2009", "signatures_sigcomp2009", 30, url, size, source)


def cedar(size=(64, 128), source="auto"):
    """CEDAR (Kalera, Srihari and Xu, 2004): 55 writers, 24 genuine signatures and 24 skilled forgeries of each.

    As `sigcomp2009`, with the folders `signatures_cedar/full_org` and `signatures_cedar/full_forg`. The forgers are not
    known, so each writer is a group.
    """
    url = "https://cedar.buffalo.edu/NIJ/data/signatures.rar"
    return _load("CEDAR", "signatures_cedar", 55, url, size, source)


def _load(title, folder, writers, url, size, source):
    size = _check_size(size)

    def real():
        path = find(folder)
        if path is None:
            raise manual_download_error(title, url, folder)
        with reading(title, path):
            signatures = signature_folder(path, size)
            if len(signatures.class_names) != writers:
                raise ValueError(f"expected {writers} writers, found {len(signatures.class_names)}")
        return signatures._replace(source=f"{title} ({writers} writers)")

    def stand_in():
        source = f"synthetic signatures standing in for {title} ({writers} writers)"
        return synthetic_signatures(writers, size=size)._replace(source=source)

    return real_or_stand_in(source, real, stand_in, "synthetic signatures")


def signature_folder(folder, size=(64, 128)):
    """Signatures of any size from `folder/<writer>/genuine/` and `folder/<writer>/forged/`.

    Args:
        folder: Folder with a folder for each writer, or with `full_org` and `full_forg` as in CEDAR.
        size: `(height, width)` in pixels, each at least 16; see `preprocess`.

    Returns:
        `Signatures`, sorted by writer, genuine ones first. If the files are named as in the SigComp competitions,
        `FFFSSWWW.png` (FFF the author, WWW the imitated writer), writers that share an author form a group. As with
        `data.image_folder`, a warning lists the paths that are not read.

    Raises:
        ValueError: a writer with fewer than two genuine signatures or without forgeries; fewer than two writers;
            files that cannot be decoded or contain no ink.
    """
    size, folder, skipped = _check_size(size), Path(folder), []
    list_entries = _list_cedar if any((folder / name).is_dir() for name in CEDAR) else _list_writers
    entries = list_entries(folder, skipped)
    _images.warn_skipped(folder, skipped)
    names = list(dict.fromkeys(writer for writer, _, _ in entries))
    class_names, groups = dict(enumerate(names)), _groups(names, entries)
    labels = np.array([names.index(writer) for writer, _, _ in entries], int)
    genuine, paths = np.array([kind for _, kind, _ in entries], bool), [path for _, _, path in entries]
    check_signatures(labels, genuine, 2, 1, class_names)
    images, broken = _images.decode_files(paths, (*size, 1), lambda path: preprocess(_images.open_image(path), size))
    if broken:
        raise ValueError(f"{_images.describe_broken(paths, broken)} Remove them.")
    members = {group: np.flatnonzero(groups == group) for group in np.unique(groups).tolist()}
    return Signatures(
        images=images,
        labels=labels,
        genuine=genuine,
        groups=groups[labels],
        class_names=class_names,
        group_names={group: " + ".join(names[writer] for writer in writers) for group, writers in members.items()},
        source=f"signatures of the folder {folder.name}",
    )


def _check_size(size):
    return tuple(check_integer("size", side, 16) for side in check_sizes("size", size, 2))


def _list_writers(folder, skipped):
    """`(writer, is genuine, path)` of each signature, sorted by writer; adds other paths to the list `skipped`."""
    entries = []
    for writer in _images.list_subfolders(folder, skipped):
        skipped += [path for path in _images.list_folder(writer) if path.name not in KINDS]
        for kind, is_genuine in KINDS.items():
            paths = _images.list_images(writer / kind, skipped)
            if not paths:
                raise ValueError(f"There are no images in {writer / kind}.")
            entries += [(writer.name, is_genuine, path) for path in paths]
    return entries


def _list_cedar(folder, skipped):
    """As `_list_writers`, for the layout of CEDAR."""
    others = [path.name for path in _images.list_subfolders(folder, skipped) if path.name not in CEDAR]
    if others:
        raise ValueError(f"Expected only the folders {', '.join(CEDAR)} in {folder}. Received: {others[:5]}.")
    entries = []
    for name, (is_genuine, pattern) in CEDAR.items():
        for path in _images.list_images(folder / name, skipped):
            match = re.fullmatch(pattern, path.stem, re.IGNORECASE)
            if match is None:
                raise ValueError(f"Expected files named as {pattern!r} in {folder / name}. Received: {path.name!r}.")
            entries.append((int(match[1]), not is_genuine, int(match[2]), path))
    return [(f"{writer:02d}", not is_forged, path) for writer, is_forged, _, path in sorted(entries)]


def _groups(names, entries):
    """The group of each writer `(writers,)`: connected components of writers that share an author."""
    groups, first_of_author = np.arange(len(names)), {}
    for name, _, path in entries:
        match = SIGCOMP_NAME.fullmatch(path.stem)
        if match and name.endswith(match[2]):
            # Author numbers are unique within a collection only, such as "nfi_" of the writer "nfi_002".
            author, writer = (name.removesuffix(match[2]), match[1]), names.index(name)
            other = first_of_author.setdefault(author, writer)
            groups[groups == groups[writer]] = groups[other]
    return np.unique(groups, return_inverse=True)[1]
