"""The tables of cntflow, for the scripts here: names, keys, and where the parts are."""

from pathlib import Path

# The key columns of each table. No two rows of a table have the same key.
KEYS = {
    "networks": ["checkpoint"],
    "layers": ["checkpoint", "layer", "metric"],
    "neurons": ["checkpoint", "layer", "neuron"],
    "coverage": ["checkpoint", "tensor"],
    "densities": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin", "point"],
    "divergences": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin_a", "bin_b"],
    "discrimination": ["experiment", "target", "rule", "features", "classifier", "stratum"],
}

# Tables that every output folder has. The others exist if the study asks for them.
REQUIRED = ["networks", "layers", "coverage"]

# Internal tables of cntflow: sample summaries, from which densities and divergences are computed.
INTERNAL = {"populations"}

# Tables whose rows belong to a checkpoint, which must be a row of `networks`.
TABLES_WITH_CHECKPOINTS = ["layers", "neurons", "coverage"]


class Difference(Exception):
    """A table is not as it should be. The message names the place."""


def pattern(folder: Path, table: str) -> str:
    """The glob that matches the parts of a table, for every reader."""
    return str(folder / "tables" / table / "*.parquet")


def parts(folder: Path, table: str) -> list[Path]:
    """The parts of a table, sorted by name; empty if there is no such table."""
    return sorted((folder / "tables" / table).glob("*.parquet"))


def tables_of(folder: Path) -> list[str]:
    """The tables of a folder, in the order of KEYS.

    Raises Difference if a required table is missing, or if a table is not listed in this file.
    """
    if not (folder / "tables").is_dir():
        raise Difference(f"{folder}: there is no folder `tables`")
    missing = [table for table in REQUIRED if not parts(folder, table)]
    if missing:
        raise Difference(f"{folder}: no parts of {', '.join(missing)}")
    unknown = sorted({path.name for path in (folder / "tables").iterdir() if path.is_dir()} - set(KEYS) - INTERNAL)
    if unknown:
        raise Difference(f"{folder}: unknown tables: {', '.join(unknown)}; add them to KEYS in tables.py")
    return [table for table in KEYS if parts(folder, table)]
