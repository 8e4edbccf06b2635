"""Signature verification of writers who were not in the training set.

SigComp2009 (30 writers, 5 genuine signatures and 5 skilled forgeries each) is the validation set: all settings and
thresholds are chosen on it, with towers trained on SigComp2011. SigComp2011 (43 of its 64 Dutch writers, 12 to 24
genuine signatures and 8 to 19 skilled forgeries each) is the test set, measured once, in five folds of writers. A tower
is trained on four folds without the forgers of the fifth, so no person's handwriting is on both sides. SigComp2009 is
not in these training sets.

All signatures are redrawn with one pen, since the darkness of the ink and the width of the strokes separate the
forgeries of SigComp2011 from the genuine signatures.

Methods, by the Euclidean distance of unit-length embeddings of 64 x 128 pixels: pixels; histograms of oriented
gradients (HOG) of scikit-image; a tower, three training runs; the tower and HOG side by side with equal weights; the
three towers and HOG.

Three references are sampled ten times for each writer. Random and skilled forgeries are evaluated separately. The score
is the mean distance to the references (global threshold), or this minus half of the mean distance among them
(writer-dependent threshold). Intervals are 95 % bootstrap intervals over writers; differences to HOG are paired. FAR
and FRR are those at thresholds that SigComp2009 chooses for the tower of each fold.

Target: EER against skilled forgeries of SigComp2011 below that of HOG, the interval of the difference excludes 0.

    python benchmarks/signatures.py --checkpoint build/signatures.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

SETTINGS = {
    "size": (64, 128),
    "pen_width": 4.0,
    "filters": (32, 64, 128),
    "embedding_dim": 128,
    "steps": 200,
    "classes": 16,
    "per_class": 4,
    "learning_rate": 2e-3,  # with cosine decay to 0
    "weight_decay": 0.02,
    "temperature": 0.1,
}
FOLDS, SEEDS = 5, 3
REFERENCES = 3
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
THRESHOLDS = {"global": 0.0, "writer-dependent": 0.5}  # the weight of the spread of the references
ENSEMBLE = "three towers and HOG"
KINDS = ("random", "skilled")
FAR = 0.01
VALIDATION, TEST = "SigComp2009", "SigComp2011"
RESULTS = Path(__file__).parent / "results" / "signatures.json"


def augment():
    from siamkeras import augmentation

    affine = augmentation.affine(rotation=6, shear=0.12, scale=(0.9, 1.1), shift=4, probability=0.7)
    return augmentation.compose(affine, augmentation.elastic(1.5, 8, probability=0.6))


def stream(signatures, settings, seed, start):
    from siamkeras.applications.signatures import forgery_batches

    options = {"seed": seed, "start": start, "augment": augment()}
    return forgery_batches(signatures, settings["classes"], settings["per_class"], **options)


def in_folds(signatures):
    """`(training set, test set)` of each fold, without a common writer or forger."""
    from siamkeras import data

    return [(train.without_authors_of(test), test) for train, test in data.folds_by_class(signatures, FOLDS)]


def compiled(shape, settings):
    import keras

    from siamkeras import losses
    from siamkeras.applications.signatures import stroke_tower

    tower = stroke_tower(shape, settings["embedding_dim"], settings["filters"])
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
    loss = losses.SupervisedContrastiveLoss(settings["temperature"])
    tower.compile(optimizer, loss, jit_compile=False)
    return tower


def train_tower(name, training_set, settings, seed, checkpoint=None):
    import keras

    keras.utils.set_random_seed(seed)
    path = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{name}-{seed}.keras")
    details = settings | {"signatures": len(training_set.labels)}
    shape = training_set.images.shape[1:]
    tower, seconds, _ = training.train(
        f"{name}, seed {seed}",
        lambda: compiled(shape, settings),
        lambda start: stream(training_set, settings, seed, start),
        details,
        path,
        settings["steps"],
    )
    return tower, seconds


def unit(vectors):
    flat = vectors.reshape(len(vectors), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def hog_features(images):
    """Histograms of oriented gradients: 9 directions in cells of 8 x 8 pixels, normalised over 2 x 2 cells."""
    from skimage.feature import hog

    return unit(np.stack([hog(image[..., 0], 9, (8, 8), (2, 2)) for image in images]))


def trials_of(embeddings, sets, weight):
    """The trials of each set; `weight` is that of the spread of the references."""
    from siamkeras.applications.signatures import reference_trials

    return [
        reference_trials(part, each, REFERENCES, writer_dependent=weight)
        for part, each in zip(embeddings, sets, strict=True)
    ]


def summarise(trials, options):
    """`{kind of forgery: numbers}` of `Trials`."""
    numbers = {}
    for kind in KINDS:
        resamples = options.resamples if kind == "skilled" else 0
        report = trials.verification(kind, far=(FAR,), resamples=resamples)
        interval = {name: list(ends) for name, ends in report.interval.items()}
        numbers[kind] = {"eer": report.eer, "auc": report.auc, "tar": report.tar_at_far[FAR], "interval": interval}
    return numbers


def operate(tested, validated):
    """FAR and FRR at thresholds that skilled forgeries of the validation set choose, `{rule: {kind: numbers}}`."""
    from siamkeras import evaluation
    from siamkeras.applications.signatures import Trials

    shifted = {"equal errors": [], "low FAR": []}
    for part, known in zip(tested, validated, strict=True):
        report = known.verification("skilled", far=(FAR,), resamples=0)
        low = report.threshold if np.isnan(report.tar_at_far[FAR]) else evaluation.threshold_at(report, FAR)
        for rule, threshold in (("equal errors", report.threshold), ("low FAR", low)):
            shifted[rule].append(part._replace(distances=part.distances - threshold))
    numbers = {}
    for rule, parts in shifted.items():
        reports = {kind: Trials.concatenate(parts).verification(kind, threshold=0.0, resamples=0) for kind in KINDS}
        numbers[rule] = {kind: {"far": report.far, "frr": report.frr} for kind, report in reports.items()}
    return numbers


def describe(name, folds, validation, settings, options):
    """Embeddings of the test sets and of the validation set for each method and training run.

    Returns:
        `{method: [(embeddings of each test set, embeddings of the validation set by the tower of each fold)]}`, and
        the seconds of each training run.
    """
    from siamkeras import retrieval

    sets = [test for _, test in folds]
    methods = {}
    for method, features in (("pixels", unit), ("HOG", hog_features)):
        methods[method] = [([features(test.images) for test in sets], [features(validation.images)] * len(sets))]
    hog, towers, seconds = methods["HOG"][0], [], []
    for seed in range(options.seeds):
        towers.append(([], []))
        for number, (training_set, test) in enumerate(folds):
            where = f"{name.lower()}-{number}"
            tower, spent = train_tower(where, training_set, settings, seed, options.checkpoint)
            seconds.append(spent)
            for part, each in zip(towers[-1], (test, validation), strict=True):
                part.append(retrieval.embed(tower, each.images))
    methods["tower"] = towers
    methods["tower and HOG"] = [
        tuple(joined(*both) for both in zip(embeddings, hog, strict=True)) for embeddings in towers
    ]
    three = [[unit(np.hstack(parts)) for parts in zip(*each, strict=True)] for each in zip(*towers, strict=True)]
    methods[ENSEMBLE] = [tuple(joined(*both) for both in zip(three, hog, strict=True))]
    return methods, seconds


def measure(name, folds, validation, settings, options):
    """All results of one collection, as a dict:

    - "results": `{threshold: {method: [numbers of each training run]}}`;
    - "to_hog": differences to HOG, `{threshold: {method: {kind: [difference of each run]}}}`;
    - "seconds" of each training run; "weights": AUC for each weight of the spread (validation set only).
    """
    from siamkeras.applications.signatures import Trials, eer_difference

    methods, seconds = describe(name, folds, validation, settings, options)
    sets, results, to_hog = [test for _, test in folds], {}, {}
    for threshold, weight in THRESHOLDS.items():
        results[threshold], to_hog[threshold], trials = {}, {}, {}
        for method, runs in methods.items():
            parts = [trials_of(tested, sets, weight) for tested, _ in runs]
            trials[method] = [Trials.concatenate(each) for each in parts]
            results[threshold][method] = [summarise(each, options) for each in trials[method]]
            if name == TEST:
                for tested, (_, known), numbers in zip(parts, runs, results[threshold][method], strict=True):
                    numbers |= operate(tested, trials_of(known, [validation] * len(sets), weight))
        for method, runs in trials.items():
            to_hog[threshold][method] = {
                kind: [eer_difference(each, trials["HOG"][0], kind, resamples)._asdict() for each in runs]
                for kind, resamples in (("random", options.resamples // 5), ("skilled", options.resamples))
            }
    measured = {"results": results, "to_hog": to_hog, "seconds": seconds}
    if name == VALIDATION:
        measured["weights"] = {
            method: {
                f"{weight:g}": Trials.concatenate(trials_of(runs[0][0], sets, weight))
                .verification("skilled", resamples=0)
                .auc
                for weight in WEIGHTS
            }
            for method, runs in methods.items()
        }
    return measured


def joined(embeddings, features):
    """Both, with equal weights: the squared distances are added."""
    return [np.hstack(both) / 2**0.5 for both in zip(embeddings, features, strict=True)]


def per_cent(values):
    return ", ".join(f"{100 * value:.1f}" for value in values)


def print_results(name, measured):
    for threshold, methods in measured["results"].items():
        print(f"### {name}, {threshold} threshold\n")
        rows = []
        for method, runs in methods.items():
            random, skilled = ([run[kind] for run in runs] for kind in KINDS)
            columns = [[run["eer"] for run in random], [run["eer"] for run in skilled], [run["tar"] for run in skilled]]
            differences = []
            for run in measured["to_hog"][threshold][method]["skilled"]:
                low, high = run["interval"]
                differences.append(f"{100 * run['eer']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]")
            rows.append([method, *map(per_cent, columns), ", ".join(differences)])
        measuring.print_table(["", "EER, random", "EER, skilled", "TAR at 1 % FAR", "EER, skilled, minus HOG"], rows)
        if name != TEST:
            continue
        print("FAR (random, skilled) and FRR at thresholds chosen on SigComp2009:\n")
        rows = []
        for method, runs in methods.items():
            for rule in ("equal errors", "low FAR"):
                rates = [[run[rule]["random"]["far"], run[rule]["skilled"]["far"]] for run in runs]
                rejects = [run[rule]["skilled"]["frr"] for run in runs]
                rows.append([method, rule, *map(per_cent, [*zip(*rates, strict=True), rejects])])
        measuring.print_table(["", "threshold", "FAR, random", "FAR, skilled", "FRR"], rows)
    if "weights" in measured:
        print("AUC, skilled forgeries, by the weight of the spread of the references (first training run):\n")
        rows = [[method, *(f"{auc:.3f}" for auc in aucs.values())] for method, aucs in measured["weights"].items()]
        measuring.print_table(["", *(f"{weight:g}" for weight in WEIGHTS)], rows)
    print(f"Seconds of training: {np.median(measured['seconds']):.0f} (median of the training runs).\n", flush=True)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"training runs (default: {SEEDS})")
    parser.add_argument("--checkpoint", type=Path, help="checkpoints, to resume an interrupted run")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the signatures")
    parser.add_argument("--validation", action="store_true", help="measure SigComp2009 only, to choose settings")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.resamples = 5 if options.quick else 1000
    options.source = options.source or ("synthetic" if options.quick else "auto")
    options.seeds = 1 if options.quick else options.seeds
    settings = SETTINGS | ({"steps": 2, "filters": (4, 4), "size": (32, 64)} if options.quick else {})
    measuring.print_heading("Signatures", options.quick)
    from siamkeras import environment
    from siamkeras.applications import signatures

    load = {"size": settings["size"], "pen_width": settings["pen_width"], "source": options.source}
    newer, older = signatures.sigcomp2011(**load), signatures.sigcomp2009(**load)
    print(f"{newer}.\n{older}.\n", flush=True)
    machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
    content = {"machine": machine, "settings": settings, "collections": [repr(newer), repr(older)]}
    folds = {VALIDATION: [(newer, older)], TEST: in_folds(newer)}
    for name in [VALIDATION] if options.validation else folds:
        content[name] = measure(name, folds[name], older, settings, options)
        print_results(name, content[name])
    for threshold, methods in content.get(TEST, {"to_hog": {}})["to_hog"].items():
        reached = all(run["interval"][1] < 0 for run in methods["tower and HOG"]["skilled"])
        text = "EER against skilled forgeries below HOG, intervals of all runs exclude 0"
        print(f"{threshold} threshold, tower and HOG: {text}: {'yes' if reached else 'NO'}.")
    if options.save:
        training.write_json(RESULTS, content)
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
