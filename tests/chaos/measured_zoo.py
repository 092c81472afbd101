"""A zoo that takes a while to measure, and the comparison of its tables with those of another run."""

import json
import random
import struct
from array import array

import polars as pl

TWINS = ["shuffle", "sign"]
WIDTHS = [196, 100, 60, 10]
LARGE_WIDTHS = [1500] * 5
TABLES = ["networks", "layers", "neurons", "links", "coverage"]
ALL_TABLES = TABLES + [f"twins/{twin}/{table}" for twin in TWINS for table in ("networks", "layers", "links")]
KEYS = {"networks": ["checkpoint"], "layers": ["checkpoint", "layer", "metric"],
        "neurons": ["checkpoint", "layer", "neuron"],
        "links": ["checkpoint", "layer", "name", "rank"], "coverage": ["checkpoint", "tensor"]}

# How the zoo is measured. Its one broken checkpoint makes the exit code 3.
OPTIONS = ["--workers", "1", "--commit-every", "1", "--neurons", "full", "--strongest-links", "8",
           "--twin", ",".join(TWINS), "--progress", "none"]
DONE = 3


def write_zoo(folder, n):
    folder.mkdir()
    generator = random.Random(7)
    pool = array("f", (generator.gauss(0, 0.1) for _ in range(1 << 17))).tobytes()
    for index in range(n):
        write_network(folder / f"net{index:05}.safetensors", WIDTHS, pool[4 * (index * 97 % 10_000):])
    # Its layers are shared by idle processes.
    write_network(folder / "large.safetensors", LARGE_WIDTHS, pool)
    # One that fails stays one row, whatever happens around it.
    (folder / "broken.safetensors").write_bytes(b"\xa5" * 300)


def write_network(path, widths, values):
    """Writes a dense network without biases; its weights are `values` again and again."""
    header, offset = {}, 0
    for layer, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        header[f"fc{layer}.weight"] = {"dtype": "F32", "shape": [n_out, n_in],
                                       "data_offsets": [offset, offset + 4 * n_in * n_out]}
        offset += 4 * n_in * n_out
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values *= -(-offset // len(values))
    path.write_bytes(struct.pack("<Q", len(text)) + text + values[:offset])


def read(out, table):
    frame = pl.read_parquet(out / table / "*.parquet")
    name = table.split("/")[-1]
    return frame.drop("seconds", strict=False).sort(KEYS[name])


def compare(undisturbed, disturbed):
    """Makes sure that two output folders have the same tables, and the second nothing else."""
    for table in ALL_TABLES:
        ours, theirs = read(undisturbed / "tables", table), read(disturbed / "tables", table)
        assert ours.height > 0 and ours.equals(theirs, null_equal=True), f"table {table} differs"
    files = {path.relative_to(disturbed) for path in disturbed.rglob("*") if path.is_file()}
    leftovers = [path for path in files if path.name.endswith(".part") or "tmp" in path.name]
    assert not leftovers, f"left over: {leftovers}"
    strays = [path for path in files if not belongs_to_batch(path, files)]
    assert not strays, f"parts without a batch: {strays}"


def belongs_to_batch(path, files):
    """Whether a part has one of the same name in `networks`; other files need none."""
    return path.parent.name not in TABLES or path.parent.parent / "networks" / path.name in files
