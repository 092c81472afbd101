#!/usr/bin/env python3
"""Runs a notebook from a fresh kernel and checks that it draws its figures.

    CNTFLOW_RUN=runs/quickstart tests/python/run_notebook.py notebooks/quickstart.ipynb --save executed.ipynb

The kernel is this interpreter's. An error in a cell ends the run with exit code 1. A cell that draws a figure has the tag `figure`: the
notebook must give at least as many figures as it has such cells. The notebook itself is not written to; --save keeps the executed copy,
--figures-to its figures as PNG files.
"""

import argparse
import base64
import os
import sys
import tempfile
from pathlib import Path

# A kernel of the same name elsewhere on the machine must not stand in for the environment's own.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

# Longest time for one cell, in seconds: the slowest takes a few on a small machine.
CELL_SECONDS = 300


def figures_of(cell) -> list[bytes]:
    """The PNG figures in a cell's outputs."""
    outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [base64.b64decode(data["image/png"]) for data in outputs if "image/png" in data]


def wants_figure(cell) -> bool:
    return "figure" in cell.get("metadata", {}).get("tags", [])


def execute(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    folder = {"metadata": {"path": str(path.resolve().parent)}}
    # Sockets in a folder of our own: on a shared machine nobody else can talk to the kernel, and no
    # port is taken.
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
    parser.add_argument("--save", metavar="FILE", type=Path, help="keep the executed notebook here")
    parser.add_argument("--figures-to", metavar="FOLDER", type=Path, help="keep the figures here, as figure-NN.png")
    parser.add_argument("--figures", metavar="N", type=int, help="least number of figures; default: the cells tagged `figure`")
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
    wanted = arguments.figures if arguments.figures is not None else sum(map(wants_figure, cells))
    print(f"{arguments.notebook}: {len(notebook.cells)} cells, {len(cells)} of them run, {len(figures)} figures")
    if len(figures) < wanted:
        print(f"run_notebook: {arguments.notebook}: {wanted} figures expected, {len(figures)} drawn", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
