//! Rows of the table `networks`: one per checkpoint, measured or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use cntflow_catalog::{LabelColumn, label_array};
use cntflow_metrics::NetworkMetrics;

use crate::error::TablesError;
use crate::record::Record;
use crate::schema::{checked_batch, own_columns};
use crate::table::Table;

/// One row per record, with the label columns of the study whether or not this batch has values for
/// them.
pub(crate) fn networks(
    records: &[Record],
    labels: &[LabelColumn],
) -> Result<RecordBatch, TablesError> {
    let texts = |text: fn(&Record) -> Option<&str>| -> ArrayRef {
        Arc::new(records.iter().map(text).collect::<StringArray>())
    };
    let counts = |count: fn(&NetworkMetrics) -> u64| -> ArrayRef {
        Arc::new(
            records
                .iter()
                .map(|record| record.metrics.as_ref().map(count))
                .collect::<UInt64Array>(),
        )
    };
    // Where the graph is not known, the numbers of its layers, neurons and links are null, not 0.
    let of_graph = |count: fn(&NetworkMetrics) -> u64| -> ArrayRef {
        let has_graph = |metrics: &&NetworkMetrics| metrics.n_layers > 0;
        let graphs = records
            .iter()
            .map(|record| record.metrics.as_ref().filter(has_graph).map(count));
        Arc::new(graphs.collect::<UInt64Array>())
    };
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    let mut push = |name: &str, array: ArrayRef| columns.push((name.to_owned(), array));
    push("checkpoint", texts(|record| Some(&record.entry.checkpoint)));
    push("digest", texts(|record| record.digest.as_deref()));
    push("run", texts(|record| Some(&record.entry.run)));
    push(
        "step",
        Arc::new(Int64Array::from_iter_values(
            records.iter().map(|record| record.entry.step),
        )),
    );
    push(
        "parent",
        texts(|record| Some(&record.entry.parent.as_ref()?.name)),
    );
    for (name, label) in label_names(labels).iter().zip(labels) {
        push(
            name,
            label_array(label, records.iter().map(|record| &record.entry)),
        );
    }
    push("status", texts(|record| Some(record.status.name())));
    push("reason", texts(|record| record.reason.as_deref()));
    push("n_layers", of_graph(|metrics| metrics.n_layers));
    push("n_neurons", of_graph(|metrics| metrics.n_neurons));
    push("n_links", of_graph(|metrics| metrics.n_links));
    push(
        "graph",
        texts(|record| Some(record.metrics.as_ref()?.graph.as_str())),
    );
    push("n_parameters", counts(|metrics| metrics.n_parameters));
    push(
        "placed_parameters",
        counts(|metrics| metrics.placed_parameters),
    );
    push("n_nan", counts(|metrics| metrics.n_nan));
    push("n_infinite", counts(|metrics| metrics.n_infinite));
    push(
        "bytes",
        Arc::new(
            records
                .iter()
                .map(|record| record.bytes)
                .collect::<UInt64Array>(),
        ),
    );
    push(
        "seconds",
        Arc::new(Float64Array::from_iter_values(
            records.iter().map(|record| record.seconds),
        )),
    );
    checked_batch(Table::Networks, columns)
}

/// Names of the label columns: `label_<name>` for a name that another column of the table has, the
/// label's own otherwise.
pub fn label_names(labels: &[LabelColumn]) -> Vec<String> {
    let mut taken: BTreeSet<String> = own_columns(Table::Networks).map(str::to_owned).collect();
    taken.extend(labels.iter().map(|label| label.name.clone()));
    let unique_name = |label: &LabelColumn| {
        if own_columns(Table::Networks).all(|own| own != label.name) {
            return label.name.clone();
        }
        let mut name = format!("label_{}", label.name);
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    labels.iter().map(unique_name).collect()
}

#[cfg(test)]
mod tests {
    use cntflow_catalog::LabelKind;

    use super::*;

    #[test]
    fn labels_never_share_a_column() {
        let labels = ["label_status", "rate", "status"];
        let labels = labels.map(|name| LabelColumn {
            name: name.to_owned(),
            kind: LabelKind::Text,
        });
        assert_eq!(
            label_names(&labels),
            ["label_status", "rate", "label_status_"]
        );
    }
}
