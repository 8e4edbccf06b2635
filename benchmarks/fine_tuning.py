"""Few-shot classification with a pretrained tower, fine-tuned or not, and from scratch, on Omniglot.

A task has 20 characters of one alphabet with 1, 5 or 15 support images and 5 queries each. All methods see the same
support: the support of 1 shot is a part of that of 5, and this a part of that of 15. Compared are

- `pixels` and `prototypes`: the nearest class mean by cosine similarity, of the pixels and of the embeddings of
  `towers.pretrained("omniglot")`, without training;
- `new head`: a cosine softmax on the frozen pretrained tower, initialised with the prototypes;
- `last layers`: the head, the last convolution and the embedding layer are trained;
- `all layers`: the head and the whole tower are trained, with batch normalisation in inference mode;
- `from scratch`: the same network with random weights is trained.

All training runs have the same number of steps, the same number of augmented images in each step and a learning rate
that decreases linearly to 0. The initial learning rate of each method is the one with the highest accuracy in 5-shot
tasks of the validation alphabets, five background alphabets on which the tower was not trained. The test is measured
once: five seeds, each with another evaluation alphabet. A seed sets the task, the order and the augmentation of the
images, and the random weights. Without Omniglot, synthetic glyphs replace it; their results are not comparable.

    python benchmarks/fine_tuning.py
    python benchmarks/fine_tuning.py --save
"""

import datetime
import json
import time
import zlib
from pathlib import Path

import measuring
import numpy as np
import training

WAY, SHOTS, QUERIES, SEEDS = 20, (1, 5, 15), 5, 5
STEPS, PER_CLASS, SCALE = 100, 2, 16.0
# The initial learning rates to choose from.
RATES = {
    "new head": (1e-3, 3e-3, 1e-2),
    "last layers": (1e-4, 3e-4, 1e-3),
    "all layers": (3e-4, 1e-3, 3e-3),
    "from scratch": (2e-3, 4e-3, 8e-3),
}
CHOSEN_SHOT, VALIDATION_TASKS = 5, 2
RESULTS = Path(__file__).parent / "results" / "fine-tuning.json"


class Classifier:
    """A classifier that is compiled once and starts each task from its initial weights.

    Args:
        method: A name in `RATES`.
        way: Number of classes.
    """

    def __init__(self, method, way):
        import keras
        from keras import ops

        from siamkeras import models, towers

        self.pretrained = method != "from scratch"
        self.tower = towers.pretrained("omniglot")
        self.weights = self.tower.get_weights()
        if method == "new head":
            self.tower.trainable = False
        elif method == "last layers":
            towers.unfreeze(self.tower, layers=2)
        elif method == "all layers":
            towers.unfreeze(self.tower)
        self.model = models.classifier(self.tower, way, SCALE)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(), loss, jit_compile=False)  # faster on a CPU
        self.model.optimizer.build(self.model.trainable_variables)
        self.state = [ops.convert_to_numpy(variable) for variable in self.model.optimizer.variables]

    def fit(self, support, rate, seed, steps):
        """Trains on a support `(way, shot, ...)`."""
        self._reset(support, seed)
        for step, (images, labels) in enumerate(batches(support, seed, steps)):
            self.model.optimizer.learning_rate = rate * (1 - step / steps)
            self.model.train_on_batch(images, labels)

    def accuracy(self, queries):
        """Fraction of correct predictions for queries `(way, count, ...)`."""
        way, count = queries.shape[:2]
        logits = np.array(self.model(flat(queries), training=False))
        return float(np.mean(logits.argmax(axis=1) == np.repeat(np.arange(way), count)))

    def _reset(self, support, seed):
        """The pretrained tower with the prototypes as the head, or random weights."""
        import keras

        head = self.model.get_layer("cosine_classifier")
        if self.pretrained:
            self.tower.set_weights(self.weights)
            head.proxies.assign(class_means(np.array(self.tower(flat(support), training=False)), len(support)))
        else:
            keras.utils.set_random_seed(seed)
            self.tower.set_weights(keras.models.clone_model(self.tower).get_weights())
            head.proxies.assign(head.initializer(head.proxies.shape))
        for variable, value in zip(self.model.optimizer.variables, self.state, strict=True):
            variable.assign(value)


def flat(images):
    """`(way, count, ...)` as `(way * count, ...)`."""
    return images.reshape(-1, *images.shape[2:])


def class_means(vectors, way):
    return vectors.reshape(way, -1, vectors.shape[1]).mean(axis=1)


def batches(support, seed, steps):
    """Augmented batches with `PER_CLASS` images of each class; of fewer examples, copies are augmented."""
    from siamkeras import augmentation, generators

    way, shot = support.shape[:2]
    copies = -(-PER_CLASS // shot)
    labels = np.repeat(np.arange(way), copies * shot)
    augment = augmentation.affine(rotation=10, shear=0.2, scale=(0.85, 1.15), shift=1.5)
    images = flat(np.concatenate([support] * copies, axis=1))
    return generators.balanced(images, labels, way, PER_CLASS, steps, seed=seed, augment=augment)


def nearest_mean(support, queries, embed):
    """Accuracy of the nearest class mean by cosine similarity."""
    way, count = queries.shape[:2]
    means = class_means(embed(flat(support)), way)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    predicted = (embed(flat(queries)) @ means.T).argmax(axis=1)
    return float(np.mean(predicted == np.repeat(np.arange(way), count)))


def sample_tasks(examples, count, way, seed=0):
    """`count` tasks of different groups with at least `way` classes: `[(support, queries)]`, each `(way, n, ...)`."""
    random, tasks = np.random.default_rng(seed), []
    classes = {group: np.unique(examples.labels[examples.groups == group]) for group in np.unique(examples.groups)}
    large = [group for group, labels in classes.items() if len(labels) >= way]
    for group in random.permutation(large)[:count]:
        labels = random.choice(classes[group], way, replace=False)
        rows = np.array([random.permutation(np.flatnonzero(examples.labels == label))[:20] for label in labels])
        images = examples.images[rows]
        tasks.append((images[:, QUERIES:], images[:, :QUERIES]))
    return tasks


def choose(classifier, rates, tasks, steps):
    """Mean accuracy on the validation tasks for each learning rate, `{rate as text: accuracy}`."""
    accuracies = {}
    for rate in rates:
        results = []
        for seed, (support, queries) in enumerate(tasks):
            classifier.fit(support[:, :CHOSEN_SHOT], rate, seed, steps)
            results.append(classifier.accuracy(queries))
        accuracies[f"{rate:g}"] = float(np.mean(results))
    return accuracies


def train_and_test(classifier, rate, tasks, shots, steps):
    """`{shot: [accuracy for each task]}`; the number of a task is its seed."""
    results = {f"{shot}-shot": [] for shot in shots}
    for shot in shots:
        for seed, (support, queries) in enumerate(tasks):
            classifier.fit(support[:, :shot], rate, seed, steps)
            results[f"{shot}-shot"].append(classifier.accuracy(queries))
    return results


def without_training(tasks, shots):
    """Accuracies of the nearest class mean, `{name: {shot: [accuracy for each task]}}`."""
    from siamkeras import retrieval, towers

    tower, results = towers.pretrained("omniglot"), {}
    embeddings = {
        "pixels": lambda images: images.reshape(len(images), -1) / np.linalg.norm(images, axis=(1, 2)),
        "prototypes": lambda images: retrieval.embed(tower, images),
    }
    for name, embed in embeddings.items():
        results[name] = {
            f"{shot}-shot": [nearest_mean(support[:, :shot], queries, embed) for support, queries in tasks]
            for shot in shots
        }
    return results


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--save", action="store_true", help="write the result file after each method, and continue it")
    options = parser.parse_args()
    measuring.print_heading("Pretrained, fine-tuned and trained from scratch, on Omniglot", options.quick)
    from siamkeras import data, environment

    source = "synthetic" if options.quick else "auto"
    way, shots, steps, seeds = (3, (1, 5), 2, 1) if options.quick else (WAY, SHOTS, STEPS, SEEDS)
    background = data.omniglot("background", size=28, source=source)
    _, validation = data.split_by_class(background, test=1 / 6, seed=0, by="groups")
    test = data.omniglot("evaluation", size=28, source=source)
    print(f"Validation: {validation}.\nTest: {test}.\n", flush=True)
    tasks, validation_tasks = sample_tasks(test, seeds, way), sample_tasks(validation, VALIDATION_TASKS, way)
    settings = {"way": WAY, "queries": QUERIES, "steps": STEPS, "images": WAY * PER_CLASS, "scale": SCALE}
    settings |= {"rates": {name: list(rates) for name, rates in RATES.items()}, "tower": checksum()}
    machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
    content = {"machine": machine, "settings": settings, "validation": {}}
    content["results"] = without_training(tasks, shots)
    if options.save and RESULTS.exists():
        content = continued(settings)
    for name, rates in RATES.items():
        if name in content["results"]:
            continue
        begin, classifier = time.process_time(), Classifier(name, way)
        tried = content["validation"][name] = choose(classifier, rates, validation_tasks, steps)
        rate = float(max(tried, key=tried.get))
        content["results"][name] = train_and_test(classifier, rate, tasks, shots, steps)
        print(f"{name}: {time.process_time() - begin:.0f} s of processor time", flush=True)
        if options.save:
            training.write_json(RESULTS, content)
    print_results(content, way, shots)


def checksum():
    """CRC-32 of the weights of the pretrained tower: results of another tower must not be continued."""
    import siamkeras

    path = Path(siamkeras.__file__).parent / "towers" / "weights" / "omniglot.weights.h5"
    return zlib.crc32(path.read_bytes())


def continued(settings):
    """The content of the result file, which must have the same settings."""
    saved = json.loads(RESULTS.read_text(encoding="utf-8"))
    if saved["settings"] != settings:
        raise SystemExit(f"{RESULTS} has other settings. Remove it to begin again.")
    return saved


def print_results(content, way, shots):
    print(f"\n### Validation: {way}-way {CHOSEN_SHOT}-shot accuracy by initial learning rate\n")
    rows = []
    for name, tried in content["validation"].items():
        rows.append([name, ", ".join(f"{rate}: {accuracy:.1%}" for rate, accuracy in tried.items())])
    measuring.print_table(["method", "initial learning rate: accuracy"], rows)
    print(f"### Test: {way}-way accuracy within an alphabet; one number per seed, and the mean\n")
    rows = [[name, *map(per_seed, results.values())] for name, results in content["results"].items()]
    measuring.print_table(["method", *(f"{shot}-shot" for shot in shots)], rows)


def per_seed(values):
    return f"{', '.join(f'{100 * value:.0f}' for value in values)}; {np.mean(values):.1%}"


if __name__ == "__main__":
    main()
