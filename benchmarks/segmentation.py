"""Few-shot segmentation of unseen structures in unseen subjects, from one or five annotated scans.

A network is trained on phantoms of twelve anatomies (144 structures) and tested on a thirteenth. It is then trained
further, half on phantoms and half on one part of the hippocampi of the Medical Segmentation Decathlon (anterior or
posterior, sagittal slices, training subjects), and tested on the *other* part in the test subjects. Baselines, see
`segmentation.baselines`: majority mask, registered nearest reference, prototype matching.

Protocol: 156 subjects for training, 39 for validation, 65 for testing. Every slice with at least 10 pixels of the
structure is a query once; its references are the slices of other test subjects closest to its relative position,
sampled for each query. Dice is the mean over subjects of the mean over their slices, with 95 % bootstrap intervals over
subjects; differences are paired. Settings were chosen on validation subjects and the training structure (whole and in
halves), and on a validation anatomy (`--trials`), never on the test structure.

Targets: hippocampus, with one and with five references, above every baseline outside the interval in at least one
direction; phantoms, at least 0.15 above the majority mask. Without the scans, phantoms replace them, and the numbers
say nothing about the hippocampus.

    python benchmarks/segmentation.py --trials
    python benchmarks/segmentation.py --checkpoint build/segmentation.keras --save
    python benchmarks/segmentation.py --evaluate --save
"""

import datetime
import json
from pathlib import Path

import measuring
import numpy as np
import training

SETTINGS = {
    "filters": (16, 32, 64),
    "dense_scales": 2,
    "batch_size": 8,
    "references": 2,
    "phantom_steps": 1200,
    "steps": 1800,
    "learning_rate": 2e-3,  # cosine decay to 0, on phantoms and again on scans
    "weight_decay": 0.01,
    "tasks": {"cut": 0.5, "superpixel": 0.15, "flip": 0.5, "invert": 0.2},
}
TRIALS = {
    "as chosen": {},
    "no synthetic tasks": {"tasks": {"cut": 0.0, "superpixel": 0.0, "flip": 0.0, "invert": 0.0}},
    "no superpixels": {"tasks": SETTINGS["tasks"] | {"superpixel": 0.0}},
    "no dense comparison": {"dense_scales": 0},
}
QUICK = {"filters": (2, 3, 4), "phantom_steps": 2, "steps": 2}
SHOTS = (1, 5)
RESULTS = Path(__file__).parent / "results" / "segmentation.json"


def phantoms(seeds, subjects=16, structures=12):
    from siamkeras.applications import segmentation

    parts = [segmentation.synthetic_phantoms(subjects, structures, size=48, slices=6, seed=seed) for seed in seeds]
    return segmentation.Slices.concatenate(parts)


def build(settings, steps, start=None):
    """A compiled segmenter, with the weights of `start` if given."""
    import keras

    from siamkeras.applications import segmentation

    keras.utils.set_random_seed(0)
    encoder = segmentation.encoder((48, 48, 1), settings["filters"])
    model = segmentation.few_shot_segmenter(encoder, settings["dense_scales"])
    if start is not None:
        model.set_weights(start.get_weights())
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"]), segmentation.DiceCrossEntropyLoss()
    )
    return model


def stream(settings, done, synthetic, scans=None, structure=None):
    """Training episodes of phantoms; with scans, half of each batch shows one structure of the scans."""
    from siamkeras import augmentation, generators
    from siamkeras.applications import segmentation

    options = {
        "references": settings["references"],
        "start": done,
        "augment": segmentation.episode_augmentation(
            tasks=segmentation.synthetic_tasks(**settings["tasks"]),
            geometric=augmentation.compose(
                augmentation.affine(15, 0.1, (0.85, 1.18), shift=3, probability=0.7), augmentation.elastic(1.5, 6)
            ),
            photometric=augmentation.color_jitter(0.1, contrast=(0.7, 1.4), saturation=(1, 1)),
        ),
    }
    size = settings["batch_size"]
    if scans is None:
        return segmentation.training_episodes(synthetic, batch_size=size, seed=1, **options)
    first = segmentation.training_episodes(synthetic, batch_size=size - size // 2, seed=1, **options)
    second = segmentation.training_episodes(scans, [structure], batch_size=size // 2, seed=2, **options)
    return generators.concat_batches(first, second)


def fit(name, settings, synthetic, scans=None, structure=None, start=None, checkpoint=None):
    """A trained segmenter and its training time in minutes."""
    steps = settings["steps" if scans is not None else "phantom_steps"]
    model, seconds, _ = training.train(
        name,
        lambda: build(settings, steps, start),
        lambda done: stream(settings, done, synthetic, scans, structure),
        settings | {"steps": steps, "training_set": name},
        checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{name.replace(' ', '-')}.keras"),
        per_epoch=300,
    )
    return model, seconds / 60


def score(masks, episodes):
    from siamkeras.applications import segmentation

    return segmentation.dice_by_subject(segmentation.dice_score(episodes.truth, masks), episodes.subjects)


def compare(slices, structures, models):
    """`{method: {shots: DiceReport}}` of the baselines and of `models`, `{name: model}`."""
    from siamkeras.applications import segmentation

    baselines, reports = segmentation.baselines, {}
    for shots in SHOTS:
        episodes = segmentation.evaluation_episodes(slices, structures, shots)
        masks = {
            "majority mask": baselines.majority_mask(episodes.inputs),
            "registered nearest reference": baselines.registered_nearest(episodes.inputs),
            "prototype matching": baselines.prototype_matching(episodes.inputs),
        }
        masks |= {name: segmentation.segment(model, episodes.inputs) for name, model in models.items()}
        for name, predicted in masks.items():
            reports.setdefault(name, {})[shots] = score(predicted, episodes)
    return reports


def differences(reports, name):
    """`{baseline: {shots: DiceDifference}}` of one method and each of the three baselines."""
    from siamkeras.applications import segmentation

    return {
        baseline: {
            shots: segmentation.dice_difference(reports[name][shots], reports[baseline][shots]) for shots in SHOTS
        }
        for baseline in list(reports)[:3]
    }


def show(title, reports, name):
    """Prints the reports of all methods, and the differences between one of them and the baselines."""
    print(f"### {title}\n")
    header = ["", *(f"{shots} reference{'s' if shots > 1 else ''}" for shots in SHOTS)]
    rows = [[method, *(report.columns()["Dice"] for report in row.values())] for method, row in reports.items()]
    measuring.print_table(header, rows)
    above = differences(reports, name)
    rows = [
        [f"above {baseline}", *(str(each).removeprefix("Dice ") for each in row.values())]
        for baseline, row in above.items()
    ]
    measuring.print_table([name, *header[1:]], rows)
    return above


def halves(episodes, right):
    """The same episodes with one half of the structure as target, cut by a vertical line through its centroid."""
    columns = np.arange(episodes.truth.shape[-1])

    def half(masks):
        center = (masks * columns).sum((-2, -1)) / np.maximum(masks.sum((-2, -1)), 1)
        side = columns >= center[..., None, None] if right else columns < center[..., None, None]
        return (masks * side).astype("float32")

    inputs = episodes.inputs | {"masks": half(episodes.inputs["masks"])}
    return episodes._replace(inputs=inputs, truth=half(episodes.truth))


def validate(model, validation, structure, anatomy):
    """Validation Dice with five references: the training structure, its halves, structures of a new anatomy."""
    from siamkeras.applications import segmentation

    third = validation.take(np.arange(len(validation)) % 3 == 0) if len(validation) > 300 else validation
    whole = segmentation.evaluation_episodes(third, structure, 5)
    parts = {
        "structure": [whole],
        "halves": [halves(whole, right) for right in (False, True)],
        "phantoms": [segmentation.evaluation_episodes(anatomy, list(anatomy.names)[:8], 5)],
    }
    return {
        name: float(np.mean([score(segmentation.segment(model, part.inputs), part).dice for part in episodes]))
        for name, episodes in parts.items()
    }


def prepare(options):
    """Phantoms for training, validation and test; scans for training, validation and test."""
    from siamkeras.applications import segmentation

    few = {"subjects": 7, "structures": 3} if options.quick else {}
    synthetic = [phantoms(seeds, **few) for seeds in (range(1, 2 if options.quick else 13), [99], [0])]
    source = "synthetic" if options.quick else options.source
    scans = segmentation.hippocampus(source)
    scans = scans.take(slice(None, None, 6)) if options.quick else scans
    rest, test = segmentation.split_by_subject(scans, test=0.25, seed=0)
    return *synthetic, *segmentation.split_by_subject(rest, test=0.2, seed=1), test


def run_trials(options):
    phantom_set, anatomy, _, train, validation, _ = prepare(options)
    print(f"Training set {train}; validation set {validation}; five references. Training structure: anterior.\n")
    rows = []
    for name, change in TRIALS.items():
        settings = SETTINGS | {"steps": 900, "phantom_steps": 600} | change | (QUICK if options.quick else {})
        start, before = fit(f"{name} phantoms", settings, phantom_set)
        model, minutes = fit(name, settings, phantom_set, train, 1, start)
        dice = validate(model, validation, 1, anatomy)
        rows.append([name, f"{before + minutes:.1f}", *(f"{value:.3f}" for value in dice.values())])
        print(f"{rows[-1]}", flush=True)
    measuring.print_table(["", "minutes", "training structure", "halves of it", "new phantoms"], rows)


def train_all(settings, phantom_set, train, checkpoint):
    """`{training data: (model, minutes)}` of the three segmenters."""
    start, minutes = fit("phantoms", settings, phantom_set, checkpoint=checkpoint)
    models = {"phantoms": (start, minutes)}
    for structure, part in train.names.items():
        models[part] = fit(part, settings, phantom_set, train, structure, start, checkpoint)
    return models


def as_json(results):
    """`{task: {method: {shots: {"dice", "interval"}}}}` of reports or differences."""
    return {
        task: {
            method: {
                shots: {
                    "dice": each.dice,
                    "interval": each.interval["dice"] if isinstance(each.interval, dict) else each.interval,
                }
                for shots, each in row.items()
            }
            for method, row in methods.items()
        }
        for task, methods in results.items()
    }


def save(content, models):
    from siamkeras.applications import segmentation

    training.write_json(RESULTS, content)
    folder = Path(segmentation.__file__).parent / "weights"
    for part, (model, _) in models.items():
        model.save_weights(folder / f"{part}.weights.h5")
    print(f"Written: {RESULTS}" + (f" and the weights of {', '.join(models)}" if models else ""))


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--source", default="auto", choices=["auto", "real", "synthetic"])
    parser.add_argument("--checkpoint", type=Path, help="a file .keras; each training run appends its name")
    parser.add_argument("--trials", action="store_true", help="compare settings on the validation data")
    parser.add_argument("--evaluate", action="store_true", help="test the pretrained segmenters, without training")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name} and the weights of the package")
    options = parser.parse_args()
    measuring.print_heading("Few-shot segmentation: unseen structures, unseen subjects", options.quick)
    if options.trials:
        return run_trials(options)

    from siamkeras import environment
    from siamkeras.applications import segmentation

    settings = SETTINGS | (QUICK if options.quick else {})
    phantom_set, anatomy, new, train, validation, test = prepare(options)
    print(f"Phantoms: training set {phantom_set}; test set {new}.")
    print(f"Scans: training set {train}; validation set {validation}; test set {test}.\nSettings: {settings}.\n")
    trained = {} if options.evaluate else train_all(settings, phantom_set, train, options.checkpoint)
    models = {name: model for name, (model, _) in trained.items()}
    models = models or {name: segmentation.pretrained_segmenter(name) for name in ("phantoms", *train.names.values())}
    name, checks = "trained on phantoms", {}
    reports = {"phantoms": compare(new, list(new.names), {name: models["phantoms"]})}
    above = {"phantoms": show("Phantoms: all structures of an unseen anatomy", reports["phantoms"], name)}
    for structure, part in train.names.items():
        checks[part] = validate(models[part], validation, structure, anatomy)
        other, target = next(item for item in test.names.items() if item[0] != structure)
        name = f"trained on phantoms and {part}"
        reports[target] = compare(test, [other], {"trained on phantoms": models["phantoms"], name: models[part]})
        above[target] = show(f"Hippocampus: {target} part, trained on the {part} part", reports[target], name)
    minutes = {part: spent for part, (_, spent) in trained.items()}
    if options.evaluate and RESULTS.exists():
        minutes = json.loads(RESULTS.read_text(encoding="utf-8"))["minutes"]
    print("### On validation subjects, five references\n")
    rows = [
        [part, f"{minutes.get(part, 0):.1f}", *(f"{value:.3f}" for value in each.values())]
        for part, each in checks.items()
    ]
    measuring.print_table(["trained on", "minutes", "training structure", "halves of it", "new phantoms"], rows)
    parts = [above[part].values() for part in test.names.values()]
    reached = [all(each.interval[0] > 0 for row in rows for each in row.values()) for rows in parts]
    gain = [above["phantoms"]["majority mask"][shots].dice for shots in SHOTS]
    print(
        f"Phantoms, above the majority mask by at least 0.15: {'yes' if min(gain) >= 0.15 else 'NO'}, "
        f"{gain[0]:.3f} and {gain[1]:.3f}. Hippocampus, above every baseline outside the interval: "
        f"{sum(reached)} of {len(reached)} directions."
    )
    if options.save:
        content = {
            "machine": [environment.describe(), measuring.processor(), str(datetime.date.today())],
            "settings": settings,
            "data": {"phantoms": repr(new), "scans": repr(test), "training_set": repr(train)},
            "minutes": minutes,
            "validation": checks,
            "results": as_json(reports),
            "above": as_json(above),
        }
        save(content, trained)


if __name__ == "__main__":
    main()
