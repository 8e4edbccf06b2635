"""What is the best that two cores reach in thirty minutes of search among snacks, learning from a thousand photos?

Trained from nothing on the `validation` split of Matthijs/snacks, 955 photos of twenty snacks; each of the 952 photos
of the `test` split then searches among them. Contenders:

- pixels, and colour histograms;
- the tower of lesson 4, trained as there but for the momentum of its batch normalisation: 800 steps as a cosine
  classifier, 400 with the triplet loss;
- seven such towers of other seeds, 25 minutes on busy cores, their embeddings side by side; and with the colour
  histogram beside these.

`--two` are apples and bananas, the first part of lesson 4, trained five times, seeds 0 to 4; target: ten points of
recall@1 above the better of pixels and histogram. `--trials` compares what might help, 1,200 steps each, on a fifth of
the photos that is held out: every choice was made there. Test photos are looked at once, at the end. Intervals are 95 %
bootstrap intervals over queries.

Target: recall@1 of the best above that of the colour histogram, outside both intervals. Without the photos, drawn ones
stand in; their numbers compare with nothing.

    python benchmarks/snacks.py --two
    python benchmarks/snacks.py --trials
    python benchmarks/snacks.py --checkpoint build/snacks.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

EMBEDDING_DIM, KINDS = 64, 20
SETTINGS = {
    "towers": 1,
    "steps": 1200,
    "pretrained": 0.0,  # Share of the steps in which it is a cosine classifier, before the loss below.
    "loss": "triplet",
    "size": 48,
    "filters": (24, 48, 96, 192),
    "learning_rate": 2e-3,  # Falls to 0 along a cosine; a quarter of it after pretraining, and again.
    "weight_decay": 0.02,
    "classes": 16,
    "per_class": 4,
    "margin": 0.2,
    "momentum": 0.99,  # Of the averages of batch normalisation; 0.9 in lesson 4.
}
# Apples and bananas, as in lesson 4.
FRUITS = ["apple", "banana"]
TWO = SETTINGS | {"steps": 800, "classes": 2, "per_class": 16, "margin": 0.5, "momentum": 0.9}
TRIALS = {
    "triplet loss": {},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "cosine classifier": {"loss": "classifier"},
    "classifier for 800 steps, then triplets": {"pretrained": 2 / 3},
}
BEST = {"pretrained": 2 / 3, "towers": 7}
COLOURS = 0.5  # The length of the histogram beside an embedding of length 1; chosen on the held-out fifth too.
HEADER = ["", "minutes", "recall@1", "recall@5", "MAP@R"]
RESULTS = Path(__file__).parent / "results" / "snacks.json"


def photo_tower(settings):
    """The tower of lesson 4: blocks of a convolution, the average over places, an embedding of length 1."""
    import keras
    from keras import layers

    from siamkeras.layers import UnitLength

    inputs = x = keras.Input((settings["size"], settings["size"], 3))
    for width in settings["filters"]:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=settings["momentum"])(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, UnitLength()(layers.Dense(EMBEDDING_DIM, dtype="float32")(x)), name="tower")


def compiled(tower, settings):
    """The tower, or the tower under a classifier, ready to be trained."""
    import keras

    from siamkeras import losses, models

    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
    model = models.classifier(tower, KINDS) if settings["loss"] == "classifier" else tower
    loss = {
        "classifier": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "triplet": losses.TripletLoss(settings["margin"], mining="all"),
        "supervised contrastive": losses.SupervisedContrastiveLoss(),
    }[settings["loss"]]
    model.compile(optimizer, loss)
    return model


def stream(photos, settings, seed, start):
    from siamkeras import augmentation, generators

    light = augmentation.color_jitter(0.15, contrast=(1, 1), saturation=(1, 1))
    augment = augmentation.compose(augmentation.flip(), augmentation.crop(0.6), light)
    return generators.balanced(
        photos.images,
        photos.labels,
        settings["classes"],
        settings["per_class"],
        seed=seed,
        start=start,
        augment=augment,
    )


def fitted(name, photos, settings, checkpoint=None, seed=0):
    """A trained tower, and the minutes that it took."""
    import keras

    from siamkeras import models

    keras.utils.set_random_seed(seed)
    settings = {name: value for name, value in settings.items() if name != "towers"}  # this is one of them
    first = round(settings["pretrained"] * settings["steps"])
    stages = [settings | {"steps": settings["steps"] - first}]
    if first:
        later = stages[0] | {"learning_rate": settings["learning_rate"] / 4}
        stages = [settings | {"steps": first, "loss": "classifier"}, later]
    tower, seconds, before = photo_tower(settings), 0.0, 0
    for number, stage in enumerate(stages):
        path = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{seed}-{number}.keras")
        model, more, _ = training.train(
            f"{name}, seed {seed}, {stage['loss']}",
            lambda tower=tower, stage=stage: compiled(tower, stage),
            lambda done, before=before: stream(photos, settings, seed, before + done),
            stage,
            path,
        )
        tower, seconds, before = models.tower_of(model), seconds + more, before + stage["steps"]
    return tower, seconds / 60


def embedded(towers, photos):
    """Embeddings of several towers side by side, each the mean over a photo and its mirror image; of length 1."""
    from siamkeras import retrieval

    both = [
        retrieval.embed(tower, photos.images) + retrieval.embed(tower, photos.images[:, :, ::-1]) for tower in towers
    ]
    parts = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in both]
    return np.hstack(parts) / len(parts) ** 0.5


def with_colours(several, photos):
    from siamkeras import retrieval, towers

    colours = retrieval.embed(towers.histogram(photos.images.shape[1:]), photos.images)
    return np.hstack([embedded(several, photos), COLOURS * colours])


def measured(describe, queries, gallery):
    from siamkeras import evaluation

    return evaluation.retrieval(describe(queries), queries.labels, describe(gallery), gallery.labels, k=(1, 5))


def held_out(photos):
    """A fifth of the photos of each snack, and the others."""
    rng, chosen = np.random.default_rng(0), np.zeros(len(photos.labels), bool)
    for label in np.unique(photos.labels):
        places = rng.permutation(np.flatnonzero(photos.labels == label))
        chosen[places[: len(places) // 5]] = True
    return photos.take(chosen), photos.take(~chosen)


def cells(report):
    low, high = (f"{100 * end:.1f}" for end in report.interval["recall_at_1"])
    return [f"{report.recall_at_k[1]:.1%} [{low}, {high}]", f"{report.recall_at_k[5]:.1%}", f"{report.map_at_r:.1%}"]


def trials(options):
    from siamkeras import data

    rows, photos = [], data.snacks("validation", size=SETTINGS["size"], source=options.source)
    queries, photos = held_out(photos)
    for name in options.trials or TRIALS:
        settings = SETTINGS | TRIALS[name]
        found = [fitted(name, photos, settings, seed=seed) for seed in range(settings["towers"])]
        towers, minutes = [tower for tower, _ in found], sum(minutes for _, minutes in found)
        for what, describe in (("", embedded), (", with colours", with_colours)):
            report = measured(lambda part, towers=towers, describe=describe: describe(towers, part), queries, photos)
            rows.append([name + what, f"{minutes:.1f}", *cells(report)])
    print(f"### {len(queries.labels)} photos held out, searched among {len(photos.labels)} that were learned from\n")
    measuring.print_table(HEADER, rows)


def two_kinds(options):
    """Apples and bananas, trained and searched among 500 photos: the first place, by five trainings of lesson 4."""
    from siamkeras import data, retrieval, towers

    asked = {"classes": FRUITS, "size": TWO["size"], "source": options.source}
    photos, settings = data.snacks("train", **asked), TWO | ({"steps": 4} if options.quick else {})
    parts = {part: data.snacks(part, **asked) for part in ("validation", "test")}
    shape, rows, minutes = photos.images.shape[1:], [], 0.0
    hits = {part: {"pixels": [], "colour histogram": [], "trained tower": []} for part in parts}

    def ask(name, tower):
        for part, queries in parts.items():
            report = measured(lambda each: retrieval.embed(tower, each.images), queries, photos)
            hits[part][name].append(report.hits[:, 0] > 0)

    ask("pixels", towers.pixels(shape))
    ask("colour histogram", towers.histogram(shape))
    for seed in range(2 if options.quick else 5):
        tower, more = fitted("two kinds", photos, settings, options.checkpoint, seed)
        minutes += more
        ask("trained tower", tower)
    for part, found in hits.items():
        means = {name: np.mean(each, axis=0) for name, each in found.items()}
        for name, each in found.items():
            told = ", ".join(f"{100 * one.mean():.0f}" for one in each)
            above = means["trained tower"] - means[name]
            more = "" if name == "trained tower" else f"{100 * above.mean():+.1f} {interval(above)}"
            rows.append([part, name, told, f"{means[name].mean():.1%}", more])
    print(f"Learned from, and searched: {photos}; {minutes:.1f} minutes in all.\n")
    header = ["queries", "", "recall@1 of each training, %", "mean", "points of the tower above, 95 % interval"]
    measuring.print_table(header, rows)
    above = np.mean(hits["test"]["trained tower"]) - max(np.mean(hits["test"][name]) for name in list(hits["test"])[:2])
    print(f"Ten points above the better baseline on test photos: {'yes' if above >= 0.1 else 'NO'}.")


def interval(differences):
    """Percentile bootstrap over photos, in points."""
    rng = np.random.default_rng(0)
    drawn = differences[rng.integers(len(differences), size=(2000, len(differences)))].mean(axis=1)
    return "[{:.1f}, {:.1f}]".format(*(100 * np.quantile(drawn, (0.025, 0.975))))


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--trials", nargs="*", help="compare these, or all, on photos held out", metavar="NAME")
    parser.add_argument("--two", action="store_true", help="apples and bananas alone, as in lesson 4, five times")
    parser.add_argument("--checkpoint", type=Path, help="where training is kept, to go on after an interruption")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.source = "synthetic" if options.quick else "auto"
    settings = SETTINGS | BEST | ({"steps": 6, "towers": 2} if options.quick else {})
    measuring.print_heading("Search among snacks", options.quick)
    if options.trials is not None:
        trials(options)
        return
    if options.two:
        two_kinds(options)
        return
    from siamkeras import data, environment, retrieval, towers

    size, source = settings["size"], options.source
    photos, queries = (data.snacks(part, size=size, source=source) for part in ("validation", "test"))
    print(f"Learned from, and searched: {photos}.\nQueries: {queries}.\n", flush=True)
    found = [fitted("best", photos, settings, options.checkpoint, seed) for seed in range(settings["towers"])]
    several, minutes = [tower for tower, _ in found], np.cumsum([minutes for _, minutes in found])
    shape = photos.images.shape[1:]
    baselines = {"pixels": towers.pixels(shape), "colour histogram": towers.histogram(shape)}
    describe = {
        name: (0.0, lambda part, tower=tower: retrieval.embed(tower, part.images)) for name, tower in baselines.items()
    }
    for count in sorted({1, 2, 5, len(several)} & set(range(len(several) + 1))):
        name = "lesson 4, one tower" if count == 1 else f"{count} towers"
        describe[name] = minutes[count - 1], lambda part, count=count: embedded(several[:count], part)
    describe["best, with colours"] = minutes[-1], lambda part: with_colours(several, part)
    reports = {name: measured(each, queries, photos) for name, (_, each) in describe.items()}
    measuring.print_table(
        HEADER, [[name, f"{describe[name][0]:.1f}", *cells(report)] for name, report in reports.items()]
    )
    low, high = (reports[name].interval["recall_at_1"] for name in ("lesson 4, one tower", "colour histogram"))
    print(f"One tower is above the colour histogram outside both intervals: {'yes' if low[0] > high[1] else 'NO'}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        numbers = {
            name: {
                "minutes": float(describe[name][0]),
                "recall_at_k": report.recall_at_k,
                "map_at_r": report.map_at_r,
                "interval": report.interval,
            }
            for name, report in reports.items()
        }
        training.write_json(
            RESULTS, {"machine": machine, "settings": settings, "test": repr(queries), "found": numbers}
        )
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
