"""GloVe word vectors for the recurrent tower."""

import sys
import zipfile
from pathlib import Path

import numpy as np

from siamkeras._validation import check_integer, check_seed
from siamkeras.data._sources import find, not_found


def glove(tokenizer, path=None, dim=50, seed=0):
    """GloVe vectors for the words of a tokenizer (Pennington et al., 2014), for `word_vectors` of `towers.recurrent`.

    ```python
    tower = towers.recurrent(tokenizer, word_vectors=text.glove(tokenizer, "glove.6B.zip", dim=100))
    ```

    `towers.freeze(tower, until="word_vectors")` keeps them fixed during training.

    Args:
        tokenizer: An adapted word tokenizer, such as `tokenizers.words(sentences)`.
        path: `glove.6B.zip` or another GloVe zip; a text file from it; or an `.npz` file with `words` `(n,)` and
            `vectors` `(n, dim)`. None searches the folder `glove` under `SIAMKERAS_DATA` and `~/.cache/siamkeras`.
        dim: Dimension of the vectors; selects the file in a zip or folder.
        seed: Random seed.

    Returns:
        `(vocabulary, dim)` float32: 0 for padding, small random vectors for words that are not in GloVe. The number of
        words found is printed to stderr.

    Reference: https://nlp.stanford.edu/projects/glove
    """
    dim = check_integer("dim", dim, 1)
    row_of = {word: row for row, word in enumerate(tokenizer.get_vocabulary())}
    vectors = check_seed(seed).normal(0, 0.05, (len(row_of), dim)).astype("float32")
    found = set()
    for word, vector in _read(_find(dim) if path is None else Path(path), dim):
        if word in row_of:
            vectors[row_of[word]] = vector
            found.add(word)
    if not found:
        raise ValueError("None of the words of the tokenizer has a vector. GloVe 6B has lower-case words.")
    vectors[0] = 0
    print(f"GloVe has vectors of {len(found)} of {len(row_of) - 2} words.", file=sys.stderr)
    return vectors


def _find(dim):
    for name in (f"glove.6B.{dim}d.txt", "glove.6B.zip", f"glove_6B_{dim}d_top20k.npz"):
        path = find("glove", name)
        if path is not None:
            return path
    missing = not_found("GloVe", "glove", "glove.6B.zip")
    raise FileNotFoundError(f"{missing}. Download it (862 MB) from https://nlp.stanford.edu/projects/glove.")


def _read(path, dim):
    """Yields each word and its vector."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            words, vectors = arrays["words"].tolist(), arrays["vectors"]
        if vectors.shape != (len(words), dim):
            raise ValueError(f"Expected vectors ({len(words)}, {dim}) in {path}. Received: shape {vectors.shape}.")
        yield from zip(words, vectors, strict=True)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            ends = (name for name in names if name.endswith(f".{dim}d.txt") and not name.startswith("__MACOSX"))
            member = next(ends, None)
            if member is None:
                raise ValueError(f"There is no file *.{dim}d.txt in {path}. It contains: {', '.join(names)}.")
            with archive.open(member) as file:
                yield from _read_lines(file, dim)
    else:
        with path.open("rb") as file:
            yield from _read_lines(file, dim)


def _read_lines(file, dim):
    for number, line in enumerate(file, 1):
        word, *values = line.rstrip().rsplit(b" ", dim)  # glove.840B has words with spaces, but not in line 1
        try:
            if len(values) != dim or (number == 1 and b" " in word):
                raise ValueError
            vector = np.array([float(value) for value in values], "float32")
            if not np.isfinite(vector).all():
                raise ValueError
            yield word.decode(), vector
        except ValueError:
            received = f"{len(line.split())} fields, {line[:40]!r}"
            raise ValueError(
                f"Line {number} of {file.name} must be a word and dim={dim} finite numbers. Received: {received}."
            ) from None
