"""Tests of compare_tables.py on small tables: which differences it reports, and which it ignores.

    .venv/bin/python -m unittest discover tests/readers
"""

import unittest

import polars as pl

from small_tables import COVERAGE, FITS, LAYERS, NETWORKS, TABLES, ScriptTest, with_first_value, write_experiment, write_part, write_tables


class CompareTables(ScriptTest):
    def check(self, code: int, *texts: str):
        self.check_script("compare_tables.py", [self.a, self.b], code, *texts)

    def test_parts_and_order_of_rows_do_not_matter(self):
        for table, rows in TABLES.items():
            write_part(self.b, table, "w9-00000", rows.reverse())
        self.check(0)

    def test_seconds_are_not_compared(self):
        write_tables(self.b, networks=with_first_value(NETWORKS, "seconds", 9.0))
        self.check(0)

    def test_a_different_last_bit_is_reported(self):
        write_tables(self.b, networks=NETWORKS.with_columns(test_accuracy=pl.Series([0.1, 0.3, None])))
        self.check(1, "networks.test_accuracy at checkpoint='a/step-2'", "0.30000000000000004", "0.3 ")

    def test_zeros_of_different_signs_are_reported(self):
        write_tables(self.b, layers=LAYERS.with_columns(mean=pl.Series([0.1, float("inf"), 0.0])))
        self.check(1, "layers.mean at checkpoint='a/step-2', layer=1, metric='link_weights': -0.0")

    def test_null_instead_of_nan_is_reported(self):
        write_tables(self.b, layers=LAYERS.with_columns(skewness=pl.Series([None, None, 1e300])))
        self.check(1, "layers.skewness", "nan", "null")

    def test_a_different_text_is_reported(self):
        write_tables(self.b, networks=with_first_value(NETWORKS, "status", "skipped"))
        self.check(1, "networks.status at checkpoint='a/step-1': 'ok' in A, 'skipped' in B")

    def test_a_different_list_is_reported(self):
        write_tables(self.b, coverage=with_first_value(COVERAGE, "shape", [5, 4]))
        self.check(1, "coverage.shape at checkpoint='a/step-1', tensor='layers.1.weight': [4, 5] in A, [5, 4] in B")

    def test_null_instead_of_an_empty_list_is_reported(self):
        write_tables(self.b, coverage=COVERAGE.with_columns(shape=pl.Series([[4, 5], None], dtype=pl.List(pl.Int64))))
        self.check(1, "coverage.shape at checkpoint='a/step-2'", "[] in A, null in B")

    def test_a_missing_row_is_reported(self):
        write_tables(self.b, layers=LAYERS[:2])
        self.check(1, "layers: only in A: checkpoint='a/step-2'")

    def test_a_repeated_row_is_reported(self):
        write_tables(self.b, layers=pl.concat([LAYERS, LAYERS[:1]]))
        self.check(1, "layers: rows with the same key", "a/step-1")

    def test_a_different_type_is_reported(self):
        write_tables(self.b, layers=LAYERS.with_columns(pl.col("count").cast(pl.Int64)))
        self.check(1, "layers.count: UInt64 in A, Int64 in B")

    def test_a_table_in_one_folder_only_is_reported(self):
        write_tables(self.b)
        write_part(self.b, "neurons", "w0-00000", pl.DataFrame({"checkpoint": ["a/step-1"], "layer": [0], "neuron": [0]}))
        self.check(1, "neurons: only in B")

    def test_experiments_are_compared(self):
        for folder in [self.a, self.b]:
            write_experiment(folder)
        write_tables(self.b)
        self.check(0)
        changed = [[0.1, float("nan")], [], [0.3, -0.0]]
        write_experiment(self.b, fits=FITS.with_columns(predictions=pl.Series(changed)))
        self.check(1, "experiments/low_vs_high/fits.predictions at", "stage='refit'", "[0.30000000000000004, -0.0] in A")

    def test_an_experiment_in_one_folder_only_is_reported(self):
        write_tables(self.b)
        write_experiment(self.b)
        self.check(1, "experiments/low_vs_high/scores: only in B")

    def test_a_truncated_part_is_reported(self):
        write_tables(self.b)
        part = self.a / "tables" / "layers" / "w0-00000.parquet"
        part.write_bytes(part.read_bytes()[:-20])
        self.check(1, "cannot be read")


if __name__ == "__main__":
    unittest.main()
