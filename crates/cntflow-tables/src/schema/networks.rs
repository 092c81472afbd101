//! Columns of the table `networks`.

use super::column::{Column, ColumnType, LABELS, column, count, int64, quantity, text};

/// One row per checkpoint.
pub const COLUMNS: &[Column] = &[
    text(
        "checkpoint",
        "Name of the checkpoint, unique in this table.",
    ),
    text(
        "digest",
        "BLAKE3 hash of the file's content, hexadecimal; null where the file could not be read.",
    ),
    text("run", "Training run that the checkpoint belongs to."),
    int64(
        "step",
        "Training step of the checkpoint within its run, as the catalog counts it.",
    ),
    text(
        "parent",
        "Checkpoint that it was made from, as the catalog or the published layout names it; the name in this table if it is in the catalog. Null where none is known.",
    ),
    column(
        LABELS,
        ColumnType::Label,
        None,
        "One column for each label column of the catalog, with the same name. If this table already has a column of that name, the label becomes `label_<name>`. Null where a checkpoint has no value.",
    ),
    text(
        "status",
        "`ok` if measured; `failed` if it could not be measured or has NaN or infinite weights; `skipped` if its training diverged, so that there are no weights.",
    ),
    text(
        "reason",
        "Why the checkpoint failed or was skipped, or what was left out of a measured one; null otherwise.",
    ),
    count(
        "n_layers",
        "layers",
        "Layers of neurons, inputs included; null where the graph is not known.",
    ),
    count(
        "n_neurons",
        "neurons",
        "Neurons of all layers, inputs included, in the graph that the options of `[measure]` define; null where the graph is not known.",
    ),
    count(
        "n_links",
        "links",
        "Links of that graph, those of pooling included; null where the graph is not known.",
    ),
    text(
        "graph",
        "How much of the network is known as a graph: `whole`, `parts` where some layers have an open side or some weights have no place, `none` where only the weights are known; null where nothing was measured.",
    ),
    count(
        "n_parameters",
        "parameters",
        "Entries of kernels and biases, each once; null where nothing was measured.",
    ),
    count(
        "placed_parameters",
        "parameters",
        "Those that have a place in the graph, 0 where only the weights are known; null where nothing was measured. The table `coverage` says of every tensor why it has none.",
    ),
    count(
        "n_nan",
        "parameters",
        "Parameters that are NaN; null where nothing was measured.",
    ),
    count(
        "n_infinite",
        "parameters",
        "Parameters that are infinite; null where nothing was measured.",
    ),
    count(
        "bytes",
        "bytes",
        "Size of the file; null where the file could not be read.",
    ),
    quantity(
        "seconds",
        "s",
        "Wall time of reading and measuring. The only column that differs between equal runs.",
    ),
];
