"""Reports as tables: text in a terminal, HTML in a notebook."""

import html

import numpy as np


class Table(str):
    """Text in columns; a notebook shows it as an HTML table.

    Attributes:
        rows: Lists of cells, the headings first; the first cell of a row is its name.
    """

    def __new__(cls, rows):
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        text = super().__new__(cls, "\n".join(line.rstrip() for line in lines))
        text.rows = rows
        return text

    def __repr__(self):
        return str(self)

    def _repr_html_(self):
        start = 0 if any(name for name, *_ in self.rows) else 1  # a single report has no name
        heading, *rows = [[html.escape(cell) for cell in row[start:]] for row in self.rows]
        head = "".join(f"<th>{cell}</th>" for cell in heading)
        lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
        body = "\n".join(f"<tr>{line}</tr>" for line in lines).replace("<tr><td>", '<tr><td style="text-align: left">')
        return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def table(reports):
    """Formats reports as a table with one row each, including 95 % confidence intervals.

    Args:
        reports: `{name: report}`, reports of one kind from `evaluation` or an application. Or `{name: {heading: cell}}`
            for other numbers: a cell is a text or a number. `report.columns()` is the row of a report in this form.

    Returns:
        The text, a `str`, which a notebook displays as an HTML table if it is the value of a cell.

    Raises:
        ValueError: no reports; reports with different columns.

    >>> from siamkeras import evaluation
    >>> evaluation.table({"pixels": {"recall@1": 0.4213, "steps": 0}, "tower": {"recall@1": 0.9, "steps": 1200}})
            recall@1  steps
    pixels  0.421     0
    tower   0.9       1,200
    """
    rows = {name: report if isinstance(report, dict) else report.columns() for name, report in reports.items()}
    headings = {tuple(cells) for cells in rows.values()}
    if len(headings) != 1:
        received = " and ".join(", ".join(each) for each in sorted(headings)) or "no reports"
        raise ValueError(
            "A table needs reports with the same columns: of one kind, with the same `far` or `k`, all or none with "
            f"groups. Received: {received}."
        )
    body = [[str(name), *map(_text, cells.values())] for name, cells in rows.items()]
    return Table([["", *headings.pop()], *body])


def _text(cell):
    if isinstance(cell, (float, np.floating)):
        return f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, (int, np.integer)) else str(cell)


def as_table(report):
    """Decorator of a class of reports with `columns`: a report is displayed as a table of one row."""
    report.__repr__ = lambda self: str(table({"": self}))
    report._repr_html_ = lambda self: table({"": self})._repr_html_()
    return report


def interval(report, name, scale, digits):
    """The interval of a measure as ` [low, high]`, or an empty string without one."""
    if name not in report.interval:
        return ""
    low, high = (f"{end * scale:.{digits}f}" for end in report.interval[name])
    return f" [{low}, {high}]"
