//! What an output folder remembers of the study whose output it holds.

use std::path::Path;

use anyhow::Context;
use cntflow_catalog::LabelColumn;
use cntflow_discriminate::DiscriminateSpec;
use cntflow_storage::store::Folder;
use serde::{Deserialize, Serialize};

use crate::populations::Populations;

/// Says whose the folder is; written before anything else, so that a folder with anything in it and without this is not ours.
pub(crate) const STUDY_FILE: &str = "study.json";

/// What is known of the study whose output lies here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StudyRecord {
    /// Version of cntflow that made the folder.
    pub(crate) cntflow: String,
    /// Name of the study.
    pub(crate) name: String,
    /// See `Plan::identity`.
    pub(crate) identity: String,
    /// How checkpoints are measured here.
    pub(crate) measured_with: String,
    /// The populations that networks are gathered into, if any.
    #[serde(default)]
    pub(crate) populations: Option<Populations>,
    /// Label columns of the table `networks`.
    pub(crate) labels: Vec<LabelColumn>,
    /// How to discriminate, as the study said last.
    pub(crate) discriminate: Option<DiscriminateSpec>,
}

impl StudyRecord {
    /// What every part of the tables says of where it comes from.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        let pairs = [
            ("cntflow.version", &self.cntflow),
            ("cntflow.study", &self.name),
            ("cntflow.identity", &self.identity),
            ("cntflow.measured_with", &self.measured_with),
        ];
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    /// The record of a folder, a path or a URL; `None` where there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let folder = Folder::at(folder);
        let Some(text) = folder.read(STUDY_FILE)? else {
            return Ok(None);
        };
        let record = serde_json::from_slice(&text).with_context(|| {
            let path = folder.path_of(STUDY_FILE);
            format!("{}: not as this version writes it", path.display())
        })?;
        Ok(Some(record))
    }
}

/// In what two studies differ, as far as their records tell.
pub(crate) fn difference(found: &StudyRecord, record: &StudyRecord) -> String {
    if found.measured_with != record.measured_with {
        return format!(
            "measures with {} instead of {}",
            record.measured_with, found.measured_with
        );
    }
    if found.populations != record.populations {
        let [now, then] = [record, found].map(populations);
        return format!("gathers populations {now} instead of {then}");
    }
    "has other runs, sources or tables".to_owned()
}

fn populations(record: &StudyRecord) -> String {
    let text = record.populations.as_ref().map(serde_json::to_string);
    text.and_then(Result::ok)
        .unwrap_or_else(|| "of none".to_owned())
}
