"""Small tables of the shape that cntflow writes, for the tests of the scripts in tests/python."""

from pathlib import Path

import polars as pl

NETWORKS = pl.DataFrame(
    {
        "checkpoint": ["a/step-1", "a/step-2", "b/step-1"],
        "run": ["a", "a", "b"],
        "step": [1, 2, 1],
        # Their sum leaves 64 bits, as sums of seeds do.
        "seed": [2**62, 2**62, 2**62],
        "test_accuracy": [0.1, 0.30000000000000004, None],
        "status": ["ok", "ok", "failed"],
        "reason": [None, None, "3 NaN in layers.1.weight"],
        "seconds": [0.25, 0.5, 0.125],
    },
    schema_overrides={"step": pl.Int64, "seed": pl.Int64},
)

LAYERS = pl.DataFrame(
    {
        "checkpoint": ["a/step-1", "a/step-1", "a/step-2"],
        "layer": [1, 1, 1],
        "metric": ["link_weights", "nodes_strength", "link_weights"],
        "count": [20, 4, 20],
        "mean": [0.1, float("inf"), -0.0],
        # A NaN is not a null, and readers must not take it for one.
        "skewness": [float("nan"), None, 1e300],
    },
    schema_overrides={"layer": pl.UInt32, "count": pl.UInt64},
)

COVERAGE = pl.DataFrame(
    {
        "checkpoint": ["a/step-1", "a/step-2"],
        "tensor": ["layers.1.weight"] * 2,
        "shape": [[784, 32], []],
        "used_as": ["kernel of layers.1"] * 2,
        "reason": [None, None],
    },
    schema_overrides={"shape": pl.List(pl.Int64), "reason": pl.String},
)

TABLES = {"networks": NETWORKS, "layers": LAYERS, "coverage": COVERAGE}


def write_part(folder: Path, table: str, part: str, rows: pl.DataFrame, metadata: dict[str, str] | None = None) -> None:
    """One part of a table, with the metadata that parts have, or another."""
    path = folder / "tables" / table / f"{part}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {"cntflow.table": table, "cntflow.schema": "2"}
    rows.write_parquet(path, metadata=known if metadata is None else metadata)


def write_tables(folder: Path, **changed: pl.DataFrame) -> None:
    """All tables, two rows to a part; `changed` gives other rows for some."""
    for table, rows in (TABLES | changed).items():
        for number, part in enumerate(rows.iter_slices(2)):
            write_part(folder, table, f"w0-{number:05}", part)
