//! An experiment that is ready to be fitted.

use std::collections::BTreeMap;

use cntflow_models::ModelKind;
use polars::prelude::LazyFrame;

use super::candidate::Candidate;
use super::fit_row::FitTask;
use crate::error::{ExperimentError, Result};
use crate::features::{FeatureError, FeatureInputs, FeatureSource, read_features};
use crate::population::Population;
use crate::spec::{
    ExperimentSpec, FeatureChoice, FeatureExpression, FeatureSet, SpecProblem, Transfer, Twin,
};
use crate::split::Splits;
use crate::target::LearnedTarget;

/// The tables that an experiment reads.
pub struct Inputs<'a> {
    /// The table `networks`.
    pub networks: LazyFrame,
    /// The table `layers`.
    pub layers: LazyFrame,
    /// The table `layers` of each twin population.
    pub twins: BTreeMap<Twin, LazyFrame>,
    /// Aliases of label columns: our name, then the name in the table.
    pub labels: &'a BTreeMap<String, String>,
    /// Digest of the options that the tables were measured with.
    pub measured_with: &'a str,
    /// Whether the networks were measured with a probe.
    pub has_probe: bool,
}

/// Everything that fits need: the same in every process that reads the same tables.
#[derive(Debug)]
pub struct Experiment {
    /// The section of the study, with features, models and strata filled in.
    pub spec: ExperimentSpec,
    /// The networks that take part.
    pub population: Population,
    /// Test set and folds.
    pub splits: Splits,
    /// What is fitted, in the order of the tables.
    pub candidates: Vec<Candidate>,
    /// Digest of the measure options.
    pub measured_with: String,
    /// Aliases of label columns, as given: saved models read the same ones.
    pub(crate) labels: BTreeMap<String, String>,
    /// Feature columns of the networks, then of each twin.
    pub(crate) sources: Vec<FeatureSource>,
    /// The target as learned from all training rows.
    pub(crate) target: LearnedTarget,
    /// The target that the test set is judged by: the same, unless it is another population, to
    /// which low and high are relative.
    pub(crate) test_target: LearnedTarget,
    /// The target as learned in each fold of each repeat.
    pub(crate) fold_targets: Vec<Vec<LearnedTarget>>,
}

impl Experiment {
    /// Reads the tables and prepares everything that does not need a fit.
    ///
    /// # Errors
    /// A wrong value of the spec; a column or a metric is missing; too few networks or groups; a
    /// target that does not vary; any error of Polars.
    pub fn prepare(inputs: &Inputs<'_>, spec: &ExperimentSpec) -> Result<Self> {
        spec.check()?;
        let mut spec = spec.clone();
        let population = Population::read(inputs.networks.clone(), &spec, inputs.labels)?;
        let uses_default_features = spec.features.is_empty();
        fill_defaults(&mut spec, &population, inputs.has_probe);
        spec.check_measured(inputs.has_probe, |twin| inputs.twins.contains_key(&twin))?;
        let has_untrained = population.untrained.iter().any(Option::is_some);
        if spec.controls.contains(&Twin::Untrained) && !has_untrained {
            return Err(ExperimentError::NothingUntrained);
        }
        let splits = Splits::draw(&population, &spec.protocol)?;
        let learn = |rows: &[usize]| LearnedTarget::learn(&spec.target, &population.target, rows);
        let target = learn(&splits.training);
        require_variation(&spec, &population, &splits, &target)?;
        let fold_targets = splits
            .repeats
            .iter()
            .map(|folds| folds.iter().map(|fold| learn(&fold.fitting)).collect())
            .collect();
        let sources = read_sources(inputs, &mut spec, &population, uses_default_features)?;
        let candidates = candidates(&spec, &population, &sources);
        require_choices(&spec, &candidates)?;
        let mut experiment = Self {
            measured_with: inputs.measured_with.to_owned(),
            labels: inputs.labels.clone(),
            spec,
            population,
            splits,
            candidates,
            sources,
            test_target: target.clone(),
            target,
            fold_targets,
        };
        if let Some(Transfer::Conditions { .. }) = experiment.spec.transfer {
            experiment.test_target = experiment.target_of(&experiment.splits.test);
        }
        Ok(experiment)
    }

    /// The tasks of the cross-validation: every candidate on every fold.
    pub fn fold_tasks(&self) -> Vec<FitTask> {
        let mut tasks = Vec::new();
        for (candidate, _) in self.fitted_candidates() {
            for (repeat, folds) in self.splits.repeats.iter().enumerate() {
                tasks.extend((0..folds.len()).map(|fold| FitTask::Fold {
                    candidate,
                    repeat: repeat as u32,
                    fold: fold as u32,
                }));
            }
        }
        tasks
    }

    /// All candidates but `majority`, with their indices.
    pub(crate) fn fitted_candidates(&self) -> impl Iterator<Item = (u32, &Candidate)> {
        let indexed = self.candidates.iter().enumerate();
        indexed
            .filter(|(_, candidate)| candidate.model.is_some())
            .map(|(index, candidate)| (index as u32, candidate))
    }

    /// Relative cost of a task, to balance the work between processes.
    pub fn cost(&self, task: &FitTask) -> f64 {
        let candidate = &self.candidates[task.candidate() as usize];
        let n_settings = candidate.model.map_or(0, |model| model.settings().len());
        let n_training = self.splits.training.len();
        let n_rows = match *task {
            FitTask::Fold { .. } => n_settings * n_training,
            FitTask::Refit { .. } => n_training,
            // Most groups are of one network.
            FitTask::Curve { n_groups, .. } => n_training.min(n_groups as usize),
        };
        (n_rows * candidate.columns.len().max(1)) as f64
    }
}

/// Fills in the keys whose default depends on the tables.
fn fill_defaults(spec: &mut ExperimentSpec, population: &Population, has_probe: bool) {
    if spec.features.is_empty() {
        spec.features = default_features(has_probe, !population.hyperparameters.is_empty());
    }
    if spec.models.is_empty() {
        spec.models = if spec.target.has_classes() {
            vec![ModelKind::LogisticRegression, ModelKind::RandomForest]
        } else {
            vec![ModelKind::ElasticNet, ModelKind::RegressionForest]
        };
    }
    spec.hyperparameters
        .get_or_insert_with(|| names(&population.hyperparameters));
    spec.strata.get_or_insert_with(|| names(&population.strata));
}

fn names<T>(columns: &[(String, T)]) -> Vec<String> {
    columns.iter().map(|(name, _)| name.clone()).collect()
}

/// The default feature sets: baselines, families of metrics, and unions.
fn default_features(has_probe: bool, has_hyperparameters: bool) -> Vec<FeatureExpression> {
    use FeatureSet as S;
    let mut features = vec![FeatureExpression::of(S::Majority)];
    if has_hyperparameters {
        features.push(FeatureExpression::of(S::Hyperparameters));
    }
    let sets = [
        S::Norms,
        S::Last7,
        S::Tensor7,
        S::LinkWeights,
        S::Strengths,
        S::Wiring,
        S::CntWithoutBiases,
        S::Cnt,
    ];
    features.extend(sets.map(FeatureExpression::of));
    for family in [S::LinkWeights, S::Strengths, S::Wiring] {
        let mut without = FeatureExpression::of(S::Cnt);
        without.minus.insert(family);
        features.push(without);
    }
    features.push(FeatureExpression::union(S::Cnt, S::Tensor7));
    if has_hyperparameters {
        features.push(FeatureExpression::union(S::Cnt, S::Hyperparameters));
    }
    if has_probe {
        let sets = [S::ProbeConfidence, S::ProbeAccuracy, S::DataDependent];
        features.extend(sets.map(FeatureExpression::of));
        features.push(FeatureExpression::union(S::Cnt, S::DataDependent));
    }
    features
}

/// Refuses a target with one class, or with a class that cannot be on both sides of the split.
fn require_variation(
    spec: &ExperimentSpec,
    population: &Population,
    splits: &Splits,
    target: &LearnedTarget,
) -> Result<()> {
    let classes = target.class_names();
    if classes.is_empty() {
        let values = population.target.order_values();
        let first = values[splits.training[0]];
        let varies = splits.training.iter().any(|&row| values[row] != first);
        return if varies {
            Ok(())
        } else {
            Err(ExperimentError::ConstantTarget {
                what: format!("every {} is {first}", spec.target.label()),
            })
        };
    }
    // Two groups of a class in the training set let each be in another fold.
    let needed = 2;
    for (class, name) in classes.iter().enumerate() {
        let mut groups: Vec<u32> = splits
            .training
            .iter()
            .filter(|&&row| target.class(&population.target, row) == Some(class as u32))
            .map(|&row| population.groups[row])
            .collect();
        groups.sort_unstable();
        groups.dedup();
        if groups.len() < needed {
            return Err(ExperimentError::TooFewGroupsOfClass {
                class: name.clone(),
                n_groups: groups.len(),
                needed,
            });
        }
    }
    if classes.len() < 2 {
        return Err(ExperimentError::ConstantTarget {
            what: format!("every {} is {}", spec.target.label(), classes[0]),
        });
    }
    Ok(())
}

/// The feature columns of the networks, then of each twin population. Default features whose
/// metrics were not measured leave the spec; those that the study names are an error.
fn read_sources(
    inputs: &Inputs<'_>,
    spec: &mut ExperimentSpec,
    population: &Population,
    may_drop: bool,
) -> Result<Vec<FeatureSource>> {
    let representation = spec.representation;
    let layer_choice = spec.layers;
    let source = |layers: LazyFrame, checkpoints: &[String], features: &[FeatureExpression]| {
        let inputs = FeatureInputs {
            networks: inputs.networks.clone(),
            layers: layer_choice.select(layers),
            checkpoints,
            steps: &population.steps,
            hyperparameters: &population.hyperparameters,
        };
        read_features(&inputs, representation, features)
    };
    let real = loop {
        match source(
            inputs.layers.clone(),
            &population.checkpoints,
            &spec.features,
        ) {
            Ok(real) => break real,
            Err(FeatureError::NotMeasured { set, .. }) if may_drop && spec.features.len() > 1 => {
                let has_set = |features: &FeatureExpression| {
                    features.plus.iter().any(|other| other.name() == set)
                };
                spec.features.retain(|features| !has_set(features));
            }
            Err(error) => return Err(error.into()),
        }
    };
    let mut sources = vec![real];
    let measured: Vec<FeatureExpression> = spec
        .features
        .iter()
        .filter(|features| features.is_measured())
        .cloned()
        .collect();
    for twin in &spec.controls {
        let (layers, checkpoints) = match inputs.twins.get(twin) {
            Some(layers) => (layers.clone(), population.checkpoints.clone()),
            None => {
                let untrained = population.untrained.iter().cloned();
                let names = untrained.map(Option::unwrap_or_default);
                (inputs.layers.clone(), names.collect())
            }
        };
        sources.push(source(layers, &checkpoints, &measured)?);
    }
    Ok(sources)
}

/// Every feature expression with every kind of model, of the networks and of each twin.
fn candidates(
    spec: &ExperimentSpec,
    population: &Population,
    sources: &[FeatureSource],
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let twins = std::iter::once(None).chain(spec.controls.iter().copied().map(Some));
    for (source, twin) in twins.enumerate() {
        for features in &spec.features {
            if twin.is_some() && !features.is_measured() {
                continue;
            }
            let columns = sources[source].columns(features);
            let choice = FeatureChoice {
                features: features.clone(),
                twin,
            };
            if features.is_majority() {
                candidates.push(Candidate {
                    choice,
                    model: None,
                    source,
                    columns: Vec::new(),
                    has_features: vec![true; population.n_rows()],
                });
                continue;
            }
            let has_features = rows_with_any(&sources[source], &columns);
            candidates.extend(spec.models.iter().map(|&model| Candidate {
                choice: choice.clone(),
                model: Some(model),
                source,
                columns: columns.clone(),
                has_features: has_features.clone(),
            }));
        }
    }
    candidates
}

/// Refuses a declared comparison of features that are not evaluated: without it the family would be
/// smaller than declared, and its adjustment too mild.
fn require_choices(spec: &ExperimentSpec, candidates: &[Candidate]) -> Result<()> {
    let is_evaluated = |choice: &FeatureChoice| {
        candidates
            .iter()
            .any(|candidate| candidate.choice == *choice)
    };
    let mut choices = spec
        .primary
        .iter()
        .flatten()
        .flat_map(|pair| [&pair.a, &pair.b]);
    match choices.find(|choice| !is_evaluated(choice)) {
        None => Ok(()),
        Some(unknown) => Err(ExperimentError::Spec {
            key: "primary",
            problem: SpecProblem::UnknownChoice {
                choice: unknown.to_string(),
            },
        }),
    }
}

/// For each row whether any of the columns has a value.
fn rows_with_any(source: &FeatureSource, columns: &[usize]) -> Vec<bool> {
    let values = source.table().values();
    values
        .rows()
        .into_iter()
        .map(|row| columns.iter().any(|&column| row[column].is_finite()))
        .collect()
}
