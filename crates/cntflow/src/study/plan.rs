//! The plan of a study: what to train and measure, and which experiments. It is checked before any
//! work starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cntflow_catalog::CatalogOptions;
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_metrics::MeasureOptions;
use cntflow_tables::OLDEST_SCHEMA_VERSION;
use cntflow_zoo::RunSpec;

use super::measure_plan::{MeasurePlan, distinct_twins};
use super::study_file::{MeasureSection, StudyFile};
use crate::exit::UsageError;

/// A checked study. Only the files that it names can still be wrong.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the study.
    pub(crate) name: String,
    /// Runs to train, in the order of their names.
    pub(crate) runs: Vec<RunSpec>,
    /// Checkpoints to measure besides those of the runs.
    pub(crate) sources: Vec<String>,
    /// How the sources become a catalog.
    pub(crate) catalog: CatalogOptions,
    /// How to measure.
    pub(crate) measure: MeasurePlan,
    /// Aliases of label columns: our name, then the name in the table `networks`.
    pub(crate) labels: BTreeMap<String, String>,
    /// The experiments, each with a name of its own.
    pub(crate) experiments: Vec<ExperimentSpec>,
}

impl Plan {
    /// Reads and checks a study file.
    ///
    /// # Errors
    /// The file cannot be read; a key is unknown or has a wrong value. The message names the file,
    /// and the line if TOML tells it.
    pub(crate) fn read(path: &Path) -> Result<Self, UsageError> {
        let text = fs_err::read_to_string(path).map_err(|error| UsageError::from_error(&error))?;
        toml::from_str(&text)
            .map_err(|error| UsageError(error.to_string().trim_end().to_owned()))
            .and_then(Self::from_file)
            .map_err(|error| error.with_prefix(&format!("{}: ", path.display())))
    }

    fn from_file(file: StudyFile) -> Result<Self, UsageError> {
        let name = file.study.name;
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(UsageError(format!(
                "study.name '{name}' cannot be the name of a folder"
            )));
        }
        if file.population.is_none() && file.measure.sources.is_empty() {
            return Err(UsageError(
                "neither a [population] to train nor [measure] sources".to_owned(),
            ));
        }
        check_experiments(&file.experiment)?;
        let runs = match file.population {
            Some(population) => population
                .draw()
                .map_err(|error| UsageError::from_error(&error))?,
            None => Vec::new(),
        };
        let mut measure =
            measure_plan(&file.measure).map_err(|error| error.with_prefix("[measure] "))?;
        measure.limits = file
            .limits
            .limits()
            .map_err(|error| error.with_prefix("[limits] "))?;
        if let Some(section) = file.populations {
            let populations = section.into_spec(&measure.options.metrics, measure.probe.is_some());
            measure.populations =
                Some(populations.map_err(|error| error.with_prefix("[populations] "))?);
        }
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
            labels: file.labels,
            experiments: file.experiment,
        })
    }

    /// The output folder unless `--out` names another.
    pub(crate) fn default_folder(&self) -> PathBuf {
        Path::new("runs").join(&self.name)
    }

    /// A digest that is equal for two studies that train and measure the same in the same way.
    ///
    /// The number of workers and the evaluation of classifiers are not part of it.
    ///
    /// # Errors
    /// A part cannot be written as JSON (a bug).
    pub(crate) fn identity(&self) -> anyhow::Result<String> {
        let mut parts = serde_json::to_string(&(
            &self.name,
            &self.runs,
            &self.sources,
            self.measure.measured_with(),
            self.measure.neurons,
            // Not the current schema version: otherwise a newer program could not continue the
            // folder of an older one.
            OLDEST_SCHEMA_VERSION,
        ))?;
        // Keys that earlier versions of cntflow did not have are added only if they are used, so
        // that studies of those versions keep their identity.
        if let Some(populations) = &self.measure.populations {
            parts.push_str(&populations.identity()?);
        }
        if self.catalog != CatalogOptions::default() {
            parts.push_str(&serde_json::to_string(&self.catalog)?);
        }
        Ok(blake3::hash(parts.as_bytes()).to_hex()[..32].to_owned())
    }
}

/// Checks the values of every experiment, and that no two have the same name.
fn check_experiments(experiments: &[ExperimentSpec]) -> Result<(), UsageError> {
    let mut names = BTreeSet::new();
    for spec in experiments {
        let prefix = format!("[[experiment]] '{}': ", spec.name);
        spec.check()
            .map_err(|error| UsageError::from_error(&error).with_prefix(&prefix))?;
        if !names.insert(&spec.name) {
            return Err(UsageError(format!(
                "{prefix}another experiment has this name"
            )));
        }
    }
    Ok(())
}

fn measure_plan(section: &MeasureSection) -> Result<MeasurePlan, UsageError> {
    let defaults = MeasureOptions::default();
    let options = MeasureOptions {
        metrics: section.metrics.clone().unwrap_or(defaults.metrics),
        bias: section.bias,
        boundary: section.boundary,
        padding: section.padding,
        conv_graph: section.conv_graph,
        fold_norm: section.fold_norm.unwrap_or(true),
        residual: section.residual,
        precision: section.precision,
        ..defaults
    };
    let plan = MeasurePlan::new(options, section.probe.as_deref(), section.neurons)?;
    Ok(MeasurePlan {
        twins: distinct_twins(&section.twins),
        ..plan
    })
}
