#!/usr/bin/env python3
"""Runs the explorer's SQL with SQLite and compares the checkpoints that it selects.

    tests/browser/compare_sql.py FOLDER

FOLDER has `table.json`, with the names of the checkpoints and the columns with their values, and
`queries.json`, with each SQL and the names that the explorer selects. Both are written by
`tests/browser/run.js`. The exit code is 1 if any differ.
"""

import json
import sqlite3
import sys
from pathlib import Path


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def load_networks(database: sqlite3.Connection, names: list[str], columns: list[dict]) -> None:
    own = [column for column in columns if column["sql"]["table"] == "networks"]
    titles = ", ".join(quoted(column["sql"]["column"]) for column in own)
    database.execute(f"CREATE TABLE networks (checkpoint, {titles})")
    marks = ", ".join("?" * (len(own) + 1))
    rows = zip(names, *(column["values"] for column in own), strict=True)
    database.executemany(f"INSERT INTO networks VALUES ({marks})", rows)


def load_layers(database: sqlite3.Connection, names: list[str], columns: list[dict]) -> None:
    """Puts each column into rows of its own layer and metric; missing values have no row, or none."""
    own = [column for column in columns if column["sql"]["table"] == "layers"]
    titles = sorted({column["sql"]["column"] for column in own})
    database.execute(
        f"CREATE TABLE layers (checkpoint, layer, metric, {', '.join(map(quoted, titles))})"
    )
    for column in own:
        where = column["sql"]["where"]
        layer, metric = where.removeprefix("layer = ").split(" AND metric = ")
        insert = (
            f"INSERT INTO layers (checkpoint, layer, metric, {quoted(column['sql']['column'])}) "
            f"VALUES (?, {layer}, {metric}, ?)"
        )
        present = (
            pair
            for row, pair in enumerate(zip(names, column["values"], strict=True))
            if pair[1] is not None or row % 2
        )
        database.executemany(insert, present)


def main() -> int:
    folder = Path(sys.argv[1])
    table = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    database = sqlite3.connect(":memory:")
    load_networks(database, table["names"], table["columns"])
    load_layers(database, table["names"], table["columns"])
    differing = 0
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    for query in queries:
        names = [name for (name,) in database.execute(query["sql"])]
        if names != query["names"]:
            print(f"SQLite selects {len(names)}, not {len(query['names'])}: {query['sql']}")
            differing += 1
    print(f"{len(queries)} queries by SQLite, {differing} differ")
    return 1 if differing or not queries else 0


if __name__ == "__main__":
    sys.exit(main())
