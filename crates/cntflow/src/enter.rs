//! Before a plan is carried out: the folder it gets, the cluster around it, and the columns its tables will have.

use anyhow::bail;
use cntflow_catalog::{Catalog, LabelColumn, SkippedFile};
use cntflow_dataflow::{Cluster, Peers};
use cntflow_tables::Status;

use crate::exit::UsageError;
use crate::folder::StudyFolder;
use crate::pipeline::{Setting, batch_name};
use crate::study::Plan;
use crate::study_record::StudyRecord;
use crate::work::planned_entry;

/// An empty result with no reason helps nobody.
pub(crate) fn refuse_nothing(
    plan: &Plan,
    found: &Catalog,
    passed_over: &[SkippedFile],
) -> anyhow::Result<()> {
    if !plan.runs.is_empty() || !found.entries().is_empty() {
        return Ok(());
    }
    let reason = match passed_over {
        [] => "no files".to_owned(),
        [first, ..] => format!(
            "{} files passed over, such as {}: {}",
            passed_over.len(),
            first.path.display(),
            first.reason
        ),
    };
    Err(UsageError(format!(
        "{}: no checkpoints here ({reason})",
        plan.sources.join(", ")
    ))
    .into())
}

/// Takes the folder, and connects the cluster around it: process 0 prepares the folder before anyone can reach it, the others join
/// what it has prepared.
pub(crate) fn enter(
    plan: &Plan,
    setting: &Setting,
    record: &StudyRecord,
) -> anyhow::Result<(StudyFolder, Option<Peers>)> {
    let (Some(hosts), Some(process)) = (&setting.workers.hosts, setting.workers.process) else {
        return Ok((claim(setting, record)?, None));
    };
    let cluster = Cluster::from_hosts_file(hosts, process);
    let cluster = cluster.map_err(|error| UsageError(error.to_string()))?;
    let fingerprint = [
        (
            "the version of cntflow",
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        ("the study", plan.identity()?),
        ("what is to be done", format!("{:?}", setting.extent)),
        (
            "the number of processes",
            cluster.addresses.len().to_string(),
        ),
    ];
    if process == 0 {
        let folder = claim(setting, record)?;
        return Ok((folder, Some(cluster.connect(&fingerprint)?)));
    }
    let peers = cluster.connect(&fingerprint)?;
    Ok((
        StudyFolder::join(&setting.out, record, process)?,
        Some(peers),
    ))
}

/// Takes the folder, and withdraws what failed before where it is to be tried again.
fn claim(setting: &Setting, record: &StudyRecord) -> anyhow::Result<StudyFolder> {
    let folder = StudyFolder::claim(&setting.out, record, setting.fresh)?;
    if setting.retry_failed {
        let tables = folder.tables();
        let committed = tables.committed()?.into_iter();
        let failed = committed.filter(|(_, status)| *status == Status::Failed);
        tables.withdraw(
            &failed.map(|(checkpoint, _)| checkpoint).collect(),
            &batch_name(0),
        )?;
    }
    Ok(folder)
}

/// The label columns of everything that may get a row, those of earlier runs of the study included.
pub(crate) fn label_columns(
    plan: &Plan,
    setting: &Setting,
    found: &Catalog,
) -> anyhow::Result<Vec<LabelColumn>> {
    let runs = plan.runs.iter().map(planned_entry);
    let mut labels = found.with(runs.collect())?.label_columns();
    let identity = plan.identity()?;
    let earlier = StudyRecord::read(&setting.out)?
        .filter(|record| record.identity == identity && !setting.fresh);
    for column in earlier.map_or(Vec::new(), |record| record.labels) {
        match labels.iter_mut().find(|label| label.name == column.name) {
            None => labels.push(column),
            // A column of reals takes whole numbers in.
            Some(label) if label.kind.joined(column.kind) == column.kind => {
                label.kind = column.kind
            }
            Some(label) => bail!(
                "label '{}' is of type {:?} in the tables in {} and of type {:?} now; begin anew with --fresh, or choose another \
                 folder with --out",
                label.name,
                column.kind,
                setting.out.display(),
                label.kind
            ),
        }
    }
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(labels)
}

/// What a folder remembers of the study.
///
/// # Errors
/// The study cannot be written as JSON (a bug).
pub(crate) fn study_record(plan: &Plan, labels: Vec<LabelColumn>) -> anyhow::Result<StudyRecord> {
    Ok(StudyRecord {
        cntflow: env!("CARGO_PKG_VERSION").to_owned(),
        name: plan.name.clone(),
        identity: plan.identity()?,
        measured_with: plan.measure.measured_with(),
        populations: plan.measure.populations.clone(),
        labels,
        discriminate: plan.discriminate.clone(),
    })
}
