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
        "Neurons of every layer and number of parameters: only networks that share these are compared.",
    ),
    index("layer", "Index of the layer, 0 for the inputs."),
    text("name", "Name of the layer."),
    text(
        "role",
        "Position of the layer: `input`, `hidden` or `output`.",
    ),
    text(
        "metric",
        "Name of the metric whose values have this density.",
    ),
    int64("bin", "Index of the bin of the label."),
    number(
        "bin_low",
        "Lower bound of the bin, inclusive, in units of the label.",
    ),
    number(
        "bin_high",
        "Upper bound of the bin, exclusive, in units of the label.",
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
    text(
        "reason",
        "Why there is no density, such as equal values; null otherwise.",
    ),
];
