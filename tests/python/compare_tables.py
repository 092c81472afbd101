#!/usr/bin/env python3
"""Compares the tables of two output folders: the same rows, sorted by key, with the same values to the last bit.

    tests/python/compare_tables.py runs/undisturbed runs/resumed

Into how many parts the rows are cut and in which order they stand does not matter. The column `seconds` (wall time) is left aside. Exit
code 1 at a difference; the first ones of every table are printed with their column, key and both values.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

from tables import KEYS, Difference, pattern, tables_of

# Wall times, which no two runs share.
ASIDE = {"seconds"}

# How many differences of a table are printed.
SHOWN = 10


class Rows:
    """The rows of one table, in the order of its key, a column at a time: whole tables of neurons fill a small machine."""

    def __init__(self, folder: Path, table: str):
        self.table = table
        self.frame = pl.scan_parquet(pattern(folder, table))
        self.schema = {name: dtype for name, dtype in self.frame.collect_schema().items() if name not in ASIDE}
        key = KEYS[table]
        sorted_rows = self.frame.select(key).with_row_index("place").sort(key).collect()
        self.order = sorted_rows["place"]
        self.keys = sorted_rows.select(key)
        # In sorted rows the same key stands side by side.
        twice = self.keys.filter(pl.all_horizontal(pl.all().eq_missing(pl.all().shift())).fill_null(False))
        if len(twice):
            raise Difference(f"{table}: rows with the same key in {folder}, the first is {show_key(twice, 0)}")

    def column(self, name: str) -> pl.Series:
        return self.frame.select(name).collect()[name].gather(self.order)


def show_key(keys: pl.DataFrame, row: int) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in keys.row(row, named=True).items())


def show_value(value) -> str:
    """A value in full; of a real number also the bits, because different numbers can print alike."""
    if value is None:
        return "null"
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else repr(value)


def bits(column: pl.Series) -> pl.Series:
    """Reals as the integers of their bits: equal only if NaN, signs of zero and the last digit are."""
    if not column.dtype.is_float():
        return column
    raw = np.ascontiguousarray(column.fill_null(0.0).to_numpy())
    integers = pl.Series(column.name, raw.view(f"u{raw.dtype.itemsize}"))
    return pl.select(pl.when(column.is_not_null()).then(integers)).to_series()


def schema_differences(one: Rows, other: Rows) -> list[str]:
    found = []
    for name in list(one.schema) + [name for name in other.schema if name not in one.schema]:
        a, b = one.schema.get(name), other.schema.get(name)
        if a != b:
            found.append(f"{one.table}.{name}: {a or 'no such column'} in A, {b or 'no such column'} in B")
    if not found and list(one.schema) != list(other.schema):
        found.append(f"{one.table}: the columns' order differs: {list(one.schema)} in A, {list(other.schema)} in B")
    return found


def key_differences(one: Rows, other: Rows) -> list[str]:
    if one.keys.equals(other.keys):
        return []
    found = []
    for rows, others, side in [(one, other, "A"), (other, one, "B")]:
        alone = rows.keys.join(others.keys, on=rows.keys.columns, how="anti", maintain_order="left")
        found += [f"{rows.table}: only in {side}: {show_key(alone, row)}" for row in range(len(alone))]
    return found


def value_differences(one: Rows, other: Rows) -> list[str]:
    found = []
    for name in (name for name in one.schema if name not in KEYS[one.table]):
        a, b = one.column(name), other.column(name)
        for row in bits(a).ne_missing(bits(b)).arg_true():
            found.append(f"{one.table}.{name} at {show_key(one.keys, row)}: {show_value(a[row])} in A, {show_value(b[row])} in B")
    return found


def differences(folders: list[Path], table: str) -> tuple[int, list[str]]:
    """The number of rows of the first folder, and every difference; columns first, then keys, then values."""
    one, other = (Rows(folder, table) for folder in folders)
    for found in [schema_differences(one, other), key_differences(one, other)]:
        if found:
            return len(one.keys), found
    return len(one.keys), value_differences(one, other)


def compare(folders: list[Path]) -> bool:
    """Whether all tables are equal; prints a line per table."""
    tables = [tables_of(folder) for folder in folders]
    equal = True
    for table in KEYS:
        present = [table in names for names in tables]
        if present == [False, False]:
            continue
        if present != [True, True]:
            equal = False
            print(f"compare_tables: {table}: only in {'A' if present[0] else 'B'}", file=sys.stderr)
            continue
        rows, found = differences(folders, table)
        equal = equal and not found
        print(f"{table:<15}{rows:>10,} rows  {'equal' if not found else f'{len(found):,} differences'}", flush=True)
        for line in found[:SHOWN]:
            print(f"compare_tables: {line}", file=sys.stderr)
        if len(found) > SHOWN:
            print(f"compare_tables: {table}: and {len(found) - SHOWN:,} more", file=sys.stderr)
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", metavar="A", type=Path, help="an output folder; its tables are in A/tables")
    parser.add_argument("b", metavar="B", type=Path, help="the other one")
    arguments = parser.parse_args()
    try:
        return 0 if compare([arguments.a, arguments.b]) else 1
    except Difference as difference:
        print(f"compare_tables: {difference}", file=sys.stderr)
        return 1
    except (pl.exceptions.PolarsError, OSError) as error:
        print(f"compare_tables: a table cannot be read: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
