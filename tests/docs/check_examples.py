#!/usr/bin/env python3
"""Runs every example of the documentation.

    tests/docs/check_examples.py target/release/cntflow [DOCUMENT...]

Each document gets a folder of its own, with the output of a tiny study as runs/quickstart and a few
checkpoints in zoo/. The blocks of a document run there in their order.

| block | what is done |
|---|---|
| sh | run by bash; every command must succeed. `sh,exit=N` must end with N |
| sh,network  sh,cluster  sh,minutes | not run; the program parses the arguments, other commands exist |
| toml | completed to a study, which the program reads and checks |
| python | run by this interpreter |
| json | parsed; an architecture is given for a checkpoint, which the program inspects |
| text | nothing |
| `cntflow ...` within a sentence or a table | the program parses the arguments |

A block of any other language is an error, so that no example goes unchecked by accident.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np

import markdown

ROOT = Path(__file__).resolve().parents[2]
TINY_STUDY = Path(__file__).with_name("tiny.toml")
# Why a block is not run.
NOT_RUN = {"network", "cluster", "minutes"}
# Longest time for one block, in seconds: the slowest takes a few.
BLOCK_SECONDS = 300
# Exit codes of cntflow.
USAGE = 2
SECTIONS = {"study", "population", "measure", "limits", "populations", "labels", "experiment"}
POPULATION = """
[population]
dataset = "mnist-6k"
[[population.group]]
name = "dense"
runs = 1
architecture = { dense = [8] }
activation = "relu"
initialisation = { kind = "normal", scale = 0.1 }
optimiser = "adam"
learning_rate = 0.001
epochs = 1
"""


class Wrong(Exception):
    """What is wrong with an example."""


class Examples:
    """Runs blocks with a program, in folders that are alike at first."""

    def __init__(self, program: Path, work: Path):
        self.program, self.work = program, work
        self.template = work / "template"
        self.shims = work / "bin"
        self.environment = os.environ | {
            "PATH": f"{self.shims}{os.pathsep}{os.environ['PATH']}",
            "CNTFLOW_CACHE": str(work / "cache"),
        }
        self.make_shims()
        self.make_template()

    def cntflow(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True)

    def make_shims(self) -> None:
        """`cntflow`, and a `cargo` that does no more than run it."""
        self.shims.mkdir()
        program = shlex.quote(str(self.program))
        texts = {
            "cntflow": f'exec {program} "$@"',
            "cargo": f'[ "$1 $2 $3" = "run --release --" ] || {{ echo "cargo $*: not run here" >&2; exit 1; }}\n'
                     f'shift 3; exec {program} "$@"',
        }
        for name, text in texts.items():
            shim = self.shims / name
            shim.write_text(f"#!/usr/bin/env bash\n{text}\n")
            shim.chmod(0o755)

    def make_template(self) -> None:
        (self.template / "zoo").mkdir(parents=True)
        shutil.copy(TINY_STUDY, self.template / "study.toml")
        (self.template / "pipelines").symlink_to(ROOT / "pipelines")
        done = self.cntflow(["run", "study.toml", "--progress", "none"], self.template)
        if done.returncode != 0:
            raise Wrong(f"the tiny study ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        trained = "runs/quickstart/checkpoints/dense-rectified-00001/step-00004.safetensors"
        shutil.copy(self.template / trained, self.template / "zoo" / "mlp.safetensors")
        random = np.random.default_rng(1)
        shapes = {"fc1.weight": (24, 784), "fc1.bias": (24,), "fc2.weight": (10, 24), "fc2.bias": (10,)}
        weights = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
        np.savez(self.template / "zoo" / "mlp.npz", **weights)

    def folder_for(self, document: markdown.Document) -> Path:
        folder = self.work / document.path.name
        shutil.copytree(self.template, folder, symlinks=True)
        return folder

    def check(self, block: markdown.Block, folder: Path) -> str:
        """Checks a block and says what was done."""
        if block.language == "sh" and NOT_RUN.intersection(block.words):
            for command in commands(block.text):
                self.parse(command)
            return "parsed"
        if block.language == "sh":
            return self.run_shell(block, folder)
        if block.language == "python":
            return self.run(block, [sys.executable, "-c", block.text], folder, 0)
        if block.language == "toml":
            return self.read_study(block.text, folder)
        if block.language == "json":
            return self.read_json(block.text, folder)
        if block.language == "text":
            return "text"
        raise Wrong(f"language '{block.language}' is not one that is checked")

    def run_shell(self, block: markdown.Block, folder: Path) -> str:
        expected = next((int(word.removeprefix("exit=")) for word in block.words if word.startswith("exit=")), 0)
        return self.run(block, ["bash", "-euo", "pipefail", "-c", block.text], folder, expected)

    def run(self, block: markdown.Block, command: list[str], folder: Path, expected: int) -> str:
        done = subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=BLOCK_SECONDS)
        if done.returncode != expected:
            raise Wrong(f"ended with {done.returncode}, expected {expected}:\n{block.text}{done.stdout}{done.stderr}")
        return "run"

    def read_study(self, text: str, folder: Path) -> str:
        """Completes a part of a study file to a whole one and has the program read it.

        `discriminate` reads and checks the whole file first, and then finds no tables. So nothing is trained.
        """
        sections = tomllib.loads(text)
        if unknown := sections.keys() - SECTIONS:
            raise Wrong(f"{', '.join(sorted(unknown))}: no sections of a study file")
        if "study" not in sections:
            text = f'[study]\nname = "example"\n{text}'
        if "population" not in sections:
            text += POPULATION
        study = folder / "example.toml"
        study.write_text(text)
        done = self.cntflow(["discriminate", study.name, "--out", "nothing-here"], folder)
        if done.returncode == USAGE:
            raise Wrong(f"the study is refused:\n{done.stderr}")
        return "read"

    def read_json(self, text: str, folder: Path) -> str:
        """Parses JSON; an architecture is laid beside the checkpoint zoo/mlp.npz, whose tensors it must fit."""
        if "layers" not in json.loads(text):
            return "parsed"
        (folder / "zoo" / "mlp.npz.json").write_text(text)
        done = self.cntflow(["inspect", "zoo/mlp.npz"], folder)
        if done.returncode != 0:
            raise Wrong(f"the architecture is refused:\n{done.stdout}{done.stderr}")
        return "read"

    def check_prose(self, document: markdown.Document) -> list[str]:
        """Commands in the prose of a document that the program does not understand."""
        found = []
        for line, code in document.inline_code:
            words = shlex.split(code) if code.startswith("cntflow ") else []
            # `cntflow COMMAND --help`: a word in capitals is a placeholder, and none of a command.
            if len(words) < 2 or words[1].isupper():
                continue
            try:
                self.parse([word.removesuffix("...") for word in words if not word.startswith("[")])
            except Wrong as error:
                found.append(f"{document.path.name}:{line}: {error}")
        return found

    def parse(self, command: list[str]) -> None:
        """Has the program parse the arguments of a command that is not run."""
        while command and "=" in command[0].split("/")[0]:
            command = command[1:]
        if command[:4] == ["cargo", "run", "--release", "--"]:
            command = ["cntflow", *command[4:]]
        if command[0] == ".venv/bin/python":
            if not (ROOT / command[1]).is_file():
                raise Wrong(f"{command[1]} is no file of this repository")
            return
        name = command[0]
        if name == "cntflow":
            done = self.cntflow([*command[1:], "--help"], self.work)
            if done.returncode != 0:
                raise Wrong(f"{shlex.join(command)}: {done.stderr}")
        elif "/" in name:
            if not os.access(ROOT / name, os.X_OK):
                raise Wrong(f"{name} is no program of this repository")
        elif name == "cargo":
            check_packages(command)
        elif shutil.which(name) is None and name not in ["mdbook", "git"]:
            raise Wrong(f"{name}: no such command")

    def check_themselves(self) -> None:
        """Examples that are wrong must be found to be wrong."""
        folder = self.work / "wrong"
        shutil.copytree(self.template, folder, symlinks=True)
        wrong = [
            lambda: self.read_study("[measure]\nprobes = 1\n", folder),
            lambda: self.read_study("[population]\ndataset = 'mnist-6k'\n", folder),
            lambda: self.read_study("[dependencies]\n", folder),
            lambda: self.read_json('{"input": [784], "layers": [{"kind": "dense", "name": "fc3", "units": 24}]}', folder),
            lambda: self.parse(["cntflow", "measure", "zoo", "--no-such-option"]),
            lambda: self.parse(["cargo", "test", "-p", "no-such-crate"]),
            lambda: self.parse(["tests/no/such/script"]),
        ]
        for number, example in enumerate(wrong):
            try:
                example()
            except Wrong:
                continue
            raise SystemExit(f"check_examples: wrong example {number} was not found to be wrong")


def check_packages(command: list[str]) -> None:
    """Packages and paths that a cargo command names exist."""
    for option, value in zip(command, command[1:]):
        if option in ["-p", "--package"] and not (ROOT / "crates" / value).is_dir():
            raise Wrong(f"{shlex.join(command)}: there is no crate {value}")
        if option == "--path" and not (ROOT / value).exists():
            raise Wrong(f"{shlex.join(command)}: there is no {value}")


def commands(text: str) -> list[list[str]]:
    """The commands of a block, one a line; quotes and backslashes join lines."""
    found, pending = [], ""
    for line in text.splitlines():
        pending += line.removesuffix("\\") + ("" if line.endswith("\\") else "\n")
        if line.endswith("\\"):
            continue
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:
            continue
        if words:
            found.append(words)
        pending = ""
    if pending.strip():
        raise Wrong(f"a quote is never closed: {pending}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("document", nargs="*", type=Path)
    arguments = parser.parse_args()
    paths = arguments.document or sorted([*ROOT.glob("*.md"), *(ROOT / "docs" / "src").glob("*.md")])
    failures, done = 0, {}
    with tempfile.TemporaryDirectory() as work:
        examples = Examples(arguments.program.resolve(), Path(work))
        examples.check_themselves()
        for document in map(markdown.read, paths):
            folder = examples.folder_for(document)
            for problem in examples.check_prose(document):
                failures += 1
                print(problem, file=sys.stderr)
            for block in document.blocks:
                try:
                    what = examples.check(block, folder)
                    done[what] = done.get(what, 0) + 1
                except (Wrong, ValueError, subprocess.TimeoutExpired) as error:
                    failures += 1
                    print(f"{block.place}: {error}", file=sys.stderr)
    counts = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
    print(f"{len(paths)} documents: {counts}; {failures} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
