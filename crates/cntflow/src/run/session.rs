//! The start of a run: its record, its output folder, and its connections to the other processes.

use std::collections::BTreeSet;
use std::sync::Arc;

use cntflow_catalog::Catalog;
use cntflow_dataflow::{Cluster, Peers};
use cntflow_network::Twin;
use cntflow_tables::{Status, TableStore};

use super::label_columns::label_columns;
use super::options::{ClusterProcess, RunOptions, RunUntil};
use crate::exit::UsageError;
use crate::experiments::check::check_experiments;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::{Contents, StudyRecord};
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
        let twins = twins_after(plan, options)?;
        check_experiments(&plan.experiments, &plan.labels, &record, |twin| {
            twins.contains(twin)
        })?;
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

/// Names of the twins that the folder will have: those of the plan, and those that an earlier run
/// has measured.
fn twins_after(plan: &Plan, options: &RunOptions) -> anyhow::Result<BTreeSet<&'static str>> {
    let planned = plan.measure.twins.iter();
    let mut twins: BTreeSet<&str> = planned.map(|twin| twin.as_str()).collect();
    if !plan.experiments.is_empty() {
        let tables = TableStore::new(&options.out);
        for twin in Twin::ALL {
            if !tables.twin(twin.as_str()).batches()?.is_empty() {
                twins.insert(twin.as_str());
            }
        }
    }
    Ok(twins)
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
        contents: Contents::Study,
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
