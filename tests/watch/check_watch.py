"""A watched study is at every quiet moment what a fresh run would make of it.

Usage, from anywhere in a clone:
    tests/watch/check_watch.py CNTFLOW                          six moments
    tests/watch/check_watch.py CNTFLOW --moments 50 --changes 20

CNTFLOW is the program. `cntflow watch` follows a folder of checkpoints and a table of labels, while
checkpoints are added, changed and deleted and labels corrected at random. At each quiet moment every
table, and what the program prints, equals that of a fresh run. Two programs watch at the same time: one
with three workers in one process, and one of three processes. Both are stopped by SIGTERM now and then,
or killed, and started again.
"""
import argparse
import atexit
import json
import queue
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import polars as pl

STUDY = """
[study]
name = "watched"

[measure]
sources = ["zoo"]
metadata = "labels.csv"
run = "training"
step = "epoch"
neurons = "full"
twins = ["shuffle"]

[populations]
label = "accuracy"
width = 0.25
min_runs = 2

[labels]
test_accuracy = "accuracy"

[[experiment]]
name = "two_classes"
features = ["majority", "tensor_7"]
models = ["logistic_regression"]
permutations = 9
protocol = { test_share = 0.25, folds = 2, repeats = 1, draws = 50 }
"""

KEYS = {"networks": ["checkpoint"], "layers": ["checkpoint", "layer", "metric"],
        "neurons": ["checkpoint", "layer", "neuron"], "coverage": ["checkpoint", "tensor"],
        "densities": None, "divergences": None}
TABLES = [*KEYS, "twins/shuffle/networks", "twins/shuffle/layers",
          "experiments/two_classes/scores", "experiments/two_classes/predictions", "experiments/two_classes/verdicts"]

# Nothing printed for this long is a quiet moment.
SILENCE = 2.0

QUICK = ["--quiet", "0.2", "--poll", "0.5", "--results-after", "0.3", "--progress", "none"]

# Longest time until a change has been taken in.
PATIENCE = 120


class Zoo:
    """Checkpoints of runs, and the labels of each."""

    def __init__(self, here, generator):
        self.here, self.generator = here, generator
        self.labels = {}
        self.content = 0
        (here / "zoo").mkdir()
        for _ in range(60):
            self.add()
        self.write_labels()

    def add(self):
        run, step = self.generator.randrange(40), self.generator.randrange(4)
        name = f"r{run}-{step}.safetensors"
        if name not in self.labels:
            self.labels[name] = {"run": f"r{run}", "step": step, "accuracy": self.accuracy(), "note": ""}
            self.write(name)

    def accuracy(self):
        return round(self.generator.random(), 3)

    def write(self, name):
        """Sometimes a file that is broken; sometimes one with the content of another."""
        path = self.here / "zoo" / name
        self.content += 1
        chance = self.generator.random()
        others = sorted(self.labels)
        if chance < 0.05:
            data = b"\xa5" * self.generator.randrange(20, 400)
        elif chance < 0.1 and (self.here / "zoo" / others[0]).exists():
            data = (self.here / "zoo" / others[0]).read_bytes()
        else:
            data = checkpoint(self.content)
        temporary = path.with_name(f".{name}")
        temporary.write_bytes(data)
        # In one step, as careful writers do, or by and by.
        if chance < 0.5:
            temporary.rename(path)
        else:
            temporary.unlink()
            with open(path, "wb") as file:
                file.write(data[:50])
                file.flush()
                time.sleep(0.01)
                file.write(data[50:])

    def write_labels(self):
        lines = ["path,training,epoch,accuracy,note"]
        for name, labels in sorted(self.labels.items()):
            lines.append(f"zoo/{name},{labels['run']},{labels['step']},{labels['accuracy']},{labels['note']}")
        temporary = self.here / ".labels.csv"
        temporary.write_text("\n".join(lines) + "\n")
        temporary.rename(self.here / "labels.csv")

    def change(self):
        names = sorted(self.labels)
        name = self.generator.choice(names)
        kind = self.generator.choice(["add", "add", "change", "delete", "correct", "annotate", "touch"])
        if kind == "add":
            self.add()
        elif kind == "change":
            self.write(name)
        elif kind == "delete" and len(names) > 30:
            del self.labels[name]
            (self.here / "zoo" / name).unlink()
        elif kind == "correct":
            self.labels[name]["accuracy"] = self.accuracy()
        elif kind == "annotate":
            self.labels[name]["note"] = self.generator.choice(["", "again", "lr, 'high'".replace(",", ";")])
        elif kind == "touch":
            (self.here / "zoo" / name).touch()
        if kind != "touch":
            self.write_labels()


def checkpoint(seed):
    generator = random.Random(seed)
    header, offset, data = {}, 0, b""
    for layer, (n_in, n_out) in enumerate([(6, 5), (5, 3)]):
        size = 4 * n_in * n_out
        header[f"fc{layer}.weight"] = {"dtype": "F32", "shape": [n_out, n_in], "data_offsets": [offset, offset + size]}
        data += struct.pack(f"<{n_in * n_out}f", *(generator.gauss(0, 1) for _ in range(n_in * n_out)))
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


class Watcher:
    """`cntflow watch` in the background, and the lines that it has printed."""

    def __init__(self, program, here, out, options):
        self.command = [program, "watch", "study.toml", "--out", out, *QUICK, *options]
        self.here, self.out = here, out
        self.last = None
        self.start()

    def start(self):
        self.lines = queue.Queue()
        log = open(self.here / f"{self.out}.log", "a")
        self.child = subprocess.Popen(self.command, cwd=self.here, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=log, text=True)
        threading.Thread(target=self.read, args=(self.child, self.lines), daemon=True).start()

    @staticmethod
    def read(child, lines):
        for line in child.stdout:
            lines.put(json.loads(line))

    def settle(self):
        """Waits for a quiet moment."""
        began = time.monotonic()
        while True:
            assert self.child.poll() is None, f"{self.out}: ended with {self.child.returncode}; see {self.here}"
            try:
                line = self.lines.get(timeout=SILENCE)
            except queue.Empty:
                if self.last is not None:
                    return
            else:
                if line["event"] == "update":
                    self.last = line
            assert time.monotonic() - began < PATIENCE, f"{self.out}: no quiet moment"

    def end(self, how):
        self.child.send_signal(how)
        code = self.child.wait(timeout=PATIENCE)
        assert code == (-9 if how == signal.SIGKILL else 128 + how), (self.out, code)
        self.last = None


def read(out, table):
    frame = pl.read_parquet(out / "tables" / table / "*.parquet").drop("seconds", strict=False)
    key = KEYS.get(table.split("/")[-1] if not table.startswith("experiments") else table)
    if key is None:
        key = [name for name, dtype in frame.schema.items() if not dtype.is_float() and not dtype.is_nested()]
        key += [name for name in ("at", "x", "value") if name in frame.columns]
    return frame.sort(key)


def compare(fresh, watched):
    for table in TABLES:
        if not (fresh / "tables" / table).exists():
            continue
        ours, theirs = read(fresh, table), read(watched, table)
        if ours.equals(theirs, null_equal=True):
            continue
        for name in ours.columns:
            if not ours[name].equals(theirs[name], null_equal=True):
                rows = [row for row in range(min(ours.height, theirs.height)) if ours[name][row] != theirs[name][row]][:3]
                print(table, name, [(ours.row(row), theirs.row(row)) for row in rows][:1])
        sys.exit(f"table {table}: {watched} differs from a fresh run ({theirs.height} rows, {ours.height})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--moments", type=int, default=6)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    generator = random.Random(options.seed)
    here = Path(tempfile.mkdtemp())
    print(here, flush=True)
    (here / "study.toml").write_text(STUDY)
    zoo = Zoo(here, generator)
    watchers = [Watcher(options.program, here, "threads", ["--workers", "3"]),
                Watcher(options.program, here, "processes", ["--processes", "3", "--workers", "1"])]
    atexit.register(lambda: [watcher.child.kill() for watcher in watchers])
    n_changes = 0
    for moment in range(1, options.moments + 1):
        for _ in range(options.changes):
            zoo.change()
            n_changes += 1
            if generator.random() < 0.1:
                time.sleep(generator.uniform(0, 0.5))
        # A start in the middle of changes: signals may come while tables are written.
        watcher = generator.choice(watchers)
        if generator.random() < 0.3:
            watcher.end(signal.SIGKILL if watcher.out == "threads" and generator.random() < 0.5 else signal.SIGTERM)
            watcher.start()
        for watcher in watchers:
            watcher.settle()
        fresh = here / "fresh"
        run = subprocess.run([options.program, "run", "study.toml", "--out", "fresh", "--fresh", "--progress", "none"],
                             cwd=here, capture_output=True, text=True)
        assert run.returncode in (0, 3), run
        once = subprocess.run([options.program, "watch", "study.toml", "--out", "fresh", "--once", *QUICK],
                              cwd=here, capture_output=True, text=True)
        assert once.returncode in (0, 3), once
        expected = json.loads(once.stdout.splitlines()[0])
        for watcher in watchers:
            compare(fresh, here / watcher.out)
            for part in ("checkpoints", "thresholds", "means"):
                assert watcher.last[part] == expected[part], (watcher.out, part, watcher.last[part], expected[part])
        print(f"moment {moment}: {len(zoo.labels)} checkpoints after {n_changes} changes, all as in a fresh run", flush=True)
    for watcher in watchers:
        watcher.end(signal.SIGTERM)
    if not options.keep:
        shutil.rmtree(here)


if __name__ == "__main__":
    main()
