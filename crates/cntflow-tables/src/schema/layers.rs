//! Columns of the table `layers`.

use super::column::{Column, count, flag, index, number, quantity, text};

/// Unit of statistics that have the unit of what they summarise.
const AS_METRIC: &str = "as metric";

/// One row per checkpoint, layer and metric.
pub const COLUMNS: &[Column] = &[
    text("checkpoint", "Name of the checkpoint."),
    index(
        "layer",
        "Index of the layer of neurons, 0 for the inputs. Metrics of links have the index of the layer that the links lead to.",
    ),
    text(
        "name",
        "Name of the layer. The links of a recurrent layer have one row per gate: `<layer>.ih.<gate>` for links from the inputs, `<layer>.hh.<gate>` for links from the hidden units.",
    ),
    text(
        "kind",
        "Kind of the layer, such as `dense`, `conv2d` or `lstm`; `tensor` where the architecture is not known, `network` in the row of `all_weights`.",
    ),
    text(
        "role",
        "Position of the layer: `input`, `hidden` or `output`; `unknown` of a layer with an open side, and where the architecture is not known; `network` in the row of `all_weights`, whose name is empty and whose layer is 0.",
    ),
    flag(
        "open_in",
        "Whether it is unknown what leads to the layer: a part of the network begins here, and strengths are of the links that lead from it.",
    ),
    flag(
        "open_out",
        "Whether it is unknown what the layer leads to: a part of the network ends here, and strengths are of the links that lead to it.",
    ),
    text(
        "metric",
        "Name of the metric, such as `link_weights` or `nodes_strength`.",
    ),
    count(
        "count",
        "values",
        "Finite values, which all other statistics are taken over.",
    ),
    quantity(
        "mean",
        AS_METRIC,
        "Mean. A metric that is one number per layer has it here, and null in the other statistics.",
    ),
    quantity("std", AS_METRIC, "Population standard deviation (ddof 0)."),
    number(
        "skewness",
        "Skewness `m3 / m2^1.5`; null where all values are equal.",
    ),
    number(
        "kurtosis",
        "Excess kurtosis `m4 / m2^2 - 3`; null where all values are equal.",
    ),
    quantity("min", AS_METRIC, "Least value."),
    quantity(
        "q01",
        AS_METRIC,
        "Quantile 0.01, interpolated linearly between order statistics, as numpy does by default.",
    ),
    quantity("q05", AS_METRIC, "Quantile 0.05."),
    quantity("q25", AS_METRIC, "Quantile 0.25."),
    quantity("q50", AS_METRIC, "Quantile 0.5, the median."),
    quantity("q75", AS_METRIC, "Quantile 0.75."),
    quantity("q95", AS_METRIC, "Quantile 0.95."),
    quantity("q99", AS_METRIC, "Quantile 0.99."),
    quantity("max", AS_METRIC, "Largest value."),
    quantity("l1", AS_METRIC, "L1 norm, the sum of absolute values."),
    quantity(
        "l2",
        AS_METRIC,
        "L2 norm, the square root of the sum of squares.",
    ),
    quantity(
        "zeros",
        "share",
        "Share of values that are exactly 0, from 0 to 1.",
    ),
    count(
        "nan",
        "values",
        "Number of NaN values. They are in no other statistic.",
    ),
    count(
        "infinite",
        "values",
        "Number of infinite values. They are in no other statistic.",
    ),
];
