"""How well is a structure found from one or five annotated scans, if neither it nor the subjects were ever seen?

A few-shot segmenter is trained on phantoms of twelve anatomies, 144 structures, and measured on a thirteenth. Then it
goes on, half on phantoms, half on one part of the hippocampi of the Medical Segmentation Decathlon (anterior or
posterior, sagittal slices, training subjects), and is asked for the *other* part in the test subjects. Contenders:

- the masks of the references copied over; the mask of the most alike reference, moved to where it fits best;
  prototypes of pixel features with no decoder: `segmentation.baselines`;
- the segmenter that has seen phantoms alone;
- the segmenter that has seen the other part as well.

Protocol: subjects are split first, 156 to train, 39 to validate, 65 to test. Every slice that shows at least 10 pixels
of the structure is a query once; its references are slices of other test subjects, drawn anew for each query, those
nearest to its relative position. Dice is the mean over subjects of the mean over their slices, with 95 % bootstrap
intervals over subjects; differences are paired. Choices were made on validation subjects and the structure of the
training, whole and in halves, and on a validation anatomy (`--trials`), never on the structure that is asked for.

Targets: hippocampus, one reference and five, above every baseline outside the interval in at least one direction;
phantoms, new structures: at least 0.15 above the copied mask. Without the scans phantoms stand in for them, and
numbers say nothing of the hippocampus.

    python benchmarks/segmentation.py --trials
    python benchmarks/segmentation.py --checkpoint build/segmentation.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

SETTINGS = {
    "filters": (16, 32, 64),
    "dense": 2,
    "batch_size": 8,
    "references": 2,
    "phantom_steps": 1200,
    "steps": 1800,
    "learning_rate": 2e-3,  # Falls to 0 along a cosine, on phantoms and again on scans.
    "weight_decay": 0.01,
    "tasks": {"cut": 0.5, "superpixel": 0.15, "mirror": 0.5, "invert": 0.2},
}
PLAIN = {"cut": 0.0, "superpixel": 0.0, "mirror": 0.0, "invert": 0.0}
TRIALS = {
    "as chosen": {},
    "no invented tasks": {"tasks": PLAIN},
    "no superpixels": {"tasks": SETTINGS["tasks"] | {"superpixel": 0.0}},
    "no dense comparison": {"dense": 0},
}
QUICK = {"filters": (2, 3, 4), "phantom_steps": 2, "steps": 2}
SHOTS = (1, 5)
RESULTS = Path(__file__).parent / "results" / "segmentation.json"


def bodies(seeds, subjects=16, structures=12):
    from siamkeras import synthetic
    from siamkeras.applications.segmentation import slices

    return slices.joined(*(synthetic.phantoms(subjects, structures, size=48, slices=6, seed=seed) for seed in seeds))


def compiled(settings, steps, start=None):
    """A segmenter ready to be trained; with the weights of `start`, where there is one."""
    import keras

    from siamkeras import losses
    from siamkeras.applications import segmentation

    keras.utils.set_random_seed(0)
    tower = segmentation.maps_tower((48, 48, 1), settings["filters"])
    model = segmentation.few_shot_segmenter(tower, dense=settings["dense"])
    if start is not None:
        model.set_weights(start.get_weights())
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"]), losses.DiceCrossEntropyLoss()
    )
    return model


def stream(settings, done, phantoms, scans=None, structure=None):
    """Episodes of phantoms; with scans, half of each batch is of one structure of theirs."""
    from siamkeras import augmentation, generators
    from siamkeras.applications import segmentation

    chosen = {
        "references": settings["references"],
        "start": done,
        "tasks": segmentation.invented(**settings["tasks"]),
        "move": augmentation.compose(
            augmentation.affine(15, 0.1, (0.85, 1.18), shift=3, chance=0.7), augmentation.elastic(1.5, 6)
        ),
        "shade": augmentation.color_jitter(0.1, contrast=(0.7, 1.4), saturation=(1, 1)),
    }
    size = settings["batch_size"]
    if scans is None:
        return segmentation.episodes(phantoms, batch_size=size, seed=1, **chosen)
    drawn = segmentation.episodes(phantoms, batch_size=size - size // 2, seed=1, **chosen)
    real = segmentation.episodes(scans, [structure], batch_size=size // 2, seed=2, **chosen)
    return generators.concat_batches(drawn, real)


def fitted(name, settings, phantoms, scans=None, structure=None, start=None, checkpoint=None, check=None):
    """A trained segmenter, and the minutes that it took."""
    steps = settings["steps" if scans is not None else "phantom_steps"]
    path = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{name.replace(' ', '-')}.keras")
    model, seconds, _ = training.trained(
        name,
        lambda: compiled(settings, steps, start),
        lambda done: stream(settings, done, phantoms, scans, structure),
        settings | {"steps": steps, "learned": name},
        path,
        per_epoch=300,
        check=check,
    )
    return model, seconds / 60


def scored(found, trials):
    from siamkeras import evaluation

    return evaluation.dice_by_subject(evaluation.dice(found, trials.truth), trials.subjects)


def contest(slices, structures, models):
    """`{contender: {shots: report}}` of the baselines and of models by name."""
    from siamkeras.applications import segmentation
    from siamkeras.applications.segmentation import baselines

    reports = {}
    for shots in SHOTS:
        trials = segmentation.trials(slices, structures, shots)
        found = {
            "copied mask": baselines.copied(trials.inputs),
            "nearest reference, moved": baselines.nearest(trials.inputs),
            "prototypes, no decoder": baselines.prototypes(trials.inputs),
        }
        found |= {name: segmentation.segment(model, trials.inputs) for name, model in models.items()}
        for name, masks in found.items():
            reports.setdefault(name, {})[shots] = scored(masks, trials)
    return reports


def differences(reports, name):
    """`{baseline: {shots: difference}}`: by how much a contender is above each of the three baselines."""
    from siamkeras import evaluation

    return {
        baseline: {shots: evaluation.dice_difference(reports[name][shots], reports[baseline][shots]) for shots in SHOTS}
        for baseline in list(reports)[:3]
    }


def told(report):
    low, high = report.interval["dice"]
    return f"{report.dice:.3f} [{low:.3f}, {high:.3f}]"


def show(title, reports, last):
    """Tables of all contenders and of how far the last is above the baselines; whether it is above all of them."""
    print(f"### {title}\n")
    header = ["", *(f"{shots} reference{'s' if shots > 1 else ''}" for shots in SHOTS)]
    measuring.print_table(header, [[name, *map(told, found.values())] for name, found in reports.items()])
    above = differences(reports, last)
    rows = [
        [
            f"above {name}",
            *(f"{each.dice:+.3f} [{each.interval[0]:+.3f}, {each.interval[1]:+.3f}]" for each in found.values()),
        ]
        for name, found in above.items()
    ]
    measuring.print_table([last, *header[1:]], rows)
    return above


def halved(trials, front):
    """Trials in which one half of the structure is asked for, cut by a vertical line through the middle of each."""
    columns = np.arange(trials.truth.shape[-1])

    def half(masks):
        middle = (masks * columns).sum((-2, -1)) / np.maximum(masks.sum((-2, -1)), 1)
        side = columns >= middle[..., None, None] if front else columns < middle[..., None, None]
        return (masks * side).astype("float32")

    return trials._replace(inputs=trials.inputs | {"masks": half(trials.inputs["masks"])}, truth=half(trials.truth))


def validated(model, validation, structure, anatomy):
    """Dice on what choices are made on, five references: a structure of the training, its halves, new phantoms."""
    from siamkeras.applications import segmentation

    third = validation.take(np.arange(len(validation)) % 3 == 0) if len(validation) > 300 else validation
    some = segmentation.trials(third, structure, 5)
    halves = [halved(some, front) for front in (False, True)]
    several = {
        "structure": [some],
        "halves": halves,
        "phantoms": [segmentation.trials(anatomy, list(anatomy.names)[:8], 5)],
    }
    return {
        name: float(np.mean([scored(segmentation.segment(model, each.inputs), each).dice for each in trials]))
        for name, trials in several.items()
    }


def prepared(options):
    """Phantoms to learn from, to choose on, to measure on; scans of subjects to learn from, choose on, measure on."""
    from siamkeras import data
    from siamkeras.applications.segmentation import slices

    few = {"subjects": 7, "structures": 3} if options.quick else {}
    learned, chosen_on, new = (bodies(seeds, **few) for seeds in (range(1, 2 if options.quick else 13), [99], [0]))
    scans = data.hippocampus(source="synthetic" if options.quick else options.source, every=6 if options.quick else 1)
    rest, test = slices.split_by_subject(scans, test=0.25, seed=0)
    train, validation = slices.split_by_subject(rest, test=0.2, seed=1)
    return learned, chosen_on, new, train, validation, test


def trials(options):
    learned, chosen_on, _, train, validation, _ = prepared(options)
    print(f"Scans: {train}; measured on {validation}, five references. Part learned: anterior.\n")
    rows = []
    for name, change in TRIALS.items():
        settings = SETTINGS | {"steps": 900, "phantom_steps": 600} | change | (QUICK if options.quick else {})
        start, before = fitted(f"{name} phantoms", settings, learned)
        model, minutes = fitted(name, settings, learned, train, 1, start)
        found = validated(model, validation, 1, chosen_on)
        rows.append([name, f"{before + minutes:.1f}", *(f"{value:.3f}" for value in found.values())])
        print(f"{rows[-1]}", flush=True)
    measuring.print_table(["", "minutes", "the structure itself", "halves of it", "new phantoms"], rows)


def main():
    parser = measuring.arguments(__doc__)
    parser.add_argument("--source", default="auto", choices=["auto", "real", "synthetic"])
    parser.add_argument("--checkpoint", type=Path, help="a file .keras; parts of the training get names of their own")
    parser.add_argument("--trials", action="store_true", help="compare settings on what choices are made on")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name} and the weights of the package")
    options = parser.parse_args()
    measuring.print_heading("Few-shot segmentation: structures and subjects never seen", options.quick)
    if options.trials:
        return trials(options)

    from siamkeras import environment
    from siamkeras.applications.segmentation import _kept as kept

    settings = SETTINGS | (QUICK if options.quick else {})
    learned, chosen_on, new, train, validation, test = prepared(options)
    print(f"Phantoms: learned from {learned}; measured on {new}.")
    print(f"Scans: learned from {train}; validated on {validation}; measured on {test}.\nSettings: {settings}.\n")
    start, minutes = fitted("phantoms", settings, learned, checkpoint=options.checkpoint)
    models, spent = {"phantoms": start}, {"phantoms": minutes}
    checks, found, verdicts = {}, {}, []
    name = "trained on phantoms"
    found["phantoms"] = contest(new, list(new.names), {name: start})
    above = {"phantoms": show("Phantoms: all structures of an anatomy never seen", found["phantoms"], name)}
    for structure, part in train.names.items():
        models[part], spent[part] = fitted(
            part, settings, learned, train, structure, start, checkpoint=options.checkpoint
        )
        checks[part] = validated(models[part], validation, structure, chosen_on)
        other, wanted = next((key, value) for key, value in test.names.items() if key != structure)
        name = f"trained on phantoms and {part}"
        found[wanted] = contest(test, [other], {"trained on phantoms": start, name: models[part]})
        above[wanted] = show(f"Hippocampus: {wanted} part, {part} learned", found[wanted], name)
        verdicts.append(all(each.interval[0] > 0 for row in above[wanted].values() for each in row.values()))
    rows = [[part, f"{spent[part]:.1f}", *(f"{value:.3f}" for value in each.values())] for part, each in checks.items()]
    print("### On validation subjects, five references\n")
    measuring.print_table(["learned", "minutes", "the structure itself", "halves of it", "new phantoms"], rows)
    gain = [above["phantoms"]["copied mask"][shots].dice for shots in SHOTS]
    print(
        f"Phantoms, above the copied mask by at least 0.15: {'yes' if min(gain) >= 0.15 else 'NO'}, "
        f"{gain[0]:.3f} and {gain[1]:.3f}. Hippocampus, above every baseline outside the interval: "
        f"{sum(verdicts)} of {len(verdicts)} directions."
    )
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        numbers = {
            task: {
                name: {shots: {"dice": each.dice, "interval": each.interval["dice"]} for shots, each in row.items()}
                for name, row in reports.items()
            }
            for task, reports in found.items()
        }
        paired = {
            task: {
                name: {shots: {"dice": each.dice, "interval": each.interval} for shots, each in row.items()}
                for name, row in rows.items()
            }
            for task, rows in above.items()
        }
        training.write(
            RESULTS,
            {
                "machine": machine,
                "settings": settings,
                "data": {"phantoms": repr(new), "scans": repr(test), "learned": repr(train)},
                "minutes": spent,
                "validation": checks,
                "found": numbers,
                "above": paired,
            },
        )
        for part, model in models.items():
            kept.save(kept.FOLDER / f"{part}.npz", model, minutes=spent[part], source=repr(train))
        print(f"Written: {RESULTS} and {', '.join(f'{part}.npz' for part in models)} in {kept.FOLDER.name}/")


if __name__ == "__main__":
    main()
