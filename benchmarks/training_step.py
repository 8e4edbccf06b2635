"""Throughput of training on pairs, compared with training a classifier.

With the same tower and the same number of images per step (128):

- `models.siamese(towers.conv(...))` with `losses.ContrastiveLoss`: 64 pairs;
- the tower with a softmax layer and categorical cross-entropy: 128 single images.

`fit` runs for some steps on a few batches in memory, interleaved, so that only the training step is measured. Processor
time per image is also reported; without a GPU it is more reliable on a busy machine. Runs on any backend:
`KERAS_BACKEND=jax python benchmarks/training_step.py`.

Target: the images per second of pairs are at least 0.95 of the classifier's.

    python benchmarks/training_step.py
"""

import time

import measuring
import numpy as np

TARGET = 0.95
SHAPE, PAIRS, CLASSES, BATCHES = (35, 35, 1), 64, 100, 4
FILTERS = ((64, 64, 64, 64), (16, 32, 64, 128))


def pair_model(filters):
    """A compiled Siamese model and its batches."""
    import keras

    from siamkeras import losses, models, towers

    model = models.siamese(towers.conv(SHAPE, filters=filters))
    model.compile(keras.optimizers.Adam(1e-4), losses.ContrastiveLoss(margin=0.5))
    rng = np.random.default_rng(0)
    left, right = rng.random((2, BATCHES, PAIRS, *SHAPE), "float32")
    return model, ({"left": left, "right": right}, rng.integers(0, 2, (BATCHES, PAIRS)).astype("float32"))


def classifier(filters):
    """A compiled classifier and its batches."""
    import keras

    from siamkeras import towers

    tower = towers.conv(SHAPE, filters=filters)
    model = keras.Model(tower.input, keras.layers.Dense(CLASSES, activation="softmax")(tower.output))
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    return model, (rng.random((BATCHES, 2 * PAIRS, *SHAPE), "float32"), rng.integers(0, CLASSES, (BATCHES, 2 * PAIRS)))


def trainer(model, batches, steps):
    """A function that trains for some steps; it returns images per second and processor seconds per image."""
    import tensorflow as tf

    endless = tf.data.Dataset.from_tensor_slices(batches).cache().repeat().prefetch(2)

    def train():
        begin, processor = time.perf_counter(), time.process_time()
        model.fit(endless, steps_per_epoch=steps, verbose=0, shuffle=False)
        images = 2 * PAIRS * steps
        return images / (time.perf_counter() - begin), (time.process_time() - processor) / images

    train()  # traces and compiles
    return train


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--steps", type=int, default=20, help="steps per measurement (default: 20)")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each model (default: 7)")
    options = parser.parse_args()
    measuring.print_heading("Training step", options.quick)
    steps, rounds = (2, 2) if options.quick else (options.steps, options.rounds)
    rows = []
    for filters in ((4, 4),) if options.quick else FILTERS:
        makers = {"pairs": pair_model, "classifier": classifier}
        results = measuring.measure_interleaved(
            {name: trainer(*make(filters), steps) for name, make in makers.items()}, rounds
        )
        pairs, single = results["pairs"].T, results["classifier"].T
        rows.append([filters, measuring.median_and_range(pairs[0]), measuring.median_and_range(single[0])])
        rows[-1] += [
            measuring.compare_with_target(pairs[0] / single[0], TARGET),
            measuring.median_and_range(single[1] / pairs[1], 2),
        ]
    header = ["filters of the tower", "pairs, images/s", "classifier, images/s", f"pairs / classifier, >= {TARGET}"]
    measuring.print_table([*header, "ratio by processor time"], rows)


if __name__ == "__main__":
    main()
