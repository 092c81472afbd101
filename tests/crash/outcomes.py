"""What a run has left: rows, files, and how much it has measured."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

# Not compared: it has summaries as bytes. Neither is the list `files.parquet`, which may have gaps.
NOT_COMPARED = {"populations"}

# Tables whose parts belong to the batches of `networks`.
BATCHED = ["layers", "neurons", "links", "coverage", "populations"]

# Key of a merged part's metadata: the batches that it replaces.
REPLACES = "cntflow.replaces"

# A row of `networks`: its columns that have a value, except the time.
Row = frozenset[tuple[str, object]]


def require(is_true: bool, problem: str):
    if not is_true:
        raise AssertionError(problem)


def committed(tables: Path) -> dict[str, Row]:
    """The committed rows of `networks` by checkpoint."""
    parts = {path.stem: path for path in networks_parts(tables)}
    replaced = set()
    for path in parts.values():
        replaced.update(pl.read_parquet_metadata(path).get(REPLACES, "").split(","))
    rows = {}
    for name, path in parts.items():
        if name not in replaced:
            for row in pl.read_parquet(path).drop("seconds").iter_rows(named=True):
                rows[row["checkpoint"]] = frozenset(item for item in row.items() if item[1] is not None)
    return rows


def networks_parts(tables: Path) -> list[Path]:
    """The parts of `networks`, committed or replaced."""
    return [path for path in (tables / "networks").glob("*.parquet") if not path.name.startswith(".")]


def stores(out: Path, twins: list[str]) -> list[Path]:
    """The folders of the tables, and of those of the twins."""
    return [out / "tables", *(out / "tables" / "twins" / twin for twin in twins)]


def read_rows(out: Path, twins: list[str]) -> list[dict[str, Row]]:
    """The committed rows of the networks, then of each twin."""
    return [committed(store) for store in stores(out, twins)]


def parts(out: Path) -> dict[str, list[Path]]:
    """The files of each table that is compared, and those of the catalog."""
    found: dict[str, list[Path]] = {}
    for path in sorted(out.rglob("*.parquet")):
        if path.name.startswith("catalog."):
            table = "catalog"
        else:
            table = str(path.parent.relative_to(out))
        if table != "tables" and path.parent.name not in NOT_COMPARED:
            found.setdefault(table, []).append(path)
    return found


def read_tables(out: Path) -> dict[str, pl.DataFrame]:
    return {table: in_order(pl.read_parquet(paths)) for table, paths in parts(out).items()}


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    frame = frame.drop("seconds", strict=False)
    return frame.sort([name for name, dtype in frame.schema.items() if not dtype.is_nested()])


# When the report says that the tables were written.
WRITTEN = re.compile(rb"(<dt>tables last written</dt><dd>)[^<]*")


def read_files(out: Path) -> dict[str, bytes]:
    """The files that are no tables, except locks. Reports come without a time."""
    files = (path for path in out.rglob("*") if path.is_file() and path.suffix != ".parquet")
    contents = ((path, path.read_bytes()) for path in files if not path.name.startswith(".lock-p"))
    return {str(path.relative_to(out)): WRITTEN.sub(rb"\1", content) if path.suffix == ".html" else content
            for path, content in contents}


def require_no_strays(out: Path):
    """Each part belongs to a batch that is committed."""
    twins = [path.name for path in (out / "tables" / "twins").glob("*")]
    for tables in stores(out, twins):
        batches = {path.name for path in (tables / "networks").glob("*")}
        for table in BATCHED:
            strays = [path.name for path in (tables / table).glob("*") if path.name not in batches]
            require(not strays, f"parts of {table} without a batch: {strays}")


@dataclass(frozen=True)
class Done:
    """Checkpoints that were measured, with their twins, and runs that were trained."""
    checkpoints: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()

    def __or__(self, other: "Done") -> "Done":
        return Done(self.checkpoints | other.checkpoints, self.runs | other.runs)

    def without(self, other: "Done") -> list[str]:
        return sorted(self.checkpoints - other.checkpoints) + sorted(self.runs - other.runs)


@dataclass
class Outcome:
    """What an undisturbed run has left."""
    code: int
    twins: list[str]
    # Of the networks, then of each twin.
    rows: list[dict[str, Row]]
    runs: set[str]
    tables: dict[str, pl.DataFrame]
    files: dict[str, bytes]

    @staticmethod
    def read(out: Path, code: int, twins: list[str]) -> "Outcome":
        require_no_strays(out)
        return Outcome(code, twins, read_rows(out, twins), trained_runs(out), read_tables(out), read_files(out))

    @property
    def everything(self) -> "Done":
        return Done(frozenset(self.rows[0]), frozenset(self.runs))

    def done(self, out: Path) -> "Done":
        """What another folder has already of that which it will have in the end."""
        names = set(self.rows[0])
        for ours, theirs in zip(self.rows, read_rows(out, self.twins)):
            names = {name for name in names if name in theirs and theirs[name] == ours[name]}
        return Done(frozenset(names), frozenset(trained_runs(out)))

    def require_same(self, out: Path):
        """Another run has left the same."""
        require_no_strays(out)
        tables, files = read_tables(out), read_files(out)
        differences = [f"only one has {name}" for name in sorted(self.tables.keys() ^ tables.keys())]
        differences += [f"only one has {path}" for path in sorted(self.files.keys() ^ files.keys())]
        differences += [f"{path} differs" for path in sorted(self.files.keys() & files.keys())
                        if self.files[path] != files[path]]
        for table in sorted(self.tables.keys() & tables.keys()):
            differences += differences_of(table, self.tables[table], tables[table])
        require(not differences, "; ".join(differences))


def differences_of(table: str, ours: pl.DataFrame, theirs: pl.DataFrame) -> list[str]:
    if ours.columns != theirs.columns:
        return [f"{table} has the columns {theirs.columns}, not {ours.columns}"]
    if ours.height != theirs.height:
        return [f"{table} has {theirs.height} rows, not {ours.height}"]
    return [f"{table} differs in {name}" for name in ours.columns
            if not ours[name].equals(theirs[name], null_equal=True)]


def trained_runs(out: Path) -> set[str]:
    """The runs in the catalog of trained checkpoints."""
    catalogs = list(out.glob("catalog.*parquet"))
    return set(pl.read_parquet(catalogs)["run"]) if catalogs else set()


@dataclass
class Work:
    """What a command says it has done."""
    trained: int = 0
    # Or taken from another folder.
    measured: int = 0
    evaluated: int = 0

    @staticmethod
    def read(output: str) -> "Work":
        work = Work()
        for document in documents(output):
            if document.get("event") == "update":
                work.measured += document["measured"] + document["reused"]
            elif "checkpoints" in document:
                work.measured += document["checkpoints"]["new"] + document["checkpoints"]["reused"]
                work.trained += document["runs"]["trained"]
            experiments = document.get("experiments", [])
            work.evaluated += sum(experiment["evaluated_now"] for experiment in experiments)
        return work


def documents(output: str) -> list[dict]:
    """The JSON documents of a text, one after the other."""
    decoder, found = json.JSONDecoder(), []
    while output := output.strip():
        document, end = decoder.raw_decode(output)
        found.append(document)
        output = output[end:]
    return found
