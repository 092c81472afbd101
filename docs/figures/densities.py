#!/usr/bin/env python3
"""Draws the picture of README from the tables of a quickstart run.

    .venv/bin/python docs/figures/densities.py runs/quickstart docs/src/images/densities.svg

Link-Weights and Nodes Strength of the hidden layers of dense networks, by bins of test accuracy. A
layer's density is piecewise uniform through the quantiles in the table `layers`. Layers are
averaged within a network, and networks within a bin, so every network counts the same.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
import polars as pl

LEVELS = {"min": 0, "q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99, "max": 1}
# Bins of test accuracy, and of values along the axis.
BIN_WIDTH = 0.2
CELLS = 120
# Bins of fewer networks show single networks rather than a population.
FEWEST_NETWORKS = 5
METRICS = {"link_weights": "Link-Weights", "nodes_strength": "Nodes Strength"}


def last_networks(run: Path) -> pl.DataFrame:
    """The last measured checkpoint of each dense run, with its bin."""
    networks = pl.read_parquet(run / "tables" / "networks" / "*.parquet")
    last = networks.sort("run", "step").group_by("run", maintain_order=True).last()
    # The small addition keeps 0.6 from falling below its own edge in binary arithmetic.
    bin_of = (pl.col("test_accuracy") / BIN_WIDTH + 1e-9).floor().cast(pl.Int64).clip(0, round(1 / BIN_WIDTH) - 1)
    return last.filter(pl.col("status") == "ok", pl.col("layer_type") == "dense").select("checkpoint", bin_of.alias("bin"))


def density(quantiles: np.ndarray, edges: np.ndarray) -> np.ndarray:
    shares = np.interp(edges, quantiles, list(LEVELS.values()), left=0.0, right=1.0)
    return np.diff(shares) / np.diff(edges)


def curves(run: Path, metric: str, networks: pl.DataFrame) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Edges of the grid, and the mean density of every bin."""
    layers = pl.read_parquet(run / "tables" / "layers" / "*.parquet")
    rows = layers.filter(pl.col("metric") == metric, pl.col("role") == "hidden").join(networks, on="checkpoint")
    rows = rows.drop_nulls(list(LEVELS)).sort("bin", "checkpoint", "layer")
    reach = rows.select(pl.max_horizontal(pl.col("q01").abs(), pl.col("q99").abs()).quantile(0.8)).item()
    edges = np.linspace(-reach, reach, CELLS + 1)
    by_bin: dict[int, dict[str, list[np.ndarray]]] = {}
    for row in rows.iter_rows(named=True):
        quantiles = np.array([row[level] for level in LEVELS])
        by_bin.setdefault(row["bin"], {}).setdefault(row["checkpoint"], []).append(density(quantiles, edges))
    means = {number: np.mean([np.mean(layers, axis=0) for layers in each.values()], axis=0)
             for number, each in by_bin.items() if len(each) >= FEWEST_NETWORKS}
    return edges, means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
                         "svg.hashsalt": "cntflow", "axes.facecolor": "white"})
    networks = last_networks(arguments.run)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axes, (metric, title) in zip(panels, METRICS.items()):
        edges, means = curves(arguments.run, metric, networks)
        centres = (edges[1:] + edges[:-1]) / 2
        for number, curve in sorted(means.items()):
            low, high = number * BIN_WIDTH, (number + 1) * BIN_WIDTH
            colour = plt.cm.viridis(0.95 * (low + high) / 2)
            axes.plot(centres, curve, color=colour, linewidth=2, label=f"{low:.0%} to {high:.0%}")
        axes.set(title=f"{title}, hidden layers", xlabel="value", ylabel="density", xlim=(edges[0], edges[-1]))
        axes.set_ylim(bottom=0)
    panels[0].legend(title="test accuracy", frameon=False, fontsize=8)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
