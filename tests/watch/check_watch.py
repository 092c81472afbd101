"""A watched study is at every quiet moment what a fresh run would make of it.

Usage, from anywhere in a clone:
    tests/watch/check_watch.py CNTFLOW                          six moments
    tests/watch/check_watch.py CNTFLOW --moments 50 --changes 20
    --store             the checkpoints are in a bucket, and so are the tables of the three processes
    --faults            at each moment something happens to a watcher, see `faults.py`

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
from contextlib import ExitStack
from pathlib import Path

for folder in ("chaos", "object_stores"):
    sys.path.append(str(Path(__file__).resolve().parents[1] / folder))

import polars as pl
from faults import Faults
from faulty_store import BUCKET, copy_to_disk, servers
from processes import outlive_limits

STUDY = """
[study]
name = "watched"

[measure]
sources = ["SOURCE"]
metadata = "labels.csv"
run = "training"
step = "epoch"
neurons = "full"
strongest_links = 5
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
        "neurons": ["checkpoint", "layer", "neuron"],
        "links": ["checkpoint", "layer", "name", "rank"], "coverage": ["checkpoint", "tensor"],
        "densities": None, "divergences": None}
TABLES = [*KEYS, "twins/shuffle/networks", "twins/shuffle/layers", "twins/shuffle/links",
          "experiments/two_classes/scores", "experiments/two_classes/predictions", "experiments/two_classes/verdicts"]

# Nothing printed for this long after results is a quiet moment, in seconds. On a busy machine it is
# as long as they have taken, up to the longer time.
SILENCE, LONG_SILENCE = 2, 10

QUICK = ["--quiet", "0.2", "--poll", "0.5", "--results-after", "0.3", "--progress", "none"]

# Longest time until a change has been taken in.
PATIENCE = 120

# The exit code of a program that an error has ended.
FAILED = 1


class Zoo:
    """Checkpoints of runs in a folder, and the labels of each."""

    source = "zoo"

    def __init__(self, here, generator):
        self.here, self.generator = here, generator
        self.labels = {}
        self.content = 0
        (here / "zoo").mkdir()
        (here / "study.toml").write_text(STUDY.replace("SOURCE", self.source))
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
        self.put(path, data, in_one_step=chance < 0.5)

    def put(self, path, data, in_one_step):
        """In one step, as careful writers do, or by and by."""
        temporary = path.with_name(f".{path.name}")
        temporary.write_bytes(data)
        if in_one_step:
            temporary.rename(path)
        else:
            temporary.unlink()
            with open(path, "wb") as file:
                file.write(data[:50])
                file.flush()
                time.sleep(0.01)
                file.write(data[50:])

    def delete(self, path):
        path.unlink()

    def touch(self, path):
        path.touch()

    def write_labels(self):
        lines = ["path,training,epoch,accuracy,note"]
        for name, labels in sorted(self.labels.items()):
            lines.append(f"{self.source}/{name},{labels['run']},{labels['step']},{labels['accuracy']},{labels['note']}")
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
            self.delete(self.here / "zoo" / name)
        elif kind == "correct":
            self.labels[name]["accuracy"] = self.accuracy()
        elif kind == "annotate":
            self.labels[name]["note"] = self.generator.choice(["", "again", "lr, 'high'".replace(",", ";")])
        elif kind == "touch":
            self.touch(self.here / "zoo" / name)
        if kind != "touch":
            self.write_labels()


class StoredZoo(Zoo):
    """The same in a bucket; the folder has a copy."""

    source = f"s3://{BUCKET}/zoo"

    def __init__(self, here, generator, s3):
        self.s3 = s3
        super().__init__(here, generator)

    def put(self, path, data, in_one_step):
        super().put(path, data, in_one_step)
        self.s3.put_object(Bucket=BUCKET, Key=f"zoo/{path.name}", Body=data)

    def delete(self, path):
        super().delete(path)
        self.s3.delete_object(Bucket=BUCKET, Key=f"zoo/{path.name}")

    def touch(self, path):
        self.put(path, path.read_bytes(), in_one_step=True)


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

    def __init__(self, program, here, name, options, environment, out=None):
        self.command = [program, "watch", "study.toml", "--out", out or name, *QUICK, *options]
        self.here, self.name, self.environment = here, name, environment
        # Whether something has happened to it that may end it.
        self.is_disturbed = False
        self.start()

    def start(self, *options):
        self.lines = queue.Queue()
        self.forget()
        with open(self.here / f"{self.name}.log", "a") as log:
            self.child = subprocess.Popen([*self.command, *options], cwd=self.here, env=self.environment,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                          preexec_fn=outlive_limits)  # fmt: skip
        threading.Thread(target=self.read, args=(self.child, self.lines), daemon=True).start()

    def read(self, child, lines):
        with open(self.here / f"{self.name}.lines", "a") as copy:
            for line in child.stdout:
                copy.write(line)
                copy.flush()
                lines.put(json.loads(line))

    def has_ended(self):
        return self.child.poll() is not None

    def processes(self):
        """Those that measure: the program, or those that it has started."""
        process = self.child.pid
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return [int(child) for child in children] or [process]

    def take(self, line):
        """Takes in a line that the program has printed."""
        if line["event"] == "update":
            self.last, self.has_results, self.took = line, False, line["seconds_of_update"]
        elif line["event"] == "results":
            self.has_results, self.took = True, max(self.took, line["seconds_of_results"])

    def forget(self):
        """Forgets what the program has printed: it is started again."""
        while not self.lines.empty():
            self.lines.get()
        self.last, self.has_results, self.took = None, False, 0

    def is_current(self, n_checkpoints):
        return self.has_results and sum(self.last["checkpoints"].values()) == n_checkpoints

    def settle(self, n_checkpoints):
        """Waits for a quiet moment. What has happened to the program may have ended it with an error."""
        began = time.monotonic()
        while True:
            if self.has_ended():
                code = self.child.returncode
                assert self.is_disturbed and code == FAILED, f"{self.name}: ended with {code}; see {self.here}"
                self.start()
            try:
                self.take(self.lines.get(timeout=min(max(SILENCE, self.took), LONG_SILENCE)))
            except queue.Empty:
                if self.is_current(n_checkpoints) and not self.has_ended():
                    break
            assert time.monotonic() - began < PATIENCE, f"{self.name}: no quiet moment; see {self.here}"
        self.is_disturbed = False

    def end(self, how):
        self.child.send_signal(how)
        code = self.child.wait(timeout=PATIENCE)
        assert code == (-9 if how == signal.SIGKILL else 128 + how), (self.name, code)

    def end_and_start(self, generator):
        is_killed = self.name == "threads" and generator.random() < 0.5
        self.end(signal.SIGKILL if is_killed else signal.SIGTERM)
        self.start()

    def folder(self):
        """A folder of this machine with its output."""
        return self.here / self.name


class StoringWatcher(Watcher):
    """One that writes to the bucket."""

    def __init__(self, program, here, name, options, environment, s3):
        self.s3 = s3
        super().__init__(program, here, name, options, environment, f"s3://{BUCKET}/{name}")

    def folder(self):
        copy = super().folder()
        shutil.rmtree(copy, ignore_errors=True)
        copy_to_disk(self.s3, f"{self.name}/", copy)
        return copy


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
                rows = range(min(ours.height, theirs.height))
                row = next((row for row in rows if ours[name][row] != theirs[name][row]), None)
                print(table, name, row is not None and (ours.row(row), theirs.row(row)))
        sys.exit(f"table {table}: {watched} differs from a fresh run ({theirs.height} rows, {ours.height})")


class Scene:
    """A zoo, and two programs that watch it."""

    def __init__(self, program, here, generator, stack, on_store):
        self.program, self.here = program, here
        self.environment, proxy = None, None
        threads, processes = ["--workers", "3"], ["--processes", "3", "--workers", "1"]
        if on_store:
            proxy, s3 = stack.enter_context(servers())
            self.environment = proxy.environment(here / "cache")
            self.zoo = StoredZoo(here, generator, s3)
            last = StoringWatcher(program, here, "processes", processes, self.environment, s3)
        else:
            self.zoo = Zoo(here, generator)
            last = Watcher(program, here, "processes", processes, self.environment)
        self.watchers = [Watcher(program, here, "threads", threads, self.environment), last]
        atexit.register(lambda: [watcher.child.kill() for watcher in self.watchers])
        # A first look at a file that the table of labels does not have yet would end the program.
        self.settle()
        self.faults = Faults(self.watchers, proxy, generator)

    def settle(self):
        for watcher in self.watchers:
            watcher.settle(len(self.zoo.labels))

    def run(self, *arguments):
        """Runs the program, and returns what it prints."""
        done = subprocess.run([self.program, *arguments], cwd=self.here, env=self.environment, capture_output=True,
                              text=True)
        assert done.returncode in (0, 3), done
        return done.stdout

    def check(self):
        """Compares what the watchers have with a fresh run."""
        self.run("run", "study.toml", "--out", "fresh", "--fresh", "--progress", "none")
        once = self.run("watch", "study.toml", "--out", "fresh", "--once", *QUICK)
        expected = json.loads(once.splitlines()[0])
        for watcher in self.watchers:
            compare(self.here / "fresh", watcher.folder())
            for part in ("checkpoints", "thresholds", "means"):
                assert watcher.last[part] == expected[part], (watcher.name, part, watcher.last[part], expected[part])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--moments", type=int, default=6)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    generator = random.Random(options.seed)
    here = Path(tempfile.mkdtemp())
    print(here, flush=True)
    with ExitStack() as stack:
        scene = Scene(options.program, here, generator, stack, options.store)
        n_changes = 0
        for moment in range(1, options.moments + 1):
            for _ in range(options.changes):
                scene.zoo.change()
                n_changes += 1
                if generator.random() < 0.1:
                    time.sleep(generator.uniform(0, 0.5))
            # In the middle of changes: it may come while tables are written.
            if options.faults:
                print(scene.faults.next(), flush=True)
            elif generator.random() < 0.3:
                generator.choice(scene.watchers).end_and_start(generator)
            scene.settle()
            scene.check()
            print(f"moment {moment}: {len(scene.zoo.labels)} checkpoints after {n_changes} changes, "
                  "all as in a fresh run", flush=True)
        for watcher in scene.watchers:
            watcher.end(signal.SIGTERM)
    if not options.keep:
        shutil.rmtree(here)


if __name__ == "__main__":
    main()
