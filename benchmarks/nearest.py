"""How fast are the nearest among 100,000 embeddings found, and how many of them?

Contenders, for the 10 nearest of 1,000 queries among 100,000 embeddings of 64 numbers and length 1:

- scikit-learn: `NearestNeighbors(algorithm="brute").kneighbors`;
- exact: `retrieval.Index`, which calls it, and so can be as fast and no faster;
- approximate: `retrieval.Index(method="approximate")`, which rests on faiss.

Clustered embeddings are like those of a trained tower: 2,000 classes that differ in 16 directions and overlap, so that
8 of the 10 nearest are of the class of the query, and some noise in all 64. Random directions are the worst case:
nothing is near to anything.

Targets, for clustered ones: exact is as fast as scikit-learn, which it calls (it can only tie); approximate is at least
10 times as fast as exact, and finds at least 0.95 of the same neighbours (recall@10).

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


def drawn(draw, count, queries):
    """Embeddings and queries of one kind, of length 1, float32."""
    found = draw(count + queries, np.random.default_rng(0))
    found = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype("float32")
    return found[:count], found[count:]


def made(embeddings, **options):
    """An index, and the seconds that it took."""
    from siamkeras import retrieval

    begin = time.perf_counter()
    index = retrieval.Index(embeddings, **options)
    return index, time.perf_counter() - begin


def rows_for(draw, name, count, queries, rounds):
    """A row for each contender; the targets are for clustered embeddings."""
    from sklearn.neighbors import NearestNeighbors

    embeddings, asked = drawn(draw, count, queries)
    brute = NearestNeighbors(algorithm="brute").fit(embeddings)
    exact, _ = made(embeddings)
    approximate, build = made(embeddings, method="approximate")
    searches = {
        "scikit-learn": lambda: brute.kneighbors(asked, K),
        "exact": lambda: exact.nearest(asked, K),
        "approximate": lambda: approximate.nearest(asked, K),
    }
    calls = {side: partial(measuring.rate, queries, 2, search) for side, search in searches.items()}
    found = measuring.measure_interleaved(calls, rounds)
    theirs, ours, quick = (values[:, 0] for values in found.values())
    wanted, got = (index.nearest(asked, K).index for index in (exact, approximate))
    recall = sum(len({*one} & {*other}) for one, other in zip(wanted, got, strict=True)) / wanted.size
    ratios = [
        measuring.median_and_range(ours / theirs, 2),
        measuring.median_and_range(quick / ours, 1),
        f"{recall:.3f}",
    ]
    if draw is clustered:
        ratios = [
            measuring.compare_with_target(ours / theirs, EXACT_TARGET),
            measuring.compare_with_target(quick / ours, FASTER_TARGET, 1),
        ]
        ratios.append(f"{recall:.3f}, {'yes' if recall >= RECALL_TARGET else 'NO'}")
    told = [[""] * 4, [ratios[0], "", "", ""], ["", *ratios[1:], f"{build:.1f}"]]
    return [
        [
            f"{side}, {name}",
            measuring.median_and_range(values[:, 0]),
            measuring.median_and_range(values[:, 1] * 1e6),
            *rest,
        ]
        for (side, values), rest in zip(found.items(), told, strict=True)
    ]


def footprint(method, count):
    """Megabytes above the embeddings that an index takes for good, and at most. Called in a process of its own."""
    embeddings, asked = drawn(clustered, count, 100)
    made(embeddings[:1000].copy(), method=method)[0].nearest(asked, K)  # What the libraries take for themselves.
    before = resident("VmRSS")
    index, _ = made(embeddings, method=method)
    index.nearest(asked, K)
    return resident("VmRSS") - before, resident("VmHWM") - before


def print_memory(methods, count):
    if not os.path.exists("/proc/self/status"):
        print("Memory is not measured: this system has no /proc/self/status.\n")
        return
    rows = []
    for method in methods:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append([method, *(f"{value:,.0f}" for value in pool.submit(footprint, method, count).result())])
    measuring.print_table(["", f"MB above the {count * DIM * 4 / 1e6:,.0f} of the embeddings", "at most"], rows)


def main():
    options = measuring.argument_parser(__doc__).parse_args()
    measuring.print_heading("Nearest neighbours", options.quick)
    count, queries, rounds = (3_000, 50, 2) if options.quick else (100_000, 1_000, 15)
    print(f"{K} nearest of {queries:,} queries among {count:,} embeddings of {DIM} numbers.\n")
    rows = rows_for(clustered, "clustered", count, queries, rounds)
    rows += rows_for(random_directions, "random directions", count, queries, rounds)
    header = ["", "queries/s", "processor, microseconds per query", f"exact / scikit-learn, >= {EXACT_TARGET}"]
    header += [f"approximate / exact, >= {FASTER_TARGET}", f"recall@{K}, >= {RECALL_TARGET}", "seconds to build"]
    measuring.print_table(header, rows)
    print_memory(["approximate"] if options.quick else ["exact", "approximate"], count)


if __name__ == "__main__":
    main()
