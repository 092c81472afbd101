//! Which networks have no results over the probe, or only for a part of their layers.

use std::collections::BTreeMap;

use cntflow_tables::{Table, TableStore, TablesError};
use polars::prelude::{col, lit};

use crate::measure::network::ProbeGap;

/// How many networks lack results over the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeGaps {
    /// Networks that were measured.
    pub(crate) n_networks: usize,
    /// Those with results for a part of their layers.
    pub(crate) n_in_part: usize,
    /// Those without any.
    pub(crate) n_without: usize,
    /// The most frequent reason.
    pub(crate) reason: String,
}

impl ProbeGaps {
    /// Counts the networks of the tables; `None` if all have results for all layers.
    ///
    /// # Errors
    /// The table `networks` cannot be read.
    pub(super) fn of(tables: &TableStore) -> anyhow::Result<Option<Self>> {
        let networks = match tables.scan(Table::Networks) {
            Ok(networks) => networks,
            Err(TablesError::Empty { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let measured = networks
            .filter(col("status").eq(lit("ok")))
            .select([col("reason")])
            .collect()?;
        let reasons = measured.column("reason")?.str()?;
        let (mut n_in_part, mut n_without) = (0, 0);
        let mut by_reason: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in reasons.iter().flatten() {
            match ProbeGap::of_reason(reason) {
                Some(ProbeGap::InPart) => n_in_part += 1,
                Some(ProbeGap::All) => n_without += 1,
                None => continue,
            }
            *by_reason.entry(reason).or_default() += 1;
        }
        let most = by_reason.into_iter().max_by_key(|(_, n)| *n);
        Ok(most.map(|(reason, _)| Self {
            n_networks: measured.height(),
            n_in_part,
            n_without,
            reason: reason.to_owned(),
        }))
    }
}
