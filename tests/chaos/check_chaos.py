"""A cluster under faults gives the tables of an undisturbed run.

Usage, from anywhere in a clone:
    tests/chaos/check_chaos.py CNTFLOW                  one seed
    tests/chaos/check_chaos.py CNTFLOW --seeds 1-20     several
    --checkpoints N     number of checkpoints (default 2,000)

CNTFLOW is the program. Three processes measure checkpoints with two twins. Each seed has a budget of
faults, which come one after the other at random times:

    kill      SIGKILL of a process
    stop      SIGSTOP of a process for 30 seconds
    write     a process in which files cannot grow beyond a random size, as on a full disk
    signal    SIGTERM of a process

When the processes have ended, the same commands are started again, until all of them end with code 0.
Then every table equals that of one process without faults, and nothing else is left in the folder.
"""
import argparse
import json
import os
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import polars as pl

N_PROCESSES = 3
TWINS = ["shuffle", "sign"]
WIDTHS = [196, 100, 60, 10]
TABLES = ["networks", "layers", "neurons", "coverage"]
KEYS = {"networks": ["checkpoint"], "layers": ["checkpoint", "layer", "metric"],
        "neurons": ["checkpoint", "layer", "neuron"], "coverage": ["checkpoint", "tensor"]}

# Not of the seed: the same seed may run twice at a time.
PORTS = random.Random()

# A process that is silent for ten seconds is lost, and the others end within fifteen. What has not
# ended after this time never will.
PATIENCE = 90


def write_zoo(folder, n):
    folder.mkdir()
    generator = random.Random(7)
    pool = array("f", (generator.gauss(0, 0.1) for _ in range(1 << 17))).tobytes()
    for index in range(n):
        header, offset = {}, 0
        for layer, (n_in, n_out) in enumerate(zip(WIDTHS, WIDTHS[1:])):
            header[f"fc{layer}.weight"] = {"dtype": "F32", "shape": [n_out, n_in],
                                           "data_offsets": [offset, offset + 4 * n_in * n_out]}
            offset += 4 * n_in * n_out
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        start = 4 * (index * 97 % 10_000)
        (folder / f"net{index:05}.safetensors").write_bytes(
            struct.pack("<Q", len(text)) + text + pool[start:start + offset])
    # One that fails stays one row, whatever happens around it.
    (folder / "broken.safetensors").write_bytes(b"\xa5" * 300)


def free_addresses(n):
    """Ports below those of outgoing connections, which could take one before it is used."""
    sockets = []
    while len(sockets) < n:
        try:
            sockets.append(socket.create_server(("127.0.0.1", PORTS.randrange(10_000, 30_000))))
        except OSError:
            pass
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


class Attempt:
    """The processes of the cluster, started once."""

    def __init__(self, program, here, arguments, limit):
        (here / "hosts").write_text("\n".join(free_addresses(N_PROCESSES)))
        self.here, self.started = here, time.monotonic()
        self.children = []
        for process in range(N_PROCESSES):
            command = [program, *arguments, "--hosts", "hosts", "--process", str(process)]
            prepare = None
            if limit is not None and limit[0] == process:
                prepare = lambda size=limit[1]: limit_files(size)
            log = open(here / f"log{process}", "a")
            self.children.append(subprocess.Popen(command, cwd=here, stdout=subprocess.DEVNULL, stderr=log,
                                                  preexec_fn=prepare))

    def is_running(self):
        return any(child.poll() is None for child in self.children)

    def wait(self):
        for child in self.children:
            left = self.started + PATIENCE - time.monotonic()
            try:
                child.wait(timeout=max(left, 1))
            except subprocess.TimeoutExpired:
                for other in self.children:
                    other.kill()
                sys.exit(f"process {self.children.index(child)} did not end within {PATIENCE} s; see {self.here}")
        return [child.returncode for child in self.children]


def limit_files(size):
    """Writing beyond this size is an error, as on a full disk; its signal is ignored."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def disturb(attempt, fault, generator):
    """Waits a random time, and disturbs a process."""
    time.sleep(generator.uniform(0.02, 1.2))
    child = generator.choice(attempt.children)
    if child.poll() is not None:
        return False
    if fault == "kill":
        child.kill()
    elif fault == "signal":
        child.terminate()
    elif fault == "stop":
        child.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        others = [other for other in attempt.children if other is not child]
        while any(other.poll() is None for other in others):
            took = time.monotonic() - began
            assert took < 30, "a stopped process was not noticed"
            time.sleep(0.1)
        time.sleep(max(0, 30 - (time.monotonic() - began)))
        child.send_signal(signal.SIGCONT)
    return True


def run_seed(program, here, arguments, seed):
    """Runs one seed to its end; returns the faults that have happened and the number of attempts."""
    generator = random.Random(seed)
    # One stop, which takes half a minute; the rest in any order.
    budget = ["stop"] + generator.choices(["kill", "write", "signal"], k=4)
    generator.shuffle(budget)
    happened = []
    for attempt_number in range(1, 40):
        limit = None
        if budget and budget[-1] == "write":
            budget.pop()
            limit = (generator.randrange(N_PROCESSES), generator.choice([500, 5_000, 50_000, 200_000]))
            happened.append("write")
        attempt = Attempt(program, here, arguments, limit)
        if limit is None and budget:
            fault = budget[-1]
            if disturb(attempt, fault, generator):
                happened.append(fault)
                budget.pop()
        codes = attempt.wait()
        # 3: done, with the broken checkpoint.
        if codes == [3] * N_PROCESSES and not budget:
            return happened, attempt_number
        if codes == [3] * N_PROCESSES:
            # Done before all faults came: a new start has something to do.
            shutil.rmtree(here / "out" / "tables" / "twins" / TWINS[0])
    sys.exit(f"seed {seed}: not done after 39 attempts; see {here}")


def read(out, table):
    frame = pl.read_parquet(out / table / "*.parquet")
    name = table.split("/")[-1]
    return frame.drop("seconds", strict=False).sort(KEYS[name])


def compare(undisturbed, disturbed):
    tables = TABLES + [f"twins/{twin}/{table}" for twin in TWINS for table in ("networks", "layers")]
    for table in tables:
        ours, theirs = read(undisturbed / "tables", table), read(disturbed / "tables", table)
        assert ours.height > 0 and ours.equals(theirs, null_equal=True), f"table {table} differs"
    files = {path.relative_to(disturbed) for path in disturbed.rglob("*") if path.is_file()}
    leftovers = [path for path in files if path.name.endswith(".part") or "tmp" in path.name]
    assert not leftovers, f"left over: {leftovers}"
    # Each part belongs to a batch that is committed.
    batches = {path.name for path in files if path.parent == Path("tables/networks")}
    strays = [path for path in files if path.parent == Path("tables/layers") and path.name not in batches]
    assert not strays, f"parts without a batch: {strays}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--seeds", default="1-1")
    parser.add_argument("--checkpoints", type=int, default=2000)
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    arguments = ["measure", "zoo", "--out", "out", "--workers", "1", "--commit-every", "1", "--neurons", "full",
                 "--twin", ",".join(TWINS), "--progress", "none"]
    cluster = ["--connect-timeout", "10"]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder)
        write_zoo(whole / "zoo", options.checkpoints)
        alone = subprocess.run([options.program, *arguments], cwd=whole, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        assert alone.returncode == 3, alone.returncode
        for seed in range(first, last + 1):
            here = whole / f"seed{seed}"
            here.mkdir()
            (here / "zoo").symlink_to(whole / "zoo")
            began = time.monotonic()
            faults, n_attempts = run_seed(options.program, here, arguments + cluster, seed)
            compare(whole / "out", here / "out")
            print(f"seed {seed}: {', '.join(faults)}; {n_attempts} attempts, {time.monotonic() - began:.0f} s: "
                  "the tables of an undisturbed run", flush=True)
            shutil.rmtree(here)


if __name__ == "__main__":
    main()
