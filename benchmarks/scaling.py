"""Speed of shared streams, of embedding and of exact search, for galleries of a million images.

Streams, of one of two processes that train together on pairs:

- whole: every process makes the whole batch and keeps its half;
- ours: `generators.pairs(..., shard=(0, 2))`.

Embedding, with a convolutional tower for drawings of 35x35 pixels:

- Keras: `tower.predict(images, batch_size)`; for eight views, `predict` on a `tf.data` stream of the augmented images;
- ours: `retrieval.embed`.

Search for the 10 nearest of 1,000 queries among 1,000,000 embeddings of dimension 128, random directions:

- scikit-learn: `NearestNeighbors(algorithm="brute").kneighbors`;
- faiss: `IndexFlatL2.search`;
- ours: `retrieval.Index.nearest`, exact.

The peak memory of building an index is measured in a process of its own. Evaluation: `evaluation.retrieval` of 50,000
embeddings of dimension 128, all against all.

Targets: streams at 0.6 of the processor time; embedding at 0.9 of the speed of `predict`; search at 2 times the speed
of scikit-learn and 0.7 of faiss; at most 1.2 times the memory of the embeddings; evaluation in 60 seconds.

    python benchmarks/scaling.py
"""

import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import measuring
import numpy as np
from file_streams import write_images
from pair_streams import resident

STREAM_TARGET = 0.6
PREDICT_TARGET, SKLEARN_TARGET, FAISS_TARGET, MEMORY_TARGET, SECONDS_TARGET = 0.9, 2, 0.7, 1.2, 60
SHAPE, DIM, K, VIEWS = (35, 35, 1), 128, 10, 8


def streams(options):
    import keras

    from siamkeras import augmentation, data, generators

    count, batches, rounds = (64, 2, 2) if options.quick else (1_000, 40, 7)
    size = 64  # pairs of the two processes together
    images = np.random.default_rng(0).random((count, *SHAPE), "float32")

    def half(*batch):
        return keras.tree.map_structure(lambda x: x[: size // 2], batch)

    with tempfile.TemporaryDirectory() as folder:
        write_images(folder, count, side=128)
        files = data.image_paths(folder)
        cases = {
            "arrays": partial(generators.pairs, images, np.arange(count) % 20),
            "arrays, augmented": partial(
                generators.pairs, images, np.arange(count) % 20, augment=augmentation.affine()
            ),
            "files of 128x128": partial(generators.pairs, files.images, files.labels, load=data.load_image((96, 96))),
        }
        functions = {}
        for case, pairs in cases.items():
            for name, stream in (
                ("whole", pairs(batch_size=size).map(half)),
                ("ours", pairs(batch_size=size, shard=(0, 2))),
            ):
                functions[case, name] = partial(measuring.stream_rate, stream, size, batches)
        rates = measuring.measure_interleaved(functions, rounds)
    rows = []
    for case in cases:
        whole, ours = rates[case, "whole"], rates[case, "ours"]
        both = [measuring.median_and_range(each[:, 0]) for each in (whole, ours)]
        processor = measuring.compare_with_target(ours[:, 1] / whole[:, 1], STREAM_TARGET, at_least=False)
        rows.append([case, *both, measuring.median_and_range(ours[:, 0] / whole[:, 0], 2), processor])
    header = ["one of two processes", "whole, images/s", "ours, images/s", "ours / whole"]
    measuring.print_table([*header, f"processor time, < {STREAM_TARGET}"], rows)


def predict_views(tower, images, augment, batch_size):
    """The mean embedding of each image and its augmented copies, with `predict`."""
    import tensorflow as tf

    def views(index, image):
        seeds = tf.random.stateless_uniform((VIEWS - 1, 2), [0, index], None, None, tf.int32)
        return tf.stack([image, *(augment(image, seed) for seed in tf.unstack(seeds))])

    stream = tf.data.Dataset.from_tensor_slices((np.arange(len(images)), images))
    stream = stream.map(views, tf.data.AUTOTUNE).unbatch().batch(batch_size).prefetch(2)
    return tower.predict(stream, verbose=0).reshape(len(images), VIEWS, -1).mean(axis=1)


def embedding(options):
    from siamkeras import augmentation, retrieval, towers

    count, viewed, rounds = (64, 16, 2) if options.quick else (2_048, 256, 7)
    images = np.random.default_rng(0).random((count, *SHAPE), "float32")
    tower, augment = towers.conv(SHAPE, embedding_dim=64), augmentation.affine()
    functions = {}
    for size in (16, 256):
        functions["Keras", size, 1] = partial(tower.predict, images, size, verbose=0)
        functions["ours", size, 1] = partial(retrieval.embed, tower, images, batch_size=size)
        functions["Keras", size, VIEWS] = partial(predict_views, tower, images[:viewed], augment, size)
        functions["ours", size, VIEWS] = partial(
            retrieval.embed, tower, images[:viewed], batch_size=size, augment=augment, views=VIEWS
        )
    counts = {key: count if key[2] == 1 else viewed for key in functions}
    rates = measuring.measure_interleaved(
        {key: partial(measuring.rate, counts[key], 1, function) for key, function in functions.items()}, rounds
    )
    rows = []
    for (name, size, views), values in rates.items():
        if name == "ours":
            ratio = values[:, 0] / rates["Keras", size, views][:, 0]
            processor = rates["Keras", size, views][:, 1] / values[:, 1]
            both = [measuring.median_and_range(each[:, 0]) for each in (rates["Keras", size, views], values)]
            ratio = measuring.compare_with_target(ratio, PREDICT_TARGET)
            case = f"{views} view{'s' * (views > 1)}, batches of {size}"
            rows.append([case, *both, ratio, measuring.median_and_range(processor, 2)])
    header = ["", "Keras, images/s", "ours, images/s", f"ours / Keras, >= {PREDICT_TARGET}", "in processor time"]
    measuring.print_table(header, rows)


def unit_vectors(count, seed=0):
    """Random directions `(count, DIM)`, made without a copy, so that the peak memory is their own."""
    vectors = np.empty((count, DIM), "float32")
    rng = np.random.default_rng(seed)
    for start in range(0, count, 10_000):
        block = vectors[start : start + 10_000]
        rng.standard_normal(out=block, dtype="float32")
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def search(options):
    import faiss
    from sklearn.neighbors import NearestNeighbors

    from siamkeras import retrieval

    count, query_count, rounds = (3_000, 50, 2) if options.quick else (1_000_000, 1_000, 5)
    embeddings, queries = unit_vectors(count), unit_vectors(query_count, seed=1)
    brute, flat = NearestNeighbors(algorithm="brute").fit(embeddings), faiss.IndexFlatL2(DIM)
    flat.add(embeddings)
    index = retrieval.Index(embeddings)
    searches = {
        "scikit-learn": lambda: brute.kneighbors(queries, K)[1],
        "faiss, flat": lambda: flat.search(queries, K)[1],
        "ours": lambda: index.nearest(queries, K).index,
    }
    found = {name: search() for name, search in searches.items()}
    equal = {name: np.mean(indices == found["ours"]) for name, indices in found.items()}

    def rate(search):
        begin, begin_processor = time.perf_counter(), time.process_time()
        search()
        seconds = time.perf_counter() - begin
        return query_count / seconds, (time.process_time() - begin_processor) / query_count

    rates = measuring.measure_interleaved({name: partial(rate, each) for name, each in searches.items()}, rounds)
    rows = []
    for name, values in rates.items():
        wall, processor = rates["ours"][:, 0] / values[:, 0], values[:, 1] / rates["ours"][:, 1]
        target = {"scikit-learn": SKLEARN_TARGET, "faiss, flat": FAISS_TARGET}.get(name)
        compared = "" if target is None else f"{measuring.compare_with_target(wall, target)} (>= {target})"
        cells = [measuring.median_and_range(values[:, 0]), measuring.median_and_range(values[:, 1] * 1e6), compared]
        cells += [measuring.median_and_range(processor, 2) if target else "", f"{equal[name]:.4f}"]
        rows.append([name, *cells])
    header = ["", "queries/s", "processor, microseconds per query", "ours / this", "in processor time", "equal indices"]
    print(f"{K} nearest of {query_count:,} queries among {count:,} embeddings of dimension {DIM}.\n")
    measuring.print_table(header, rows)


def peak(distance, count):
    """Peak memory while an index is built, and the memory of its embeddings, in MB. Runs in its own process."""
    from siamkeras import retrieval

    embeddings = unit_vectors(1_000)
    retrieval.Index(embeddings, distance=distance).nearest(embeddings[:10])  # memory of the libraries
    before = resident("VmRSS")
    embeddings = unit_vectors(count)
    retrieval.Index(embeddings, distance=distance)
    return max(resident("VmHWM") - before, 0), embeddings.nbytes / 1e6


def memory(options):
    if not os.path.exists("/proc/self/status"):
        print("Memory was not measured: this system has no /proc/self/status.\n")
        return
    rows = []
    for distance in ("euclidean", "cosine"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            most, own = pool.submit(peak, distance, 10_000 if options.quick else 1_000_000).result()
        reached = "yes" if most <= MEMORY_TARGET * own else "NO"
        rows.append([distance, f"{own:,.0f}", f"{most:,.0f}", f"{most / own:.2f}, {reached}"])
    header = ["index, exact", "embeddings, MB", "peak of building, with them", f"ratio, <= {MEMORY_TARGET}"]
    measuring.print_table(header, rows)


def evaluate(options):
    from siamkeras import evaluation

    count, rows = 1_000 if options.quick else 50_000, []
    embeddings = unit_vectors(count)
    for classes in (count // 50, 10):
        begin, begin_processor = time.perf_counter(), time.process_time()
        evaluation.retrieval(embeddings, np.arange(count) % classes, resamples=0)
        seconds, processor = time.perf_counter() - begin, time.process_time() - begin_processor
        reached = "yes" if seconds <= SECONDS_TARGET else "NO"
        rows.append([f"{count:,} embeddings, {classes:,} classes", f"{seconds:.1f}, {reached}", f"{processor:.1f}"])
    measuring.print_table(["evaluation.retrieval", f"seconds, <= {SECONDS_TARGET}", "processor"], rows)


def main():
    parser = measuring.argument_parser(__doc__)
    parts = (streams, embedding, search, memory, evaluate)
    parser.add_argument("--part", choices=[part.__name__ for part in parts], help="only this part")
    options = parser.parse_args()
    measuring.print_heading("Scaling", options.quick)
    for part in parts:
        if options.part in (None, part.__name__):
            part(options)


if __name__ == "__main__":
    main()
