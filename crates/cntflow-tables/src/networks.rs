//! Rows of the table `networks`: one per checkpoint, whatever became of it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::ArrowError;
use cntflow_checkpoint::{LabelColumn, label_array};
use cntflow_metrics::NetworkMetrics;

use crate::layers::batch;
use crate::record::Record;

/// Columns of the table that no label may take; such a label is kept as `label_<name>`.
pub(crate) const OWN_COLUMNS: [&str; 14] = [
    "checkpoint",
    "digest",
    "run",
    "step",
    "status",
    "reason",
    "n_layers",
    "n_neurons",
    "n_links",
    "n_parameters",
    "n_nan",
    "n_infinite",
    "bytes",
    "seconds",
];

/// One row per record, with the label columns of the study whether or not this batch has values for them.
pub(crate) fn networks(
    records: &[Record],
    labels: &[LabelColumn],
) -> Result<RecordBatch, ArrowError> {
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
    for label in labels {
        let taken = OWN_COLUMNS.contains(&label.name.as_str());
        let name = if taken {
            format!("label_{}", label.name)
        } else {
            label.name.clone()
        };
        push(
            &name,
            label_array(label, records.iter().map(|record| &record.entry)),
        );
    }
    push("status", texts(|record| Some(record.status.name())));
    push("reason", texts(|record| record.reason.as_deref()));
    push("n_layers", counts(|metrics| metrics.n_layers));
    push("n_neurons", counts(|metrics| metrics.n_neurons));
    push("n_links", counts(|metrics| metrics.n_links));
    push("n_parameters", counts(|metrics| metrics.n_parameters));
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
    batch(
        columns
            .iter()
            .map(|(name, array)| (name.as_str(), Arc::clone(array)))
            .collect(),
    )
}
