"""How far does the network of Koch, Zemel and Salakhutdinov (2015) come, by its own protocol?

Trained on pairs of characters with cross-entropy; then verification on 10,000 pairs of unseen alphabets, and the 400
official one-shot trials, in which a query is told as the class of the support image that is most probably the same.
Published: 93.42 % of 10,000 pairs are decided rightly, and 92.0 % of the trials, after 150,000 pairs with eight
distorted copies of each.

`--network koch` is the published one, 39 million numbers and 105 x 105 pixels, which wants a GPU for hours;
`koch_small` has its plan for 28 x 28 pixels, and learns in minutes. Other than in the paper:

- 25 of the 30 background alphabets are learned and five say how it goes, by all twenty drawers; the paper learned from
  30 of its 40 and from 12 drawers, and chose on ten others.
- Adam with a rate that falls along a cosine; the paper has momentum and a rate and penalty for each layer, which it
  searched and does not tell.
- Pairs are drawn and distorted anew in each step, both of one alphabet, as they are in the trials.
- Verification is on pairs of the ten alphabets of the trials. The threshold comes from the five; the paper's was 0.5.

    python benchmarks/koch.py --checkpoint build/koch-small.keras --save
    python benchmarks/koch.py --network koch --steps 20000 --checkpoint build/koch.keras --save

An interrupted training goes on where its checkpoint was written. Without Omniglot, drawn glyphs stand in; their numbers
compare with nothing.
"""

import datetime
import sys
from pathlib import Path

import measuring
import numpy as np
import training

NETWORKS = {
    "koch": {"size": 105, "steps": 20_000, "batch_size": 32, "learning_rate": 1e-4, "shift": 2.0},
    "koch_small": {"size": 28, "steps": 12_000, "batch_size": 64, "learning_rate": 2e-3, "shift": 2.0},
}
PAIRS, PUBLISHED = 10_000, {"verification": 0.9342, "one-shot": 0.92}
RESULTS = Path(__file__).parent / "results"


def compiled(network, settings):
    import keras

    from siamkeras import models, towers

    shape = (settings["size"], settings["size"], 1)
    verifier = models.verifier({"koch": towers.koch, "koch_small": towers.koch_small}[network](shape))
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    verifier.compile(keras.optimizers.Adam(schedule), "binary_crossentropy", metrics=["accuracy"])
    return verifier


def trained(network, settings, train, validation, path, per_epoch):
    """A verifier, the minutes that it took, and its accuracies on the validation alphabets on the way."""
    import keras

    from siamkeras import augmentation, evaluation, generators

    augment = augmentation.affine(shift=settings["shift"])  # The rest as published.

    def pairs(done):
        return generators.pairs(
            train.images, train.labels, settings["batch_size"], groups=train.groups, augment=augment, start=done
        )

    def check(model):
        report = evaluation.few_shot(
            model, *tasks(validation), way=20, shot=1, query=1, episodes=100, method="nearest", seed=1
        )
        return {"one-shot": report.within}

    keras.utils.set_random_seed(0)
    model, seconds, curve = training.train(
        network, lambda: compiled(network, settings), pairs, settings, path, per_epoch, check
    )
    return model, seconds / 60, curve


def tasks(examples, way=20):
    """Images, labels and groups of the alphabets that have as many characters."""
    large = [g for g in np.unique(examples.groups) if len(np.unique(examples.labels[examples.groups == g])) >= way]
    part = examples.take(np.isin(examples.groups, large))
    return part.images, part.labels, part.groups


def verified(model, validation, test, pairs):
    """Verification on pairs of one alphabet each, with intervals over pairs, and the threshold from validation."""
    from siamkeras import evaluation, generators

    def asked(examples, seed):
        steps = pairs // 100
        return generators.pairs(examples.images, examples.labels, 100, steps, seed, groups=examples.groups)

    threshold = evaluation.verification(model, asked(validation, 1), resamples=0).threshold
    return evaluation.verification(model, asked(test, 2), threshold=threshold)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--network", choices=NETWORKS, default="koch_small")
    parser.add_argument("--steps", type=int, help="of training, in place of those of the network")
    parser.add_argument("--per-epoch", type=int, default=500, help="steps from one checkpoint to the next")
    parser.add_argument("--checkpoint", type=Path, help="where training is kept, to go on after an interruption")
    parser.add_argument("--save", action="store_true", help="write the result file")
    options = parser.parse_args()
    source, settings = "synthetic" if options.quick else "auto", dict(NETWORKS[options.network])
    settings["steps"] = options.steps or (4 if options.quick else settings["steps"])
    if settings["steps"] % min(options.per_epoch, settings["steps"]):
        parser.error(f"--steps must be a multiple of {options.per_epoch}, or less. Received: {settings['steps']}.")
    measuring.print_heading("The network of Koch et al.", options.quick)
    from siamkeras import data, environment, evaluation, towers

    size = settings["size"]
    background = data.omniglot("small1" if options.quick else "background", size=size, source=source)
    train, validation = data.split_by_class(background, test=2 / 5 if options.quick else 1 / 6, seed=0, by="groups")
    print(f"Training: {train}.\nChoices: {validation}.\nSettings: {options.network}, {settings}.\n", flush=True)
    model, minutes, curve = trained(options.network, settings, train, validation, options.checkpoint, options.per_epoch)
    print("### Minutes of training against 20-way one-shot within the validation alphabets\n")
    told = curve[:: max(1, len(curve) // 12)]
    rows = [
        [each["steps"], f"{each['seconds'] / 60:.1f}", f"{each['loss']:.3f}", f"{each['one-shot']:.1%}"]
        for each in told
    ]
    measuring.print_table(["steps", "minutes", "loss", "one-shot"], rows)
    test = data.omniglot("small2" if options.quick else "evaluation", size=size, source=source)
    runs = data.omniglot_runs(size=size, source=source)
    names = {name: group for group, name in test.group_names.items()}
    ten = [names[name] for name in dict.fromkeys(runs.alphabets) if name in names]
    test = test.take(np.isin(test.groups, ten)) if ten else test
    print(f"### Measured once, after {minutes:.1f} minutes of training\n\n{test}; {runs}.\n", flush=True)
    pairs = 400 if options.quick else PAIRS
    networks = {"pixels": None, options.network.replace("_", " "): model}
    found, rows = {}, []
    for name, network in networks.items():
        one = evaluation.one_shot(
            towers.pixels((size, size, 1)) if network is None else network,
            runs,
            **({"distance": "euclidean"} if network is None else {}),
        )
        row = {"one-shot": (one.accuracy, one.interval["accuracy"])}
        if network is not None:
            report = verified(network, validation, test, pairs)
            row |= {
                "verification": (report.accuracy, report.interval["accuracy"]),
                "AUC": (report.auc, report.interval["auc"]),
                "EER": (report.eer, report.interval["eer"]),
            }
        found[name] = row
        rows.append([name, *(ended(row.get(key)) for key in ("one-shot", "verification", "AUC", "EER"))])
    rows.append(["Koch et al.", f"{PUBLISHED['one-shot']:.1%}", f"{PUBLISHED['verification']:.1%}", "", ""])
    columns = ["", "400 trials", f"right of {pairs:,} pairs", "AUC", "EER"]
    measuring.print_table(columns, rows)
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": settings, "minutes": minutes, "found": found, "curve": curve}
        path = RESULTS / f"{options.network.replace('_', '-')}.json"
        training.write_json(path, content)
        print(f"Written: {path}", file=sys.stderr)


def ended(value):
    if value is None:
        return ""
    accuracy, (low, high) = value
    return f"{accuracy:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    main()
