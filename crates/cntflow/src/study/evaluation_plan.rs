//! What a study evaluates on tables that exist. Nothing is drawn, and no data set is opened: who
//! has the tables need not have the images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cntflow_experiments::spec::ExperimentSpec;

use super::plan::{check_experiments, check_named_scale, default_folder, is_folder_name};
use super::scale::Scale;
use super::study_file::StudyFile;
use crate::exit::UsageError;

/// The experiments of a study file, and what is told of them.
#[derive(Clone, Debug)]
pub(crate) struct EvaluationPlan {
    /// Name of the study.
    pub(crate) name: String,
    /// What the study claims.
    pub(crate) claim: Option<String>,
    /// Name of the study whose published tables it is evaluated on: its own, unless it says so.
    pub(crate) tables_of: String,
    /// The scale that the file was read at; `None` if it has no scales.
    pub(crate) scale: Option<Scale>,
    /// Aliases of label columns: our name, then the name in the table `networks`.
    pub(crate) labels: BTreeMap<String, String>,
    /// The experiments, each with a name of its own.
    pub(crate) experiments: Vec<ExperimentSpec>,
    /// Whether the study compares populations as well.
    pub(crate) has_populations: bool,
}

impl EvaluationPlan {
    /// Reads a study file, with its values for a scale, and checks its experiments.
    ///
    /// # Errors
    /// The file cannot be read; a key is unknown, or one of an experiment has a wrong value. The
    /// message names the file.
    pub(crate) fn read(path: &Path, scale: Scale) -> Result<Self, UsageError> {
        let (file, scale) = StudyFile::read(path, scale)?;
        check_experiments(&file.experiment)
            .map_err(|error| error.with_prefix(&format!("{}: ", path.display())))?;
        if let Some(name) = &file.study.tables_of
            && !is_folder_name(name)
        {
            let path = path.display();
            let message =
                format!("{path}: study.tables_of '{name}' cannot be the name of a folder");
            return Err(UsageError(message));
        }
        Ok(Self {
            tables_of: file
                .study
                .tables_of
                .unwrap_or_else(|| file.study.name.clone()),
            name: file.study.name,
            claim: file.study.claim,
            scale,
            labels: file.labels,
            experiments: file.experiment,
            has_populations: file.populations.is_some(),
        })
    }

    /// As [`EvaluationPlan::read`], for a scale that the user may have named.
    ///
    /// # Errors
    /// As [`EvaluationPlan::read`]; a scale other than `small` is named, and the study has no
    /// scales.
    pub(crate) fn read_at(path: &Path, named: Option<Scale>) -> Result<Self, UsageError> {
        let plan = Self::read(path, named.unwrap_or_default())?;
        check_named_scale(path, named, plan.scale)?;
        Ok(plan)
    }

    /// The output folder unless `--out` names another.
    pub(crate) fn default_folder(&self) -> PathBuf {
        default_folder(&self.name, self.scale)
    }
}
