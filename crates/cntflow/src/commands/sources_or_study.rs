//! The plan of a command that takes either a study file or sources.

use std::path::Path;

use super::measure::{is_study_file, source_plan};
use crate::args::StudyOrSources;
use crate::exit::UsageError;
use crate::study::plan::Plan;

/// The plan of a study file, or of sources.
///
/// # Errors
/// Both are given, or several studies; the study file is wrong; options say how to measure a study.
pub(super) fn sources_or_study(arguments: &StudyOrSources) -> Result<Plan, UsageError> {
    let sources = arguments.source.as_slice();
    let settings = &arguments.settings;
    match (sources.iter().filter(is_study_file).count(), sources) {
        (0, sources) => source_plan(sources, settings),
        (1, [study]) => {
            if !settings.are_default() {
                let message = format!("{study}: a study file says how to measure; options cannot");
                return Err(UsageError(message));
            }
            Plan::read_at(Path::new(study), arguments.scale.named(), &[])
        }
        _ => Err(UsageError(
            "either one study file, or sources: not both, and not several studies".to_owned(),
        )),
    }
}
