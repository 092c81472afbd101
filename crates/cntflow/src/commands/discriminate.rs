//! `cntflow discriminate`.

use std::path::PathBuf;

use anyhow::Context;
use cntflow_discriminate::DiscriminateSpec;
use cntflow_storage::store::Folder;

use crate::args::DiscriminateArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::folder::StudyFolder;
use crate::printer;
use crate::results::discriminate_folder;
use crate::study::Plan;
use crate::study_record::StudyRecord;

/// Trains and evaluates classifiers on the tables of a study, by its file as it stands now or by its output folder.
pub(crate) fn discriminate(arguments: &DiscriminateArguments) -> anyhow::Result<ExitStatus> {
    let (path, said) = folder_and_spec(arguments)?;
    let record = StudyRecord::read(&path)?.with_context(|| {
        format!(
            "{}: no output of cntflow here; measure first",
            path.display()
        )
    })?;
    let spec = said
        .or_else(|| record.discriminate.clone())
        .unwrap_or_default();
    let folder = StudyFolder::read_only(&path);
    let discriminated = discriminate_folder(&folder, &record, &spec, arguments.talk)?;
    if arguments.talk.json {
        printer::json(&discriminated.json());
    } else {
        printer::result(&discriminated.text());
    }
    Ok(ExitStatus::Done)
}

fn folder_and_spec(
    arguments: &DiscriminateArguments,
) -> anyhow::Result<(PathBuf, Option<DiscriminateSpec>)> {
    if arguments.study.is_dir() || Folder::at(&arguments.study).is_remote() {
        return match &arguments.out {
            None => Ok((arguments.study.clone(), None)),
            Some(_) => {
                Err(UsageError("--out goes with a study file, not with a folder".to_owned()).into())
            }
        };
    }
    let plan = Plan::read(&arguments.study)?;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| plan.default_folder());
    Ok((out, plan.discriminate))
}
