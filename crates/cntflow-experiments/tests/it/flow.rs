//! The whole flow of an evaluation, without threads.

use std::collections::BTreeMap;
use std::path::Path;

use cntflow_experiments::ExperimentError;
use cntflow_experiments::evaluation::{Evaluation, Experiment, FitRow, Inputs};
use cntflow_experiments::spec::ExperimentSpec;
use cntflow_tables::{Table, TableStore};
use polars::prelude::IntoLazy;

use super::simulated::Tables;

impl Tables {
    pub(crate) fn prepare(&self, spec: &ExperimentSpec) -> Experiment {
        self.try_prepare(spec).unwrap()
    }

    pub(crate) fn try_prepare(&self, spec: &ExperimentSpec) -> Result<Experiment, ExperimentError> {
        let labels = BTreeMap::new();
        let inputs = Inputs {
            networks: self.networks.clone().lazy(),
            layers: self.layers.clone().lazy(),
            twins: BTreeMap::new(),
            labels: &labels,
            measured_with: "defaults",
            has_probe: false,
        };
        Experiment::prepare(&inputs, spec)
    }

    pub(crate) fn evaluate(&self, spec: &ExperimentSpec) -> Evaluation {
        let experiment = self.prepare(spec);
        let fits = run_all(&experiment);
        experiment.evaluate(&fits)
    }
}

/// The fits of all folds, then those of the chosen settings, then those of learning curves.
pub(crate) fn run_all(experiment: &Experiment) -> Vec<FitRow> {
    let run = |tasks: Vec<_>| -> Vec<FitRow> {
        tasks.iter().flat_map(|task| experiment.run(task)).collect()
    };
    let mut fits = run(experiment.fold_tasks());
    let choices = experiment.choose(&fits);
    fits.extend(run(experiment.refit_tasks(&choices)));
    fits.extend(run(experiment.curve_tasks(&choices)));
    fits
}

/// Both families by logistic regression, compared; few draws. `more` are further keys.
pub(crate) fn spec(more: &str) -> ExperimentSpec {
    let keys = format!(
        "name = \"simulated\"\n\
         features = [\"link_weights\", \"tensor_7\"]\n\
         models = [\"logistic_regression\"]\n\
         primary = [\"link_weights > tensor_7\"]\n\
         {more}"
    );
    toml::from_str(&keys).unwrap()
}

/// Writes the tables that another program needs to score an experiment again.
#[allow(dead_code, reason = "the examples use it")]
pub(crate) fn write_tables(experiment: &Experiment, fits: &[FitRow], folder: &Path) {
    let evaluation = experiment.evaluate(fits);
    let tables = TableStore::new(folder).experiment(&experiment.spec.name);
    let features = experiment.feature_frame().unwrap();
    tables.write_features(&features, &[]).unwrap();
    for (table, frame) in [
        (Table::Folds, experiment.fold_frame()),
        (Table::Scores, experiment.score_frame(&evaluation)),
        (
            Table::Predictions,
            experiment.prediction_frame(fits, &evaluation),
        ),
        (
            Table::Importance,
            experiment.importance_frame(fits, &evaluation),
        ),
    ] {
        tables.write_whole(table, &frame.unwrap(), &[]).unwrap();
    }
}
