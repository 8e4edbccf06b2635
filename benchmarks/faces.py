"""Face verification of people who were not in the training set, and the effect of the number of training people.

The 400 AT&T faces, 40 people with 10 photos each, in four folds. Each fold tests every pair of photos of ten people
(450 same, 4,500 different); six other people choose the threshold and twenty-four are the training set. Methods:

- pixels: the Euclidean distance of two images;
- eigenfaces: the Euclidean distance of fifty principal components, fitted to the training set;
- trained tower: the tower of lesson 7;
- both: the concatenated embeddings of the tower and eigenfaces, the latter scaled to half the length.

Intervals are 95 % bootstrap intervals over people. One fold has too few different pairs for a false accept rate of
0.1 %. For all folds together, each distance is divided by the threshold of its fold, which gives 18,000 different pairs
with the threshold 1.

`--people` also trains on fewer people, in `--people-folds`. The tower, the loss and the augmentation were chosen on the
thirty people that fold 0 does not test (`--trials`). The test people of fold 0 therefore had no influence on these
choices; those of the other folds had, but not on the weights and thresholds of their own fold. "both" was added after
the results of the towers were known; its scale was chosen on the same thirty people.

Target: AUC >= 0.98 and equal error rate <= 6 %, averaged over the folds. Without the data set, synthetic faces replace
it; their results are not comparable.

    python benchmarks/faces.py --trials
    python benchmarks/faces.py --people 6 12 --people-folds 0 1 2 3 --checkpoint build/faces.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

FOLDS, VALIDATION_SHARE, SIZE = 4, 0.2, (56, 46)
EMBEDDING_DIM, COMPONENTS, PER_EPOCH = 64, 50, 350
EIGENFACE_LENGTH = 0.5  # relative to the embedding of the tower; compared with 1 on held-out people
SETTINGS = {
    "steps": 700,
    "classes": 16,
    "per_class": 4,
    "filters": (24, 48, 96, 192),
    "loss": "in-batch softmax",
    "temperature": 0.1,
    "learning_rate": 2e-3,  # with cosine decay to 0
    "weight_decay": 0.02,
    "augmentation": "strong",
    "more_people": True,  # each person upside down, in negative, and both are three additional people
}
# Shorter than the training runs of the folds; the trials are compared with each other only.
TRIAL = {"steps": 300}
TRIALS = {
    "final settings": {},
    "no more people": {"more_people": False},
    "mild augmentation, no more people": {"augmentation": "mild", "more_people": False},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "triplet loss": {"loss": "triplet"},
}
FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001)
AUC_TARGET, EER_TARGET = 0.98, 0.06
HEADER = ["", "AUC", "EER", *(f"TAR@{100 * rate:g}%" for rate in FALSE_ACCEPT_RATES), "FAR", "FRR"]
RESULTS = Path(__file__).parent / "results" / "faces.json"


def training_augmentation(name):
    """The augmentation of the training set, "mild" or "strong"."""
    from siamkeras import augmentation

    strength = {"mild": (12, 0.1, (0.9, 1.1), 3, 0.15), "strong": (15, 0.15, (0.8, 1.2), 4, 0.2)}[name]
    rotation, shear, scale, shift, brightness = strength
    return augmentation.compose(
        augmentation.flip(),
        augmentation.affine(rotation, shear, scale, shift),
        augmentation.color_jitter(brightness, contrast=(0.7, 1.4), saturation=(1, 1)),
    )


def train_tower(name, people, settings, seed=0, checkpoint=None):
    """A trained tower and the minutes of training; resumes from the checkpoint of an interrupted run."""
    import keras

    from siamkeras import generators, losses, towers

    def build():
        tower = towers.conv(people.images.shape[1:], EMBEDDING_DIM, settings["filters"], momentum=0.99)
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
        loss = {
            "in-batch softmax": losses.InBatchSoftmaxLoss(settings["temperature"]),
            "supervised contrastive": losses.SupervisedContrastiveLoss(settings["temperature"]),
            "triplet": losses.TripletLoss(0.2, mining="all"),
        }[settings["loss"]]
        tower.compile(optimizer, loss)
        return tower

    images, labels = with_more_people(people) if settings["more_people"] else (people.images, people.labels)
    classes = min(settings["classes"], len(np.unique(labels)))
    augment = training_augmentation(settings["augmentation"])

    def stream(start):
        return generators.balanced(
            images, labels, classes, settings["per_class"], seed=seed, start=start, augment=augment
        )

    keras.utils.set_random_seed(seed)
    settings = settings | {"training people": np.unique(people.labels).tolist()}
    path = checkpoint.with_name(f"{checkpoint.stem}-{name}.keras".replace(" ", "-")) if checkpoint else None
    tower, seconds, _ = training.train(name, build, stream, settings, path, PER_EPOCH)
    return tower, seconds / 60


def with_more_people(people):
    """Images and labels; every person upside down, in negative, and both counts as another person."""
    images, upside_down = people.images, people.images[:, ::-1]
    kinds = [images, upside_down, 1 - images, 1 - upside_down]
    return np.concatenate(kinds), np.concatenate([people.labels + 1000 * kind for kind in range(len(kinds))])


def embed_views(tower, images):
    """Unit-length embeddings with test-time augmentation: the mean over the photo and eight augmented copies."""
    from siamkeras import augmentation, retrieval

    augment = augmentation.compose(augmentation.flip(), augmentation.affine(8, 0.05, (0.9, 1.1), 2))
    mean = retrieval.embed(tower, images, views=9, augment=augment)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def eigenfaces(images):
    """Function from images to their coordinates along the principal components of `images`."""
    from sklearn.decomposition import PCA

    flat = images.reshape(len(images), -1)
    components = PCA(min(COMPONENTS, len(flat) - 1), random_state=0).fit(flat)
    return lambda images: components.transform(images.reshape(len(images), -1))


def concatenated(first, second):
    """Function from images to the concatenated embeddings of two methods, of length 1 and `EIGENFACE_LENGTH`."""

    def describe(images):
        parts = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first(images), second(images))]
        return np.hstack([parts[0], EIGENFACE_LENGTH * parts[1]])

    return describe


def split(people, fold):
    """`(train, validation, test)` of a fold; no person is in two of them."""
    from siamkeras import data

    rest, test = data.folds_by_class(people, folds=FOLDS, seed=0)[fold]
    return *data.split_by_class(rest, test=VALIDATION_SHARE, seed=fold), test


def fewer(people, count):
    """The photos of the first `count` people."""
    return people.take(np.isin(people.labels, np.unique(people.labels)[:count]))


def evaluate(describe, validation, test, resamples):
    """The report of the test people at the threshold of the validation people."""
    from siamkeras import evaluation

    chosen = evaluation.verification_from_embeddings(describe(validation.images), validation.labels, resamples=0)
    return evaluation.verification_from_embeddings(
        describe(test.images), test.labels, chosen.threshold, far=FALSE_ACCEPT_RATES, resamples=resamples
    )


def together(reports, tests, resamples):
    """One report of several folds; the distances are divided by the threshold of their fold."""
    from siamkeras import evaluation, generators

    clusters = []
    for test in tests:
        left, right, _ = generators.all_pairs(test.labels)
        clusters.append(np.stack([test.labels[left], test.labels[right]], axis=1))
    distance = np.concatenate([report.distances / report.threshold for report in reports])
    same = np.concatenate([report.same for report in reports])
    return evaluation.verification_from_distances(
        distance, same, 1.0, far=FALSE_ACCEPT_RATES, clusters=np.concatenate(clusters), resamples=resamples
    )


def numbers(report):
    """The results of a report for JSON; None where there are too few pairs."""
    results = {"AUC": report.auc, "EER": report.eer}
    results |= {f"TAR@{100 * far:g}%": None if np.isnan(tar) else tar for far, tar in report.tar_at_far.items()}
    results |= {"FAR": report.far, "FRR": report.frr, "threshold": report.threshold}
    keys = {"AUC": "auc", "EER": "eer"} | {f"TAR@{100 * far:g}%": f"tar_at_{far:g}" for far in FALSE_ACCEPT_RATES}
    return results | {"interval": {name: report.interval[key] for name, key in keys.items() if key in report.interval}}


def cells(results):
    """The cells of a table row for the results of `numbers`."""

    def cell(name):
        if results[name] is None:
            return "too few"
        scale, digits, sign = (1, 3, "") if name == "AUC" else (100, 1, "%")
        ends = [f"{scale * end:.{digits}f}" for end in results["interval"].get(name, ())]
        return f"{scale * results[name]:.{digits}f}{sign}" + (f" [{', '.join(ends)}]" if ends else "")

    return [cell(name) for name in HEADER[1:]]


def mean(results, name):
    return float(np.mean([each[name] for each in results]))


def trials(options):
    """Compares settings in three splits of the thirty people that fold 0 does not test."""
    from siamkeras import data, evaluation
    from siamkeras.applications import faces

    people = faces.att_faces(size=SIZE, source=options.source)
    rest, _ = data.folds_by_class(people, folds=FOLDS, seed=0)[0]
    rows = []
    for name in options.trials or TRIALS:
        reports, minutes = [], 0.0
        for number, (train, validation) in enumerate(data.folds_by_class(rest, folds=3, seed=1)):
            tower, more = train_tower(f"{name}, split {number}", train, options.settings | TRIAL | TRIALS[name])
            embeddings = embed_views(tower, validation.images)
            reports.append(evaluation.verification_from_embeddings(embeddings, validation.labels, resamples=0))
            minutes += more
        auc, eer = (np.mean([getattr(report, what) for report in reports]) for what in ("auc", "eer"))
        rows.append([name, f"{minutes:.1f}", f"{auc:.3f}", f"{eer:.1%}"])
        print(rows[-1], flush=True)
    print("### Three splits of thirty people: twenty for training, ten for validation\n")
    measuring.print_table(["", "minutes", "AUC", "EER"], rows)


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)), help="a selection of the four")
    parser.add_argument("--people", type=int, nargs="*", default=[], help="also train on these numbers of people")
    parser.add_argument("--people-folds", type=int, nargs="+", default=[0, 1], help="in these folds (default: 0 1)")
    parser.add_argument(
        "--trials", nargs="*", help="compare these settings, or all, on held-out people", metavar="NAME"
    )
    parser.add_argument("--checkpoint", type=Path, help="checkpoint, to resume an interrupted run")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs a full run, without --quick.")
    if not set(options.folds) <= set(range(FOLDS)) or any(count < 2 for count in options.people):
        parser.error(f"--folds are among 0 to {FOLDS - 1}, --people are at least 2.")
    options.source, options.resamples = ("synthetic", 20) if options.quick else ("auto", 1000)
    options.settings = SETTINGS | ({"steps": 3, "classes": 4, "filters": (4, 4)} if options.quick else {})
    if options.quick:
        options.folds, options.people = [0, 1], [4]
    return options


def main():
    options = arguments()
    from siamkeras import environment, retrieval, towers
    from siamkeras.applications import faces

    measuring.print_heading("Faces", options.quick)
    if options.trials is not None:
        trials(options)
        return
    people = faces.att_faces(size=SIZE, source=options.source)
    print(f"{people}. Folds: {options.folds}. Settings: {options.settings}.\n", flush=True)
    pixels = towers.pixels(people.images.shape[1:])
    results, reports, tests, minutes, curve = {}, {}, {}, {}, {}
    for fold in options.folds:
        train, validation, test = split(people, fold)
        tower, minutes[fold] = train_tower(f"fold {fold}", train, options.settings, fold, options.checkpoint)
        describe = {
            "pixels": lambda images: retrieval.embed(pixels, images),
            "eigenfaces": eigenfaces(train.images),
            "trained tower": lambda images, tower=tower: embed_views(tower, images),
        }
        describe["both"] = concatenated(describe["trained tower"], describe["eigenfaces"])
        tests[fold] = test
        reports[fold] = {name: evaluate(each, validation, test, options.resamples) for name, each in describe.items()}
        results[fold] = {name: numbers(report) for name, report in reports[fold].items()}
        print(f"### Fold {fold}: {len(np.unique(train.labels))} people in training, {minutes[fold]:.1f} minutes\n")
        measuring.print_table(HEADER, [[name, *cells(each)] for name, each in results[fold].items()])
        if fold not in options.people_folds:
            continue
        for count in options.people:
            some = fewer(train, count)
            tower, _ = train_tower(f"fold {fold}, {count} people", some, options.settings, fold, options.checkpoint)
            report = evaluate(
                lambda images, tower=tower: embed_views(tower, images), validation, test, options.resamples
            )
            curve.setdefault(count, {})[fold] = numbers(report)
        curve.setdefault(len(np.unique(train.labels)), {})[fold] = results[fold]["trained tower"]
    whole = {
        name: numbers(together([reports[fold][name] for fold in reports], list(tests.values()), options.resamples))
        for name in next(iter(reports.values()))
    }
    print(f"### {len(tests)} folds together, distances divided by the threshold of the fold\n")
    measuring.print_table(HEADER, [[name, *cells(each)] for name, each in whole.items()])
    print("### Number of people in the training set\n")
    rows = [
        [f"{count} people", len(folds), f"{mean(folds.values(), 'AUC'):.3f}", f"{mean(folds.values(), 'EER'):.1%}"]
        for count, folds in sorted(curve.items())
    ]
    measuring.print_table(["training set", "folds", "AUC, mean", "EER, mean"], rows)
    auc, eer = (mean([each["trained tower"] for each in results.values()], name) for name in ("AUC", "EER"))
    print(f"AUC >= {AUC_TARGET}: {'yes' if auc >= AUC_TARGET else 'NO'}, {auc:.3f}.", end=" ")
    print(f"EER <= {EER_TARGET:.0%}: {'yes' if eer <= EER_TARGET else 'NO'}, {eer:.1%}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": options.settings, "people": repr(people), "minutes": minutes}
        training.write_json(RESULTS, {**content, "folds": results, "together": whole, "people_in_training": curve})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
