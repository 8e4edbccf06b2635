"""Reports as text tables."""


class Table(str):
    """Text in columns; its repr is the text itself, so that a notebook shows it as the value of a cell."""

    def __repr__(self):
        return str(self)


def table(reports):
    """Formats reports as a table with one row each, including 95 % confidence intervals.

    Args:
        reports: `{name: report}`, reports of one kind from `evaluation` or an application.

    Returns:
        The text, a `str`.

    Raises:
        ValueError: no reports; reports with different columns.
    """
    rows = {name: report.columns() for name, report in reports.items()}
    headings = {tuple(cells) for cells in rows.values()}
    if len(headings) != 1:
        received = " and ".join(", ".join(each) for each in sorted(headings)) or "no reports"
        raise ValueError(
            "A table needs reports with the same columns: of one kind, with the same `far` or `k`, all or none with "
            f"groups. Received: {received}."
        )
    lines = [["", *headings.pop()], *([name, *cells.values()] for name, cells in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return Table("\n".join(line.rstrip() for line in text))


def interval(report, name, scale, digits):
    """The interval of a measure as ` [low, high]`, or an empty string without one."""
    if name not in report.interval:
        return ""
    low, high = (f"{end * scale:.{digits}f}" for end in report.interval[name])
    return f" [{low}, {high}]"
