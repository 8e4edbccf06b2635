"""Throughput and memory of pairs of images in memory.

60,000 images of 28x28 pixels (MNIST if available, otherwise random numbers), as float32 and as uint8:

- stream: `generators.pairs`, iterated in Python and inside a `tf.function`, as by `fit` on TensorFlow;
- loop, as in many tutorials: for each image, one partner of its class and one of another class by `random.choice`, all
  collected in a list and converted to one array. Measured from the labels to the complete float32 array;
- bare indexing: `images[left], images[right]` with precomputed indices. Images in uint8 are divided by 255, so that all
  methods return the same float32 values.

Two upper limits are reported below the table: one batch repeated by `tf.data`, and bare indexing of uint8 images
without the division. Peak memory above the images is measured in a separate process for each case.

Targets: at least 5 times the loop and 0.6 times bare indexing; less than 100 MB for any number of pairs.

    python benchmarks/pair_streams.py
"""

import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import measuring
import numpy as np

LOOP_TARGET, BARE_TARGET, MEGABYTES_TARGET = 5, 0.6, 100
SHAPE, CLASSES = (28, 28, 1), 10
BATCH_SIZES = (64, 256, 1024)
CHECKPOINTS = (100, 1_000, 10_000)
# Offset of the address from a multiple of 64 bytes. TensorFlow reads the aligned arrays of the loaders of `data` in
# place; numpy allocates large arrays with an offset of 16 bytes, and these are indexed by numpy.
OFFSETS = {"loaded": 0, "numpy": 16}


def loop_pairs(images, labels, anchors):
    """A positive and a negative pair for each of the first `anchors` images, by a Python loop."""
    members = {label: np.flatnonzero(labels == label).tolist() for label in np.unique(labels).tolist()}
    names = list(members)
    pairs, same = [], []
    for image, label in zip(images[:anchors], labels[:anchors].tolist(), strict=True):
        pairs.append([image, images[random.choice(members[label])]])
        same.append(1.0)
        other = random.choice(names)
        while other == label:
            other = random.choice(names)
        pairs.append([image, images[random.choice(members[other])]])
        same.append(0.0)
    pairs = np.array(pairs)
    if pairs.dtype == np.uint8:
        pairs = np.divide(pairs, 255, dtype="float32")
    return pairs, np.array(same, "float32")


def digits(count, source):
    """`(float32 images, labels, source)` of MNIST, or of random numbers of the same shape."""
    if source != "synthetic":
        from siamkeras import data

        try:
            mnist = data.mnist("train", source="real")
            return mnist.images[:count], mnist.labels[:count], mnist.source
        except (ConnectionError, ImportError) as error:
            print(f"{error}\n")
    rng = np.random.default_rng(0)
    return rng.random((count, *SHAPE), "float32"), rng.integers(0, CLASSES, count), "random numbers instead of MNIST"


def allocate(shape, dtype, array):
    """An empty array with the alignment of this kind of array."""
    from siamkeras._arrays import aligned_empty

    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return aligned_empty((OFFSETS[array] + size,), "uint8")[OFFSETS[array] :].view(dtype).reshape(shape)


def graph_rate(consume, stream, count, batches):
    iterator = iter(stream)
    consume(iterator, max(1, batches // 5))
    begin = time.perf_counter()
    consume(iterator, batches)
    return batches * count / (time.perf_counter() - begin), 0.0


def in_graph():
    """A function that consumes batches in a TensorFlow graph."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def consume(iterator, batches):
        for _ in tf.range(batches):
            next(iterator)

    return lambda iterator, batches: consume(iterator, tf.constant(batches))


def loop_rate(images, labels, anchors):
    begin = time.perf_counter()
    pairs, _ = loop_pairs(images, labels, anchors)
    return len(pairs) / (time.perf_counter() - begin), 0.0


def bare_rate(images, batch_size, batches, divided=False):
    indices = iter(np.random.default_rng(0).integers(0, len(images), (2 * batches, 2, batch_size)))

    def step():
        left, right = next(indices)
        pair = images[left], images[right]
        return [image.astype("float32") / 255 for image in pair] if divided else pair

    return measuring.rate(batch_size, batches, step)


def speed(options):
    import tensorflow as tf

    from siamkeras import generators

    images, labels, source = digits(2_000 if options.quick else 60_000, options.source)
    pairs, rounds, sizes = (2_048, 2, BATCH_SIZES[:1]) if options.quick else (100_000, 7, BATCH_SIZES)
    print(f"### Speed: {len(images):,} images, {source}\n")
    kinds = {"float32": images, "uint8": np.round(images * 255).astype("uint8")}
    functions, cases, consume = {}, [], in_graph()
    for size in sizes:
        batch = next(iter(generators.pairs(images, labels, batch_size=size)))
        repeated = tf.data.Dataset.from_tensors(batch).repeat()
        functions["tf.data", size] = partial(measuring.stream_rate, repeated, size, pairs // size)
    for kind, plain in kinds.items():
        functions["loop", kind] = partial(loop_rate, plain, labels, len(plain))
        for size in sizes:
            functions["bare", kind, size] = partial(bare_rate, plain, size, pairs // size, kind == "uint8")
            if kind == "uint8":
                functions["bytes", size] = partial(bare_rate, plain, size, pairs // size)
        for array in OFFSETS:
            copy = allocate(plain.shape, kind, array)
            copy[:] = plain
            for size in sizes:
                stream = generators.pairs(copy, labels, batch_size=size)
                functions[array, kind, size] = partial(measuring.stream_rate, stream, size, pairs // size)
                functions["graph", array, kind, size] = partial(graph_rate, consume, stream, size, pairs // size)
                cases.append((array, kind, size))
    rates = {key: value[:, 0] for key, value in measuring.measure_interleaved(functions, rounds).items()}
    rows, reached = [], []
    for array, kind, size in cases:
        stream, graph = rates[array, kind, size], rates["graph", array, kind, size]
        loop, bare = rates["loop", kind], rates["bare", kind, size]
        rows.append(
            [kind, array, size, *(measuring.median_and_range(each / 1000) for each in (stream, graph, loop, bare))]
        )
        rows[-1] += [
            measuring.compare_with_target(stream / loop, LOOP_TARGET, 1),
            measuring.compare_with_target(stream / bare, BARE_TARGET),
        ]
        rows[-1] += [measuring.median_and_range(graph / bare, 2)]
        reached.append((np.median(stream / loop) >= LOOP_TARGET, np.median(stream / bare) >= BARE_TARGET))
    header = ["images", "array", "batch", "stream, 1,000 pairs/s", "in a graph", "loop", "bare indexing"]
    header += [f"stream / loop, >= {LOOP_TARGET}", f"stream / bare, >= {BARE_TARGET}", "in a graph / bare"]
    measuring.print_table(header, rows)
    by_loop, by_bare = np.sum(reached, axis=0)
    print(
        f"At least {LOOP_TARGET} times the loop: {by_loop} of {len(reached)} rows; "
        f"{BARE_TARGET} times bare indexing: {by_bare}."
    )
    for name, text in (("tf.data", "One batch repeated by `tf.data`"), ("bytes", "Bare indexing without division")):
        limits = "; ".join(f"batch {size}: {measuring.median_and_range(rates[name, size] / 1000)}" for size in sizes)
        print(f"{text}, 1,000 pairs/s: {limits}.")
    print(flush=True)


def resident(field):
    """Current (`VmRSS`) or peak (`VmHWM`) resident memory of this process in MB; Linux only."""
    # `resource.getrusage(...).ru_maxrss` would not do: a new process inherits the maximum of its parent.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024 / 1e6


def peaks(method, batch_size, checkpoints, count):
    """Peak memory in MB above the images, after each number of batches. Runs in its own process."""
    if method != "loop":
        from siamkeras import generators

        tiny = np.zeros((20, *SHAPE), "float32")
        for _ in generators.pairs(tiny, np.arange(20) % 2, batch_size=4, steps=20):
            pass  # TensorFlow allocates its own memory before the measurement.
    images = allocate((count, *SHAPE), "float32", "numpy" if method == "loop" else method)
    images[:] = 1  # Pages are allocated on the first write.
    labels = np.arange(count) % CLASSES
    before, megabytes, done = resident("VmRSS"), [], 0
    if method == "loop":
        for batches in checkpoints:
            pairs, _ = loop_pairs(images, labels, min(count, batches * batch_size // 2))
            megabytes.append(max(resident("VmHWM") - before, 0) * batches * batch_size / len(pairs))
            del pairs
        return megabytes
    iterator = iter(generators.pairs(images, labels, batch_size=batch_size))
    for batches in checkpoints:
        for _ in range(batches - done):
            next(iterator)
        done = batches
        time.sleep(0.5)  # lets the buffers fill, as a slow training step does
        megabytes.append(max(resident("VmHWM") - before, 0))
    return megabytes


def memory(options):
    print("### Peak memory above the images, in MB\n")
    if not os.path.exists("/proc/self/status"):
        print("Memory was not measured: this system has no /proc/self/status.\n")
        return
    checkpoints, count = ((5, 10, 20), 2_000) if options.quick else (CHECKPOINTS, 60_000)
    cases = [(array, size) for array in OFFSETS for size in (64, 1024)]
    rows, highest = [], 0
    for method, size in [*cases[: 1 if options.quick else None], ("loop", 64)]:
        # Each case in a new process, so that earlier allocations do not count.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            megabytes = pool.submit(peaks, method, size, checkpoints, count).result()
        name = method if method == "loop" else f"stream, {method}"
        rows.append([f"{name}, {size} pairs in a batch", *(f"{value:,.0f}" for value in megabytes)])
        highest = max(highest, *megabytes) if method != "loop" else highest
    measuring.print_table(["", *(f"{number:,} batches" for number in checkpoints)], rows)
    print("Loop: more batches than one pass over the images has are extrapolated from one pass.")
    reached = "yes" if highest < MEGABYTES_TARGET else "NO"
    print(f"Streams stay below {MEGABYTES_TARGET} MB: {reached}, {highest:.0f} at most.\n", flush=True)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--source", choices=("auto", "synthetic"), help="synthetic: random numbers instead of MNIST")
    parser.add_argument("--part", choices=("memory", "speed"), help="only this part")
    options = parser.parse_args()
    options.source = options.source or ("synthetic" if options.quick else "auto")
    measuring.print_heading("Pair streams", options.quick)
    for part in (memory, speed):
        if options.part in (None, part.__name__):
            part(options)


if __name__ == "__main__":
    main()
