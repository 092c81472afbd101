//! Checks experiments against what the tables have, or will have, before any work.

use std::collections::BTreeMap;

use cntflow_experiments::population::Population;
use cntflow_experiments::spec::ExperimentSpec;

use crate::exit::UsageError;
use crate::folder::record::StudyRecord;

/// Makes sure that the tables of `record` have the columns, probe metrics and twins that the
/// experiments name. `labels` are aliases of label columns.
///
/// # Errors
/// An experiment names something that is missing.
pub(crate) fn check_experiments(
    experiments: &[ExperimentSpec],
    labels: &BTreeMap<String, String>,
    record: &StudyRecord,
    has_twin: impl Fn(&str) -> bool,
) -> Result<(), UsageError> {
    let networks = cntflow_tables::empty_networks(&record.labels);
    for spec in experiments {
        let prefix = format!("[[experiment]] '{}': ", spec.name);
        let usage_error = |error| UsageError::from_error(&error).with_prefix(&prefix);
        Population::check_columns(networks.clone(), spec, labels).map_err(usage_error)?;
        spec.check_measured(record.has_probe(), |twin| has_twin(twin.name()))
            .map_err(usage_error)?;
    }
    Ok(())
}
