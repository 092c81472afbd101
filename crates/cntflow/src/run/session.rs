//! The start of a run: its record, its output folder, and its connections to the other processes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use cntflow_catalog::Catalog;
use cntflow_dataflow::{Cluster, Peers};
use cntflow_experiments::population::Population;
use cntflow_network::Twin;
use cntflow_tables::{Status, TableStore};

use super::label_columns::label_columns;
use super::options::{ClusterProcess, RunOptions, RunUntil};
use crate::exit::UsageError;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::study::plan::Plan;

/// What a run holds from its start to its end.
#[derive(Debug)]
pub(super) struct Session {
    /// Identity, label columns and options of the study.
    pub(super) record: StudyRecord,
    /// The output folder, locked.
    pub(super) folder: Arc<StudyFolder>,
    /// Index of this process, from 0; 0 without a cluster.
    pub(super) process: usize,
    /// Number of processes; 1 without a cluster.
    pub(super) n_processes: usize,
    /// Connections to the other processes; `None` without a cluster.
    pub(super) peers: Option<Peers>,
}

impl Session {
    /// Takes the output folder and connects the cluster.
    ///
    /// Process 0 prepares the folder before any other process can connect; the others join it
    /// afterwards.
    ///
    /// # Errors
    /// The folder belongs to another study or cannot be written to; the labels do not fit its
    /// tables; the cluster cannot be connected.
    pub(super) fn open(
        plan: &Plan,
        options: &RunOptions,
        scanned: &Catalog,
    ) -> anyhow::Result<Self> {
        let earlier = StudyRecord::read(&options.out)?;
        let record = new_record(plan, options, scanned, earlier.as_ref())?;
        if let Some(populations) = &plan.measure.populations {
            populations.require_label(&record.labels)?;
        }
        check_experiments(plan, &record, &options.out)?;
        let claim = || claim_folder(options, &record, earlier.as_ref());
        let Some(ClusterProcess { hosts, index }) = &options.workers.cluster else {
            return Ok(Self {
                folder: Arc::new(claim()?),
                record,
                process: 0,
                n_processes: 1,
                peers: None,
            });
        };
        let cluster = Cluster::from_hosts_file(hosts, *index)
            .map_err(|error| UsageError::from_error(&error))?;
        let fingerprint = fingerprint(
            &record,
            &plan.measure.twins,
            options.until,
            cluster.addresses.len(),
        );
        let (folder, peers) = if *index == 0 {
            let folder = claim()?;
            (folder, cluster.connect(&fingerprint)?)
        } else {
            let peers = cluster.connect(&fingerprint)?;
            (StudyFolder::join(&options.out, &record, *index)?, peers)
        };
        Ok(Self {
            folder: Arc::new(folder),
            record,
            process: peers.process(),
            n_processes: peers.processes(),
            peers: Some(peers),
        })
    }
}

/// Makes sure that the tables will have what the experiments name, before hours of work.
fn check_experiments(plan: &Plan, record: &StudyRecord, out: &Path) -> anyhow::Result<()> {
    let networks = cntflow_tables::empty_networks(&record.labels);
    for spec in &plan.experiments {
        let prefix = format!("[[experiment]] '{}': ", spec.name);
        let usage_error = |error| UsageError::from_error(&error).with_prefix(&prefix);
        Population::check_columns(networks.clone(), spec, &plan.labels).map_err(usage_error)?;
        let planned = &plan.measure.twins;
        let mut twins: BTreeSet<&str> = planned.iter().map(|twin| twin.as_str()).collect();
        // A twin that an earlier run measured counts as well.
        for twin in &spec.controls {
            let tables = TableStore::new(out).twin(twin.name());
            if !twins.contains(twin.name()) && !tables.batches()?.is_empty() {
                twins.insert(twin.name());
            }
        }
        spec.check_measured(record.has_probe(), |twin| twins.contains(twin.name()))
            .map_err(usage_error)?;
    }
    Ok(())
}

/// The record of this run. It keeps the label columns of earlier runs unless their output is
/// removed.
fn new_record(
    plan: &Plan,
    options: &RunOptions,
    scanned: &Catalog,
    earlier: Option<&StudyRecord>,
) -> anyhow::Result<StudyRecord> {
    let identity = plan.identity()?;
    let in_tables = match earlier {
        Some(earlier) if earlier.identity == identity && !options.fresh => &*earlier.labels,
        _ => &[],
    };
    Ok(StudyRecord {
        cntflow: env!("CARGO_PKG_VERSION").to_owned(),
        name: plan.name.clone(),
        identity,
        scale: plan.scale.unwrap_or_default(),
        measured_with: plan.measure.measured_with(),
        populations: plan.measure.populations.clone(),
        labels: label_columns(plan, scanned, in_tables, &options.out)?,
        label_aliases: plan.labels.clone(),
        experiments: plan.experiments.clone(),
    })
}

/// Takes the folder, and withdraws failed checkpoints if they are to be measured again.
fn claim_folder(
    options: &RunOptions,
    record: &StudyRecord,
    earlier: Option<&StudyRecord>,
) -> anyhow::Result<StudyFolder> {
    let folder = StudyFolder::claim(&options.out, record, earlier, options.fresh)?;
    if options.retry_failed {
        for tables in folder.all_tables()? {
            let failed = tables
                .committed()?
                .into_iter()
                .filter(|(_, status)| *status == Status::Failed)
                .map(|(checkpoint, _)| checkpoint)
                .collect();
            tables.withdraw(&failed, &new_batch_name(0))?;
        }
    }
    Ok(folder)
}

/// What all processes of a cluster must have in common.
fn fingerprint(
    record: &StudyRecord,
    twins: &[Twin],
    until: RunUntil,
    n_processes: usize,
) -> [(&'static str, String); 6] {
    [
        ("the version of cntflow", record.cntflow.clone()),
        ("the study", record.identity.clone()),
        ("the scale", record.scale.to_string()),
        ("the twins", format!("{twins:?}")),
        ("the last stage", format!("{until:?}")),
        ("the number of processes", n_processes.to_string()),
    ]
}
