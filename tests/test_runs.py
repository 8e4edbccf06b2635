"""The official one-shot runs of Omniglot: which query belongs to which image, and what becomes of a bad file."""

import hashlib
import io
import os
import sys
import threading
import warnings
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamkeras import data
from siamkeras.data import _cache as cache
from siamkeras.data import _downloads as downloads
from siamkeras.data import omniglot as characters
from siamkeras.data import omniglot_runs as runs

# Two runs of three trials: which training image is of the character of each test image.
ANSWERS = [[2, 0, 1], [0, 2, 1]]
REAL, PREPARED = os.environ.get("SIAMKERAS_DATA", "-"), os.environ.get("TFDS_DATA_DIR", "-")


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with no data sets and no network, whose home is `tmp_path`."""
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    monkeypatch.delenv("SIAMKERAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def drawing(run, number, row):
    """105x105 pixels of 1 bit, ink 0: a bar whose place tells the run and the number, in rows `row` to `row + 3`."""
    image = np.ones((105, 105), bool)
    image[row : row + 4, 30 * run + 10 * number : 30 * run + 10 * number + 8] = False
    return image


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def members():
    """The files of a toy archive, two runs of three characters; bars of support images lie at row 20, queries at 70."""
    files = {}
    for run, answers in enumerate(ANSWERS):
        folder, lines = f"run{run + 1:02d}", []
        for number, answer in enumerate(answers):
            files[f"{folder}/training/class{number + 1:02d}.png"] = png(drawing(run, number, row=20))
            files[f"{folder}/test/item{number + 1:02d}.png"] = png(drawing(run, number, row=70))
            lines.append(f"{folder}/test/item{number + 1:02d}.png {folder}/training/class{answer + 1:02d}.png\n")
        files[f"{folder}/class_labels.txt"] = "".join(lines).encode()
    return files


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def publish(monkeypatch, files):
    """Makes an archive of these files the one that is expected; its content."""
    content = zipped(files)
    monkeypatch.setattr(runs, "RUNS", 2)
    monkeypatch.setattr(runs, "WAY", 3)
    monkeypatch.setattr(runs, "ALPHABETS", ("Greek", "Latin"))
    monkeypatch.setattr(runs, "BYTES", len(content))
    monkeypatch.setattr(runs, "SHA256", hashlib.sha256(content).hexdigest())
    return content


@pytest.fixture
def published(monkeypatch):
    return publish(monkeypatch, members())


def put(folder, content):
    file = folder / "omniglot" / "all_runs.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


@pytest.fixture
def file(published, tmp_path, monkeypatch):
    """The toy archive under SIAMKERAS_DATA."""
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    return put(tmp_path / "sets", published)


# --- From a file on this machine


def test_each_image_is_in_its_place_and_ink_is_one(file):
    found = data.omniglot_runs(size=105)
    assert found.support.shape == found.queries.shape == (2, 3, 105, 105, 1)
    assert found.support.dtype == found.queries.dtype == np.float32
    for run, number in np.ndindex(2, 3):
        np.testing.assert_array_equal(found.support[run, number, :, :, 0], ~drawing(run, number, row=20))
        np.testing.assert_array_equal(found.queries[run, number, :, :, 0], ~drawing(run, number, row=70))


def test_images_are_reduced_by_area(file):
    """105 / 35 = 3: each pixel is the mean of 3x3."""
    found = data.omniglot_runs()
    expected = (~drawing(1, 2, row=70)).reshape(35, 3, 35, 3).mean((1, 3))
    np.testing.assert_allclose(found.queries[1, 2, :, :, 0], expected, atol=1e-6)


def test_answers_are_places_among_the_support_images_in_the_order_of_the_queries(file, monkeypatch):
    """Item 1 of run 1 belongs to class03: place 2. Lines may come in any order."""
    assert data.omniglot_runs(size=8).answers.tolist() == ANSWERS
    files = members()
    lines = files["run01/class_labels.txt"].splitlines()
    files["run01/class_labels.txt"] = b"\n".join(lines[::-1])
    file.write_bytes(publish(monkeypatch, files))
    assert data.omniglot_runs(size=8).answers.tolist() == ANSWERS


def test_it_says_what_it_is(file):
    assert repr(data.omniglot_runs()) == (
        "2 runs of 3 trials, 3-way (35x35x1), source: Omniglot's one-shot test (2 alphabets), "
        "github.com/brendenlake/omniglot"
    )
    assert data.omniglot_runs(size=8, source="real").alphabets == ("Greek", "Latin")


def test_runs_may_have_fewer_trials_than_ways():
    images = np.zeros((2, 5, 8, 9, 1), "float32")
    some = data.OneShotRuns(images, images[:, :3], np.zeros((2, 3), int), ("Greek", "Latin"), "the caller")
    assert repr(some) == "2 runs of 3 trials, 5-way (8x9x1), source: the caller"


def test_a_copy_in_the_cache_is_found_and_no_host_is_asked(published, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "probe", None)
    put(tmp_path / "cache" / "siamkeras", published)
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "elsewhere"))
    assert data.omniglot_runs(size=8).answers.tolist() == ANSWERS


# --- A file that is not as it should be


@pytest.mark.parametrize("source", ["auto", "real"])
def test_a_damaged_archive_is_an_error_that_says_which_what_and_how(file, published, source):
    """Cut off, or with one byte changed."""
    for content in (published[:1000], published[:-1] + b"?", b""):
        file.write_bytes(content)
        with pytest.raises(OSError) as caught:
            data.omniglot_runs(source=source)
        assert not isinstance(caught.value, ConnectionError)
        assert str(caught.value) == (
            f"The copy of Omniglot's one-shot test in {file} is damaged: expected {len(published)} bytes with sha256 "
            f"{hashlib.sha256(published).hexdigest()}, found {len(content)} bytes with sha256 "
            f"{hashlib.sha256(content).hexdigest()}. Delete that file and load the set again."
        )


def lose_an_image(files):
    del files["run02/test/item03.png"]


def lose_the_labels(files):
    del files["run01/class_labels.txt"]


def lose_all(files):
    files.clear()


def name_an_unknown_file(files):
    files["run02/class_labels.txt"] = files["run02/class_labels.txt"].replace(b"class02", b"class09")


def name_an_unknown_query(files):
    files["run02/class_labels.txt"] = files["run02/class_labels.txt"].replace(b"item02", b"item09")


def name_a_file_twice(files):
    files["run01/class_labels.txt"] = files["run01/class_labels.txt"].replace(b"class02", b"class03")


def lose_a_line(files):
    files["run01/class_labels.txt"] = files["run01/class_labels.txt"].partition(b"\n")[2]


def shrink_an_image(files):
    files["run01/training/class02.png"] = png(drawing(0, 1, row=20)[:, :104])


def replace_an_image(files):
    files["run01/training/class02.png"] = b"<html>"


NAMES = "should name each image of its run once, and nothing else; look at"
DRAWN = "run01/training/class02.png is not a PNG image of 105x105 pixels"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lose_an_image, "it has no run02/test/item03.png"),
        (lose_the_labels, "it has no run01/class_labels.txt"),
        (
            lose_all,
            "it has no run01/class_labels.txt, run01/test/item01.png, run01/test/item02.png, run01/test/item03.png, "
            "run01/training/class01.png and 9 more",
        ),
        (
            name_an_unknown_file,
            f"run02/class_labels.txt {NAMES} run02/training/class02.png, run02/training/class09.png",
        ),
        (name_an_unknown_query, f"run02/class_labels.txt {NAMES} run02/test/item02.png, run02/test/item09.png"),
        (name_a_file_twice, f"run01/class_labels.txt {NAMES} run01/training/class02.png"),
        (lose_a_line, f"run01/class_labels.txt {NAMES} run01/test/item01.png, run01/training/class03.png"),
        (shrink_an_image, DRAWN),
        (replace_an_image, DRAWN),
    ],
)
def test_an_archive_with_something_else_inside_is_an_error_that_names_it(file, monkeypatch, harm, words):
    files = members()
    harm(files)
    file.write_bytes(publish(monkeypatch, files))
    with pytest.raises(OSError) as caught:
        data.omniglot_runs()
    assert str(caught.value) == (
        f"The copy of Omniglot's one-shot test in {file} is damaged: {words}. Delete that file and load the set again."
    )


# --- From elsewhere, or not at all


@pytest.fixture
def host(monkeypatch):
    """A host on this machine that answers every probe; whoever uses it says what it sends, and of which length."""

    class Answer(BaseHTTPRequestHandler):
        status, content, length = 200, b"", None

        def do_GET(self):
            self.send_response(Answer.status)
            self.send_header("Content-Length", str(Answer.length or len(Answer.content)))
            self.end_headers()
            self.wfile.write(Answer.content)

        def log_message(self, *_):
            pass

    for name in ("http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/all_runs.zip"
    monkeypatch.setattr(runs, "ONE_SHOT", runs.ONE_SHOT._replace(url=url))
    monkeypatch.setattr(downloads, "probe", lambda url: None)
    yield Answer
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_archive_is_fetched_once_and_kept_in_the_cache(host, published, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    host.content = published
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert data.omniglot_runs(size=8).answers.tolist() == ANSWERS
    folder = tmp_path / "cache" / "siamkeras" / "omniglot"
    assert [path.name for path in folder.iterdir()] == ["all_runs.zip"]
    assert (folder / "all_runs.zip").read_bytes() == published
    assert not (tmp_path / "sets").exists()
    err = capsys.readouterr().err
    assert err == f"Downloading Omniglot's one-shot test (0.4 MB) from 127.0.0.1 to {folder}, once.\n"

    host.status = 404
    assert data.omniglot_runs(size=8, source="real").answers.tolist() == ANSWERS
    assert capsys.readouterr().err == ""


def test_a_folder_in_the_cache_that_holds_something_already_is_left_alone(host, published, tmp_path):
    host.content = published
    other = tmp_path / "cache" / "siamkeras" / "omniglot" / "other.txt"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    data.omniglot_runs(size=8)
    assert sorted(path.name for path in other.parent.iterdir()) == ["all_runs.zip", "other.txt"]


def break_off(host):
    host.length = len(host.content)
    host.content = host.content[:1000]


def refuse(host):
    host.status, host.content = 503, b"Come back later."


def send_a_page(host):
    host.content = b"<html>"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (break_off, r"and its download failed: ChunkedEncodingError\. Where there is"),
        (refuse, r"and its download failed: HTTP status 503\. Where there is"),
        (
            send_a_page,
            r"and what was downloaded is something else: expected \d+ bytes with sha256 \w{64}, found 6 bytes with "
            r"sha256 \w{64}\. Where there is",
        ),
    ],
)
def test_a_download_that_fails_counts_as_no_network_and_leaves_nothing(
    host, published, stand_in, tmp_path, harm, words
):
    host.content = published
    harm(host)
    with pytest.raises(ConnectionError, match=words):
        data.omniglot_runs(source="real")
    with pytest.warns(data.StandInWarning, match=words):
        assert data.omniglot_runs(size=8).source.startswith("synthetic glyphs")
    assert not list((tmp_path / "cache").rglob("*"))


def test_writing_that_is_interrupted_leaves_nothing(host, published, tmp_path, monkeypatch):
    host.content = published

    def interrupted(self, content):
        with open(self, "wb") as stream:
            stream.write(content[:100])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(ConnectionError, match="cannot be kept there: OSError .No space left on device"):
        data.omniglot_runs(source="real")
    with pytest.warns(data.StandInWarning, match="No space left"):
        assert "standing in" in data.omniglot_runs().source
    assert list((tmp_path / "cache" / "siamkeras" / "omniglot").iterdir()) == []


def test_the_address_and_the_sum_are_those_of_the_authors():
    assert runs.ONE_SHOT.url == (
        "https://github.com/brendenlake/omniglot/raw/master/python/one-shot-classification/all_runs.zip"
    )
    assert runs.BYTES == 352787
    assert runs.SHA256 == "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325"


REMEDY = (
    "Where there is a network, https://github.com/brendenlake/omniglot/raw/master/python/one-shot-classification/"
    "all_runs.zip is fetched; the environment variable SIAMKERAS_DATA says where omniglot/all_runs.zip is looked for."
)


def test_offline_real_is_a_connection_error_that_says_what_where_and_how(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(downloads, "probe", lambda url: asked.append(url) or ConnectionError("no network"))
    with pytest.raises(ConnectionError) as caught:
        data.omniglot_runs(source="real")
    place = tmp_path / "cache" / "siamkeras" / "omniglot" / "all_runs.zip"
    assert str(caught.value) == (
        f"Omniglot's one-shot test is not in {place}, and github.com does not answer: ConnectionError (no network). "
        f"{REMEDY}"
    )
    assert asked == [runs.ONE_SHOT.url]
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    with pytest.raises(ConnectionError) as caught:
        data.omniglot_runs(source="real")
    given = tmp_path / "sets" / "omniglot" / "all_runs.zip"
    assert str(caught.value).startswith(f"Omniglot's one-shot test is not in {given} or {place}, and github.com")


def test_offline_auto_gives_glyphs_and_one_notice_that_says_why(stand_in):
    with pytest.warns(data.StandInWarning) as caught:
        found = data.omniglot_runs(size=8)
    assert len(caught) == 1
    assert str(caught[0].message).endswith(
        f"(there is no network in tests). {REMEDY} Until then synthetic glyphs stand in for it: what is measured on "
        "them does not compare with published numbers."
    )
    assert found.source == "synthetic glyphs standing in for Omniglot's one-shot test (10 alphabets)"


def test_synthetic_never_looks_for_the_real_file(file, stand_in, monkeypatch):
    file.write_bytes(b"damaged")
    monkeypatch.setattr(downloads, "probe", None)
    monkeypatch.setattr(cache, "places", None)
    monkeypatch.setitem(sys.modules, "requests", None)
    assert data.omniglot_runs(size=8, source="synthetic").source.startswith("synthetic glyphs")


# --- The stand-in


@pytest.fixture(scope="module")
def evaluation():
    """What stands in for the evaluation set: drawn once, since it takes seconds."""
    return data.omniglot("evaluation", size=12, source="synthetic")


@pytest.fixture
def stand_in(evaluation, monkeypatch):
    def omniglot(subset, size, source):
        assert (subset, source) == ("evaluation", "synthetic")
        return evaluation._replace(images=evaluation.images[:, :size, :size])

    monkeypatch.setattr(characters, "omniglot", omniglot)


@pytest.fixture
def glyphs(stand_in, evaluation):
    """The stand-in, and a function: images to the arrays of characters, alphabets and hands that drew them."""
    drawn = [image.tobytes() for image in evaluation.images]
    assert len(set(drawn)) == len(drawn) == 10 * 20 * 20
    place = {image: number for number, image in enumerate(drawn)}

    def told(images):
        places = np.array([place[image.tobytes()] for image in images.reshape(-1, 12, 12, 1)])
        # A character is drawn by hand 0, 1, ... 19, one after the other.
        return [
            values.reshape(20, 20) for values in (evaluation.labels[places], evaluation.groups[places], places % 20)
        ]

    return data.omniglot_runs(size=12, source="synthetic"), told


def test_glyphs_are_drawings_of_the_stand_in_for_the_evaluation_set_two_runs_per_alphabet(glyphs, evaluation):
    found, told = glyphs
    assert found.support.shape == found.queries.shape == (20, 20, 12, 12, 1)
    assert found.support.dtype == found.queries.dtype == np.float32
    for images in (found.support, found.queries):
        labels, groups, _ = told(images)
        assert groups.tolist() == [[20 + run // 2] * 20 for run in range(20)]
        assert all(len(set(run)) == 20 for run in labels.tolist())
    assert found.alphabets == tuple(evaluation.group_names[20 + run // 2] for run in range(20))


def test_each_glyph_is_asked_for_once_and_its_answer_is_the_same_character(glyphs):
    found, told = glyphs
    (support, *_), (queries, *_) = told(found.support), told(found.queries)
    assert np.sort(found.answers, axis=1).tolist() == [list(range(20))] * 20
    np.testing.assert_array_equal(np.take_along_axis(support, found.answers, axis=1), queries)


def test_four_hands_draw_the_two_runs_of_an_alphabet_of_glyphs(glyphs):
    found, told = glyphs
    hands = np.stack([told(found.support)[2], told(found.queries)[2]], axis=1)
    assert (hands == hands[:, :, :1]).all()
    pairs = hands[:, :, 0].reshape(10, 4)
    assert all(len(set(four)) == 4 for four in pairs.tolist())
    assert len(np.unique(pairs)) > 10


def test_glyphs_come_in_another_order_in_each_run_and_in_the_same_every_time(glyphs):
    found, told = glyphs
    (support, *_), (queries, *_) = told(found.support), told(found.queries)
    orders = [tuple(row % 20) for row in (*support, *queries, *found.answers)]
    assert len(set(orders)) == 60
    again = data.omniglot_runs(size=12, source="synthetic")
    np.testing.assert_array_equal(again.answers, found.answers)
    np.testing.assert_array_equal(again.queries, found.queries)
    np.testing.assert_array_equal(again.support, found.support)


# --- Arguments


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.omniglot_runs(size=7), "`size` must be an integer of at least 8 pixels. Received: size=7"),
        (lambda: data.omniglot_runs(size=35.0), "Received: size=35.0"),
        (lambda: data.omniglot_runs(size=(35, 35)), r"Received: size=\(35, 35\)"),
        (lambda: data.omniglot_runs(source="x"), "`source` must be one of 'auto', 'real', 'synthetic'. Received: so"),
    ],
)
def test_arguments_are_checked_before_anything_is_looked_for(monkeypatch, call, words):
    monkeypatch.setattr(data.hub, "real_or_stand_in", None)
    with pytest.raises(ValueError, match=words):
        call()


# --- The real set, where it is

needs_runs = pytest.mark.skipif(
    not Path(REAL, "omniglot", "all_runs.zip").is_file(), reason="needs omniglot/all_runs.zip under SIAMKERAS_DATA"
)
needs_omniglot = pytest.mark.skipif(
    not Path(PREPARED, "omniglot").is_dir(), reason="needs omniglot under TFDS_DATA_DIR"
)


@needs_runs
def test_the_real_runs_are_complete(monkeypatch):
    monkeypatch.setenv("SIAMKERAS_DATA", REAL)
    found = data.omniglot_runs(source="real")
    assert found.support.shape == found.queries.shape == (20, 20, 35, 35, 1)
    assert np.sort(found.answers, axis=1).tolist() == [list(range(20))] * 20
    # Its first line: run01/test/item01.png run01/training/class08.png
    assert found.answers[0, 0] == 7
    assert repr(found).startswith("20 runs of 20 trials, 20-way (35x35x1), source: Omniglot's one-shot test (10 alph")


@needs_runs
@needs_omniglot
@pytest.mark.parametrize("size", [28, 35])
def test_the_real_runs_are_of_the_evaluation_set_pixel_by_pixel_and_of_the_alphabets_named(monkeypatch, size):
    """A network is trained on drawings reduced by `omniglot`; those it is tested on have to be reduced alike.

    The labels of the evaluation set also say independently what the answers are.
    """
    monkeypatch.setenv("SIAMKERAS_DATA", REAL)
    found, evaluation = data.omniglot_runs(size, source="real"), data.omniglot("evaluation", size, source="real")
    place = {image.tobytes(): number for number, image in enumerate(evaluation.images)}
    assert len(place) == 13180
    support, queries = (
        np.array([[place[image.tobytes()] for image in run] for run in images])
        for images in (found.support, found.queries)
    )
    for run, name in enumerate(found.alphabets):
        groups = np.unique(evaluation.groups[[support[run], queries[run]]])
        assert [evaluation.group_names[group] for group in groups.tolist()] == [name]
    np.testing.assert_array_equal(
        evaluation.labels[np.take_along_axis(support, found.answers, axis=1)], evaluation.labels[queries]
    )
    # No drawing is in two runs, although the two of an alphabet have the same characters.
    assert len(np.unique([support, queries])) == 800
    characters_of = np.sort(evaluation.labels[support], axis=1)
    np.testing.assert_array_equal(characters_of[0::2], characters_of[1::2])


@needs_runs
def test_the_authors_own_baseline_has_the_error_that_they_publish(monkeypatch):
    """Beside the archive, demo_classification.py says: modified Hausdorff distance of centred ink errs in 38.8 %.

    Of two sets of points: the mean distance from a point to the nearest of the other set, or back, whichever is larger.
    """
    from scipy.spatial import cKDTree

    def points(image):
        ink = np.argwhere(image[:, :, 0])
        return cKDTree(ink - ink.mean(axis=0))

    def distance(one, other):
        return max(one.query(other.data)[0].mean(), other.query(one.data)[0].mean())

    monkeypatch.setenv("SIAMKERAS_DATA", REAL)
    found = data.omniglot_runs(size=105, source="real")
    errors = 0
    for *images, answers in zip(found.support, found.queries, found.answers, strict=True):
        support, queries = ([points(image) for image in part] for part in images)
        nearest = [np.argmin([distance(query, image) for image in support]) for query in queries]
        errors += np.sum(nearest != answers)
    assert errors == 155  # of 400: 38.75 %
