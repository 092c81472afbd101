#!/usr/bin/env python3
"""Checks cntflow against a server on loopback that speaks the API of the Hugging Face hub.

    tests/object_stores/check_hub.py target/release/cntflow

The same models are in folders and in repositories. The checks:

- Tables of a repository are those of the folder; listings have several pages, and large files are
  redirected to a server that refuses the token.
- Of a model of 14 GB, cataloguing reads only headers; of a folder of that size it takes no second.
- Revisions are steps of one run, and `--holes` says which are missing.
- A branch that moves is measured again; a file of two sizes is a failed row that names both.
- Failures: 429 with a time to wait, 503, bodies that end in their middle.
- Gated and unknown repositories and revisions are errors that say what to do.
- No output has the token, or a URL that gives access to a file.

Everything is on 127.0.0.1; only the standard library is used. The exit code is 1 if a check fails.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import large_model
from hub_server import SIGNATURE, TOKEN, File, running_hub

TABLES = ["networks", "layers", "coverage"]
# Time limit for every command, in seconds.
COMMAND_SECONDS = 120
# The most bytes that cataloguing a model of 14 GB may read.
MOST_CATALOG_BYTES = 1 << 20
# Longest time for cataloguing a folder of that size, in seconds.
MOST_CATALOG_SECONDS = 1


def safetensors(number, names=("0", "2")):
    """A dense network of 6, 5 and 3 neurons, or some of its layers, as a safetensors file."""
    layers = {"0": {"0.weight": [5, 6], "0.bias": [5]}, "2": {"2.weight": [3, 5], "2.bias": [3]}}
    header, values, offset = {"__metadata__": {"format": "pt"}}, b"", 0
    for layer in names:
        for name, shape in layers[layer].items():
            count = shape[0] * (shape[1] if len(shape) > 1 else 1)
            numbers = (((number * 31 + offset + i * 7) % 97) / 50 - 1 for i in range(count))
            values += struct.pack(f"<{count}f", *numbers)
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + 4 * count]}
            offset += 4 * count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + values


def model(number):
    """The files of a repository with one model, in two forms, and files beside it."""
    return {
        ".gitattributes": File(b"*.safetensors filter=lfs"),
        "README.md": File(b"# A model"),
        "config.json": File(b'{"model_type": "mlp", "hidden": 5}'),
        "model.safetensors": File(safetensors(number), lfs=True),
        "pytorch_model.bin": File(b"the same, in another form", lfs=True),
        "tokenizer.json": File(b"{}"),
        "training_args.bin": File(b"a pickle", lfs=True),
    }


def sharded():
    """The files of a model in two shards."""
    shard_of = {f"{layer}.{kind}": f"model-0000{i}-of-00002.safetensors"
                for i, layer in [(1, "0"), (2, "2")] for kind in ("weight", "bias")}  # fmt: skip
    return {
        "config.json": File(b'{"model_type": "mlp"}'),
        "model.safetensors.index.json": File(json.dumps({"weight_map": shard_of}).encode()),
        "model-00001-of-00002.safetensors": File(safetensors(1, ["0"]), lfs=True),
        "model-00002-of-00002.safetensors": File(safetensors(1, ["2"]), lfs=True),
    }


class Check:
    """One hub, one folder, and the checks."""

    def __init__(self, cntflow, folder, hub):
        self.cntflow, self.folder, self.hub = cntflow, Path(folder), hub
        known = ("HF_", "HUGGING_FACE_", "XDG_CACHE_HOME")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(known)}
        self.environment = environment | {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HOME": str(self.folder / "huggingface"),
            "CNTFLOW_STORE_RETRIES": "3",
        }

    def run(self, *arguments, code=0, **environment):
        """Runs cntflow, checks its exit code, and returns stdout, of a failed command stderr."""
        command = [self.cntflow, *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment | environment, cwd=self.folder, capture_output=True, text=True,
            timeout=COMMAND_SECONDS,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert TOKEN not in output and SIGNATURE not in output, f"{command}: a secret is in its output"
        assert done.returncode == code, f"{command}: exit code {done.returncode}\n{output}"
        assert not self.hub.leaks, f"the token was sent to another server: {self.hub.leaks}"
        return done.stdout if code in (0, 3) else done.stderr

    def catalog(self, *arguments, **environment):
        """The listing of `cntflow catalog`, its checkpoints by name."""
        listing = json.loads(self.run("catalog", *arguments, "--json", **environment))
        return {entry["checkpoint"]: entry for entry in listing["checkpoints"]}, listing["passed_over"]

    def measure(self, *arguments, code=0, **environment):
        text = self.run("measure", *arguments, "--progress", "none", "--json", code=code, **environment)
        return json.loads(text)["checkpoints"]

    def rows(self, out, table, of):
        """The rows of a table, without wall times and what checkpoints are called below `of`."""
        rows = json.loads(self.run("query", out, f"SELECT * FROM {table}", "--format", "json"))
        for row in rows:
            row.pop("seconds", None)
            for key in ("checkpoint", "run"):
                if key in row:
                    row[key] = row[key].removeprefix(of)
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))

    def write_folder(self, name, files):
        for path, file in files.items():
            target = self.folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.start)

    def tables_are_those_of_the_folder(self):
        for name, files in [("plain", model(1)), ("sharded", sharded())]:
            self.hub.repository(f"org/{name}").commit("main", files)
            kept = {path: file for path, file in files.items() if not path.endswith(".bin")}
            self.write_folder(name, kept)
            assert self.measure(name, "--out", f"{name}-disk")["ok"] == 1
            source = f"hf://org/{name}"
            assert self.measure(source, "--out", f"{name}-hub")["ok"] == 1
            for table in TABLES:
                expected = self.rows(f"{name}-disk", table, name)
                assert expected and expected == self.rows(f"{name}-hub", table, source), (name, table)
        # Pages of three files.
        assert len([path for _, _, path, _ in self.hub.asked("/tree/") if "cursor=" in path]) > 0
        (found, skipped) = self.catalog("hf://org/plain")
        assert list(found) == ["hf://org/plain/model.safetensors"], found
        entry = found["hf://org/plain/model.safetensors"]
        assert (entry["run"], entry["labels"]["model_type"]) == ("hf://org/plain", "mlp"), entry
        reasons = {file["path"].rpartition("/")[2]: file["reason"] for file in skipped}
        assert "safetensors, which are read" in reasons["pytorch_model.bin"], reasons
        # A file that is named is read, whatever stands beside it.
        assert list(self.catalog("hf://org/plain/pytorch_model.bin")[0]) == ["hf://org/plain/pytorch_model.bin"]
        assert list(self.catalog("hf://org/plain/*.safetensors")[0]) == ["hf://org/plain/model.safetensors"]
        # A repository that has another name by now.
        self.hub.renamed["org/old"] = "org/plain"
        assert self.measure("hf://org/old", "--out", "renamed")["ok"] == 1
        assert self.rows("renamed", "layers", "hf://org/old") == self.rows("plain-disk", "layers", "plain")
        shown, of_file = (
            json.loads(self.run("inspect", url, "--json"))
            for url in ("hf://org/plain", "hf://org/plain@main/model.safetensors")
        )
        assert shown["network"] == of_file["network"], shown
        (self.folder / "s.toml").write_text('[study]\nname = "s"\n[measure]\nsources = ["hf://org/plain"]\n')
        self.run("run", "s.toml", "--progress", "none")
        assert self.rows("runs/s", "layers", "hf://org/plain") == self.rows("plain-disk", "layers", "plain")

    def only_headers_of_a_large_model_are_read(self):
        files = {
            "config.json": File(json.dumps(large_model.CONFIG).encode()),
            "model.safetensors.index.json": File(large_model.index().encode()),
        }
        for name, start, size, _ in large_model.shards():
            files[name] = File(start, size, lfs=True)
        self.hub.repository("org/large").commit("main", files)
        total = sum(file.size for file in files.values())
        self.hub.forget()
        started = time.monotonic()
        found, _ = self.catalog("hf://org/large")
        seconds = time.monotonic() - started
        assert [entry["run"] for entry in found.values()] == ["hf://org/large"], found
        assert self.hub.sent < MOST_CATALOG_BYTES, self.hub.sent
        print(f"  a model of {total:,} bytes: {self.hub.sent:,} bytes, {len(self.hub.requests)} requests, {seconds:.2f} s")

    def a_folder_of_a_large_model_is_catalogued_at_once(self):
        large_model.write_folder(self.folder / "large")
        for option in ([], ["--open"]):
            started = time.monotonic()
            found, _ = self.catalog("large", *option)
            seconds = time.monotonic() - started
            assert [entry["run"] for entry in found.values()] == ["large"], found
            assert seconds < MOST_CATALOG_SECONDS, f"{seconds} s"
            print(f"  catalog {' '.join(['large', *option])}: {seconds:.2f} s")

    def revisions_are_steps_of_a_run(self):
        for name, steps in [("a", [0, 10, 20, 30, 40]), ("b", [0, 10, 30, 40]), ("c", [0, 10, 20])]:
            repository = self.hub.repository(f"sweep/{name}")
            for step in steps:
                repository.commit(f"step{step}", model(step))
            # The last step again, as Pythia has it.
            repository.branches["main"] = repository.branches[f"step{steps[-1]}"]
            repository.tags["stage2-step7-tokens3B"] = repository.branches["step0"]
        found, skipped = self.catalog("hf://sweep/a@*")
        entries = found.values()
        steps = sorted((entry["run"], entry["step"]) for entry in entries)
        assert steps == [("hf://sweep/a", step) for step in (0, 7, 10, 20, 30, 40)], steps
        staged = found["hf://sweep/a@stage2-step7-tokens3B/model.safetensors"]["labels"]
        assert (staged["stage"], staged["tokens"]) == ("stage2", 3_000_000_000), staged
        reasons = {file["path"]: file["reason"] for file in skipped}
        assert "no step" in reasons["hf://sweep/a@main"], reasons
        sources = [f"hf://sweep/{name}@step*" for name in "abc"]
        lines = [json.loads(line) for line in self.run("catalog", *sources, "--holes", "--json").splitlines()]
        runs = {line["run"]: (line["missing"], line["ends_early"]) for line in lines if line["kind"] == "run"}
        assert runs == {"hf://sweep/b": ([20], False), "hf://sweep/c": ([30, 40], True)}, runs
        counts = self.measure("hf://sweep/a@step*", "--out", "sweep")
        assert counts["ok"] == 5, counts
        rows = json.loads(self.run("query", "sweep", "SELECT run, step FROM networks ORDER BY step", "--format", "json"))
        assert rows == [{"run": "hf://sweep/a", "step": step} for step in (0, 10, 20, 30, 40)], rows
        commit = self.hub.repository("sweep/a").branches["step10"]
        assert len(self.catalog(f"hf://sweep/a@{commit}")[0]) == 1
        text = self.run("catalog", "hf://sweep/a@epoch*", code=1)
        assert "no such revision: epoch*; it has 7, such as step0" in text, text

    def a_branch_that_moves_is_measured_again(self):
        repository = self.hub.repository("org/moving")

        def watch():
            options = ["--once", "--out", "moving", "--progress", "none"]
            updates = [json.loads(line) for line in self.run("watch", "hf://org/moving", *options).splitlines()]
            return [sum(update.get(kind, 0) for update in updates) for kind in ("new", "changed", "measured")]

        for expected, files in [([1, 0, 1], sharded()), ([0, 0, 0], None)]:
            if files:
                repository.commit("main", files)
            found = watch()
            assert found == expected, (found, expected)
        # Of the shards one is another; the index stays as it is.
        changed = sharded() | {"model-00002-of-00002.safetensors": File(safetensors(9, ["2"]), lfs=True)}
        repository.commit("main", changed)
        assert watch() == [0, 1, 1]
        # A commit that changes no weights.
        repository.commit("main", changed | {"README.md": File(b"# New words")})
        assert watch() == [0, 0, 0]

    def a_file_of_two_sizes_is_a_failed_row(self):
        files = model(3)
        file = files["model.safetensors"]
        self.hub.repository("org/sizes").commit("main", files)
        file.size_elsewhere = file.size + 4
        counts = self.measure("hf://org/sizes", "--out", "sizes", code=3)
        assert counts["failed"] == 1, counts
        reason = self.rows("sizes", "networks", "")[0]["reason"]
        assert f"{file.size} bytes" in reason and f"says {file.size + 4}" in reason, reason

    def failures_are_retried(self):
        self.hub.repository("org/failing").commit("main", model(4))
        self.hub.fault("org/failing/refs", 429, 1, Retry_After="1")
        self.hub.fault("org/failing/tree", 503, 1)
        blob = model(4)["model.safetensors"].oid
        self.hub.forget()
        assert len(self.catalog("hf://org/failing")[0]) == 1
        asked = [moment for moment, *_ in self.hub.asked("org/failing/refs")]
        assert len(asked) == 2 and asked[1] - asked[0] >= 1, "the hub asked to wait a second"
        assert len(self.hub.asked("org/failing/tree")) >= 2
        self.hub.fault(blob, "cut", 2)
        self.hub.fault(f"/{blob}", 500, 1)
        assert self.measure("hf://org/failing", "--out", "failing")["ok"] == 1
        # The hub asks to wait for longer than is tried.
        self.hub.fault("org/failing/refs", 429, 100, Retry_After="900")
        text = self.run("catalog", "hf://org/failing", code=1)
        assert "status 429" in text and "wait 900 s" in text, text
        self.hub.faults.clear()

    def errors_say_what_to_do(self):
        gated = self.hub.repository("org/gated")
        gated.commit("main", model(5))
        gated.is_gated = True
        self.hub.repository("org/private").commit("main", model(6))
        self.hub.repository("org/private").needs_token = True
        counts = self.measure("hf://org/gated", "--out", "gated", code=3)
        assert counts["failed"] == 1, counts
        reason = self.rows("gated", "networks", "")[0]["reason"]
        assert f"the model is gated: ask for access at {self.hub.endpoint}/org/gated" in reason, reason
        for name in ("private", "absent"):
            text = self.run("catalog", f"hf://org/{name}", code=1)
            assert f"hf://org/{name}: no such model, or one that is not public" in text, text
        text = self.run("catalog", "hf://org/private", code=1, HF_TOKEN=f"{TOKEN}_of_nobody")
        assert "refuses access with the token that is set (status 401): Invalid credentials" in text, text
        # From a variable, and from the file of the hub's own tools.
        assert len(self.catalog("hf://org/private", HF_TOKEN=TOKEN)[0]) == 1
        (self.folder / "huggingface").mkdir()
        (self.folder / "huggingface" / "token").write_text(f"{TOKEN}\n")
        for name in ("private", "gated"):
            assert self.measure(f"hf://org/{name}", "--out", f"{name}-token", "--fresh")["ok"] == 1
        (self.folder / "huggingface" / "token").unlink()
        text = self.run("catalog", "hf://org/plain@v9", code=1)
        assert "no such revision: v9; it has main" in text, text
        text = self.run("catalog", "hf://org/plain/no/such/folder", code=2)
        assert "hf://org/plain/no/such/folder: no such file" in text, text
        text = self.run("catalog", "hf://gpt2", code=1)
        assert "owner/name" in text, text
        text = self.run("measure", "plain", "--out", "hf://org/plain", code=2)
        assert "only read" in text, text
        text = self.run("catalog", "hf://org/plain", code=1, HF_ENDPOINT="http://127.0.0.1:1")
        assert "the hub cannot be reached" in text and "after 4 tries" in text, text


def main():
    cntflow = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder, running_hub() as hub:
        check = Check(cntflow, folder, hub)
        for step in [
            check.tables_are_those_of_the_folder,
            check.only_headers_of_a_large_model_are_read,
            check.a_folder_of_a_large_model_is_catalogued_at_once,
            check.revisions_are_steps_of_a_run,
            check.a_branch_that_moves_is_measured_again,
            check.a_file_of_two_sizes_is_a_failed_row,
            check.failures_are_retried,
            check.errors_say_what_to_do,
        ]:
            started = time.monotonic()
            step()
            print(f"{step.__name__.replace('_', ' ')}: {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
