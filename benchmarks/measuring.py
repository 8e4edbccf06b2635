"""How the benchmarks measure and tell: interleaved rounds, medians with their range, Markdown tables.

A machine is never alone and never quite the same twice. So contenders take turns, in an order that changes from round
to round; a ratio is taken within each round, between neighbours in time; and what is told is the median, with the
smallest and the largest value beside it.
"""

import argparse
import datetime
import os
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402  after the line above, which TensorFlow reads when it is imported


def arguments(description):
    """A parser that knows `--quick`, and shows the docstring of the script as its help."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="seconds, to see that it runs; the numbers say nothing")
    return parser


def print_heading(title, quick=False):
    """The title, and what the numbers below it were measured on."""
    from siamkeras import environment

    print(f"## {title}\n\n{environment.describe()}; {processor()}; {datetime.date.today()}", end="")
    print(". QUICK: too short a run to mean anything.\n" if quick else ".\n", flush=True)


def processor():
    """The name of the processor, as far as the system tells it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def rate(count, batches, take):
    """`count` per second over `batches` calls of `take`, after a fifth as many to warm up; and seconds of processor."""
    for _ in range(max(1, batches // 5)):
        take()
    begin, begin_processor = time.perf_counter(), time.process_time()
    for _ in range(batches):
        take()
    return batches * count / (time.perf_counter() - begin), (time.process_time() - begin_processor) / (batches * count)


def stream_rate(stream, count, batches):
    # A new iterator in each round: an old one has filled its buffers while the others were measured.
    iterator = iter(stream)
    return rate(count, batches, lambda: next(iterator))


def in_turns(contenders, rounds):
    """Calls each contender once per round.

    Args:
        contenders: `{name: function without arguments that gives a number, or several}`.
        rounds: How many numbers each has to give.

    Returns:
        `{name: array (rounds, ...)}`; row i of all contenders was measured in the same round.
    """
    found = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in names:
            found[name].append(contenders[name]())
            if sys.stderr.isatty():
                print(f"\r\033[K  round {number + 1} of {rounds}: {name}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return {name: np.array(values) for name, values in found.items()}


def spread(values, digits=0):
    """The median of the rounds, with the smallest and the largest: `1.23 (1.10-1.41)`."""
    middle, low, high = (f"{value:,.{digits}f}" for value in (np.median(values), np.min(values), np.max(values)))
    return f"{middle} ({low}-{high})"


def against(values, target, digits=2, at_least=True):
    """`spread`, and whether the median meets the target: `1.23 (1.10-1.41), yes`."""
    met = np.median(values) >= target if at_least else np.median(values) < target
    return f"{spread(values, digits)}, {'yes' if met else 'NO'}"


def print_table(header, rows):
    """A Markdown table, its columns aligned for the eye too."""
    lines = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
    print(flush=True)


if __name__ == "__main__":
    print_heading("This machine")
