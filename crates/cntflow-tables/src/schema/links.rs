//! Columns of the table `links`.

use super::column::{Column, count, index, number, text};

/// One row per checkpoint, layer of links and rank.
pub const COLUMNS: &[Column] = &[
    text("checkpoint", "Name of the checkpoint."),
    index("layer", "Index of the layer that the link leads to."),
    text(
        "name",
        "Name of the layer of links, as in `layers`: the links of a gate have a name of their own.",
    ),
    index(
        "rank",
        "1 for the largest absolute weight of the layer of links. Equal ones are ordered by where they come from, then by where they lead to.",
    ),
    index(
        "from_layer",
        "Index of the layer that the link comes from; that of `layer` in the recurrent links of a recurrent layer.",
    ),
    index(
        "from_neuron",
        "Index of the neuron that the link comes from, as in `neurons`; null where one weight makes links from several neurons of the channel, as in a convolution.",
    ),
    index(
        "from_channel",
        "Channel of the neuron that the link comes from.",
    ),
    index(
        "to_neuron",
        "Index of the neuron that the link leads to; null where one weight makes links to several neurons of the channel.",
    ),
    index(
        "to_channel",
        "Channel of the neuron that the link leads to.",
    ),
    index(
        "kernel_row",
        "Row of the weight in the kernel of a convolution: that of the largest absolute weight between the two channels. Null for other layers, and in the channel graph, where the weight is the sum over the kernel.",
    ),
    index(
        "kernel_column",
        "Column of the weight in the kernel; null as `kernel_row`.",
    ),
    number(
        "weight",
        "Weight of the link, with the norm that is folded into it.",
    ),
    count(
        "n_from",
        "neurons",
        "Neurons that links of this layer can come from; channels where `from_neuron` is null.",
    ),
    count(
        "n_to",
        "neurons",
        "Neurons that links of this layer can lead to; channels where `to_neuron` is null.",
    ),
    count(
        "n_links",
        "links",
        "Links with finite weights in this layer of links, which the strongest were chosen from. A pair of channels of a convolution counts once; links of biases, poolings and residual additions do not count.",
    ),
];
