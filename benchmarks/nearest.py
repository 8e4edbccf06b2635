"""Speed, recall and memory of nearest-neighbour search in `retrieval.Index`.

The 10 nearest neighbours of 1,000 queries among 100,000 unit-length embeddings of dimension 64:

- scikit-learn: `NearestNeighbors(algorithm="brute").kneighbors`;
- exact: `retrieval.Index`;
- approximate: `retrieval.Index(method="approximate")`, which uses faiss.

Clustered embeddings resemble those of a trained tower: 2,000 overlapping classes that differ in 16 directions, with
noise in all 64; 8 of the 10 nearest neighbours have the class of the query. Random directions are the worst case: all
embeddings are about equally far apart.

Targets, for clustered embeddings: exact search is as fast as scikit-learn; approximate search is at least 10 times as
fast as exact search and finds at least 0.95 of its neighbours (recall@10). `scaling.py` compares exact search among a
million embeddings with faiss.

    python benchmarks/nearest.py
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import measuring
import numpy as np
from pair_streams import resident

EXACT_TARGET, FASTER_TARGET, RECALL_TARGET = 1.0, 10, 0.95
DIM, CLASSES, DIRECTIONS, K = 64, 2_000, 16, 10


def clustered(count, rng):
    classes = rng.normal(size=(CLASSES, DIRECTIONS))[rng.integers(0, CLASSES, count)]
    spread = classes + 0.5 * rng.normal(size=(count, DIRECTIONS))
    return spread @ rng.normal(size=(DIRECTIONS, DIM)) / 4 + 0.1 * rng.normal(size=(count, DIM))


def random_directions(count, rng):
    return rng.normal(size=(count, DIM))


def sample(distribution, count, query_count):
    """Unit-length float32 embeddings and queries from a distribution."""
    embeddings = distribution(count + query_count, np.random.default_rng(0))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype("float32")
    return embeddings[:count], embeddings[count:]


def build_index(embeddings, **options):
    """An index and the seconds to build it."""
    from siamkeras import retrieval

    begin = time.perf_counter()
    index = retrieval.Index(embeddings, **options)
    return index, time.perf_counter() - begin


def rows_for(distribution, name, count, query_count, rounds):
    """A table row for each method; the targets apply to clustered embeddings."""
    from sklearn.neighbors import NearestNeighbors

    embeddings, queries = sample(distribution, count, query_count)
    brute = NearestNeighbors(algorithm="brute").fit(embeddings)
    exact, _ = build_index(embeddings)
    approximate, build = build_index(embeddings, method="approximate")
    searches = {
        "scikit-learn": lambda: brute.kneighbors(queries, K),
        "exact": lambda: exact.nearest(queries, K),
        "approximate": lambda: approximate.nearest(queries, K),
    }
    functions = {name: partial(measuring.rate, query_count, 2, search) for name, search in searches.items()}
    results = measuring.measure_interleaved(functions, rounds)
    reference, exact_rate, approximate_rate = (values[:, 0] for values in results.values())
    recall = approximate.recall(queries, K)
    ratios = [
        measuring.median_and_range(exact_rate / reference, 2),
        measuring.median_and_range(approximate_rate / exact_rate, 1),
        f"{recall:.3f}",
    ]
    if distribution is clustered:
        ratios = [
            measuring.compare_with_target(exact_rate / reference, EXACT_TARGET),
            measuring.compare_with_target(approximate_rate / exact_rate, FASTER_TARGET, 1),
        ]
        ratios.append(f"{recall:.3f}, {'yes' if recall >= RECALL_TARGET else 'NO'}")
    columns = [[""] * 4, [ratios[0], "", "", ""], ["", *ratios[1:], f"{build:.1f}"]]
    return [
        [
            f"{method}, {name}",
            measuring.median_and_range(values[:, 0]),
            measuring.median_and_range(values[:, 1] * 1e6),
            *rest,
        ]
        for (method, values), rest in zip(results.items(), columns, strict=True)
    ]


def footprint(method, count):
    """Final and peak memory of an index in MB, above the embeddings. Runs in its own process."""
    embeddings, queries = sample(clustered, count, 100)
    build_index(embeddings[:1000].copy(), method=method)[0].nearest(queries, K)  # memory of the libraries
    before = resident("VmRSS")
    index, _ = build_index(embeddings, method=method)
    index.nearest(queries, K)
    return resident("VmRSS") - before, resident("VmHWM") - before


def print_memory(methods, count):
    if not os.path.exists("/proc/self/status"):
        print("Memory was not measured: this system has no /proc/self/status.\n")
        return
    rows = []
    for method in methods:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append([method, *(f"{value:,.0f}" for value in pool.submit(footprint, method, count).result())])
    measuring.print_table(["", f"MB above the {count * DIM * 4 / 1e6:,.0f} MB of the embeddings", "peak"], rows)


def main():
    options = measuring.argument_parser(__doc__).parse_args()
    measuring.print_heading("Nearest neighbours", options.quick)
    count, queries, rounds = (3_000, 50, 2) if options.quick else (100_000, 1_000, 15)
    print(f"{K} nearest of {queries:,} queries among {count:,} embeddings of dimension {DIM}.\n")
    rows = rows_for(clustered, "clustered", count, queries, rounds)
    rows += rows_for(random_directions, "random directions", count, queries, rounds)
    header = ["", "queries/s", "processor, microseconds per query", f"exact / scikit-learn, >= {EXACT_TARGET}"]
    header += [f"approximate / exact, >= {FASTER_TARGET}", f"recall@{K}, >= {RECALL_TARGET}", "seconds to build"]
    measuring.print_table(header, rows)
    print_memory(["approximate"] if options.quick else ["exact", "approximate"], count)


if __name__ == "__main__":
    main()
