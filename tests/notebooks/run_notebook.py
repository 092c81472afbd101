#!/usr/bin/env python3
"""Runs a notebook in a fresh kernel and checks that it draws its figures.

    CNTFLOW_RUN=runs/quickstart tests/notebooks/run_notebook.py notebooks/quickstart.ipynb

The kernel runs on the Python that runs this script. An error in a cell ends the run with exit code
1. A cell that draws a figure has the tag `figure`. The notebook must draw at least as many figures
as it has such cells. The notebook file is not changed: --save writes the executed copy to another
file, and --figures-to writes the figures as PNG files.
"""

import argparse
import base64
import os
import sys
import tempfile
from pathlib import Path

# Use this environment's kernel, even if the machine has another one of the same name.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

# Time limit for one cell, in seconds. The slowest cell takes a few seconds on a small machine.
CELL_SECONDS = 300


def figures_of(cell) -> list[bytes]:
    """The PNG figures in a cell's outputs."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [base64.b64decode(data["image/png"]) for data in outputs if "image/png" in data]


def draws_figure(cell) -> bool:
    """Whether a cell has the tag `figure`."""
    return "figure" in cell.get("metadata", {}).get("tags", [])


def execute(path: Path):
    """The executed copy of a notebook."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    folder = {"metadata": {"path": str(path.resolve().parent)}}
    # Sockets in a private folder, not ports: other users of the machine cannot reach the kernel.
    with tempfile.TemporaryDirectory(prefix="nb") as sockets:
        config = Config({"ConnectionFileMixin": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        client = NotebookClient(notebook, kernel_name="python3", timeout=CELL_SECONDS, resources=folder, config=config)
        return client.execute()


def save_figures(folder: Path, figures: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, figure in enumerate(figures, 1):
        (folder / f"figure-{number:02}.png").write_bytes(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", metavar="NOTEBOOK", type=Path)
    parser.add_argument("--save", metavar="FILE", type=Path, help="write the executed notebook to FILE")
    parser.add_argument("--figures-to", metavar="FOLDER", type=Path, help="write the figures to FOLDER, as figure-NN.png")
    parser.add_argument("--figures", metavar="N", type=int, help="smallest number of figures; default: the number of cells with the tag `figure`")
    arguments = parser.parse_args()
    try:
        notebook = execute(arguments.notebook)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"run_notebook: {arguments.notebook}: {error}", file=sys.stderr)
        return 1
    if arguments.save:
        nbformat.write(notebook, arguments.save)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    figures = [figure for cell in cells for figure in figures_of(cell)]
    if arguments.figures_to:
        save_figures(arguments.figures_to, figures)
    n_expected = arguments.figures if arguments.figures is not None else sum(map(draws_figure, cells))
    print(f"{arguments.notebook}: {len(notebook.cells)} cells, {len(cells)} of them run, {len(figures)} figures")
    if len(figures) < n_expected:
        print(f"run_notebook: {arguments.notebook}: {n_expected} figures expected, {len(figures)} drawn", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
