#!/usr/bin/env python3
"""Checks that Polars, pandas and DuckDB read the same values from the tables of an output folder.

    tests/readers/check_readers.py runs/quickstart

All three open every table with the same glob, one column at a time. These facts are compared: the
number of rows; names and types of columns; numbers of nulls, NaN and infinities; sums of numbers;
numbers of distinct texts. Integers are summed exactly, floats by math.fsum, so that the order of
rows does not matter.

In addition, keys must be unique, every checkpoint must be a row of `networks`, and the metadata of
every part must name its table and schema version. At a difference, its place is printed and the
exit code is 1.
"""

import argparse
import math
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tables import (
    TABLES_WITH_CHECKPOINTS,
    WITHOUT_METADATA,
    Difference,
    base_name,
    key_of,
    may_be_null,
    networks_of,
    parts,
    pattern,
    tables_of,
)

# Relative tolerance for sums of floats. Readers agree on every value, and fsum rounds only once.
TOLERANCE = 1e-12

# The exceptions that readers raise if they cannot read a file.
READ_ERRORS = (pl.exceptions.PolarsError, pa.ArrowException, duckdb.Error, OSError)

# The metadata keys that every part has.
METADATA_KEYS = ["cntflow.table", "cntflow.schema"]

INT64_LIST = "list of int64"
FLOAT64_LIST = "list of float64"
LISTS = {INT64_LIST, FLOAT64_LIST}

# Maps each reader's name of a type to the logical type by which readers are compared.
LOGICAL_TYPES = {
    "String": "text", "string": "text", "large_string": "text", "string_view": "text", "VARCHAR": "text",
    "Boolean": "boolean", "bool": "boolean", "BOOLEAN": "boolean",
    "Int32": "int32", "int32": "int32", "INTEGER": "int32",
    "Int64": "int64", "int64": "int64", "BIGINT": "int64",
    "UInt32": "uint32", "uint32": "uint32", "UINTEGER": "uint32",
    "UInt64": "uint64", "uint64": "uint64", "UBIGINT": "uint64",
    "Float32": "float32", "float": "float32", "FLOAT": "float32",
    "Float64": "float64", "double": "float64", "DOUBLE": "float64",
    "List(Int64)": INT64_LIST, "BIGINT[]": INT64_LIST,
    "list<element: int64>": INT64_LIST, "list<item: int64>": INT64_LIST, "large_list<element: int64>": INT64_LIST,
    "List(Float64)": FLOAT64_LIST, "DOUBLE[]": FLOAT64_LIST,
    "list<element: double>": FLOAT64_LIST, "list<item: double>": FLOAT64_LIST, "large_list<element: double>": FLOAT64_LIST,
}  # fmt: skip


@dataclass
class Column:
    """A column as one reader sees it."""

    n_rows: int
    n_nulls: int
    # The values without nulls; the elements of all lists; None for texts.
    values: np.ndarray | None
    # The number of distinct texts; None for numbers and lists.
    n_distinct: int | None


@dataclass
class Facts:
    """The facts about a column on which all readers must agree."""

    n_rows: int
    n_nulls: int
    n_distinct: int | None
    n_values: int | None = None
    n_nan: int = 0
    n_positive_infinite: int = 0
    n_negative_infinite: int = 0
    # Over the finite values.
    sum: int | float | None = None


class Polars:
    """The table as Polars' lazy scan reads it."""

    name = "polars"

    def __init__(self, folder: Path, table: str):
        self.frame = pl.scan_parquet(pattern(folder, table))

    def schema(self) -> dict[str, str]:
        return {name: str(dtype) for name, dtype in self.frame.collect_schema().items()}

    def column(self, name: str, dtype: str) -> Column:
        column = self.frame.select(name).collect()[name]
        values = column.drop_nulls()
        if dtype == "text":
            return Column(len(column), column.null_count(), None, values.n_unique())
        if dtype in LISTS:
            # An empty list explodes to a null.
            values = values.explode().drop_nulls()
        return Column(len(column), column.null_count(), values.to_numpy(), None)


class Pandas:
    """The table as pandas reads it through pyarrow.

    Arrow's types are kept, because pandas' own types turn integers with nulls into floats.
    """

    name = "pandas"

    def __init__(self, folder: Path, table: str):
        self.paths = parts(folder, table)

    def schema(self) -> dict[str, str]:
        # The types of the frame count, not those of the file.
        frame = pd.read_parquet(self.paths[0], dtype_backend="pyarrow")
        return {name: str(dtype.pyarrow_dtype) for name, dtype in frame.dtypes.items()}

    def column(self, name: str, dtype: str) -> Column:
        column = pd.read_parquet(self.paths, columns=[name], dtype_backend="pyarrow")[name]
        n_nulls = int(column.isna().sum())
        if dtype == "text":
            return Column(len(column), n_nulls, None, int(column.nunique()))
        # drop_null() drops nulls only. If isna() counted a NaN as a null, the numbers would differ.
        values = column.array.__arrow_array__().drop_null()
        if dtype in LISTS:
            values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            values = values.flatten()
        return Column(len(column), n_nulls, values.to_numpy(zero_copy_only=False), None)


class Duckdb:
    """The table as DuckDB's SQL reads it."""

    name = "duckdb"

    def __init__(self, folder: Path, table: str):
        self.pattern = pattern(folder, table)
        self.connection = duckdb.connect()

    def select(self, expressions: str, condition: str = "true"):
        sql = f"SELECT {expressions} FROM read_parquet(?) WHERE {condition}"
        return self.connection.execute(sql, [self.pattern])

    def schema(self) -> dict[str, str]:
        rows = self.connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [self.pattern]).fetchall()
        return {row[0]: row[1] for row in rows}

    def column(self, name: str, dtype: str) -> Column:
        quoted = '"' + name.replace('"', '""') + '"'
        counts = f"count(*), count({quoted}), count(DISTINCT {quoted})"
        n_rows, n_values, n_distinct = self.select(counts).fetchone()
        n_nulls = n_rows - n_values
        if dtype == "text":
            return Column(n_rows, n_nulls, None, n_distinct)
        expression = f"unnest({quoted})" if dtype in LISTS else quoted
        values = self.select(f"{expression} AS v", f"{quoted} IS NOT NULL").fetchnumpy()["v"]
        return Column(n_rows, n_nulls, np.ma.getdata(values), None)


def facts_of(column: Column) -> Facts:
    """The facts about a column."""
    facts = Facts(column.n_rows, column.n_nulls, column.n_distinct)
    if column.values is None:
        return facts
    facts.n_values = len(column.values)
    if column.values.dtype.kind != "f":
        # Python's integers have no limit. A sum of seeds does not fit into 64 bits.
        facts.sum = sum(column.values.tolist())
        return facts
    facts.n_nan = int(np.isnan(column.values).sum())
    facts.n_positive_infinite = int(np.isposinf(column.values).sum())
    facts.n_negative_infinite = int(np.isneginf(column.values).sum())
    facts.sum = math.fsum(column.values[np.isfinite(column.values)].tolist())
    return facts


def is_equal(a: int | float | None, b: int | float | None) -> bool:
    """Whether two facts are equal. Floats are sums, and may differ by the tolerance."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.0)
    return a == b


def check_parts(folder: Path, table: str) -> str:
    """Checks the metadata and columns of every part, and returns the schema version."""
    versions, first = set(), None
    for path in parts(folder, table):
        # The file's own metadata. read_schema would return that of the stored Arrow schema instead.
        file = pq.read_metadata(path)
        metadata = {key.decode(): value.decode() for key, value in (file.metadata or {}).items()}
        versions.add(check_metadata(table, path, metadata))
        columns = [(field.name, field.type) for field in file.schema.to_arrow_schema()]
        first = first or (path, columns)
        if columns != first[1]:
            difference = column_difference(columns, first[1])
            raise Difference(f"{table}: {path.name} and {first[0].name} differ in columns: {difference}")
    if len(versions) != 1:
        raise Difference(f"{table}: parts of several schemas: {', '.join(sorted(versions))}")
    return versions.pop()


def check_metadata(table: str, path: Path, metadata: dict[str, str]) -> str:
    """Checks the metadata of a part, and returns its schema version; `-` for tables without one."""
    if base_name(table) in WITHOUT_METADATA:
        return "-"
    for key in METADATA_KEYS:
        if key not in metadata:
            raise Difference(f"{table}: {path.name} has no `{key}` in its file metadata")
    if metadata["cntflow.table"] != base_name(table):
        raise Difference(f"{table}: {path.name} names the table {metadata['cntflow.table']} in its metadata")
    return metadata["cntflow.schema"]


def column_difference(a: list[tuple], b: list[tuple]) -> str:
    """The (name, type) pairs that only one of two lists has, as a text."""
    pairs = sorted({f"{name} {dtype}" for name, dtype in set(a) ^ set(b)})
    return ", ".join(pairs) or "their order"


def logical_schema(table: str, reader) -> dict[str, str]:
    """The columns of a table with their logical types, as one reader sees them."""
    schema = reader.schema()
    for name, dtype in schema.items():
        if dtype not in LOGICAL_TYPES:
            raise Difference(f"{table}.{name}: {reader.name} reads the type {dtype}, which is not in LOGICAL_TYPES")
    return {name: LOGICAL_TYPES[dtype] for name, dtype in schema.items()}


def check_readers(folder: Path, table: str) -> tuple[int, int, int]:
    """Compares all readers with the first; returns the numbers of rows, columns and summed columns."""
    readers = [Polars(folder, table), Pandas(folder, table), Duckdb(folder, table)]
    schemas = [logical_schema(table, reader) for reader in readers]
    for reader, schema in zip(readers, schemas):
        if list(schema.items()) != list(schemas[0].items()):
            difference = column_difference(list(schema.items()), list(schemas[0].items()))
            raise Difference(f"{table}: {readers[0].name} and {reader.name} differ in columns: {difference}")
    n_rows, n_sums = 0, 0
    for name, dtype in schemas[0].items():
        facts = [facts_of(reader.column(name, dtype)) for reader in readers]
        for reader, other in zip(readers[1:], facts[1:]):
            compare_facts(f"{table}.{name}", readers[0].name, facts[0], reader.name, other)
        n_rows, n_sums = facts[0].n_rows, n_sums + (facts[0].sum is not None)
    return n_rows, len(schemas[0]), n_sums


def compare_facts(column: str, a_name: str, a_facts: Facts, b_name: str, b_facts: Facts) -> None:
    """Raises Difference at the first fact in which two readers differ."""
    for field in fields(Facts):
        a, b = getattr(a_facts, field.name), getattr(b_facts, field.name)
        if not is_equal(a, b):
            raise Difference(f"{column}: {field.name}: {a_name} {a!r}, {b_name} {b!r}")


def check_key(folder: Path, table: str) -> None:
    """Checks that the table's key has no null where it may have none, and that no two rows share a key."""
    key = key_of(table)
    rows = pl.scan_parquet(pattern(folder, table)).select(key)
    nulls = rows.null_count().collect().row(0, named=True)
    for column, count in nulls.items():
        if count and not may_be_null(table, column):
            raise Difference(f"{table}.{column}: {count} nulls in a key")
    repeated = rows.group_by(key).len().filter(pl.col("len") > 1).sort(key).collect()
    if len(repeated):
        first = repeated.row(0)[:-1]
        raise Difference(f"{table}: {len(repeated)} keys ({', '.join(key)}) have several rows, the first is {first}")


def check_checkpoints(folder: Path, table: str) -> int:
    """Checks that every checkpoint of the table is a row of `networks`, and returns their number."""
    networks = pl.scan_parquet(pattern(folder, networks_of(table))).select("checkpoint")
    used = pl.scan_parquet(pattern(folder, table)).select("checkpoint").unique()
    unknown = used.join(networks, on="checkpoint", how="anti").sort("checkpoint").collect()
    if len(unknown):
        raise Difference(f"{table}: {len(unknown)} checkpoints are not in networks, the first is {unknown.item(0, 0)}")
    return used.collect().height


def check_table(folder: Path, table: str) -> None:
    """Makes all checks of one table and prints a line about it."""
    version = check_parts(folder, table)
    n_rows, n_columns, n_sums = check_readers(folder, table)
    check_key(folder, table)
    n_checkpoints = n_rows if base_name(table) == "networks" else 0
    if base_name(table) in TABLES_WITH_CHECKPOINTS:
        n_checkpoints = check_checkpoints(folder, table)
    n_parts = len(parts(folder, table))
    line = f"{table:<40}{n_rows:>10,} rows  {n_columns:>3} columns ({n_sums} summed)  {n_parts:>4} parts  schema {version}"
    print(line + (f"  {n_checkpoints:,} checkpoints" if n_checkpoints else ""), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=Path, help="output folder of a run; the tables are in DIR/tables")
    folder = parser.parse_args().folder
    try:
        tables = tables_of(folder)
    except Difference as difference:
        print(f"check_readers: {difference}", file=sys.stderr)
        return 1
    n_failed = 0
    for table in tables:
        try:
            check_table(folder, table)
        except Difference as difference:
            print(f"check_readers: {difference}", file=sys.stderr)
            n_failed += 1
        except READ_ERRORS as error:
            reader = type(error).__module__.split(".")[0]
            print(f"check_readers: {table}: {reader} cannot read it: {error}", file=sys.stderr)
            n_failed += 1
    if n_failed == 0:
        print(f"polars {pl.__version__}, pandas {pd.__version__} and duckdb {duckdb.__version__} agree on {len(tables)} tables")
    return min(n_failed, 1)


if __name__ == "__main__":
    sys.exit(main())
