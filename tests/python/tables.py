"""What the scripts here share about cntflow's tables: their names, their keys and where their parts lie."""

from pathlib import Path

# What tells the rows of a table apart; no two rows of a table share it.
KEYS = {
    "networks": ["checkpoint"],
    "layers": ["checkpoint", "layer", "metric"],
    "neurons": ["checkpoint", "layer", "neuron"],
    "coverage": ["checkpoint", "tensor"],
    "densities": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin", "point"],
    "divergences": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin_a", "bin_b"],
    "discrimination": ["experiment", "target", "rule", "features", "classifier", "stratum"],
}

# Every measured folder has these; the others are written where the study asks for them.
ALWAYS = ["networks", "layers", "coverage"]

# What cntflow keeps for itself: the samples' summaries that densities and divergences are made of.
INTERNAL = {"populations"}

# Tables whose checkpoints are rows of `networks`.
OF_CHECKPOINTS = ["layers", "neurons", "coverage"]


class Difference(Exception):
    """Tables that are not what they should be; the message says where."""


def pattern(folder: Path, table: str) -> str:
    """The glob of a table's parts, the same for every reader."""
    return str(folder / "tables" / table / "*.parquet")


def parts(folder: Path, table: str) -> list[Path]:
    """The parts of a table, sorted by name; none where there is no such table."""
    return sorted((folder / "tables" / table).glob("*.parquet"))


def tables_of(folder: Path) -> list[str]:
    """The tables of a folder, in the order of KEYS.

    Raises Difference where one that is always written is missing, or where there is one that is not known here.
    """
    if not (folder / "tables").is_dir():
        raise Difference(f"{folder}: no folder `tables` in it")
    missing = [table for table in ALWAYS if not parts(folder, table)]
    if missing:
        raise Difference(f"{folder}: no parts of {', '.join(missing)}")
    unknown = sorted({path.name for path in (folder / "tables").iterdir() if path.is_dir()} - set(KEYS) - INTERNAL)
    if unknown:
        raise Difference(f"{folder}: tables not known here: {', '.join(unknown)}; add them to KEYS in tables.py")
    return [table for table in KEYS if parts(folder, table)]
