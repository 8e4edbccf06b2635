"""Time and memory of losses over all pairs or triplets of a batch, compared with pytorch-metric-learning.

Forward and backward pass on the CPU, for the same unit-length embeddings of 128 dimensions. The losses of siamkeras run
inside a `tf.function`, as in `fit`; those of pytorch-metric-learning are called as in its README. Measurements in one
process are interleaved. Peak memory is measured in a separate process for each loss, above the memory used before.

For large batches the triplets cannot all be stored: with 2,048 embeddings in classes of 32, pytorch-metric-learning
needs 8 GB; 4,096 embeddings do not fit into 24 GB. siamkeras computes the sum over all triplets by sorting; for 4,096
embeddings it is measured alone.

Targets: `hard`, supervised contrastive and multi-similarity at least as fast; `all` at least 3 times as fast, below
1 GB at 2,048 and below 2 GB at 4,096.

    pip install torch pytorch-metric-learning   # optional; without them only siamkeras is measured
    python benchmarks/batch_losses.py
"""

import gc
import importlib.util
import os
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context

import measuring
import numpy as np
from pair_streams import resident

DIM = 128
THEIRS = "pytorch-metric-learning"
# (Embeddings per batch, embeddings per class).
ALL = ((256, 4), (1024, 4), (1024, 32), (2048, 32), (4096, 32))
OTHERS = ((256, 4), (1024, 4), (2048, 32))
TARGETS = {"all": 3.0, "hard": 1.0, "supervised contrastive": 1.0, "multi-similarity": 1.0}
# Larger batches of pytorch-metric-learning with all triplets exceed the memory of most machines.
LARGEST_BATCH_OF_THEIRS = 2048
LIMITS = {2048: 1000, 4096: 2000}


def batch(n, per_class):
    embeddings = np.random.default_rng(0).normal(size=(n, DIM)).astype("float32")
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, np.arange(n) // per_class


def ours(name, n, per_class):
    """A function that computes the loss of siamkeras and its gradient, and returns the loss."""
    import tensorflow as tf

    from siamkeras import losses

    loss = {
        "all": losses.TripletLoss(0.2, "all"),
        "hard": losses.TripletLoss(0.2, "hard"),
        "supervised contrastive": losses.SupervisedContrastiveLoss(0.1),
        "multi-similarity": losses.MultiSimilarityLoss(),
    }[name]
    embeddings, labels = map(tf.constant, batch(n, per_class))

    @tf.function
    def step(embeddings, labels):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = loss(labels, embeddings)
        return value, tape.gradient(value, embeddings)

    def once():
        value, gradient = step(embeddings, labels)
        gradient.numpy()
        return float(value)

    return once


def theirs(name, n, per_class):
    """A function that computes the loss of pytorch-metric-learning and its gradient, and returns the loss."""
    import torch
    from pytorch_metric_learning import losses, miners

    torch.set_num_threads(os.cpu_count())
    triplets, miner = losses.TripletMarginLoss(margin=0.2), miners.BatchHardMiner()
    loss = {
        "all": triplets,
        "hard": lambda embeddings, labels: triplets(embeddings, labels, miner(embeddings, labels)),
        "supervised contrastive": losses.SupConLoss(temperature=0.1),
        "multi-similarity": losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
    }[name]
    embeddings, labels = map(torch.tensor, batch(n, per_class))

    def once():
        watched = embeddings.clone().requires_grad_(True)
        value = loss(watched, labels)
        value.backward()
        return float(value.detach())

    return once


def seconds(once):
    gc.collect()
    begin = time.perf_counter()
    once()
    return time.perf_counter() - begin


def peak(side, name, n, per_class):
    """Peak memory of two calls in MB, above that after a call with a small batch. Runs in its own process."""
    make = {"ours": ours, "theirs": theirs}[side]
    make(name, 16, 4)()
    before, once = resident("VmRSS"), make(name, n, per_class)
    once(), once()
    return resident("VmHWM") - before


def peak_in_a_new_process(*case):
    if not os.path.exists("/proc/self/status"):
        return float("nan")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak, *case).result()


def measure(name, n, per_class, rounds, with_theirs):
    """A row of the table, and the value of the loss in both libraries."""
    sides = {"ours": ours(name, n, per_class)}
    if with_theirs:
        sides["theirs"] = theirs(name, n, per_class)
    values = {side: once() for side, once in sides.items()}  # also warms up
    times = measuring.measure_interleaved(
        {side: (lambda once=once: seconds(once)) for side, once in sides.items()}, rounds
    )
    row = [name, f"{n:,}", per_class, measuring.median_and_range(1000 * times["ours"], 1)]
    if with_theirs:
        row.append(measuring.median_and_range(1000 * times["theirs"], 1))
        row.append(measuring.compare_with_target(times["theirs"] / times["ours"], TARGETS[name]))
    else:
        row += ["-", "-"]
    if name == "all":
        memory = peak_in_a_new_process("ours", name, n, per_class)
        limit = LIMITS.get(n)
        row.append(f"{memory:,.0f}" + ("" if limit is None else f" < {limit:,}: {'yes' if memory < limit else 'NO'}"))
        row.append(f"{peak_in_a_new_process('theirs', name, n, per_class):,.0f}" if with_theirs else "-")
    else:
        row += ["", ""]
    return row, values


def main():
    options = measuring.argument_parser(__doc__).parse_args()
    measuring.print_heading("Losses of a batch", options.quick)
    installed = all(importlib.util.find_spec(name) for name in ("torch", "pytorch_metric_learning"))
    versions = "not installed"
    if installed:
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in (THEIRS, "torch"))
    print(f"Compared with {THEIRS}: {versions}. Milliseconds for loss and gradient; memory in MB.\n", flush=True)
    compare = installed and not options.quick
    cases = [("all", *case) for case in ALL] + [(name, *case) for name in list(TARGETS)[1:] for case in OTHERS]
    if options.quick:
        cases = [(name, 64, 4) for name in TARGETS]
    rows, largest_difference = [], 0.0
    for name, n, per_class in cases:
        slow = name == "all" and n >= 2048
        with_theirs = compare and not (name == "all" and n > LARGEST_BATCH_OF_THEIRS)
        row, values = measure(name, n, per_class, 3 if slow or options.quick else 15, with_theirs)
        rows.append(row)
        # pytorch-metric-learning averages multi-similarity differently; the other formulas are the same.
        if with_theirs and name != "multi-similarity":
            difference = abs(values["ours"] - values["theirs"]) / values["theirs"]
            largest_difference = max(largest_difference, difference)
    header = ["loss", "batch", "per class", "siamkeras, ms", f"{THEIRS}, ms", "theirs / ours, >= target"]
    measuring.print_table([*header, "memory", "theirs"], rows)
    print("Targets: " + ", ".join(f"{name} {target:g}" for name, target in TARGETS.items()) + ".")
    if compare:
        print(f"Largest relative difference of the losses with the same formula: {largest_difference:.1e}.")


if __name__ == "__main__":
    main()
