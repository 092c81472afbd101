//! `study.json`: what an output folder records of its study.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cntflow_catalog::LabelColumn;
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_storage::store::{Folder, ObjectStores};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::differences::{key_differences, option_differences, options_by_name, value_differences};
use super::file_names::STUDY_FILE;
use crate::study::measure_plan::STRONGEST_LINKS_KEY;
use crate::study::populations::PopulationsSpec;
use crate::study::scale::Scale;

/// The study whose output is in a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StudyRecord {
    /// Version of cntflow that wrote the record.
    pub(crate) cntflow: String,
    /// Name of the study.
    pub(crate) name: String,
    /// See `Plan::identity`.
    pub(crate) identity: String,
    /// The scale of the study; `small` of a study without scales.
    #[serde(default)]
    pub(crate) scale: Scale,
    /// What is in the folder.
    #[serde(default, skip_serializing_if = "Contents::is_study")]
    pub(crate) contents: Contents,
    /// See `MeasurePlan::measured_with`.
    pub(crate) measured_with: String,
    /// How networks are grouped into populations, if at all.
    #[serde(default)]
    pub(crate) populations: Option<PopulationsSpec>,
    /// See `Plan::identity_keys`; none in exports, and in records of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) identity_keys: BTreeMap<String, Value>,
    /// Label columns of the table `networks`.
    pub(crate) labels: Vec<LabelColumn>,
    /// Aliases of label columns, as of the latest run.
    #[serde(default)]
    pub(crate) label_aliases: BTreeMap<String, String>,
    /// The experiments, as of the latest run.
    #[serde(default)]
    pub(crate) experiments: Vec<ExperimentSpec>,
}

/// What is in an output folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contents {
    /// All output of a study.
    #[default]
    Study,
    /// Tables for publication, which are only read: see `cntflow export`.
    Export,
    /// Results of experiments on the tables of another folder.
    Experiments {
        /// That folder, or its URL.
        tables: PathBuf,
    },
}

impl Contents {
    fn is_study(&self) -> bool {
        *self == Self::Study
    }

    /// Whether both are of one kind.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Study => f.write_str("the output of a study"),
            Self::Export => f.write_str("an export, which is only read (--tables)"),
            Self::Experiments { tables } => {
                write!(f, "experiments on the tables in {}", tables.display())
            }
        }
    }
}

impl StudyRecord {
    /// Keys and values that are stored in every part of the tables.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        [
            ("cntflow.version", &self.cntflow),
            ("cntflow.study", &self.name),
            ("cntflow.identity", &self.identity),
            ("cntflow.measured_with", &self.measured_with),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect()
    }

    /// How many of the strongest links of each layer are in the table `links`.
    pub(crate) fn strongest_links(&self) -> u64 {
        let number = self.identity_keys.get(STRONGEST_LINKS_KEY);
        number.and_then(Value::as_u64).unwrap_or(0)
    }

    /// Whether the networks were measured over a probe.
    pub(crate) fn has_probe(&self) -> bool {
        let options = options_by_name(&self.measured_with);
        options.get("probe").is_some_and(|probe| !probe.is_null())
    }

    /// Whether the other record is of the same study at another scale.
    pub(crate) fn is_other_scale(&self, other: &Self) -> bool {
        self.name == other.name && self.scale != other.scale
    }

    /// The record of a folder (a path or a URL); `None` if it has none.
    ///
    /// # Errors
    /// The record cannot be read.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let folder = Folder::at(folder);
        let Some(text) = folder.read(STUDY_FILE)? else {
            return Ok(None);
        };
        let record = serde_json::from_slice(&text).with_context(|| {
            let path = folder.path_of(STUDY_FILE);
            format!("{}: not written by this version of cntflow", path.display())
        })?;
        Ok(Some(record))
    }

    /// Makes sure that a folder still has its record. Whatever is written into a folder without one
    /// would be refused by the command that goes on.
    ///
    /// # Errors
    /// The folder was removed, or its record; an object store cannot be reached.
    pub(super) fn require(folder: &Path) -> anyhow::Result<()> {
        let is_there = match Folder::at(folder) {
            Folder::Local(path) => path.join(STUDY_FILE).is_file(),
            Folder::Remote(url) => ObjectStores::of_process()?
                .head(&format!("{url}/{STUDY_FILE}"))?
                .is_some(),
        };
        if !is_there {
            bail!(
                "{}: the output folder was removed while this run was writing to it; what was not \
                 saved before is lost",
                folder.display()
            );
        }
        Ok(())
    }

    /// Writes the record of a folder, complete or not at all.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        Folder::at(folder)
            .write::<std::io::Error>(STUDY_FILE, |file| file.write_all(text.as_bytes()))?;
        Ok(())
    }

    /// How the options that this study measures with differ from others, see
    /// `MeasurePlan::measured_with`: `name ours instead of theirs` for each.
    pub(crate) fn differences_to_options(&self, measured_with: &str) -> Vec<String> {
        option_differences(&self.measured_with, measured_with)
    }

    /// How this study differs from another one, as far as the records show. Continues the words
    /// "this study ...".
    pub(super) fn difference_to(&self, other: &Self) -> String {
        let mut differences = option_differences(&self.measured_with, &other.measured_with);
        let populations = |record: &Self| match &record.populations {
            Some(spec) => serde_json::to_value(spec).unwrap_or_default(),
            None => Value::Null,
        };
        differences.extend(value_differences(
            "[populations]",
            &populations(self),
            &populations(other),
        ));
        // Records of older versions have no keys.
        let have_keys = !self.identity_keys.is_empty() && !other.identity_keys.is_empty();
        if have_keys {
            differences.extend(key_differences(&self.identity_keys, &other.identity_keys));
        }
        if self.name != other.name {
            let [ours, theirs] = [self, other].map(|record| Value::from(record.name.as_str()));
            differences.extend(value_differences("name", &ours, &theirs));
        }
        if differences.is_empty() && have_keys {
            "has the same keys, but another version of cntflow made other runs of them".to_owned()
        } else if differences.is_empty() {
            "has other runs or sources, or other values of neurons, run, step or metadata; which, \
             an older version of cntflow did not record"
                .to_owned()
        } else {
            format!("differs in: {}", differences.join("; "))
        }
    }
}
