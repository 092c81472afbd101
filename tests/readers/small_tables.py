"""Small tables of cntflow's shape, and a test case that runs the scripts of this folder on them."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import polars as pl

NETWORKS = pl.DataFrame(
    {
        "checkpoint": ["a/step-1", "a/step-2", "b/step-1"],
        "run": ["a", "a", "b"],
        "step": [1, 2, 1],
        # Like a sum of real seeds, their sum does not fit into 64 bits.
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
        # Readers must not take the NaN for a null.
        "skewness": [float("nan"), None, 1e300],
    },
    schema_overrides={"layer": pl.UInt32, "count": pl.UInt64},
)

COVERAGE = pl.DataFrame(
    {
        "checkpoint": ["a/step-1", "a/step-2"],
        "tensor": ["layers.1.weight", "scalar"],
        # The shape of a scalar is an empty list, which is not a null.
        "shape": [[4, 5], []],
        "used_as": ["kernel of layers.1", None],
        "reason": [None, "no layer has such a tensor"],
    },
    schema_overrides={"shape": pl.List(pl.Int64)},
)

SCORES = pl.DataFrame(
    {
        "experiment": ["low_vs_high"] * 3,
        "features": ["majority", "cnt", "cnt"],
        "representation": ["role"] * 3,
        # The networks themselves, and their twins.
        "twin": [None, None, "shuffle"],
        "model": ["majority", "random_forest", "random_forest"],
        "stratum": ["all"] * 3,
        "auc": [0.5, 0.75, None],
        "confusion": [[1, 0, 0, 1], [], []],
    },
    schema_overrides={"confusion": pl.List(pl.Int64)},
)

FITS = pl.DataFrame(
    {
        "experiment": ["low_vs_high"] * 3,
        "candidate": [1, 1, 1],
        "stage": ["fold", "fold", "refit"],
        "repeat": [0, 0, None],
        "fold": [0, 1, None],
        "n_groups": [None, None, None],
        "setting_index": [0, 0, 0],
        "predictions": [[0.1, float("nan")], [], [0.30000000000000004, -0.0]],
    },
    schema_overrides={"repeat": pl.Int64, "fold": pl.Int64, "n_groups": pl.Int64, "candidate": pl.UInt64},
)

FEATURES = pl.DataFrame(
    {
        "experiment": ["low_vs_high"] * 2,
        "twin": [None, "shuffle"],
        "checkpoint": ["a/step-2", "a/step-2"],
        "strength_in.output.mean": [0.5, None],
    }
)

CONTROLS = pl.DataFrame(
    {"experiment": ["low_vs_high"] * 2, "control": ["shuffle", "noise_ceiling"], "features": ["cnt", None], "figure": ["auc", "tau"]}
)

VERDICTS = pl.DataFrame({"experiment": ["low_vs_high"], "family": ["primary"], "a": ["cnt"], "b": ["majority"], "p": [0.25]})

IMPORTANCE = pl.DataFrame(
    {"experiment": ["low_vs_high"], "features": ["cnt"], "twin": [None], "model": ["random_forest"], "column": ["coupling.output"]},
    schema_overrides={"twin": pl.String},
)

FOLDS = pl.DataFrame(
    {"experiment": ["low_vs_high"] * 2, "checkpoint": ["a/step-2", "b/step-1"], "set": ["training", "test"], "repeat": [0, None]}
)

PREDICTIONS = pl.DataFrame(
    {
        "experiment": ["low_vs_high"],
        "features": ["cnt"],
        "twin": [None],
        "model": ["random_forest"],
        "set": ["test"],
        "repeat": [None],
        "fold": [None],
        "checkpoint": ["a/step-2"],
        "class_scores": [[]],
    },
    schema_overrides={"twin": pl.String, "repeat": pl.Int64, "fold": pl.Int64, "class_scores": pl.List(pl.Float64)},
)

# The tables of one experiment.
EXPERIMENT_TABLES = {
    "scores": SCORES,
    "verdicts": VERDICTS,
    "controls": CONTROLS,
    "predictions": PREDICTIONS,
    "importance": IMPORTANCE,
    "folds": FOLDS,
    "features": FEATURES,
    "fits": FITS,
}

TABLES = {"networks": NETWORKS, "layers": LAYERS, "coverage": COVERAGE}


def write_part(folder: Path, table: str, part: str, rows: pl.DataFrame, metadata: dict[str, str] | None = None) -> None:
    """Writes one part of a table. Without `metadata` it gets that of a real part."""
    path = folder / "tables" / table / f"{part}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    usual = {"cntflow.table": table.rpartition("/")[2], "cntflow.schema": "1"}
    rows.write_parquet(path, metadata=usual if metadata is None else metadata)


def write_tables(folder: Path, **replaced: pl.DataFrame) -> None:
    """Writes all tables, two rows per part; `replaced` has other rows for some tables."""
    for table, rows in (TABLES | replaced).items():
        for number, part in enumerate(rows.iter_slices(2)):
            write_part(folder, table, f"w0-{number:05}", part)


def write_experiment(folder: Path, name: str = "low_vs_high", **replaced: pl.DataFrame) -> None:
    """Writes all tables of an experiment; `replaced` has other rows for some tables."""
    for table, rows in (EXPERIMENT_TABLES | replaced).items():
        rows = rows.with_columns(experiment=pl.lit(name))
        write_part(folder, f"experiments/{name}/{table}", "all", rows, {} if table == "features" else None)


def with_first_value(rows: pl.DataFrame, column: str, value) -> pl.DataFrame:
    """The rows with another value in the first one."""
    return rows.with_columns(pl.Series(column, [value, *rows[column].to_list()[1:]], dtype=rows[column].dtype))


class ScriptTest(unittest.TestCase):
    """Two output folders, the first of which has the small tables, and a way to run a script."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.a, self.b = Path(folder.name, "a"), Path(folder.name, "b")
        write_tables(self.a)

    def check_script(self, script: str, folders: list[Path], code: int, *texts: str):
        """Checks the exit code of a script, and that its standard error contains the texts.

        If the script passes, its standard error must be empty.
        """
        path = Path(__file__).resolve().parent / script
        done = subprocess.run([sys.executable, path, *folders], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)
        if code == 0:
            self.assertEqual(done.stderr, "")
