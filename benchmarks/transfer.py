"""Retrieval of snacks with features from ImageNet: as they are, with a trained embedding on top, and fine-tuned.

All 4,838 photos of the `train` split of Matthijs/snacks are the training set and the gallery, the 952 photos of `test`
are the queries. Settings are chosen with the 955 photos of `validation` as queries (`--trials`). Methods:

- colour histograms, and the tower of `snacks.py` trained from scratch on all photos;
- features of `towers.pretrained("EfficientNetLite0")`, 224 pixels, the central seven eighths of each photo;
- a linear discriminant of these features with shrunken covariance (scikit-learn);
- a trained embedding: one linear layer on these features, five training runs of seeds 0 to 4;
- fine-tuned: all convolutions trained further from the embedding of seed 0, one training run.

Intervals are 95 % bootstrap intervals over queries. Targets: precision@5 at least 80 % and above that of the linear
discriminant, outside the paired interval; recall@1 among apples and bananas alone at least 97 %. Without the photos,
synthetic ones replace them; their results are not comparable.

    python benchmarks/transfer.py --trials
    python benchmarks/transfer.py --save

Features are cached in `build/snacks`, from which an interrupted run resumes.
"""

import datetime
import functools
import tempfile
import time
from pathlib import Path

import measuring
import numpy as np
import snacks
import training
from snacks import EMBEDDING_DIM, FRUITS, interval

SETTINGS = snacks.SETTINGS | {
    "size": 224,
    "views": 2,  # augmented copies of each training photo
    "steps": 2000,
    "loss": "in-batch softmax",
    "dropout": 0.3,
    "learning_rate": 1e-3,
    "classes": 20,
    "per_class": 8,
}
TRIALS = {
    "in-batch softmax, two augmented copies (selected)": {},
    "three augmented copies": {"views": 3},
    "no augmented copies": {"views": 0},
    "no augmented copies, 1,000 steps": {"views": 0, "steps": 1000},
    "no augmented copies, dropout 0.5": {"views": 0, "dropout": 0.5},
    "cosine classifier": {"loss": "classifier"},
    "triplet loss": {"loss": "triplet"},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "multi-similarity loss": {"loss": "multi-similarity"},
}
# Trained on random crops of 128 pixels; photos are embedded at 224 pixels.
FINE_TUNING = SETTINGS | {"size": 128, "steps": 120, "per_class": 3, "learning_rate": 1e-4}
HEADER = ["", "minutes", "recall@1", "precision@5", "MAP@R", "apple / banana"]
RESULTS = Path(__file__).parent / "results" / "transfer.json"
FEATURES = Path(__file__).parent.parent / "build" / "snacks"


@functools.lru_cache(maxsize=1)
def load_photos(part, size, quick):
    """The photos of a split, or every tenth synthetic photo."""
    from siamkeras import data

    photos = data.snacks(part, size=size, source="synthetic" if quick else "auto")
    return photos.take(np.arange(0, len(photos.labels), 10)) if quick else photos


def central_photos(part, size, quick):
    """Photos of `size` pixels, the central seven eighths of each, as in the training of the network."""
    photos = load_photos(part, round(size / 0.875), quick)
    first = (photos.images.shape[1] - size) // 2
    return photos._replace(images=photos.images[:, first : first + size, first : first + size])


def imagenet_features(part, view, settings, options):
    """Unit-length features of photos, as `Examples`, and the minutes; view 0 is the photo, the others are augmented."""
    from siamkeras import augmentation, retrieval, towers
    from siamkeras.data import Examples

    size = settings["size"]
    path = options.features / f"{part}-{size}-{view}.npz"
    partial = path.with_name(f"partial-{path.name}")
    if not path.exists():
        photos = (load_photos if view else central_photos)(part, size, options.quick)
        tower = towers.pretrained("EfficientNetLite0", options.weights, (size, size, 3))
        augment = augmentation.compose(augmentation.flip(), augmentation.crop(0.5), augmentation.color_jitter(0.2))
        features, minutes = np.empty((0, tower.output_shape[1]), "float32"), 0.0
        if partial.exists():
            with np.load(partial) as found:
                features, minutes = found["features"], float(found["minutes"])
        while len(features) < len(photos.labels):
            begin, start = time.perf_counter(), len(features)
            images = photos.images[start : start + 256]
            if view:
                images = np.stack([augment(image, seed=[view, start + i]) for i, image in enumerate(images)])
            features = np.concatenate([features, retrieval.embed(tower, images, batch_size=64)])
            minutes += (time.perf_counter() - begin) / 60
            np.savez(partial, features=features, labels=photos.labels, minutes=minutes)
        partial.replace(path)
    with np.load(path) as found:
        return Examples(found["features"], found["labels"]), float(found["minutes"])


def embedding_head(settings):
    """A linear tower from features to embeddings, with dropout."""
    import keras
    from keras import layers

    from siamkeras.layers import UnitLength

    inputs = keras.Input((1280,))
    x = layers.Dropout(settings["dropout"])(inputs)
    x = layers.Dense(EMBEDDING_DIM, use_bias=False, dtype="float32", name="embedding")(x)
    return keras.Model(inputs, UnitLength()(x), name="tower")


def feature_stream(features, settings, seed, start):
    """Balanced batches of features."""
    from siamkeras import generators

    classes, per_class = settings["classes"], settings["per_class"]
    return generators.balanced(features.images, features.labels, classes, per_class, seed=seed, start=start)


def train_head(name, gallery, settings, options, seed=0):
    """An embedding trained on the features of the gallery and of its augmented copies, and the minutes for both."""
    copies = [imagenet_features("train", view, settings, options) for view in range(1, settings["views"] + 1)]
    features = gallery._replace(
        images=np.concatenate([gallery.images, *(each.images for each, _ in copies)]),
        labels=np.tile(gallery.labels, 1 + len(copies)),
    )
    tower, minutes = snacks.train_tower(name, features, settings, None, seed, embedding_head, feature_stream)
    return tower, minutes + sum(minutes for _, minutes in copies)


def fine_tune(head, settings, options):
    """EfficientNet-Lite0 with this head, trained further, at the size of `settings`; and the minutes of training."""
    from siamkeras import augmentation, generators, towers

    tuning = FINE_TUNING | ({"steps": 2, "size": 32} if options.quick else {})
    photos = load_photos("train", tuning["size"], options.quick)
    augment = augmentation.compose(augmentation.flip(), augmentation.crop(0.4), augmentation.color_jitter(0.2))

    def build(settings):
        size = settings["size"]
        tower = towers.pretrained("EfficientNetLite0", options.weights, (size, size, 3), EMBEDDING_DIM)
        kernel = head.get_layer("embedding").get_weights()[0]
        tower.get_layer("embedding").set_weights([kernel, np.zeros(EMBEDDING_DIM)])
        return towers.unfreeze(tower)  # batch normalisation keeps the averages of ImageNet

    def stream(photos, settings, seed, start):
        arguments = photos.images, photos.labels, settings["classes"], settings["per_class"]
        return generators.balanced(*arguments, seed=seed, start=start, augment=augment)

    checkpoint = options.features / "fine-tuned.keras"
    tower, minutes = snacks.train_tower("fine-tuned", photos, tuning, checkpoint, build=build, stream=stream)
    larger = build(settings)
    larger.set_weights(tower.get_weights())
    return larger, minutes


def discriminant(gallery):
    """A linear discriminant with a shrunken covariance, as a function from features to embeddings."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(gallery.images, gallery.labels)
    return lambda each: model.transform(each.images)


def embed_with(tower):
    from siamkeras import retrieval

    return lambda examples: retrieval.embed(tower, examples.images, batch_size=64)


def scores(embed, queries, gallery):
    """Recall@1, precision@5 and average precision of each query, `(q, 3)`; recall@1 of apples and bananas alone."""
    report = snacks.evaluate(embed, queries, gallery)
    fruits = (each.take(each.labels < len(FRUITS)) for each in (queries, gallery))
    values = np.column_stack([report.hits[:, 0] > 0, report.hits[:, 1] / 5, report.average_precision])
    return values, snacks.evaluate(embed, *fruits).recall_at_k[1]


def means(runs):
    """Means of `scores` over training runs."""
    return np.mean([values for values, _ in runs], axis=0), np.mean([fruits for _, fruits in runs])


def cells(name, runs, minutes):
    """A row of the table: means over training runs, with intervals over queries in per cent."""
    values, fruits = means(runs)
    return [name, f"{minutes:.1f}", *(f"{each.mean():.1%} {interval(each)}" for each in values.T), f"{fruits:.1%}"]


def from_scratch(part, options):
    """Rows of the colour histogram and of a tower trained from scratch on all photos of the training split."""
    from siamkeras import towers

    settings = snacks.SETTINGS | snacks.BEST | {"towers": 1} | ({"steps": 3} if options.quick else {})
    gallery, queries = (load_photos(each, settings["size"], options.quick) for each in ("train", part))
    checkpoint = options.features / "from-scratch.keras"
    tower, minutes = snacks.train_tower("from scratch", gallery, settings, checkpoint)
    histogram = towers.histogram(gallery.images.shape[1:])
    return {
        "colour histogram": ([scores(embed_with(histogram), queries, gallery)], 0.0),
        "from scratch": ([scores(embed_with(tower), queries, gallery)], minutes),
    }


def fine_tuned(head, part, settings, options):
    """Row of the fine-tuned network; the minutes are those of its training."""
    from siamkeras.data import Examples

    tower, minutes = fine_tune(head, settings, options)
    gallery, queries = (
        Examples(embed_with(tower)(photos), photos.labels)
        for photos in (central_photos(each, settings["size"], options.quick) for each in ("train", part))
    )
    return [scores(lambda each: each.images, queries, gallery)], minutes


def paired_gain(rows, name, other):
    """Precision@5 of one method minus that of another, with its paired interval."""
    gain = means(rows[name][0])[0][:, 1] - means(rows[other][0])[0][:, 1]
    return f"{100 * gain.mean():+.1f} {interval(gain)}"


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--trials", nargs="*", help="compare these settings, or all, on validation", metavar="NAME")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.features = Path(tempfile.mkdtemp()) if options.quick else FEATURES
    options.features.mkdir(parents=True, exist_ok=True)
    options.weights = None if options.quick else "imagenet"
    settings = SETTINGS | ({"size": 32, "steps": 4, "views": 1} if options.quick else {})
    measuring.print_heading("Transfer from ImageNet to snacks", options.quick)
    on_validation = options.trials is not None
    part, seeds = ("validation", 2) if on_validation else ("test", 5)
    changes = {name: TRIALS[name] for name in options.trials or TRIALS} if on_validation else {"trained embedding": {}}
    rows = {} if on_validation else from_scratch(part, options)
    gallery, minutes = imagenet_features("train", 0, settings, options)
    queries, _ = imagenet_features(part, 0, settings, options)
    rows["EfficientNet-Lite0"] = [scores(lambda each: each.images, queries, gallery)], minutes
    rows["linear discriminant"] = [scores(discriminant(gallery), queries, gallery)], minutes
    for name, changed in changes.items():
        heads = [train_head(name, gallery, settings | changed, options, seed) for seed in range(seeds)]
        runs = [scores(embed_with(head), queries, gallery) for head, _ in heads]
        rows[name] = runs, minutes + np.mean([more for _, more in heads])
    if not on_validation or options.trials == []:
        rows["fine-tuned"] = fine_tuned(heads[0][0], part, settings, options)
    print(f"Gallery: {len(gallery.labels)} photos, train split. Queries: {len(queries.labels)} photos, {part} split.\n")
    measuring.print_table(HEADER, [cells(name, *row) for name, row in rows.items()])
    gains = {name: paired_gain(rows, name, "linear discriminant") for name in list(rows)[-2:]}
    for name, gain in gains.items():
        print(f"Precision@5 above the linear discriminant: {name} {gain} points.")
    if options.save:
        from siamkeras import environment

        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        results = {name: cells(name, *row)[1:] for name, row in rows.items()}
        each = [f"{run[:, 1].mean():.1%}" for run, _ in rows["trained embedding"][0]]
        content = {"machine": machine, "settings": settings, "fine-tuning": FINE_TUNING, "header": HEADER[1:]}
        content |= {"results": results, "precision@5 of each seed": each, "gain over the discriminant": gains}
        training.write_json(RESULTS, content)
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
