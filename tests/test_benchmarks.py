"""Benchmarks: every script runs in its short form, and quoted numbers agree with the result files."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from project import ROOT

from siamkeras.data import Examples

SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in ("measuring", "training"))
# The beginning of one row that each script must print.
HEADLINES = {
    "batch_losses": "| supervised contrastive |",
    "cross_correlation": "| ours ",
    "faces": "| trained tower | ",
    "file_streams": "| pairs / Keras, >= 0.9 ",
    "import_time": "| `import siamkeras` after it ",
    "koch": "| koch small ",
    "nearest": "| approximate, clustered ",
    "omniglot": "| official runs, single view ",
    "pair_streams": "| loop, 64 pairs in a batch ",
    "segmentation": "| trained on phantoms and posterior | 0.",
    "sentences": "| hashed, trained, seed 0 ",
    "signatures": "| tower, fine-tuned ",
    "snacks": "| best, with histogram ",
    "tracking": "| Siamese tracker ",
    "training_step": "| (4, 4) ",
    "verification": "| trained tower, seed 0 ",
}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_runs_without_real_data_and_prints_its_table(script):
    environment = {name: value for name, value in os.environ.items() if name not in ("TFDS_DATA_DIR", "SIAMKERAS_DATA")}
    done = subprocess.run(
        [sys.executable, str(script), "--quick"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "QUICK" in done.stdout
    assert sum(line.startswith("|") for line in done.stdout.splitlines()) >= 3, done.stdout
    assert HEADLINES[script.stem] in done.stdout


def test_the_readme_of_the_benchmarks_describes_every_script():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert all(script.name in text for script in SCRIPTS)


def test_quoted_numbers_of_the_small_koch_network_agree_with_the_result_file():
    results = ROOT / "benchmarks" / "results" / "koch-small.json"
    measured = json.loads(results.read_text(encoding="utf-8"))["results"]["koch small"]
    accuracy, (low, high) = measured["one-shot"]
    lesson = (ROOT / "notebooks" / "05_one_shot.ipynb").read_text(encoding="utf-8")
    assert f"{100 * accuracy:.1f} % [{100 * low:.1f}, {100 * high:.1f}]" in lesson
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    quoted = f"reaches {measured['verification'][0]:.1%} of the pairs and {accuracy:.1%} of the trials"
    assert quoted.replace("%", " %") in readme


@pytest.mark.parametrize("recipe", ["pretrained", "hour-all"])
def test_the_omniglot_tables_agree_with_the_result_files(recipe):
    results = ROOT / "benchmarks" / "results" / f"omniglot-{recipe}.json"
    measured = json.loads(results.read_text(encoding="utf-8"))
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = re.sub(" +", " ", readme.split(f"<!-- table: omniglot, {recipe} -->")[1].split("<!-- end of table -->")[0])
    assert f"Test, measured once, after {measured['minutes']:.1f} minutes of training" in table
    for name, (accuracy, (low, high), target) in measured["results"].items():
        reached = "yes" if accuracy >= target else "NO"
        assert f"| {name} | {accuracy:.1%} [{low:.1%}, {high:.1%}] | {target:.1%}, {reached} |" in table


def test_quoted_accuracies_on_the_official_trials_agree_with_the_result_files():
    lesson = (ROOT / "notebooks" / "05_one_shot.ipynb").read_text(encoding="utf-8")
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for name, ending in (("pretrained", "for the pretrained tower of the package"), ("hour-all", "for a larger tower")):
        results = ROOT / "benchmarks" / "results" / f"omniglot-{name}.json"
        measured = json.loads(results.read_text(encoding="utf-8"))["results"]
        accuracy, (low, high), _ = measured["official runs, eight views"]
        quoted = f"{100 * accuracy:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        assert f"{quoted} {ending}" in readme
    assert quoted in lesson
    within = measured["20-way 1-shot, within an alphabet, eight views"][0]
    assert f"{100 * within:.1f} %" in lesson


def test_numbers_of_five_training_runs_quoted_in_lesson_4_agree_with_the_table():
    lesson = (ROOT / "notebooks" / "04_similar_images.ipynb").read_text(encoding="utf-8")
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = readme.split("<!-- table: snacks, two kinds -->")[1].split("<!-- end of table -->")[0]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| test")
    ]
    measured = {name: (each, mean, gain) for _, name, each, mean, gain in rows}
    each, mean, _ = measured["trained tower"]
    *most, last = each.split(", ")
    for quoted in (f"{', '.join(most)} and {last}", mean.replace("%", " %"), measured["colour histogram"][2]):
        assert quoted in lesson


def test_the_segmentation_table_agrees_with_the_result_file_and_the_targets_are_met():
    """Phantoms: 0.15 above the majority mask. Hippocampus: intervals of all differences are above 0."""
    written = (ROOT / "benchmarks" / "results" / "segmentation.json").read_text(encoding="utf-8")
    results, readme = json.loads(written), (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for reports in results["results"].values():
        for report in (each for shots in reports.values() for each in shots.values()):
            low, high = report["interval"]
            assert f"{report['dice']:.3f} [{low:.3f}, {high:.3f}]" in readme
    assert all(each["dice"] >= 0.15 for each in results["above"]["phantoms"]["majority mask"].values())
    for part in ("anterior", "posterior"):
        assert all(each["interval"][0] > 0 for row in results["above"][part].values() for each in row.values())


def test_the_tracking_table_agrees_with_the_result_file():
    measured = json.loads((ROOT / "benchmarks" / "results" / "tracking.json").read_text(encoding="utf-8"))
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.sub(" +", " ", readme.split("<!-- table: tracking -->")[1].split("<!-- end of table -->")[0])
    for trackers in (measured["validation"], *measured["results"].values()):
        for name, numbers in trackers.items():
            assert f"| {name} | {numbers['auc']:.3f} " in rows
    assert f"confidence of {measured['lost']['below']:.2f}: {measured['lost']['misses']:.0%} of the misses" in rows


@pytest.mark.slow
def test_an_interrupted_training_run_resumes_with_the_same_result(tmp_path, monkeypatch):
    """Four steps, and two plus two after an interruption, give equal weights; other settings raise an error."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import training
    import verification

    monkeypatch.setattr(verification, "STEPS_PER_EPOCH", 2)
    rng = np.random.default_rng(0)
    train = Examples(rng.random((12, 8, 8, 1), "float32"), np.repeat([7, 3, 11], 4))
    settings = {"steps": 4, "batch_size": 4, "filters": [2], "margin": 0.5, "learning_rate": 0.01}
    path = tmp_path / "tower.keras"

    def write_and_interrupt(*arguments, write=training.write_json):
        write(*arguments)
        raise KeyboardInterrupt

    uninterrupted, _ = verification.train_tower(train, 5, settings)
    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr(training, "write_json", write_and_interrupt)
        verification.train_tower(train, 5, settings, path)
    with pytest.raises(SystemExit, match="was trained with"):
        verification.train_tower(train, 5, settings | {"margin": 1.0}, path)
    resumed, _ = verification.train_tower(train, 5, settings, path)
    for expected, weights in zip(uninterrupted.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, atol=1e-5)
