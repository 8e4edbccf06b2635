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
        `Table`, a `str`.

    Raises:
        ValueError: no reports; reports of different kinds, false accept rates, k, or only some with groups.
    """
    rows = {name: report.columns() for name, report in reports.items()}
    kinds = {f"{type(report).__name__} ({', '.join(rows[name])})": None for name, report in reports.items()}
    if len(kinds) != 1:
        raise ValueError(
            "A table needs reports of one kind with the same columns: the same false accept rates, the same k, "
            f"all or none with groups. Received: {' and '.join(kinds) or 'no reports'}."
        )
    headings = ["", *next(iter(rows.values()))]
    lines = [headings, *([name, *cells.values()] for name, cells in rows.items())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return Table("\n".join(line.rstrip() for line in text))


def interval(report, name, scale, digits):
    """The interval of a measure as ` [low, high]`, or an empty string without one."""
    if name not in report.interval:
        return ""
    low, high = (f"{end * scale:.{digits}f}" for end in report.interval[name])
    return f" [{low}, {high}]"
