"""GloVe word vectors for the recurrent tower."""

import sys
import zipfile
from pathlib import Path

import numpy as np

from siamkeras._random import generator
from siamkeras._validation import check_integer, check_seed
from siamkeras.applications.text import synthetic
from siamkeras.data._sources import find, manual_download_error, real_or_stand_in

URL = "https://nlp.stanford.edu/projects/glove"
STAND_IN = "vectors of the words of the synthetic sentences"


def glove(tokenizer, path=None, dim=50, seed=0, source="auto"):
    """GloVe vectors for the words of a tokenizer (Pennington et al., 2014), for `word_vectors` of `towers.recurrent`.

    ```python
    words = tokenizers.words([*sentences, *text.glove_words("glove.6B.zip", dim=100)], max_tokens=30_000)
    tower = towers.recurrent(words, word_vectors=text.glove(words, "glove.6B.zip", dim=100))
    ```

    `towers.freeze(tower, until="word_vectors")` keeps them fixed during training. `word_vectors` can also be vectors of
    your own: row i belongs to the word `tokenizer.get_vocabulary()[i]`.

    Args:
        tokenizer: An adapted word tokenizer, such as `tokenizers.words(sentences)`.
        path: `glove.6B.zip` (862 MB) or another GloVe zip; a text file from it; or an `.npz` file with `words` `(n,)`
            and `vectors` `(n, dim)`. None searches the folder `glove` under `SIAMKERAS_DATA` and `~/.cache/siamkeras`.
        dim: Dimension of the vectors; selects the file in a zip or folder.
        seed: Random seed.
        source: "auto" returns synthetic vectors with a `StandInWarning` if there is no file: random ones, similar for
            the synonyms of the stand-in sentences. "real" raises an error instead; "synthetic" always returns them.

    Returns:
        `(vocabulary, dim)` float32: 0 for padding, small random vectors for words that are not in GloVe. The number of
        words found is printed to stderr.

    Raises:
        ConnectionError: `source="real"`, and there is no file.

    Reference: https://nlp.stanford.edu/projects/glove
    """
    row_of = {word: row for row, word in enumerate(tokenizer.get_vocabulary())}
    vectors = check_seed(seed).normal(0, 0.05, (len(row_of), check_integer("dim", dim, 1))).astype("float32")
    found = set()
    for word, vector in _word_vectors(path, dim, source):
        if word in row_of:
            vectors[row_of[word]] = vector
            found.add(word)
    if not found:
        raise ValueError("None of the words of the tokenizer has a vector. GloVe 6B has lower-case words.")
    vectors[0] = 0
    print(f"GloVe has vectors of {len(found)} of {len(row_of) - 2} words.", file=sys.stderr)
    return vectors


def glove_words(path=None, dim=50, count=20_000, source="auto"):
    """The most frequent words of GloVe, most frequent first, without punctuation marks.

    Add them to the sentences of a tokenizer, so that words which do not occur in the training sentences have vectors.

    Args:
        path, dim, source: As for `glove`.
        count: Number of entries of GloVe to read, punctuation marks included.

    Returns:
        A list of strings.
    """
    check_integer("count", count, 1)
    words = (word for (word, _), _ in zip(_word_vectors(path, dim, source), range(count), strict=False))
    return [word for word in words if any(map(str.isalnum, word))]


def _word_vectors(path, dim, source="auto"):
    """Pairs of a word and its vector, most frequent words first."""
    dim = check_integer("dim", dim, 1)

    def real():
        return _read(_find(dim) if path is None else Path(path), dim)

    return real_or_stand_in(source, real, lambda: _stand_in(dim), STAND_IN)


def _find(dim):
    for name in (f"glove.6B.{dim}d.txt", "glove.6B.zip", f"glove_6B_{dim}d_top20k.npz"):
        path = find("glove", name)
        if path is not None:
            return path
    raise manual_download_error("GloVe", URL, "glove", "glove.6B.zip")


def _stand_in(dim):
    """Random vectors of the words of the synthetic sentences; synonyms differ by noise only."""
    rng = generator(0, dim)
    vectors = {word: rng.normal(size=dim) for word in ("the", "a", "is")}
    for part in synthetic.PARTS:
        for synonyms in part:
            meaning = rng.normal(size=dim)
            for word in " ".join(synonyms).split():
                vectors.setdefault(word, meaning + 0.3 * rng.normal(size=dim))
    return vectors.items()


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
