"""The tables of cntflow, for the scripts here: names, keys, and where the parts are."""

from pathlib import Path

# The key columns of each table. No two rows of a table have the same key.
KEYS = {
    "networks": ["checkpoint"],
    "layers": ["checkpoint", "layer", "metric"],
    "neurons": ["checkpoint", "layer", "neuron"],
    "links": ["checkpoint", "layer", "name", "rank"],
    "coverage": ["checkpoint", "tensor"],
    "densities": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin", "point"],
    "divergences": ["view", "label", "architecture", "layer", "name", "role", "metric", "bin_a", "bin_b"],
}

# The same of the tables that every finished experiment has, in `tables/experiments/<name>`.
EXPERIMENT_KEYS = {
    "scores": ["experiment", "features", "representation", "twin", "model", "stratum"],
    "verdicts": ["experiment", "family", "a", "b"],
    "controls": ["experiment", "control", "features", "figure"],
    "predictions": ["experiment", "features", "twin", "model", "set", "repeat", "fold", "checkpoint"],
    "importance": ["experiment", "features", "twin", "model", "column"],
    "folds": ["experiment", "checkpoint", "repeat"],
    "features": ["experiment", "twin", "checkpoint"],
    "fits": ["experiment", "candidate", "stage", "repeat", "fold", "n_groups", "setting_index"],
}

# The same of tables that only some experiments have: those of classes, those with another
# population, those of low and high in the end of a run, those with a learning curve.
DESIGN_KEYS = {
    "confusion": ["experiment", "features", "twin", "model", "stratum", "actual", "predicted"],
    "transfer": ["experiment", "features", "model", "trained_on", "tested_on", "figure"],
    "stopping": ["experiment", "features", "model", "threshold"],
    "learning_curve": ["experiment", "features", "twin", "n_groups"],
}

# Key columns that may be null: the networks themselves are no twin, the test set is no fold, a
# refit no repeat, a fit of a fold no point of a learning curve, and a noise ceiling is of no
# features.
NULL_KEYS = {"twin", "repeat", "fold", "n_groups"}
NULL_KEYS_OF = {"controls": {"features"}}

# Tables that every output folder has. The others exist if the study asks for them.
REQUIRED = ["networks", "layers", "coverage"]

# Internal tables of cntflow: sample summaries, from which densities and divergences are computed.
INTERNAL = {"populations"}

# Folders of tables in `tables`: those of each twin, and those of each experiment.
TWINS, EXPERIMENTS = "twins", "experiments"

# Tables whose rows belong to a checkpoint, which must be a row of `networks`.
TABLES_WITH_CHECKPOINTS = ["layers", "neurons", "links", "coverage", "predictions", "folds", "features"]

# Tables whose files do not name their table: each experiment has feature columns of its own.
WITHOUT_METADATA = {"features"}


class Difference(Exception):
    """A table is not as it should be. The message names the place."""


def pattern(folder: Path, table: str) -> str:
    """The glob that matches the parts of a table, for every reader."""
    return str(folder / "tables" / table / "*.parquet")


def parts(folder: Path, table: str) -> list[Path]:
    """The parts of a table, sorted by name; empty if there is no such table."""
    return sorted((folder / "tables" / table).glob("*.parquet"))


def base_name(table: str) -> str:
    """The table's name without its folder: `scores` of `experiments/low_vs_high/scores`."""
    return table.rpartition("/")[2]


def key_of(table: str) -> list[str]:
    """The key columns of a table."""
    return (KEYS | EXPERIMENT_KEYS | DESIGN_KEYS)[base_name(table)]


def may_be_null(table: str, column: str) -> bool:
    """Whether a key column may be null."""
    return column in NULL_KEYS | NULL_KEYS_OF.get(base_name(table), set())


def networks_of(table: str) -> str:
    """The table `networks` that the checkpoints of a table are in."""
    return f"{table.rpartition('/')[0]}/networks" if table.startswith(f"{TWINS}/") else "networks"


def tables_of(folder: Path) -> list[str]:
    """The tables of a folder, by their path below `tables`: those in the order of KEYS, then those of
    twins and of experiments.

    Raises Difference if a required table is missing, or if a table is not listed in this file.
    """
    if not (folder / "tables").is_dir():
        raise Difference(f"{folder}: there is no folder `tables`")
    missing = [table for table in REQUIRED if not parts(folder, table)]
    if missing:
        raise Difference(f"{folder}: no parts of {', '.join(missing)}")
    tables = tables_in(folder, "", KEYS, INTERNAL | {TWINS, EXPERIMENTS})
    for twin in folders_in(folder, TWINS):
        tables += tables_in(folder, f"{TWINS}/{twin}/", KEYS, INTERNAL)
    for experiment in folders_in(folder, EXPERIMENTS):
        own = tables_in(folder, f"{EXPERIMENTS}/{experiment}/", EXPERIMENT_KEYS | DESIGN_KEYS, set())
        missing = set(EXPERIMENT_KEYS) - {base_name(table) for table in own}
        if missing:
            raise Difference(f"{folder}: experiment {experiment} is not finished: no parts of {', '.join(sorted(missing))}")
        tables += own
    return tables


def folders_in(folder: Path, below: str) -> list[str]:
    """Names of the folders in `tables/<below>`, sorted; none if there is no such folder."""
    path = folder / "tables" / below
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []


def tables_in(folder: Path, prefix: str, known: dict[str, list[str]], ignored: set[str]) -> list[str]:
    """The known tables that have a part, in their order."""
    unknown = set(folders_in(folder, prefix)) - set(known) - ignored
    if unknown:
        raise Difference(f"{folder}: unknown tables: {prefix}{', '.join(sorted(unknown))}; add them to KEYS in tables.py")
    return [prefix + table for table in known if parts(folder, prefix + table)]
