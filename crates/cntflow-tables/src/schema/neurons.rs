//! Columns of the table `neurons`.

use super::column::{Column, index, number, quantity, text};

/// One row per checkpoint, layer and neuron.
pub const COLUMNS: &[Column] = &[
    text("checkpoint", "Name of the checkpoint."),
    index("layer", "Index of the layer, 0 for the inputs."),
    index(
        "neuron",
        "Index of the neuron in its layer. Neurons are ordered by channel, then by row, then by column.",
    ),
    index("channel", "Channel of the neuron."),
    index("row", "Row of the neuron; 0 in layers without rows."),
    index(
        "column",
        "Column of the neuron; 0 in layers without columns.",
    ),
    number(
        "s_in",
        "Sum of the weights of the links that lead to the neuron; null where those links are not known.",
    ),
    number(
        "s_out",
        "Sum of the weights of the links that lead from the neuron; null where those links are not known.",
    ),
    number("strength", "Nodes Strength `s_in + s_out`."),
    number(
        "s_abs",
        "Sum of the absolute weights that lead to the neuron and from it.",
    ),
    number(
        "ns_mean",
        "Neurons Strength: mean of the pre-activation over the probe's inputs; null without a probe, in layer 0 and in gated layers.",
    ),
    number(
        "ns_std",
        "Population standard deviation of the pre-activation over the inputs; null as `ns_mean`.",
    ),
    number(
        "ns_min",
        "Least pre-activation over the inputs; null as `ns_mean`.",
    ),
    number(
        "ns_max",
        "Largest pre-activation over the inputs; null as `ns_mean`.",
    ),
    number(
        "na_mean",
        "Neurons Activation: mean of the post-activation over the probe's inputs; null without a probe, in layer 0, and where the activation is not known.",
    ),
    number(
        "na_std",
        "Population standard deviation of the post-activation over the inputs; null as `na_mean`.",
    ),
    number(
        "na_min",
        "Least post-activation over the inputs; null as `na_mean`.",
    ),
    number(
        "na_max",
        "Largest post-activation over the inputs; null as `na_mean`.",
    ),
    quantity(
        "na_zero_share",
        "share",
        "Share of inputs for which the post-activation is exactly 0, from 0 to 1; null as `na_mean`.",
    ),
];
