//! Leaves out the statistics that no experiment of a study reads.

use std::collections::{BTreeMap, BTreeSet};

use cntflow_experiments::features::feature_statistics;
use cntflow_experiments::spec::Representation;
use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, IntoColumn, PolarsResult};

/// The rows of the table `layers` with null for every statistic that no feature of these
/// representations is made of.
///
/// # Errors
/// A column cannot be read as its type (a bug).
pub(super) fn without_unread(
    layers: &DataFrame,
    representations: &BTreeSet<Representation>,
) -> PolarsResult<DataFrame> {
    let metrics: Vec<&str> = layers
        .column("metric")?
        .str()?
        .iter()
        .map(Option::unwrap_or_default)
        .collect();
    let read: BTreeMap<&str, BTreeSet<&str>> = metrics
        .iter()
        .map(|metric| (*metric, feature_statistics(metric, representations)))
        .collect();
    let columns = layers.columns().iter().map(|column| {
        if *column.dtype() != DataType::Float64 {
            return Ok(column.clone());
        }
        let name = column.name().clone();
        let values = column.f64()?.iter().zip(&metrics);
        let kept: Float64Chunked = values
            .map(|(value, metric)| value.filter(|_| read[metric].contains(name.as_str())))
            .collect();
        let mut kept = kept.into_column();
        kept.rename(name);
        Ok(kept)
    });
    DataFrame::new(
        layers.height(),
        columns.collect::<PolarsResult<Vec<Column>>>()?,
    )
}
