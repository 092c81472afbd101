#!/usr/bin/env python3
"""Checks that polars, pandas and DuckDB read the tables of an output folder alike.

    tests/python/check_readers.py runs/quickstart

Every table is opened by all three from the same glob, one column at a time. Compared are the number of rows, the columns' names and
types, nulls, NaN and infinities, sums of numbers (integers exactly, reals by math.fsum, so that the order of rows does not matter) and
distinct texts. Keys must be unique, checkpoints must be rows of `networks`, and every part must say in its metadata which table and
schema it is of. Exit code 1 at a difference, with its place.
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

from tables import KEYS, OF_CHECKPOINTS, Difference, parts, pattern, tables_of

# Sums of reals may differ by this, relatively: readers agree on every value, fsum on every sum.
TOLERANCE = 1e-12

# What the readers raise at a file that they cannot read.
CANNOT_READ = (pl.exceptions.PolarsError, pa.ArrowException, duckdb.Error, OSError)

# What every part says of itself.
METADATA = ["cntflow.table", "cntflow.schema"]

# Each reader's name of a type: the logical type that they are compared by.
TYPES = {
    "String": "text", "string": "text", "large_string": "text", "string_view": "text", "VARCHAR": "text",
    "Boolean": "boolean", "bool": "boolean", "BOOLEAN": "boolean",
    "Int32": "int32", "int32": "int32", "INTEGER": "int32",
    "Int64": "int64", "int64": "int64", "BIGINT": "int64",
    "UInt32": "uint32", "uint32": "uint32", "UINTEGER": "uint32",
    "UInt64": "uint64", "uint64": "uint64", "UBIGINT": "uint64",
    "Float32": "float32", "float": "float32", "FLOAT": "float32",
    "Float64": "float64", "double": "float64", "DOUBLE": "float64",
}  # fmt: skip


@dataclass
class Column:
    """A column as one reader sees it: values without nulls, or for texts how many there are."""

    rows: int
    nulls: int
    values: np.ndarray | None
    distinct: int | None


@dataclass
class Facts:
    """What readers must agree on in a column."""

    rows: int
    nulls: int
    distinct: int | None
    nan: int
    positive_infinite: int
    negative_infinite: int
    sum: int | float | None


class Polars:
    """The table as Polars reads it, lazily."""

    name = "polars"

    def __init__(self, folder: Path, table: str):
        self.frame = pl.scan_parquet(pattern(folder, table))

    def schema(self) -> dict[str, str]:
        return {name: str(dtype) for name, dtype in self.frame.collect_schema().items()}

    def column(self, name: str, is_text: bool) -> Column:
        column = self.frame.select(name).collect()[name]
        known = column.drop_nulls()
        distinct = known.n_unique() if is_text else None
        return Column(len(column), column.null_count(), None if is_text else known.to_numpy(), distinct)


class Pandas:
    """The table as pandas reads it by pyarrow. Arrow's types are kept: pandas' own turn integers with nulls into reals."""

    name = "pandas"

    def __init__(self, folder: Path, table: str):
        self.paths = parts(folder, table)

    def schema(self) -> dict[str, str]:
        # No row is read for it but the types are those of the frame, not of the file.
        first = pd.read_parquet(self.paths[0], dtype_backend="pyarrow").head(0)
        return {name: str(dtype.pyarrow_dtype) for name, dtype in first.dtypes.items()}

    def column(self, name: str, is_text: bool) -> Column:
        column = pd.read_parquet(self.paths, columns=[name], dtype_backend="pyarrow")[name]
        nulls = int(column.isna().sum())
        if is_text:
            return Column(len(column), nulls, None, int(column.nunique()))
        # isna() must be null alone here: a NaN that passed for a null would be lost.
        known = column.array.__arrow_array__().drop_null().to_numpy(zero_copy_only=False)
        return Column(len(column), nulls, known, None)


class Duckdb:
    """The table as DuckDB's SQL reads it."""

    name = "duckdb"

    def __init__(self, folder: Path, table: str):
        self.pattern = pattern(folder, table)
        self.connection = duckdb.connect()

    def query(self, what: str):
        return self.connection.execute(f"SELECT {what} FROM read_parquet(?)", [self.pattern])

    def schema(self) -> dict[str, str]:
        rows = self.connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [self.pattern]).fetchall()
        return {row[0]: row[1] for row in rows}

    def column(self, name: str, is_text: bool) -> Column:
        quoted = '"' + name.replace('"', '""') + '"'
        rows, known, distinct = self.query(f"count(*), count({quoted}), count(DISTINCT {quoted})").fetchone()
        if is_text:
            return Column(rows, rows - known, None, distinct)
        sql = f"SELECT {quoted} AS v FROM read_parquet(?) WHERE {quoted} IS NOT NULL"
        values = self.connection.execute(sql, [self.pattern]).fetchnumpy()["v"]
        return Column(rows, rows - known, np.ma.getdata(values), None)


def facts_of(column: Column) -> Facts:
    """What readers must agree on; the sum is over the finite values."""
    facts = Facts(column.rows, column.nulls, column.distinct, 0, 0, 0, None)
    if column.values is None:
        return facts
    if column.values.dtype.kind != "f":
        # Python's integers: sums of seeds leave 64 bits.
        facts.sum = sum(column.values.tolist())
        return facts
    facts.nan = int(np.isnan(column.values).sum())
    facts.positive_infinite = int(np.isposinf(column.values).sum())
    facts.negative_infinite = int(np.isneginf(column.values).sum())
    facts.sum = math.fsum(column.values[np.isfinite(column.values)].tolist())
    return facts


def agree(one: int | float | None, other: int | float | None) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=0.0)
    return one == other


def check_parts(folder: Path, table: str) -> str:
    """The metadata and columns of every part; gives the schema version."""
    versions, first = set(), None
    for path in parts(folder, table):
        # The file's own metadata: where the Arrow schema is stored too, read_schema gives the
        # metadata of that one.
        file = pq.read_metadata(path)
        metadata = {key.decode(): value.decode() for key, value in (file.metadata or {}).items()}
        for key in METADATA:
            if key not in metadata:
                raise Difference(f"{table}: {path.name} has no `{key}` in its file metadata")
        if metadata["cntflow.table"] != table:
            raise Difference(f"{table}: {path.name} says in its metadata that it is of {metadata['cntflow.table']}")
        versions.add(metadata["cntflow.schema"])
        columns = [(field.name, field.type) for field in file.schema.to_arrow_schema()]
        first = first or (path, columns)
        if columns != first[1]:
            odd = sorted({f"{name} {dtype}" for name, dtype in set(columns) ^ set(first[1])})
            raise Difference(f"{table}: {path.name} and {first[0].name} differ in columns: {', '.join(odd) or 'their order'}")
    if len(versions) != 1:
        raise Difference(f"{table}: parts of several schemas: {', '.join(sorted(versions))}")
    return versions.pop()


def logical_schema(table: str, reader) -> dict[str, str]:
    schema = reader.schema()
    for name, dtype in schema.items():
        if dtype not in TYPES:
            raise Difference(f"{table}.{name}: {reader.name} reads {dtype}, a type not known here")
    return {name: TYPES[dtype] for name, dtype in schema.items()}


def check_readers(folder: Path, table: str) -> tuple[int, int, int]:
    """All readers against the first; gives the numbers of rows, columns and columns with a sum."""
    readers = [Polars(folder, table), Pandas(folder, table), Duckdb(folder, table)]
    schemas = [logical_schema(table, reader) for reader in readers]
    for reader, schema in zip(readers, schemas):
        if list(schema.items()) != list(schemas[0].items()):
            odd = sorted({f"{name} {dtype}" for name, dtype in set(schema.items()) ^ set(schemas[0].items())})
            odd = ", ".join(odd) or "their order"
            raise Difference(f"{table}: {readers[0].name} and {reader.name} differ in columns: {odd}")
    rows, sums = 0, 0
    for name, dtype in schemas[0].items():
        found = [facts_of(reader.column(name, dtype == "text")) for reader in readers]
        for reader, facts in zip(readers[1:], found[1:]):
            compare(f"{table}.{name}", readers[0].name, found[0], reader.name, facts)
        rows, sums = found[0].rows, sums + (found[0].sum is not None)
    return rows, len(schemas[0]), sums


def compare(place: str, one_name: str, one: Facts, other_name: str, other: Facts) -> None:
    for field in fields(Facts):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if not agree(a, b):
            raise Difference(f"{place}: {field.name.replace('_', ' ')}: {one_name} {a!r}, {other_name} {b!r}")


def check_key(folder: Path, table: str) -> None:
    """No null and no row twice in the table's key."""
    key = KEYS[table]
    rows = pl.scan_parquet(pattern(folder, table)).select(key)
    nulls = rows.null_count().collect().row(0, named=True)
    for column, count in nulls.items():
        if count:
            raise Difference(f"{table}.{column}: {count} nulls in a key")
    twice = rows.group_by(key).len().filter(pl.col("len") > 1).sort(key).collect()
    if len(twice):
        raise Difference(f"{table}: {len(twice)} keys ({', '.join(key)}) stand in several rows, the first is {twice.row(0)[:-1]}")


def check_checkpoints(folder: Path, table: str) -> int:
    """Every checkpoint of the table is a row of `networks`; gives their number."""
    networks = pl.scan_parquet(pattern(folder, "networks")).select("checkpoint")
    used = pl.scan_parquet(pattern(folder, table)).select("checkpoint").unique()
    strangers = used.join(networks, on="checkpoint", how="anti").sort("checkpoint").collect()
    if len(strangers):
        raise Difference(f"{table}: {len(strangers)} checkpoints are not in networks, the first is {strangers.item(0, 0)}")
    return used.collect().height


def check_table(folder: Path, table: str) -> None:
    version = check_parts(folder, table)
    rows, columns, sums = check_readers(folder, table)
    check_key(folder, table)
    checkpoints = rows if table == "networks" else 0
    if table in OF_CHECKPOINTS:
        checkpoints = check_checkpoints(folder, table)
    n_parts = len(parts(folder, table))
    line = f"{table:<15}{rows:>10,} rows  {columns:>3} columns ({sums} summed)  {n_parts:>4} parts  schema {version}"
    print(line + (f"  {checkpoints:,} checkpoints" if checkpoints else ""), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=Path, help="output folder of a run; the tables are in DIR/tables")
    folder = parser.parse_args().folder
    try:
        tables = tables_of(folder)
    except Difference as difference:
        print(f"check_readers: {difference}", file=sys.stderr)
        return 1
    failed = 0
    for table in tables:
        try:
            check_table(folder, table)
        except Difference as difference:
            print(f"check_readers: {difference}", file=sys.stderr)
            failed += 1
        except CANNOT_READ as error:
            reader = type(error).__module__.split(".")[0]
            print(f"check_readers: {table}: {reader} cannot read it: {error}", file=sys.stderr)
            failed += 1
    if failed == 0:
        print(f"polars {pl.__version__}, pandas {pd.__version__} and duckdb {duckdb.__version__} agree on {len(tables)} tables")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
