"""Signature verification of writers who were not in the training set.

SigComp2009, 30 writers with 5 genuine signatures and 5 skilled forgeries each, in five folds. No person's handwriting
is on both sides of a fold, neither a writer's nor a forger's (forgers imitated several writers). A fold tests 4 to 9
writers; the writers of the next fold choose the threshold; the other three folds are the training set. Each writer is
tested once.

Methods, by the Euclidean distance of unit-length embeddings:

- pixels, and histograms of oriented gradients (HOG) of scikit-image, of the same images and of larger ones;
- a tower trained on synthetic writers only;
- that tower fine-tuned on the training writers of each fold; with 8 views of each image; and an ensemble of two.

Random forgeries (genuine signatures of another writer) and skilled forgeries are evaluated separately. Protocols: all
pairs; and all selections of three references of each writer, with the mean or the minimum distance to them, or with a
writer-dependent threshold. Intervals are 95 % bootstrap intervals over writers; differences to HOG are paired.

The training settings were chosen on held-out synthetic writers and on the validation writers of the first fold.
Target: the equal error rate of one tower against random forgeries is below those of HOG and pixels, and the intervals
of the differences exclude 0.

    python benchmarks/signatures.py --checkpoint build/signatures.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

SETTINGS = {
    "size": (48, 96),
    "filters": (16, 32, 64, 128),
    "embedding_dim": 128,
    "synthetic_writers": 600,  # with 6 genuine signatures and 6 forgeries each
    "pretraining_steps": 1500,  # on the synthetic writers
    "steps": 300,  # on the training writers of a fold
    "learning_rates": (3e-3, 1e-3),  # each with cosine decay to 0
    "towers": 2,
    "views": 8,
}
FOLDS, CLASSES, PER_CLASS = 5, 16, 4
PROTOCOLS = {
    "pairs": None,
    "three references, mean": {},
    "three references, min": {"fusion": "min"},
    "three references, writer-dependent": {"writer_dependent": True},
}
BASELINES = ("HOG", "pixels")
RESULTS = Path(__file__).parent / "results" / "signatures.json"
LARGER = (64, 128)
SELECTIONS, FEW_WRITERS = 1000, 5


def augment():
    from siamkeras import augmentation

    affine = augmentation.affine(rotation=5, shear=0.15, scale=(0.85, 1.1), shift=4, probability=0.6)
    return augmentation.compose(affine, augmentation.elastic(1.5, 8, probability=0.5), augmentation.stroke_width())


def stream(signatures, seed, start):
    """Batches of eight writers; the genuine signatures and the forgeries of a writer are two classes."""
    from siamkeras import generators

    classes = 2 * signatures.labels + ~signatures.genuine
    options = {"groups": signatures.labels, "seed": seed, "start": start, "augment": augment()}
    return generators.balanced(signatures.images, classes, CLASSES, PER_CLASS, **options)


def mirrored(signatures):
    """The signatures and their horizontal, vertical and double reflections, as four times as many writers."""
    images = [signatures.images[:, ::down, ::across] for down in (1, -1) for across in (1, -1)]
    labels = [signatures.labels + 1000 * number for number in range(4)]
    groups, genuine = np.tile(signatures.groups, 4), np.tile(signatures.genuine, 4)
    return signatures._replace(
        images=np.concatenate(images), labels=np.concatenate(labels), groups=groups, genuine=genuine
    )


def compiled(tower, rate, steps):
    import keras

    from siamkeras import losses

    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    tower.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01), losses.SupervisedContrastiveLoss())
    return tower


def copy(tower):
    import keras

    clone = keras.models.clone_model(tower)
    clone.set_weights(tower.get_weights())
    return clone


def train_towers(folds, settings, seed, checkpoint=None):
    """The tower of the synthetic writers, the fine-tuned tower of each fold, and the minutes of training."""
    import keras

    from siamkeras import towers
    from siamkeras.applications.signatures import synthetic_signatures

    keras.utils.set_random_seed(seed)
    names = ("size", "filters", "embedding_dim", "synthetic_writers", "learning_rates")
    shared = {name: settings[name] for name in names}

    def path(name):
        return checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{seed}-{name}.keras")

    def train(name, build, signatures, steps):
        tower, seconds, _ = training.train(
            f"seed {seed}, {name}",
            build,
            lambda start: stream(signatures, seed, start),
            shared | {"steps": steps, "writers": len(np.unique(signatures.labels))},
            path(name),
            max(1, steps // 3),
        )
        return tower, seconds / 60

    synthetic = synthetic_signatures(settings["synthetic_writers"], 6, 6, settings["size"], seed=1 + seed)
    (first_rate, second_rate), steps = settings["learning_rates"], settings["pretraining_steps"]
    shape, dim = synthetic.images.shape[1:], settings["embedding_dim"]
    pretrained, minutes = train(
        "synthetic",
        lambda: compiled(towers.conv(shape, dim, settings["filters"], momentum=0.99), first_rate, steps),
        synthetic,
        steps,
    )
    fine_tuned, steps = [], settings["steps"]
    for number, (training_set, _, _) in enumerate(folds):
        tower, fold_minutes = train(
            f"fold-{number}", lambda: compiled(copy(pretrained), second_rate, steps), mirrored(training_set), steps
        )
        fine_tuned.append(tower)
        minutes += fold_minutes
    return pretrained, fine_tuned, minutes


def embed(towers, signatures, views=1):
    """Concatenated unit-length embeddings of several towers, scaled to unit length."""
    from siamkeras import retrieval

    options = {"views": views, "augment": augment()} if views > 1 else {}
    parts = [unit(retrieval.embed(tower, signatures.images, **options)) for tower in towers]
    return np.hstack(parts) / len(parts) ** 0.5


def hog_features(signatures):
    """Histograms of oriented gradients: 9 directions in cells of 8 x 8 pixels, normalised over 2 x 2 cells."""
    from skimage.feature import hog

    return unit(np.stack([hog(image[..., 0], 9, (8, 8), (2, 2)) for image in signatures.images]))


def unit(vectors):
    flat = vectors.reshape(len(vectors), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def trials(embeddings, signatures, protocol):
    from siamkeras.applications.signatures import pair_trials, reference_trials

    options = PROTOCOLS[protocol]
    if options is None:
        return pair_trials(embeddings, signatures)
    return reference_trials(embeddings, signatures, references=3, **options)


def evaluate(describe, folds, options):
    """Results of all folds together for each protocol, and the trials.

    Args:
        describe: Function from the number of a fold and signatures to embeddings.

    Returns:
        `(numbers, trials)`, two dicts by protocol. FAR and FRR are those at the threshold of the validation writers.
    """
    from siamkeras.applications.signatures import Trials

    folds_of = {protocol: ([], []) for protocol in PROTOCOLS}
    for number, (_, validation, test) in enumerate(folds):
        validation_embeddings, test_embeddings = describe(number, validation), describe(number, test)
        for protocol, (parts, shifted) in folds_of.items():
            known = trials(validation_embeddings, validation, protocol)
            threshold = known.verification("skilled", resamples=0).threshold
            parts.append(trials(test_embeddings, test, protocol))
            shifted.append(parts[-1]._replace(distances=parts[-1].distances - threshold))
    numbers, all_trials = {}, {}
    for protocol, (parts, shifted) in folds_of.items():
        all_trials[protocol] = Trials.concatenate(parts)
        numbers[protocol] = {}
        for kind in ("random", "skilled"):
            report = all_trials[protocol].verification(kind, resamples=options.resamples)
            with_threshold = Trials.concatenate(shifted).verification(kind, threshold=0.0, resamples=0)
            numbers[protocol][kind] = {
                "eer": report.eer,
                "auc": report.auc,
                "interval": report.interval,
                "per_fold": [part.verification(kind, resamples=0).eer for part in parts],
                "false_accepts": with_threshold.far,
                "false_rejects": with_threshold.frr,
            }
    return numbers, all_trials


def few_writers(trials, options):
    """Equal error rates and accuracies of one model on random selections of five test writers.

    Returns:
        `{name: (median, 2.5 %, 97.5 %)}` over the selections.
    """
    rng, results = np.random.default_rng(0), []
    writers = np.unique(trials.writers)
    whole = trials.verification("skilled", resamples=0)
    for _ in range(options.selections):
        five = rng.choice(writers, FEW_WRITERS, replace=False)
        is_few = np.isin(trials.writers, five)
        few = trials.take(is_few).verification("skilled", resamples=0)
        others = trials.take(~is_few).verification("skilled", resamples=0)
        unbiased = trials.take(is_few).verification("skilled", threshold=others.threshold, resamples=0)
        results.append([few.eer, few.accuracy, unbiased.accuracy])
    names = ("EER of five", "accuracy, threshold chosen on the five", "accuracy, threshold of the other writers")
    quantiles = np.quantile(results, [0.5, 0.025, 0.975], axis=0).T.tolist()
    return {"EER of all": [whole.eer] * 3} | dict(zip(names, quantiles, strict=True))


def cell(numbers):
    low, high = (f"{100 * end:.1f}" for end in numbers["interval"].get("eer", (np.nan, np.nan)))
    return f"{numbers['eer']:.1%} [{low}, {high}]"


def print_protocol(protocol, results):
    rows = []
    for name, numbers in results.items():
        random, skilled = (numbers[protocol][kind] for kind in ("random", "skilled"))
        rates = skilled["false_rejects"], random["false_accepts"], skilled["false_accepts"]
        rows.append([name, cell(random), cell(skilled), *(f"{rate:.1%}" for rate in rates)])
    print(f"### {protocol.capitalize()}\n")
    measuring.print_table(["", "EER, random", "EER, skilled", "FRR", "FAR, random", "FAR, skilled"], rows)


def in_folds(signatures, count):
    """`(train, validation, test)` of each fold; the validation writers are the test writers of the next fold."""
    from siamkeras import data

    tests = [test for _, test in data.folds_by_class(signatures, count, by="groups")]
    folds = []
    for number, test in enumerate(tests):
        validation = tests[(number + 1) % count]
        held_out = np.concatenate([test.labels, validation.labels])
        folds.append((signatures.take(~np.isin(signatures.labels, held_out)), validation, test))
    return folds


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--towers", type=int, help=f"number of towers in the ensemble (default: {SETTINGS['towers']})")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint, to resume an interrupted run")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the signatures")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.resamples, options.selections = (5, 5) if options.quick else (1000, SELECTIONS)
    options.source = options.source or ("synthetic" if options.quick else "auto")
    small = {"synthetic_writers": 8, "pretraining_steps": 2, "steps": 2, "filters": (4, 4), "views": 2, "towers": 1}
    settings = SETTINGS | (small if options.quick else {})
    settings["towers"] = options.towers or settings["towers"]
    measuring.print_heading("Signatures", options.quick)
    from siamkeras import environment
    from siamkeras.applications.signatures import eer_difference, sigcomp2009

    signatures = sigcomp2009(size=settings["size"], source=options.source)
    larger = sigcomp2009(size=LARGER, source=options.source)
    folds, larger_folds = (in_folds(each, 3 if options.quick else FOLDS) for each in (signatures, larger))
    writers = [len(np.unique(test.labels)) for _, _, test in folds]
    print(f"{signatures}.\nWriters tested by the folds: {', '.join(map(str, writers))}.\n", flush=True)
    runs = [train_towers(folds, settings, seed, options.checkpoint) for seed in range(settings["towers"])]
    minutes = [run[2] for run in runs]

    def ensemble(number, part):
        return embed([fine_tuned[number] for _, fine_tuned, _ in runs], part, settings["views"])

    describe = {
        "pixels": lambda number, part: unit(part.images),
        "HOG": lambda number, part: hog_features(part),
        "tower, synthetic writers only": lambda number, part: embed([runs[0][0]], part),
        "tower, fine-tuned": lambda number, part: embed([runs[0][1][number]], part),
        f"... {settings['views']} views": lambda number, part: embed([runs[0][1][number]], part, settings["views"]),
        f"... {len(runs)} towers": ensemble,
    }
    both = {name: evaluate(each, folds, options) for name, each in describe.items()}
    both["HOG, 64x128"] = evaluate(describe["HOG"], larger_folds, options)
    results = {name: numbers for name, (numbers, _) in both.items()}
    for protocol in PROTOCOLS:
        print_protocol(protocol, results)
    few = few_writers(both["tower, fine-tuned"][1]["three references, mean"], options)
    print("### Five test writers, skilled forgeries, one tower\n")
    rows = [[name, *(f"{value:.1%}" for value in values)] for name, values in few.items()]
    measuring.print_table(["", "median", "2.5 %", "97.5 %"], rows)
    differences = {}
    towers = [name for name in results if name not in (*BASELINES, "HOG, 64x128")]
    for protocol in PROTOCOLS:
        for name in towers:
            pair = [both[each][1][protocol] for each in (name, "HOG")]
            differences[f"{protocol}: {name}"] = {
                kind: eer_difference(*pair, kind, options.resamples) for kind in ("random", "skilled")
            }
    print("### Difference to HOG, points of EER\n")
    rows = [[name, *(repr(each)[4:] for each in kinds.values())] for name, kinds in differences.items()]
    measuring.print_table(["", "random", "skilled"], rows)
    print(f"Minutes of training, for each seed: {', '.join(f'{each:.1f}' for each in minutes)}.")
    for protocol in PROTOCOLS:
        own = both["tower, fine-tuned"][1][protocol]
        ends = [
            eer_difference(own, both[name][1][protocol], resamples=options.resamples).interval[1] for name in BASELINES
        ]
        reached = "yes" if max(ends) < 0 else "NO"
        print(f"{protocol}: EER against random forgeries below HOG and pixels, intervals exclude 0: {reached}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        to_hog = {name: {kind: each._asdict() for kind, each in kinds.items()} for name, kinds in differences.items()}
        content = {"machine": machine, "settings": settings, "test": repr(signatures), "writers_of_folds": writers}
        training.write_json(
            RESULTS, {**content, "minutes": minutes, "results": results, "five_writers": few, "to_hog": to_hog}
        )
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
