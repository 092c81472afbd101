//! Columns of the table `densities`.

use super::column::{Column, count, index, int64, number, text};

/// One row per population and point.
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
    text(
        "metric",
        "Name of the metric whose values have this density.",
    ),
    int64(
        "bin",
        "Index of the bin of the label; the rank of the value where each value is a population.",
    ),
    number(
        "bin_low",
        "Lower bound of the bin, inclusive, in units of the label; null where each value is a population.",
    ),
    number(
        "bin_high",
        "Upper bound of the bin, exclusive, in units of the label; null where each value is a population.",
    ),
    text(
        "bin_value",
        "Value of the label of all networks in the bin; null where bins are ranges.",
    ),
    count("n_networks", "networks", "Networks in the bin."),
    count("n_runs", "runs", "Runs that these networks belong to."),
    count(
        "count",
        "values",
        "Finite values that the density is estimated from.",
    ),
    number(
        "bandwidth",
        "Bandwidth of the Gaussian kernel by Scott's rule, in units of the metric; null without a density.",
    ),
    number(
        "error_bound",
        "Largest possible error of `density` at any point, as a share of the largest density of the curve; null without a density.",
    ),
    index(
        "point",
        "Index of the point, 0 to 999; 0 in the single row of a population without a density.",
    ),
    number(
        "x",
        "Value of the metric at the point; null without a density.",
    ),
    number(
        "density",
        "Density at `x`, per unit of the metric; null without a density.",
    ),
    number(
        "half_q05",
        "5% quantile of the density at `x` over the halves of 20 random splits of the population's networks: with `half_q95`, how far the curve moves with the choice of networks. Null for fewer than 2 networks, without a density, and where networks are stored together.",
    ),
    number(
        "half_q95",
        "95% quantile of the same densities; null as `half_q05`.",
    ),
    text(
        "reason",
        "Why there is no density, such as equal values; null otherwise.",
    ),
];
