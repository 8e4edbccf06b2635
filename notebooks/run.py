"""Executes lessons from a fresh kernel, shows progress, writes their page.

    python notebooks/run.py notebooks/01_*.ipynb [more.ipynb ...] [--save] [--build build]
    python notebooks/run.py notebooks/*.ipynb --students folder

The page goes to `build/NN_name.html`, also when a cell fails. With `--save` the executed lesson replaces the
committed one, once all of it has run. `--students` runs nothing: it copies the lessons without solutions, checks and
outputs.
"""

import argparse
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_IN_CELLS = ("jupyter", "tags")  # all else in a cell's metadata says when and where it ran
INDENT = " " * 10

# nbconvert shows the code of collapsed cells; in the page it is collapsed as well.
PAGE = """{% extends "lab/index.html.j2" %}
{% block input %}{% if cell.metadata.get("jupyter", {}).get("source_hidden") %}
<details style="flex: 1 1 auto"><summary>Show the code</summary>{{ super() }}</details>
{% else %}{{ super() }}{% endif %}{% endblock %}"""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel, the Python that runs this file, whatever kernels this machine has registered."""

    def get_kernel_spec(self, kernel_name):
        # What TensorFlow's C++ logs about the machine is not part of the lesson.
        quiet = "--IPKernelApp.capture_fd_output=False"
        argv = [sys.executable, "-m", "ipykernel_launcher", quiet, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=KERNEL["display_name"], language="python")


class Progress:
    """One line per cell; what the cell prints, indented below it, as it is printed."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.width = shutil.get_terminal_size().columns - len(INDENT) - 1

    def start(self, number, count, section):
        self.started, self.line, self.printed = time.monotonic(), "", False
        print(f"  {number:2d}/{count}  {section:<24}", end="", flush=True)

    def stream(self, text):
        """Shows whole lines, and on a terminal the growing last one too, such as the bar of `fit`."""
        if not self.printed:
            print()
        self.printed = True
        *whole, self.line = (self.line + text).split("\n")
        for line in whole:
            self._show(line, "\n")
        if self.live and self.line:
            self._show(self.line, "", self.width)

    def stop(self):
        if self.printed and self.line:
            self._show(self.line, "\n")
        print(f"{INDENT if self.printed else ''}{time.monotonic() - self.started:6.1f} s", flush=True)

    def _show(self, line, end, width=None):
        print(("\r\x1b[K" if self.live else "") + INDENT + plain(settled(line))[:width], end=end, flush=True)


class Lesson(NotebookClient):
    """Runs the cells in order and reports each."""

    def create_kernel_manager(self):
        self.km = AsyncKernelManager(kernel_spec_manager=ThisInterpreter())
        return self.km

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream":
            self.progress.stream(msg["content"]["text"])
        return super().output(outs, msg, display_id, cell_index)

    def run(self, folder, log):
        """Fills the notebook with its outputs; what the kernel says outside of cells goes to the file `log`."""
        self.progress = Progress()
        environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # figures: inline
        code = [index for index, cell in enumerate(self.nb.cells) if cell.cell_type == "code"]
        for index in code:
            self.nb.cells[index].update(outputs=[], execution_count=None)
        with self.setup_kernel(cwd=str(folder), env=environment, stderr=log):
            for number, index in enumerate(code, start=1):
                self.progress.start(number, len(code), section_of(self.nb, index))
                try:
                    self.execute_cell(self.nb.cells[index], index, execution_count=number)
                finally:
                    self.progress.stop()


def plain(text):
    """The text without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def settled(text):
    """What a terminal shows in the end of a text with carriage returns and backspaces.

    >>> settled("1/2 =\\b\\b\\b\\b\\b\\r2/2 ==\\n")
    '2/2 ==\\n'
    """
    text = re.sub(r"[^\n]*\r", "", re.sub(r"\r+(?=\n|$)", "", text)).replace("\b", "")
    return re.sub(r" +(?=\n)", "", text)


def section_of(notebook, index):
    """The last heading above a cell."""
    above = (cell.source for cell in reversed(notebook.cells[:index]) if cell.cell_type == "markdown")
    headings = (re.findall(r"^#+ +(.+)$", source, re.MULTILINE) for source in above)
    return next((found[-1] for found in headings if found), "")


def cleaned(notebook):
    """The notebook without what changes from run to run though its numbers do not."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in KEPT_IN_CELLS if key in cell.metadata})
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = settled(output.text)
    return notebook


def write_page(notebook, path, build):
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # every figure without a description would be a warning
    exporter = HTMLExporter(extra_loaders=[DictLoader({"lesson": PAGE})], template_file="lesson", embed_images=True)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources)
    build.mkdir(parents=True, exist_ok=True)
    target = build / f"{path.stem}.html"
    target.write_text(page, encoding="utf-8")
    return target


def save(notebook, path):
    """Replaces the file at once or not at all."""
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path)


def students_edition(notebook):
    """The notebook without solutions, cells with the tag check, and outputs."""
    kept, in_solutions = [], False
    for cell in notebook.cells:
        headings = re.findall(r"^## +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        in_solutions = headings[-1].startswith("Solutions") if headings else in_solutions
        if in_solutions or "check" in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
        kept.append(cell)
    notebook.cells = kept
    return notebook


def write_students_edition(path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(students_edition(nbformat.read(path, as_version=4)), folder / path.name)
    print(folder / path.name)


def results(notebook):
    """The values of the cells tagged `result`, as text."""
    for cell in notebook.cells:
        if "result" in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                yield output.get("data", {}).get("text/plain") or output.get("text", "")


def run(path, build, keep):
    """Executes one lesson; True if every cell ran."""
    print(path, flush=True)
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    lesson = Lesson(
        notebook, timeout=None, startup_timeout=120, iopub_timeout=60, record_timing=False,
        coalesce_streams=True, store_widget_state=False,
    )  # fmt: skip
    failure = None
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            lesson.run(path.parent.resolve(), log)
        except CellExecutionError as error:
            failure = str(error) if sys.stderr.isatty() else plain(str(error))
        except DeadKernelError:
            log.seek(0)
            failure = f"{log.read()[-2000:]}\nThe kernel died; did the machine run out of memory?"
    notebook = cleaned(notebook)
    page = write_page(notebook, path, build)
    if failure:
        print(f"\n{failure}\n\nThe page up to the failing cell: {page}", file=sys.stderr)
        return False
    if keep:
        save(notebook, path)
    for text in results(notebook):
        print("\n" + text.rstrip())
    print(f"\n{page}, {time.monotonic() - started:.0f} s\n")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="+", type=Path, metavar="lesson.ipynb")
    parser.add_argument("--save", action="store_true", help="write the outputs back into the lessons")
    parser.add_argument("--build", type=Path, default=Path("build"), help="folder of the pages")
    parser.add_argument(
        "--students", type=Path, metavar="folder", help="copy the lessons without solutions and outputs"
    )
    arguments = parser.parse_args()
    if arguments.students:
        for path in arguments.lessons:
            write_students_edition(path, arguments.students)
        return 0
    try:
        done = all(run(path, arguments.build, arguments.save) for path in arguments.lessons)
    except KeyboardInterrupt:
        print("\nInterrupted; the lesson is as it was.", file=sys.stderr)
        return 130
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
