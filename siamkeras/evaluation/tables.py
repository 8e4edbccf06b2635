"""Reports as text in columns."""

import numpy as np


class Table(str):
    """Text in columns that shows itself without quotes, as the last value of a notebook cell does."""

    def __repr__(self):
        return str(self)


def table(reports):
    """`{name: Verification}` as a table: one line for each, with 95 % intervals."""
    first = next(iter(reports.values()))
    rows = [["", "AUC", "EER"] + [f"TAR at FAR {rate:.3g}" for rate in first.tar_at_far]]
    rows[0] += ["threshold", "FAR", "FRR", "pairs"]
    for name, report in reports.items():
        low_high = report.interval
        rows.append([name, f"{report.auc:.3f}{_range(low_high.get('auc'), 1, 3)}"])
        rows[-1].append(f"{report.eer:.1%}{_range(low_high.get('eer'), 100, 1)}")
        rows[-1] += ["too few" if np.isnan(rate) else f"{rate:.1%}" for rate in report.tar_at_far.values()]
        rows[-1] += [f"{report.threshold:.3f} ({report.chosen})", f"{report.false_accepts:.1%}"]
        rows[-1] += [f"{report.false_rejects:.1%}", f"{len(report.same):,}"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return Table(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )
    )


def _range(ends, scale, digits):
    return "" if ends is None else f" [{ends[0] * scale:.{digits}f}, {ends[1] * scale:.{digits}f}]"
