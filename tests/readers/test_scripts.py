"""Tests of check_readers.py and compare_tables.py on small tables: what they let pass and what they must not.

    .venv/bin/python -m unittest discover tests/readers
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import polars as pl

from small_tables import LAYERS, NETWORKS, TABLES, write_part, write_tables

SCRIPTS = Path(__file__).resolve().parents[1] / "python"


def first_value(rows: pl.DataFrame, column: str, value) -> pl.DataFrame:
    """The rows with another value in the first one."""
    return rows.with_columns(pl.Series(column, [value, *rows[column].to_list()[1:]], dtype=rows[column].dtype))


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.a, self.b = Path(folder.name, "a"), Path(folder.name, "b")
        write_tables(self.a)

    def check(self, script: str, folders: list[Path], code: int, *words: str):
        """The script's exit code, and words of what it prints to standard error; nothing there if it passes."""
        done = subprocess.run([sys.executable, SCRIPTS / script, *folders], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        if code == 0:
            self.assertEqual(done.stderr, "")

    def check_readers(self, code: int, *words: str):
        self.check("check_readers.py", [self.a], code, *words)

    def compare(self, code: int, *words: str):
        self.check("compare_tables.py", [self.a, self.b], code, *words)

    def test_readers_agree(self):
        self.check_readers(0)

    def test_readers_agree_on_a_part_without_rows(self):
        write_part(self.a, "layers", "w0-00009", LAYERS.clear())
        self.check_readers(0)

    def test_missing_table(self):
        for part in (self.a / "tables" / "coverage").iterdir():
            part.unlink()
        self.check_readers(1, "no parts of coverage")

    def test_unknown_table(self):
        write_part(self.a, "dreams", "all", LAYERS)
        self.check_readers(1, "dreams", "not known")

    def test_what_cntflow_keeps_for_itself_is_passed_over(self):
        write_part(self.a, "populations", "w0-00000", LAYERS)
        self.check_readers(0)

    def test_densities_and_divergences(self):
        key = {"view": "ensemble", "label": "test_accuracy", "architecture": "2 dense:1 (3 parameters)", "layer": 1, "name": "fc", "role": "output"}
        rows = pl.DataFrame({**key, "metric": "link_weights", "bin": [1, 1, 2], "point": [0, 1, 0], "x": [0.0, 1.0, None], "density": [0.5, 0.25, None]})
        write_part(self.a, "densities", "all", rows)
        pairs = pl.DataFrame({**key, "metric": "link_weights", "bin_a": [1], "bin_b": [2], "jeffreys": [float("inf")]})
        write_part(self.a, "divergences", "all", pairs)
        self.check_readers(0)
        write_part(self.a, "densities", "all", pl.concat([rows, rows[:1]]))
        self.check_readers(1, "densities: 1 keys")

    def test_metadata_missing(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.schema": "2"})
        self.check_readers(1, "layers", "w0-00000.parquet", "cntflow.table")

    def test_metadata_of_another_table(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.table": "neurons", "cntflow.schema": "2"})
        self.check_readers(1, "layers", "neurons")

    def test_parts_of_two_schemas(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.table": "layers", "cntflow.schema": "1"})
        self.check_readers(1, "layers: parts of several schemas: 1, 2")

    def test_parts_with_other_columns(self):
        write_part(self.a, "networks", "w0-00001", NETWORKS[2:].with_columns(depth=1))
        self.check_readers(1, "networks", "depth")

    def test_checkpoint_twice(self):
        write_part(self.a, "networks", "w0-00009", NETWORKS[:1])
        self.check_readers(1, "networks", "a/step-1")

    def test_leftover_of_a_dead_run(self):
        stranger = LAYERS[:1].with_columns(checkpoint=pl.lit("c/step-1"))
        write_part(self.a, "layers", "w1-00000", stranger)
        self.check_readers(1, "layers: 1 checkpoints are not in networks", "c/step-1")

    def test_truncated_part(self):
        part = self.a / "tables" / "layers" / "w0-00000.parquet"
        part.write_bytes(part.read_bytes()[:-20])
        self.check_readers(1, "layers: pyarrow cannot read it")
        write_tables(self.b)
        self.compare(1, "cannot be read")

    def test_equal_in_other_parts_and_order(self):
        for table, rows in TABLES.items():
            write_part(self.b, table, "w9-00000", rows.reverse())
        self.compare(0)

    def test_seconds_are_aside(self):
        write_tables(self.b, networks=first_value(NETWORKS, "seconds", 9.0))
        self.compare(0)

    def test_the_last_bit(self):
        write_tables(self.b, networks=NETWORKS.with_columns(test_accuracy=pl.Series([0.1, 0.3, None])))
        self.compare(1, "networks.test_accuracy at checkpoint='a/step-2'", "0.30000000000000004", "0.3 ")

    def test_zeros_of_two_signs(self):
        write_tables(self.b, layers=LAYERS.with_columns(mean=pl.Series([0.1, float("inf"), 0.0])))
        self.compare(1, "layers.mean at checkpoint='a/step-2', layer=1, metric='link_weights': -0.0")

    def test_null_and_nan(self):
        write_tables(self.b, layers=LAYERS.with_columns(skewness=pl.Series([None, None, 1e300])))
        self.compare(1, "layers.skewness", "nan", "null")

    def test_text(self):
        write_tables(self.b, networks=first_value(NETWORKS, "status", "skipped"))
        self.compare(1, "networks.status at checkpoint='a/step-1': 'ok' in A, 'skipped' in B")

    def test_row_missing(self):
        write_tables(self.b, layers=LAYERS[:2])
        self.compare(1, "layers: only in A: checkpoint='a/step-2'")

    def test_row_twice(self):
        write_tables(self.b, layers=pl.concat([LAYERS, LAYERS[:1]]))
        self.compare(1, "layers: rows with the same key", "a/step-1")

    def test_type(self):
        write_tables(self.b, layers=LAYERS.with_columns(pl.col("count").cast(pl.Int64)))
        self.compare(1, "layers.count: UInt64 in A, Int64 in B")

    def test_table_on_one_side(self):
        write_tables(self.b)
        write_part(self.b, "neurons", "w0-00000", pl.DataFrame({"checkpoint": ["a/step-1"], "layer": [0], "neuron": [0]}))
        self.compare(1, "neurons: only in B")


if __name__ == "__main__":
    unittest.main()
