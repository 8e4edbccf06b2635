"""Reports as text in columns."""

import numpy as np


class Table(str):
    """Text in columns that shows itself without quotes, as the last value of a notebook cell does."""

    def __repr__(self):
        return str(self)


def table(reports):
    """`{name: Verification}` as a table that fits a page: one line for each, with 95 % intervals.

    `TAR@1%` is the true accept rate at a false accept rate of 1 %; `threshold` is followed by `given` where it was not
    chosen on these pairs; FAR and FRR are the errors that it makes.
    """
    if len({tuple(report.tar_at_far) for report in reports.values()}) != 1:
        told = [list(report.tar_at_far) for report in reports.values()]
        raise ValueError(f"A table needs reports, all with the same false accept rates. Received: {told}.")
    rates = next(iter(reports.values())).tar_at_far
    rows = [["", "AUC", "EER", *(f"TAR@{rate:.3g}%" for rate in (100 * rate for rate in rates)), "threshold"]]
    rows[0] += ["FAR", "FRR", "pairs"]
    for name, report in reports.items():
        given = " given" if report.chosen == "given" else ""
        row = [
            name,
            f"{report.auc:.3f}{_range(report, 'auc', 1, 3)}",
            f"{report.eer:.1%}{_range(report, 'eer', 100, 1)}",
        ]
        row += ["too few" if np.isnan(rate) else f"{rate:.1%}" for rate in report.tar_at_far.values()]
        row += [f"{report.threshold:.3f}{given}", f"{report.false_accepts:.1%}", f"{report.false_rejects:.1%}"]
        rows.append([*row, f"{len(report.same):,}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return Table("\n".join(line.rstrip() for line in lines))


def _range(report, name, scale, digits):
    if name not in report.interval:
        return ""
    low, high = (f"{end * scale:.{digits}f}" for end in report.interval[name])
    return f" [{low}, {high}]"
