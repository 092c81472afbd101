//! The keys of a study file (TOML) as they are written. `plan.rs` checks them.
//!
//! Sections with a type elsewhere: `[limits]` in `limits.rs`, `[populations]` in `populations.rs`,
//! `[population]` in the crate `cntflow-zoo`, `[[experiment]]` in `cntflow-experiments`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cntflow_experiments::spec::ExperimentSpec;
use cntflow_metrics::{Bias, Boundary, ConvGraph, Metric, Padding, Precision, Residual};
use cntflow_network::Twin;
use cntflow_zoo::PopulationSpec;
use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeTable, Deserializer};

use super::limits::LimitsSection;
use super::measure_plan::{Against, NeuronRows};
use super::populations_section::PopulationsSection;
use super::scale::{Scale, resolve_scales};
use crate::exit::UsageError;

/// A whole study file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StudyFile {
    pub(super) study: StudySection,
    /// `[population]`: the networks to train.
    pub(super) population: Option<PopulationSpec>,
    #[serde(default)]
    pub(super) measure: MeasureSection,
    #[serde(default)]
    pub(super) limits: LimitsSection,
    /// `[populations]`: which networks are compared with each other.
    pub(super) populations: Option<PopulationsSection>,
    /// Aliases of label columns: our name, then the name in the table `networks`.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) experiment: Vec<ExperimentSpec>,
    /// `[population]` as it is written, with its values of the scale.
    #[serde(skip)]
    pub(super) written_population: Option<Value>,
}

/// The sections that are kept as they are written.
#[derive(Deserialize)]
struct WrittenSections {
    population: Option<Value>,
}

impl StudyFile {
    /// Reads a study file with its values for a scale. Returns the scale if it changes anything.
    ///
    /// # Errors
    /// The file cannot be read; a key is unknown or has a value of another type. The message names
    /// the file, and the line if TOML tells it.
    pub(super) fn read(path: &Path, scale: Scale) -> Result<(Self, Option<Scale>), UsageError> {
        let text = read_text(path)?;
        let usage_error = |mut error: toml::de::Error| {
            error.set_input(Some(&text));
            let message = error.to_string();
            UsageError(format!("{}: {}", path.display(), message.trim_end()))
        };
        let mut table = DeTable::parse(&text).map_err(usage_error)?;
        let has_scales = resolve_scales(table.get_mut(), scale).map_err(usage_error)?;
        let mut file = Self::deserialize(Deserializer::from(table.clone())).map_err(usage_error)?;
        let written = WrittenSections::deserialize(Deserializer::from(table));
        file.written_population = written.map_err(usage_error)?.population;
        Ok((file, has_scales.then_some(scale)))
    }
}

/// The text of a study file.
fn read_text(path: &Path) -> Result<String, UsageError> {
    let file = path.display();
    if path.is_dir() {
        return Err(UsageError(format!(
            "{file}: a folder, where a study file (TOML) should be; for the checkpoints in a folder: \
             cntflow measure {file}"
        )));
    }
    fs_err::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => UsageError(format!(
            "{file}: no such file; check the name of the study file (TOML)"
        )),
        _ => UsageError::from_error(&error),
    })
}

/// `[study]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StudySection {
    /// Name of the study and of its default output folder.
    pub(super) name: String,
    /// What the study claims, in a sentence. It is printed, and no part of the study's identity.
    pub(super) claim: Option<String>,
    /// Another study, whose population this one has too: its published tables serve both. It is no
    /// part of the study's identity.
    pub(super) tables_of: Option<String>,
    /// What the study is for. The program does not read it.
    #[serde(default, rename = "description")]
    _description: String,
}

/// `[measure]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MeasureSection {
    /// Checkpoints to measure besides those of the population, relative to the current folder.
    pub(super) sources: Vec<String>,
    /// Column of the sources that names the run.
    pub(super) run: Option<String>,
    /// Column of the sources that holds the step.
    pub(super) step: Option<String>,
    /// Table with further labels of the sources, relative to the current folder.
    pub(super) metadata: Option<PathBuf>,
    /// Inputs for the data-dependent metrics: `DATASET[:split[:n]]`.
    pub(super) probe: Option<String>,
    pub(super) neurons: NeuronRows,
    /// How many of the strongest links of each layer get a row in the table `links`.
    pub(super) strongest_links: u16,
    /// Twins that are measured beside every network.
    pub(super) twins: Vec<Twin>,
    pub(super) metrics: Option<Vec<Metric>>,
    /// What checkpoints are compared with.
    pub(super) against: Option<Against>,
    pub(super) bias: Bias,
    pub(super) boundary: Boundary,
    pub(super) padding: Padding,
    pub(super) conv_graph: ConvGraph,
    pub(super) fold_norm: Option<bool>,
    pub(super) residual: Residual,
    pub(super) precision: Precision,
}
