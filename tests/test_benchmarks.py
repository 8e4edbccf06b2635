"""Benchmarks: every script runs in its short form, and quoted numbers agree with the result files."""

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from project import ROOT

from siamkeras.applications import tracking
from siamkeras.data import Examples

SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in ("measuring", "training"))
# The beginning of one row that each script must print.
HEADLINES = {
    "batch_losses": "| supervised contrastive |",
    "cross_correlation": "| ours ",
    "faces": "| tower, seed 0 ",
    "fine_tuning": "| from scratch ",
    "file_streams": "| pairs / Keras, >= 0.9 ",
    "import_time": "| `import siamkeras` after it ",
    "koch": "| koch small ",
    "nearest": "| approximate, clustered ",
    "omniglot": "| official runs, single view ",
    "omniglot_losses": "| multi-similarity ",
    "pair_streams": "| loop, 64 pairs in a batch ",
    "scaling": "| 8 views, batches of 256 ",
    "serving": "| `towers.dense` ",
    "segmentation": "| trained network ",
    "sentences": "| n-grams, seed 0 ",
    "signatures": "| tower and HOG ",
    "snacks": "| best, with histogram ",
    "tracking": "| ridge tracker ",
    "training_step": "| (4, 4) ",
    "transfer": "| fine-tuned ",
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
    lesson = (ROOT / "notebooks" / "06_one_shot.ipynb").read_text(encoding="utf-8")
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


def lesson_6():
    """The text of lesson 6: sources and outputs of all cells."""
    notebook = json.loads((ROOT / "notebooks" / "06_one_shot.ipynb").read_text(encoding="utf-8"))
    texts = []
    for cell in notebook["cells"]:
        texts.append("".join(cell["source"]))
        texts += ["".join(output["data"]["text/plain"]) for output in cell.get("outputs", []) if "data" in output]
    return "\n".join(texts)


def test_quoted_accuracies_on_the_official_trials_agree_with_the_result_files():
    lesson = lesson_6()
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for name, ending in (("pretrained", "for the pretrained tower of the package"), ("hour-all", "for a larger tower")):
        results = ROOT / "benchmarks" / "results" / f"omniglot-{name}.json"
        measured = json.loads(results.read_text(encoding="utf-8"))["results"]
        accuracy, (low, high), _ = measured["official runs, eight views"]
        numbers = f"{100 * accuracy:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        assert f"{numbers} {ending}" in readme
        # A cell of the lesson measures the pretrained tower; the other results are quoted in its text.
        assert (numbers.replace(" %", "%") if name == "pretrained" else numbers) in lesson
        for views in ("single view", "eight views"):
            within = measured[f"20-way 1-shot, within an alphabet, {views}"][0]
            assert f"{100 * within:.1f} %" in lesson


def test_the_tasks_quoted_in_lesson_8_agree_with_the_result_file():
    measured = json.loads((ROOT / "benchmarks" / "results" / "fine-tuning.json").read_text(encoding="utf-8"))
    notebook = json.loads((ROOT / "notebooks" / "08_pretraining_and_fine_tuning.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = re.sub(" +", " ", readme.split("<!-- table: fine_tuning -->")[1].split("<!-- end of table -->")[0])
    for name, by_shot in measured["results"].items():
        for values in by_shot.values():  # 100 queries: whole percent
            assert f'"{name}": {[round(100 * value) for value in values]}' in lesson
        assert f"| {name} | " + " | ".join(f"{np.mean(values):.1%}" for values in by_shot.values()) in table
    for name, tried in measured["validation"].items():
        assert f"| {name} | {float(max(tried, key=tried.get)):g} |" in lesson


def test_the_transfer_table_agrees_with_the_result_file_and_the_targets_are_met():
    """An embedding trained on ImageNet features: precision@5 of 80 %, above the linear discriminant."""
    measured = json.loads((ROOT / "benchmarks" / "results" / "transfer.json").read_text(encoding="utf-8"))
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.sub(" +", " ", readme.split("<!-- table: transfer -->")[1].split("<!-- end of table -->")[0])
    for name, cells in measured["results"].items():
        assert f"| {' | '.join([name, *cells])} |" in rows
    precision = measured["header"].index("precision@5")
    assert float(measured["results"]["trained embedding"][precision].split("%")[0]) >= 80
    for name, gain in measured["gain over the discriminant"].items():
        assert f"{name} {gain} points" in rows


def test_the_training_runs_quoted_in_lesson_3_agree_with_the_result_file():
    notebook = json.loads((ROOT / "notebooks" / "03_triplets_and_mining.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    written = (ROOT / "benchmarks" / "results" / "omniglot-losses.json").read_text(encoding="utf-8")
    results = json.loads(written)["results"]
    for method in ("random triplets", "all triplets", "semi-hard triplets", "hard triplets"):
        recalls = ", ".join(f"{100 * run['recall@1']:.1f}" for run in results[method])
        assert f'"{method}": [{recalls}]' in lesson


def test_the_training_runs_quoted_in_lesson_4_agree_with_the_result_file():
    notebook = json.loads((ROOT / "notebooks" / "04_many_negatives.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    written = (ROOT / "benchmarks" / "results" / "omniglot-losses.json").read_text(encoding="utf-8")
    content = json.loads(written)
    methods = ["all triplets", "semi-hard triplets", "N-pairs", "in-batch softmax", "supervised contrastive"]
    names = {"contrastive": "contrastive, all pairs"} | {name: name for name in [*methods, "multi-similarity"]}
    for method, name in names.items():
        accuracies = ", ".join(f"{100 * run['one-shot']:.1f}" for run in content["results"][method])
        assert f'"{name}": [{accuracies}]' in lesson
    settings = content["settings"]
    batch = f"{settings['steps']} steps of the same balanced batches of {settings['classes']} characters"
    assert f"{batch} x {settings['per_class']} drawings" in lesson


def test_the_table_of_losses_agrees_with_the_result_file():
    written = (ROOT / "benchmarks" / "results" / "omniglot-losses.json").read_text(encoding="utf-8")
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = re.sub(" +", " ", readme.split("<!-- table: omniglot_losses -->")[1].split("<!-- end of table -->")[0])
    for method, runs in json.loads(written)["results"].items():
        accuracies = [run["one-shot"] for run in runs]
        seeds = ", ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies)
        mean, deviation = 100 * np.mean(accuracies), 100 * np.std(accuracies, ddof=1)
        assert f"| {method} | {seeds} | {mean:.1f}% +- {deviation:.1f} |" in table


def test_the_signature_tables_and_lesson_10_agree_with_the_result_file():
    written = (ROOT / "benchmarks" / "results" / "signatures.json").read_text(encoding="utf-8")
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = re.sub(" +", " ", readme.split("<!-- table: signatures -->")[1].split("<!-- end of table -->")[0])
    notebook = json.loads((ROOT / "notebooks" / "10_signature_verification.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    measured = json.loads(written)

    def per_cent(values):
        return ", ".join(f"{100 * value:.1f}" for value in values)

    for collection in ("SigComp2009", "SigComp2011"):
        for methods in measured[collection]["results"].values():
            for method, runs in methods.items():
                columns = [[run["random"]["eer"] for run in runs], [run["skilled"]["eer"] for run in runs]]
                columns.append([run["skilled"]["tar"] for run in runs])
                assert f"| {method} | {' | '.join(map(per_cent, columns))} | " in table
                if collection == "SigComp2011":
                    assert all(f'"{method}": [{per_cent(column)}]' in lesson for column in columns), method


QUOTED_DIFFERENCES = [
    ("trained network", "registration and fusion"),
    ("network and registration", "registration and fusion"),
    ("network and registration", "pixel forest"),
]


def test_the_segmentation_tables_and_lesson_13_agree_with_the_result_file():
    written = (ROOT / "benchmarks" / "results" / "segmentation.json").read_text(encoding="utf-8")
    measured, readme = json.loads(written), (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.sub(" +", " ", readme.split("<!-- table: segmentation -->")[1].split("<!-- end of table -->")[0])
    notebook = json.loads((ROOT / "notebooks" / "13_few_shot_segmentation.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    quoted = {}  # {(extent, references): {method: Dice of all structures}} of each data set
    for name in ("hippocampus", "chaos"):
        for structure, extents in measured[name]["results"].items():
            for extent, content in extents.items():
                for method, shots in content["methods"].items():
                    for count, numbers in shots.items():
                        low, high = numbers["interval"]["dice"]
                        assert f"{numbers['dice']:.3f} [{low:.3f}, {high:.3f}]" in rows, (structure, method)
                        quoted.setdefault((name, extent, count), {}).setdefault(method, []).append(numbers["dice"])
            for main, baseline in QUOTED_DIFFERENCES:
                for numbers in extents["structure"]["above"][main][baseline].values():
                    low, high = numbers["interval"]
                    difference = f"{numbers['dice']:+.3f} [{low:+.3f}, {high:+.3f}]"
                    assert difference in lesson and difference in rows, (structure, main, baseline)
    for (name, extent, count), methods in quoted.items():
        for method, numbers in methods.items() if name == "chaos" and (extent, count) != ("volume", "1") else ():
            ordered = dict(zip(measured["chaos"]["results"], numbers, strict=True))
            numbers = [ordered[organ] for organ in ("liver", "right kidney", "left kidney", "spleen")]
            assert f'"{method}": ({", ".join(f"{x:.3f}" for x in numbers)})' in lesson
    by_count = [quoted["hippocampus", "structure", count] for count in ("1", "5")]
    for method in by_count[0]:
        pairs = zip(*(shots[method] for shots in by_count), strict=True)  # one and five references of each part
        assert f'"{method}": ({", ".join(f"{x:.3f}" for pair in pairs for x in pair)})' in lesson
    for name, numbers in measured["few"]["results"].items():
        parts = (numbers[part] for part in ("anterior part", "posterior part", "new phantoms"))
        assert f'"{name}": ({", ".join(f"{x:.3f}" for x in parts)})' in lesson


def test_the_tracking_tables_and_lesson_12_agree_with_the_result_file():
    measured = json.loads((ROOT / "benchmarks" / "results" / "tracking.json").read_text(encoding="utf-8"))
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.sub(" +", " ", readme.split("<!-- table: tracking -->")[1].split("<!-- end of table -->")[0])
    notebook = json.loads((ROOT / "notebooks" / "12_object_tracking.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    for name, numbers in measured["validation"].items():
        assert name == "lost" or f"| {name} | {numbers['auc']:.3f} |" in rows
    for name, numbers in measured["trackers"].items():
        low, high = numbers["interval"]["auc"]
        assert f"| {name} | {numbers['auc']:.3f} [{low:.3f}, {high:.3f}] |" in rows
        assert f'"{name}": ({numbers["auc"]:.3f}, {low:.3f}, {high:.3f}, {numbers["precision"]:.3f}, ' in lesson
    for sequence in measured["frames"]:
        by_tracker = (numbers["per_sequence"][sequence]["auc"] for numbers in measured["trackers"].values())
        assert f'"{sequence}": ({", ".join(f"{auc:.3f}" for auc in by_tracker)})' in lesson
    lost = measured["lost"]["ridge tracker"]
    assert f"AUC of the confidence {lost['auc']:.3f} >= 0.85" in rows and f"**{lost['auc']:.2f}**" in lesson


@pytest.fixture
def opencv(monkeypatch):
    """The adapter of OpenCV's trackers in benchmarks/tracking.py."""
    pytest.importorskip("cv2")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import tracking

    return tracking.OpenCV


@pytest.mark.parametrize("name", ["KCF", "CSRT"])
def test_the_filters_of_opencv_follow_a_moving_patch(name, opencv):
    """A patch of noise that moves by two pixels per frame on grey noise; every box overlaps by more than 0.6."""
    rng = np.random.default_rng(0)
    background, patch = rng.uniform(0.4, 0.6, (96, 128, 3)), rng.uniform(0, 1, (32, 32, 3))
    frames = np.repeat(background[None], 12, axis=0).astype("float32")
    boxes = [[20 + 2 * number, 30 + number, 32, 32] for number in range(12)]
    for frame, (x, y, width, height) in zip(frames, boxes, strict=True):
        frame[y : y + height, x : x + width] = patch
    track = tracking.track(opencv(name), tracking.Video(frames, boxes))
    assert tracking.iou(track.boxes, boxes).min() > 0.6 and (track.confidence == 1).all()


def test_the_adapter_of_opencv_repeats_the_last_box_after_a_failure(opencv):
    tracker, frame = opencv("KCF"), np.random.default_rng(1).random((48, 64, 3), "float32")
    tracker.start(frame, [10, 10, 20, 20])
    for answer in ((False, (0, 0, 5, 5)), (True, (0, 0, 0, 0))):  # an empty box is a failure, too
        tracker._tracker = SimpleNamespace(update=lambda frame, answer=answer: answer)
        assert tracker.update(frame).tolist() == [10, 10, 20, 20] and tracker.confidence == 0


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


def test_the_table_of_sentences_and_the_runs_quoted_in_lesson_11_agree_with_the_result_file():
    written = (ROOT / "benchmarks" / "results" / "sentences.json").read_text(encoding="utf-8")
    measured, readme = json.loads(written), (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.sub(" +", " ", readme.split("<!-- table: sentences -->")[1].split("<!-- end of table -->")[0])
    for name, result in measured["results"].items():
        cells = [f"{result['dev']['spearman']['value']:.3f}"]
        for part, measure in (("test", "spearman"), ("test", "pearson"), ("without known", "spearman")):
            value, (low, high) = result[part][measure]["value"], result[part][measure]["interval"]
            cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
        assert re.search(re.escape(f"| {name} | ") + r"[\d.]* ?" + re.escape(f"| {' | '.join(cells)} |"), rows), name
    notebook = json.loads((ROOT / "notebooks" / "11_text_similarity.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    of_method = {}
    for name, result in measured["results"].items():
        of_method.setdefault(name.split(", seed ")[0], []).append(f"{result['test']['spearman']['value']:.3f}")
    for method in (*measured["settings"].keys() - {"shared"}, "three joined"):
        assert f'"{method}": [{", ".join(of_method[method])}]' in lesson
