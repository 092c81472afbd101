"""A run whose calls of an object store fail gives the tables of an undisturbed run.

Usage, from anywhere in a clone:
    tests/chaos/check_store_chaos.py CNTFLOW                one seed
    tests/chaos/check_store_chaos.py CNTFLOW --seeds 1-20   several; or 6,19
    --checkpoints N     number of checkpoints (default 600)

CNTFLOW is the program. It measures checkpoints with two twins, alone or in two processes. The output is in
a bucket of an S3 server on loopback; the checkpoints are on a disk or in the bucket. Each seed has a budget
of faults, each of which hits the n-th call of its kind (GET, HEAD, LIST, PUT or DELETE):

    busy        status 503, more often than the call is repeated
    forbidden   status 403
    reset       the connection is reset before the server hears of the call
    lost        the server does what it is asked for, and the answer is lost
    late        the answer comes 15 seconds late

The same commands are started again until all faults have come. All processes of a cluster end with the same
code, and an error names an object. When they are done, every checkpoint has a row. After a last start without
faults, every table equals that of a run without faults, and nothing else is left in the bucket.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "object_stores"))

from faulty_store import BUCKET, RETRIES, Fault, copy_to_disk, keys, remove, servers
from measured_zoo import DONE, OPTIONS, TABLES, TWINS, compare, write_zoo
from processes import Processes, cluster_commands, free_addresses

FAILED = 1
N_FAULTS = 6
SOURCES = {"disk": "zoo", "bucket": f"s3://{BUCKET}/zoo"}

# What the proxy calls each fault, and how many calls of the same object it hits.
KINDS = {"busy": (503, RETRIES + 1), "forbidden": (403, 1), "reset": ("reset", 1), "lost": ("lost", 1),
         "late": ("late", 1)}  # fmt: skip


class Store:
    """The bucket, and runs that write to it."""

    def __init__(self, program, whole, proxy, s3):
        self.program, self.whole, self.proxy, self.s3 = program, whole, proxy, s3
        self.environment = proxy.environment(whole / "cache")
        self.n_calls = {}

    def run(self, here, source, out, n_processes, *options):
        """Runs a cluster, or one process, until it ends."""
        command = [self.program, "measure", SOURCES[source], "--out", f"s3://{BUCKET}/{out}", *OPTIONS, *options]
        commands = [command]
        if n_processes > 1:
            commands = cluster_commands([*command, "--connect-timeout", "20"], here, free_addresses(n_processes))
        processes = Processes(commands, here, self.environment)
        codes = processes.wait(patience=200)
        said = "\n".join(map(processes.said, range(n_processes)))
        assert len(set(codes)) == 1, f"exit codes {codes}\n{said}"
        return codes[0], said

    def run_undisturbed(self, source):
        """Measures a source without faults, and counts the calls of each kind."""
        here = self.whole / source
        here.mkdir()
        (here / "zoo").symlink_to(self.whole / "zoo")
        self.proxy.forget_requests()
        code, said = self.run(here, source, source, 1)
        assert code == DONE, said
        self.n_calls[source] = self.proxy.calls()
        self.copy(source, here / "out")

    def copy(self, out, folder):
        """Copies an output folder to a disk."""
        copy_to_disk(self.s3, f"{out}/", folder)
        remove(self.s3, f"{out}/")

    def draw_faults(self, generator, source):
        """Names of faults: kinds of calls, and what happens to them."""
        return generator.sample([(call, kind) for call in sorted(self.n_calls[source]) for kind in KINDS], N_FAULTS)

    def inject(self, generator, source, faults, attempt):
        """Injects these faults, each at a random call. Later attempts make fewer calls."""
        injected = {}
        for name in faults:
            call, (kind, times) = name[0], KINDS[name[1]]
            skip = generator.randrange(max(1, self.n_calls[source][call] // attempt))
            injected[name] = Fault(call, kind, times, skip=skip)
        self.proxy.inject(*injected.values())
        return injected

    def run_seed(self, seed, here):
        """Runs one seed to its end; returns what it was about, and the number of attempts."""
        generator = random.Random(seed)
        source, n_processes = source_of(seed), 1 + seed // 2 % 2
        faults = self.draw_faults(generator, source)
        about = f"{n_processes} processes, checkpoints on {source}, " + ", ".join(map(" ".join, faults))
        out = here.name
        for attempt in range(1, 60):
            injected = self.inject(generator, source, faults, attempt)
            code, said = self.run(here, source, out, n_processes)
            assert code in (DONE, FAILED), f"exit code {code}\n{said}"
            assert code == DONE or "s3://" in said, f"the error names no object\n{said}"
            assert "has taken over" not in said, f"nobody has taken over\n{said}"
            self.proxy.inject()
            faults = [name for name, fault in injected.items() if fault.path is None]
            if code == DONE:
                self.check_done(out)
            if not faults:
                break
            if code == DONE:
                # Done before all faults came: a new start has something to do.
                remove(self.s3, f"{out}/tables/twins/{TWINS[0]}/")
        else:
            sys.exit(f"seed {seed}: {faults} did not come")
        code, said = self.run(here, source, out, n_processes, "--retry-failed")
        assert code == DONE, said
        self.check_keys(source, out)
        self.copy(out, here / "out")
        compare(self.whole / source / "out", here / "out")
        return about, attempt

    def check_done(self, out):
        """Makes sure that every checkpoint has a row, of whatever status."""
        query = ["query", f"s3://{BUCKET}/{out}", "SELECT count(*) AS n FROM networks", "--format", "json"]
        done = subprocess.run([self.program, *query], env=self.environment, capture_output=True, text=True, check=True)
        n_rows, n_checkpoints = json.loads(done.stdout)[0]["n"], len(os.listdir(self.whole / "zoo"))
        assert n_rows == n_checkpoints, f"the run is done, with {n_rows} of {n_checkpoints} rows"

    def check_keys(self, source, out):
        """Makes sure that nothing is in the bucket that an undisturbed run does not leave as well."""
        expected = self.whole / source / "out"
        expected = {places(path.relative_to(expected).as_posix()) for path in expected.rglob("*") if path.is_file()}
        found = {places(key.removeprefix(f"{out}/")) for key in keys(self.s3, f"{out}/")}
        # The processes of a cluster leave a token.
        assert found - expected <= {".lock-pshared"}, f"left over: {found - expected}"


def source_of(seed):
    return sorted(SOURCES)[seed % 2]


def seeds(text):
    """The seeds of a range such as 1-20, or of a list such as 6,19."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if last else list(map(int, text.split(",")))


def places(key):
    """The key of a file of an output folder; of a part of a table only its folder."""
    folder = key.rpartition("/")[0]
    return folder if folder.rpartition("/")[2] in TABLES else key


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(Path(text).resolve()))
    parser.add_argument("--seeds", type=seeds, default=[1])
    parser.add_argument("--checkpoints", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, servers() as (proxy, s3):
        whole = Path(folder)
        write_zoo(whole / "zoo", options.checkpoints)
        for path in (whole / "zoo").iterdir():
            s3.put_object(Bucket=BUCKET, Key=f"zoo/{path.name}", Body=path.read_bytes())
        store = Store(options.program, whole, proxy, s3)
        for source in sorted(set(map(source_of, options.seeds))):
            store.run_undisturbed(source)
            print(f"checkpoints on {source}: {store.n_calls[source]}", flush=True)
        for seed in options.seeds:
            here = whole / f"seed{seed}"
            here.mkdir()
            (here / "zoo").symlink_to(whole / "zoo")
            began = time.monotonic()
            about, n_attempts = store.run_seed(seed, here)
            print(f"seed {seed}: {about}; {n_attempts} attempts, {time.monotonic() - began:.0f} s: "
                  "the tables of an undisturbed run", flush=True)
            shutil.rmtree(here)


if __name__ == "__main__":
    main()
