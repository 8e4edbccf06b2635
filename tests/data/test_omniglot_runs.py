"""The official one-shot runs of Omniglot."""

import hashlib
import importlib
import io
import zipfile

import numpy as np
import pytest

from siamkeras import data

module = importlib.import_module("siamkeras.data.omniglot_runs")
# Two runs of three trials: the index of the support image of the same character.
TARGETS = [[2, 0, 1], [0, 2, 1]]


def drawing(run, index, row):
    """105x105 pixels of 1 bit, ink 0: a bar whose position encodes the run and the index."""
    image = np.ones((105, 105), bool)
    image[row : row + 4, 30 * run + 10 * index : 30 * run + 10 * index + 8] = False
    return image


@pytest.fixture
def archive(tmp_path, monkeypatch, png):
    """A toy archive in SIAMKERAS_DATA: support images have their bars at row 20, queries at row 70."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        for run, targets in enumerate(TARGETS):
            folder, lines = f"run{run + 1:02d}", []
            for index, target in enumerate(targets):
                files.writestr(f"{folder}/training/class{index + 1:02d}.png", png(drawing(run, index, row=20)))
                files.writestr(f"{folder}/test/item{index + 1:02d}.png", png(drawing(run, index, row=70)))
                lines.append(f"{folder}/test/item{index + 1:02d}.png {folder}/training/class{target + 1:02d}.png\n")
            files.writestr(f"{folder}/class_labels.txt", "".join(lines[::-1]))
    content = content.getvalue()
    for name, value in {"RUNS": 2, "WAY": 3, "ALPHABETS": ("Greek", "Latin")}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "sets"))
    file = tmp_path / "sets" / "omniglot" / "all_runs.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def test_images_and_targets_are_in_the_order_of_run_and_number(archive):
    runs = data.omniglot_runs(size=105)
    assert runs.support.shape == runs.queries.shape == (2, 3, 105, 105, 1)
    assert runs.support.dtype == runs.queries.dtype == np.float32
    for run, index in np.ndindex(2, 3):
        np.testing.assert_array_equal(runs.support[run, index, :, :, 0], ~drawing(run, index, row=20))
        np.testing.assert_array_equal(runs.queries[run, index, :, :, 0], ~drawing(run, index, row=70))
    assert runs.targets.tolist() == TARGETS and runs.alphabets == ("Greek", "Latin")
    assert repr(runs) == (
        "2 runs of 3 trials, 3-way (105x105x1), source: Omniglot's one-shot test (2 alphabets), "
        "github.com/brendenlake/omniglot"
    )


def test_a_damaged_archive_is_an_error(archive):
    archive.write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(OSError, match=r"^The copy of Omniglot's one-shot test in .*all_runs\.zip is damaged: its SHA"):
        data.omniglot_runs()


def test_the_stand_in_has_two_runs_per_alphabet_by_four_writers(monkeypatch):
    """Random images instead of rendered ones, in the order of alphabet, character, writer, identify themselves."""
    images = np.random.default_rng(0).random((10 * 20 * 20, 12, 12, 1), "float32")
    labels = np.repeat(np.arange(400, 600), 20)
    names = {group: f"alphabet {group}" for group in range(20, 30)}
    evaluation = data.Examples(images, labels, labels // 20, {}, names)
    monkeypatch.setattr(module, "omniglot", lambda subset, size, source: evaluation)
    with pytest.warns(data.StandInWarning, match="one-shot test was not found in .* Using synthetic glyphs instead"):
        runs = data.omniglot_runs(size=12)
    assert runs.source == "synthetic glyphs standing in for Omniglot's one-shot test (10 alphabets)"
    assert runs.alphabets == tuple(f"alphabet {20 + run // 2}" for run in range(20))
    assert runs.support.shape == runs.queries.shape == (20, 20, 12, 12, 1)

    index = {image.tobytes(): number for number, image in enumerate(images)}
    support, queries = (
        np.array([[index[image.tobytes()] for image in run] for run in part]) for part in (runs.support, runs.queries)
    )
    for rows in (support, queries):
        assert evaluation.groups[rows].tolist() == [[20 + run // 2] * 20 for run in range(20)]
        assert all(len(set(row)) == 20 for row in labels[rows].tolist())
    assert np.sort(runs.targets, axis=1).tolist() == [list(range(20))] * 20
    np.testing.assert_array_equal(np.take_along_axis(labels[support], runs.targets, axis=1), labels[queries])
    writers = np.stack([support, queries], axis=1) % 20
    assert (writers == writers[:, :, :1]).all()
    assert all(len(set(row)) == 4 for row in writers[:, :, 0].reshape(10, 4).tolist())


def test_the_real_runs_are_complete(real_data):
    """The first line of the file is: run01/test/item01.png run01/training/class08.png."""
    real_data("SIAMKERAS_DATA", "omniglot", "all_runs.zip")
    runs = data.omniglot_runs(size=8, source="real")
    assert runs.support.shape == runs.queries.shape == (20, 20, 8, 8, 1)
    assert np.sort(runs.targets, axis=1).tolist() == [list(range(20))] * 20
    assert runs.targets[0, 0] == 7


@pytest.mark.slow
def test_the_real_images_and_targets_agree_with_the_evaluation_set(real_data):
    """Each image is in the evaluation set, pixel by pixel, whose labels confirm targets and alphabets."""
    real_data("SIAMKERAS_DATA", "omniglot", "all_runs.zip")
    real_data("TFDS_DATA_DIR", "omniglot")
    runs, evaluation = data.omniglot_runs(28, source="real"), data.omniglot("evaluation", 28, source="real")
    index = {image.tobytes(): number for number, image in enumerate(evaluation.images)}
    support, queries = (
        np.array([[index[image.tobytes()] for image in run] for run in images])
        for images in (runs.support, runs.queries)
    )
    for run, name in enumerate(runs.alphabets):
        groups = np.unique(evaluation.groups[[support[run], queries[run]]])
        assert [evaluation.group_names[group] for group in groups.tolist()] == [name]
    same = np.take_along_axis(support, runs.targets, axis=1)
    np.testing.assert_array_equal(evaluation.labels[same], evaluation.labels[queries])
    assert len(np.unique([support, queries])) == 800
