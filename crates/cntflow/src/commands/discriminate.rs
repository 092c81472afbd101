//! `cntflow discriminate`.

use std::path::PathBuf;

use anyhow::Context;
use cntflow_discriminate::DiscriminateSpec;
use cntflow_storage::store::Folder;

use crate::analysis::discrimination::discriminate_folder;
use crate::args::DiscriminateArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::output::discrimination;
use crate::printer;
use crate::study::plan::Plan;

/// Trains and evaluates classifiers on the tables of a study.
///
/// A study file gives its current `[discriminate]`, an output folder the one it was last run with.
pub(crate) fn discriminate(arguments: &DiscriminateArguments) -> anyhow::Result<ExitStatus> {
    let (path, spec) = folder_and_spec(arguments)?;
    let record = StudyRecord::read(&path)?.with_context(|| {
        format!(
            "{}: no output of cntflow here; measure first",
            path.display()
        )
    })?;
    let spec = spec
        .or_else(|| record.discriminate.clone())
        .unwrap_or_default();
    let folder = StudyFolder::read_only(&path);
    let progress = arguments.output.progress();
    let result = discriminate_folder(&folder, &record, &spec, progress)?;
    if arguments.output.json {
        printer::json(&discrimination::json(&result));
    } else {
        printer::result(&discrimination::text(&result));
    }
    Ok(ExitStatus::Done)
}

/// The output folder, and the spec of the study file if there is one.
fn folder_and_spec(
    arguments: &DiscriminateArguments,
) -> anyhow::Result<(PathBuf, Option<DiscriminateSpec>)> {
    let is_folder = arguments.study.is_dir() || Folder::at(&arguments.study).is_remote();
    if is_folder && arguments.out.is_some() {
        return Err(UsageError("--out needs a study file, not a folder".to_owned()).into());
    }
    if is_folder {
        return Ok((arguments.study.clone(), None));
    }
    let plan = Plan::read(&arguments.study)?;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| plan.default_folder());
    Ok((out, plan.discriminate))
}
