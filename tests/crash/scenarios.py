"""What is run and recorded: small studies, each with what came before."""
import json
import os
import random
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# The first folder of the output, and the output. Two folders have to be made.
WATCHED = "runs"
OUT = "runs/study"

QUIET = ["--commit-every", "1", "--progress", "none"]

# Longest time of a command, in seconds.
PATIENCE = 120

TRAINING = """
[study]
name = "small"

[population]
dataset = "mnist-6k"
seed = 3
checkpoints = [0, 1]

[[population.group]]
name = "dense"
runs = 16
architecture = [{ dense = [6] }]
activation = ["relu", "tanh"]
initialisation = [{ kind = "variance_scaling", mode = "fan_in", distribution = "normal", scale = 1.0 }]
optimiser = "adam"
learning_rate = { min = 1e-4, max = 1e-2, scale = "log" }
batch_size = 32
epochs = 1
training_fraction = 0.05

[populations]
width = 0.25
min_runs = 1

[measure]
probe = "mnist-6k:train:20"
"""

EXPERIMENT = """
[[experiment]]
name = "two_classes"
features = ["majority", "tensor_7"]
models = ["logistic_regression"]
permutations = 9
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"""

# Without classes there is no table `confusion`, and the model has another name.
OTHER_EXPERIMENT = """
[[experiment]]
name = "two_classes"
target = { kind = "ranking" }
features = ["norms"]
models = ["elastic_net"]
permutations = 0
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"""

LABELLED = """
[study]
name = "labelled"

[measure]
sources = ["zoo"]
metadata = "labels.csv"
run = "training"
step = "epoch"
twins = ["shuffle"]

[populations]
label = "accuracy"
width = 0.5
min_runs = 1
"""


@dataclass
class Home:
    """The folder that a scenario runs in: sources, a study file, and the output."""
    folder: Path
    program: str

    @property
    def out(self) -> Path:
        return self.folder / OUT

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE)

    def run_before(self, arguments: list[str]):
        """Runs a command that is not recorded."""
        settle()
        ended = self.run(arguments)
        # 3: done, with checkpoints that failed.
        assert ended.returncode in (0, 3), ended

    def write_networks(self, numbers: range, content: int = 0):
        (self.folder / "zoo").mkdir(exist_ok=True)
        for number in numbers:
            self.network(number).write_bytes(checkpoint(100 * content + number))

    def network(self, number: int) -> Path:
        return self.folder / "zoo" / f"net{number}.safetensors"

    def write_broken(self, number: int):
        self.network(number).write_bytes(b"\xa5" * 300)

    def write_labels(self, numbers: range, with_note: bool):
        lines = ["path,training,epoch,accuracy" + ",note" * with_note]
        for number in numbers:
            note = f",note {number}" * with_note
            lines.append(f"zoo/{self.network(number).name},r{number // 2},{number % 2},0.{number + 1}{note}")
        (self.folder / "labels.csv").write_text("\n".join(lines) + "\n")

    def write_study(self, text: str):
        (self.folder / "study.toml").write_text(text)


def checkpoint(seed: int) -> bytes:
    """A network of two small layers."""
    generator = random.Random(seed)
    header, data = {}, b""
    for layer, (n_in, n_out) in enumerate([(6, 5), (5, 3)]):
        offsets = [len(data), len(data) + 4 * n_in * n_out]
        header[f"fc{layer}.weight"] = {"dtype": "F32", "shape": [n_out, n_in], "data_offsets": offsets}
        data += struct.pack(f"<{n_in * n_out}f", *(generator.gauss(0, 1) for _ in range(n_in * n_out)))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def settle():
    """Waits until a file that was written before is older than a run that starts now."""
    time.sleep(0.05)


def measure(*options: str, out: str = OUT, workers: int = 1) -> list[str]:
    return ["measure", "zoo", "--out", out, "--json", "--workers", str(workers), *QUIET, *options]


def watch(what: str, *options: str) -> list[str]:
    return ["watch", what, "--out", OUT, "--once", "--quiet", "0.02", "--workers", "1", *QUIET, *options]


def run_study(*options: str, out: str = OUT) -> list[str]:
    return ["run", "study.toml", "--out", out, "--json", "--workers", "1", *QUIET, *options]


# Rows of the tables that a batch may lack.
OPTIONAL_ROWS = ["--neurons", "full", "--strongest-links", "4"]

ALL_ROWS = ["--twin", "shuffle,sign", *OPTIONAL_ROWS]


def first(home: Home):
    home.write_networks(range(4))
    home.write_broken(9)


def resume(home: Home):
    home.write_networks(range(3))
    home.run_before(measure(*ALL_ROWS))
    home.write_networks(range(3, 6))


def several_workers(home: Home):
    home.write_networks(range(8))


def new_twin(home: Home):
    home.write_networks(range(4))
    home.run_before(measure("--twin", "shuffle"))


def merge(home: Home):
    for end in (2, 4):
        home.write_networks(range(end - 2, end))
        home.run_before(measure("--twin", "shuffle"))
    home.write_networks(range(4, 6))


def retry(home: Home):
    home.write_networks(range(3))
    home.write_broken(3)
    home.run_before(measure("--twin", "shuffle"))
    home.write_networks(range(3, 5))


def reuse(home: Home):
    home.write_networks(range(4))
    home.run_before(measure(*OPTIONAL_ROWS, out="other"))
    home.network(0).rename(home.network(7))
    home.write_networks(range(8, 10))


def fresh(home: Home):
    home.write_networks(range(3))
    home.run_before(measure("--twin", "shuffle"))
    home.run_before(measure("--twin", "shuffle,sign"))


def changed_sources(home: Home):
    home.write_networks(range(5))
    home.write_broken(5)
    home.run_before(watch("zoo", "--twin", "shuffle", *OPTIONAL_ROWS))
    home.write_networks(range(1, 3), content=1)
    home.network(3).unlink()
    home.network(5).unlink()
    home.write_networks(range(6, 8))


def new_label(home: Home):
    home.write_study(LABELLED)
    home.write_networks(range(6))
    home.write_labels(range(6), with_note=False)
    home.run_before(watch("study.toml"))
    home.write_networks(range(6, 8))
    home.write_labels(range(1, 8), with_note=True)
    home.network(0).unlink()


def train(home: Home):
    home.write_study(TRAINING)


def experiment(home: Home):
    home.write_study(TRAINING)
    home.run_before(run_study())
    home.write_study(TRAINING + EXPERIMENT)


def experiment_again(home: Home):
    home.write_study(TRAINING + EXPERIMENT)
    home.run_before(run_study())
    home.write_study(TRAINING + OTHER_EXPERIMENT)


def other_tables(home: Home):
    home.write_study(TRAINING)
    home.run_before(run_study(out="other"))
    home.write_study(TRAINING + EXPERIMENT)


@dataclass
class Scenario:
    """What comes before, and the command that is recorded, and given again after each crash."""
    prepare: Callable[[Home], None]
    command: list[str]
    twins: list[str] = field(default_factory=list)
    # Whether the rows of earlier runs must be kept.
    keeps_earlier: bool = True


SCENARIOS = {
    "first": Scenario(first, measure()),
    "resume": Scenario(resume, measure(*ALL_ROWS), ["shuffle", "sign"]),
    "several-workers": Scenario(several_workers, measure(*ALL_ROWS, workers=4), ["shuffle", "sign"]),
    "new-twin": Scenario(new_twin, measure("--twin", "shuffle,sign"), ["shuffle", "sign"]),
    "merge": Scenario(merge, measure("--twin", "shuffle"), ["shuffle"]),
    "retry": Scenario(retry, measure("--twin", "shuffle", "--retry-failed"), ["shuffle"]),
    "reuse": Scenario(reuse, measure(*OPTIONAL_ROWS, "--reuse", "other")),
    "fresh": Scenario(fresh, measure("--twin", "sign", "--fresh"), ["sign"], keeps_earlier=False),
    "watch": Scenario(changed_sources, watch("zoo", "--twin", "shuffle", *OPTIONAL_ROWS), ["shuffle"]),
    "label": Scenario(new_label, watch("study.toml"), ["shuffle"]),
    "train": Scenario(train, run_study()),
    "experiment": Scenario(experiment, run_study()),
    "experiment-again": Scenario(experiment_again, run_study()),
    "tables": Scenario(other_tables, run_study("--tables", "other")),
}


def with_same_sources(home: Home, folder: Path) -> Home:
    """A folder that has the sources of another one, but none of its output."""
    folder.mkdir()
    for entry in home.folder.iterdir():
        if entry.name != WATCHED:
            os.symlink(entry.resolve(), folder / entry.name)
    return Home(folder, home.program)
