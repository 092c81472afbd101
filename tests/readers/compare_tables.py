#!/usr/bin/env python3
"""Compares the tables of two output folders: the same rows with the same values to the last bit.

    tests/readers/compare_tables.py runs/undisturbed runs/resumed

The number of parts and the order of rows do not matter. The column `seconds` (wall time) is not
compared. The exit code is 1 if there are differences. The first ones of every table are printed
with their column, key and both values.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import polars as pl

from tables import Difference, key_of, pattern, tables_of

# Columns that are not compared: wall times differ between any two runs.
NOT_COMPARED = {"seconds"}

# Largest number of differences that are printed for one table.
MAX_PRINTED = 10


class Rows:
    """The rows of one table in the order of its key.

    Columns are read one at a time, because a whole table of neurons may not fit into memory.
    """

    def __init__(self, folder: Path, table: str):
        self.table = table
        self.frame = pl.scan_parquet(pattern(folder, table))
        self.schema = {name: dtype for name, dtype in self.frame.collect_schema().items() if name not in NOT_COMPARED}
        key = key_of(table)
        sorted_rows = self.frame.select(key).with_row_index("index").sort(key).collect()
        self.order = sorted_rows["index"]
        self.keys = sorted_rows.select(key)
        # In sorted rows, equal keys are neighbours.
        repeated = self.keys.filter(pl.all_horizontal(pl.all().eq_missing(pl.all().shift())).fill_null(False))
        if len(repeated):
            raise Difference(f"{table}: rows with the same key in {folder}, the first is {key_text(repeated, 0)}")

    def column(self, name: str) -> pl.Series:
        return self.frame.select(name).collect()[name].gather(self.order)


def key_text(keys: pl.DataFrame, row: int) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in keys.row(row, named=True).items())


def value_text(value) -> str:
    """A value as text. A float is followed by its bits, because unequal floats may print alike."""
    if value is None:
        return "null"
    if isinstance(value, pl.Series):
        return repr(value.to_list())
    return f"{value!r} ({value.hex()})" if isinstance(value, float) else repr(value)


def bits(column: pl.Series) -> pl.Series:
    """Floats as integers of the same bits: any difference counts, also of NaN and of zero's sign."""
    if column.dtype == pl.List(pl.Float64):
        return column.list.eval(pl.element().reinterpret(signed=False))
    if not column.dtype.is_float():
        return column
    raw = np.ascontiguousarray(column.fill_null(0.0).to_numpy())
    integers = pl.Series(column.name, raw.view(f"u{raw.dtype.itemsize}"))
    return pl.select(pl.when(column.is_not_null()).then(integers)).to_series()


def schema_differences(one: Rows, other: Rows) -> list[str]:
    """Columns that only one side has, that differ in type, or that are in another order."""
    found = []
    for name in list(one.schema) + [name for name in other.schema if name not in one.schema]:
        a, b = one.schema.get(name), other.schema.get(name)
        if a != b:
            found.append(f"{one.table}.{name}: {a or 'no such column'} in A, {b or 'no such column'} in B")
    if not found and list(one.schema) != list(other.schema):
        found.append(f"{one.table}: the columns' order differs: {list(one.schema)} in A, {list(other.schema)} in B")
    return found


def key_differences(one: Rows, other: Rows) -> list[str]:
    """Keys that only one side has."""
    if one.keys.equals(other.keys):
        return []
    found = []
    for rows, others, side in [(one, other, "A"), (other, one, "B")]:
        alone = rows.keys.join(others.keys, on=rows.keys.columns, how="anti", maintain_order="left")
        found += [f"{rows.table}: only in {side}: {key_text(alone, row)}" for row in range(len(alone))]
    return found


def value_differences(one: Rows, other: Rows) -> list[str]:
    """Values that differ in rows of the same key."""
    found = []
    for name in (name for name in one.schema if name not in key_of(one.table)):
        a, b = one.column(name), other.column(name)
        for row in bits(a).ne_missing(bits(b)).arg_true():
            found.append(f"{one.table}.{name} at {key_text(one.keys, row)}: {value_text(a[row])} in A, {value_text(b[row])} in B")
    return found


def differences(folders: list[Path], table: str) -> tuple[int, list[str]]:
    """The number of rows of the first folder, and the differences.

    Keys are compared only if the columns are equal, and values only if the keys are.
    """
    one, other = (Rows(folder, table) for folder in folders)
    for found in [schema_differences(one, other), key_differences(one, other)]:
        if found:
            return len(one.keys), found
    return len(one.keys), value_differences(one, other)


def compare(folders: list[Path]) -> bool:
    """Prints a line per table, and returns whether all tables are equal."""
    tables = [tables_of(folder) for folder in folders]
    equal = True
    for table in tables[0] + [table for table in tables[1] if table not in tables[0]]:
        present = [table in names for names in tables]
        if present != [True, True]:
            equal = False
            print(f"compare_tables: {table}: only in {'A' if present[0] else 'B'}", file=sys.stderr)
            continue
        rows, found = differences(folders, table)
        equal = equal and not found
        print(f"{table:<40}{rows:>10,} rows  {'equal' if not found else f'{len(found):,} differences'}", flush=True)
        for line in found[:MAX_PRINTED]:
            print(f"compare_tables: {line}", file=sys.stderr)
        if len(found) > MAX_PRINTED:
            print(f"compare_tables: {table}: and {len(found) - MAX_PRINTED:,} more", file=sys.stderr)
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", metavar="A", type=Path, help="an output folder; its tables are in A/tables")
    parser.add_argument("b", metavar="B", type=Path, help="the output folder to compare with")
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
