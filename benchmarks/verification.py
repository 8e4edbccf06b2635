"""Verification of unseen characters from unseen alphabets by a convolutional tower.

Methods, by the Euclidean distance of the embeddings:

- pixels: the images themselves;
- untrained tower: the tower with its initial weights;
- trained tower: trained with `losses.ContrastiveLoss` on 25 of the 30 background alphabets of Omniglot; each character
  rotated by 90, 180 and 270 degrees counts as three additional classes.

The threshold of each method is the equal-error threshold on the other background alphabets. The evaluation alphabets
are the test set, measured once, with 10,000 pairs for each of two protocols: negative pairs of any two characters, and
of two characters of the same alphabet, which are harder. Intervals are 95 % bootstrap intervals, over pairs and over
the alphabets of the left images; the latter show what to expect of other alphabets and are wider. TAR@1% is the
fraction of positive pairs accepted where 1 % of the negative pairs are.

Target, after about two minutes of training on two cores, over all characters: AUC >= 0.97, equal error rate <= 8 %.
Without Omniglot, synthetic glyphs replace it; their results are not comparable.

    python benchmarks/verification.py --seeds 0 1 2 --checkpoint build/verification.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

SIZE, FILTERS, EMBEDDING_DIM = 28, (24, 48, 96, 192), 64
STEPS, STEPS_PER_EPOCH, BATCH_SIZE = 2200, 220, 64
MARGIN, LEARNING_RATE = 0.5, 3e-3  # with cosine decay to 0
VALIDATION_SHARE = 1 / 6  # of the background alphabets
PAIRS, FALSE_ACCEPT_RATES = 10_000, (0.1, 0.01)
AUC_TARGET, EER_TARGET = 0.97, 0.08
PROTOCOLS = ("all characters", "within an alphabet")
RESULTS = Path(__file__).parent / "results" / "verification.json"


def with_rotated_characters(examples):
    """Images and labels; characters rotated by 90, 180 and 270 degrees are additional classes."""
    images = np.concatenate([np.rot90(examples.images, quarters, axes=(1, 2)) for quarters in range(4)])
    return images, np.concatenate([examples.labels + 10_000 * quarters for quarters in range(4)])


def train_tower(train, seed, settings, checkpoint=None):
    """A trained tower and the minutes of training; resumes from the checkpoint of an interrupted run."""
    import keras

    from siamkeras import generators, losses, models, towers

    def build():
        tower = towers.conv(train.images.shape[1:], EMBEDDING_DIM, settings["filters"], momentum=0.99)
        model = models.siamese(tower)
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
        model.compile(keras.optimizers.Adam(schedule), losses.ContrastiveLoss(settings["margin"]))
        return model

    def stream(done):
        return generators.pairs(*with_rotated_characters(train), settings["batch_size"], seed=seed, start=done)

    keras.utils.set_random_seed(seed)
    path = checkpoint.with_name(f"{checkpoint.stem}-{seed}.keras") if checkpoint else None
    model, seconds, _ = training.train(f"seed {seed}", build, stream, settings, path, STEPS_PER_EPOCH)
    return models.tower_of(model), seconds / 60


def embedded_pairs(tower, examples, protocol, count, seed):
    """Distances, labels and alphabets of the left images of `count` pairs; every image is embedded once."""
    from siamkeras import distances
    from siamkeras.generators import _sampling

    groups = examples.groups if protocol == PROTOCOLS[1] else None
    table = _sampling.ClassTable.from_labels(examples.labels, groups)
    left, right, same = (np.asarray(each) for each in _sampling.pair_indices(table, count, seed, step=0))
    embeddings = tower.predict(examples.images, batch_size=256, verbose=0)
    distance = np.asarray(distances.euclidean(embeddings[left], embeddings[right]))
    return distance, same, examples.groups[left]


def evaluate(tower, validation, test, options):
    """`{protocol: results}` of a tower on the test alphabets, with the threshold of the validation alphabets."""
    from siamkeras import evaluation

    results = {}
    for protocol in PROTOCOLS:
        distance, same, _ = embedded_pairs(tower, validation, protocol, options.pairs, seed=1)
        threshold = evaluation.verification_from_distances(distance, same, resamples=0).threshold
        distance, same, alphabet = embedded_pairs(tower, test, protocol, options.pairs, seed=2)
        numbers = results[protocol] = {}
        for name, clusters in (("over pairs", None), ("over alphabets", alphabet)):
            report = evaluation.verification_from_distances(
                distance, same, threshold, far=FALSE_ACCEPT_RATES, clusters=clusters, resamples=options.resamples
            )
            keys = {"AUC": "auc", "EER": "eer"} | {f"TAR@{rate:.0%}": f"tar_at_{rate:g}" for rate in FALSE_ACCEPT_RATES}
            numbers[name] = {column: report.interval[key] for column, key in keys.items() if key in report.interval}
        numbers |= {"AUC": report.auc, "EER": report.eer}
        numbers |= {f"TAR@{rate:.0%}": report.tar_at_far[rate] for rate in FALSE_ACCEPT_RATES}
        numbers |= {"threshold": threshold, "FAR": report.far, "FRR": report.frr}
    return results


def print_protocol(protocol, results_by_tower):
    """Prints three rows for each tower: the results and the two kinds of intervals."""
    names = ["AUC", "EER", *(f"TAR@{rate:.0%}" for rate in FALSE_ACCEPT_RATES)]
    rows = []
    for tower, results in results_by_tower.items():
        numbers = results[protocol]
        rows.append([tower, *(formatted(name, numbers[name]) for name in (*names, "threshold", "FAR", "FRR"))])
        for interval in ("over pairs", "over alphabets"):
            available = [name for name in names if not np.isnan(numbers[name])]
            ends = {name: " to ".join(formatted(name, end) for end in numbers[interval][name]) for name in available}
            rows.append([f"... {interval}", *(ends.get(name, "") for name in names), "", "", ""])
    print(f"### Negative pairs: {protocol}\n")
    measuring.print_table(["", *names, "threshold", "FAR", "FRR"], rows)


def formatted(name, value):
    if np.isnan(value):
        return "too few pairs"
    return f"{value:.3f}" if name in ("AUC", "threshold") else f"{value:.1%}"


def print_seeds(runs):
    """Prints the results of each training run, their mean and standard deviation."""
    names = [(protocol, name) for protocol in PROTOCOLS for name in ("AUC", "EER")]
    columns = {"minutes of training": [run["minutes"] for run in runs.values()]}
    for protocol, name in names:
        columns[f"{name}, {protocol}"] = [run["trained"][protocol][name] for run in runs.values()]
    values, digits = np.array(list(columns.values())), [1, *[4] * len(names)]
    rows = [[seed, *map(rounded, row, digits)] for seed, row in zip(runs, values.T, strict=True)]
    if len(runs) > 1:
        rows.append(["mean", *map(rounded, values.mean(axis=1), digits)])
        rows.append(["standard deviation", *map(rounded, values.std(axis=1, ddof=1), digits)])
    print("### Trained towers\n")
    measuring.print_table(["seed", *columns], rows)


def rounded(value, digits):
    return f"{value:.{digits}f}"


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"a multiple of {STEPS_PER_EPOCH} (default: {STEPS})")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="pairs in a batch")
    parser.add_argument("--filters", type=int, nargs="+", default=FILTERS, help="filters of each block of the tower")
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training run for each seed")
    parser.add_argument("--checkpoint", type=Path, help="file from which an interrupted training run resumes")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="source of the characters")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs a full run, without --quick.")
    options.pairs, options.resamples = (400, 20) if options.quick else (PAIRS, 1000)
    options.source = options.source or ("synthetic" if options.quick else "auto")
    if options.quick:
        options.steps, options.batch_size, options.filters = 4, 8, [4, 4]
    if options.steps < 1 or options.steps % min(STEPS_PER_EPOCH, options.steps):
        parser.error(f"--steps must be a multiple of {STEPS_PER_EPOCH} or less than it. Received: {options.steps}.")
    return options


def main():
    options = arguments()
    import keras

    from siamkeras import data, environment, towers

    measuring.print_heading("Verification", options.quick)
    training_part, test_part = ("small1", "small2") if options.quick else ("background", "evaluation")
    train, validation = data.split_by_class(
        data.omniglot(training_part, size=SIZE, source=options.source), test=VALIDATION_SHARE, seed=0, by="groups"
    )
    names = ("steps", "batch_size", "filters", "margin", "learning_rate")
    settings = {name: getattr(options, name) for name in names} | {"train": repr(train)}
    print(f"Training: {train}. Settings: {', '.join(f'{name} {settings[name]}' for name in names)}.")
    print(f"Threshold: {validation}.")
    keras.utils.set_random_seed(options.seeds[0])
    untrained = towers.conv(train.images.shape[1:], EMBEDDING_DIM, options.filters)
    towers_by_seed = {seed: train_tower(train, seed, settings, options.checkpoint) for seed in options.seeds}
    test = data.omniglot(test_part, size=SIZE, source=options.source)
    print(f"Test, measured once: {test}; {options.pairs:,} pairs for each protocol.\n", flush=True)
    baselines = {
        "pixels": evaluate(towers.pixels(train.images.shape[1:]), validation, test, options),
        "untrained tower": evaluate(untrained, validation, test, options),
    }
    runs = {
        seed: {"minutes": minutes, "trained": evaluate(tower, validation, test, options)}
        for seed, (tower, minutes) in towers_by_seed.items()
    }
    for protocol in PROTOCOLS:
        first = options.seeds[0]
        print_protocol(protocol, {**baselines, f"trained tower, seed {first}": runs[first]["trained"]})
    print_seeds(runs)
    auc, eer = (np.mean([run["trained"][PROTOCOLS[0]][name] for run in runs.values()]) for name in ("AUC", "EER"))
    print(f"AUC >= {AUC_TARGET}: {'yes' if auc >= AUC_TARGET else 'NO'}, {auc:.4f}.", end=" ")
    print(f"EER <= {EER_TARGET:.0%}: {'yes' if eer <= EER_TARGET else 'NO'}, {eer:.2%}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": settings, "test": repr(test), "pairs": options.pairs}
        training.write_json(RESULTS, {**content, "baselines": baselines, "seeds": runs})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
