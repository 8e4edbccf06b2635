"""Reports as text in columns."""


class Table(str):
    """Text in columns that shows itself without quotes, as the last value of a notebook cell does."""

    def __repr__(self):
        return str(self)


def table(reports):
    """`{name: report}` as a table that fits a page: one line for each, with 95 % intervals.

    Of `Verification`: `TAR@1%` is the true accept rate at a false accept rate of 1 %; `threshold` is followed by
    `given` where it was not chosen on these pairs; FAR and FRR are the errors that it makes. Of `Retrieval`: `P@5` is
    the precision at 5; `99 of 100` queries were measured, where one has no other of its class. Of `FewShot` both
    protocols stand side by side, where there are groups; of `OneShot` `worst run` is the lowest accuracy of a run; of
    `Correlation` Spearman's and Pearson's; of `Segmentation` the worst subject's mean beside the mean of all; of
    `Tracking` the area under the success curve, and the share of frames in which the middle is at most 20 pixels off.

    Raises:
        ValueError: no reports; reports of two kinds, with other false accept rates or k, or only some with groups.
    """
    lines = {name: report.columns() for name, report in reports.items()}
    kinds = {(type(report).__name__, *lines[name]): None for name, report in reports.items()}
    if len(kinds) != 1:
        told = [f"{kind} ({', '.join(headings)})" for kind, *headings in kinds]
        raise ValueError(
            "A table needs reports of one kind, with the same false accept rates, the same k, or all with groups. "
            f"Received: {' and '.join(told) or 'none'}."
        )
    rows = [["", *next(iter(lines.values()))], *([name, *cells.values()] for name, cells in lines.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return Table("\n".join(line.rstrip() for line in lines))


def interval(report, name, scale, digits):
    """The interval of a number as it stands behind it in a table; nothing where there is none."""
    if name not in report.interval:
        return ""
    low, high = (f"{end * scale:.{digits}f}" for end in report.interval[name])
    return f" [{low}, {high}]"
