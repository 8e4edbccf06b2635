"""How well does a tower tell genuine signatures from forgeries, of writers that it has never seen?

SigComp2009, 30 writers with 5 genuine signatures and 5 skilled forgeries each, in five folds. No hand is on both sides
of a fold: neither a writer nor a forger, who has imitated several writers. A fold tests 4 to 9 writers; the next one
chooses the threshold; the tower learns from the other three. So each writer is tested once.

Contenders, by the Euclidean distance of embeddings of length 1:

- pixels, and histograms of oriented gradients (HOG) of scikit-image, of the same images and of larger ones;
- the tower trained on drawn writers alone, of which there are as many as one wishes;
- that tower trained further on the writers of each fold, and two such of other seeds, each image seen in 8 ways.

Random forgeries (another writer's genuine signature) and skilled ones are told apart. Trials: all pairs; and every
choice of three references of each writer, against which the other signatures are compared by their mean distance, by
that to the nearest, and with a threshold of the writer's own. Intervals are 95 % bootstrap intervals over writers; a
difference to HOG is taken among the same writers each time.

What was trained and how long was chosen on drawn writers held out, and on the validation writers of the first fold.
Target: equal error rate of one tower against random forgeries below that of HOG and of pixels, the interval of the
difference without 0.

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
    "drawn": 600,  # Writers, with 6 genuine and 6 forged signatures each.
    "first": 1500,  # Steps on drawn writers.
    "steps": 300,  # On those of a fold.
    "rates": (3e-3, 1e-3),  # Each falls to 0 along a cosine.
    "towers": 2,
    "views": 8,
}
FOLDS, CLASSES, PER_CLASS = 5, 16, 4
PROTOCOLS = {
    "pairs": None,
    "three references, mean": {},
    "three references, nearest": {"combine": "nearest"},
    "three references, own threshold": {"own_threshold": True},
}
BASELINES = ("HOG", "pixels")
RESULTS = Path(__file__).parent / "results" / "signatures.json"
LARGER = (64, 128)
DRAWS, FEW = 1000, 5


def augment():
    from siamkeras import augmentation

    moved = augmentation.affine(rotation=5, shear=0.15, scale=(0.85, 1.1), shift=4, chance=0.6)
    return augmentation.compose(moved, augmentation.elastic(1.5, 8, chance=0.5), augmentation.stroke_width())


def stream(signatures, seed, start):
    """Batches of eight writers, the genuine signatures and the forgeries of each as two classes."""
    from siamkeras import generators

    classes = 2 * signatures.labels + ~signatures.genuine
    options = {"groups": signatures.labels, "seed": seed, "start": start, "augment": augment()}
    return generators.balanced(signatures.images, classes, CLASSES, PER_CLASS, **options)


def mirrored(signatures):
    """The signatures, and their mirror images left to right, upside down and both: of four times as many writers."""
    turned = [signatures.images[:, ::down, ::across] for down in (1, -1) for across in (1, -1)]
    labels = [signatures.labels + 1000 * number for number in range(4)]
    groups, genuine = np.tile(signatures.groups, 4), np.tile(signatures.genuine, 4)
    return signatures._replace(
        images=np.concatenate(turned), labels=np.concatenate(labels), groups=groups, genuine=genuine
    )


def compiled(tower, rate, steps):
    import keras

    from siamkeras import losses

    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    tower.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01), losses.SupervisedContrastiveLoss())
    return tower


def copied(tower):
    import keras

    twin = keras.models.clone_model(tower)
    twin.set_weights(tower.get_weights())
    return twin


def fitted(folds, settings, seed, checkpoint=None):
    """The tower of drawn writers, one for each fold, and the minutes that all took."""
    import keras

    from siamkeras import synthetic, towers

    keras.utils.set_random_seed(seed)
    kept = {name: settings[name] for name in ("size", "filters", "embedding_dim", "drawn", "rates")}

    def path(name):
        return checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{seed}-{name}.keras")

    def trained(name, build, signatures, steps):
        found, seconds, _ = training.trained(
            f"seed {seed}, {name}",
            build,
            lambda done: stream(signatures, seed, done),
            kept | {"steps": steps, "writers": len(np.unique(signatures.labels))},
            path(name),
            max(1, steps // 3),
        )
        return found, seconds / 60

    drawn = synthetic.signatures(settings["drawn"], 6, 6, settings["size"], seed=1 + seed)
    shape, first = drawn.images.shape[1:], settings["first"]
    one, minutes = trained(
        "drawn",
        lambda: compiled(
            towers.conv(shape, settings["embedding_dim"], settings["filters"]), settings["rates"][0], first
        ),
        drawn,
        first,
    )
    several, steps = [], settings["steps"]
    for number, (train, _, _) in enumerate(folds):
        tower, more = trained(
            f"fold-{number}", lambda: compiled(copied(one), settings["rates"][1], steps), mirrored(train), steps
        )
        several.append(tower)
        minutes += more
    return one, several, minutes


def embedded(towers, signatures, views=1):
    """Embeddings of several towers side by side, of length 1."""
    from siamkeras import retrieval

    options = {"views": views, "augment": augment()} if views > 1 else {}
    parts = [unit(retrieval.embed(tower, signatures.images, **options)) for tower in towers]
    return np.hstack(parts) / len(parts) ** 0.5


def gradients(signatures):
    """Histograms of oriented gradients: 9 directions in cells of 8 x 8 pixels, normalised over 2 x 2 cells."""
    from skimage.feature import hog

    return unit(np.stack([hog(image[..., 0], 9, (8, 8), (2, 2)) for image in signatures.images]))


def unit(vectors):
    flat = vectors.reshape(len(vectors), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def trials(embeddings, signatures, protocol):
    from siamkeras import evaluation

    options = PROTOCOLS[protocol]
    if options is None:
        return evaluation.signature_pairs(embeddings, signatures)
    return evaluation.enrolled(embeddings, signatures, references=3, **options)


def measured(describe, folds, options):
    """For each protocol: both equal error rates of all folds as one, and the errors with the folds' own thresholds.

    Args:
        describe: Function of the number of a fold and signatures to embeddings.
    """
    from siamkeras import evaluation

    found = {protocol: ([], []) for protocol in PROTOCOLS}
    for number, (_, validation, test) in enumerate(folds):
        chosen_on, asked = describe(number, validation), describe(number, test)
        for protocol, (parts, decided) in found.items():
            threshold = trials(chosen_on, validation, protocol).against("skilled", resamples=0).threshold
            parts.append(trials(asked, test, protocol))
            decided.append(parts[-1]._replace(distances=parts[-1].distances - threshold))
    numbers, kept = {}, {}
    for protocol, (parts, decided) in found.items():
        kept[protocol], given = evaluation.joined(parts), evaluation.joined(decided)
        numbers[protocol] = {}
        for kind in ("random", "skilled"):
            report = kept[protocol].against(kind, resamples=options.resamples)
            with_threshold = given.against(kind, threshold=0.0, resamples=0)
            numbers[protocol][kind] = {
                "eer": report.eer,
                "auc": report.auc,
                "interval": report.interval,
                "per_fold": [part.against(kind, resamples=0).eer for part in parts],
                "false_accepts": with_threshold.false_accepts,
                "false_rejects": with_threshold.false_rejects,
            }
    return numbers, kept


def trap(kept, options):
    """What five test writers make of one model, if the threshold is chosen on them: equal error rates and accuracies.

    Returns:
        `{name: (median, 2.5 %, 97.5 %)}` over draws of five writers.
    """
    rng, found = np.random.default_rng(0), []
    writers = np.unique(kept.writers)
    whole = kept.against("skilled", resamples=0)
    for _ in range(options.draws):
        five = rng.choice(writers, FEW, replace=False)
        is_few = np.isin(kept.writers, five)
        few = kept.of(is_few).against("skilled", resamples=0)
        others = kept.of(~is_few).against("skilled", resamples=0)
        honest = kept.of(is_few).against("skilled", threshold=others.threshold, resamples=0)
        found.append([few.eer, few.accuracy, honest.accuracy])
    names = ("EER of five", "accuracy, threshold chosen on the five", "accuracy, threshold of the other writers")
    quantiles = np.quantile(found, [0.5, 0.025, 0.975], axis=0).T.tolist()
    return {"EER of all": [whole.eer] * 3} | dict(zip(names, quantiles, strict=True))


def cell(numbers):
    low, high = (f"{100 * end:.1f}" for end in numbers["interval"].get("eer", (np.nan, np.nan)))
    return f"{numbers['eer']:.1%} [{low}, {high}]"


def print_protocol(protocol, found):
    rows = []
    for name, numbers in found.items():
        random, skilled = (numbers[protocol][kind] for kind in ("random", "skilled"))
        rates = skilled["false_rejects"], random["false_accepts"], skilled["false_accepts"]
        rows.append([name, cell(random), cell(skilled), *(f"{rate:.1%}" for rate in rates)])
    print(f"### {protocol.capitalize()}\n")
    measuring.print_table(["", "EER, random", "EER, skilled", "FRR", "FAR, random", "FAR, skilled"], rows)


def in_folds(signatures, count):
    """`(train, validation, test)` of each fold: what one fold tests, the one before chooses its threshold on."""
    from siamkeras import data

    tested = [test for _, test in data.folds_by_class(signatures, count, by="groups")]
    found = []
    for number, test in enumerate(tested):
        validation = tested[(number + 1) % count]
        away = np.concatenate([test.labels, validation.labels])
        found.append((signatures.take(~np.isin(signatures.labels, away)), validation, test))
    return found


def main():
    parser = measuring.arguments(__doc__)
    parser.add_argument("--towers", type=int, help=f"of other seeds (default: {SETTINGS['towers']})")
    parser.add_argument("--checkpoint", type=Path, help="where training is kept, to go on after an interruption")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the signatures")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.resamples, options.draws = (5, 5) if options.quick else (1000, DRAWS)
    options.source = options.source or ("synthetic" if options.quick else "auto")
    small = {"drawn": 8, "first": 2, "steps": 2, "filters": (4, 4), "views": 2, "towers": 1}
    settings = SETTINGS | (small if options.quick else {})
    settings["towers"] = options.towers or settings["towers"]
    measuring.print_heading("Signatures", options.quick)
    from siamkeras import data, environment, evaluation

    signatures = data.signatures(size=settings["size"], source=options.source)
    larger = data.signatures(size=LARGER, source=options.source)
    folds, larger_folds = (in_folds(each, 3 if options.quick else FOLDS) for each in (signatures, larger))
    writers = [len(np.unique(test.labels)) for _, _, test in folds]
    print(f"{signatures}.\nWriters tested by the folds: {', '.join(map(str, writers))}.\n", flush=True)
    runs = [fitted(folds, settings, seed, options.checkpoint) for seed in range(settings["towers"])]
    minutes = [run[2] for run in runs]

    def of_all(number, part):
        return embedded([several[number] for _, several, _ in runs], part, settings["views"])

    describe = {
        "pixels": lambda number, part: unit(part.images),
        "HOG": lambda number, part: gradients(part),
        "tower, drawn writers alone": lambda number, part: embedded([runs[0][0]], part),
        "tower, then real ones": lambda number, part: embedded([runs[0][1][number]], part),
        f"... {settings['views']} views": lambda number, part: embedded([runs[0][1][number]], part, settings["views"]),
        f"... {len(runs)} towers": of_all,
    }
    both = {name: measured(each, folds, options) for name, each in describe.items()}
    both["HOG, 64x128"] = measured(describe["HOG"], larger_folds, options)
    found = {name: numbers for name, (numbers, _) in both.items()}
    for protocol in PROTOCOLS:
        print_protocol(protocol, found)
    few = trap(both["tower, then real ones"][1]["three references, mean"], options)
    print("### Five test writers, skilled forgeries, one tower\n")
    rows = [[name, *(f"{value:.1%}" for value in values)] for name, values in few.items()]
    measuring.print_table(["", "median", "2.5 %", "97.5 %"], rows)
    differences = {}
    best = [name for name in found if name not in (*BASELINES, "HOG, 64x128")]
    for protocol in PROTOCOLS:
        for name in best:
            pair = [both[each][1][protocol] for each in (name, "HOG")]
            differences[f"{protocol}: {name}"] = {
                kind: evaluation.eer_difference(*pair, kind, options.resamples) for kind in ("random", "skilled")
            }
    print("### Difference to HOG, points of EER\n")
    rows = [[name, *(repr(each)[4:] for each in kinds.values())] for name, kinds in differences.items()]
    measuring.print_table(["", "random", "skilled"], rows)
    print(f"Minutes of training, for each seed: {', '.join(f'{each:.1f}' for each in minutes)}.")
    for protocol in PROTOCOLS:
        own = both["tower, then real ones"][1][protocol]
        ends = [
            evaluation.eer_difference(own, both[name][1][protocol], resamples=options.resamples).interval[1]
            for name in BASELINES
        ]
        told = "yes" if max(ends) < 0 else "NO"
        print(f"{protocol}: against random forgeries one tower is below HOG and pixels, intervals without 0: {told}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        to_hog = {name: {kind: each._asdict() for kind, each in kinds.items()} for name, kinds in differences.items()}
        content = {"machine": machine, "settings": settings, "test": repr(signatures), "writers_of_folds": writers}
        training.write(RESULTS, {**content, "minutes": minutes, "found": found, "five_writers": few, "to_hog": to_hog})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
