"""Few-shot segmentation of whole volumes: unseen structures in unseen subjects, from one or five annotated subjects.

Hippocampus (Medical Segmentation Decathlon, sagittal slices of 48x48 pixels): a network is trained on phantoms, and
then half on phantoms and half on one part of the hippocampus (anterior or posterior) in the training subjects. It is
tested on the *other* part. 156 subjects for training, 39 for validation, 65 for testing.

CHAOS (T2-SPIR, axial slices): "setting 2" of Ouyang et al. (2020). A network that is tested on the kidneys is trained
without the slices that show a kidney, one that is tested on liver and spleen without the slices that show one of them:
on phantoms, superpixel tasks and the organs in the remaining slices. 8 subjects for training, 4 for validation, 8 for
testing. All methods get slices of 64x64 pixels; their masks are enlarged and measured at 128x128.

Protocol: `segmentation.volume_episodes`, with references that are fixed for each part of a volume. "structure": three
parts between the first and the last slice of the structure, as in Roy et al. (2020). "volume": twelve parts of the
whole volume, slices without the structure included. Volumetric Dice and 95 % Hausdorff distance: means over subjects
with 95 % bootstrap intervals over subjects; differences are paired. Of each predicted volume the largest connected part
is kept, for all methods. Baselines: `segmentation.baselines`. "Network and registration" is the mean of their
probabilities. Settings were chosen on validation subjects (`--validation`); the test subjects were measured with the
settings below.

The third part measures what 200 steps on one part of the hippocampus do to the segmentation of other structures, with
and without synthetic tasks and phantoms, in validation subjects.

Targets, with five references, between the first and the last slice of the structure: the trained network above
registration and the forest, outside the interval, in both directions of the hippocampus and on at least three of four
organs; five references above one. Without the scans, phantoms replace them, and the numbers say nothing about organs.

    python benchmarks/segmentation.py --validation --checkpoint build/segmentation.keras
    python benchmarks/segmentation.py --checkpoint build/segmentation.keras --save
    python benchmarks/segmentation.py --only hippocampus --evaluate --save
"""

import datetime
import json
import warnings
from pathlib import Path

import measuring
import numpy as np
import training

PHANTOM_TASKS = {"cut": 0.5, "superpixel": 0.15, "flip": 0.5, "invert": 0.2}
HIPPOCAMPUS = {
    "size": 48,
    "filters": (16, 32, 64),
    "batch_size": 8,
    "references": 2,
    "anatomies": 12,
    "phantom_steps": 1200,
    "steps": 1800,
    "learning_rate": 2e-3,  # cosine decay to 0, on phantoms and again on scans
    "weight_decay": 0.01,
    "phantom_tasks": PHANTOM_TASKS,
    "scan_tasks": PHANTOM_TASKS,
}
CHAOS = HIPPOCAMPUS | {
    "size": 64,
    "filters": (16, 32, 64, 64),
    "steps": 900,
    "scan_tasks": PHANTOM_TASKS | {"superpixel": 0.6, "cut": 0.3},
}
FOLDS = {"kidneys": (2, 3), "liver and spleen": (1, 4)}  # organs tested together, of no training slice
QUICK = {"filters": (2, 3), "anatomies": 1, "phantom_steps": 2, "steps": 2}
SHOTS, PARTS = (1, 5), {"structure": 3, "volume": 12}
FEW_STEPS = 200
RESULTS = Path(__file__).parent / "results" / "segmentation.json"


def phantoms(seeds, size=48, subjects=16, structures=12):
    from siamkeras.applications import segmentation

    parts = [segmentation.synthetic_phantoms(subjects, structures, size, slices=6, seed=seed) for seed in seeds]
    return segmentation.Slices.concatenate(parts)


def build(settings, steps, start=None):
    """A compiled segmenter, with the weights of `start` in layers of the same name and shape, if given."""
    import keras

    from siamkeras.applications import segmentation

    keras.utils.set_random_seed(0)
    model = segmentation.few_shot_segmenter(segmentation.encoder((None, None, 1), settings["filters"]))
    if start is not None:
        known = {layer.name: layer.get_weights() for layer in start._flatten_layers() if not layer._layers}
        for layer in model._flatten_layers():
            old, new = known.get(layer.name, []), layer.get_weights()
            if not layer._layers and [x.shape for x in old] == [x.shape for x in new]:
                layer.set_weights(old)
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
    model.compile(optimizer, segmentation.DiceCrossEntropyLoss())
    return model


def stream(settings, done, synthetic=None, scans=None, structures=None):
    """Training episodes of phantoms, of structures of scans, or half of each."""
    from siamkeras import generators
    from siamkeras.applications import segmentation

    sources = [(synthetic, None, 1, "phantom_tasks"), (scans, structures, 2, "scan_tasks")]
    sources = [source for source in sources if source[0] is not None]
    streams = [
        segmentation.training_episodes(
            slices,
            chosen,
            references=settings["references"],
            batch_size=settings["batch_size"] // len(sources),
            seed=seed,
            start=done,
            augment=segmentation.episode_augmentation(segmentation.synthetic_tasks(**settings[tasks])),
        )
        for slices, chosen, seed, tasks in sources
    ]
    return generators.concat_batches(*streams) if len(streams) > 1 else streams[0]


def fit(name, settings, steps, start=None, checkpoint=None, **data):
    """A trained segmenter and its training time in minutes; `data` are arguments of `stream`."""
    model, seconds, _ = training.train(
        name,
        lambda: build(settings, steps, start),
        lambda done: stream(settings, done, **data),
        settings | {"steps": steps, "training_set": name},
        checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{name.replace(' ', '-')}.keras"),
        per_epoch=300,
    )
    return model, seconds / 60


def methods(models):
    """`{name: function from inputs to masks}` of the baselines and of `{name: model}`."""
    from siamkeras.applications import segmentation

    baselines = segmentation.baselines
    return {
        "majority mask": baselines.majority_mask,
        "prototype matching": baselines.prototype_matching,
        "pixel forest": baselines.pixel_forest,
        "registration and fusion": baselines.registered_fusion,
    } | {name: lambda inputs, model=model: segmentation.segment(model, inputs) for name, model in models.items()}


def enlarge(masks, size):
    """Masks or probabilities of `size` x `size` pixels, by bilinear interpolation."""
    from scipy.ndimage import zoom

    factor = size / masks.shape[-1]
    return (
        masks
        if factor == 1
        else zoom(masks.astype("float32"), (1, factor, factor), order=1, mode="nearest", grid_mode=True)
    )


def measure(slices, full, structure, functions, shots, extents=tuple(PARTS)):
    """`{extent: {method: {shots: VolumeReport}}}` of one structure; `full` are the slices at full resolution."""
    from siamkeras.applications import segmentation

    reports = {}
    for extent in extents:
        for count in shots:
            episodes = segmentation.volume_episodes(slices, structure, count, PARTS[extent], extent)
            predictions = {name: function(episodes.inputs) for name, function in functions.items()}
            members = [predictions[name] for name in ("trained network", "registration and fusion")]
            predictions["network and registration"] = np.mean(members, axis=0)
            for name, masks in predictions.items():
                masks = segmentation.largest_component(slices, episodes, masks)
                masks = enlarge(masks, full.images.shape[1])
                report = segmentation.volume_scores(full, episodes, masks)
                reports.setdefault(extent, {}).setdefault(name, {})[count] = report
    return reports


def show(title, reports):
    """Prints the tables of one structure."""
    for extent, rows in reports.items():
        print(f"### {title}: {PARTS[extent]} parts of the {extent}\n")
        shots = next(iter(rows.values()))
        header = ["", *(f"{count} ref., {unit}" for count in shots for unit in ("Dice", "HD95 (mm)"))]
        cells = {name: [list(each.columns().values())[:2] for each in row.values()] for name, row in rows.items()}
        measuring.print_table(header, [[name, *sum(row, [])] for name, row in cells.items()])


def as_json(reports):
    """`{extent: {"methods": {method: {shots: numbers}}, "above": ..., "gain": ...}}` of one structure.

    "above" are the differences between the network, also with registration, and each method; "gain" are those between
    the largest and the smallest number of references.
    """
    content = {}
    for extent, rows in reports.items():
        shots = list(rows["trained network"])

        def difference(first, second):
            return dict(zip(("dice", "interval"), first.minus(second), strict=True))

        content[extent] = {
            "methods": {
                name: {count: {"dice": r.dice, "hd95": r.hd95, "interval": r.interval} for count, r in row.items()}
                for name, row in rows.items()
            },
            "above": {
                main: {name: {n: difference(rows[main][n], row[n]) for n in shots} for name, row in rows.items()}
                for main in ("trained network", "network and registration")
            },
            "gain": {name: difference(row[shots[-1]], row[shots[0]]) for name, row in rows.items()},
        }
    return content


def split(slices):
    """Training, validation and test set, without common subjects."""
    from siamkeras.applications import segmentation

    test, validation = (0.25, 0.2) if len(np.unique(slices.subjects)) > 20 else (0.4, 1 / 3)
    rest, test = segmentation.split_by_subject(slices, test=test, seed=0)
    return *segmentation.split_by_subject(rest, test=validation, seed=1), test


def run_hippocampus(options):
    """Results of both directions, on the test set or the validation set."""
    from siamkeras.applications import segmentation

    settings = HIPPOCAMPUS | (QUICK if options.quick else {})
    scans = segmentation.hippocampus(options.source, empty_slices=True)
    train, validation, test = split(scans.take(slice(None, None, 3)) if options.quick else scans)
    train, test = train.take((train.masks > 0).any(axis=(1, 2))), validation if options.validation else test
    if options.quick:
        test = test.take(np.isin(test.subjects, np.unique(test.subjects)[:4]))
    print(f"Hippocampus: training set {train}; measured on {test}. Settings: {settings}.\n")
    models, minutes, results = {}, {}, {}
    synthetic = None if options.evaluate else phantoms(range(1, 1 + settings["anatomies"]))
    for name, structure in ({"phantoms": None} | {part: number for number, part in train.names.items()}).items():
        if options.evaluate:
            models[name] = segmentation.pretrained_segmenter(name)
            continue
        steps = settings["phantom_steps" if structure is None else "steps"]
        scan_data = {} if structure is None else {"scans": train, "structures": [structure]}
        start, data = models.get("phantoms"), {"synthetic": synthetic, **scan_data}
        models[name], minutes[name] = fit(name, settings, steps, start, options.checkpoint, **data)
        if options.save:
            models[name].save_weights(Path(segmentation.__file__).parent / "weights" / f"{name}.weights.h5")
    for structure, part in test.names.items():
        other = next(name for name in test.names.values() if name != part)
        functions = methods({"phantoms alone": models["phantoms"], "trained network": models[other]})
        shots = (1, 2) if options.quick else SHOTS
        reports = measure(test, test, structure, functions, shots, ["structure"])
        show(f"Hippocampus: {part} part, trained on the {other} part", reports)
        results[part] = as_json(reports)
    return {"settings": settings, "minutes": minutes, "measured on": repr(test), "results": results}


def run_chaos(options):
    """Results of four organs with two networks, on the test set or the validation set."""
    from siamkeras.applications import segmentation

    settings = CHAOS | (QUICK if options.quick else {})
    full, scans = (segmentation.chaos(options.source, size) for size in (128, 64))
    if options.quick:
        few = np.isin(full.subjects, np.unique(full.subjects)[:9]) & (np.arange(len(full)) % 3 == 0)
        full, scans = full.take(few), scans.take(few)
    train, validation, test = split(scans)
    test, shots = (validation, (1, 3)) if options.validation else (test, SHOTS)
    shots = (1, 2) if options.quick else shots
    full = full.take(np.isin(full.subjects, test.subjects))
    print(f"CHAOS: training set {train}; measured on {test}. Settings: {settings}.\n")
    data = {"synthetic": phantoms(range(1, 1 + settings["anatomies"]), settings["size"])}
    start = segmentation.pretrained_segmenter("phantoms")
    minutes, results = {}, {}
    for fold, organs in FOLDS.items():
        shows_fold = np.any([train.showing(organ) for organ in organs], axis=0)
        is_real = "stand-in" not in scans.source  # phantoms show all structures in nearly all slices
        data["scans"] = train.take(~shows_fold) if is_real else train
        data["structures"] = [organ for organ in train.names if organ not in organs]
        print(f"Without {fold}: {data['scans']}\n", flush=True)
        name = f"chaos without {fold}"
        model, minutes[fold] = fit(name, settings, settings["steps"], start, options.checkpoint, **data)
        functions = methods({"phantoms alone": start, "trained network": model})
        for organ in organs:
            reports = measure(test, full, organ, functions, shots)
            show(f"CHAOS: {test.names[organ]}", reports)
            results[test.names[organ]] = as_json(reports)
    return {"settings": settings, "minutes": minutes, "measured on": repr(test), "results": results}


def run_few(options):
    """Dice of other structures after training on one part of the hippocampus, with and without other tasks."""
    from siamkeras.applications import segmentation

    settings = HIPPOCAMPUS | {"no_tasks": dict.fromkeys(PHANTOM_TASKS, 0.0)}
    train, validation, _ = split(segmentation.hippocampus(options.source))
    start = segmentation.pretrained_segmenter("phantoms")
    third = validation.take(slice(None, None, 12 if options.quick else 3))
    anatomy = phantoms([99], subjects=7, structures=1) if options.quick else phantoms([99], structures=8)
    tests = {
        "posterior part": segmentation.evaluation_episodes(third, 2, references=5),
        "anterior part": segmentation.evaluation_episodes(third, 1, references=5),
        "new phantoms": segmentation.evaluation_episodes(anatomy, references=5),
    }
    synthetic = phantoms(range(1, 2 if options.quick else 5))
    plain = {"scan_tasks": settings.pop("no_tasks")}
    runs = {
        "anterior part alone": (settings | plain, {}),
        "with synthetic tasks": (settings, {}),
        "with synthetic tasks and phantoms": (settings, {"synthetic": synthetic}),
    }
    models = {"before": start}
    for name, (chosen, data) in runs.items():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Training without synthetic tasks")  # what this run measures
            data = {"scans": train, "structures": [1], **data}
            steps = 2 if options.quick else FEW_STEPS
            models[name], _ = fit(f"few, {name}", chosen, steps, start, options.checkpoint, **data)
    rows = {
        name: {test: mean_dice(model, episodes) for test, episodes in tests.items()} for name, model in models.items()
    }
    print(f"### {FEW_STEPS} steps on the anterior part; Dice on slices of validation subjects, five references\n")
    measuring.print_table(["", *tests], [[name, *(f"{x:.3f}" for x in row.values())] for name, row in rows.items()])
    return {"steps": FEW_STEPS, "results": rows}


def mean_dice(model, episodes):
    from siamkeras.applications import segmentation

    scores = segmentation.dice_score(episodes.truth, segmentation.segment(model, episodes.inputs))
    return segmentation.dice_by_subject(scores, episodes.subjects, resamples=0).dice


PARTS_OF_BENCHMARK = {"hippocampus": run_hippocampus, "chaos": run_chaos, "few": run_few}


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--source", default="auto", choices=["auto", "real", "synthetic"])
    parser.add_argument("--checkpoint", type=Path, help="a file .keras; each training run appends its name")
    parser.add_argument("--only", choices=list(PARTS_OF_BENCHMARK), help="one part of the benchmark")
    parser.add_argument("--validation", action="store_true", help="measure on validation subjects")
    parser.add_argument("--evaluate", action="store_true", help="hippocampus: use the pretrained segmenters")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name} and the weights of the package")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs the full measurement.")
    options.source = "synthetic" if options.quick else options.source
    measuring.print_heading("Few-shot segmentation: unseen structures, unseen subjects", options.quick)

    from siamkeras import environment

    content = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in [options.only] if options.only else PARTS_OF_BENCHMARK:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content[name] = {"machine": machine, **PARTS_OF_BENCHMARK[name](options)}
        if options.save and not options.validation:
            training.write_json(RESULTS, content)
            print(f"Written: {RESULTS}\n", flush=True)


if __name__ == "__main__":
    main()
