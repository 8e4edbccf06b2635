"""How well does a small tower tell people apart that it has never seen, and what does the number of people do?

The 400 AT&T faces, 40 people with 10 photos each, in four folds: in each, ten people are tested on every pair of their
photos (450 same, 4,500 different), six others choose the threshold, and twenty-four are learned from. Contenders:

- pixels: the Euclidean distance of two images;
- eigenfaces: of their fifty principal components, from the people that are learned from;
- the tower of lesson 7;
- both: its embeddings, and the eigenfaces beside them, of half the length.

Intervals are 95 % bootstrap intervals over people: of both people of each pair. At a false accept rate of 0.1 % there
are too few pairs in a fold. The last lines put the folds together: each distance is divided by the threshold of its
fold, so that 1 is where every fold decides, and 18,000 different pairs are counted.

`--people` trains on fewer people as well, for the error as a curve of their number, in `--people-folds`. The tower,
the loss and the distortions were chosen on people of the thirty that fold 0 does not test (`--trials`). So what fold 0
tests had no part in any choice; what the other folds test had, though not in the weights or thresholds of their own
fold. "both" was added when the numbers of the towers were known; its one number had been compared on the same thirty.

Target: AUC >= 0.98 and equal error rate <= 6 % in the mean of the folds. Without the faces, drawn ones stand in; their
numbers compare with nothing.

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
EIGENFACES = 0.5  # Their length beside an embedding of length 1; compared with 1 on people held out.
SETTINGS = {
    "steps": 700,
    "classes": 16,
    "per_class": 4,
    "filters": (24, 48, 96, 192),
    "loss": "in-batch softmax",
    "temperature": 0.1,
    "learning_rate": 2e-3,  # Falls to 0 along a cosine.
    "weight_decay": 0.02,
    "distortion": "strong",
    "more_people": True,  # Everybody upside down, in negative, and both, are three more people to be learned.
}
# Shorter than a training: they are compared with one another.
TRIAL = {"steps": 300}
TRIALS = {
    "as it is": {},
    "no more people": {"more_people": False},
    "mild distortions, no more people": {"distortion": "mild", "more_people": False},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "triplet loss": {"loss": "triplet"},
}
FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001)
AUC_TARGET, EER_TARGET = 0.98, 0.06
HEADER = ["", "AUC", "EER", *(f"TAR@{100 * rate:g}%" for rate in FALSE_ACCEPT_RATES), "FAR", "FRR"]
RESULTS = Path(__file__).parent / "results" / "faces.json"


def distortion(name):
    """How photos are distorted in training; mild or strong."""
    from siamkeras import augmentation

    strength = {"mild": (12, 0.1, (0.9, 1.1), 3, 0.15), "strong": (15, 0.15, (0.8, 1.2), 4, 0.2)}[name]
    turned, sheared, scaled, shifted, lit = strength
    return augmentation.compose(
        augmentation.flip(),
        augmentation.affine(turned, sheared, scaled, shifted),
        augmentation.color_jitter(lit, contrast=(0.7, 1.4), saturation=(1, 1)),
    )


def fitted(name, people, settings, seed=0, checkpoint=None):
    """A trained tower, and the minutes that it took; goes on where an interrupted training has left a checkpoint."""
    import keras

    from siamkeras import generators, losses, towers

    def build():
        tower = towers.conv(people.images.shape[1:], EMBEDDING_DIM, settings["filters"])
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
        loss = {
            "in-batch softmax": losses.InBatchSoftmaxLoss(settings["temperature"]),
            "supervised contrastive": losses.SupervisedContrastiveLoss(settings["temperature"]),
            "triplet": losses.TripletLoss(0.2, mining="all"),
        }[settings["loss"]]
        tower.compile(optimizer, loss)
        return tower

    images, labels = learned_from(people) if settings["more_people"] else (people.images, people.labels)
    classes = min(settings["classes"], len(np.unique(labels)))
    augment = distortion(settings["distortion"])

    def stream(done):
        return generators.balanced(
            images, labels, classes, settings["per_class"], seed=seed, start=done, augment=augment
        )

    keras.utils.set_random_seed(seed)
    settings = settings | {"trained on": np.unique(people.labels).tolist()}
    path = checkpoint.with_name(f"{checkpoint.stem}-{name}.keras".replace(" ", "-")) if checkpoint else None
    tower, seconds, _ = training.trained(name, build, stream, settings, path, PER_EPOCH)
    return tower, seconds / 60


def learned_from(people):
    """The photos and labels, and those of everybody upside down, in negative, and both, as other people."""
    images, upside_down = people.images, people.images[:, ::-1]
    kinds = [images, upside_down, 1 - images, 1 - upside_down]
    return np.concatenate(kinds), np.concatenate([people.labels + 1000 * kind for kind in range(len(kinds))])


def seen(tower, images):
    """Embeddings, each the mean over nine looks at a photo: as it is, and mirrored and moved a little; of length 1."""
    from siamkeras import augmentation, retrieval

    moved = augmentation.compose(augmentation.flip(), augmentation.affine(8, 0.05, (0.9, 1.1), 2))
    mean = retrieval.embed(tower, images, views=9, augment=moved)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def eigenfaces(images):
    """Function from images to their place along the principal components of `images`."""
    from sklearn.decomposition import PCA

    flat = images.reshape(len(images), -1)
    components = PCA(min(COMPONENTS, len(flat) - 1), random_state=0).fit(flat)
    return lambda images: components.transform(images.reshape(len(images), -1))


def beside(first, second):
    """Function from images to two descriptions side by side, each of length 1, the second times `EIGENFACES`."""

    def describe(images):
        parts = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first(images), second(images))]
        return np.hstack([parts[0], EIGENFACES * parts[1]])

    return describe


def split(people, fold):
    """`(train, validation, test)` of a fold; no person is in two of them."""
    from siamkeras import data

    rest, test = data.folds_by_class(people, folds=FOLDS, seed=0)[fold]
    return *data.split_by_class(rest, test=VALIDATION_SHARE, seed=fold), test


def fewer(people, count):
    """The photos of so many of the people."""
    return people.take(np.isin(people.labels, np.unique(people.labels)[:count]))


def measured(describe, validation, test, resamples):
    """The report of the test people, with the threshold from the validation people."""
    from siamkeras import evaluation

    chosen = evaluation.verification_from_embeddings(describe(validation.images), validation.labels, resamples=0)
    return evaluation.verification_from_embeddings(
        describe(test.images), test.labels, chosen.threshold, far=FALSE_ACCEPT_RATES, resamples=resamples
    )


def together(reports, tests, resamples):
    """One report of several folds, whose distances are in units of the threshold of each."""
    from siamkeras import evaluation

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
    """What a report says, as JSON keeps it; None where there are too few pairs."""
    found = {"AUC": report.auc, "EER": report.eer}
    found |= {f"TAR@{100 * far:g}%": None if np.isnan(tar) else tar for far, tar in report.tar_at_far.items()}
    found |= {"FAR": report.far, "FRR": report.frr, "threshold": report.threshold}
    keys = {"AUC": "auc", "EER": "eer"} | {f"TAR@{100 * far:g}%": f"tar_at_{far:g}" for far in FALSE_ACCEPT_RATES}
    return found | {"interval": {name: report.interval[key] for name, key in keys.items() if key in report.interval}}


def cells(found):
    """The cells of a row, of what `numbers` gives."""

    def told(name):
        if found[name] is None:
            return "too few"
        scale, digits, sign = (1, 3, "") if name == "AUC" else (100, 1, "%")
        ends = [f"{scale * end:.{digits}f}" for end in found["interval"].get(name, ())]
        return f"{scale * found[name]:.{digits}f}{sign}" + (f" [{', '.join(ends)}]" if ends else "")

    return [told(name) for name in HEADER[1:]]


def mean(several, name):
    return float(np.mean([each[name] for each in several]))


def trials(options):
    """Each setting in three splits of the thirty people that fold 0 does not test."""
    from siamkeras import data, evaluation

    people = data.faces(size=SIZE, source=options.source)
    rest, _ = data.folds_by_class(people, folds=FOLDS, seed=0)[0]
    rows = []
    for name in options.trials or TRIALS:
        reports, minutes = [], 0.0
        for number, (train, validation) in enumerate(data.folds_by_class(rest, folds=3, seed=1)):
            tower, more = fitted(f"{name}, split {number}", train, options.settings | TRIAL | TRIALS[name])
            embeddings = seen(tower, validation.images)
            reports.append(evaluation.verification_from_embeddings(embeddings, validation.labels, resamples=0))
            minutes += more
        auc, eer = (np.mean([getattr(report, what) for report in reports]) for what in ("auc", "eer"))
        rows.append([name, f"{minutes:.1f}", f"{auc:.3f}", f"{eer:.1%}"])
        print(rows[-1], flush=True)
    print("### Three splits of thirty people: twenty learned from, ten measured\n")
    measuring.print_table(["", "minutes", "AUC", "EER"], rows)


def arguments():
    parser = measuring.arguments(__doc__)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)), help="some of the four")
    parser.add_argument("--people", type=int, nargs="*", default=[], help="train on so many people as well")
    parser.add_argument("--people-folds", type=int, nargs="+", default=[0, 1], help="in these folds (default: 0 1)")
    parser.add_argument(
        "--trials", nargs="*", help="compare these settings, or all, on people held out", metavar="NAME"
    )
    parser.add_argument("--checkpoint", type=Path, help="where training is kept, to go on after an interruption")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save is for whole runs, not for --quick.")
    if not set(options.folds) <= set(range(FOLDS)) or any(count < 2 for count in options.people):
        parser.error(f"--folds are among 0 to {FOLDS - 1}, --people are at least 2.")
    options.source, options.resamples = ("synthetic", 20) if options.quick else ("auto", 1000)
    options.settings = SETTINGS | ({"steps": 3, "classes": 4, "filters": (4, 4)} if options.quick else {})
    if options.quick:
        options.folds, options.people = [0, 1], [4]
    return options


def main():
    options = arguments()
    from siamkeras import data, environment, retrieval, towers

    measuring.print_heading("Faces", options.quick)
    if options.trials is not None:
        trials(options)
        return
    people = data.faces(size=SIZE, source=options.source)
    print(f"{people}. Folds: {options.folds}. Settings: {options.settings}.\n", flush=True)
    pixels = towers.pixels(people.images.shape[1:])
    found, reports, tests, minutes, curve = {}, {}, {}, {}, {}
    for fold in options.folds:
        train, validation, test = split(people, fold)
        tower, minutes[fold] = fitted(f"fold {fold}", train, options.settings, fold, options.checkpoint)
        describe = {
            "pixels": lambda images: retrieval.embed(pixels, images),
            "eigenfaces": eigenfaces(train.images),
            "trained tower": lambda images, tower=tower: seen(tower, images),
        }
        describe["both"] = beside(describe["trained tower"], describe["eigenfaces"])
        tests[fold] = test
        reports[fold] = {name: measured(each, validation, test, options.resamples) for name, each in describe.items()}
        found[fold] = {name: numbers(report) for name, report in reports[fold].items()}
        print(f"### Fold {fold}: learned from {len(np.unique(train.labels))} people, {minutes[fold]:.1f} minutes\n")
        measuring.print_table(HEADER, [[name, *cells(each)] for name, each in found[fold].items()])
        if fold not in options.people_folds:
            continue
        for count in options.people:
            some = fewer(train, count)
            tower, _ = fitted(f"fold {fold}, {count} people", some, options.settings, fold, options.checkpoint)
            report = measured(lambda images, tower=tower: seen(tower, images), validation, test, options.resamples)
            curve.setdefault(count, {})[fold] = numbers(report)
        curve.setdefault(len(np.unique(train.labels)), {})[fold] = found[fold]["trained tower"]
    whole = {
        name: numbers(together([reports[fold][name] for fold in reports], list(tests.values()), options.resamples))
        for name in next(iter(reports.values()))
    }
    print(f"### All folds together: {len(tests)}, in units of the threshold of each\n")
    measuring.print_table(HEADER, [[name, *cells(each)] for name, each in whole.items()])
    print("### What the number of people does\n")
    rows = [
        [f"{count} people", len(folds), f"{mean(folds.values(), 'AUC'):.3f}", f"{mean(folds.values(), 'EER'):.1%}"]
        for count, folds in sorted(curve.items())
    ]
    measuring.print_table(["learned from", "folds", "AUC, mean", "EER, mean"], rows)
    auc, eer = (mean([each["trained tower"] for each in found.values()], name) for name in ("AUC", "EER"))
    print(f"AUC >= {AUC_TARGET}: {'yes' if auc >= AUC_TARGET else 'NO'}, {auc:.3f}.", end=" ")
    print(f"EER <= {EER_TARGET:.0%}: {'yes' if eer <= EER_TARGET else 'NO'}, {eer:.1%}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": options.settings, "people": repr(people), "minutes": minutes}
        training.write(RESULTS, {**content, "folds": found, "together": whole, "people_in_training": curve})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
