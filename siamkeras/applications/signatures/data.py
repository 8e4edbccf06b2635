"""Signature data sets: SigComp2009, SigComp2011, CEDAR and your own folders of scans."""

import re
from pathlib import Path

import numpy as np

from siamkeras._validation import check_integer, check_sizes
from siamkeras.applications.signatures.examples import Signatures, check_signatures
from siamkeras.applications.signatures.preprocessing import preprocess, redraw
from siamkeras.applications.signatures.synthetic import synthetic_signatures
from siamkeras.data import _images
from siamkeras.data._sources import find, manual_download_error, reading, real_or_stand_in, warn_once

# File names of SigComp2009 and, in two forms, SigComp2011; the groups are the author and the imitated writer.
SIGCOMP_NAMES = (r"(\d{3})\d{2}(\d{3})", r"(\d{4})(\d{3})_\d{2}", r"\d{2}_(\d{4})(\d{3})")
BHSIG_NAME = re.compile(r"([BH]-S-\d+)-([GF])-\d+", re.IGNORECASE)
LAYOUTS = (
    "Known layouts: <writer>/genuine/ and <writer>/forged/; <writer>/ and <writer>_forg/; <writer>/B-S-1-G-01.tif "
    "(BHSig260: G genuine, F forged; B Bengali, H Hindi); full_org/original_1_1.png and full_forg/forgeries_1_1.png"
)
# Folders and file names (writer, sample) of CEDAR.
CEDAR = {"full_org": (True, r"original_(\d+)_(\d+)"), "full_forg": (False, r"forgeries_(\d+)_(\d+)")}


def sigcomp2009(size=(64, 128), source="auto", pen_width=None):
    """SigComp2009 (Blankers et al., 2009): 30 writers, 5 genuine signatures and 5 skilled forgeries of each.

    The data set is available on request only. Place it in `signatures_sigcomp2009/<writer>/{genuine,forged}/*.png`
    under `SIAMKERAS_DATA` or `~/.cache/siamkeras`.

    Args:
        size: `(height, width)` in pixels, each at least 16.
        source: "auto" reads the folder, else returns `synthetic_signatures` with a `StandInWarning`. "real" raises an
            error instead of returning them; "synthetic" always returns them.
        pen_width: See `preprocess`: None keeps the width of the strokes, a number redraws all with the same pen.

    Returns:
        `Signatures`; writers with the same forger form a group.

    Raises:
        ConnectionError: `source="real"` and the folder does not exist.
        OSError: the folder is incomplete or damaged.
    """
    url = "https://tc11.cvc.uab.es/datasets/SigComp2009_1"
    return _load("SigComp2009", "signatures_sigcomp2009", 30, url, size, source, pen_width)


def sigcomp2011(size=(64, 128), source="auto", pen_width=None):
    """SigComp2011, Dutch (Liwicki et al., 2011): 64 writers, 12 to 24 genuine signatures and 8 to 20 forgeries of each.

    As `sigcomp2009`, from the folder `signatures_sigcomp2011` in any layout of `signature_folder`; it may contain only
    some of the writers. About forty forgers imitated two to five writers each, which connects all writers into one
    group: split by writers, then remove the forgers of the test writers from the training set with
    `Signatures.without_authors_of`. The forgeries have darker ink and thinner strokes than the genuine signatures: set
    `pen_width`, and report what `shortcuts` alone achieve.
    """
    url = "http://www.iapr-tc11.org/mediawiki/index.php/ICDAR_2011_Signature_Verification_Competition_(SigComp2011)"
    return _load("SigComp2011", "signatures_sigcomp2011", 64, url, size, source, pen_width, complete=False)


def cedar(size=(64, 128), source="auto", pen_width=None):
    """CEDAR (Kalera, Srihari and Xu, 2004): 55 writers, 24 genuine signatures and 24 skilled forgeries of each.

    As `sigcomp2009`, with the folders `signatures_cedar/full_org` and `signatures_cedar/full_forg`. The forgers are not
    known, so each writer is a group.
    """
    url = "https://cedar.buffalo.edu/NIJ/data/signatures.rar"
    return _load("CEDAR", "signatures_cedar", 55, url, size, source, pen_width)


def _load(title, folder, writers, url, size, source, pen_width, complete=True):
    size = _check_size(size)

    def real():
        path = find(folder)
        if path is None:
            raise manual_download_error(title, url, folder)
        with reading(title, path):
            signatures = signature_folder(path, size, pen_width)
            found = len(signatures.class_names)
            if complete and found != writers:
                raise ValueError(f"expected {writers} writers, found {found}")
        return signatures._replace(source=f"{title} ({found} writers)")

    def stand_in():
        source = f"synthetic signatures standing in for {title} ({writers} writers)"
        return synthetic_signatures(writers, size=size, pen_width=pen_width)._replace(source=source)

    return real_or_stand_in(source, real, stand_in, "synthetic signatures")


def signature_folder(folder, size=(64, 128), pen_width=None):
    """Reads signatures of any size from a folder in one of these layouts:

    - `<writer>/genuine/` and `<writer>/forged/`;
    - `<writer>/` for genuine signatures and `<writer>_forg/`, as in copies of SigComp2011 on Kaggle;
    - `<writer>/B-S-1-G-01.tif`, with F instead of G for forgeries: `BHSig260/Bengali` or `BHSig260/Hindi`;
    - `full_org/original_1_1.png` and `full_forg/forgeries_1_1.png`: CEDAR.

    Args:
        folder: Path of the folder.
        size: `(height, width)` in pixels, each at least 16; see `preprocess`.
        pen_width: See `preprocess`: None keeps the width of the strokes, a number redraws all with the same pen.

    Returns:
        `Signatures`, sorted by writer, genuine ones first. If the files are named as in the SigComp competitions,
        `FFFSSWWW.png`, `FFFFWWW_SS.png` or `SS_FFFFWWW.png` (F the author, W the imitated writer), writers that share
        an author form a group. As with `data.image_folder`, a warning lists the paths that are not read. In the layout
        of BHSig260 the folder is the writer, even if the file names contain another number, as in Hindi/123. If all
        writers form one group, split with `data.split_by_class(signatures)`, by writer.

    Raises:
        ValueError: unknown layout; fewer than two writers; a writer with fewer than two genuine signatures or without
            forgeries; files that cannot be decoded or contain no ink.
    """
    size, folder, skipped = _check_size(size), Path(folder), []
    if any((folder / name).is_dir() for name in CEDAR):
        entries = _list_cedar(folder, skipped)
    elif any(BHSIG_NAME.fullmatch(path.stem) for path in folder.glob("*/*")):
        entries = _list_bhsig(folder, skipped)
    else:
        entries = _list_writers(folder, skipped)
    if not entries:
        raise ValueError(f"There are no folders in {folder}. {LAYOUTS}.")
    _images.warn_skipped(folder, skipped)
    names = list(dict.fromkeys(writer for writer, _, _ in entries))
    class_names = dict(enumerate(names))
    labels = np.array([names.index(writer) for writer, _, _ in entries], int)
    genuine, paths = np.array([kind for _, kind, _ in entries], bool), [path for _, _, path in entries]
    check_signatures(labels, genuine, 2, 1, class_names)
    authors = _authors(names, entries)
    groups = _groups(labels, authors)
    images, shortcuts = _read(paths, size, pen_width)
    members = {group: np.flatnonzero(groups == group) for group in np.unique(groups).tolist()}
    return Signatures(
        images=images,
        labels=labels,
        genuine=genuine,
        groups=groups[labels],
        class_names=class_names,
        group_names={group: " + ".join(names[writer] for writer in writers) for group, writers in members.items()},
        source=f"signatures of the folder {folder.name}",
        authors=authors,
        shortcuts=shortcuts,
    )


def _read(paths, size, pen_width):
    """The images, and with a pen the measurements of the scans, `{name: (n,)}`."""
    measured = {}

    def read(path):
        scan = _images.open_image(path)
        if pen_width is None:
            return preprocess(scan, size)
        image, measured[path] = redraw(scan, size, pen_width)
        return image

    images, broken = _images.decode_files(paths, (*size, 1), read)
    if broken:
        raise ValueError(f"{_images.describe_broken(paths, broken)} Remove them.")
    names = measured[paths[0]] if measured else ()
    return images, {name: np.array([measured[path][name] for path in paths]) for name in names}


def _check_size(size):
    return tuple(check_integer("size", side, 16) for side in check_sizes("size", size, 2))


def _list_writers(folder, skipped):
    """`(writer, is genuine, path)` of each signature, sorted by writer; adds other paths to the list `skipped`."""
    names, entries = [path.name for path in _images.list_subfolders(folder, skipped)], []
    is_kaggle = any(name.endswith("_forg") for name in names)
    for writer in sorted({name.removesuffix("_forg") for name in names}) if is_kaggle else names:
        if is_kaggle:
            places = folder / writer, folder / f"{writer}_forg"
        else:
            places = folder / writer / "genuine", folder / writer / "forged"
            skipped += [path for path in _images.list_folder(folder / writer) if path not in places]
        for is_genuine, place in zip((True, False), places, strict=True):
            paths = _images.list_images(place, skipped) if place.is_dir() else []
            if not paths:
                raise ValueError(f"There are no images in {place}. {LAYOUTS}.")
            entries += [(writer, is_genuine, path) for path in paths]
    return entries


def _list_bhsig(folder, skipped):
    """As `_list_writers`, for the layout of BHSig260."""
    entries, mixed = [], []
    for writer in _images.list_subfolders(folder, skipped):
        prefixes = set()
        for path in _images.list_images(writer, skipped):
            match = BHSIG_NAME.fullmatch(path.stem)
            if match is None:
                skipped.append(path)
            else:
                prefixes.add(match[1].upper())
                entries.append((writer.name, match[2].upper() == "G", path))
        if not prefixes:
            raise ValueError(f"There are no signatures in {writer}. {LAYOUTS}.")
        if len(prefixes) > 1:  # as after copying Bengali and Hindi into one folder
            mixed.append(f"{writer.name} ({', '.join(sorted(prefixes))})")
    if mixed:
        warn_once(f"Files of several writers are read as one writer in {folder}: {_images.shorten(mixed)}.")
    return sorted(entries, key=lambda entry: (entry[0], not entry[1]))


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


def _authors(names, entries):
    """The author of each signature `(n,)`: a writer, or from `len(names)` on a forger."""
    numbers, keys = {name: number for number, name in enumerate(names)}, []
    for name, is_genuine, path in entries:
        match = next(filter(None, (re.fullmatch(pattern, path.stem) for pattern in SIGCOMP_NAMES)), None)
        known = match is not None and name.endswith(match[2])
        # Author numbers are unique within a collection only, such as "nfi_" of the writer "nfi_002".
        key = name.removesuffix(match[2]) + match[1] if known else f"forger of {name}"
        keys.append(name if is_genuine else key)
        numbers.setdefault(keys[-1], len(numbers))
    return np.array([numbers[key] for key in keys])


def _groups(labels, authors):
    """The group of each writer `(writers,)`: connected components of writers that share an author."""
    groups, first_of_author = np.arange(labels.max() + 1), {}
    for writer, author in zip(labels.tolist(), authors.tolist(), strict=True):
        other = first_of_author.setdefault(author, writer)
        groups[groups == groups[writer]] = groups[other]
    return np.unique(groups, return_inverse=True)[1]
