"""Writes catalog.parquet, the seed of the fuzz target `catalog_file`; needs polars (tests/python_environment/setup)."""

import pathlib

import polars as pl

rows = {"path": ["a.pt", "b.pt"], "run": ["r", "r"], "step": [1, 2], "rate": [0.5, None], "flag": [True, False]}
out = pathlib.Path(__file__).parent / "catalog.parquet"
pl.DataFrame(rows).write_parquet(out, compression="snappy", statistics=False)
