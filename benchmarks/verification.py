"""How well does the tower of lesson 2 tell characters apart that it has never seen, of alphabets it has never seen?

Contenders, by the Euclidean distance of their embeddings:

- pixels: the images themselves;
- the tower with the weights it begins with;
- the tower trained with `losses.ContrastiveLoss` on most of the background alphabets of Omniglot, in which each
  character turned by one, two and three quarters is three more classes.

The threshold of each is chosen on the other background alphabets, by equal error. The evaluation alphabets are looked
at once, with 10,000 pairs for each of two protocols: different pairs of any two characters, and of one alphabet, which
is harder. All intervals are 95 % bootstrap intervals, over pairs and over the alphabets of the left images: the second
says what to expect of other alphabets, and is the wider, honest one. TAR@1% is the share of same pairs that is accepted
where 1 % of different pairs are.

Target, after about two minutes of training on two cores, over all characters: AUC >= 0.97, equal error rate <= 8 %.
Without Omniglot, drawn glyphs stand in; their numbers compare with nothing.

    python benchmarks/verification.py --seeds 0 1 2 --checkpoint build/verification.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

SIZE, FILTERS, EMBEDDING_DIM = 28, (24, 48, 96, 192), 64
STEPS, STEPS_PER_EPOCH, BATCH_SIZE = 2200, 220, 64
MARGIN, LEARNING_RATE = 0.5, 3e-3  # The rate falls to 0 over all steps, along a cosine.
VALIDATION_SHARE = 1 / 6  # Of the background alphabets.
PAIRS, FALSE_ACCEPT_RATES = 10_000, (0.1, 0.01)
AUC_TARGET, EER_TARGET = 0.97, 0.08
PROTOCOLS = ("all characters", "within an alphabet")
RESULTS = Path(__file__).parent / "results" / "verification.json"


def turned(examples):
    """The images and labels, and those of every character turned by one, two and three quarters as other classes."""
    images = np.concatenate([np.rot90(examples.images, quarters, axes=(1, 2)) for quarters in range(4)])
    return images, np.concatenate([examples.labels + 10_000 * quarters for quarters in range(4)])


def trained(train, seed, settings, checkpoint=None):
    """A trained tower, and the minutes that it took; goes on where an interrupted training has left a checkpoint."""
    import keras

    from siamkeras import generators, losses, models, towers

    def build():
        tower = towers.conv(train.images.shape[1:], EMBEDDING_DIM, settings["filters"])
        model = models.siamese(tower)
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
        model.compile(keras.optimizers.Adam(schedule), losses.ContrastiveLoss(settings["margin"]))
        return model

    def pairs(done):
        return generators.pairs(*turned(train), settings["batch_size"], seed=seed, start=done)

    keras.utils.set_random_seed(seed)
    path = checkpoint.with_name(f"{checkpoint.stem}-{seed}.keras") if checkpoint else None
    model, seconds, _ = training.train(f"seed {seed}", build, pairs, settings, path, STEPS_PER_EPOCH)
    return models.tower_of(model), seconds / 60


def embedded_pairs(tower, examples, protocol, count, seed):
    """Distances, labels and the alphabet of the left image, of pairs whose images are embedded once each."""
    from siamkeras import distances
    from siamkeras.generators import _sampling

    groups = examples.groups if protocol == PROTOCOLS[1] else None
    table = _sampling.ClassTable.from_labels(examples.labels, groups)
    left, right, same = (np.asarray(each) for each in _sampling.pair_indices(table, count, seed, step=0))
    embeddings = tower.predict(examples.images, batch_size=256, verbose=0)
    distance = np.asarray(distances.euclidean(embeddings[left], embeddings[right]))
    return distance, same, examples.groups[left]


def measured(tower, validation, test, options):
    """The numbers of a tower on the test alphabets, for each protocol, with the threshold from validation."""
    from siamkeras import evaluation

    found = {}
    for protocol in PROTOCOLS:
        distance, same, _ = embedded_pairs(tower, validation, protocol, options.pairs, seed=1)
        threshold = evaluation.verification_from_distances(distance, same, resamples=0).threshold
        distance, same, alphabet = embedded_pairs(tower, test, protocol, options.pairs, seed=2)
        numbers = found[protocol] = {}
        for name, clusters in (("over pairs", None), ("over alphabets", alphabet)):
            report = evaluation.verification_from_distances(
                distance, same, threshold, far=FALSE_ACCEPT_RATES, clusters=clusters, resamples=options.resamples
            )
            keys = {"AUC": "auc", "EER": "eer"} | {f"TAR@{rate:.0%}": f"tar_at_{rate:g}" for rate in FALSE_ACCEPT_RATES}
            numbers[name] = {told: report.interval[key] for told, key in keys.items() if key in report.interval}
        numbers |= {"AUC": report.auc, "EER": report.eer}
        numbers |= {f"TAR@{rate:.0%}": report.tar_at_far[rate] for rate in FALSE_ACCEPT_RATES}
        numbers |= {"threshold": threshold, "FAR": report.far, "FRR": report.frr}
    return found


def print_protocol(protocol, towers):
    """Three lines for each tower: the numbers, and the two intervals of each."""
    names = ["AUC", "EER", *(f"TAR@{rate:.0%}" for rate in FALSE_ACCEPT_RATES)]
    rows = []
    for tower, found in towers.items():
        numbers = found[protocol]
        rows.append([tower, *(told(name, numbers[name]) for name in (*names, "threshold", "FAR", "FRR"))])
        for interval in ("over pairs", "over alphabets"):
            known = [name for name in names if not np.isnan(numbers[name])]
            ends = {name: " to ".join(told(name, end) for end in numbers[interval][name]) for name in known}
            rows.append([f"... {interval}", *(ends.get(name, "") for name in names), "", "", ""])
    print(f"### Different pairs: {protocol}\n")
    measuring.print_table(["", *names, "threshold", "FAR", "FRR"], rows)


def told(name, value):
    if np.isnan(value):
        return "too few pairs"
    return f"{value:.3f}" if name in ("AUC", "threshold") else f"{value:.1%}"


def print_seeds(runs):
    """Each training, and the mean of all with their standard deviation."""
    names = [(protocol, name) for protocol in PROTOCOLS for name in ("AUC", "EER")]
    columns = {"minutes of training": [run["minutes"] for run in runs.values()]}
    for protocol, name in names:
        columns[f"{name}, {protocol}"] = [run["trained"][protocol][name] for run in runs.values()]
    values, digits = np.array(list(columns.values())), [1, *[4] * len(names)]
    rows = [[seed, *map(_number, row, digits)] for seed, row in zip(runs, values.T, strict=True)]
    if len(runs) > 1:
        rows.append(["mean", *map(_number, values.mean(axis=1), digits)])
        rows.append(["standard deviation", *map(_number, values.std(axis=1, ddof=1), digits)])
    print("### Trained towers\n")
    measuring.print_table(["seed", *columns], rows)


def _number(value, digits):
    return f"{value:.{digits}f}"


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"a multiple of {STEPS_PER_EPOCH} (default: {STEPS})")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="pairs in a batch")
    parser.add_argument("--filters", type=int, nargs="+", default=FILTERS, help="of each block of the tower")
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training for each")
    parser.add_argument("--checkpoint", type=Path, help="saved after each epoch, to go on from when interrupted")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the characters")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save is for whole runs, not for --quick.")
    options.pairs, options.resamples = (400, 20) if options.quick else (PAIRS, 1000)
    options.source = options.source or ("synthetic" if options.quick else "auto")
    if options.quick:
        options.steps, options.batch_size, options.filters = 4, 8, [4, 4]
    if options.steps < 1 or options.steps % min(STEPS_PER_EPOCH, options.steps):
        parser.error(f"--steps must be a multiple of {STEPS_PER_EPOCH}, or less. Received: {options.steps}.")
    return options


def main():
    options = arguments()
    import keras

    from siamkeras import data, environment, towers

    measuring.print_heading("Verification", options.quick)
    known, unknown = ("small1", "small2") if options.quick else ("background", "evaluation")
    train, validation = data.split_by_class(
        data.omniglot(known, size=SIZE, source=options.source), test=VALIDATION_SHARE, seed=0, by="groups"
    )
    kept = ("steps", "batch_size", "filters", "margin", "learning_rate")
    settings = {name: getattr(options, name) for name in kept} | {"train": repr(train)}
    print(f"Training: {train}. Settings: {', '.join(f'{name} {settings[name]}' for name in kept)}.")
    print(f"Threshold: {validation}.")
    keras.utils.set_random_seed(options.seeds[0])
    untrained = towers.conv(train.images.shape[1:], EMBEDDING_DIM, options.filters)
    fitted = {seed: trained(train, seed, settings, options.checkpoint) for seed in options.seeds}
    test = data.omniglot(unknown, size=SIZE, source=options.source)
    print(f"Measured once on: {test}; {options.pairs:,} pairs for each protocol.\n", flush=True)
    baselines = {
        "pixels": measured(towers.pixels(train.images.shape[1:]), validation, test, options),
        "untrained tower": measured(untrained, validation, test, options),
    }
    runs = {
        seed: {"minutes": minutes, "trained": measured(tower, validation, test, options)}
        for seed, (tower, minutes) in fitted.items()
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
