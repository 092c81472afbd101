//! Columns of the table `divergences`.

use super::column::{Column, count, index, int64, number, quantity, text};

/// One row per pair of populations.
pub const COLUMNS: &[Column] = &[
    text(
        "view",
        "How networks are grouped; `ensemble` for bins of a label.",
    ),
    text("label", "Label column that the bins are made of."),
    text(
        "architecture",
        "Neurons of every layer and number of parameters: only networks that share these are compared. `any` with `shapes = \"any\"`.",
    ),
    index(
        "layer",
        "Index of the layer, 0 for the inputs; of the role with `shapes = \"any\"`: 0 `input`, 1 `hidden`, 2 `output`, 3 `network`.",
    ),
    text(
        "name",
        "Name of the layer; of the role with `shapes = \"any\"`.",
    ),
    text(
        "role",
        "Position of the layer: `input`, `hidden` or `output`; `network` for all layers together.",
    ),
    text("metric", "Name of the metric whose values are compared."),
    int64("bin_a", "Index of the first population's bin."),
    number(
        "bin_a_low",
        "Lower bound of the first bin, inclusive, in units of the label; null where each value is a population.",
    ),
    number(
        "bin_a_high",
        "Upper bound of the first bin, exclusive, in units of the label; null where each value is a population.",
    ),
    text(
        "bin_a_value",
        "Value of the label of all networks in the first bin; null where bins are ranges.",
    ),
    count("n_networks_a", "networks", "Networks in the first bin."),
    count("n_runs_a", "runs", "Runs of the networks in the first bin."),
    count(
        "count_a",
        "values",
        "Finite values of the first population.",
    ),
    int64("bin_b", "Index of the second population's bin."),
    number(
        "bin_b_low",
        "Lower bound of the second bin, inclusive, in units of the label; null where each value is a population.",
    ),
    number(
        "bin_b_high",
        "Upper bound of the second bin, exclusive, in units of the label; null where each value is a population.",
    ),
    text(
        "bin_b_value",
        "Value of the label of all networks in the second bin; null where bins are ranges.",
    ),
    count("n_networks_b", "networks", "Networks in the second bin."),
    count(
        "n_runs_b",
        "runs",
        "Runs of the networks in the second bin.",
    ),
    count(
        "count_b",
        "values",
        "Finite values of the second population.",
    ),
    quantity(
        "jeffreys",
        "nats",
        "Jeffreys divergence, Kullback-Leibler both ways added; infinite where one density is 0 and the other is not, null without a density.",
    ),
    quantity(
        "jensen_shannon",
        "bits",
        "Jensen-Shannon divergence, from 0 to 1; null without a density.",
    ),
    number(
        "wasserstein",
        "Wasserstein-1 distance of the values, in units of the metric; null for an empty population.",
    ),
    number(
        "wasserstein_error",
        "Bound of the error of `wasserstein`, in units of the metric.",
    ),
    number(
        "sum_on_grid",
        "The sum of `jeffreys` over the raw densities: they are not divided by their sum, and the sum is not multiplied by the step of the grid. The papers plot this number. Null without a density.",
    ),
    text(
        "reason",
        "Why `jeffreys`, `jensen_shannon` and `sum_on_grid` are null; null if they are not.",
    ),
    count(
        "null_networks",
        "networks",
        "Networks in each random half of `null_mean` and `null_q95`: half of the smaller population, rounded down to whole sets where networks are drawn in sets. Null without random halves.",
    ),
    quantity(
        "null_mean",
        "bits",
        "Mean Jensen-Shannon divergence of two random halves of one population: 20 splits of the first and 20 of the second, `null_networks` networks to a half. Null with a `null_reason`.",
    ),
    quantity(
        "null_q95",
        "bits",
        "95% quantile of the same divergences; null as `null_mean`.",
    ),
    number(
        "p_value",
        "Probability of a Jensen-Shannon divergence as large as that of the pair if its networks are exchangeable: at most 1,999 permutations of networks between the two populations, stopped after 20 as large. Not adjusted for the number of pairs. Null with a `null_reason`.",
    ),
    number(
        "p_adjusted",
        "`p_value` adjusted over all pairs of the table by Benjamini and Hochberg; null as `p_value`.",
    ),
    text(
        "null_reason",
        "Why `p_value`, or `null_mean` and `null_q95`, are null; null if none of them is.",
    ),
];
