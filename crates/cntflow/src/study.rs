//! The study file and the plan made of it. Everything after this module works with the plan alone.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cntflow_catalog::CatalogOptions;
use cntflow_discriminate::DiscriminateSpec;
use cntflow_metrics::{
    Bias, Boundary, ConvGraph, MeasureOptions, Metric, Padding, Precision, Residual,
};
use cntflow_storage::Limits;
use cntflow_tables::SCHEMA_VERSION;
use cntflow_zoo::{PopulationSpec, RunSpec};
use serde::{Deserialize, Serialize};

use crate::args::{Digest, Neurons};
use crate::exit::UsageError;
use crate::limit_setting::LimitsSection;
use crate::populations::{Populations, PopulationsSection};
use crate::probe::{Probe, ProbeSpec};

/// A study file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyFile {
    study: StudySection,
    population: Option<PopulationSpec>,
    #[serde(default)]
    measure: MeasureSection,
    #[serde(default)]
    limits: LimitsSection,
    populations: Option<PopulationsSection>,
    discriminate: Option<DiscriminateSpec>,
}

/// `[study]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudySection {
    /// Name of the study and of its default output folder.
    name: String,
    /// What it is for; not read by the program.
    #[serde(default, rename = "description")]
    _description: String,
}

/// `[measure]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MeasureSection {
    /// Checkpoints measured beside those of the population, relative to the current folder.
    sources: Vec<String>,
    /// Columns of the sources that are run and step, and a table of metadata, relative to the current folder.
    run: Option<String>,
    step: Option<String>,
    metadata: Option<PathBuf>,
    probe: Option<String>,
    neurons: Neurons,
    metrics: Option<Vec<Metric>>,
    bias: Bias,
    boundary: Boundary,
    padding: Padding,
    conv_graph: ConvGraph,
    fold_norm: Option<bool>,
    residual: Residual,
    precision: Precision,
}

/// What is to be done, checked: nothing in it can be wrong but the files it names.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the study.
    pub(crate) name: String,
    /// Runs to train, in the order of their names.
    pub(crate) runs: Vec<RunSpec>,
    /// Checkpoints to measure beside those of the runs.
    pub(crate) sources: Vec<String>,
    /// How these become a catalog.
    pub(crate) catalog: CatalogOptions,
    /// How to measure.
    pub(crate) measure: MeasurePlan,
    /// How to discriminate, if at all.
    pub(crate) discriminate: Option<DiscriminateSpec>,
}

/// How checkpoints are measured.
#[derive(Clone, Debug)]
pub(crate) struct MeasurePlan {
    /// Options of the metrics.
    pub(crate) options: MeasureOptions,
    /// Inputs for the data-dependent metrics.
    pub(crate) probe: Option<Probe>,
    /// Whether to write the table `neurons`.
    pub(crate) neurons: Neurons,
    /// The populations that networks are gathered into, if any.
    pub(crate) populations: Option<Populations>,
    /// What identifies the content of a checkpoint.
    pub(crate) digest: Digest,
    /// What files may ask for. They are no part of what tells studies apart: a file may be tried again with others.
    pub(crate) limits: Limits,
}

/// What tells two ways of measuring apart: kept with the tables and with every classifier trained on them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MeasuredWith {
    /// Options of the metrics.
    pub(crate) options: MeasureOptions,
    /// `DATASET:split:n`.
    pub(crate) probe: Option<String>,
    /// Digest of the probe's images and labels.
    pub(crate) probe_digest: Option<String>,
}

impl Plan {
    /// Reads and checks a study file.
    ///
    /// # Errors
    /// The file cannot be read; an unknown or wrong key, with its line and what is allowed.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let usage = |reason: String| UsageError(format!("{}: {reason}", path.display()));
        let text = fs_err::read_to_string(path).map_err(|error| UsageError(error.to_string()))?;
        let file: StudyFile = toml::from_str(&text)
            .map_err(|error| usage(error.to_string().trim_end().to_owned()))?;
        let name = file.study.name;
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(usage(format!(
                "study.name '{name}' cannot be the name of a folder"
            ))
            .into());
        }
        if file.population.is_none() && file.measure.sources.is_empty() {
            return Err(
                usage("neither a [population] to train nor [measure] sources".to_owned()).into(),
            );
        }
        if let Some(spec) = &file.discriminate {
            spec.check()
                .map_err(|error| usage(format!("[discriminate] {error}")))?;
        }
        let runs = file
            .population
            .map(|population| population.draw())
            .transpose();
        let runs = runs
            .map_err(|error| usage(format!("[population] {error}")))?
            .unwrap_or_default();
        let mut measure = MeasurePlan::from_section(&file.measure)
            .map_err(|error| usage(format!("[measure] {error:#}")))?;
        measure.limits = file.limits.limits().map_err(usage)?;
        let populations = file.populations.map(|section| {
            let measured = &measure.options.metrics;
            Populations::from_section(section, measured, measure.probe.is_some())
        });
        measure.populations = populations
            .transpose()
            .map_err(|error| usage(format!("[populations] {error}")))?;
        Ok(Self {
            name,
            runs,
            catalog: CatalogOptions {
                run: file.measure.run,
                step: file.measure.step,
                metadata: file.measure.metadata,
            },
            sources: file.measure.sources,
            measure,
            discriminate: file.discriminate,
        })
    }

    /// Where the study's output lies if nothing else is said.
    pub(crate) fn default_folder(&self) -> PathBuf {
        Path::new("runs").join(&self.name)
    }

    /// What makes two studies the same: what is trained, what is measured, and how. Neither the number of workers nor how classifiers
    /// are evaluated belongs to it.
    ///
    /// # Errors
    /// The parts cannot be written as JSON (a bug).
    pub(crate) fn identity(&self) -> anyhow::Result<String> {
        let mut parts = serde_json::to_string(&(
            &self.name,
            &self.runs,
            &self.sources,
            self.measure.measured_with(),
            self.measure.neurons,
            SCHEMA_VERSION,
        ))?;
        if let Some(populations) = &self.measure.populations {
            parts.push_str(&serde_json::to_string(populations)?);
        }
        if self.catalog != CatalogOptions::default() {
            parts.push_str(&serde_json::to_string(&self.catalog)?);
        }
        Ok(blake3::hash(parts.as_bytes()).to_hex()[..32].to_owned())
    }
}

impl MeasurePlan {
    fn from_section(section: &MeasureSection) -> anyhow::Result<Self> {
        let options = MeasureOptions {
            bias: section.bias,
            boundary: section.boundary,
            padding: section.padding,
            conv_graph: section.conv_graph,
            fold_norm: section.fold_norm.unwrap_or(true),
            residual: section.residual,
            precision: section.precision,
            ..MeasureOptions::default()
        };
        let metrics = section
            .metrics
            .clone()
            .unwrap_or_else(|| options.metrics.clone());
        Self::new(
            MeasureOptions { metrics, ..options },
            section.probe.as_deref(),
            section.neurons,
        )
    }

    /// Opens the probe of that name.
    ///
    /// # Errors
    /// The probe is not `DATASET[:split[:n]]` or cannot be opened.
    pub(crate) fn new(
        options: MeasureOptions,
        probe: Option<&str>,
        neurons: Neurons,
    ) -> anyhow::Result<Self> {
        let spec: Option<ProbeSpec> = probe
            .map(str::parse)
            .transpose()
            .map_err(|error| UsageError(format!("probe {error}")))?;
        let probe = spec
            .as_ref()
            .map(Probe::open)
            .transpose()
            .map_err(|error| UsageError(error.to_string()))?;
        Ok(Self {
            options,
            probe,
            neurons,
            populations: None,
            digest: Digest::default(),
            limits: Limits::default(),
        })
    }

    /// The way of measuring that a classifier was trained with.
    ///
    /// # Errors
    /// The probe cannot be opened, or holds other images than it did then.
    pub(crate) fn as_measured_with(text: &str) -> anyhow::Result<Self> {
        let with: MeasuredWith = serde_json::from_str(text)
            .context("the classifier does not tell how its tables were measured")?;
        let plan = Self::new(with.options, with.probe.as_deref(), Neurons::None)?;
        let digest = plan
            .probe
            .as_ref()
            .map(|probe| probe.inputs.digest().to_owned());
        if digest != with.probe_digest {
            let (then, now) = (
                with.probe_digest.unwrap_or_default(),
                digest.unwrap_or_default(),
            );
            anyhow::bail!(
                "the probe {} had digest {then} when the classifier was trained, and has {now} now",
                with.probe.unwrap_or_default()
            );
        }
        Ok(plan)
    }

    /// See [`MeasuredWith`].
    pub(crate) fn measured_with(&self) -> String {
        let with = MeasuredWith {
            options: self.options.clone(),
            probe: self.probe.as_ref().map(|probe| probe.spec.to_string()),
            probe_digest: self
                .probe
                .as_ref()
                .map(|probe| probe.inputs.digest().to_owned()),
        };
        serde_json::to_string(&with).unwrap_or_default()
    }
}
