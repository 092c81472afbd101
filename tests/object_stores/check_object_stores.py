#!/usr/bin/env python3
"""Checks cntflow against an S3 server: moto on loopback, behind a proxy that injects faults.

    tests/object_stores/check_object_stores.py target/release/cntflow

The same checkpoints are written to a folder and to a bucket. The checks, in this order:

- Catalogs and tables of both are equal, with the tables on a disk and in the bucket.
- Responses of status 503 and broken connections are retried.
- An object that always fails becomes a row with its name and the exit code 3; other rows are as
  usual.
- A killed run resumes where it stopped, and its leftovers are removed.
- A prefix is served, and nothing is written below it.

Everything is on 127.0.0.1. The exit code is 1 if a check fails.
"""

import gzip
import io
import json
import random
import re
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from faulty_store import BUCKET, keys, servers

CHECKPOINTS = 40
# Rows of the tables that a batch may lack.
OPTIONAL_ROWS = ["--neurons", "full", "--strongest-links", "4"]
TABLES = ["networks", "layers", "neurons", "links", "coverage"]
# The readable checkpoints of `published_layouts`: 3 of a Ray Tune run, 30 rows of a matrix, 1 model
# in two shards, 5 in an archive.
PUBLISHED_CHECKPOINTS = 3 + 30 + 1 + 5
SMALL_CNN_COLUMNS = """varname,start_idx,end_idx,shape
sequential/conv2d/bias:0,0,16,"(16,)"
sequential/conv2d/kernel:0,16,160,"(3, 3, 1, 16)"
sequential/conv2d_1/bias:0,160,176,"(16,)"
sequential/conv2d_1/kernel:0,176,2480,"(3, 3, 16, 16)"
sequential/conv2d_2/bias:0,2480,2496,"(16,)"
sequential/conv2d_2/kernel:0,2496,4800,"(3, 3, 16, 16)"
sequential/dense/bias:0,4800,4810,"(10,)"
sequential/dense/kernel:0,4810,4970,"(16, 10)"
"""
# Time limit for every command, in seconds.
COMMAND_SECONDS = 120


def checkpoint(number):
    """A dense network of 6, 5 and 3 neurons as a safetensors file, with labels in its metadata."""
    shapes = {"0.weight": [5, 6], "0.bias": [5], "2.weight": [3, 5], "2.bias": [3]}
    header = {"__metadata__": {"run": f"run-{number // 4}", "step": str(number % 4), "accuracy": str(number / 100)}}
    values, offset = b"", 0
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        values += struct.pack(f"<{count}f", *(((number * 31 + offset + i * 7) % 97) / 50 - 1 for i in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * count]}
        offset += 4 * count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + values


def published_layouts():
    """Yields the names and contents of files in published layouts.

    They are a run of Ray Tune with one truncated checkpoint, rows of a Small CNN Zoo, a model in two
    shards, and an archive.
    """
    yield "ray/run_1/params.json", b'{"lr": 0.1}'
    lines = [json.dumps({"training_iteration": epoch, "test_acc": epoch / 10}) for epoch in range(1, 4)]
    yield "ray/run_1/result.json", "\n".join(lines).encode()
    for epoch in range(4):
        yield f"ray/run_1/checkpoint_{epoch}/checkpoints", checkpoint(epoch)[: -4 if epoch == 3 else None]
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (30, 4970), }".ljust(117) + "\n"
    values = struct.pack("<149100f", *(number % 89 / 50 - 1 for number in range(149100)))
    yield "cnn/weights.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values
    yield "cnn/layout.csv", SMALL_CNN_COLUMNS.encode()
    rows = [f"relu,mnist,run_{row // 3},{row % 3},0.{row}" for row in range(30)]
    text = "\n".join(["config.activation,config.dataset,modeldir,step,test_accuracy", *rows, ""])
    yield "cnn/metrics.csv.gz", gzip.compress(text.encode())
    shards = {f"model-0000{i}-of-00002.safetensors": shard(name) for i, name in [(1, "fc1"), (2, "fc2")]}
    shard_of_tensor = {f"fc{i}.weight": f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
    yield "hugging/config.json", b'{"model_type": "mlp"}'
    yield "hugging/model.safetensors.index.json", json.dumps({"weight_map": shard_of_tensor}).encode()
    for name, content in shards.items():
        yield f"hugging/{name}", content
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number in range(5):
            member = tarfile.TarInfo(f"run/m{number}.safetensors")
            member.size = len(checkpoint(number))
            archive.addfile(member, io.BytesIO(checkpoint(number)))
    yield "packed/zoo.tar.gz", packed.getvalue()


def shard(name):
    """A safetensors file with one tensor of 4 x 4."""
    header = json.dumps({f"{name}.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack("<16f", *range(16))


class Check:
    """One folder, one bucket, and the checks, which run in order: later ones use results of earlier ones."""

    def __init__(self, cntflow, folder, proxy, s3):
        self.cntflow, self.folder, self.proxy, self.s3 = cntflow, Path(folder), proxy, s3
        self.environment = proxy.environment(self.folder / "cache")

    def run(self, *arguments, code=0):
        """Runs cntflow, checks its exit code, and returns its standard output."""
        command = [self.cntflow, *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        assert done.returncode == code, f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def rows(self, out, table):
        """The rows of a table by `cntflow query`, without wall times and folders of checkpoints."""
        rows = json.loads(self.run("query", out, f"SELECT * FROM {table}", "--format", "json"))
        for row in rows:
            row.pop("seconds", None)
            row["checkpoint"] = row["checkpoint"].rpartition("/")[2]
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))

    def check_tables_equal(self, expected_out, actual_out):
        for table in TABLES:
            expected, actual = self.rows(expected_out, table), self.rows(actual_out, table)
            assert expected and expected == actual, f"{table} of {actual_out} differs from that of {expected_out}"

    def measure(self, source, out, *options, code=0):
        """Measures a source, and returns the counts of checkpoints."""
        always = [*OPTIONAL_ROWS, "--progress", "none", "--json"]
        text = self.run("measure", source, "--out", out, *always, *options, code=code)
        return json.loads(text)["checkpoints"]

    def make_checkpoints(self):
        (self.folder / "zoo").mkdir()
        for number in range(CHECKPOINTS):
            name = f"c{number:02}.safetensors"
            (self.folder / "zoo" / name).write_bytes(checkpoint(number))
            self.s3.put_object(Bucket=BUCKET, Key=f"zoo/{name}", Body=checkpoint(number))
        self.s3.put_object(Bucket=BUCKET, Key="zoo/notes.txt", Body=b"no checkpoint")
        (self.folder / "zoo" / "notes.txt").write_bytes(b"no checkpoint")

    def catalogs_are_equal_and_only_headers_are_read(self):
        def catalog_of(source):
            catalog = json.loads(self.run("catalog", source, "--json"))
            names = [path["path"].rpartition("/")[2] for path in catalog["passed_over"]]
            for entry in catalog["checkpoints"]:
                for key in ("checkpoint", "path"):
                    entry[key] = json.dumps(entry[key]).rpartition("/")[2]
            return catalog["checkpoints"], names

        self.proxy.forget_requests()
        assert catalog_of("zoo") == catalog_of(f"s3://{BUCKET}/zoo")
        assert catalog_of("zoo/c0*") == catalog_of(f"s3://{BUCKET}/zoo/c0*")
        reads = [request for request in self.proxy.requests_for(".safetensors") if request[0] == "GET"]
        assert len(reads) == CHECKPOINTS + 10, f"{len(reads)} reads, {CHECKPOINTS + 10} objects"
        # Each read is one range at the start of the object, large enough for a header.
        assert all(re.fullmatch(r"bytes=0-\d{3,5}", range_header or "") for _, _, range_header in reads), reads[:3]

    def tables_are_equal(self):
        self.measure("zoo", "disk")
        self.measure(f"s3://{BUCKET}/zoo", "disk-of-objects")
        self.check_tables_equal("disk", "disk-of-objects")
        self.measure(f"s3://{BUCKET}/zoo", f"s3://{BUCKET}/out")
        self.check_tables_equal("disk", f"s3://{BUCKET}/out")
        assert not keys(self.s3, "out/.lock"), "the lease was not removed"
        again = self.measure(f"s3://{BUCKET}/zoo", f"s3://{BUCKET}/out")
        assert (again["new"], again["resumed"]) == (0, CHECKPOINTS), again

    def published_layouts_are_equal(self):
        for name, content in published_layouts():
            path = self.folder / "zoos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.s3.put_object(Bucket=BUCKET, Key=f"zoos/{name}", Body=content)
        expected = self.measure("zoos", "zoos-disk", code=3)
        actual = self.measure(f"s3://{BUCKET}/zoos", f"s3://{BUCKET}/zoos-out", code=3)
        assert expected == actual, (expected, actual)

        def rows(out, table):
            text = json.dumps(self.rows(out, table), sort_keys=True)
            return text.replace(f"s3://{BUCKET}/", "")

        for table in TABLES:
            assert rows("zoos-disk", table) == rows(f"s3://{BUCKET}/zoos-out", table), table
        assert expected["failed"] == 1 and expected["ok"] == PUBLISHED_CHECKPOINTS, expected

    def faults_are_retried(self):
        self.proxy.inject_fault("zoo/c03.safetensors", 503, 2)
        self.proxy.inject_fault("zoo/c04.safetensors", "cut", 2)
        self.proxy.forget_requests()
        self.measure(f"s3://{BUCKET}/zoo/c0*", "retried")
        assert len(self.proxy.requests_for("c03")) >= 4 and len(self.proxy.requests_for("c04")) >= 4
        rows = self.rows("retried", "networks")
        assert len(rows) == 10 and all(row["status"] == "ok" for row in rows), rows

    def a_permanent_fault_is_a_failed_row(self):
        fault = self.proxy.inject_fault("zoo/c05.safetensors", 500, 10**6)
        counts = self.measure(f"s3://{BUCKET}/zoo", f"s3://{BUCKET}/failing", code=3)
        assert (counts["ok"], counts["failed"]) == (CHECKPOINTS - 1, 1), counts
        rows = {row["checkpoint"]: row for row in self.rows(f"s3://{BUCKET}/failing", "networks")}
        reason = rows["c05.safetensors"]["reason"]
        assert rows["c05.safetensors"]["status"] == "failed", rows["c05.safetensors"]
        assert f"s3://{BUCKET}/zoo/c05.safetensors" in reason and "500" in reason, reason
        expected = self.rows(f"s3://{BUCKET}/out", "networks")
        expected = [row for row in expected if row["checkpoint"] != "c05.safetensors"]
        actual = [row for name, row in rows.items() if name != "c05.safetensors"]
        assert sorted(actual, key=str) == sorted(expected, key=str)
        fault.times = 0
        self.measure(f"s3://{BUCKET}/zoo", f"s3://{BUCKET}/failing", "--retry-failed")
        self.check_tables_equal("disk", f"s3://{BUCKET}/failing")

    def a_killed_run_resumes(self):
        out = f"s3://{BUCKET}/killed"
        self.proxy.delay = 0.1
        command = [self.cntflow, "measure", f"s3://{BUCKET}/zoo", "--out", out, *OPTIONAL_ROWS, "--workers", "1",
                   "--commit-every", "1", "--progress", "none"]  # fmt: skip
        running = subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + COMMAND_SECONDS
        while not keys(self.s3, "killed/tables/layers"):
            assert time.monotonic() < deadline and running.poll() is None, "no batch was committed"
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
        running.wait()
        self.proxy.delay = 0.0
        assert keys(self.s3, "killed/.lock"), "no lease was held"
        leftover = "killed/tables/layers/000000000000000-p000-w000-00007.parquet"
        self.s3.put_object(Bucket=BUCKET, Key=leftover, Body=b"of a dead run")
        self.measure(f"s3://{BUCKET}/zoo", out)
        self.check_tables_equal("disk", out)
        assert leftover not in keys(self.s3, "killed/tables")
        batches = {key.rpartition("/")[2] for key in keys(self.s3, "killed/tables/networks")}
        for table in TABLES:
            assert {key.rpartition("/")[2] for key in keys(self.s3, f"killed/tables/{table}")} <= batches, table

    def a_killed_cluster_resumes_at_once(self):
        """The others wait while process 0 watches the lease of the dead one, longer than they wait to connect."""
        out = f"s3://{BUCKET}/cluster"
        environment = self.environment | {"CNTFLOW_LEASE_SECONDS": "6"}

        def start():
            # Below the ports of outgoing connections, which could take one before it is used.
            ports = random.sample(range(10_000, 30_000), 2)
            addresses = [f"127.0.0.1:{port}" for port in ports]
            (Path(self.folder) / "hosts").write_text("\n".join(addresses))
            command = [self.cntflow, "measure", f"s3://{BUCKET}/zoo", "--out", out, *OPTIONAL_ROWS,
                       "--workers", "1", "--commit-every", "1", "--progress", "none", "--hosts", "hosts",
                       "--connect-timeout", "3", "--process"]  # fmt: skip
            return [
                subprocess.Popen(
                    [*command, process], env=environment, cwd=self.folder, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                for process in "01"
            ]  # fmt: skip

        self.proxy.delay = 0.1
        processes = start()
        deadline = time.monotonic() + COMMAND_SECONDS
        while not keys(self.s3, "cluster/tables/networks"):
            assert time.monotonic() < deadline and processes[0].poll() is None, "no batch was committed"
            time.sleep(0.02)
        processes[0].send_signal(signal.SIGKILL)
        assert [process.wait(timeout=COMMAND_SECONDS) for process in processes] == [-signal.SIGKILL, 1]
        self.proxy.delay = 0.0
        assert [process.wait(timeout=COMMAND_SECONDS) for process in start()] == [0, 0]
        self.check_tables_equal("disk", out)

    def a_prefix_is_served(self):
        """The page and a query of tables in the bucket; nothing is written there."""
        before = keys(self.s3, "followed")
        command = [self.cntflow, "serve", f"s3://{BUCKET}/followed", "--port", "0"]
        server = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().strip()
            with urllib.request.urlopen(f"{address}state", timeout=COMMAND_SECONDS) as answer:
                networks = json.load(answer)["networks"]
            assert networks == {"ok": 4, "failed": 0, "skipped": 0}, networks
            with urllib.request.urlopen(address, timeout=COMMAND_SECONDS) as answer:
                assert b'<figure id="figure-statuses">' in answer.read()
            sql = urllib.parse.urlencode({"sql": "SELECT count(*) AS n FROM networks"})
            with urllib.request.urlopen(f"{address}query?{sql}", timeout=COMMAND_SECONDS) as answer:
                assert json.load(answer) == [{"n": 4}]
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(COMMAND_SECONDS) == 128 + signal.SIGTERM
        assert keys(self.s3, "followed") == before

    def foreign_folders_are_not_touched(self):
        self.s3.put_object(Bucket=BUCKET, Key="foreign/deep/file", Body=b"foreign")
        self.run("measure", f"s3://{BUCKET}/zoo", "--out", f"s3://{BUCKET}/foreign", code=2)
        assert keys(self.s3, "foreign") == ["foreign/deep/file"], keys(self.s3, "foreign")

    def a_watched_prefix_is_followed(self):
        source, out = f"s3://{BUCKET}/watched", f"s3://{BUCKET}/followed"

        def put(number, content):
            self.s3.put_object(Bucket=BUCKET, Key=f"watched/net{number}.safetensors", Body=checkpoint(content))

        def watch():
            options = ["--once", *OPTIONAL_ROWS, "--progress", "none"]
            updates = [json.loads(line) for line in self.run("watch", source, "--out", out, *options).splitlines()]
            kinds = ("new", "changed", "deleted", "measured")
            return tuple(sum(update.get(kind, 0) for update in updates) for kind in kinds)

        for number in range(4):
            put(number, number)
        first = watch()
        assert first == (4, 0, 0, 4), first
        second = watch()
        assert second == (0, 0, 0, 0), second
        # One is new, one has changed, one is gone; one was written again and is the same.
        put(4, 4)
        put(1, 11)
        self.s3.delete_object(Bucket=BUCKET, Key="watched/net2.safetensors")
        put(3, 3)
        third = watch()
        assert third == (1, 1, 1, 2), third
        self.measure(source, "watched-fresh")
        self.check_tables_equal("watched-fresh", out)

    def fresh_measures_everything_again(self):
        counts = self.measure(f"s3://{BUCKET}/zoo", f"s3://{BUCKET}/out", "--fresh")
        assert counts["new"] == CHECKPOINTS, counts
        self.check_tables_equal("disk", f"s3://{BUCKET}/out")


def main():
    cntflow = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder, servers() as (proxy, s3):
        check = Check(cntflow, folder, proxy, s3)
        check.make_checkpoints()
        for step in [
            check.catalogs_are_equal_and_only_headers_are_read,
            check.tables_are_equal,
            check.published_layouts_are_equal,
            check.faults_are_retried,
            check.a_permanent_fault_is_a_failed_row,
            check.a_killed_run_resumes,
            check.a_killed_cluster_resumes_at_once,
            check.a_watched_prefix_is_followed,
            check.a_prefix_is_served,
            check.foreign_folders_are_not_touched,
            check.fresh_measures_everything_again,
        ]:
            started = time.monotonic()
            step()
            print(f"{step.__name__.replace('_', ' ')}: {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
