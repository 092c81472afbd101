"""Tables and figures that the notebooks of the studies share.

A notebook reads the Parquet tables of one run of its study, and nothing else:

    study = Study("size")
    study.spread(by="depth")
    study.forest()

The run is the folder in the environment variable CNTFLOW_RUN, or `runs/<study>`. A relative path
starts at the root of the repository. If the experiments were run on the tables of another folder
(`cntflow run STUDY --tables DIR`), the tables `networks` and `layers` are read from there.
"""

import json
import os
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl

plt.rcParams.update({
    "figure.dpi": 110, "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.alpha": 0.25, "legend.frameon": False,
})
pl.Config(tbl_rows=80, tbl_cols=20, tbl_width_chars=140, fmt_str_lengths=70, tbl_hide_dataframe_shape=True,
          tbl_hide_column_data_types=True, float_precision=3)

# Feature sets that no CNT metric is in.
BASELINES = ["majority", "step", "hyperparameters", "counts", "norms", "global_7", "last_7", "tensor_7",
             "probe_confidence", "probe_accuracy"]
# Families of CNT metrics, and all of them.
CNT = ["link_weights", "strengths", "wiring", "cnt", "data_dependent"]
# The primary figure of each kind of target: its name, and its value for a random prediction.
FIGURES = {"low_high": ("AUC", 0.5), "classes": ("AUC, mean over pairs of classes", 0.5),
           "regression": ("R²", 0.0), "ranking": ("Kendall's tau", 0.0)}
# Quantiles of a row of the table `layers`. Minimum and maximum are left out: they grow with size.
QUANTILES = ["q01", "q05", "q25", "q50", "q75", "q95", "q99"]
REAL, GREY, GREEN = "#4c72b0", "0.85", "#55a868"
TWINS = {"shuffle": ("shuffled twins", "#dd8452", "D"), "untrained": ("before training", "#937860", "s")}
# Random draws for the bands of chance, and their seed.
DRAWS = 500
SEED = 2026


def repository_root() -> Path:
    """The root of the repository: the working directory or a folder above it."""
    for folder in [Path.cwd(), *Path.cwd().parents]:
        if (folder / "Cargo.toml").exists() and (folder / "pipelines").is_dir():
            return folder
    return Path.cwd()


class Study:
    """The tables of one run of a study."""

    def __init__(self, name: str):
        self.name = name
        self.folder = repository_root() / os.environ.get("CNTFLOW_RUN", f"runs/{name}")
        if not list(self.folder.glob("tables/experiments/*/scores/*.parquet")):
            raise SystemExit(f"There are no experiments in {self.folder}: run pipelines/{name}.toml first, or set CNTFLOW_RUN")
        self.record = json.loads((self.folder / "study.json").read_text())
        contents = self.record.get("contents", "study")
        # Experiments on the tables of another folder: networks and layers are there.
        is_elsewhere = isinstance(contents, dict)
        self.measured = repository_root() / contents["experiments"]["tables"] if is_elsewhere else self.folder
        last = self.measured_table("networks").sort("run", "step").group_by("run", maintain_order=True).last()
        self.networks = last.filter(status="ok")
        self.n_left_out = len(last) - len(self.networks)
        # Labels of `[labels]`, which are no columns of the table.
        for label, expression in self.record.get("label_aliases", {}).items():
            computed = pl.sql_expr(expression)
            if label not in last.columns and set(computed.meta.root_names()) <= set(last.columns):
                self.networks = self.networks.with_columns(computed.alias(label))

    def _repr_markdown_(self) -> str:
        """What was run."""
        sizes = self.table("folds").group_by("experiment", maintain_order=True).agg(
            pl.col("checkpoint").filter(set="training").n_unique().alias("training"),
            pl.col("checkpoint").filter(set="test").n_unique().alias("test"))
        rows = [f"| `{experiment}` | {training:,} | {test:,} |" for experiment, training, test in sizes.iter_rows()]
        measured = f"The population has {len(self.networks):,} networks, the last checkpoints of their runs. "
        left_out = f"{self.n_left_out:,} more runs diverged or could not be measured."
        table = "\n".join(["| experiment | networks that models are fitted to and chosen by | held-out networks |", "|---|---|---|", *rows])
        return f"Study `{self.record['name']}`, scale `{self.record['scale']}`. {measured}{left_out}\n\n{table}"

    @cache
    def measured_table(self, table: str) -> pl.DataFrame:
        """A table of the measured networks, such as `networks` or `layers`; empty if there is none."""
        files = sorted((self.measured / "tables" / table).glob("*.parquet"))
        return pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed") if files else pl.DataFrame()

    @cache
    def table(self, table: str) -> pl.DataFrame:
        """A table of all experiments, in the order of the study; empty if no experiment has it."""
        order = [section["name"] for section in self.record.get("experiments", [])]
        def place(file: Path) -> tuple:
            name = file.parents[1].name.split("@")[0]
            return order.index(name) if name in order else len(order), file
        files = sorted(self.folder.glob(f"tables/experiments/*/{table}/*.parquet"), key=place)
        return pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed") if files else pl.DataFrame()

    def experiments(self) -> list[str]:
        """Names of the experiments, in the order of the study."""
        return self.table("scores")["experiment"].unique(maintain_order=True).to_list()

    def scores(self) -> pl.DataFrame:
        """The chosen model of each feature set on the held-out networks, with its primary figure as
        `value` and the interval of that as `low` and `high`."""
        def primary(end: str) -> pl.Expr:
            classes = pl.coalesce(f"auc_pairs{end}", f"auc{end}")
            value = pl.when(target="low_high").then(f"auc{end}").when(target="classes").then(classes)
            return value.when(target="regression").then(f"r2{end}").otherwise(f"tau{end}")
        scores = self.table("scores").filter(chosen=True, stratum="all", status="ok")
        return scores.with_columns(value=primary(""), low=primary("_low"), high=primary("_high"))

    def predictions(self, features: str, twin: str | None = None) -> pl.DataFrame:
        """Predictions of the held-out networks by the chosen models of a feature set, beside the
        label columns of the networks."""
        chosen = self.scores().filter(pl.col("twin").eq_missing(pl.lit(twin)), features=features).select("experiment", "features", "twin", "model")
        predictions = self.table("predictions").filter(set="test")
        predictions = predictions.join(chosen, on=chosen.columns, nulls_equal=True)
        labels = self.networks.drop("group", "label", "class", "score", strict=False)
        return predictions.join(labels, on="checkpoint", how="left")

    # Tables.

    def primary(self) -> pl.DataFrame:
        """The comparisons that were declared beforehand. Their p-values are adjusted by Holm."""
        verdicts = self.table("verdicts").filter(family="primary")
        return verdicts.select("experiment", "a", "b", "figure", "difference", "low", "high", "p_adjusted", "finding")

    def decisions(self) -> pl.DataFrame:
        """What each experiment says of its claim, by the rule of `cntflow claims`."""
        rows = []
        for (experiment,), verdicts in self.primary().group_by("experiment", maintain_order=True):
            findings, rivals = set(verdicts["finding"]), verdicts["b"].to_list()
            has_rivals = any("@" not in rival for rival in rivals) and any(rival.endswith("@shuffle") for rival in rivals)
            if findings & {"below", "equivalent"}:
                decision = "not supported"
            elif findings == {"above"} and has_rivals:
                decision = "supported"
            else:
                decision = "not decided"
            short = verdicts.filter(pl.col("finding") != "above")
            rows.append((experiment, decision, "; ".join(f"{row['a']} > {row['b']}: {row['finding']}" for row in short.iter_rows(named=True))))
        return pl.DataFrame(rows, ["experiment", "decision", "declared comparisons that did not hold"], orient="row")

    def graph_gain(self, twin: str = "shuffle") -> pl.DataFrame:
        """What CNT metrics lose on twins. A gain of 0 would say that they owe nothing to the graph."""
        gains = self.table("controls").filter(pl.col("features").is_in(CNT), control=twin)
        return gains.select("experiment", "features", "figure", real="real", twin="control_value", gain="gain", low="low", high="high")

    def permutations(self, features: str = "cnt") -> pl.DataFrame:
        """Figures beside the mean of those with permuted labels. The smallest `p` is 1 / (n + 1)."""
        rows = self.table("controls").filter(control="permutation", features=features)
        return rows.select("experiment", "features", "figure", "real", permuted="control_value", p="p", permutations="n")

    def ceiling(self) -> pl.DataFrame:
        """How well the accuracies on two halves of the test images predict each other."""
        rows = self.table("controls").filter(control="noise_ceiling")
        return rows.select("experiment", "figure", ceiling="control_value", low="low", high="high", test_images="n")

    def conditional(self, features: tuple = ("hyperparameters", "tensor_7", "wiring", "cnt", "data_dependent")) -> pl.DataFrame:
        """Do scores rank networks that differ in one hyperparameter alone (`granulated_tau`)? Do they
        tell anything once hyperparameters are known (`conditional_information`)?"""
        rows = self.table("controls").filter(pl.col("features").is_in(features), pl.col("control").is_in(["granulated_tau", "conditional_information"]))
        return rows.select("experiment", "control", "features", "figure", "real", "n")

    def divergences(self) -> pl.DataFrame | None:
        """How many pairs of populations differ more than chance, for each metric and role."""
        pairs = self.measured_table("divergences")
        if pairs.is_empty():
            print("There is no table `divergences`: only a run that measured its networks itself has one.")
            return None
        return pairs.drop_nulls("null_q95").group_by("metric", "role").agg(
            pl.len().alias("pairs"), pl.median("jensen_shannon").alias("median divergence"),
            pl.median("null_q95").alias("random halves, 95%"),
            (pl.col("jensen_shannon") > pl.col("null_q95")).mean().alias("share above random halves"),
            (pl.col("p_adjusted") < 0.05).mean().alias("share with p_adjusted < 0.05"),
        ).sort("metric", "role")

    # Figures.

    def spread(self, by: str, label: str = "test_accuracy") -> pl.DataFrame:
        """Histograms of a label and the table of its quantiles, for each value of a column."""
        figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
        edges = np.histogram_bin_edges(self.networks[label].drop_nulls().to_numpy(), bins=40)
        for (value,), rows in sorted(self.networks.group_by(by), key=lambda item: sort_key(item[0][0])):
            axes.hist(rows[label].drop_nulls(), bins=edges, histtype="step", linewidth=1.6, label=f"{value} ({len(rows)})")
        axes.set(xlabel=words(label), ylabel="networks")
        axes.set_title(f"{words(label)} of the population", loc="left")
        axes.legend(title=words(by), fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
        plt.show()
        quantiles = [pl.col(label).quantile(q).alias(f"{label} {q:.0%}") for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
        return self.networks.group_by(by).agg(pl.len().alias("networks"), *quantiles).sort(by)

    def forest(self, experiments: list[str] | None = None) -> None:
        """Held-out scores of each feature set with 95% intervals, beside those of the twins.
        Baselines are shaded. Dotted: a random prediction. Green: the noise ceiling."""
        scores = self.scores().filter(pl.col("features") != "majority", pl.col("value").is_not_null())
        experiments = [name for name in experiments or self.experiments() if name in scores["experiment"].to_list()]
        if not experiments:
            print("No experiment has a score: there are too few held-out networks.")
            return
        order = scores.filter(pl.col("experiment").is_in(experiments))["features"].unique(maintain_order=True).to_list()
        grid = panels(len(experiments), height=0.24 * len(order) + 1.1, columns=columns_for(len(experiments)), sharey=True)
        for axes, experiment in zip(grid, experiments):
            self._forest_panel(axes, scores.filter(experiment=experiment), order)
            axes.set_title(experiment)
        grid[0].set_ylim(len(order) - 0.5, -0.5)
        entries = {label: handle for axes in grid for handle, label in zip(*axes.get_legend_handles_labels())}
        grid[0].figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=4)
        plt.show()

    def _forest_panel(self, axes: plt.Axes, scores: pl.DataFrame, order: list[str]) -> None:
        target, experiment = scores["target"][0], scores["experiment"][0]
        name, random_value = FIGURES[target]
        kinds = [(None, "networks", REAL, "o", -0.16)] + [(twin, *style, 0.08 + 0.22 * index) for index, (twin, style) in enumerate(TWINS.items())]
        for twin, label, colour, marker, shift in kinds:
            points = scores.filter(pl.col("twin").eq_missing(pl.lit(twin)))
            if points.is_empty():
                continue
            heights = np.array([order.index(features) + shift for features in points["features"]])
            low, high = (points[end].fill_null(points["value"]).to_numpy() for end in ("low", "high"))
            axes.hlines(heights, low, high, color=colour, linewidth=1.4)
            axes.plot(points["value"], heights, marker, color=colour, markersize=4.5, label=label)
        for index, features in enumerate(order):
            if features in BASELINES:
                axes.axhspan(index - 0.5, index + 0.5, color="0.94", linewidth=0, zorder=0)
        figure = "r2" if target == "regression" else "tau"
        for row in self.ceiling().filter(experiment=experiment, figure=figure).iter_rows(named=True):
            axes.axvspan(row["low"], row["high"], color=GREEN, alpha=0.25, linewidth=0)
            axes.axvline(row["ceiling"], color=GREEN, linewidth=1.2, label="noise ceiling")
        axes.axvline(random_value, color="0.5", linewidth=1, linestyle=":")
        # Intervals of bad models may reach far: points decide what is shown.
        lowest, highest = min(scores["value"].min(), random_value) - 0.15, max(scores["value"].max(), random_value) + 0.15
        axes.set_xlim(max(axes.get_xlim()[0], lowest), min(axes.get_xlim()[1], highest, 1.02))
        axes.set_xlabel(name)
        axes.set_yticks(range(len(order)), order)
        axes.grid(axis="y", visible=False)

    def confusion(self, chosen: list[tuple], title: str) -> None:
        """Confusion matrices of held-out networks: the share of each true class (rows) that is
        predicted as each class (columns). Each panel is a tuple of its title, its experiments (whose
        matrices are added up), its feature set and its twin."""
        table = self.table("confusion").filter(chosen=True, stratum="all")
        panels_of = [(name, table.filter(pl.col("experiment").is_in(experiments), pl.col("twin").eq_missing(pl.lit(twin)), features=features))
                     for name, experiments, features, twin in chosen]
        # An experiment with too few networks of a class has no table.
        panels_of = [(name, counts) for name, counts in panels_of if not counts.is_empty()]
        classes = sorted(pl.concat(counts for _, counts in panels_of)["actual"].unique(), key=sort_key)
        grid = panels(len(panels_of), height=0.36 * len(classes) + 1.2, columns=columns_for(len(panels_of)),
                      width=3.2 + 0.04 * max(map(len, classes)), sharex=True, sharey=True)
        for axes, (name, counts) in zip(grid, panels_of):
            matrix = np.zeros((len(classes), len(classes)))
            for row in counts.iter_rows(named=True):
                matrix[classes.index(row["actual"]), classes.index(row["predicted"])] += row["n"]
            shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
            for (i, j), share in np.ndenumerate(shares):
                axes.text(j, i, f"{share:.0%}", ha="center", va="center", fontsize=8, color="white" if share > 0.6 else "0.2")
            axes.set_xticks(range(len(classes)), classes, rotation=40, ha="right", fontsize=8)
            axes.set_yticks(range(len(classes)), classes, fontsize=8)
            axes.set_title(f"{name}\n{np.trace(matrix) / matrix.sum():.0%} of {matrix.sum():.0f} right", fontsize=10)
            axes.grid(visible=False)
        figure, largest = grid[0].figure, matrix.sum(axis=1).max() / matrix.sum()
        figure.supxlabel("predicted", fontsize=10)
        figure.supylabel("true", fontsize=10)
        figure.suptitle(f"{title}; the most frequent class alone: {largest:.0%} right", x=0.01, ha="left", fontsize=12)
        plt.show()

    def scatter(self, experiment: str, chosen: list[tuple], colour: str | None = None) -> None:
        """The label of each held-out network against its prediction. Each panel is a tuple of a
        feature set and a twin. The title has Kendall's tau, and the band of 95% of all permutations;
        of two classes the AUC."""
        def colours(rows: pl.DataFrame) -> dict:
            return {"c": rows[colour], "cmap": "viridis"} if colour else {"color": REAL}
        scores = self.scores().filter(experiment=experiment)
        grid = panels(len(chosen), height=3.4, columns=min(len(chosen), 4), width=3.2, sharey=True)
        for axes, (features, twin) in zip(grid, chosen):
            rows = self.predictions(features, twin).filter(experiment=experiment)
            points = axes.scatter(rows["score"], rows["label"], s=12, alpha=0.7, linewidths=0, **colours(rows))
            row = scores.filter(pl.col("twin").eq_missing(pl.lit(twin)), features=features).row(0, named=True)
            if row["target"] == "regression":
                axes.axline((rows["label"].min(),) * 2, slope=1, color="0.5", linestyle=":", linewidth=1)
            chance = chance_of_tau(len(rows))
            text = f"AUC {row['value']:.2f}" if row["tau"] is None else f"tau {row['tau']:.2f} (chance {-chance:.2f} to {chance:.2f})"
            axes.set_title(f"{features}{', ' + TWINS[twin][0] if twin else ''}\n{text}", fontsize=10)
            axes.set_xlabel("prediction")
        grid[0].set_ylabel(words(scores["label"][0]))
        if colour:
            grid[0].figure.colorbar(points, ax=list(grid), label=words(colour), aspect=30, pad=0.01)
        grid[0].figure.suptitle(f"{experiment}: held-out networks", x=0.01, ha="left", fontsize=12)
        plt.show()

    def quantiles_by(self, label: str, where: pl.Expr | None = None, metrics: tuple = ("link_weights", "nodes_strength", "neurons_activation")) -> None:
        """Quantiles of metrics in the hidden layers: means over the middle 80% of the networks of
        each class of a label, less that of all networks. Each layer is divided by its own standard
        deviation. The grey band holds 95% of random sets of networks that are as large as the
        smallest class: a class inside of it differs no more than chance. Networks are drawn, and
        never single weights. An export may have three quantiles in place of seven."""
        networks = self.networks if where is None else self.networks.filter(where)
        labels = networks.select("checkpoint", pl.col(label).alias("class")).drop_nulls()
        layers = self.measured_table("layers").filter(pl.col("std") > 0, pl.col("checkpoint").is_in(labels["checkpoint"].implode()), role="hidden")
        metrics = [metric for metric in metrics if metric in layers["metric"]]
        quantiles = [name for name in QUANTILES if layers[name].null_count() == 0]
        grid = panels(len(metrics), height=3.3, columns=len(metrics), width=3.9)
        for axes, metric in zip(grid, metrics):
            of_network = layers.filter(metric=metric).group_by("checkpoint").agg((pl.col(name) / pl.col("std")).mean() for name in quantiles)
            rows = labels.join(of_network, on="checkpoint", maintain_order="left")
            self._quantile_panel(axes, rows["class"], rows.select(quantiles).to_numpy(), quantiles)
            axes.set_title(metric)
        grid[0].set_ylabel("difference to all networks,\nin standard deviations")
        grid[0].figure.legend(*grid[0].get_legend_handles_labels(), title=words(label), loc="outside right upper", fontsize=8)
        grid[0].figure.suptitle("Quantiles in hidden layers", x=0.01, ha="left", fontsize=12)
        plt.show()

    def _quantile_panel(self, axes: plt.Axes, classes: pl.Series, curves: np.ndarray, quantiles: list[str]) -> None:
        names, group = classes_of(classes)
        sizes, centre = np.bincount(group), trimmed_mean(curves)
        draw = np.random.default_rng(SEED)
        sets = np.array([trimmed_mean(curves[draw.choice(len(curves), sizes.min(), replace=False)]) for _ in range(DRAWS)])
        axes.fill_between(quantiles, *np.quantile(sets - centre, [0.025, 0.975], axis=0), color=GREY, label="chance")
        colours = plt.get_cmap("viridis")(np.linspace(0, 0.92, len(names))) if classes.dtype.is_numeric() else plt.get_cmap("tab10")(range(len(names)))
        for index, (name, colour) in enumerate(zip(names, colours)):
            axes.plot(quantiles, trimmed_mean(curves[group == index]) - centre, marker="o", markersize=3, color=colour, label=f"{name} ({sizes[index]})")


def words(column: str) -> str:
    """The name of a column for a label of a figure."""
    return column.replace("_", " ")


def sort_key(value) -> tuple:
    """Orders numbers by size, also those that are written as text, before other texts."""
    try:
        return 0, float(value), ""
    except (TypeError, ValueError):
        return 1, 0.0, str(value)


def classes_of(values: pl.Series, most: int = 6) -> tuple[list[str], np.ndarray]:
    """Names of classes and the class of each value: the values themselves, or quarters of many
    numbers."""
    if values.n_unique() <= most or not values.dtype.is_numeric():
        names = sorted(values.unique(), key=sort_key)
        return [str(name) for name in names], np.array([names.index(value) for value in values])
    # Edges are values, and differ: no quarter is empty, but ties may leave fewer than four.
    edges = np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1], method="lower"))
    names = [f"{low:.3g} to {high:.3g}" for low, high in zip(edges, edges[1:])]
    return names, np.clip(np.searchsorted(edges, values, side="left") - 1, 0, None)


def trimmed_mean(rows: np.ndarray) -> np.ndarray:
    """Mean of each column without its lowest and highest tenth: a few networks whose layers hardly
    vary would decide everything."""
    cut = len(rows) // 10
    return np.sort(rows, axis=0)[cut:len(rows) - cut].mean(axis=0)


def columns_for(count: int) -> int:
    """Columns of a figure with a number of panels: three, or two if that leaves no gap."""
    return 2 if count in (2, 4) else min(count, 3)


def panels(count: int, height: float, columns: int, width: float = 3.9, **options) -> list[plt.Axes]:
    """The axes of a figure with a number of panels, row by row."""
    rows = -(-count // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(width * columns + 1.2, height * rows + 0.5), squeeze=False, layout="constrained", **options)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return list(grid.flat[:count])


def chance_of_tau(count: int) -> float:
    """Half of the width of the band that holds Kendall's tau of 95% of all permutations of `count`
    networks. Ties are not counted, and the quantile is that of a normal distribution."""
    return 1.96 * float(np.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1))))
