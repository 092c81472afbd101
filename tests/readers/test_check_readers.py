"""Tests of check_readers.py on small tables: what it accepts and what it reports.

    .venv/bin/python -m unittest discover tests/readers
"""

import unittest

import polars as pl

from small_tables import COVERAGE, FITS, FOLDS, LAYERS, NETWORKS, SCORES, ScriptTest, write_experiment, write_part


class CheckReaders(ScriptTest):
    def check(self, code: int, *texts: str):
        self.check_script("check_readers.py", [self.a], code, *texts)

    def test_readers_agree_on_the_small_tables(self):
        self.check(0)

    def test_readers_agree_on_a_part_without_rows(self):
        write_part(self.a, "layers", "w0-00009", LAYERS.clear())
        self.check(0)

    def test_readers_agree_on_null_lists(self):
        rows = COVERAGE.with_columns(checkpoint=pl.lit("b/step-1"), shape=pl.lit(None, pl.List(pl.Int64)))
        write_part(self.a, "coverage", "w0-00009", rows)
        self.check(0)

    def test_a_missing_table_is_reported(self):
        for part in (self.a / "tables" / "coverage").iterdir():
            part.unlink()
        self.check(1, "no parts of coverage")

    def test_an_unknown_table_is_reported(self):
        write_part(self.a, "dreams", "all", LAYERS)
        self.check(1, "unknown tables: dreams")

    def test_internal_tables_are_ignored(self):
        write_part(self.a, "populations", "w0-00000", LAYERS)
        self.check(0)

    def test_keys_of_densities_and_divergences_are_unique(self):
        key = {"view": "ensemble", "label": "test_accuracy", "architecture": "2 dense:1 (3 parameters)", "layer": 1, "name": "fc", "role": "output"}
        rows = pl.DataFrame({**key, "metric": "link_weights", "bin": [1, 1, 2], "point": [0, 1, 0], "x": [0.0, 1.0, None], "density": [0.5, 0.25, None]})
        write_part(self.a, "densities", "all", rows)
        pairs = pl.DataFrame({**key, "metric": "link_weights", "bin_a": [1], "bin_b": [2], "jeffreys": [float("inf")]})
        write_part(self.a, "divergences", "all", pairs)
        self.check(0)
        write_part(self.a, "densities", "all", pl.concat([rows, rows[:1]]))
        self.check(1, "densities: 1 keys")

    def test_readers_agree_on_experiments_and_twins(self):
        write_experiment(self.a)
        write_experiment(self.a, "ranking")
        for table, rows in [("networks", NETWORKS), ("layers", LAYERS)]:
            write_part(self.a, f"twins/shuffle/{table}", "w0-00000", rows)
        self.check(0)

    def test_a_repeated_row_of_an_experiment_is_reported(self):
        write_experiment(self.a, scores=pl.concat([SCORES, SCORES[:1]]))
        write_experiment(self.a, "ranking", fits=pl.concat([FITS, FITS[2:]]))
        self.check(1, "experiments/low_vs_high/scores: 1 keys", "experiments/ranking/fits: 1 keys")

    def test_a_null_in_the_key_of_an_experiment_is_reported(self):
        write_experiment(self.a, scores=SCORES.with_columns(model=pl.lit(None, pl.String)))
        self.check(1, "experiments/low_vs_high/scores.model: 3 nulls")

    def test_a_network_of_an_experiment_that_is_not_measured_is_reported(self):
        write_experiment(self.a, folds=FOLDS.with_columns(checkpoint=pl.Series(["a/step-2", "z"])))
        self.check(1, "experiments/low_vs_high/folds: 1 checkpoints are not in networks", "the first is z")

    def test_a_checkpoint_of_a_twin_must_be_among_its_networks(self):
        write_part(self.a, "twins/shuffle/networks", "w0-00000", NETWORKS[:1])
        write_part(self.a, "twins/shuffle/layers", "w0-00000", LAYERS)
        self.check(1, "twins/shuffle/layers: 1 checkpoints are not in networks", "a/step-2")

    def test_an_unfinished_experiment_is_reported(self):
        write_part(self.a, "experiments/low_vs_high/fits", "0-w000-00000", FITS)
        self.check(1, "experiment low_vs_high is not finished", "scores, verdicts")

    def test_an_unknown_table_of_an_experiment_is_reported(self):
        write_experiment(self.a)
        write_part(self.a, "experiments/low_vs_high/dreams", "all", LAYERS)
        self.check(1, "unknown tables: experiments/low_vs_high/dreams")

    def test_missing_metadata_is_reported(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.schema": "1"})
        self.check(1, "layers", "w0-00000.parquet", "cntflow.table")

    def test_metadata_of_another_table_is_reported(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.table": "neurons", "cntflow.schema": "1"})
        self.check(1, "layers", "neurons")

    def test_parts_of_two_schema_versions_are_reported(self):
        write_part(self.a, "layers", "w0-00000", LAYERS[:2], {"cntflow.table": "layers", "cntflow.schema": "2"})
        self.check(1, "layers: parts of several schemas: 1, 2")

    def test_parts_with_different_columns_are_reported(self):
        write_part(self.a, "networks", "w0-00001", NETWORKS[2:].with_columns(depth=1))
        self.check(1, "networks", "depth")

    def test_a_repeated_checkpoint_is_reported(self):
        write_part(self.a, "networks", "w0-00009", NETWORKS[:1])
        self.check(1, "networks", "a/step-1")

    def test_a_leftover_of_a_dead_run_is_reported(self):
        leftover = LAYERS[:1].with_columns(checkpoint=pl.lit("c/step-1"))
        write_part(self.a, "layers", "w1-00000", leftover)
        self.check(1, "layers: 1 checkpoints are not in networks", "c/step-1")

    def test_a_truncated_part_is_reported(self):
        part = self.a / "tables" / "layers" / "w0-00000.parquet"
        part.write_bytes(part.read_bytes()[:-20])
        self.check(1, "layers: pyarrow cannot read it")


if __name__ == "__main__":
    unittest.main()
