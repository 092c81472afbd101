//! The start of a run: its record, its output folder, and its connections to the other processes.

use std::collections::BTreeSet;
use std::sync::Arc;

use cntflow_catalog::Catalog;
use cntflow_network::Twin;
use cntflow_tables::{Status, TableStore};

use super::label_columns::label_columns;
use super::options::RunOptions;
use super::supervised::tell_claimed;
use crate::experiments::check::check_experiments;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::{Contents, StudyRecord};
use crate::folder::study_folder::StudyFolder;
use crate::study::plan::Plan;

/// What a run holds from its start to its end.
#[derive(Debug)]
pub(crate) struct Session {
    /// Identity, label columns and options of the study.
    pub(crate) record: StudyRecord,
    /// The output folder, locked.
    pub(crate) folder: Arc<StudyFolder>,
}

impl Session {
    /// Takes the output folder for all processes.
    ///
    /// # Errors
    /// The folder belongs to another study or cannot be written to; the labels do not fit its
    /// tables.
    pub(crate) fn claim(
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
        let folder = claim_folder(options, &record, earlier.as_ref())?;
        Ok(Self {
            folder: Arc::new(folder),
            record,
        })
    }

    /// Joins the folder that process 0 has claimed.
    ///
    /// # Errors
    /// The processes do not share the folder.
    pub(crate) fn join(plan: &Plan, options: &RunOptions, process: usize) -> anyhow::Result<Self> {
        let (folder, record) = StudyFolder::join(&options.out, &plan.identity()?, process)?;
        Ok(Self {
            folder: Arc::new(folder),
            record,
        })
    }
}

/// What all processes of a cluster must have in common before they share a folder, see
/// `Membership::join`.
///
/// # Errors
/// A part cannot be written as JSON (a bug).
pub(crate) fn agreed(
    plan: &Plan,
    options: &RunOptions,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let experiments = serde_json::to_string(&(&plan.experiments, &plan.labels))?;
    let digest = blake3::hash(experiments.as_bytes()).to_hex();
    Ok(vec![
        ("the study", plan.identity()?),
        ("the scale", plan.scale.unwrap_or_default().to_string()),
        ("the twins", format!("{:?}", plan.measure.twins)),
        ("the digest", format!("{:?}", plan.measure.digest)),
        ("the limits", format!("{:?}", plan.measure.limits)),
        ("the experiments", digest[..16].to_owned()),
        ("the last stage", format!("{:?}", options.until)),
    ])
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
///
/// # Errors
/// The labels do not fit the tables of the folder.
pub(super) fn new_record(
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
        identity_keys: plan.identity_keys(),
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
    tell_claimed()?;
    Ok(folder)
}
