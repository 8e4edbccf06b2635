"""The verifier of Koch, Zemel and Salakhutdinov (2015) on Omniglot, trained on pairs.

Trained on pairs of characters with cross-entropy. Evaluated by verification on 10,000 pairs of unseen alphabets, and on
the 400 official one-shot trials, in which the predicted class is that of the support image with the highest probability
of being the same. Published accuracy: 93.42 % of 10,000 pairs and 92.0 % of the trials, after 150,000 pairs with eight
augmented copies of each.

`--network koch` is the published network, 39 million parameters for images of 105x105 pixels; it needs a GPU for hours.
`koch_small` has the same structure for 28x28 pixels and trains in minutes. Differences from the paper:

- 25 of the 30 background alphabets are the training set and five the validation set, with all twenty writers; the paper
  trains on 30 of 40 alphabets by 12 writers and validates on the other ten.
- Adam with cosine decay of the learning rate; the paper uses momentum with learning rates and penalties per layer,
  found by a search and not reported.
- Pairs are sampled and augmented anew in each step. Both images are from the same alphabet, as in the trials.
- Verification uses pairs of the ten alphabets of the trials. The threshold is chosen on the validation alphabets; the
  paper uses 0.5.

    python benchmarks/koch.py --checkpoint build/koch-small.keras --save
    python benchmarks/koch.py --network koch --steps 20000 --checkpoint build/koch.keras --save

An interrupted training run resumes from its checkpoint. Without Omniglot, synthetic glyphs replace it; their results
are not comparable.
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


def build(network, settings):
    import keras

    from siamkeras import models, towers

    shape = (settings["size"], settings["size"], 1)
    verifier = models.verifier({"koch": towers.koch, "koch_small": towers.koch_small}[network](shape))
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    verifier.compile(keras.optimizers.Adam(schedule), "binary_crossentropy", metrics=["accuracy"])
    return verifier


def train_verifier(network, settings, train, validation, path, per_epoch):
    """A trained verifier, the minutes of training, and the curve with the accuracy on the validation alphabets."""
    import keras

    from siamkeras import augmentation, evaluation, generators

    augment = augmentation.affine(shift=settings["shift"])  # other parameters as published

    def stream(done):
        return generators.pairs(
            train.images, train.labels, settings["batch_size"], groups=train.groups, augment=augment, start=done
        )

    def check(model):
        report = evaluation.few_shot(
            model, *large_alphabets(validation), way=20, shot=1, query=1, episodes=100, method="nearest", seed=1
        )
        return {"one-shot": report.within}

    keras.utils.set_random_seed(0)
    model, seconds, curve = training.train(
        network, lambda: build(network, settings), stream, settings, path, per_epoch, check
    )
    return model, seconds / 60, curve


def large_alphabets(examples, way=20):
    """Images, labels and groups of the alphabets that have at least `way` characters."""
    large = [g for g in np.unique(examples.groups) if len(np.unique(examples.labels[examples.groups == g])) >= way]
    part = examples.take(np.isin(examples.groups, large))
    return part.images, part.labels, part.groups


def verify(model, validation, test, count):
    """Verification report on `count` pairs within alphabets, with the threshold of the validation alphabets."""
    from siamkeras import evaluation, generators

    def pairs(examples, seed):
        steps = count // 100
        return generators.pairs(examples.images, examples.labels, 100, steps, seed, groups=examples.groups)

    threshold = evaluation.verification(model, pairs(validation, 1), resamples=0).threshold
    return evaluation.verification(model, pairs(test, 2), threshold=threshold)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--network", choices=NETWORKS, default="koch_small")
    parser.add_argument("--steps", type=int, help="training steps, instead of the default of the network")
    parser.add_argument("--per-epoch", type=int, default=500, help="steps from one checkpoint to the next")
    parser.add_argument("--checkpoint", type=Path, help="file from which an interrupted training run resumes")
    parser.add_argument("--save", action="store_true", help="write the result file")
    options = parser.parse_args()
    source, settings = "synthetic" if options.quick else "auto", dict(NETWORKS[options.network])
    settings["steps"] = options.steps or (4 if options.quick else settings["steps"])
    if settings["steps"] % min(options.per_epoch, settings["steps"]):
        parser.error(
            f"--steps must be a multiple of {options.per_epoch} or less than it. Received: {settings['steps']}."
        )
    measuring.print_heading("Network of Koch et al.", options.quick)
    from siamkeras import data, environment, evaluation, towers

    size = settings["size"]
    background = data.omniglot("small1" if options.quick else "background", size=size, source=source)
    train, validation = data.split_by_class(background, test=2 / 5 if options.quick else 1 / 6, seed=0, by="groups")
    print(f"Training: {train}.\nValidation: {validation}.\nSettings: {options.network}, {settings}.\n", flush=True)
    model, minutes, curve = train_verifier(
        options.network, settings, train, validation, options.checkpoint, options.per_epoch
    )
    print("### 20-way one-shot accuracy within the validation alphabets\n")
    rows = [
        [each["steps"], f"{each['seconds'] / 60:.1f}", f"{each['loss']:.3f}", f"{each['one-shot']:.1%}"]
        for each in curve[:: max(1, len(curve) // 12)]
    ]
    measuring.print_table(["steps", "minutes", "loss", "one-shot"], rows)
    test = data.omniglot("small2" if options.quick else "evaluation", size=size, source=source)
    runs = data.omniglot_runs(size=size, source=source)
    names = {name: group for group, name in test.group_names.items()}
    ten = [names[name] for name in dict.fromkeys(runs.alphabets) if name in names]
    test = test.take(np.isin(test.groups, ten)) if ten else test
    print(f"### Test, measured once, after {minutes:.1f} minutes of training\n\n{test}; {runs}.\n", flush=True)
    pairs = 400 if options.quick else PAIRS
    methods = {"pixels": None, options.network.replace("_", " "): model}
    results, rows = {}, []
    for name, network in methods.items():
        one = evaluation.one_shot(
            towers.pixels((size, size, 1)) if network is None else network,
            runs,
            **({"distance": "euclidean"} if network is None else {}),
        )
        row = {"one-shot": (one.accuracy, one.interval["accuracy"])}
        if network is not None:
            report = verify(network, validation, test, pairs)
            row |= {
                "verification": (report.accuracy, report.interval["accuracy"]),
                "AUC": (report.auc, report.interval["auc"]),
                "EER": (report.eer, report.interval["eer"]),
            }
        results[name] = row
        rows.append([name, *(with_interval(row.get(key)) for key in ("one-shot", "verification", "AUC", "EER"))])
    rows.append(["Koch et al.", f"{PUBLISHED['one-shot']:.1%}", f"{PUBLISHED['verification']:.1%}", "", ""])
    columns = ["", "400 trials", f"accuracy, {pairs:,} pairs", "AUC", "EER"]
    measuring.print_table(columns, rows)
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": settings, "minutes": minutes, "results": results, "curve": curve}
        path = RESULTS / f"{options.network.replace('_', '-')}.json"
        training.write_json(path, content)
        print(f"Written: {path}", file=sys.stderr)


def with_interval(value):
    if value is None:
        return ""
    accuracy, (low, high) = value
    return f"{accuracy:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    main()
