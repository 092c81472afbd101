//! The plan of a study: what to train and measure, and which experiments. It is checked before any
//! work starts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cntflow_catalog::CatalogOptions;
use cntflow_experiments::spec::{ExperimentSpec, FeatureSet};
use cntflow_metrics::{MeasureOptions, Metric};
use cntflow_tables::OLDEST_SCHEMA_VERSION;
use cntflow_zoo::{RunIdentity, RunSpec};
use serde_json::{Value, json};

use super::measure_plan::{
    MOST_STRONGEST_LINKS, MeasurePlan, STRONGEST_LINKS_KEY, distinct_twins, metrics_against,
};
use super::scale::Scale;
use super::study_file::{MeasureSection, StudyFile};
use crate::exit::UsageError;

/// A checked study. Only the files that it names can still be wrong.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Name of the study.
    pub(crate) name: String,
    /// What the study claims, in a sentence.
    pub(crate) claim: Option<String>,
    /// The scale whose values the plan has; `None` if no value of the study has scales.
    pub(crate) scale: Option<Scale>,
    /// `[population]` as it is written, for messages.
    pub(crate) written_population: Option<Value>,
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
    /// Reads and checks a study file, with its values for a scale. `sources`, if there are any,
    /// take the place of those in the file.
    ///
    /// # Errors
    /// The file cannot be read; a key is unknown or has a wrong value. The message names the file,
    /// and the line if TOML tells it.
    pub(crate) fn read(path: &Path, scale: Scale, sources: &[String]) -> Result<Self, UsageError> {
        let (mut file, scale) = StudyFile::read(path, scale)?;
        if !sources.is_empty() {
            file.measure.sources = sources.to_owned();
        }
        let plan = Self::from_file(file)
            .map_err(|error| error.with_prefix(&format!("{}: ", path.display())))?;
        Ok(Self { scale, ..plan })
    }

    /// As [`Plan::read`], for a scale that the user may have named.
    ///
    /// # Errors
    /// As [`Plan::read`]; a scale other than `small` is named, and the study has no scales.
    pub(crate) fn read_at(
        path: &Path,
        named: Option<Scale>,
        sources: &[String],
    ) -> Result<Self, UsageError> {
        let plan = Self::read(path, named.unwrap_or_default(), sources)?;
        check_named_scale(path, named, plan.scale)?;
        Ok(plan)
    }

    fn from_file(file: StudyFile) -> Result<Self, UsageError> {
        let name = file.study.name;
        if !is_folder_name(&name) {
            return Err(UsageError(format!(
                "study.name '{name}' cannot be the name of a folder"
            )));
        }
        if file.population.is_none() && file.measure.sources.is_empty() {
            return Err(UsageError(
                "neither a [population] to train nor [measure] sources; `cntflow run` takes them \
                 with --source"
                    .to_owned(),
            ));
        }
        check_experiments(&file.experiment)?;
        let runs = match file.population {
            Some(population) => population
                .draw()
                .map_err(|error| UsageError::from_error(&error))?,
            None => Vec::new(),
        };
        let mut measure = measure_plan(&file.measure, &file.experiment, &runs)
            .map_err(|error| error.with_prefix("[measure] "))?;
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
            claim: file.study.claim,
            scale: None,
            written_population: file.written_population,
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

    /// The output folder unless `--out` names another, see [`default_folder`].
    pub(crate) fn default_folder(&self) -> PathBuf {
        default_folder(&self.name, self.scale)
    }

    /// A digest that is equal for two studies that train and measure the same in the same way.
    ///
    /// The number of workers and the experiments are not part of it. But the first `global_7` of an
    /// experiment adds a metric to those that are measured.
    ///
    /// # Errors
    /// A part cannot be written as JSON (a bug).
    pub(crate) fn identity(&self) -> anyhow::Result<String> {
        let runs: Vec<RunIdentity<'_>> = self.runs.iter().map(RunSpec::identity).collect();
        let mut parts = serde_json::to_string(&(
            &self.name,
            runs,
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
        if self.measure.options.strongest_links > 0 {
            let strongest_links = self.measure.options.strongest_links;
            parts.push_str(&format!("strongest_links {strongest_links}"));
        }
        if self.catalog != CatalogOptions::default() {
            parts.push_str(&serde_json::to_string(&self.catalog)?);
        }
        Ok(blake3::hash(parts.as_bytes()).to_hex()[..32].to_owned())
    }
}

impl Plan {
    /// What the identity is made of beside the options of the metrics and `[populations]`: by keys
    /// of study files, without those that are not set.
    pub(crate) fn identity_keys(&self) -> BTreeMap<String, Value> {
        let catalog = &self.catalog;
        let strongest_links = Some(self.measure.options.strongest_links).filter(|n| *n > 0);
        let keys = [
            ("[population]", json!(self.written_population)),
            ("sources", json!(self.sources)),
            ("neurons", json!(self.measure.neurons)),
            (STRONGEST_LINKS_KEY, json!(strongest_links)),
            ("run", json!(catalog.run)),
            ("step", json!(catalog.step)),
            ("metadata", json!(catalog.metadata)),
        ];
        let keys = keys.into_iter().filter(|(_, value)| !value.is_null());
        keys.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// Whether a study or its output folder may have this name.
pub(super) fn is_folder_name(name: &str) -> bool {
    !(name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.'))
}

/// The output folder of a study: `runs/NAME`, or `runs/NAME-SCALE` of a larger scale than `small`.
pub(super) fn default_folder(name: &str, scale: Option<Scale>) -> PathBuf {
    let folder = match scale {
        None | Some(Scale::Small) => name.to_owned(),
        Some(scale) => format!("{name}-{scale}"),
    };
    Path::new("runs").join(folder)
}

/// Checks that the scale that a user has named is that of the study.
///
/// # Errors
/// A scale other than `small` is named, and the study has no scales.
pub(super) fn check_named_scale(
    path: &Path,
    named: Option<Scale>,
    of_study: Option<Scale>,
) -> Result<(), UsageError> {
    match named {
        Some(scale) if of_study.unwrap_or_default() != scale => Err(UsageError(format!(
            "{}: --scale {scale}: the study has no scales; a value with scales is written \
             {{ small = A, medium = B, full = C }}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Checks the values of every experiment, and that no two have the same name.
pub(super) fn check_experiments(experiments: &[ExperimentSpec]) -> Result<(), UsageError> {
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

fn measure_plan(
    section: &MeasureSection,
    experiments: &[ExperimentSpec],
    runs: &[RunSpec],
) -> Result<MeasurePlan, UsageError> {
    let defaults = MeasureOptions::default();
    let named = section.metrics.clone();
    let named = named.unwrap_or_else(|| default_metrics(experiments));
    let options = MeasureOptions {
        metrics: metrics_against(section.against, named)?,
        bias: section.bias,
        boundary: section.boundary,
        padding: section.padding,
        conv_graph: section.conv_graph,
        fold_norm: section.fold_norm.unwrap_or(true),
        residual: section.residual,
        precision: section.precision,
        strongest_links: strongest_links(section)?,
        ..defaults
    };
    let datasets = runs.iter().map(|run| run.dataset.as_str()).collect();
    let probe = section.probe.as_deref();
    let plan = MeasurePlan::new(options, probe, section.neurons, &datasets)?;
    Ok(MeasurePlan {
        twins: distinct_twins(&section.twins),
        ..plan
    })
}

/// How many of the strongest links of each layer are kept.
fn strongest_links(section: &MeasureSection) -> Result<u16, UsageError> {
    match section.strongest_links {
        n if n <= MOST_STRONGEST_LINKS => Ok(n),
        n => Err(UsageError(format!(
            "[measure] strongest_links = {n}: {MOST_STRONGEST_LINKS} at most"
        ))),
    }
}

/// The metrics of a study that names none: the defaults, and those on request that its experiments
/// name in their features.
fn default_metrics(experiments: &[ExperimentSpec]) -> Vec<Metric> {
    let mut metrics = Metric::defaults();
    let mut features = experiments.iter().flat_map(|spec| &spec.features);
    if features.any(|features| features.plus.contains(&FeatureSet::Global7)) {
        metrics.push(Metric::AllWeights);
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::evaluation_plan::EvaluationPlan;

    /// The identities are those of the version before the keys `bias_initialisation`, `l2`,
    /// `dropout` and `label_noise`.
    #[test]
    fn studies_without_new_keys_keep_their_identity() {
        let pipelines = Path::new("../../pipelines");
        for (file, identity) in [
            ("quickstart.toml", "064e240a2a52ea0bb9f2c642c328b63d"),
            ("architectures.toml", "683712b81387e95f69e2872884019712"),
        ] {
            let mut plan = Plan::read(&pipelines.join(file), Scale::default(), &[]).unwrap();
            plan.measure.options.strongest_links = 0;
            assert_eq!(plan.identity().unwrap(), identity, "{file}");
            assert!(!plan.identity_keys().contains_key(STRONGEST_LINKS_KEY));
            let measured_with = plan.measure.measured_with();
            plan.measure.options.strongest_links = 24;
            assert_ne!(plan.identity().unwrap(), identity, "{file}");
            assert_eq!(plan.identity_keys()[STRONGEST_LINKS_KEY], 24);
            assert_eq!(
                plan.measure.measured_with(),
                measured_with,
                "no value depends on it"
            );
        }
    }

    #[test]
    fn what_experiments_read_on_request_is_measured() {
        let experiment = |features: &str| {
            let text = format!(r#"{{ "name": "test", "features": ["{features}"] }}"#);
            serde_json::from_str::<ExperimentSpec>(&text).unwrap()
        };
        assert_eq!(default_metrics(&[experiment("cnt")]), Metric::defaults());
        let metrics = default_metrics(&[experiment("cnt"), experiment("norms + global_7")]);
        assert!(metrics.contains(&Metric::AllWeights), "{metrics:?}");
    }

    /// The data sets of larger scales may not be at hand, so these are not drawn.
    #[test]
    fn every_study_is_named_after_its_file_and_can_be_read_at_every_scale() {
        let pipelines = Path::new("../../pipelines");
        let mut n_studies = 0;
        for entry in fs_err::read_dir(pipelines).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            n_studies += 1;
            for scale in [Scale::Small, Scale::Medium, Scale::Full] {
                let plan = EvaluationPlan::read(&path, scale).unwrap();
                assert_eq!(path.file_stem().unwrap().to_str(), Some(&*plan.name));
                assert!(!plan.experiments.is_empty(), "{}", plan.name);
            }
            let sources = ["zoo".to_owned()];
            let plan = Plan::read(&path, Scale::Small, &sources).unwrap();
            assert_eq!(plan.sources, sources);
        }
        assert!(n_studies >= 13, "{n_studies}");
    }
}
