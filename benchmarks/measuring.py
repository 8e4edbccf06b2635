"""Helpers for the benchmarks: interleaved measurements, medians with their range, Markdown tables.

The speed of a shared machine varies over time. Methods are therefore measured in alternating order, one measurement of
each per round; ratios are computed within each round; results are the median with the smallest and the largest value.
"""

import argparse
import datetime
import os
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402  after the line above, because TensorFlow reads the variable at import


def argument_parser(description):
    """A parser with the option `--quick` and the docstring of the script as its help text."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smoke test of a few seconds with meaningless results")
    return parser


def print_heading(title, quick=False):
    """Prints the title, the versions and the machine."""
    from siamkeras import environment

    print(f"## {title}\n\n{environment.describe()}; {processor()}; {datetime.date.today()}", end="")
    print(". QUICK: a smoke test, the results are meaningless.\n" if quick else ".\n", flush=True)


def processor():
    """The name of the processor, if the system provides it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def rate(count, batches, step):
    """Throughput of `batches` calls of `step`, each of which processes `count` items, after a warm-up.

    Returns:
        `(items per second, seconds of processor time per item)`.
    """
    for _ in range(max(1, batches // 5)):
        step()
    begin, begin_processor = time.perf_counter(), time.process_time()
    for _ in range(batches):
        step()
    return batches * count / (time.perf_counter() - begin), (time.process_time() - begin_processor) / (batches * count)


def stream_rate(stream, count, batches):
    """`rate` of reading batches of `count` items from a stream."""
    # A new iterator per round: an old one would have filled its buffers while other streams were measured.
    iterator = iter(stream)
    return rate(count, batches, lambda: next(iterator))


def measure_interleaved(functions, rounds):
    """Calls every function once per round; every second round in reversed order.

    Args:
        functions: `{name: function without arguments that returns a number or several numbers}`.
        rounds: Number of measurements of each function.

    Returns:
        `{name: array (rounds, ...)}`; row i of every array was measured in round i.
    """
    results = {name: [] for name in functions}
    for number in range(rounds):
        names = list(functions) if number % 2 == 0 else list(reversed(functions))
        for name in names:
            results[name].append(functions[name]())
            if sys.stderr.isatty():
                print(f"\r\033[K  round {number + 1} of {rounds}: {name}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return {name: np.array(values) for name, values in results.items()}


def median_and_range(values, digits=0):
    """The median with the smallest and the largest value: `1.23 (1.10-1.41)`."""
    median, low, high = (f"{value:,.{digits}f}" for value in (np.median(values), np.min(values), np.max(values)))
    return f"{median} ({low}-{high})"


def compare_with_target(values, target, digits=2, at_least=True):
    """`median_and_range`, and whether the median reaches the target: `1.23 (1.10-1.41), yes`."""
    reached = np.median(values) >= target if at_least else np.median(values) < target
    return f"{median_and_range(values, digits)}, {'yes' if reached else 'NO'}"


def print_table(header, rows):
    """Prints a Markdown table with aligned columns."""
    lines = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
    print(flush=True)


if __name__ == "__main__":
    print_heading("This machine")
